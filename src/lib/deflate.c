/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Compresses a buffer with zlib, liblzma or libzstd; the only file besides inflate.c that uses them.
 *
 * The form of the output is that of the kernel's own build (scripts/Makefile.modinst), so that every
 * reader of a module has seen it before:
 *	gzip	level 6, no file name, no time
 *	xz	CRC32, because the kernel checks no other sum; a dictionary of 1 MiB, which the kernel
 *		has to allocate while it reads the module
 *	zstd	level 3, with a checksum; all input is there before the first byte is written, so the
 *		frame states its size, as kmod from version 34 on demands
 * Each format is a row of a table with a bound for its output and a function that fills it. Nothing
 * here depends on a time, a name or a number of threads: the same bytes make the same file.
 */
#include "modfetch/deflate.h"
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"

#define GZIP_LEVEL    6
#define GZIP_WINDOW   (15 + 16) /* +16: gzip's header, not zlib's */
#define GZIP_MEMORY   8
#define XZ_PRESET     6
#define XZ_DICTIONARY (1U << 20)
#define ZSTD_LEVEL    3

static size_t gzip_bound(size_t len)
{
	/* of zlib's stream, which has 6 bytes of frame, and gzip's has 18 */
	return len < UINT_MAX / 2 ? compressBound(len) + 12 : 0;
}

static int gzip_fill(const void *buf, size_t len, void *out, size_t room, size_t *ret_len)
{
	z_stream z = { .next_in = buf,
		       .avail_in = (unsigned int)len,
		       .next_out = out,
		       .avail_out = (unsigned int)room };
	int r;

	if (deflateInit2(&z, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	r = deflate(&z, Z_FINISH);
	*ret_len = z.total_out;
	deflateEnd(&z);
	return r == Z_STREAM_END ? 0 : -ENOMEM;
}

static int xz_fill(const void *buf, size_t len, void *out, size_t room, size_t *ret_len)
{
	lzma_options_lzma options;
	lzma_filter filters[] = { { LZMA_FILTER_LZMA2, &options }, { LZMA_VLI_UNKNOWN, NULL } };

	if (lzma_lzma_preset(&options, XZ_PRESET))
		return -ENOMEM;
	options.dict_size = XZ_DICTIONARY;
	*ret_len = 0;
	return lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC32, NULL, buf, len, out, ret_len,
					 room) == LZMA_OK
		       ? 0
		       : -ENOMEM;
}

static void zstd_cleanup(ZSTD_CCtx **context)
{
	ZSTD_freeCCtx(*context);
}

static int zstd_fill(const void *buf, size_t len, void *out, size_t room, size_t *ret_len)
{
	_cleanup_(zstd_cleanup) ZSTD_CCtx *context = ZSTD_createCCtx();
	size_t n;

	if (!context ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, ZSTD_LEVEL)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)))
		return -ENOMEM;
	n = ZSTD_compress2(context, out, room, buf, len);
	if (ZSTD_isError(n))
		return -ENOMEM;
	*ret_len = n;
	return 0;
}

static const struct {
	const char *name;
	size_t (*bound)(size_t len); /* 0: more than the library takes */
	int (*fill)(const void *buf, size_t len, void *out, size_t room, size_t *ret_len);
} formats[] = {
	{ "gzip", gzip_bound, gzip_fill },
	{ "xz", lzma_stream_buffer_bound, xz_fill },
	{ "zstd", ZSTD_compressBound, zstd_fill },
};

int mf_deflate(const char *format, const void *buf, size_t len, void **ret_buf, size_t *ret_len)
{
	_cleanup_free_ void *out = NULL;
	size_t i = 0, room, n = 0;
	void *exact;
	int r;

	while (i < MF_ARRAY_SIZE(formats) && strcmp(format, formats[i].name) != 0)
		i++;
	if (i == MF_ARRAY_SIZE(formats))
		return -EINVAL;
	room = formats[i].bound(len);
	if (!room || ZSTD_isError(room))
		return -EFBIG;
	out = malloc(room);
	r = out ? formats[i].fill(buf, len, out, room, &n) : -ENOMEM;
	if (r < 0)
		return r;
	/* the bound is that of data which cannot be compressed */
	exact = realloc(out, n);
	if (exact)
		out = exact;
	*ret_buf = MF_STEAL(out);
	*ret_len = n;
	return 0;
}
