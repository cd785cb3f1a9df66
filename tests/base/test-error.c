/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of codes, whose names and statuses are a contract; and the failure record. */
#include "tests/unit.h"
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include "modfetch/context.h"

static void every_code_has_a_name_of_its_own_and_a_sentence(void **state)
{
	for (int a = MFE_FIRST + 1; a < MFE_END; a++) {
		const char *name = mf_error_name(-a), *sentence = mf_error_sentence(-a);

		assert_true(*name && strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") == strlen(name));
		for (int b = MFE_FIRST + 1; b < a; b++) {
			assert_string_not_equal(name, mf_error_name(-b));
			assert_string_not_equal(sentence, mf_error_sentence(-b));
		}
		assert_true(strlen(sentence) > 10);
		/* it follows "what: " in a line */
		assert_false(sentence[strlen(sentence) - 1] == '.');
		assert_false(isupper((unsigned char)sentence[0]) &&
			     !isupper((unsigned char)sentence[1]));
	}
}

static void statuses_are_those_of_the_command(void **state)
{
	for (int e = MFE_FIRST + 1; e < MFE_END; e++) {
		int status = mf_error_status(-e);

		assert_true(status == 1 || status == 3 || status == 4 || status == 64);
	}
	assert_int_equal(mf_error_status(-MFE_USAGE), 64);
	assert_int_equal(mf_error_status(-MFE_NOT_FOUND), 3);
	assert_int_equal(mf_error_status(-MFE_DENIED), 4);
	assert_int_equal(mf_error_status(-MFE_BAD_DIGEST), 4);
	assert_int_equal(mf_error_status(-ENOSPC), 1);
}

static void errno_has_names_too(void **state)
{
	assert_string_equal(mf_error_name(-ENOSPC), "ENOSPC");
	assert_string_equal(mf_error_sentence(-ENOENT), "No such file or directory");
	assert_string_equal(mf_error_name(-99999), "UNKNOWN");
	assert_string_equal(mf_error_name(0), "0");
	assert_non_null(mf_error_sentence(-99999));
	assert_string_equal(mf_error_name(-MFE_FIRST), "UNKNOWN");
	assert_string_equal(mf_error_name(-MFE_END), "UNKNOWN");
	assert_int_equal(mf_error_status(-MFE_END), 1);
}

static void a_failure_is_recorded_where_it_happened(void **state)
{
	struct mf_context ctx = { 0 };

	assert_int_equal(mf_fail(&ctx, MF_STAGE_VERIFY, -MFE_BAD_DIGEST, "x.rpm", "%d of %d", 1, 2),
			 -MFE_BAD_DIGEST);
	assert_int_equal(ctx.failure.code, -MFE_BAD_DIGEST);
	assert_int_equal(ctx.failure.stage, MF_STAGE_VERIFY);
	assert_string_equal(ctx.failure.what, "x.rpm");
	assert_string_equal(ctx.failure.why, "1 of 2");
	/* without a text it is the code's sentence; a later call replaces the record */
	assert_int_equal(mf_fail(&ctx, MF_STAGE_INSTALL, -ENOSPC, NULL, NULL), -ENOSPC);
	assert_string_equal(ctx.failure.what, "");
	assert_string_equal(ctx.failure.why, "No space left on device");
	mf_fail(&ctx, MF_STAGE_INSTALL, -MFE_LOCKED, "lock", NULL);
	assert_string_equal(ctx.failure.why, mf_error_sentence(-MFE_LOCKED));
}

static void what_comes_from_outside_is_bounded_and_printable(void **state)
{
	struct mf_context ctx = { 0 };
	char text[5000];

	memset(text, '\n', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	mf_fail(&ctx, MF_STAGE_VERIFY, -EIO, text, "%s\033[2J\177", text);
	assert_int_equal(strlen(ctx.failure.what), sizeof(ctx.failure.what) - 1);
	assert_int_equal(strlen(ctx.failure.why), sizeof(ctx.failure.why) - 1);
	assert_int_equal(strspn(ctx.failure.what, "?"), strlen(ctx.failure.what));
	assert_int_equal(strspn(ctx.failure.why, "?"), strlen(ctx.failure.why));
	mf_fail(&ctx, MF_STAGE_VERIFY, -EIO, "ümlaut", NULL);
	assert_string_equal(ctx.failure.what, "ümlaut");
	/* CSI as one character and as one byte; a change of the writing direction; half a character */
	mf_fail(&ctx, MF_STAGE_VERIFY, -EIO,
		"a\xc2\x9b"
		"2Jb\x9b"
		"c",
		"%s", "\xe2\x80\xaegpj.exe \xe2\x82");
	assert_string_equal(ctx.failure.what, "a??2Jb?c");
	assert_string_equal(ctx.failure.why, "???gpj.exe ??");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(every_code_has_a_name_of_its_own_and_a_sentence),
		UNIT(statuses_are_those_of_the_command),
		UNIT(errno_has_names_too),
		UNIT(a_failure_is_recorded_where_it_happened),
		UNIT(what_comes_from_outside_is_bounded_and_printable),
	};

	return UNIT_RUN(tests);
}
