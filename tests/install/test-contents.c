/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Paths that do not lead to the place in their text. Whole packages: road/contents.py. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/array.h"
#include "src/install/contents.h"

#define TREE	 "lib/modules/" KERNEL "/"
#define MAX_KIND 4

enum kind { FILE_, LINK, DIRECTORY };

struct entry {
	enum kind kind;
	const char *path;
};

/* A header with the entries up to the first without a path. */
static struct mf_rpm_header header_of(const char *name, const struct entry *entries,
				      struct mf_rpm_file *files)
{
	static const uint32_t modes[] = { S_IFREG | 0644, S_IFLNK | 0777, S_IFDIR | 0755 };
	struct mf_rpm_header h = { .name = (char *)name, .files = files };

	for (; h.n_files < MAX_KIND && entries[h.n_files].path; h.n_files++)
		files[h.n_files] = (struct mf_rpm_file){
			.path = (char *)entries[h.n_files].path,
			.mode = modes[entries[h.n_files].kind],
			.user = (char *)"root",
			.group = (char *)"root",
			.link = (char *)"x",
		};
	return h;
}

static int check(struct root *r, const struct entry *one, const struct entry *two)
{
	struct mf_rpm_file files[2][MAX_KIND];
	const struct mf_rpm_header a = header_of("one", one, files[0]);
	struct mf_rpm_header b = { 0 };
	const struct mf_rpm_header *headers[] = { &a, &b };

	if (two)
		b = header_of("two", two, files[1]);
	return mf_contents_check(&r->ctx, headers, two ? 2 : 1);
}

static int check_file(struct root *r, const char *path)
{
	const struct entry file[MAX_KIND] = { { FILE_, path } };

	return check(r, file, NULL);
}

static int check_directory(struct root *r, const char *path)
{
	const struct entry directory[MAX_KIND] = { { DIRECTORY, path } };

	return check(r, directory, NULL);
}

static void existing_and_missing_directories_are_accepted(void **state)
{
	struct root *r = *state;

	root_mkdir(r, TREE "updates");
	root_link(r, "/etc", TREE "elsewhere");
	assert_int_equal(check_file(r, "/" TREE "updates/x.ko"), 0);
	assert_int_equal(check_file(r, "/" TREE "extra/deep/x.ko"), 0);
	assert_int_equal(check_file(r, "/lib/firmware/x"), 0);
	assert_int_equal(check_file(r, "/usr/lib/firmware/x"), 0);
	/* owners.c checks a link in the place of the file itself */
	root_link(r, "/etc/passwd", TREE "updates/x.ko");
	assert_int_equal(check_file(r, "/" TREE "updates/x.ko"), 0);
}

static void a_link_among_the_directories_is_refused(void **state)
{
	static const struct {
		const char *target, *link, *path;
	} cases[] = {
		{ "/usr/src/headers", TREE "build", "/" TREE "build/x.ko" },
		{ "build", TREE "source", "/" TREE "source/deep/er/x.ko" },
		{ "/nowhere", TREE "dangling", "/" TREE "dangling/x.ko" },
		{ ".", TREE "self", "/" TREE "self/x.ko" },
		{ "updates", TREE "extra", "/" TREE "extra/x.ko" },
		{ "../6.1.0-57-amd64/extra", TREE "weak-updates", "/" TREE "weak-updates/x.ko" },
		{ "vendor", "lib/firmware/alias", "/lib/firmware/alias/x.bin" },
		{ "/etc", "lib/firmware/etc", "/lib/firmware/etc/deep/x.bin" },
		{ "../../etc/depmod.d", "usr/share/doc", "/usr/share/doc/x.conf" },
		{ "lib/modules", "boot", "/boot/vmlinuz-" KERNEL },
		{ KERNEL, "lib/modules/6.1.0-57-amd64", "/lib/modules/6.1.0-57-amd64/x.ko" },
		{ "loop", "lib/firmware/loop", "/lib/firmware/loop/x" },
	};
	struct root *r = *state;

	root_mkdir(r, TREE "updates");
	root_mkdir(r, "lib/firmware/vendor");
	root_mkdir(r, "usr/share");
	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		root_link(r, cases[i].target, cases[i].link);
		if (check_file(r, cases[i].path) != -MFE_FILE_EXISTS)
			fail_msg("%s", cases[i].path);
		assert_non_null(strstr(r->ctx.failure.why, cases[i].link));
		assert_string_equal(r->ctx.failure.what, "one");
	}
	/* nor may it be listed as a directory */
	assert_int_equal(check_directory(r, "/" TREE "build"), -MFE_FILE_EXISTS);
	assert_int_equal(check_directory(r, "/" TREE "self"), -MFE_FILE_EXISTS);
}

static void a_merged_usr_is_accepted(void **state)
{
	static const char *const targets[] = { "usr/lib", "/usr/lib", "./usr/lib/" };

	for (size_t i = 0; i < MF_ARRAY_SIZE(targets); i++) {
		struct root *r = *state;

		assert_int_equal(mf_tree_remove(r->fd, "lib"), 0);
		root_mkdir(r, "usr/" TREE "updates");
		root_link(r, targets[i], "lib");
		assert_int_equal(check_file(r, "/" TREE "updates/x.ko"), 0);
		assert_int_equal(check_file(r, "/usr/" TREE "updates/x.ko"), 0);
		assert_int_equal(check_directory(r, "/lib"), 0);
		assert_int_equal(check_directory(r, "/" TREE "updates"), 0);
	}
}

