/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The only file that uses zlib, liblzma, libzstd and liblz4 for reading; deflate.c writes.
 *
 * Each format is one row of a table: a magic, and the functions to begin, step and end a decoder.
 * One loop drives all decoders, from memory or from a descriptor, into memory or into a descriptor,
 * and counts the output: the limit is checked before a byte is stored, so a bomb costs its limit
 * plus one window. The decoders' own memory is bounded too (xz by a memory limit, zstd by its
 * largest window), since a tiny file may ask for a dictionary of gigabytes.
 *
 * Concatenated streams (gzip members, xz streams, zstd frames) are one file, as for the formats'
 * own tools. Any other bytes after the end are an error, and so is an early end.
 *
 * An initrd may be compressed in two more formats, and be one of several streams: for those one
 * stream at the beginning of a buffer is inflated. The legacy format of lz4, which the kernel reads
 * (lib/decompress_unlz4.c), is a magic and blocks of at most 8 MiB, each after its length.
 *
 * Trusts no byte of the input; never uses a file's name.
 */
#include "modfetch/inflate.h"
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#define ZLIB_CONST
#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"

#define CHUNK	    ((size_t)64 << 10)
#define XZ_MEMORY   ((uint64_t)513 << 20) /* kmod reads such dictionaries */
#define LZ4_BLOCK   (8 << 20)
#define ZSTD_WINDOW 27 /* 128 MiB, the default limit of the zstd tool */

/* Input and output of a decoder, which advances both pointers. */
struct window {
	const uint8_t *in;
	size_t in_len;
	uint8_t *out;
	size_t out_len;
	bool last; /* no input after this */
};

struct decoder {
	const struct format *format;
	bool single; /* ends after one stream */
	union {
		z_stream z;
		lzma_stream xz;
		ZSTD_DStream *zstd;
		struct {
			char *block;
			size_t at, len; /* of the output that is in BLOCK */
			bool begun;
		} lz4;
	} u;
};

enum step { STEP_MORE, STEP_END }; /* inside a stream, or at the end of one */

struct format {
	uint8_t magic[6];
	size_t magic_len;
	int (*begin)(struct decoder *d);
	int (*step)(struct decoder *d, struct window *w); /* enum step or -errno */
	void (*end)(struct decoder *d);
};

static int gzip_begin(struct decoder *d)
{
	d->u.z = (z_stream){ 0 };
	/* +16: expect gzip's header, not zlib's */
	return inflateInit2(&d->u.z, 15 + 16) == Z_OK ? 0 : -ENOMEM;
}

static unsigned int clamp(size_t len)
{
	return len > 1u << 30 ? 1u << 30 : (unsigned int)len;
}

static int gzip_step(struct decoder *d, struct window *w)
{
	z_stream *z = &d->u.z;
	unsigned int in = clamp(w->in_len), out = clamp(w->out_len);
	int r;

	z->next_in = w->in;
	z->avail_in = in;
	z->next_out = w->out;
	z->avail_out = out;
	r = inflate(z, Z_NO_FLUSH);
	w->in += in - z->avail_in;
	w->in_len -= in - z->avail_in;
	w->out += out - z->avail_out;
	w->out_len -= out - z->avail_out;
	switch (r) {
	case Z_STREAM_END:
		return inflateReset(z) == Z_OK ? STEP_END : -EBADMSG;
	case Z_OK:
	case Z_BUF_ERROR:
		return STEP_MORE;
	case Z_MEM_ERROR:
		return -ENOMEM;
	default:
		return -EBADMSG;
	}
}

static void gzip_end(struct decoder *d)
{
	inflateEnd(&d->u.z);
}

static int xz_begin(struct decoder *d)
{
	d->u.xz = (lzma_stream)LZMA_STREAM_INIT;
	return lzma_stream_decoder(&d->u.xz, XZ_MEMORY, d->single ? 0 : LZMA_CONCATENATED) ==
			       LZMA_OK
		       ? 0
		       : -ENOMEM;
}

