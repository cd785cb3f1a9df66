/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The spelling of aliases, and that it is the one of kmod's own indexes. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/module-name.h"
#include "tests/trees.h"

static void check(const char *in, const char *want)
{
	char out[100];

	assert_int_equal(mf_alias_normalize(in, out, sizeof(out)), (int)strlen(want));
	assert_string_equal(out, want);
}

static void dashes_become_underscores_but_not_in_brackets(void **state)
{
	check("", "");
	check("fs-xfs", "fs_xfs");
	check("snd_hda-codec-id:*", "snd_hda_codec_id:*");
	check("usb:v0[A-F]-x", "usb:v0[A-F]_x");
	check("a[1-2]b-[x-z]-", "a[1-2]b_[x-z]_");
	check("bvr-[TBE132I-2.50]-", "bvr_[TBE132I-2.50]_");
	/* a second '[' is a byte of the range that the first one begins */
	check("a[[-b]-", "a[[-b]_");
}

static void a_bracket_without_its_pair_is_refused(void **state)
{
	static const char *const bad[] = { "[", "a[b", "]", "a]b", "a[[b]]", "a[b]]", "[][" };
	char out[100] = "untouched";

	for (size_t i = 0; i < MF_ARRAY_SIZE(bad); i++)
		assert_int_equal(mf_alias_normalize(bad[i], out, sizeof(out)), -EINVAL);
}

static void what_does_not_fit_is_refused(void **state)
{
	char out[5];

	assert_int_equal(mf_alias_normalize("abcd", out, sizeof(out)), 4);
	assert_int_equal(mf_alias_normalize("abcde", out, sizeof(out)), -E2BIG);
	assert_int_equal(mf_alias_normalize("", out, 1), 0);
	assert_int_equal(mf_alias_normalize("", out, 0), -E2BIG);
}

/* depmod has normalized all aliases of a real kernel: to do it again changes nothing. */
static void depmods_own_lines_stay_as_they_are(void **state)
{
	char command[1200], line[4096], alias[4096], out[4096];
	size_t n = 0;
	FILE *pipe;

	snprintf(command, sizeof(command),
		 "modinfo -F alias %s/kernel/drivers/net/ethernet/intel/*/*.ko %s/kernel/fs/*/*.ko",
		 tree_of("default"), tree_of("default"));
	pipe = popen(command, "r");
	assert_non_null(pipe);
	while (fgets(line, sizeof(line), pipe)) {
		assert_int_equal(sscanf(line, "%4095s", alias), 1);
		assert_true(mf_alias_normalize(alias, out, sizeof(out)) > 0);
		assert_int_equal(strlen(out), strlen(alias));
		assert_int_equal(mf_alias_normalize(out, alias, sizeof(alias)), (int)strlen(out));
		assert_string_equal(alias, out);
		n++;
	}
	assert_int_equal(pclose(pipe), 0);
	assert_true(n > 300);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(dashes_become_underscores_but_not_in_brackets),
		UNIT(a_bracket_without_its_pair_is_refused),
		UNIT(what_does_not_fit_is_refused),
		UNIT(depmods_own_lines_stay_as_they_are),
	};

	return UNIT_RUN(tests);
}
