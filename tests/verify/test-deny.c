/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The deny list: the format of its lines; and no list can undo the lines of another. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include "modfetch/deny.h"
#include "modfetch/error.h"
#include "tests/root.h"

#define DIRECTORY "etc/modfetch/keys/deny.d"
#define HEX	  "0123456789abcdef0123456789abcdef01234567"
#define OTHER	  "ffff456789abcdef0123456789abcdef01234567"

static int check(struct root *r)
{
	return mf_deny_check(&r->ctx, "x", "key", HEX);
}

static void a_line_is_found_in_any_list(void **state)
{
	enum { LISTS = 9 };
	struct root *r = *state;

	assert_int_equal(check(r), 0);
	/* a directory has no fixed order: so each list has the line once */
	for (int hit = 0; hit < LISTS; hit++) {
		for (int i = 0; i < LISTS; i++) {
			char path[64];

			snprintf(path, sizeof(path), DIRECTORY "/list-%d", i);
			root_write(r, path, i == hit ? OTHER "\n" HEX "\n" OTHER "\n" : OTHER "\n");
		}
		assert_int_equal(check(r), -MFE_REVOKED);
		assert_int_equal(r->ctx.failure.code, -MFE_REVOKED);
	}
}

static void a_line_may_have_the_format_of_other_programs(void **state)
{
	static const struct {
		const char *text;
		int code;
	} cases[] = {
		{ "", 0 },
		{ "# " HEX "\n", 0 },
		{ OTHER, 0 },
		{ HEX, -MFE_REVOKED },
		{ HEX "# of a lost stick\n", -MFE_REVOKED },
		{ "0123 4567 89AB CDEF 0123  4567 89AB CDEF 0123 4567\n", -MFE_REVOKED },
		{ "\t01:23:45:67:89:ab:cd:ef:01:23:45:67:89:ab:cd:ef:01:23:45:67", -MFE_REVOKED },
		{ "\n\n" HEX, -MFE_REVOKED },
		/* a line that is no digest must not pass for a revocation */
		{ HEX "x\n", -MFE_CONFIG },
		{ "0123456789abcdef\n", -MFE_CONFIG },
		{ HEX "\n-\n", -MFE_CONFIG },
		{ HEX HEX HEX HEX "\n", -MFE_CONFIG },
	};
	struct root *r = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		root_write(r, DIRECTORY "/list", cases[i].text);
		assert_int_equal(check(r), cases[i].code);
	}
	root_write_bytes(r, DIRECTORY "/list", HEX "\0\n", sizeof(HEX) + 1);
	assert_int_equal(check(r), -MFE_CONFIG);
	/* a file that an editor left is not read */
	root_write(r, DIRECTORY "/list", OTHER "\n");
	root_write(r, DIRECTORY "/.list.swp", HEX "\n");
	assert_int_equal(check(r), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_line_is_found_in_any_list),
		ROOTED(a_line_may_have_the_format_of_other_programs),
	};

	return UNIT_RUN(tests);
}
