/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The answer is what the system's depmod does with two files of one name, in both orders. */
#include "tests/unit.h"
#include "modfetch/depmod.h"
#include "modfetch/array.h"
#include "tests/root.h"
#include "tests/shell.h"
#include "tests/trees.h"

static const char *const paths[] = { "kernel/fs/fat.ko", "updates/fat.ko", "extra/fat.ko",
				     "weak-updates/updates/fat.ko" };

/* Does depmod take PATH if both exist, whichever of the two was made first? */
static bool depmod_takes(const struct root *r, const char *path, const char *other)
{
	for (int first = 0; first < 2; first++) {
		const char *a = first ? path : other, *b = first ? other : path;
		char command[1200];

		snprintf(command, sizeof(command),
			 "cd %s/lib/modules/" KERNEL
			 " && rm -rf kernel updates extra weak-updates && "
			 "for f in %s %s; do mkdir -p $(dirname $f) && cp %s/kernel/fs/fat/fat.ko "
			 "$f; "
			 "done && depmod -b %s -C %s/etc/depmod.d " KERNEL " 2>/dev/null && "
			 "grep -q '^%s:' modules.dep",
			 r->path, a, b, tree_of("default"), r->path, r->path, path);
		if (system(command))
			return false;
	}
	return true;
}

static void compare_all(struct root *r)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(paths); i++)
		for (size_t k = 0; k < MF_ARRAY_SIZE(paths); k++) {
			bool prefers = false;

			if (i == k)
				continue;
			assert_int_equal(
				mf_depmod_prefers(&r->ctx, KERNEL, paths[i], paths[k], &prefers),
				0);
			/* of two files in one place of the search depmod takes either */
			if (prefers && !depmod_takes(r, paths[i], paths[k]))
				fail_msg("depmod does not take %s, but %s", paths[i], paths[k]);
		}
}

static bool prefers(struct root *r, const char *path, const char *other)
{
	bool answer = false;

	assert_int_equal(mf_depmod_prefers(&r->ctx, KERNEL, path, other, &answer), 0);
	return answer;
}

static void without_configuration_updates_come_first(void **state)
{
	struct root *r = *state;

	root_mkdir(r, "etc/depmod.d");
	assert_true(prefers(r, paths[1], paths[0]));
	assert_false(prefers(r, paths[0], paths[1]));
	assert_false(prefers(r, paths[3], paths[0]));
	compare_all(r);
}

static void search_lines_are_followed(void **state)
{
	struct root *r = *state;

	root_write(r, "etc/depmod.d/a.conf", "search updates extra weak-updates built-in\n");
	assert_true(prefers(r, paths[3], paths[0]));
	assert_true(prefers(r, paths[2], paths[3]));
	compare_all(r);
	root_write(r, "etc/depmod.d/a.conf", "search updates extra built-in weak-updates\n");
	assert_false(prefers(r, paths[3], paths[0]));
	assert_true(prefers(r, paths[0], paths[3]));
	compare_all(r);
}

static void an_override_comes_before_all(void **state)
{
	struct root *r = *state;

	root_write(r, "etc/depmod.d/a.conf",
		   "search updates built-in\noverride fat * weak-updates/updates\n");
	assert_true(prefers(r, paths[3], paths[1]));
	assert_false(prefers(r, paths[1], paths[3]));
	compare_all(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(without_configuration_updates_come_first),
		ROOTED(search_lines_are_followed),
		ROOTED(an_override_comes_before_all),
	};

	return UNIT_RUN(tests);
}
