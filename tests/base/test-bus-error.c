/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Mapped files that are truncated, which raises the same signal as a disk's EIO. */
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
#include "modfetch/process.h"

#define LEN 16384

/* Maps a file of LEN bytes and truncates it to the first half. The caller frees the name. */
static volatile char *half(char *name)
{
	int fd = mkstemp(name);
	char *map;

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, LEN), 0);
	map = mmap(NULL, LEN, PROT_READ, MAP_PRIVATE, fd, 0);
	assert_true(map != MAP_FAILED);
	assert_int_equal(ftruncate(fd, LEN / 2), 0);
	close(fd);
	return map;
}

struct look {
	volatile char *map, *other;
	int seen;
};

static int look_at_both(void *arg)
{
	struct look *look = arg;

	look->seen = 1 + look->map[0];
	look->seen += look->map[LEN - 1] + 1;
	return 7;
}

static int look_at_one(void *arg)
{
	struct look *look = arg;

	return look->map[0] + 7;
}

static int look_at_other(void *arg)
{
	struct look *look = arg;

	return mf_bus_guarded((const void *)look->other, LEN, look_at_both, look);
}

static void a_guard_makes_it_an_error(void **state)
{
	char name[] = "/tmp/test-bus-error.XXXXXX";
	struct look look = { .map = half(name) };

	mf_bus_errors();
	assert_int_equal(mf_bus_guarded((void *)look.map, LEN, look_at_one, &look), 7);
	/* also the second time */
	for (int i = 0; i < 3; i++) {
		look.seen = 0;
		assert_int_equal(mf_bus_guarded((void *)look.map, LEN, look_at_both, &look), -EIO);
		assert_int_equal(look.seen, 1);
	}
	unlink(name);
}

static void the_guard_of_that_map_counts(void **state)
{
	char name[] = "/tmp/test-bus-error.XXXXXX", other[] = "/tmp/test-bus-error.XXXXXX";
	struct look look = { .map = half(name), .other = half(other) };

	mf_bus_errors();
	/* the inner guard is for another map: the handler returns to the outer one */
	assert_int_equal(mf_bus_guarded((void *)look.map, LEN, look_at_other, &look), -EIO);
	/* no guard is left */
	assert_int_equal(mf_bus_guarded((void *)look.map, LEN, look_at_one, &look), 7);
	unlink(name);
	unlink(other);
}

/* The status of a child that reads MAP, and its output on standard error. */
static int status_of_child(struct look *look, char *output, size_t size)
{
	int ends[2], status;
	pid_t pid;
	ssize_t n;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	if (!pid) {
		dup2(ends[1], STDERR_FILENO);
		mf_bus_errors();
		(void)mf_bus_guarded((void *)look->other, LEN, look_at_both, look);
		_exit(0);
	}
	close(ends[1]);
	n = read(ends[0], output, size - 1);
	output[n > 0 ? n : 0] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void without_one_the_process_ends_with_a_line(void **state)
{
	char name[] = "/tmp/test-bus\033error.XXXXXX", other[] = "/tmp/test-bus-error.XXXXXX";
	struct look look = { .map = half(name), .other = half(other) };
	char output[512], expected[512];

	assert_int_equal(status_of_child(&look, output, sizeof(output)), 1);
	/* a file name cannot control a terminal */
	*strchr(name, '\033') = '?';
	snprintf(expected, sizeof(expected),
		 "modfetch: read: %s: cannot be read: Input/output error [EIO]\n", name);
	assert_string_equal(output, expected);
	*strchr(name, '?') = '\033';
	unlink(name);
	unlink(other);
}

static void all_of_a_map_can_be_asked_for(void **state)
{
	char name[] = "/tmp/test-bus-error.XXXXXX";
	volatile char *map = half(name);
	int r;

	assert_int_equal(mf_bus_populate((void *)map, LEN / 2), 0);
	r = mf_bus_populate((void *)map, LEN);
	/* a kernel that does not support it */
	assert_true(r == -EFAULT || r == 0);
	unlink(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_guard_makes_it_an_error),
		UNIT(the_guard_of_that_map_counts),
		UNIT(without_one_the_process_ends_with_a_line),
		UNIT(all_of_a_map_can_be_asked_for),
	};

	return UNIT_RUN(tests);
}
