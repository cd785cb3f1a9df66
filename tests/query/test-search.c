/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Search by words, in each of the places that are searched. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/query.h"
#include "tests/primary.h"

static const struct primary packages[] = {
	{ .name = "snd_hda_intel-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "snd_hda_intel-kmp-" TAG " kmod(snd_hda_intel.ko)",
	  .supplements = "modalias(kernel-" TAG ":pci:v00008086d00002668sv*)" },
	{ .name = "snd_hda_intel-kmp-" TAG,
	  .evr = "2-1",
	  .provides = "snd_hda_intel-kmp-" TAG " kmod(snd_hda_intel.ko)" },
	{ .name = "xfs-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "xfs-kmp-" TAG " kmod(xfs.ko) kalias(" TAG ":fs-xfs)" },
	{ .name = "xfs-kmp-amd64-6.9.0_1", .evr = "1-1", .provides = "kmod(xfs.ko)" },
};

/* The hits for the words, "name evr place alias;" for each. */
static const char *found(struct root *r, const char *words)
{
	static char text[600];
	_cleanup_(mf_strings_done) struct mf_strings terms = { 0 };
	struct mf_hits hits = { 0 };
	struct mf_catalog *catalog;
	struct mf_pool *pool;
	size_t len = 0;

	assert_int_equal(mf_strings_split(&terms, words), 0);
	assert_int_equal(mf_catalog_open(&r->ctx, &catalog), 0);
	assert_int_equal(mf_search(&r->ctx, catalog, &terms, &hits), 0);
	assert_int_equal(mf_catalog_pool(&r->ctx, catalog, &pool), 0);
	*text = '\0';
	for (size_t i = 0; i < hits.n; i++) {
		struct mf_package p;

		mf_pool_package(pool, hits.v[i].id, &p);
		assert_null(hits.v[i].installed_evr);
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s %s %s %s;", p.name,
					p.evr, mf_found_name(hits.v[i].found),
					hits.v[i].alias ? hits.v[i].alias : "-");
	}
	mf_hits_done(&hits);
	mf_catalog_free(catalog);
	return text;
}

static int setup(void **state)
{
	return primary_setup(state, packages, N(packages));
}

static void names_are_found_however_they_are_spelt(void **state)
{
	static const char both[] =
		"snd_hda_intel-kmp-" TAG " 2-1 name -;snd_hda_intel-kmp-" TAG " 1-1 name -;";

	assert_string_equal(found(*state, "hda-intel"), both);
	assert_string_equal(found(*state, "HDA_Intel"), both);
	assert_string_equal(found(*state, "snd?hda*"), both);
	assert_string_equal(found(*state, "hda xfs"), "");
	assert_string_equal(found(*state, "no-such"), "");
}

static void aliases_are_found_by_their_text_and_by_what_they_match(void **state)
{
	static const char hda[] = "snd_hda_intel-kmp-" TAG " 2-1 alias pci:v00008086d00002668sv*;"
				  "snd_hda_intel-kmp-" TAG " 1-1 alias pci:v00008086d00002668sv*;";

	assert_string_equal(found(*state, "d00002668"), hda);
	assert_string_equal(found(*state, "pci:v00008086d00002668sv00001af4sd0"), hda);
	assert_string_equal(found(*state, "fs-xfs"), "xfs-kmp-" TAG " 1-1 alias fs_xfs;");
	/* with several words the worst place counts */
	assert_string_equal(found(*state, "xfs fs-xfs"), "xfs-kmp-" TAG " 1-1 alias fs_xfs;");
}

static void summaries_are_found(void **state)
{
	assert_string_equal(found(*state, "of xfs"), "xfs-kmp-" TAG " 1-1 summary -;");
}

static const struct primary ranked[] = {
	{ .name = "bigband-kmp-" TAG, .evr = "1-1", .provides = "kmod(bigband.ko)" },
	{ .name = "igb-kmp-" TAG, .evr = "1-1", .provides = "kmod(igb.ko)" },
	{ .name = "igbvf-kmp-" TAG, .evr = "1-1", .provides = "kmod(igbvf.ko)" },
	{ .name = "other-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "kmod(other.ko)",
	  .supplements = "modalias(kernel-" TAG ":igbus:vigb1)" },
	{ .name = "plain-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "kmod(plain.ko)",
	  .supplements = "modalias(kernel-" TAG ":igbus:v1)" },
	{ .name = "kernel-network-driver-all-" TAG, .evr = "1-1", .provides = "pattern()" },
};

static int setup_ranked(void **state)
{
	return primary_setup(state, ranked, N(ranked));
}

static void the_name_itself_comes_before_what_contains_it(void **state)
{
	static const char all[] =
		"igb-kmp-" TAG " 1-1 name -;igbvf-kmp-" TAG " 1-1 name -;bigband-kmp-" TAG
		" 1-1 name -;other-kmp-" TAG " 1-1 alias igbus:vigb1;";

	/* the name of a bus does not count */
	assert_string_equal(found(*state, "igb"), all);
	assert_string_equal(found(*state, "igb-kmp"), "igb-kmp-" TAG " 1-1 name -;");
	assert_string_equal(found(*state, "igbus:v1"), "plain-kmp-" TAG " 1-1 alias igbus:v1;");
}

static void a_pattern_is_found_by_its_name_only(void **state)
{
	/* "of" is in each summary */
	assert_null(strstr(found(*state, "of"), "network"));
	assert_non_null(strstr(found(*state, "of"), "igb-kmp"));
	assert_string_equal(found(*state, "network-driver"),
			    "kernel-network-driver-all-" TAG " 1-1 name -;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(names_are_found_however_they_are_spelt, setup,
						root_teardown),
		cmocka_unit_test_setup_teardown(
			aliases_are_found_by_their_text_and_by_what_they_match, setup,
			root_teardown),
		cmocka_unit_test_setup_teardown(summaries_are_found, setup, root_teardown),
		cmocka_unit_test_setup_teardown(the_name_itself_comes_before_what_contains_it,
						setup_ranked, root_teardown),
		cmocka_unit_test_setup_teardown(a_pattern_is_found_by_its_name_only, setup_ranked,
						root_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
