/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Digests of known input, their comparison by length, and base64 with all that can be wrong in it. */
#include "tests/unit.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"

static void digests_are_those_of_fips_180(void **state)
{
	static const char abc[] =
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
	_cleanup_close_ int fd = mf_memfile_new("abc");
	uint8_t digest[MF_SHA256_LEN], parsed[MF_SHA256_LEN];
	char hex[MF_SHA256_HEX];

	assert_int_equal(mf_sha256("abc", 3, digest), 0);
	mf_sha256_hex(digest, hex);
	assert_string_equal(hex, abc);
	assert_true(mf_sha256_parse(abc, parsed));
	assert_memory_equal(parsed, digest, sizeof(digest));
	assert_int_equal(mf_file_write(fd, "abc", 3), 0);
	assert_int_equal(mf_sha256_fd(fd, parsed), 0);
	assert_memory_equal(parsed, digest, sizeof(digest));
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 3); /* the position is left alone */
	assert_int_equal(mf_sha256_fd(-1, parsed), -EBADF);
	/* longer than any buffer inside */
	assert_int_equal(ftruncate(fd, 1000003), 0);
	assert_int_equal(mf_sha256_fd(fd, parsed), 0);
	{
		_cleanup_free_ char *all = NULL;
		size_t len;

		assert_int_equal(mf_file_read(fd, 2000000, &all, &len), 0);
		assert_int_equal(mf_sha256(all, len, digest), 0);
		assert_memory_equal(parsed, digest, sizeof(digest));
	}
}

/* The length of a digest decides which it is, and what has none is never the same. */
static void a_checksum_is_compared_by_its_kind(void **state)
{
	/* printf abc | sha256sum; sha384sum; sha512sum */
	static const char *const known[] = {
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
		"cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
		"8086072ba1e7cc2358baeca134c825a7",
		"ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
		"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
	};
	int fd = mf_memfile_new("abc");

	assert_int_equal(mf_file_write(fd, "abc", 3), 0);
	for (size_t i = 0; i < MF_ARRAY_SIZE(known); i++) {
		struct mf_checksum checksum = { .len = strlen(known[i]) / 2 };

		for (size_t j = 0; j < checksum.len; j++)
			checksum.bytes[j] = (uint8_t)(mf_hex_digit(known[i][2 * j]) << 4 |
						      mf_hex_digit(known[i][2 * j + 1]));
		assert_true(mf_checksum_known(checksum.len));
		assert_int_equal(mf_checksum_differs(&checksum, "abc", 3), 0);
		assert_int_equal(mf_checksum_differs(&checksum, "abd", 3), 1);
		assert_int_equal(mf_checksum_differs_fd(&checksum, fd), 0);
		checksum.bytes[checksum.len - 1] ^= 1;
		assert_int_equal(mf_checksum_differs(&checksum, "abc", 3), 1);
		assert_int_equal(mf_checksum_differs_fd(&checksum, fd), 1);
	}
	assert_int_equal(mf_checksum_differs(&(struct mf_checksum){ 0 }, "abc", 3), 1);
	assert_int_equal(mf_checksum_differs(&(struct mf_checksum){ .len = 20 }, "abc", 3), 1);
	assert_int_equal(mf_checksum_differs_fd(&(struct mf_checksum){ .len = 16 }, fd), 1);
	assert_false(mf_checksum_known(20));
	close(fd);
}

/* RFC 4648, section 10. */
static void base64_of_every_length_is_decoded(void **state)
{
	static const char *const encoded[] = { "Zg==",	   "Zm8=",     "Zm9v",	      "Zm9vYg==",
					       "Zm9vYmE=", "Zm9vYmFy", "Zm9v\nYmFy\n" };

	for (size_t i = 0; i < MF_ARRAY_SIZE(encoded); i++) {
		_cleanup_free_ void *bytes = NULL;
		size_t len = 0;

		assert_int_equal(mf_base64_decode(encoded[i], &bytes, &len), 0);
		assert_int_equal(len, i < 6 ? i + 1 : 6);
		assert_memory_equal(bytes, "foobar", len);
	}
}

static void what_is_no_base64_has_no_bytes(void **state)
{
	static const char *const bad[] = { "",	    "\n",   "Z",	"Zm9",
					   "Zm9v=", "Z===", "Zm9v*mFy", "Zg==Zg==" };
	_cleanup_free_ char *large = calloc(1, (1 << 20) + 5);

	for (size_t i = 0; i < MF_ARRAY_SIZE(bad); i++) {
		void *bytes;
		size_t len;

		if (mf_base64_decode(bad[i], &bytes, &len) != -EBADMSG)
			fail_msg("\"%s\" was decoded", bad[i]);
	}
	memset(large, 'A', (1 << 20) + 4);
	{
		void *bytes;
		size_t len;

		assert_int_equal(mf_base64_decode(large, &bytes, &len), -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(digests_are_those_of_fips_180),
		UNIT(a_checksum_is_compared_by_its_kind),
		UNIT(base64_of_every_length_is_decoded),
		UNIT(what_is_no_base64_has_no_bytes),
	};

	return UNIT_RUN(tests);
}
