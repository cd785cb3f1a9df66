/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit.h"
#include "modfetch/array.h"
#include <string.h>
#include "modfetch/strings.h"

static void text_and_value_turn_into_each_other(void **state)
{
	static const char lower[] =
		"00ff0123456789abcdef00000000000000000000000000000000000000000080";
	static const char upper[] =
		"00FF0123456789ABCDEF00000000000000000000000000000000000000000080";
	uint8_t digest[MF_SHA256_LEN];
	char hex[MF_SHA256_HEX];

	assert_true(mf_sha256_parse(upper, digest));
	assert_int_equal(digest[1], 0xff);
	assert_int_equal(digest[31], 0x80);
	mf_sha256_hex(digest, hex);
	assert_string_equal(hex, lower);
}

static void anything_but_64_digits_is_refused_and_writes_nothing(void **state)
{
	static const char *const bad[] = {
		"",
		"00",
		"00ff0123456789abcdef0000000000000000000000000000000000000000008",
		"00ff0123456789abcdef000000000000000000000000000000000000000000800",
		"00ff0123456789abcdef00000000000000000000000000000000000000000g80",
		" 0ff0123456789abcdef00000000000000000000000000000000000000000080",
		"0x000123456789abcdef00000000000000000000000000000000000000000080",
		"00ff0123456789abcdef0000000000000000000000000000000000000000008\n",
	};
	uint8_t digest[MF_SHA256_LEN], before[MF_SHA256_LEN];

	memset(digest, 0x5a, sizeof(digest));
	memcpy(before, digest, sizeof(digest));
	for (size_t i = 0; i < MF_ARRAY_SIZE(bad); i++) {
		assert_false(mf_sha256_parse(bad[i], digest));
		assert_memory_equal(digest, before, sizeof(digest));
	}
}

static void a_sum_does_not_mind_the_order_and_forgets_nothing(void **state)
{
	uint8_t a[MF_SHA256_LEN], b[MF_SHA256_LEN],
		ab[MF_SHA256_LEN] = { 0 }, ba[MF_SHA256_LEN] = { 0 }, twice[MF_SHA256_LEN] = { 0 };

	memset(a, 0xff, sizeof(a));
	memset(b, 0x03, sizeof(b));
	mf_sha256_sum(ab, a);
	mf_sha256_sum(ab, b);
	mf_sha256_sum(ba, b);
	mf_sha256_sum(ba, a);
	assert_memory_equal(ab, ba, sizeof(ab));
	/* the sum of all ones and a digest is one less than the digest */
	assert_int_equal(ab[MF_SHA256_LEN - 1], 0x02);
	assert_int_equal(ab[0], 0x03);
	mf_sha256_sum(twice, b);
	mf_sha256_sum(twice, b);
	assert_int_equal(twice[0], 0x06);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(text_and_value_turn_into_each_other),
		UNIT(anything_but_64_digits_is_refused_and_writes_nothing),
		UNIT(a_sum_does_not_mind_the_order_and_forgets_nothing),
	};

	return UNIT_RUN(tests);
}
