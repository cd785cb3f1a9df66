/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds the parts of a package file and walks its payload.
 *
 * A package is a lead of 96 bytes, a signature header (padded to 8), a header, and the payload.
 * Both headers are 16 bytes (magic, index count, data length), an index of 16 bytes per entry (tag,
 * type, offset, count; all big-endian), and data. Only the header's signature is looked up here;
 * librpm reads the header.
 *
 * The archive has the "new ASCII" format: 110 bytes of hexadecimal fields, the name, the data, each
 * padded to 4. rpm's variant for files over 4 GiB is refused.
 *
 * Every length is checked against the remaining bytes before use; nothing is copied.
 */
#include "modfetch/modinfo.h"
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include "modfetch/strings.h"

#define LEAD_LEN   96
#define INTRO_LEN  16
#define ENTRY_LEN  16
#define MAX_INDEX  65536
#define MAX_DATA   (256U << 20)
#define TYPE_BIN   7
#define CPIO_INTRO 110
#define MAX_NAME   4096

/* Tags of a signature header that hold an OpenPGP signature over the header. */
enum { TAG_DSAHEADER = 267, TAG_RSAHEADER = 268 };

static uint32_t be32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

/* The length of the header at P, at most LEFT; 0: no valid header. */
static size_t header_len(const uint8_t *p, size_t left)
{
	static const uint8_t magic[] = { 0x8e, 0xad, 0xe8, 0x01 };
	uint32_t entries, data;
	size_t len;

	if (left < INTRO_LEN || memcmp(p, magic, sizeof(magic)))
		return 0;
	entries = be32(p + 8);
	data = be32(p + 12);
	if (!entries || entries > MAX_INDEX || data > MAX_DATA)
		return 0;
	len = INTRO_LEN + (size_t)entries * ENTRY_LEN + data;
	return len <= left ? len : 0;
}

/* The binary value of TAG in a header that header_len() accepted. */
static bool find_binary(const uint8_t *header, uint32_t tag, const uint8_t **ret, size_t *ret_len)
{
	uint32_t entries = be32(header + 8), data_len = be32(header + 12);
	const uint8_t *data = header + INTRO_LEN + (size_t)entries * ENTRY_LEN;

	for (uint32_t i = 0; i < entries; i++) {
		const uint8_t *entry = header + INTRO_LEN + (size_t)i * ENTRY_LEN;
		uint32_t offset = be32(entry + 8), count = be32(entry + 12);

		if (be32(entry) != tag || be32(entry + 4) != TYPE_BIN)
			continue;
		if (offset > data_len || count > data_len - offset || !count)
			return false;
		*ret = data + offset;
		*ret_len = count;
		return true;
	}
	return false;
}

int mf_rpmfile_parse(const void *buf, size_t len, struct mf_rpmfile *ret_file)
{
	static const uint8_t lead[] = { 0xed, 0xab, 0xee, 0xdb };
	struct mf_rpmfile file = { 0 };
	const uint8_t *p = buf, *end = p + len;
	size_t sig_len, padded;

	if (len < LEAD_LEN || memcmp(p, lead, sizeof(lead)))
		return -EBADMSG;
	p += LEAD_LEN;
	sig_len = header_len(p, (size_t)(end - p));
	padded = (sig_len + 7) & ~(size_t)7;
	if (!sig_len || padded > (size_t)(end - p))
		return -EBADMSG;
	if (!find_binary(p, TAG_RSAHEADER, &file.signature, &file.signature_len))
		(void)find_binary(p, TAG_DSAHEADER, &file.signature, &file.signature_len);
	p += padded;
	file.header = p;
	file.header_len = header_len(p, (size_t)(end - p));
	if (!file.header_len)
		return -EBADMSG;
	file.payload = p + file.header_len;
	file.payload_len = (size_t)(end - file.payload);
	*ret_file = file;
	return 0;
}

/* Eight hexadecimal digits. */
static bool parse_field(const uint8_t *p, uint32_t *ret)
{
	uint32_t value = 0;

	for (int i = 0; i < 8; i++) {
		int digit = mf_hex_digit((char)p[i]);

		if (digit < 0)
			return false;
		value = value << 4 | (uint32_t)digit;
	}
	*ret = value;
	return true;
}

static size_t pad4(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

int mf_cpio_each(const void *buf, size_t len, mf_cpio_visit *visit, void *arg)
{
	const uint8_t *p = buf;
	size_t at = 0;

	for (;;) {
		uint32_t mode, size, name_len;
		const char *name;
		size_t data;
		int r;

		/* all offsets from the start of the archive are aligned to 4 */
		if (len - at < CPIO_INTRO ||
		    (memcmp(p + at, "070701", 6) && memcmp(p + at, "070702", 6)) ||
		    !parse_field(p + at + 14, &mode) || !parse_field(p + at + 54, &size) ||
		    !parse_field(p + at + 94, &name_len))
			return -EBADMSG;
		if (!name_len || name_len > MAX_NAME || name_len > len - at - CPIO_INTRO)
			return -EBADMSG;
		name = (const char *)p + at + CPIO_INTRO;
		if (strnlen(name, name_len) != name_len - 1)
			return -EBADMSG;
		if (!strcmp(name, "TRAILER!!!"))
			return 0;
		data = pad4(at + CPIO_INTRO + name_len);
		if (data > len || size > len - data)
			return -EBADMSG;
		r = visit(arg, name, mode, p + data, size);
		if (r)
			return r;
		at = pad4(data + size);
		if (at > len)
			return -EBADMSG;
	}
}
