/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The layouts of media: what is found, and what is not followed or looked at. */
#include "tests/unit.h"
#include "tests/root.h"
#include <sys/utsname.h>
#include "modfetch/media.h"

static void scan_done(struct mf_media_found *found)
{
	mf_media_found_done(found);
}

static struct mf_media_found scan(struct root *r, int code)
{
	struct mf_media_found found = { 0 };
	char path[128];

	root_mkdir(r, "stick");
	snprintf(path, sizeof(path), "%s/stick", r->path);
	assert_int_equal(mf_media_scan(&r->ctx, path, true, &found), code);
	return found;
}

/* Is NAME, below the stick, the only one of the list? */
static void assert_only(const struct root *r, const struct mf_strings *list, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/stick%s", r->path, name);
	assert_int_equal(list->n, 1);
	assert_string_equal(list->v[0], path);
}

static void an_empty_medium(void **state)
{
	_cleanup_(scan_done) struct mf_media_found found = scan(*state, 0);

	assert_int_equal(found.layouts, 0);
	assert_int_equal(found.directories.n + found.packages.n + found.images.n, 0);
	assert_false(found.cut);
}

static void a_repository_is_one_by_its_signature(void **state)
{
	struct root *r = *state;

	root_write(r, "stick/a/repodata/repomd.xml", "x");
	root_write(r, "stick/a/x.rpm", "x");
	{
		_cleanup_(scan_done) struct mf_media_found found = scan(r, 0);

		assert_int_equal(found.layouts, MF_LAYOUT_PACKAGES);
		assert_only(r, &found.packages, "/a/x.rpm");
	}
	root_write(r, "stick/a/repodata/repomd.xml.asc", "x");
	{
		_cleanup_(scan_done) struct mf_media_found found = scan(r, 0);

		assert_int_equal(found.layouts, MF_LAYOUT_REPOSITORY);
		assert_only(r, &found.directories, "/a");
		assert_int_equal(found.packages.n, 0);
	}
}

static void package_files_below_a_repository_are_its_own(void **state)
{
	struct root *r = *state;
	_cleanup_(scan_done) struct mf_media_found found = { 0 };

	root_write(r, "stick/repodata/repomd.xml", "x");
	root_write(r, "stick/repodata/repomd.xml.p7s", "x");
	root_write(r, "stick/x86_64/x.rpm", "x");
	root_write(r, "stick/x.rpm", "x");
	found = scan(r, 0);
	assert_only(r, &found.directories, "");
	assert_int_equal(found.packages.n, 0);
}

static void driver_disks(void **state)
{
	struct root *r = *state;
	_cleanup_(scan_done) struct mf_media_found found = { 0 };
	struct utsname uts;
	char path[256];

	assert_int_equal(uname(&uts), 0);
	root_write(r, "stick/rhdd3", "x");
	snprintf(path, sizeof(path), "stick/rpms/%s/x.rpm", uts.machine);
	root_write(r, path, "x");
	root_write(r, "stick/rpms/vax/x.rpm", "x");
	snprintf(path, sizeof(path), "stick/linux/suse/%s-sles15/install/y.rpm", uts.machine);
	root_write(r, path, "x");
	snprintf(path, sizeof(path), "stick/linux/suse/%s-sles15/modules/y.ko.xz", uts.machine);
	root_write(r, path, "x");
	root_write(r, "stick/linux/suse/vax-sles15/install/y.rpm", "x");
	root_write(r, "stick/a.iso", "x");
	found = scan(r, 0);
	assert_int_equal(found.layouts, MF_LAYOUT_RHDD | MF_LAYOUT_DUD);
	assert_int_equal(found.packages.n, 2);
	assert_int_equal(found.modules, 1);
	assert_only(r, &found.images, "/a.iso");
}

static void links_and_odd_names_are_passed_over(void **state)
{
	struct root *r = *state;
	_cleanup_(scan_done) struct mf_media_found found = { 0 };

	root_write(r, "elsewhere/x.rpm", "x");
	root_write(r, "stick/a\nb.rpm", "x");
	root_write(r, "stick/\x1b[31m.rpm", "x");
	root_write(r, "stick/.hidden.rpm", "x");
	root_mkdir(r, "stick/directory.rpm");
	root_link(r, "../elsewhere", "stick/link");
	root_link(r, "../elsewhere/x.rpm", "stick/link.rpm");
	root_link(r, "../elsewhere/x.rpm", "stick/link.iso");
	assert_int_equal(mkfifoat(r->fd, "stick/fifo.rpm", 0600), 0);
	found = scan(r, 0);
	assert_int_equal(found.layouts, 0);
	assert_int_equal(found.packages.n + found.images.n, 0);
}

static void lists_have_an_end(void **state)
{
	struct root *r = *state;
	_cleanup_(scan_done) struct mf_media_found found = { 0 };
	char name[64];

	for (int i = 0; i < 1001; i++) {
		snprintf(name, sizeof(name), "stick/%d.rpm", i);
		root_write(r, name, "");
		snprintf(name, sizeof(name), "stick/%d.iso", i);
		root_write(r, name, "");
	}
	found = scan(r, 0);
	assert_int_equal(found.packages.n, 1000);
	assert_int_equal(found.images.n, 4);
	assert_true(found.cut);
}

static void what_is_no_directory(void **state)
{
	struct root *r = *state;
	struct mf_media_found found = { 0 };
	char path[128];

	snprintf(path, sizeof(path), "%s/nothing", r->path);
	assert_int_equal(mf_media_scan(&r->ctx, path, true, &found), -MFE_MEDIUM);
}

static void layouts_have_names(void **state)
{
	assert_string_equal(mf_layout_name(MF_LAYOUT_REPOSITORY), "repository");
	assert_string_equal(mf_layout_name(MF_LAYOUT_DUD), "driver-update");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(an_empty_medium),
		ROOTED(a_repository_is_one_by_its_signature),
		ROOTED(package_files_below_a_repository_are_its_own),
		ROOTED(driver_disks),
		ROOTED(links_and_odd_names_are_passed_over),
		ROOTED(lists_have_an_end),
		ROOTED(what_is_no_directory),
		cmocka_unit_test(layouts_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
