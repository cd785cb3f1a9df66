/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is refused before anything is mounted: this process stays in its namespace. tests/road/media.py
 * mounts.
 */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/mount.h"

static ino_t mount_namespace(void)
{
	struct stat st;

	assert_int_equal(stat("/proc/self/ns/mnt", &st), 0);
	return st.st_ino;
}

static void what_is_no_medium_changes_nothing(void **state)
{
	static const struct {
		const char *path, *why;
		bool image;
	} cases[] = {
		{ "/dev/null", "no block device", false },
		{ "/etc/passwd", "no block device", false },
		{ "/", "no block device", false },
		{ "/nothing/here", "cannot be opened", false },
		{ "/dev/null", "not a regular file", true },
		{ "/", "not a regular file", true },
	};
	struct root *r = *state;
	ino_t before = mount_namespace();

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char *path = NULL;
		int result = cases[i].image ? mf_mount_image(&r->ctx, cases[i].path, &path)
					    : mf_mount_device(&r->ctx, cases[i].path, NULL, &path);

		assert_int_equal(result, -MFE_MEDIUM);
		if (!strstr(r->ctx.failure.why, cases[i].why))
			fail_msg("%s: %s", cases[i].path, r->ctx.failure.why);
		assert_null(path);
	}
	assert_int_equal(mount_namespace(), before);
	assert_int_equal(r->ctx.looked_up->mounted.n, 0);
}

static void without_memory_for_the_list_it_fails(void **state)
{
	struct root *r = *state;
	char *path = NULL;

	free(r->ctx.looked_up);
	r->ctx.looked_up = NULL;
	assert_int_equal(mf_mount_device(&r->ctx, "/dev/null", NULL, &path), -ENOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(what_is_no_medium_changes_nothing),
		ROOTED(without_memory_for_the_list_it_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
