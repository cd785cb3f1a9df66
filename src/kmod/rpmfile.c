/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds the parts of a package file and walks its payload.
 *
 * A package is a lead of 96 bytes, a signature header (padded to 8), a header, and the payload.
 * Both headers are 16 bytes (magic, index count, data length), an index of 16 bytes per entry (tag,
 * type, offset, count; all big-endian), and data. Only the header's signatures are looked up here;
 * librpm reads the header.
 *
 * The archive has the "new ASCII" format: 110 bytes of hexadecimal fields, the name, the data, each
 * padded to 4. rpm's variant, of packages in format 6 or with files over 4 GiB, has instead of the
 * fields and the name the number of the file in the header's list, in hexadecimal after "07070X".
 *
 * Every length is checked against the remaining bytes before use; nothing is copied.
 */
#include "modfetch/modinfo.h"
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/strings.h"

#define LEAD_LEN   96
#define INTRO_LEN  16
#define ENTRY_LEN  16
#define MAX_INDEX  65536
#define MAX_DATA   (256U << 20)
#define CPIO_INTRO 110
/* The magic and a number of eight digits. */
#define CPIO_NUMBERED 14
#define MAX_NAME      4096

/* Types of values. */
enum { TYPE_BIN = 7, TYPE_STRING_ARRAY = 8 };
/* Tags of a signature header that hold OpenPGP signatures over the header: binary, and base64. */
enum { TAG_DSAHEADER = 267, TAG_RSAHEADER = 268, TAG_OPENPGP = 278 };

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

/* A value of a header: COUNT elements from DATA on, which has LEN bytes to the end of all values. */
struct value {
	const uint8_t *data;
	size_t len;
	uint32_t count;
};

/* The value of TAG in a header that header_len() accepted. */
static bool find_value(const uint8_t *header, uint32_t tag, uint32_t type, struct value *ret)
{
	uint32_t entries = be32(header + 8), data_len = be32(header + 12);
	const uint8_t *data = header + INTRO_LEN + (size_t)entries * ENTRY_LEN;

	for (uint32_t i = 0; i < entries; i++) {
		const uint8_t *entry = header + INTRO_LEN + (size_t)i * ENTRY_LEN;
		uint32_t offset = be32(entry + 8), count = be32(entry + 12);

		if (be32(entry) != tag || be32(entry + 4) != type)
			continue;
		if (offset > data_len || count > data_len - offset || !count)
			return false;
		*ret = (struct value){ data + offset, data_len - offset, count };
		return true;
	}
	return false;
}

static void find_signatures(const uint8_t *header, struct mf_rpmfile *file)
{
	struct value value;
	size_t len = 0;

	if (find_value(header, TAG_RSAHEADER, TYPE_BIN, &value) ||
	    find_value(header, TAG_DSAHEADER, TYPE_BIN, &value)) {
		file->signature = value.data;
		file->signature_len = value.count;
	}
	if (!find_value(header, TAG_OPENPGP, TYPE_STRING_ARRAY, &value))
		return;
	for (uint32_t i = 0; i < value.count; i++) {
		const uint8_t *end = memchr(value.data + len, '\0', value.len - len);

		if (!end)
			return;
		len = (size_t)(end - value.data) + 1;
	}
	file->encoded = (const char *)value.data;
	file->n_encoded = value.count;
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
	find_signatures(p, &file);
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

/* One file of an archive: its header is read, its data is still unchecked. */
struct member {
	const char *name;
	uint32_t mode;
	uint64_t size;
	size_t header_len;
};

static bool parse_named(const uint8_t *p, size_t left, struct member *ret)
{
	uint32_t size, name_len;

	if (left < CPIO_INTRO || !parse_field(p + 14, &ret->mode) || !parse_field(p + 54, &size) ||
	    !parse_field(p + 94, &name_len))
		return false;
	if (!name_len || name_len > MAX_NAME || name_len > left - CPIO_INTRO)
		return false;
	ret->name = (const char *)p + CPIO_INTRO;
	ret->size = size;
	ret->header_len = CPIO_INTRO + name_len;
	return strnlen(ret->name, name_len) == name_len - 1;
}

static bool parse_numbered(const uint8_t *p, size_t left, const struct mf_cpio_list *list,
			   struct member *ret)
{
	const struct mf_cpio_file *file;
	uint32_t i;

	if (left < CPIO_NUMBERED || !parse_field(p + 6, &i) || !list || i >= list->n)
		return false;
	file = &list->files[i];
	ret->name = file->name;
	ret->mode = file->mode;
	/* the list's sizes of directories are those of the machine that built the package */
	ret->size = S_ISREG(file->mode) || S_ISLNK(file->mode) ? file->size : 0;
	ret->header_len = CPIO_NUMBERED;
	return true;
}

static bool parse_member(const uint8_t *p, size_t left, const struct mf_cpio_list *list,
			 struct member *ret)
{
	if (left < 6)
		return false;
	if (!memcmp(p, "070701", 6) || !memcmp(p, "070702", 6))
		return parse_named(p, left, ret);
	return !memcmp(p, "07070X", 6) && parse_numbered(p, left, list, ret);
}

int mf_cpio_each(const void *buf, size_t len, const struct mf_cpio_list *list, mf_cpio_visit *visit,
		 void *arg)
{
	const uint8_t *p = buf;
	size_t at = 0;

	for (;;) {
		struct member member;
		size_t data;
		int r;

		/* all offsets from the start of the archive are aligned to 4 */
		if (!parse_member(p + at, len - at, list, &member))
			return -EBADMSG;
		if (!strcmp(member.name, "TRAILER!!!"))
			return 0;
		data = pad4(at + member.header_len);
		if (data > len || member.size > len - data)
			return -EBADMSG;
		r = visit(arg, member.name, member.mode, p + data, (size_t)member.size);
		if (r)
			return r;
		at = pad4(data + (size_t)member.size);
		if (at > len)
			return -EBADMSG;
	}
}
