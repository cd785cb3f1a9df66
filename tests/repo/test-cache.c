/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Generations: built aside, published at once, never touched while in use. */
#include "tests/unit.h"
#include "tests/root.h"
#include "tests/primary.h"
#include "tests/syscalls.h"

#define KMP(stem, tag) stem "-kmp-" tag

static const struct primary packages[] = {
	{ .name = KMP("e1000e", TAG),
	  .evr = "1-1",
	  .provides = "kmod(e1000e.ko)",
	  .supplements = "modalias(kernel-" TAG ":pci:v8086*)" },
	{ .name = KMP("e1000e", "amd64-6.9.0_1"), .evr = "1-1", .provides = "kmod(e1000e.ko)" },
	{ .name = "kernel-amd64-image-6.1.0_56", .evr = "1-1", .provides = "kernel-amd64" },
	{ .name = "kernel-network-driver-all-" TAG, .evr = "1-1" },
	{ .name = "foreign-kmp-default", .evr = "1-1", .provides = "kmod(foreign.ko)" },
};

static bool has(const struct root *r, const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "var/cache/modfetch/test/current/%s", name);
	return !faccessat(r->fd, path, F_OK, 0);
}

static char *generation(const struct root *r)
{
	char target[300];
	ssize_t len =
		readlinkat(r->fd, "var/cache/modfetch/test/current", target, sizeof(target) - 1);

	assert_true(len > 0);
	target[len] = '\0';
	return strdup(target);
}

static void packages_are_kept_by_kernel(void **state)
{
	struct root *r = *state;
	uint8_t digest[MF_SHA256_LEN], want[MF_SHA256_LEN];
	int fd;

	assert_int_equal(mf_cache_open(&r->ctx, "test", NULL), -ENOENT);
	assert_int_equal(primary_cache(&r->ctx, "test", packages, N(packages), 7), 0);
	fd = mf_cache_open(&r->ctx, "test", digest);
	assert_true(fd >= 0);
	close(fd);
	memset(want, 7, sizeof(want));
	assert_memory_equal(digest, want, sizeof(want));
	assert_true(has(r, "packages-" TAG ".solv"));
	assert_true(has(r, "packages-amd64-6.9.0_1.solv"));
	assert_true(has(r, "packages-other.solv"));
	assert_true(has(r, "alias-" TAG ".bin"));
	assert_true(has(r, "name-" TAG ".bin"));
	assert_true(has(r, "name-other.bin"));
	assert_true(has(r, "repomd.xml"));
}

static size_t count(struct root *r, const char *label)
{
	struct mf_pool *pool;
	char name[200];
	int *ids, fd, dirfd = mf_cache_open(&r->ctx, "test", NULL);
	size_t n;

	snprintf(name, sizeof(name), "packages-%s.solv", label);
	fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	close(dirfd);
	assert_int_equal(mf_pool_new("x86_64", &pool), 0);
	assert_int_equal(mf_pool_add_cache(pool, fd, 0, 99), 0);
	close(fd);
	assert_int_equal(mf_pool_list(pool, 0, &ids, &n), 0);
	free(ids);
	mf_pool_free(pool);
	return n;
}

static void each_package_is_in_one_file(void **state)
{
	struct root *r = *state;

	assert_int_equal(primary_cache(&r->ctx, "test", packages, N(packages), 7), 0);
	/* driver, kernel image and pattern */
	assert_int_equal(count(r, TAG), 3);
	assert_int_equal(count(r, "amd64-6.9.0_1"), 1);
	assert_int_equal(count(r, "other"), 1);
}

static void the_generation_in_use_is_not_touched(void **state)
{
	struct root *r = *state;
	_cleanup_free_ char *first = NULL, *second = NULL;
	int fd;

	assert_int_equal(primary_cache(&r->ctx, "test", packages, N(packages), 7), 0);
	first = generation(r);
	fd = mf_cache_open(&r->ctx, "test", NULL);
	/* of the same metadata again, as refresh --force does */
	assert_int_equal(primary_cache(&r->ctx, "test", packages, N(packages), 7), 0);
	second = generation(r);
	assert_string_not_equal(first, second);
	close(fd);
	assert_true(has(r, "stamp"));
}

