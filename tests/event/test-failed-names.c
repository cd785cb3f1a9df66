/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A failed request of the kernel is remembered for an hour, and the number of names is limited. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include "tests/root.h"
#include <time.h>
#include "modfetch/spool.h"

static long long seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (long long)ts.tv_sec;
}

static void a_name_is_held_back_however_it_is_spelt(void **state)
{
	struct root *r = *state;

	assert_false(mf_failed_recently(&r->ctx, "crypto-ccm"));
	assert_int_equal(mf_failed_note(&r->ctx, "crypto-ccm"), 0);
	assert_true(mf_failed_recently(&r->ctx, "crypto-ccm"));
	assert_true(mf_failed_recently(&r->ctx, "crypto_ccm"));
	assert_false(mf_failed_recently(&r->ctx, "crypto-cc"));
	assert_false(mf_failed_recently(&r->ctx, "crypto-ccmx"));
	assert_int_equal(mf_failed_note(&r->ctx, "xfs"), 0);
	assert_true(mf_failed_recently(&r->ctx, "crypto_ccm"));
	assert_true(mf_failed_recently(&r->ctx, "xfs"));
}

static void an_hour_later_it_counts_no_more(void **state)
{
	struct root *r = *state;
	char text[200];

	/* one that has expired, a valid one, and one with a time in the future, which is invalid */
	snprintf(text, sizeof(text), "%lld old\n%lld new\n%lld future\n",
		 seconds() - MF_FAILED_SECONDS - 5, seconds() - 100, seconds() + 1000);
	root_write(r, MF_FAILED_FILE, text);
	if (seconds() > 100) {
		assert_true(mf_failed_recently(&r->ctx, "new"));
	}
	assert_false(mf_failed_recently(&r->ctx, "old"));
	assert_false(mf_failed_recently(&r->ctx, "future"));
}

static void the_latest_names_stay(void **state)
{
	struct root *r = *state;
	char name[32], *text;
	size_t lines = 0;

	for (int i = 0; i < MF_FAILED_NAMES + 10; i++) {
		snprintf(name, sizeof(name), "module%d", i);
		assert_int_equal(mf_failed_note(&r->ctx, name), 0);
		assert_int_equal(mf_failed_note(&r->ctx, name), 0);
	}
	assert_false(mf_failed_recently(&r->ctx, "module9"));
	assert_true(mf_failed_recently(&r->ctx, "module10"));
	assert_true(mf_failed_recently(&r->ctx, name));
	text = root_read(r, MF_FAILED_FILE);
	for (const char *p = text; (p = strchr(p, '\n')); p++)
		lines++;
	assert_int_equal(lines, MF_FAILED_NAMES);
	free(text);
}

static void neither_odd_names_nor_a_damaged_file_do_harm(void **state)
{
	static const char *const odd[] = { "", "a b", "a\nb", "[", "a\tb" };
	struct root *r = *state;
	char big[300], text[200];

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(mf_failed_note(&r->ctx, big), -EINVAL);
	for (size_t i = 0; i < MF_ARRAY_SIZE(odd); i++) {
		assert_int_equal(mf_failed_note(&r->ctx, odd[i]), -EINVAL);
		assert_false(mf_failed_recently(&r->ctx, odd[i]));
	}
	assert_false(root_has(r, MF_FAILED_FILE));
	snprintf(text, sizeof(text),
		 "\n-1 a\nx b\n99999999999999999999999 c\n%lld\n%lld  d\n%lld e", seconds(),
		 seconds(), seconds());
	root_write(r, MF_FAILED_FILE, text);
	for (const char *p = "abcd"; *p; p++)
		assert_false(mf_failed_recently(&r->ctx, (const char[]){ *p, '\0' }));
	assert_true(mf_failed_recently(&r->ctx, "e"));
	assert_int_equal(mf_failed_note(&r->ctx, "a"), 0);
	assert_true(mf_failed_recently(&r->ctx, "a"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_name_is_held_back_however_it_is_spelt),
		ROOTED(an_hour_later_it_counts_no_more),
		ROOTED(the_latest_names_stay),
		ROOTED(neither_odd_names_nor_a_damaged_file_do_harm),
	};

	return UNIT_RUN(tests);
}
