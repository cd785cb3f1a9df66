/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lists of deny.d: a digest that stands on any of them is refused, and nonsense is an error. */
#include <stdio.h>
#include <string.h>
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/deny.h"

#define HEX   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

static int check(struct root *r)
{
	return mf_deny_check(&r->ctx, "thing", "digest", HEX);
}

static void put(struct root *r, unsigned int n, const char *text)
{
	char path[100];

	snprintf(path, sizeof(path), "etc/modfetch/keys/deny.d/%02u-list", n);
	root_write(r, path, text);
}

/* Whichever the directory names first or last. */
static void each_list_counts_wherever_it_stands(void **state)
{
	struct root *r = *state;

	assert_int_equal(check(r), 0);
	for (unsigned int i = 0; i < 8; i++)
		put(r, i, OTHER "\n");
	assert_int_equal(check(r), 0);
	for (unsigned int i = 0; i < 8; i++) {
		put(r, i, "# stolen\n" HEX " # a key\n" OTHER "\n");
		assert_int_equal(check(r), -MFE_REVOKED);
		put(r, i, OTHER "\n" HEX "\n");
		assert_int_equal(check(r), -MFE_REVOKED);
		put(r, i, OTHER "\n");
	}
	assert_int_equal(check(r), 0);
}

static void a_digest_is_known_however_it_is_printed(void **state)
{
	struct root *r = *state;

	put(r, 0, "01:23:45:67:89:AB:CD:EF 0123456789abcdef 0123456789ABCDEF 0123456789abcdef\n");
	assert_int_equal(check(r), -MFE_REVOKED);
}

static void a_list_that_makes_no_sense_is_no_list(void **state)
{
	static const char *const bad[] = { "0123", HEX "\nnonsense\n", "deny " HEX };
	struct root *r = *state;

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		put(r, 0, bad[i]);
		assert_int_equal(check(r), -MFE_CONFIG);
	}
	root_write_bytes(r, "etc/modfetch/keys/deny.d/00-list", "\0" HEX, 65);
	assert_int_equal(check(r), -MFE_CONFIG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(each_list_counts_wherever_it_stands),
		ROOTED(a_digest_is_known_however_it_is_printed),
		ROOTED(a_list_that_makes_no_sense_is_no_list),
	};

	return UNIT_RUN(tests);
}
