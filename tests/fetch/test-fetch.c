/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Promise P19: the verified file is the one that is used. Tests a repository on disk whose file is
 * replaced all the time, by rename and by writing into it; a file that fetch returns and verify
 * accepts is the good one, byte for byte, and cannot be changed afterwards. fetch.py has the tests
 * with a network.
 */
#include "tests/unit.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/fetch.h"
#include "modfetch/file.h"
#include "modfetch/verify.h"

#define SIZE   20000
#define ROUNDS 10000

struct files {
	char dir[64], url[96];
	uint8_t good[SIZE], evil[SIZE];
	uint8_t digest[MF_SHA256_LEN];
};

static int make_files(void **state)
{
	struct files *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/dev/shm/test-fetch.XXXXXX");
	if (!mkdtemp(f->dir)) {
		strcpy(f->dir, "/tmp/test-fetch.XXXXXX");
		assert_non_null(mkdtemp(f->dir));
	}
	assert_return_code(chdir(f->dir), errno);
	snprintf(f->url, sizeof(f->url), "file://%s", f->dir);
	memset(f->good, 'g', SIZE);
	memset(f->evil, 'e', SIZE);
	assert_int_equal(mf_sha256(f->good, SIZE, f->digest), 0);
	*state = f;
	return 0;
}

static int remove_files(void **state)
{
	struct files *f = *state;

	assert_int_equal(mf_tree_remove(AT_FDCWD, f->dir), 0);
	free(f);
	return 0;
}

static void put(const char *name, const uint8_t *data)
{
	_cleanup_close_ int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd < 0 || mf_file_write(fd, data, SIZE) < 0)
		_exit(1);
}

/* Replaces the file for ever: alternately by rename and by writing in place, piece by piece. */
static void swap_for_ever(const struct files *f)
{
	for (unsigned int i = 0;; i++) {
		const uint8_t *data = i & 1 ? f->evil : f->good;

		if (i & 2) {
			put("new", data);
			(void)rename("new", "data");
		} else {
			_cleanup_close_ int fd = open("data", O_WRONLY);

			for (size_t at = 0; fd >= 0 && at < SIZE; at += SIZE / 4)
				(void)!pwrite(fd, data + at, SIZE / 4, (off_t)at);
		}
	}
}

static void each_file_accepted_in_ten_thousand_races_is_the_good_one(void **state)
{
	_cleanup_(mf_context_done) struct mf_context ctx;
	const struct files *f = *state;
	_cleanup_(mf_strings_done) struct mf_strings mirrors = { 0 };
	const struct mf_fetch_request request = { .mirrors = &mirrors,
						  .path = "data",
						  .size = SIZE };
	size_t accepted = 0, refused = 0;
	pid_t pid;

	put("data", f->good);
	assert_int_equal(mf_strings_add(&mirrors, f->url), 0);
	assert_int_equal(mf_context_init(&ctx, NULL, "0-test"), 0);
	pid = fork();
	if (!pid)
		swap_for_ever(f);
	for (size_t i = 0; i < ROUNDS; i++) {
		_cleanup_(mf_fetched_done) struct mf_fetched got = { .fd = -1 };
		_cleanup_free_ char *bytes = NULL;
		size_t len;

		if (mf_fetch(&ctx, &request, 1, &got) < 0 ||
		    mf_verify_bytes(&ctx, "data", got.fd, SIZE, f->digest) < 0) {
			refused++;
			continue;
		}
		accepted++;
		assert_int_equal(mf_file_read(got.fd, SIZE, &bytes, &len), 0);
		assert_int_equal(len, SIZE);
		assert_memory_equal(bytes, f->good, SIZE);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	print_message("%zu accepted, %zu refused\n", accepted, refused);
	/* otherwise there was no race */
	assert_true(accepted > ROUNDS / 100 && refused > ROUNDS / 100);
}

static void a_fetched_file_cannot_be_changed(void **state)
{
	_cleanup_(mf_context_done) struct mf_context ctx;
	const struct files *f = *state;
	_cleanup_(mf_strings_done) struct mf_strings mirrors = { 0 };
	const struct mf_fetch_request request = { .mirrors = &mirrors,
						  .path = "data",
						  .size = SIZE };
	_cleanup_(mf_fetched_done) struct mf_fetched got = { .fd = -1 };
	_cleanup_close_ int again = -1;
	char path[64];

	put("data", f->good);
	assert_int_equal(mf_strings_add(&mirrors, f->url), 0);
	assert_int_equal(mf_context_init(&ctx, NULL, "0-test"), 0);
	assert_int_equal(mf_fetch(&ctx, &request, 1, &got), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", got.fd);
	again = open(path, O_RDWR);
	assert_true(again >= 0); /* root may open it, but not write */
	assert_true(pwrite(again, "x", 1, 0) < 0);
	assert_true(ftruncate(again, 0) < 0);
	assert_true(ftruncate(again, 2 * SIZE) < 0);
	assert_ptr_equal(mmap(NULL, SIZE, PROT_WRITE, MAP_SHARED, again, 0), MAP_FAILED);
	assert_true(fallocate(again, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, SIZE) < 0);
	assert_true(fcntl(again, F_ADD_SEALS, 0) < 0);
	put("data", f->evil);
	assert_int_equal(mf_verify_bytes(&ctx, "data", got.fd, SIZE, f->digest), 0);
}

static void a_file_that_could_still_change_is_not_verified(void **state)
{
	_cleanup_(mf_context_done) struct mf_context ctx;
	const struct files *f = *state;
	_cleanup_close_ int memory = mf_memfile_new("x"), disk = -1;

	assert_int_equal(mf_context_init(&ctx, NULL, "0-test"), 0);
	assert_int_equal(mf_file_write(memory, f->good, SIZE), 0);
	assert_int_equal(mf_verify_bytes(&ctx, "x", memory, SIZE, f->digest), -MFE_FETCH_HELPER);
	put("data", f->good);
	disk = open("data", O_RDONLY);
	assert_int_equal(mf_verify_bytes(&ctx, "x", disk, SIZE, f->digest), -MFE_FETCH_HELPER);
	assert_int_equal(mf_memfile_seal(memory), 0);
	assert_int_equal(mf_verify_bytes(&ctx, "x", memory, SIZE, f->digest), 0);
	assert_int_equal(mf_verify_bytes(&ctx, "x", memory, SIZE + 1, f->digest), -MFE_BAD_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(each_file_accepted_in_ten_thousand_races_is_the_good_one),
		UNIT(a_fetched_file_cannot_be_changed),
		UNIT(a_file_that_could_still_change_is_not_verified),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
