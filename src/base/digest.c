/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * SHA-256 values as text: 32 bytes to 64 lower-case digits and back. The parser accepts exactly 64
 * digits of either case, and no other bytes. lib/crypto.c computes digests, and the callers decide
 * whether one is right.
 */
#include "modfetch/strings.h"
#include <string.h>

int mf_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

void mf_sha256_hex(const uint8_t digest[MF_SHA256_LEN], char ret_hex[MF_SHA256_HEX])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < MF_SHA256_LEN; i++) {
		ret_hex[2 * i] = digits[digest[i] >> 4];
		ret_hex[2 * i + 1] = digits[digest[i] & 15];
	}
	ret_hex[MF_SHA256_HEX - 1] = '\0';
}

bool mf_sha256_parse(const char *hex, uint8_t ret_digest[MF_SHA256_LEN])
{
	uint8_t digest[MF_SHA256_LEN];

	if (strlen(hex) != MF_SHA256_HEX - 1)
		return false;
	for (size_t i = 0; i < MF_SHA256_LEN; i++) {
		int hi = mf_hex_digit(hex[2 * i]);
		int lo = mf_hex_digit(hex[2 * i + 1]);

		if (hi < 0 || lo < 0)
			return false;
		digest[i] = (uint8_t)(hi << 4 | lo);
	}
	memcpy(ret_digest, digest, sizeof(digest));
	return true;
}

void mf_sha256_sum(uint8_t sum[MF_SHA256_LEN], const uint8_t digest[MF_SHA256_LEN])
{
	unsigned int carry = 0;

	for (size_t i = MF_SHA256_LEN; i-- > 0;) {
		carry += (unsigned int)sum[i] + digest[i];
		sum[i] = (uint8_t)carry;
		carry >>= 8;
	}
}
