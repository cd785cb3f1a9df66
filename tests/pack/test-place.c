/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The places of built packages, and the removal of old ones. */
#include "tests/unit.h"
#include "tests/packs.h"

static struct packs *built(const char *bytes)
{
	struct packs *p = packs_new();

	packs_open(p);
	pack_package_set_fingerprint(packs_package(p, "x", "x86_64"));
	packs_write(p, ".pack/work/rpms/x86_64/x-1-2.x86_64.rpm", bytes);
	return p;
}

static void a_package_goes_to_its_machines_directory(void **state)
{
	struct packs *p = built("bytes");

	assert_int_equal(pack_place(&p->pack), 0);
	assert_string_equal(p->pack.packages[0].href, "x86_64/x-1-2.x86_64.rpm");
	assert_int_equal(p->pack.packages[0].rpm_size, 5);
	assert_true(packs_has(p, "x86_64/x-1-2.x86_64.rpm"));
	/* a package with a place keeps it */
	assert_int_equal(pack_place(&p->pack), 0);
	packs_free(p);
}

static void what_was_published_is_never_overwritten(void **state)
{
	struct packs *p = built("new bytes");
	char want[128];

	packs_write(p, "x86_64/x-1-2.x86_64.rpm", "old bytes");
	assert_int_equal(pack_place(&p->pack), 0);
	snprintf(want, sizeof(want), "x86_64/%.12s/x-1-2.x86_64.rpm",
		 p->pack.packages[0].fingerprint);
	assert_string_equal(p->pack.packages[0].href, want);
	assert_true(packs_has(p, want));
	packs_free(p);
}

static void the_same_bytes_share_a_place(void **state)
{
	struct packs *p = built("bytes");

	packs_write(p, "x86_64/x-1-2.x86_64.rpm", "bytes");
	assert_int_equal(pack_place(&p->pack), 0);
	assert_string_equal(p->pack.packages[0].href, "x86_64/x-1-2.x86_64.rpm");
	packs_free(p);
}

static void a_package_that_was_not_built_is_told(void **state)
{
	struct packs *p = built("bytes");

	pack_package_set_fingerprint(packs_package(p, "y", "noarch"));
	assert_int_equal(pack_place(&p->pack), -MFE_TOOL);
	assert_string_equal(p->ctx.failure.what, "y");
	packs_free(p);
}

static void pruned_is_what_neither_list_names(void **state)
{
	static const char *const files[] = { "x86_64/now.rpm",	 "x86_64/before.rpm",
					     "x86_64/old.rpm",	 "x86_64/abc/old.rpm",
					     "x86_64/notes.txt", ".pack/x.rpm",
					     "repodata/x.rpm" };
	static const bool kept[] = { true, true, false, false, true, true, true };
	struct packs *p = packs_new();
	struct mf_strings now = { 0 }, before = { 0 };

	packs_open(p);
	for (size_t i = 0; i < 7; i++)
		packs_write(p, files[i], "");
	mf_strings_add(&now, files[0]);
	mf_strings_add(&before, files[1]);
	pack_place_prune(&p->pack, &now, &before);
	for (size_t i = 0; i < 7; i++)
		assert_int_equal(packs_has(p, files[i]), kept[i]);
	assert_false(packs_has(p, "x86_64/abc"));
	mf_strings_done(&now);
	mf_strings_done(&before);
	packs_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_package_goes_to_its_machines_directory),
		UNIT(what_was_published_is_never_overwritten),
		UNIT(the_same_bytes_share_a_place),
		UNIT(a_package_that_was_not_built_is_told),
		UNIT(pruned_is_what_neither_list_names),
	};

	return UNIT_RUN(tests);
}
