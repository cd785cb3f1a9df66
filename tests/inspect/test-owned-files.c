/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Paths of files that have owners, and how a module of dkms is found. */
#include "tests/unit.h"
#include "tests/inspect/ownership.h"

static void both_layouts_of_usr_are_one_path(void **state)
{
	assert_string_equal(owned_path("/lib/modules/x"), "lib/modules/x");
	assert_string_equal(owned_path("/usr/lib/modules/x"), "lib/modules/x");
	assert_string_equal(owned_path("/usr/share/x"), "usr/share/x");
	assert_true(owned_is_relevant("lib/modules/5/x.ko"));
	assert_true(owned_is_relevant("lib/firmware/x"));
	assert_false(owned_is_relevant("lib/modules.d/x"));
	assert_false(owned_is_relevant("boot/x"));
}

static void a_kernel_is_a_directory_with_something_in_it(void **state)
{
	size_t len;
	const char *kernel = owned_kernel("lib/modules/5.10/kernel/x.ko", &len);

	assert_true(len == 4 && !strncmp(kernel, "5.10", 4));
	assert_null(owned_kernel("lib/modules/5.10", &len));
	assert_null(owned_kernel("lib/modules//x", &len));
	assert_null(owned_kernel("lib/firmware/5.10/x", &len));
}

static void the_first_owner_counts_and_modules_are_counted(void **state)
{
	struct ownership o = { 0 };
	struct owner *a = owned_add_owner(&o, MF_OWNER_RPM, "a");
	struct owner *b = owned_add_owner(&o, MF_OWNER_DPKG, "b");

	assert_non_null(owned_add(&o, a, "lib/modules/5/x.ko"));
	assert_non_null(owned_add(&o, b, "lib/modules/5/x.ko"));
	assert_non_null(owned_add(&o, b, "lib/modules/5/modules.order"));
	assert_owner(&o, "lib/modules/5/x.ko", "a");
	assert_owner(&o, "lib/modules/5/modules.order", "b");
	assert_owner(&o, "lib/modules/5/y.ko", NULL);
	assert_int_equal(a->modules, 1);
	assert_int_equal(b->modules, 1);
	owned_done(&o);
}

static int count(void *arg, int dirfd, const char *name)
{
	assert_true(dirfd >= 0);
	assert_true(*name != '.');
	return ++*(int *)arg == 2 ? 7 : 0;
}

static void a_directory_is_visited_until_the_visitor_ends_it(void **state)
{
	struct root *r = *state;
	int n = 0;

	assert_int_equal(owned_each_entry(&r->ctx, "nowhere", count, &n), 0);
	root_write(r, "d/a", "");
	assert_int_equal(owned_each_entry(&r->ctx, "d/a", count, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(owned_each_entry(&r->ctx, "d", count, &n), 0);
	assert_int_equal(n, 1);
	assert_int_equal(owned_each_entry(&r->ctx, "d", count, &n), 7);
}

static void owners_have_names(void **state)
{
	assert_string_equal(mf_owner_name(MF_OWNER_NOBODY), "nobody");
	assert_string_equal(mf_owner_name(MF_OWNER_AKMODS), "akmods");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(both_layouts_of_usr_are_one_path),
		UNIT(a_kernel_is_a_directory_with_something_in_it),
		UNIT(the_first_owner_counts_and_modules_are_counted),
		ROOTED(a_directory_is_visited_until_the_visitor_ends_it),
		UNIT(owners_have_names),
	};

	return UNIT_RUN(tests);
}
