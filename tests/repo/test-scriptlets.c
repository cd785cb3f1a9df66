/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The packages that were refused for their scriptlets. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/scriptlets.h"

#define LIST "var/lib/modfetch/scriptlets"

static void digest_of(unsigned int seed, uint8_t digest[MF_SHA256_LEN])
{
	memset(digest, 0, MF_SHA256_LEN);
	memcpy(digest, &seed, sizeof(seed));
}

/* "-": the list does not have it. */
static const char *kinds(struct root *r, unsigned int seed)
{
	static char text[100];
	struct mf_scriptlets list;
	uint8_t digest[MF_SHA256_LEN];
	const char *found;

	digest_of(seed, digest);
	assert_int_equal(mf_scriptlets_read(&r->ctx, &list), 0);
	found = mf_scriptlets_find(&list, digest);
	snprintf(text, sizeof(text), "%s", found ? found : "-");
	mf_scriptlets_done(&list);
	return text;
}

static void note(struct root *r, unsigned int seed, const char *text)
{
	uint8_t digest[MF_SHA256_LEN];

	digest_of(seed, digest);
	mf_scriptlets_note(&r->ctx, digest, text);
}

static void a_package_is_known_by_its_digest(void **state)
{
	struct root *r = *state;

	assert_string_equal(kinds(r, 1), "-");
	note(r, 1, "%pre, %post");
	note(r, 2, "%preun");
	note(r, 1, "other");
	assert_string_equal(kinds(r, 1), "%pre, %post");
	assert_string_equal(kinds(r, 2), "%preun");
	assert_string_equal(kinds(r, 3), "-");
}

static void the_oldest_of_many_go(void **state)
{
	struct root *r = *state;

	for (unsigned int i = 1; i <= 502; i++)
		note(r, i, "%post");
	assert_string_equal(kinds(r, 2), "-");
	assert_string_equal(kinds(r, 3), "%post");
	assert_string_equal(kinds(r, 502), "%post");
}

static void damaged_lines_have_no_effect(void **state)
{
	struct root *r = *state;

	root_write(r, LIST, "\n1234 %post\nx\n");
	assert_string_equal(kinds(r, 1), "-");
	note(r, 1, "%post");
	assert_string_equal(kinds(r, 1), "%post");
}

static void a_failure_that_was_recorded_stays(void **state)
{
	struct root *r = *state;

	mf_fail(&r->ctx, MF_STAGE_VERIFY, -MFE_SCRIPTLET, "x", "y");
	/* in the place of the directory */
	root_write(r, "var/lib/modfetch", "x");
	note(r, 1, "%post");
	assert_int_equal(r->ctx.failure.code, -MFE_SCRIPTLET);
}

static void kinds_are_described_without_their_interpreters(void **state)
{
	struct mf_strings list = { 0 };
	char *text;

	assert_int_equal(mf_strings_add(&list, "%post -p"), 0);
	text = mf_scriptlets_describe(&list);
	assert_string_equal(text, "%post -p");
	free(text);
	assert_int_equal(mf_strings_add(&list, "%pre"), 0);
	assert_int_equal(mf_strings_add(&list, "%trigger"), 0);
	text = mf_scriptlets_describe(&list);
	assert_string_equal(text, "%pre, %trigger");
	free(text);
	mf_strings_done(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_package_is_known_by_its_digest),
		ROOTED(the_oldest_of_many_go),
		ROOTED(damaged_lines_have_no_effect),
		ROOTED(a_failure_that_was_recorded_stays),
		cmocka_unit_test(kinds_are_described_without_their_interpreters),
	};

	return UNIT_RUN(tests);
}