static int lzma_begin(struct decoder *d)
{
	d->u.xz = (lzma_stream)LZMA_STREAM_INIT;
	return lzma_alone_decoder(&d->u.xz, XZ_MEMORY) == LZMA_OK ? 0 : -ENOMEM;
}

static int xz_step(struct decoder *d, struct window *w)
{
	lzma_stream *xz = &d->u.xz;
	lzma_ret r;

	xz->next_in = w->in;
	xz->avail_in = w->in_len;
	xz->next_out = w->out;
	xz->avail_out = w->out_len;
	r = lzma_code(xz, w->last ? LZMA_FINISH : LZMA_RUN);
	w->in = xz->next_in;
	w->in_len = xz->avail_in;
	w->out = xz->next_out;
	w->out_len = xz->avail_out;
	if (r == LZMA_STREAM_END)
		return STEP_END;
	if (r == LZMA_OK || r == LZMA_BUF_ERROR)
		return STEP_MORE;
	return r == LZMA_MEM_ERROR ? -ENOMEM : -EBADMSG;
}

static void xz_end(struct decoder *d)
{
	lzma_end(&d->u.xz);
}

static int zstd_begin(struct decoder *d)
{
	d->u.zstd = ZSTD_createDStream();
	if (!d->u.zstd)
		return -ENOMEM;
	if (ZSTD_isError(ZSTD_DCtx_setParameter(d->u.zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW))) {
		ZSTD_freeDStream(d->u.zstd);
		return -ENOMEM;
	}
	return 0;
}

static int zstd_step(struct decoder *d, struct window *w)
{
	ZSTD_inBuffer in = { w->in, w->in_len, 0 };
	ZSTD_outBuffer out = { w->out, w->out_len, 0 };
	size_t r = ZSTD_decompressStream(d->u.zstd, &out, &in);

	w->in += in.pos;
	w->in_len -= in.pos;
	w->out += out.pos;
	w->out_len -= out.pos;
	if (ZSTD_isError(r))
		return -EBADMSG;
	return r ? STEP_MORE : STEP_END;
}

static void zstd_end(struct decoder *d)
{
	ZSTD_freeDStream(d->u.zstd);
}

static int lz4_begin(struct decoder *d)
{
	d->u.lz4.block = malloc(LZ4_BLOCK);
	return d->u.lz4.block ? 0 : -ENOMEM;
}

/* Inflates the next block. All input is in the window: only one stream of a buffer is read. */
static int lz4_next_block(struct decoder *d, struct window *w)
{
	const uint8_t *p = w->in + (d->u.lz4.begun ? 0 : d->format->magic_len);
	size_t left = w->in_len - (size_t)(p - w->in);
	uint32_t size = 0;
	int got;

	if (left >= sizeof(size))
		memcpy(&size, p, sizeof(size));
	size = le32toh(size);
	/* the format has no end mark: other bytes than a length begin something else */
	if (!size || size > LZ4_COMPRESSBOUND(LZ4_BLOCK))
		return d->u.lz4.begun ? STEP_END : -EBADMSG;
	if (size > left - 4)
		return -EBADMSG;
	got = LZ4_decompress_safe((const char *)p + 4, d->u.lz4.block, (int)size, LZ4_BLOCK);
	if (got < 0)
		return -EBADMSG;
	p += 4 + size;
	w->in_len -= (size_t)(p - w->in);
	w->in = p;
	d->u.lz4.begun = true;
	d->u.lz4.at = 0;
	d->u.lz4.len = (size_t)got;
	return STEP_MORE;
}

static int lz4_step(struct decoder *d, struct window *w)
{
	size_t n = d->u.lz4.len - d->u.lz4.at;

	if (!n)
		return lz4_next_block(d, w);
	if (n > w->out_len)
		n = w->out_len;
	memcpy(w->out, d->u.lz4.block + d->u.lz4.at, n);
	d->u.lz4.at += n;
	w->out += n;
	w->out_len -= n;
	return STEP_MORE;
}

