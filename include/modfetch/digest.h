/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_DIGEST_H
#define MODFETCH_DIGEST_H
/*
 * A SHA-256 value and its form in hexadecimal digits. Computing one is in modfetch/crypto.h.
 */
#include <stdbool.h>
#include <stdint.h>

#define MF_SHA256_LEN 32
#define MF_SHA256_HEX 65 /* 64 digits and the NUL */

void mf_sha256_hex(const uint8_t digest[MF_SHA256_LEN], char ret_hex[MF_SHA256_HEX]);
/* False if HEX is not exactly 64 hexadecimal digits. */
bool mf_sha256_parse(const char *hex, uint8_t ret_digest[MF_SHA256_LEN]);
/*
 * Adds a digest to a sum of digests, which is the same in whatever order they come; unlike an
 * exclusive or it tells twice the same from not at all.
 */
void mf_sha256_sum(uint8_t sum[MF_SHA256_LEN], const uint8_t digest[MF_SHA256_LEN]);

#endif
