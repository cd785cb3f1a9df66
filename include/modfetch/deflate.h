/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_DEFLATE_H
#define MODFETCH_DEFLATE_H
/* Compression of a file as a kernel and kmod can read it: the counterpart of modfetch/inflate.h. */
#include <stddef.h>

/*
 * Compresses LEN bytes in FORMAT, a name of struct mf_compression: "gzip" (without name and time),
 * "xz" (with CRC32, the only checksum that the kernel has) or "zstd" (with the size of the content
 * and a checksum). The same input has the same output with the same version of the library. The
 * output is the caller's to free. 0; -EINVAL: another format; -EFBIG: LEN is beyond what the
 * library takes; -ENOMEM.
 */
int mf_deflate(const char *format, const void *buf, size_t len, void **ret_buf, size_t *ret_len);

#endif