static size_t entries(const struct root *r)
{
	int fd = openat(r->fd, "var/cache/modfetch/test", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fdopendir(fd);
	struct dirent *e;
	size_t n = 0;

	while ((e = readdir(dir)))
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

static void old_generations_go(void **state)
{
	struct root *r = *state;

	for (unsigned char seed = 1; seed < 6; seed++)
		assert_int_equal(primary_cache(&r->ctx, "test", packages, N(packages), seed), 0);
	/* current, the one in use, and the one before, which another process may be reading */
	assert_int_equal(entries(r), 3);
}

static void whoever_has_opened_a_generation_finds_all_its_files_after_the_next(void **state)
{
	struct root *r = *state;
	int before, fd;

	assert_int_equal(primary_cache(&r->ctx, "test", packages, N(packages), 1), 0);
	before = mf_cache_open(&r->ctx, "test", NULL);
	assert_true(before >= 0);
	assert_int_equal(primary_cache(&r->ctx, "test", packages, N(packages), 2), 0);
	fd = openat(before, "packages-" TAG ".solv", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	close(fd);
	close(before);
}

static int build_one(void *arg)
{
	struct root *r = arg;

	return primary_cache(&r->ctx, "test", packages, N(packages), 3);
}

static void a_generation_and_the_link_to_it_are_on_the_disk(void **state)
{
	_cleanup_free_ char *calls = syscalls_of(build_one, *state);

	assert_true(comes_before(calls, "rename gen-", "rename test current\n"));
	assert_true(comes_before(calls, "rename test current\n", "fsync test\n"));
}

static void what_cannot_be_parsed_leaves_the_old_one(void **state)
{
	struct root *r = *state;
	struct mf_cache_source source = { .repomd = mf_memfile_new("r"),
					  .primary = mf_memfile_new("p") };
	_cleanup_free_ char *before = NULL, *after = NULL;
	struct mf_cache_content content = { .packages = 77 };
	size_t left;

	assert_int_equal(primary_cache(&r->ctx, "test", packages, N(packages), 7), 0);
	before = generation(r);
	left = entries(r);
	assert_int_equal(mf_file_write(source.primary, "<metadata><pack", 15), 0);
	assert_int_equal(mf_cache_build(&r->ctx, "test", &source, &content), -MFE_BAD_METADATA);
	assert_int_equal(r->ctx.failure.code, -MFE_BAD_METADATA);
	assert_int_equal(content.packages, 77);
	after = generation(r);
	assert_string_equal(before, after);
	assert_int_equal(entries(r), left);
	close(source.repomd);
	close(source.primary);
}

static void a_stamp_that_is_not_ours_is_no_cache(void **state)
{
	static const char *const bad[] = { "", "modfetch cache 99 abc\n", "modfetch cache 5 xyz\n",
					   "garbage" };
	struct root *r = *state;

	assert_int_equal(primary_cache(&r->ctx, "test", packages, N(packages), 7), 0);
	for (size_t i = 0; i < N(bad); i++) {
		root_write(r, "var/cache/modfetch/test/current/stamp", bad[i]);
		assert_int_equal(mf_cache_open(&r->ctx, "test", NULL), -ENOENT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(packages_are_kept_by_kernel),
		ROOTED(each_package_is_in_one_file),
		ROOTED(the_generation_in_use_is_not_touched),
		ROOTED(old_generations_go),
		ROOTED(whoever_has_opened_a_generation_finds_all_its_files_after_the_next),
		ROOTED(a_generation_and_the_link_to_it_are_on_the_disk),
		ROOTED(what_cannot_be_parsed_leaves_the_old_one),
		ROOTED(a_stamp_that_is_not_ours_is_no_cache),
	};

	return UNIT_RUN(tests);
}