static void another_link_at_lib_is_refused(void **state)
{
	struct root *r = *state;

	assert_int_equal(mf_tree_remove(r->fd, "lib"), 0);
	root_mkdir(r, "usr/lib");
	root_mkdir(r, "opt/lib");
	root_link(r, "opt/lib", "lib");
	assert_int_equal(check_file(r, "/" TREE "x.ko"), -MFE_FILE_EXISTS);
	/* and the same in the other order */
	assert_int_equal(unlinkat(r->fd, "lib", 0), 0);
	assert_int_equal(mf_tree_remove(r->fd, "usr"), 0);
	root_mkdir(r, "lib");
	root_mkdir(r, "usr");
	root_link(r, "../lib", "usr/lib");
	assert_int_equal(check_file(r, "/usr/" TREE "x.ko"), -MFE_FILE_EXISTS);
}

static void a_packages_link_among_directories_is_refused(void **state)
{
	static const struct {
		struct entry one[MAX_KIND], two[MAX_KIND];
		int expected;
	} cases[] = {
		{ { { LINK, "/lib/firmware/a" }, { FILE_, "/lib/firmware/a/x" } },
		  { { 0 } },
		  -MFE_FORBIDDEN_FILE },
		{ { { FILE_, "/lib/firmware/a/b/c" }, { LINK, "/lib/firmware/a" } },
		  { { 0 } },
		  -MFE_FORBIDDEN_FILE },
		{ { { LINK, "/lib/firmware/a" } },
		  { { FILE_, "/lib/firmware/a/x" } },
		  -MFE_FORBIDDEN_FILE },
		{ { { FILE_, "/lib/firmware/a/x" } },
		  { { LINK, "/lib/firmware/a" } },
		  -MFE_FORBIDDEN_FILE },
		{ { { LINK, "/usr/lib/firmware/a" } },
		  { { FILE_, "/lib/firmware/a/x" } },
		  -MFE_FORBIDDEN_FILE },
		{ { { LINK, "/lib/firmware/a" } },
		  { { LINK, "/usr/lib/firmware/a/x" } },
		  -MFE_FORBIDDEN_FILE },
		{ { { LINK, "/lib/firmware/a" } },
		  { { DIRECTORY, "/lib/firmware/a" } },
		  -MFE_FORBIDDEN_FILE },
		{ { { FILE_, "/lib/firmware/a" } },
		  { { FILE_, "/lib/firmware/a/x" } },
		  -MFE_FORBIDDEN_FILE },
		/* beside each other, in one directory, or the same directory */
		{ { { LINK, "/lib/firmware/a" } }, { { FILE_, "/lib/firmware/ab/x" } }, 0 },
		{ { { LINK, "/lib/firmware/a/b" } }, { { FILE_, "/lib/firmware/a/x" } }, 0 },
		{ { { DIRECTORY, "/lib/firmware/a" }, { FILE_, "/lib/firmware/a/x" } },
		  { { DIRECTORY, "/lib/firmware/a" }, { FILE_, "/lib/firmware/a/y" } },
		  0 },
	};
	struct root *r = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		bool two = cases[i].two[0].path != NULL;

		if (check(r, cases[i].one, two ? cases[i].two : NULL) != cases[i].expected)
			fail_msg("case %zu", i);
	}
}

static void a_directory_with_another_mode_or_owner_is_refused(void **state)
{
	static const mode_t modes[] = { 0, 0700, 0750, 0775, 02755, 01777, 0555 };
	struct root *r = *state;

	root_mkdir(r, "lib/firmware/vendor");
	for (size_t i = 0; i < MF_ARRAY_SIZE(modes); i++) {
		assert_int_equal(fchmodat(r->fd, "lib/firmware/vendor", modes[i], 0), 0);
		assert_int_equal(check_directory(r, "/lib/firmware/vendor"), -MFE_FILE_EXISTS);
		/* a file in it is allowed: rpm does not change the directory then */
		assert_int_equal(check_file(r, "/lib/firmware/vendor/x"), 0);
	}
	assert_int_equal(fchmodat(r->fd, "lib/firmware/vendor", 0755, 0), 0);
	assert_int_equal(check_directory(r, "/lib/firmware/vendor"), 0);
	if (geteuid())
		return;
	assert_int_equal(fchownat(r->fd, "lib/firmware/vendor", 1, 0, 0), 0);
	assert_int_equal(check_directory(r, "/lib/firmware/vendor"), -MFE_FILE_EXISTS);
	assert_int_equal(fchownat(r->fd, "lib/firmware/vendor", 0, 1, 0), 0);
	assert_int_equal(check_directory(r, "/lib/firmware/vendor"), -MFE_FILE_EXISTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(existing_and_missing_directories_are_accepted),
		ROOTED(a_link_among_the_directories_is_refused),
		ROOTED(a_merged_usr_is_accepted),
		ROOTED(another_link_at_lib_is_refused),
		ROOTED(a_packages_link_among_directories_is_refused),
		ROOTED(a_directory_with_another_mode_or_owner_is_refused),
	};

	return UNIT_RUN(tests);
}
