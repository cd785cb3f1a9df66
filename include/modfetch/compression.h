/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_COMPRESSION_H
#define MODFETCH_COMPRESSION_H
/*
 * Can the kernel and kmod decompress a module? By the first bytes of its file, as they decide it: the
 * name's ending does not count. Formats: xz-file-format.txt 2.1.1.2, RFC 8878 3.1.1.1, RFC 1952.
 */
#include <stddef.h>

/* The first bytes that are looked at; a shorter file counts as not compressed. */
#define MF_COMPRESSION_HEAD 8

struct mf_compression {
	const char *name; /* "gzip", "xz" or "zstd"; NULL: not compressed */
	const char
		*option; /* what the kernel must be configured with, "CONFIG_MODULE_COMPRESS_XZ" */
	const char *fault; /* why no kernel, or no kmod, reads it, as part of a sentence; or NULL */
};

/* Of a file with the bytes HEAD, LEN of them or more. The strings are static. */
struct mf_compression mf_compression_of(const void *head, size_t len);

#endif
