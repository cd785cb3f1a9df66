/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Can the kernel and kmod decompress a module?
 *
 * kmod passes a compressed file to a kernel that decompresses modules, and decompresses it itself
 * for any other; other tools (an initrd, dracut, kexec'd systems) have their own mind. So a file
 * must be readable by both. Known limits:
 *	xz	the kernel checks CRC32 or nothing: a file with CRC64, xz's default, is refused
 *	zstd	kmod from version 34 on refuses a file without the size of its content
 *	any	the kernel reads the format that it was configured for (CONFIG_MODULE_COMPRESS_*)
 * The format is in the first bytes, as for kmod and the kernel; the name's ending does not count.
 * Without the kernel's configuration nothing is said about its formats.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/kernel-config.h"
#include "modfetch/strings.h"
#include "inspection.h"

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

int inspect_compression(struct inspection *in, struct entry *entry, const struct content *content)
{
	const uint8_t *head = (const uint8_t *)content->buf;

	for (size_t i = 0; content->len >= 8 && i < MF_ARRAY_SIZE(formats); i++) {
		const char *fault;

		if (memcmp(head, formats[i].magic, formats[i].magic_len) != 0)
			continue;
		fault = formats[i].fault ? formats[i].fault(head) : NULL;
		if (fault)
			return inspect_find_entry(in, entry, -MFE_COMPRESSION, "%s", fault);
		if (!in->config || mf_kernel_config_has(in->config, formats[i].option))
			return 0;
		return inspect_find_entry(
			in, entry, -MFE_COMPRESSION,
			"it is compressed with %s, and kernel %s was built without %s",
			formats[i].name, in->ctx->kernel, formats[i].option);
	}
	return 0;
}