static void lz4_end(struct decoder *d)
{
	free(d->u.lz4.block);
}

static const struct format formats[] = {
	{ { 0x1f, 0x8b }, 2, gzip_begin, gzip_step, gzip_end },
	{ { 0xfd, '7', 'z', 'X', 'Z', 0 }, 6, xz_begin, xz_step, xz_end },
	{ { 0x28, 0xb5, 0x2f, 0xfd }, 4, zstd_begin, zstd_step, zstd_end },
	{ { 0x5d, 0, 0 }, 3, lzma_begin, xz_step, xz_end },
	{ { 0x02, 0x21, 0x4c, 0x18 }, 4, lz4_begin, lz4_step, lz4_end },
};
#define N_FORMATS 3 /* those after it only for mf_inflate_stream() */

static const struct format *inflate_identify(const void *buf, size_t len, size_t n)
{
	for (size_t i = 0; len && i < n; i++)
		if (len >= formats[i].magic_len &&
		    !memcmp(buf, formats[i].magic, formats[i].magic_len))
			return &formats[i];
	return NULL;
}

bool mf_inflate_known(const void *buf, size_t len)
{
	return inflate_identify(buf, len, N_FORMATS);
}

/* The input: FD, read in chunks, or memory that has all of it (FD < 0). */
struct source {
	int fd;
	off_t at;
	uint8_t *chunk;
};

static int refill(struct source *src, struct window *w)
{
	ssize_t got;

	if (src->fd < 0) {
		w->last = true;
		return 0;
	}
	do
		got = pread(src->fd, src->chunk, CHUNK, src->at);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	src->at += got;
	w->in = src->chunk;
	w->in_len = (size_t)got;
	w->last = !got;
	return 0;
}

/* The output: a growing buffer, or FD through a buffer of one chunk. */
struct sink {
	int fd;
	uint8_t *buf;
	size_t room;
	size_t held;  /* bytes in buf */
	size_t total; /* bytes of output so far */
	size_t cap;
};

/* Makes room, up to one byte over the limit, so that the caller detects a larger output. */
static int inflate_make_room(struct sink *sink)
{
	size_t room = sink->room * 2;
	uint8_t *bigger;

	if (sink->fd >= 0) {
		int r = mf_file_write(sink->fd, sink->buf, sink->held);

		sink->held = 0;
		return r;
	}
	if (room > sink->cap)
		room = sink->cap + 1;
	bigger = realloc(sink->buf, room + 1);
	if (!bigger)
		return -ENOMEM;
	sink->buf = bigger;
	sink->room = room;
	return 0;
}

static int drive(struct decoder *d, struct source *src, struct window *w, struct sink *sink)
{
	int state = STEP_MORE;

	for (;;) {
		size_t in_before, out_before;
		int r;

		if (!w->in_len && !w->last) {
			r = refill(src, w);
			if (r < 0)
				return r;
		}
		if (state == STEP_END && !w->in_len && w->last)
			return 0;
		if (sink->held == sink->room) {
			r = inflate_make_room(sink);
			if (r < 0)
				return r;
		}
		w->out = sink->buf + sink->held;
		w->out_len = sink->room - sink->held;
		in_before = w->in_len;
		out_before = w->out_len;
		state = d->format->step(d, w);
		if (state < 0)
			return state;
		sink->held += out_before - w->out_len;
		sink->total += out_before - w->out_len;
		if (sink->total > sink->cap)
			return -EFBIG;
		/* no input, no output, no more input to come: the file is truncated */
		if (state == STEP_MORE && w->last && !w->in_len && in_before == w->in_len &&
		    out_before == w->out_len)
			return -EBADMSG;
	}
}

static int inflate_all(const struct format *format, struct source *src, struct window *w,
		       struct sink *sink)
{
	struct decoder d = { .format = format };
	int r = format->begin(&d);

