/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each format is compressed by its own tool, independent of the code under test. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include "modfetch/inflate.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"

#define MIB ((size_t)1 << 20)

static const char *const tools[] = { "gzip -c", "xz -c", "xz -9 -c", "zstd -q -c",
				     "zstd -q -19 -c" };
#define N_TOOLS (MF_ARRAY_SIZE(tools))

/* The bytes of COMMAND's output; INPUT goes to its standard input. */
static char *run(const char *command, const void *input, size_t len, size_t *ret_len)
{
	char in[] = "/tmp/test-inflate.XXXXXX", line[128];
	_cleanup_close_ int fd = mkstemp(in);
	_cleanup_free_ char *buf = malloc(32 * MIB);
	FILE *pipe;

	assert_true(fd >= 0 && buf);
	assert_int_equal(mf_file_write(fd, input, len), 0);
	snprintf(line, sizeof(line), "%s <%s", command, in);
	pipe = popen(line, "r");
	assert_non_null(pipe);
	*ret_len = fread(buf, 1, 32 * MIB, pipe);
	assert_int_equal(pclose(pipe), 0);
	unlink(in);
	return MF_STEAL(buf);
}

/* Text with some repetition and some noise. */
static char *sample(size_t len)
{
	char *buf = malloc(len);
	uint32_t x = 12345;

	assert_non_null(buf);
	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		buf[i] = (char)(x >> 28 ? 'a' + (int)(i % 17) : (int)(x >> 16));
	}
	return buf;
}

static void every_format_comes_out_as_it_went_in(void **state)
{
	static const size_t sizes[] = { 0, 1, 4096, 65536, 700000 + 17 };

	for (size_t s = 0; s < MF_ARRAY_SIZE(sizes); s++) {
		_cleanup_free_ char *plain = sample(sizes[s] + 1);

		for (size_t t = 0; t < N_TOOLS; t++) {
			_cleanup_free_ void *out = NULL;
			size_t packed_len, len;
			_cleanup_free_ char *packed = run(tools[t], plain, sizes[s], &packed_len);

			assert_true(mf_inflate_known(packed, packed_len));
			assert_int_equal(mf_inflate(packed, packed_len, sizes[s], &out, &len), 0);
			assert_int_equal(len, sizes[s]);
			assert_memory_equal(out, plain, len);
		}
	}
}

static void concatenated_streams_are_one_file(void **state)
{
	_cleanup_free_ char *plain = sample(100000);

	for (size_t t = 0; t < N_TOOLS; t++) {
		_cleanup_free_ char *twice = NULL;
		_cleanup_free_ void *out = NULL;
		size_t n, len;
		_cleanup_free_ char *packed = run(tools[t], plain, 100000, &n);

		twice = malloc(2 * n);
		assert_non_null(twice);
		memcpy(twice, packed, n);
		memcpy(twice + n, packed, n);
		assert_int_equal(mf_inflate(twice, 2 * n, MIB, &out, &len), 0);
		assert_int_equal(len, 200000);
		assert_memory_equal(out, plain, 100000);
		assert_memory_equal((char *)out + 100000, plain, 100000);
	}
}

static void the_limit_holds_to_the_byte_and_for_a_bomb(void **state)
{
	_cleanup_free_ char *zeros = calloc(1, 6 * MIB);

	assert_non_null(zeros);
	for (size_t t = 0; t < N_TOOLS; t++) {
		_cleanup_free_ void *out = NULL;
		size_t n, len = 7;
		_cleanup_free_ char *packed = run(tools[t], zeros, 6 * MIB, &n);

		assert_int_equal(mf_inflate(packed, n, 6 * MIB - 1, &out, &len), -EFBIG);
		assert_int_equal(mf_inflate(packed, n, 0, &out, &len), -EFBIG);
		assert_null(out);
		assert_int_equal(len, 7);
		assert_int_equal(mf_inflate(packed, n, 6 * MIB, &out, &len), 0);
		assert_int_equal(len, 6 * MIB);
	}
}

