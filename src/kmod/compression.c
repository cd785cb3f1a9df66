/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which compressed modules can be read.
 *
 * kmod passes a compressed file to a kernel that decompresses modules, and decompresses it itself
 * for any other; other tools (an initrd, dracut, kexec'd systems) have their own mind. So a file
 * must be readable by both. Known limits:
 *	xz	the kernel checks CRC32 or nothing: a file with CRC64, xz's default, is refused
 *	zstd	kmod from version 34 on refuses a file without the size of its content
 *	any	the kernel reads the format that it was configured for (CONFIG_MODULE_COMPRESS_*)
 */
#include "modfetch/compression.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include "modfetch/array.h"

/* The reason why a file of this format cannot be read, whatever the kernel; or NULL. */
typedef const char *format_fault(const uint8_t *head);

static const char *xz_fault(const uint8_t *head)
{
	switch (head[7] & 15) {
	case 0: /* nothing */
	case 1: /* CRC32 */
		return NULL;
	case 4:
		return "it is compressed with xz and CRC64, which the kernel cannot check; "
		       "compress it "
		       "with xz --check=crc32";
	default:
		return "it is compressed with xz and a checksum that the kernel does not have; "
		       "compress "
		       "it with xz --check=crc32";
	}
}

/* The frame header: RFC 8878, 3.1.1.1. */
static const char *zstd_fault(const uint8_t *head)
{
	bool has_size = head[4] >> 6 || head[4] & 32;

	return has_size ? NULL
			: "it is compressed with zstd without the size of its content, which kmod "
			  "from version 34 on refuses; compress the file and not a stream";
}

static const struct {
	const char *name;
	const char *option; /* of the kernel's configuration */
	format_fault *fault;
	uint8_t magic_len;
	uint8_t magic[6];
} formats[] = {
	{ "gzip", "CONFIG_MODULE_COMPRESS_GZIP", NULL, 2, { 0x1f, 0x8b } },
	{ "xz", "CONFIG_MODULE_COMPRESS_XZ", xz_fault, 6, { 0xfd, '7', 'z', 'X', 'Z', 0 } },
	{ "zstd", "CONFIG_MODULE_COMPRESS_ZSTD", zstd_fault, 4, { 0x28, 0xb5, 0x2f, 0xfd } },
};

struct mf_compression mf_compression_of(const void *head, size_t len)
{
	for (size_t i = 0; len >= MF_COMPRESSION_HEAD && i < MF_ARRAY_SIZE(formats); i++)
		if (!memcmp(head, formats[i].magic, formats[i].magic_len))
			return (struct mf_compression){ formats[i].name, formats[i].option,
							formats[i].fault ? formats[i].fault(head)
									 : NULL };
	return (struct mf_compression){ 0 };
}
