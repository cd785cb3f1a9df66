/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is compressed here is read by the formats' own tools, which also say how it was made. */
#include "tests/unit.h"
#include "tests/shell.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/compression.h"
#include "modfetch/deflate.h"
#include "modfetch/file.h"
#include "modfetch/inflate.h"
#include "modfetch/modinfo.h"

static const char *const formats[] = { "gzip", "xz", "zstd" };

static int enter(void **state)
{
	*state = enter_scratch();
	return 0;
}

/* Text that compresses to about a third. */
static char *sample(size_t len)
{
	char *buf = malloc(len + 1);
	uint32_t x = 1;

	assert_non_null(buf);
	for (size_t i = 0; i < len; i++) {
		x = x * 1664525 + 1013904223;
		buf[i] = (char)('a' + (x >> 29));
	}
	return buf;
}

static void save(const char *name, const void *buf, size_t len)
{
	_cleanup_close_ int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_int_equal(mf_file_write(fd, buf, len), 0);
}

static void each_tool_reads_it_and_so_do_we(void **state)
{
	static const size_t sizes[] = { 0, 1, 255, 256, 65536, 3000017 };

	for (size_t s = 0; s < MF_ARRAY_SIZE(sizes); s++) {
		_cleanup_free_ char *plain = sample(sizes[s]);

		save("plain", plain, sizes[s]);
		for (size_t f = 0; f < MF_ARRAY_SIZE(formats); f++) {
			_cleanup_free_ void *packed = NULL, *out = NULL;
			size_t packed_len, len;

			assert_int_equal(
				mf_deflate(formats[f], plain, sizes[s], &packed, &packed_len), 0);
			if (sizes[s] > 1000)
				assert_true(packed_len < sizes[s] / 2);
			assert_int_equal(mf_inflate(packed, packed_len, sizes[s], &out, &len), 0);
			assert_int_equal(len, sizes[s]);
			assert_memory_equal(out, plain, len);
			save("packed", packed, packed_len);
			run("%s -dc <packed | cmp - plain", formats[f]);
		}
	}
}

static void kernel_and_kmod_can_read_the_form(void **state)
{
	_cleanup_free_ char *plain = sample(2000000);

	for (size_t f = 0; f < MF_ARRAY_SIZE(formats); f++) {
		_cleanup_free_ void *packed = NULL;
		struct mf_compression compression;
		size_t len;

		assert_int_equal(mf_deflate(formats[f], plain, 2000000, &packed, &len), 0);
		compression = mf_compression_of(packed, len);
		assert_string_equal(compression.name, formats[f]);
		assert_null(compression.fault);
		assert_int_equal(mf_zstd_states_size(packed, len), !strcmp(formats[f], "zstd"));
		save("packed", packed, len);
	}
	run("zstd -lv packed 2>&1 | grep -q '(2000000 B)' && zstd -lv packed | grep -q XXH64");
}

static void xz_has_crc32_and_a_dictionary_of_a_mebibyte(void **state)
{
	_cleanup_free_ char *plain = sample(4000000);
	_cleanup_free_ void *packed = NULL;
	size_t len;

	assert_int_equal(mf_deflate("xz", plain, 4000000, &packed, &len), 0);
	save("packed.xz", packed, len);
	run("xz --robot -lvv packed.xz | grep -q '^block.*CRC32.*--lzma2=dict=1MiB'");
}

static void the_same_bytes_make_the_same_file(void **state)
{
	_cleanup_free_ char *plain = sample(100000);

	for (size_t f = 0; f < MF_ARRAY_SIZE(formats); f++) {
		_cleanup_free_ void *one = NULL, *two = NULL;
		size_t len, again;

		assert_int_equal(mf_deflate(formats[f], plain, 100000, &one, &len), 0);
		sleep(f == 0); /* gzip's header has room for a time */
		assert_int_equal(mf_deflate(formats[f], plain, 100000, &two, &again), 0);
		assert_int_equal(len, again);
		assert_memory_equal(one, two, len);
	}
}

static void another_format_is_refused(void **state)
{
	void *out = NULL;
	size_t len;

	assert_int_equal(mf_deflate("lz4", "x", 1, &out, &len), -EINVAL);
	assert_int_equal(mf_deflate("", "x", 1, &out, &len), -EINVAL);
	assert_null(out);
}

static void data_that_cannot_be_compressed_has_room(void **state)
{
	_cleanup_free_ char *noise = NULL;
	size_t noise_len;

	run("head -c 1000000 /dev/urandom >noise");
	assert_int_equal(mf_file_read_at(AT_FDCWD, "noise", 1 << 20, &noise, &noise_len), 0);
	for (size_t f = 0; f < MF_ARRAY_SIZE(formats); f++) {
		_cleanup_free_ void *packed = NULL, *out = NULL;
		size_t packed_len, len;

		assert_int_equal(mf_deflate(formats[f], noise, noise_len, &packed, &packed_len), 0);
		assert_int_equal(mf_inflate(packed, packed_len, noise_len, &out, &len), 0);
		assert_memory_equal(out, noise, noise_len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(each_tool_reads_it_and_so_do_we),
		UNIT(kernel_and_kmod_can_read_the_form),
		UNIT(xz_has_crc32_and_a_dictionary_of_a_mebibyte),
		UNIT(the_same_bytes_make_the_same_file),
		UNIT(another_format_is_refused),
		UNIT(data_that_cannot_be_compressed_has_room),
	};

	return cmocka_run_group_tests(tests, enter, remove_scratch);
}
