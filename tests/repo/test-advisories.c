/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What of an updateinfo.xml becomes part of a generation. */
#include "tests/unit.h"
#include "tests/root.h"
#include "tests/primary.h"
#include "tests/updateinfo.h"
#include "modfetch/advisory.h"
#include "src/repo/advisories.h"

#define LIST "var/cache/modfetch/test/current/advisories"

static const struct primary packages[] = {
	{ .name = "igb-kmp-" TAG, .evr = "2-1", .provides = "kmod(igb.ko)" },
	{ .name = "xfs-kmp-" TAG, .evr = "1-1", .provides = "kmod(xfs.ko)" },
};

/* Builds the cache with that updateinfo.xml; NULL: none. */
static int build(struct root *r, const char *text)
{
	struct mf_cache_source source = { .repomd = mf_memfile_new("repomd.xml"),
					  .primary = primary_file(packages, 2),
					  .updateinfo = text ? updateinfo_file(text) : -1 };
	struct mf_cache_content content = { 0 };
	int ret = mf_cache_build(&r->ctx, "test", &source, &content);

	assert_int_equal(content.packages, 2);
	close(source.repomd);
	close(source.primary);
	if (text)
		close(source.updateinfo);
	return ret;
}

static void without_an_updateinfo_nothing_is_written(void **state)
{
	struct root *r = *state;

	assert_int_equal(build(r, NULL), 0);
	assert_false(root_has(r, LIST));
	assert_int_equal(build(r, "<updates/>"), 0);
	assert_false(root_has(r, LIST));
}

static void the_list_is_sorted_and_has_own_packages_only(void **state)
{
	struct root *r = *state;
	_cleanup_free_ char *text = NULL;

	assert_int_equal(
		build(r, UPDATES(UPDATE("V-2", "bugfix", "",
					OF("xfs-kmp-" TAG, "0", "1", "1", "x86_64"))
					 UPDATE("V-1", "security", "Important",
						OF("igb-kmp-" TAG, "0", "2", "1", "x86_64")
							OF("igb-kmp-" TAG, "0", "2", "1", "x86_64")
								OF("igb-kmp-" TAG, "0", "2", "1",
								   "src") OF("firefox", "0", "9",
									     "1", "x86_64")))),
		0);
	text = root_read(r, LIST);
	text[strlen(text) - strlen("0123456789abcdef\n")] = '\0';
	assert_string_equal(text, "modfetch-advisories 1\n"
				  "igb-kmp-" TAG " x86_64 2-1 security important V-1\n"
				  "xfs-kmp-" TAG " x86_64 1-1 bugfix - V-2\n"
				  "end ");
}

static void odd_bytes_do_not_make_lines(void **state)
{
	struct root *r = *state;
	struct mf_advisories *a = NULL;
	const struct mf_advisory *found;

	assert_int_equal(build(r, UPDATES(UPDATE("V 1&#10;end 0", "security", "very&#x202e;bad",
						 OF("igb-kmp-" TAG, "0", "2", "1", "x86_64"))
						  UPDATE("V-2", "security", "",
							 OF("igb-kmp-" TAG, "0", "2 2", "1",
							    "x86_64") OF("igb-kmp-" TAG, "0", "3",
									 "1", "x86&#9;64")))),
			 0);
	assert_int_equal(mf_advisories_read(&r->ctx, "test", &a), 0);
	assert_int_equal(mf_advisories_count(a), 1);
	found = mf_advisories_find(a, "igb-kmp-" TAG, "x86_64", "1-1", "9-1");
	assert_non_null(found);
	assert_string_equal(found->id, "V_1_end_0");
	assert_string_equal(found->severity, "very___bad");
	mf_advisories_free(a);
}

static void a_broken_one_costs_its_advisories_only(void **state)
{
	struct root *r = *state;

	assert_int_equal(build(r, "<updates><update>"), 0);
	assert_false(root_has(r, LIST));
	assert_true(root_has(r, "var/cache/modfetch/test/current/packages-" TAG ".solv"));
	assert_int_equal(r->ctx.failure.code, 0);
}

static void the_next_generation_has_its_own(void **state)
{
	struct root *r = *state;
	struct mf_advisories *a = NULL;

	assert_int_equal(build(r, UPDATES(UPDATE("V-1", "security", "",
						 OF("igb-kmp-" TAG, "0", "2", "1", "x86_64")))),
			 0);
	assert_true(root_has(r, LIST));
	assert_int_equal(build(r, NULL), 0);
	assert_int_equal(mf_advisories_read(&r->ctx, "test", &a), 0);
	assert_int_equal(mf_advisories_count(a), 0);
	mf_advisories_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(without_an_updateinfo_nothing_is_written),
		ROOTED(the_list_is_sorted_and_has_own_packages_only),
		ROOTED(odd_bytes_do_not_make_lines),
		ROOTED(a_broken_one_costs_its_advisories_only),
		ROOTED(the_next_generation_has_its_own),
	};

	return UNIT_RUN(tests);
}