	if (r < 0)
		return r;
	r = drive(&d, src, w, sink);
	format->end(&d);
	return r;
}

int mf_inflate(const void *buf, size_t len, size_t cap, void **ret_buf, size_t *ret_len)
{
	const struct format *format = inflate_identify(buf, len, N_FORMATS);
	struct window w = { .in = buf, .in_len = len, .last = true };
	struct source src = { .fd = -1 };
	struct sink sink = { .fd = -1, .cap = cap };
	int r;

	if (!format)
		return -EINVAL;
	/* modules compress to about a quarter */
	sink.room = len < (cap / 4) ? len * 4 + 64 : cap + 1;
	sink.buf = malloc(sink.room + 1);
	if (!sink.buf)
		return -ENOMEM;
	r = inflate_all(format, &src, &w, &sink);
	if (r < 0) {
		free(sink.buf);
		return r;
	}
	sink.buf[sink.held] = '\0';
	*ret_buf = sink.buf;
	*ret_len = sink.held;
	return 0;
}

static int inflate_copy_all(struct source *src, struct window *w, int fd, size_t cap)
{
	size_t total = 0;

	while (w->in_len) {
		int r;

		total += w->in_len;
		if (total > cap)
			return -EFBIG;
		r = mf_file_write(fd, w->in, w->in_len);
		if (r >= 0)
			r = refill(src, w);
		if (r < 0)
			return r;
	}
	return 0;
}

int mf_inflate_fd(int fd, size_t cap)
{
	_cleanup_free_ uint8_t *in = malloc(CHUNK), *out = malloc(CHUNK);
	_cleanup_close_ int memfd = mf_memfile_new("inflated");
	struct source src = { .fd = fd, .chunk = in };
	struct window w = { 0 };
	const struct format *format;
	int r;

	if (!in || !out)
		return -ENOMEM;
	if (memfd < 0)
		return memfd;
	r = refill(&src, &w);
	if (r < 0)
		return r;
	format = inflate_identify(w.in, w.in_len, N_FORMATS);
	if (format) {
		struct sink sink = { .fd = memfd, .buf = out, .room = CHUNK, .cap = cap };

		r = inflate_all(format, &src, &w, &sink);
		if (r >= 0)
			r = mf_file_write(memfd, out, sink.held);
	} else {
		r = inflate_copy_all(&src, &w, memfd, cap);
	}
	if (r >= 0)
		r = mf_memfile_seal(memfd);
	return r < 0 ? r : mf_steal_fd(&memfd);
}

/* ---- one stream of several ---- */

static int stream_drive(struct decoder *d, struct window *w, size_t cap, uint8_t *out,
			mf_inflate_visit *visit, void *arg)
{
	size_t total = 0;
	int state = STEP_MORE, r = 0;

	while (state == STEP_MORE && !r) {
		size_t in_before = w->in_len, got;

		w->out = out;
		w->out_len = CHUNK;
		state = d->format->step(d, w);
		if (state < 0)
			return state;
		got = CHUNK - w->out_len;
		total += got;
		if (total > cap)
			return -EFBIG;
		if (got)
			r = visit(arg, out, got);
		else if (state == STEP_MORE && in_before == w->in_len)
			return -EBADMSG;
	}
	return r;
}

int mf_inflate_stream(const void *buf, size_t len, size_t cap, mf_inflate_visit *visit, void *arg,
		      size_t *ret_used)
{
	struct decoder d = { .format = inflate_identify(buf, len, MF_ARRAY_SIZE(formats)),
			     .single = true };
	struct window w = { .in = buf, .in_len = len, .last = true };
	_cleanup_free_ uint8_t *out = malloc(CHUNK);
	int r;

	r = !d.format ? -EINVAL : out ? d.format->begin(&d) : -ENOMEM;
	if (r < 0)
		return r;
	r = stream_drive(&d, &w, cap, out, visit, arg);
	d.format->end(&d);
	if (!r)
		*ret_used = len - w.in_len;
	return r;
}
