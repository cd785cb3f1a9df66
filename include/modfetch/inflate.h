/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_INFLATE_H
#define MODFETCH_INFLATE_H
/*
 * Decompression of gzip, xz and zstd by zlib, liblzma and libzstd. The format is detected by its
 * magic, never by a file name. The output has a limit, so that a decompression bomb costs no more.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Do the bytes begin with the magic of a format that mf_inflate() reads? */
bool mf_inflate_known(const void *buf, size_t len);

/*
 * Inflates LEN bytes into a new buffer, the caller's to free, with a NUL after its *RET_LEN bytes.
 * 0; -EFBIG if the output is larger than CAP bytes; -EBADMSG for damaged or truncated data, or
 * bytes after the end; -EINVAL for an unknown format; -ENOMEM.
 */
int mf_inflate(const void *buf, size_t len, size_t cap, void **ret_buf, size_t *ret_len);

/*
 * The same from a descriptor (read from offset 0) into a new, sealed memory file; a file of unknown
 * format is copied. Returns the descriptor, one of the errors above, or another -errno.
 */
int mf_inflate_fd(int fd, size_t cap);

/*
 * Inflates the one stream at the beginning of LEN bytes, which other bytes may follow: of a format
 * above, of lzma or of lz4 (the legacy format), as in an initrd. VISIT gets the output in pieces of
 * at most 64 KiB; its return that is not 0 ends the work and is returned. RET_USED: the length of
 * the stream. 0 or one of the errors above.
 */
typedef int mf_inflate_visit(void *arg, const void *bytes, size_t len);
int mf_inflate_stream(const void *buf, size_t len, size_t cap, mf_inflate_visit *visit, void *arg,
		      size_t *ret_used);

#endif
