/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Aliases are escaped for dependency strings, and decoded. */
#include "tests/unit.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/symvers.h"

static void check(enum mf_escape form, const char *alias, const char *want)
{
	char *escaped = mf_alias_escape(form, alias);
	char back[256];

	assert_string_equal(escaped, want);
	assert_int_equal(mf_alias_unescape(escaped, strlen(escaped), back, sizeof(back)),
			 strlen(alias));
	assert_string_equal(back, alias);
	free(escaped);
}

static void aliases_of_every_bus_survive_the_round_trip(void **state)
{
	check(MF_ESCAPE_MODALIAS, "pci:v00008086d000010D3sv*sd*bc*sc*i*",
	      "pci:v00008086d000010D3sv*sd*bc*sc*i*");
	check(MF_ESCAPE_MODALIAS, "of:N*T*Cfoo,bar-baz.1", "of:N*T*Cfoo%2Cbar%2Dbaz%2E1");
	check(MF_ESCAPE_MODALIAS, "cpu:type:x86,ven0000:feature:*00C0*",
	      "cpu:type:x86%2Cven0000:feature:*00C0*");
	check(MF_ESCAPE_MODALIAS, "usb:v1d[0-9A]p?", "usb:v1d%5B0%2D9A%5Dp%3F");
	check(MF_ESCAPE_MODALIAS, "dmi*:svnA (B)%20:", "dmi*:svnA%20%28B%29%2520:");
	check(MF_ESCAPE_KALIAS, "fs-xfs", "fs-xfs");
	check(MF_ESCAPE_KALIAS, "crypto-cbc(aes)", "crypto-cbc%28aes%29");
	check(MF_ESCAPE_KALIAS, "a_b.c\xc3\xa9", "a_b.c%C3%A9");
}

static void a_lone_percent_sign_stays(void **state)
{
	char out[16];

	assert_int_equal(mf_alias_unescape("a%", 2, out, sizeof(out)), 2);
	assert_string_equal(out, "a%");
	assert_int_equal(mf_alias_unescape("%4", 2, out, sizeof(out)), 2);
	assert_string_equal(out, "%4");
	assert_int_equal(mf_alias_unescape("%zz%4a", 6, out, sizeof(out)), 4);
	assert_string_equal(out, "%zzJ");
	/* the given length ends the string, not the NUL */
	assert_int_equal(mf_alias_unescape("%2D", 2, out, sizeof(out)), 2);
}

static void what_does_not_fit_or_holds_nul_is_refused(void **state)
{
	char out[4] = "abc";

	assert_int_equal(mf_alias_unescape("wxyz", 4, out, sizeof(out)), -EINVAL);
	assert_int_equal(mf_alias_unescape("%00", 3, out, sizeof(out)), -EINVAL);
	assert_int_equal(mf_alias_unescape("%0a", 3, out, sizeof(out)), -EINVAL);
	assert_int_equal(mf_alias_unescape("%1b", 3, out, sizeof(out)), -EINVAL);
	assert_int_equal(mf_alias_unescape("a\n", 2, out, sizeof(out)), -EINVAL);
	assert_int_equal(mf_alias_unescape("", 0, out, 0), -EINVAL);
	assert_int_equal(mf_alias_unescape("", 0, out, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(aliases_of_every_bus_survive_the_round_trip),
		UNIT(a_lone_percent_sign_stays),
		UNIT(what_does_not_fit_or_holds_nul_is_refused),
	};

	return UNIT_RUN(tests);
}
