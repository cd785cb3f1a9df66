/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads cpio archives in the format newc, as the kernel does (init/initramfs.c); the format is
 * described in Documentation/driver-api/early-userspace/buffer-format.rst:
 *
 *	magic "070701" or "070702", then 13 numbers of 8 hexadecimal digits: inode, mode, uid, gid,
 *	links, time, size, device (2), rdev (2), length of the name with its NUL, checksum
 *	name	padded so that header and name are a multiple of 4
 *	content	padded to a multiple of 4
 *
 * An entry "TRAILER!!!" ends an archive. Any number of NUL bytes and another archive may follow; the
 * lengths are counted from the begin of the archive, which the kernel wants at a multiple of 4.
 *
 * The input comes in pieces, as a decompressor makes it, so the reader is a state machine: it
 * gathers the bytes of one thing (a header, a name, a wanted content) or skips them. Trusts no
 * number: names and contents have limits, and so has the number of entries.
 */
#include "cpio.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"

#define HEADER_LEN   110
#define NAME_MAX_LEN 4096
#define ENTRIES_MAX  (1U << 20)
#define TRAILER	     "TRAILER!!!"

enum cpio_state { CPIO_BETWEEN, CPIO_HEADER, CPIO_NAME, CPIO_CONTENT, CPIO_SKIP };

struct mf_cpio {
	struct mf_cpio_visitor visitor;
	size_t content_max;
	enum cpio_state state;
	uint64_t left; /* bytes until the state ends */
	char *gathered;
	size_t n_gathered, room;
	uint32_t mode, name_len;
	uint64_t size;
	unsigned int entries;
	bool any; /* an archive was complete */
};

struct mf_cpio *mf_cpio_new(const struct mf_cpio_visitor *visitor, size_t content_max)
{
	struct mf_cpio *cpio = calloc(1, sizeof(*cpio));

	if (cpio) {
		cpio->visitor = *visitor;
		cpio->content_max = content_max;
	}
	return cpio;
}

void mf_cpio_free(struct mf_cpio *cpio)
{
	if (cpio)
		free(cpio->gathered);
	free(cpio);
}

static void cpio_enter(struct mf_cpio *cpio, enum cpio_state state, uint64_t left)
{
	cpio->state = state;
	cpio->left = left;
	cpio->n_gathered = 0;
}

static uint64_t cpio_padded(uint64_t len)
{
	return (len + 3) & ~(uint64_t)3;
}

/* The number in field N of the header. False: a byte is no digit. */
static bool cpio_number(const char *header, unsigned int n, uint32_t *ret)
{
	uint32_t value = 0;

	for (const char *p = header + 6 + (size_t)n * 8, *end = p + 8; p < end; p++) {
		int digit = mf_hex_digit(*p);

		if (digit < 0)
			return false;
		value = value << 4 | (uint32_t)digit;
	}
	*ret = value;
	return true;
}

static int cpio_end_header(struct mf_cpio *cpio)
{
	const char *h = cpio->gathered;
	uint32_t size;

	if ((memcmp(h, "070701", 6) != 0 && memcmp(h, "070702", 6) != 0) ||
	    !cpio_number(h, 1, &cpio->mode) || !cpio_number(h, 6, &size) ||
	    !cpio_number(h, 11, &cpio->name_len) || !cpio->name_len)
		return -EBADMSG;
	if (cpio->name_len > NAME_MAX_LEN || cpio->entries++ > ENTRIES_MAX)
		return -EFBIG;
	cpio->size = size;
	cpio_enter(cpio, CPIO_NAME, cpio_padded(HEADER_LEN + cpio->name_len) - HEADER_LEN);
	return 0;
}

static int cpio_end_name(struct mf_cpio *cpio)
{
	const struct mf_cpio_entry entry = { cpio->gathered, cpio->mode, cpio->size };
	int r;

	if (cpio->gathered[cpio->name_len - 1])
		return -EBADMSG;
	if (!strcmp(entry.name, TRAILER)) {
		cpio->any = true;
		cpio_enter(cpio, CPIO_BETWEEN, 0);
		return 0;
	}
	r = cpio->visitor.entry(cpio->visitor.arg, &entry);
	if (r < 0)
		return r;
	if (r > 0 && cpio->size > cpio->content_max)
		return -EFBIG;
	if (r > 0 && !cpio->size)
		r = cpio->visitor.content(cpio->visitor.arg, "", 0);
	if (!cpio->size)
		cpio_enter(cpio, CPIO_HEADER, HEADER_LEN);
	else
		cpio_enter(cpio, r > 0 ? CPIO_CONTENT : CPIO_SKIP, cpio_padded(cpio->size));
	return r < 0 ? r : 0;
}

static int cpio_end_state(struct mf_cpio *cpio)
{
	int r = 0;

	switch (cpio->state) {
	case CPIO_HEADER:
		return cpio_end_header(cpio);
	case CPIO_NAME:
		return cpio_end_name(cpio);
	case CPIO_CONTENT:
		r = cpio->visitor.content(cpio->visitor.arg, cpio->gathered, cpio->size);
		break;
	case CPIO_SKIP:
	case CPIO_BETWEEN:
		break;
	}
	cpio_enter(cpio, CPIO_HEADER, HEADER_LEN);
	return r;
}

static int cpio_gather(struct mf_cpio *cpio, const char *bytes, size_t len)
{
	if (mf_array_reserve(&cpio->gathered, &cpio->room, cpio->n_gathered + len, 1) < 0)
		return -ENOMEM;
	memcpy(cpio->gathered + cpio->n_gathered, bytes, len);
	cpio->n_gathered += len;
	return 0;
}

int mf_cpio_push(struct mf_cpio *cpio, const void *bytes, size_t len, size_t *ret_used)
{
	const char *p = bytes, *const end = p + len;
	int r = 0;

	while (!r && p < end) {
		size_t n = (size_t)(end - p);

		if (cpio->state == CPIO_BETWEEN) {
			if (*p && *p != '0')
				break;
			if (*p)
				cpio_enter(cpio, CPIO_HEADER, HEADER_LEN);
			else
				p++;
			continue;
		}
		if (n > cpio->left)
			n = (size_t)cpio->left;
		if (cpio->state != CPIO_SKIP)
			r = cpio_gather(cpio, p, n);
		p += n;
		cpio->left -= n;
		if (!r && !cpio->left)
			r = cpio_end_state(cpio);
	}
	*ret_used = (size_t)(p - (const char *)bytes);
	return r;
}

bool mf_cpio_complete(const struct mf_cpio *cpio)
{
	return cpio->state == CPIO_BETWEEN && cpio->any;
}
