/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packages that say another module directory than the root has: real ones, in a real database. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/rpm.h"
#include "tests/rpms.h"

#define BELOW KERNEL "/updates/"

enum { SAYS_USR, SAYS_LIB, NEWER, N_PACKAGES };

static const struct rpm_spec specs[N_PACKAGES] = {
	[SAYS_USR] = { .name = "usr-kmp",
		       .version = "1",
		       .files = "/usr/lib/modules/" BELOW "u.ko /usr/lib/modules/" BELOW
				"kept.ko /usr/share/doc/u" },
	[SAYS_LIB] = { .name = "lib-kmp",
		       .version = "1",
		       .files = "/lib/modules/" BELOW "l.ko /lib/modules/6.9/updates/l.ko" },
	[NEWER] = { .name = "usr-kmp",
		    .version = "2",
		    .files = "/usr/lib/modules/" BELOW "u.ko /usr/share/doc/u" },
};

static const char *const nevras[N_PACKAGES] = { "usr-kmp-1-1.x86_64", "lib-kmp-1-1.x86_64",
						"usr-kmp-2-1.x86_64" };

static int package(size_t which)
{
	static int fds[N_PACKAGES];
	char directory[] = "/tmp/modfetch-rpms.XXXXXX";

	if (!fds[which]) {
		assert_non_null(mkdtemp(directory));
		fds[which] = rpm_build(directory, &specs[which]);
		assert_int_equal(mf_tree_remove(AT_FDCWD, directory), 0);
	}
	return fds[which];
}

static void install(struct root *r, size_t which, const struct mf_strings *without)
{
	const struct mf_rpm_install item = { package(which), nevras[which], without };

	assert_int_equal(mf_rpm_transaction(&r->ctx, &item, 1, NULL), 0);
}

static void take_away(struct root *r, const char *name)
{
	struct mf_strings labels = { 0 };

	assert_int_equal(mf_strings_add(&labels, name), 0);
	assert_int_equal(mf_rpm_erase(&r->ctx, &labels), 0);
	mf_strings_done(&labels);
}

/* The context again, after the shape of the root has changed. */
static void look_again(struct root *r)
{
	mf_context_done(&r->ctx);
	assert_int_equal(mf_context_init(&r->ctx, r->path, KERNEL), 0);
}

static void modules_come_to_the_directory_of_the_roots_kmod(void **state)
{
	struct root *r = *state;

	root_write(r, "usr/bin/kmod", "kmod version 34\n%s/lib/modules/%s");
	look_again(r);
	install(r, SAYS_USR, NULL);
	assert_true(root_has(r, "lib/modules/" BELOW "u.ko"));
	assert_true(root_has(r, "usr/share/doc/u"));
	assert_false(root_has(r, "usr/lib"));
	/* an update and an erasure find them there */
	install(r, NEWER, NULL);
	assert_true(root_has(r, "lib/modules/" BELOW "u.ko"));
	assert_false(root_has(r, "lib/modules/" BELOW "kept.ko"));
	take_away(r, "usr-kmp");
	assert_false(root_has(r, "lib/modules/" BELOW "u.ko"));
}

static void so_they_do_below_usr(void **state)
{
	struct root *r = *state;

	root_write(r, "usr/bin/kmod", "kmod version 34\n%s/usr/lib/modules/%s");
	root_mkdir(r, "usr/lib/modules/" KERNEL);
	look_again(r);
	install(r, SAYS_LIB, NULL);
	assert_true(root_has(r, "usr/lib/modules/" BELOW "l.ko"));
	assert_true(root_has(r, "usr/lib/modules/6.9/updates/l.ko"));
	assert_false(root_has(r, "lib/modules/" KERNEL "/updates"));
	assert_false(root_has(r, "lib/modules/6.9"));
	install(r, SAYS_USR, NULL);
	assert_true(root_has(r, "usr/lib/modules/" BELOW "u.ko"));
	take_away(r, "lib-kmp");
	assert_false(root_has(r, "usr/lib/modules/" BELOW "l.ko"));
	assert_true(root_has(r, "usr/lib/modules/" BELOW "u.ko"));
}

static void without_kmod_each_kernel_has_its_own_place(void **state)
{
	struct root *r = *state;

	root_mkdir(r, "usr/lib/modules/6.9");
	look_again(r);
	install(r, SAYS_LIB, NULL);
	assert_true(root_has(r, "lib/modules/" BELOW "l.ko"));
	assert_true(root_has(r, "usr/lib/modules/6.9/updates/l.ko"));
	assert_false(root_has(r, "lib/modules/6.9"));
}

static void one_directory_needs_nothing(void **state)
{
	struct root *r = *state;

	assert_int_equal(mf_tree_remove(r->fd, "lib"), 0);
	root_mkdir(r, "usr/lib/modules/" KERNEL);
	root_link(r, "usr/lib", "lib");
	look_again(r);
	install(r, SAYS_LIB, NULL);
	install(r, SAYS_USR, NULL);
	assert_true(root_has(r, "usr/lib/modules/" BELOW "l.ko"));
	assert_true(root_has(r, "usr/lib/modules/" BELOW "u.ko"));
}

/* A file that must not be replaced is left out as the package says it, moved or not. */
static void a_file_can_be_left_out_and_the_others_moved(void **state)
{
	struct root *r = *state;
	_cleanup_free_ char *text = NULL;
	struct mf_strings without = { 0 };

	root_write(r, "usr/bin/kmod", "kmod version 34\n%s/lib/modules/%s");
	root_write(r, "lib/modules/" BELOW "kept.ko", "of another");
	look_again(r);
	assert_int_equal(mf_strings_add(&without, "/usr/lib/modules/" BELOW "kept.ko"), 0);
	install(r, SAYS_USR, &without);
	assert_true(root_has(r, "lib/modules/" BELOW "u.ko"));
	assert_false(root_has(r, "usr/lib"));
	take_away(r, "usr-kmp");
	text = root_read(r, "lib/modules/" BELOW "kept.ko");
	assert_string_equal(text, "of another");
	assert_false(root_has(r, "lib/modules/" BELOW "u.ko"));
	mf_strings_done(&without);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(modules_come_to_the_directory_of_the_roots_kmod),
		ROOTED(so_they_do_below_usr),
		ROOTED(without_kmod_each_kernel_has_its_own_place),
		ROOTED(one_directory_needs_nothing),
		ROOTED(a_file_can_be_left_out_and_the_others_moved),
	};

	return UNIT_RUN(tests);
}
