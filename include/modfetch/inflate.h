/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_INFLATE_H
#define MODFETCH_INFLATE_H
/*
 * Decompression of gzip, xz and zstd by zlib, liblzma and libzstd, told apart by their magic, never
 * by a name. A limit holds on what comes out, so that a bomb costs no more than the limit.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* True if the bytes begin with the magic of a format mf_inflate() reads. */
bool mf_inflate_known(const void *buf, size_t len);

/*
 * Inflates LEN bytes into a new buffer of the caller's. Returns 0; -EFBIG when more than CAP bytes
 * would come out; -EBADMSG for damaged or truncated data, or bytes after the end; -EINVAL for an
 * unknown format; -ENOMEM.
 */
int mf_inflate(const void *buf, size_t len, size_t cap, void **ret_buf, size_t *ret_len);

/*
 * The same from a descriptor (read from offset 0) into a new, sealed memory file; a file in no
 * known format is copied. Returns the descriptor or one of the errors above.
 */
int mf_inflate_fd(int fd, size_t cap);

#endif