static void what_is_cut_changed_or_too_long_is_damaged(void **state)
{
	_cleanup_free_ char *plain = sample(200000);

	for (size_t t = 0; t < N_TOOLS; t++) {
		_cleanup_free_ void *out = NULL;
		size_t n, len;
		_cleanup_free_ char *packed = run(tools[t], plain, 200000, &n);

		for (size_t cut = 8; cut < n; cut += n / 61)
			assert_int_equal(mf_inflate(packed, cut, MIB, &out, &len), -EBADMSG);
		assert_int_equal(mf_inflate(packed, n - 1, MIB, &out, &len), -EBADMSG);
		packed = realloc(packed, n + 5);
		assert_non_null(packed);
		memcpy(packed + n, "junk", 4);
		assert_int_equal(mf_inflate(packed, n + 4, MIB, &out, &len), -EBADMSG);
		packed[n / 2] ^= 0x55;
		assert_int_equal(mf_inflate(packed, n, MIB, &out, &len), -EBADMSG);
	}
	{
		_cleanup_free_ void *out = NULL;
		size_t len;

		assert_false(mf_inflate_known("\x7f"
					      "ELF",
					      4));
		assert_false(mf_inflate_known("", 0));
		assert_int_equal(mf_inflate("\x7f"
					    "ELF",
					    4, MIB, &out, &len),
				 -EINVAL);
	}
}

static uint32_t crc32_of(const uint8_t *p, size_t len)
{
	uint32_t crc = ~0U;

	while (len--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320U : 0);
	}
	return ~crc;
}

/* Makes the first block of an xz file ask for a dictionary of 2^(N / 2 + 12) bytes, N even. */
static void ask_for(char *xz, uint8_t n)
{
	uint8_t *block = (uint8_t *)xz + 12; /* after the stream's header */
	size_t len = 4U * block[0];	     /* without its CRC */
	uint32_t crc;

	/* one filter, LZMA2, with one byte of properties; xz with threads adds sizes before it */
	assert_memory_equal(block + 1, "\0\x21\1", 3);
	block[4] = n;
	crc = crc32_of(block, len);
	for (int i = 0; i < 4; i++)
		block[len + (size_t)i] = (uint8_t)(crc >> 8 * i);
}

static void a_small_file_may_not_ask_for_a_large_dictionary(void **state)
{
	_cleanup_free_ void *out = NULL;
	size_t n, len;
	_cleanup_free_ char *xz = run("xz -T1 -c", "hello", 5, &n), *zstd = NULL;

	ask_for(xz, 34); /* 512 MiB, and the decoder's own memory */
	assert_int_equal(mf_inflate(xz, n, MIB, &out, &len), 0);
	assert_memory_equal(out, "hello", 5);
	ask_for(xz, 36); /* 1 GiB */
	assert_int_equal(mf_inflate(xz, n, MIB, &out, &len), -EBADMSG);
	ask_for(xz, 40);
	assert_int_equal(mf_inflate(xz, n, MIB, &out, &len), -EBADMSG);
	zstd = run("zstd -q -1 --long=28 -c", "hello", 5, &n);
	assert_int_equal(mf_inflate(zstd, n, MIB, &out, &len), -EBADMSG);
}

static int memfile(const void *buf, size_t len)
{
	int fd = mf_memfile_new("test");

	assert_true(fd >= 0);
	assert_int_equal(mf_file_write(fd, buf, len), 0);
	return fd;
}

static void a_descriptor_becomes_a_sealed_file(void **state)
{
	_cleanup_free_ char *plain = sample(700000);

	for (size_t t = 0; t <= N_TOOLS; t++) {
		_cleanup_free_ char *packed = NULL, *back = NULL;
		_cleanup_close_ int in = -1, out = -1;
		size_t n, len;

		if (t < N_TOOLS) {
			packed = run(tools[t], plain, 700000, &n);
			in = memfile(packed, n);
		} else {
			in = memfile(plain, 700000); /* unknown format: copied */
		}
		assert_int_equal(mf_inflate_fd(in, 700000 - 1), -EFBIG);
		out = mf_inflate_fd(in, 700000);
		assert_true(out >= 0);
		assert_true(mf_memfile_is_sealed(out));
		assert_int_equal(mf_file_read(out, MIB, &back, &len), 0);
		assert_int_equal(len, 700000);
		assert_memory_equal(back, plain, len);
	}
	{
		_cleanup_close_ int in = memfile("", 0), out = mf_inflate_fd(in, 10);

		assert_true(out >= 0);
		assert_int_equal(lseek(out, 0, SEEK_END), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(every_format_comes_out_as_it_went_in),
		UNIT(concatenated_streams_are_one_file),
		UNIT(the_limit_holds_to_the_byte_and_for_a_bomb),
		UNIT(what_is_cut_changed_or_too_long_is_damaged),
		UNIT(a_small_file_may_not_ask_for_a_large_dictionary),
		UNIT(a_descriptor_becomes_a_sealed_file),
	};

	return UNIT_RUN(tests);
}
