/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The indexes are those of the root's own kmod. */
#include "tests/unit.h"
#include "tests/root.h"
#include "config.h"
#include "modfetch/module-name.h"
#include "src/depmod/flavor.h"

static struct dm_flavor flavor_of(struct root *r, const char *program)
{
	struct dm_flavor flavor;

	if (program)
		root_write(r, "usr/bin/kmod", program);
	dm_flavor_find(&r->ctx, NULL, &flavor);
	return flavor;
}

static bool reads(const struct dm_flavor *flavor, enum mf_module_ending ending)
{
	return flavor->endings >> ending & 1;
}

static void the_version_of_the_root_decides(void **state)
{
	struct root *r = *state;
	struct dm_flavor f;

	f = flavor_of(r, "kmod version 30\n");
	assert_true(!f.weakdep && !f.first_in_order && !f.parents_first && !f.sized_zstd);
	f = flavor_of(r, "kmod version 33\n");
	assert_true(f.weakdep && !f.first_in_order && !f.parents_first && !f.sized_zstd);
	f = flavor_of(r, "kmod version 34.2\n");
	assert_true(f.weakdep && f.first_in_order && f.parents_first && f.sized_zstd);
}

static void without_a_kmod_it_is_that_of_the_build(void **state)
{
	struct root *r = *state;
	struct dm_flavor f = flavor_of(r, NULL);

	assert_int_equal(f.version, MF_KMOD_VERSION);
	assert_true(reads(&f, MF_MODULE_KO) && reads(&f, MF_MODULE_KO_GZ));
	assert_false(reads(&f, MF_NO_MODULE));
}

static void compressions_that_its_build_lacks_are_not_read(void **state)
{
	struct root *r = *state;
	struct dm_flavor f;

	root_write_bytes(r, "usr/bin/kmod", "kmod version 34\0+ZSTD -XZ -ZLIB", 32);
	f = flavor_of(r, NULL);
	assert_true(reads(&f, MF_MODULE_KO) && reads(&f, MF_MODULE_KO_ZST));
	assert_true(!reads(&f, MF_MODULE_KO_XZ) && !reads(&f, MF_MODULE_KO_GZ));
}

static void what_is_known_of_the_same_file_holds(void **state)
{
	struct root *r = *state;
	struct dm_flavor known = flavor_of(r, "kmod version 30\n"), again;

	known.version = 77;
	dm_flavor_find(&r->ctx, &known, &again);
	assert_int_equal(again.version, 77);
	root_write(r, "usr/bin/kmod", "kmod version 34, another file\n");
	dm_flavor_find(&r->ctx, &known, &again);
	assert_int_equal(again.version, 34);
	/* and what was a guess is none any more */
	known = (struct dm_flavor){ .version = 77 };
	dm_flavor_find(&r->ctx, &known, &again);
	assert_int_equal(again.version, 34);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(the_version_of_the_root_decides),
		ROOTED(without_a_kmod_it_is_that_of_the_build),
		ROOTED(compressions_that_its_build_lacks_are_not_read),
		ROOTED(what_is_known_of_the_same_file_holds),
	};

	return UNIT_RUN(tests);
}
