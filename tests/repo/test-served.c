/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which kernels a repository serves, by its packages. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/cache.h"
#include "tests/primary.h"

/* What a repository of that one package serves, as the lines of the file. */
static void expect_served(struct root *r, const struct primary *package, const char *expected)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int fd;

	assert_int_equal(primary_cache(&r->ctx, "main", package, 1, 1), 0);
	fd = mf_cache_open(&r->ctx, "main", NULL);
	assert_true(fd >= 0);
	assert_int_equal(mf_file_read_at(fd, MF_CACHE_KERNELS, 1000, &text, &len), 0);
	if (strcmp(text, expected) != 0)
		fail_msg("%s %s: %s", package->name, package->evr, text);
	close(fd);
}

static void packages_name_kernels(void **state)
{
	static const struct {
		struct primary package;
		const char *expected;
	} rows[] = {
		{ { "igb-kmp-amd64-6.1.0_56", "1-1" }, "6.1.0-56-amd64\n" },
		{ { "igb-kmp-cloud-amd64-6.1.0_56", "1-1" }, "6.1.0-56-cloud-amd64\n" },
		{ { "igb-kmp-x86_64-5.14.0_427.13.1.el9_4", "1-1" },
		  "5.14.0-427.13.1.el9_4.x86_64\n" },
		{ { "kernel-amd64-image-6.1.0_56", "1-1",
		    "kernel-uname-r=6.1.0-56.amd64 kernel-uname-r=6.1.0-56-amd64" },
		  "6.1.0-56-amd64\n" },
		{ { "kernel-modules-extra", "1-1", "x",
		    "kernel-uname-r=5.14.0-427.13.1.el9_4.x86_64" },
		  "5.14.0-427.13.1.el9_4.x86_64\n" },
		{ { "foo-kmp-default", "1_k6.4.0_150600.21-1", "kmod(foo.ko)" },
		  "~6.4.0-150600.21-default\n" },
		{ { "foo-kmp-default", "1-1", "foo-kmp-default-k6.4.0_150600.21" },
		  "~6.4.0-150600.21-default\n" },
		{ { "foo-kmp-default", "1-1", "kmod(foo.ko)" }, "*\n" },
		{ { "kmod-foo", "1-1", "kmod(foo.ko)" }, "*\n" },
		{ { "bash", "1-1", "bash" }, "" },
		/* names that are no release */
		{ { "y-kmp-../../etc-1", "1-1", "kmod(y.ko)" }, "" },
		{ { "kernel-x", "1-1", "kernel-uname-r=../../x" }, "" },
	};

	for (size_t i = 0; i < N(rows); i++)
		expect_served(*state, &rows[i].package, rows[i].expected);
}

static void a_list_tells_what_it_serves(void **state)
{
	struct root *r = *state;
	int fd = openat(r->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct mf_served served;
	char *text;

	assert_int_equal(mf_served_read(fd, &served), -ENOENT);
	assert_int_equal(served.kernels.n, 0);
	root_write(r, MF_CACHE_KERNELS,
		   "6.1.0-56-amd64\n5.14.0-427.el9_4-x86_64\n~6.4.0-150600.21-default\n");
	assert_int_equal(mf_served_read(fd, &served), 0);
	assert_true(mf_served_has(&served, "6.1.0-56-amd64"));
	assert_true(mf_served_has(&served, "5.14.0-427.el9_4.x86_64"));
	assert_true(mf_served_has(&served, "6.4.0-150600.21-default"));
	assert_false(mf_served_has(&served, "6.1.0-57-amd64"));
	assert_false(mf_served_may_fit(&served, "6.1.0-57-amd64"));
	assert_true(mf_served_may_fit(&served, "6.4.0-150600.23-default"));
	assert_false(mf_served_may_fit(&served, "6.4.0-150600.21-azure"));
	text = mf_served_describe(&served);
	assert_string_equal(text,
			    "6.1.0-56-amd64, 5.14.0-427.el9_4-x86_64, 6.4.0-150600.21-default");
	free(text);
	mf_served_done(&served);
	root_write(r, MF_CACHE_KERNELS,
		   "1.0-1-a\n1.0-2-a\n1.0-3-a\n1.0-4-a\n1.0-5-a\n1.0-6-a\n*\n");
	assert_int_equal(mf_served_read(fd, &served), 0);
	assert_true(mf_served_may_fit(&served, "6.1.0-57-amd64"));
	text = mf_served_describe(&served);
	assert_string_equal(text, "1.0-3-a, 1.0-4-a, 1.0-5-a, 1.0-6-a and 2 more");
	free(text);
	mf_served_done(&served);
	served = (struct mf_served){ 0 };
	text = mf_served_describe(&served);
	assert_string_equal(text, "none");
	free(text);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(packages_name_kernels),
		ROOTED(a_list_tells_what_it_serves),
	};

	return UNIT_RUN(tests);
}
