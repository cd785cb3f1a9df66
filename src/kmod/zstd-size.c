/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Does a file in zstd state its size, as kmod needs it since version 34?
 *
 * That kmod makes room for what the first frame states, and inflates the whole file into it: a frame
 * that states no size (made from a pipe) or 0, or frames that are together larger (of pzstd), are an
 * error. Only the headers of frames and blocks are read; sizes are little-endian:
 *	frame	magic FD2FB528, a descriptor byte, then by its bits: a window (1 byte), a dictionary
 *		id, the content size; blocks; with bit 2 a checksum (4 bytes)
 *	block	3 bytes: bit 0 last, bits 1-2 type, the rest its size; of type 1 one byte follows
 *	other	magic 184D2A50 to 184D2A5F, a size (4 bytes), as many bytes: skipped
 * Source: RFC 8878. Trusts no byte.
 */
#include <string.h>
#include "modfetch/modinfo.h"

#define MAGIC	      0xFD2FB528u
#define MAGIC_SKIPPED 0x184D2A50u

struct rest {
	const uint8_t *p;
	size_t len;
};

/* Takes N bytes as a number. False: there are fewer. */
static bool take(struct rest *rest, size_t n, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (rest->len < n)
		return false;
	for (size_t i = n; i--;)
		number = number << 8 | rest->p[i];
	rest->p += n;
	rest->len -= n;
	*ret_number = number;
	return true;
}

static bool skip(struct rest *rest, uint64_t n)
{
	if (rest->len < n)
		return false;
	rest->p += n;
	rest->len -= n;
	return true;
}

/* The header of a frame after its magic. False: damaged, or it states no size. */
static bool take_header(struct rest *rest, bool *ret_checksum, uint64_t *ret_size)
{
	static const uint8_t id_sizes[] = { 0, 1, 2, 4 }, content_sizes[] = { 0, 2, 4, 8 };
	uint64_t descriptor, size;
	bool single;
	size_t n;

	if (!take(rest, 1, &descriptor))
		return false;
	single = descriptor & 0x20;
	n = content_sizes[descriptor >> 6];
	if (!n && single)
		n = 1;
	if (!n || !skip(rest, !single + (uint64_t)id_sizes[descriptor & 3]) ||
	    !take(rest, n, &size))
		return false;
	*ret_checksum = descriptor & 4;
	*ret_size = n == 2 ? size + 256 : size;
	return true;
}

static bool skip_blocks(struct rest *rest, bool checksum)
{
	uint64_t head;

	do {
		if (!take(rest, 3, &head) || !skip(rest, (head >> 1 & 3) == 1 ? 1 : head >> 3))
			return false;
	} while (!(head & 1));
	return skip(rest, checksum ? 4 : 0);
}

bool mf_zstd_states_size(const void *buf, size_t len)
{
	struct rest rest = { buf, len };
	uint64_t room = 0, magic, size;
	bool checksum;

	for (bool first = true; rest.len; first = false) {
		if (!take(&rest, 4, &magic))
			return false;
		if (!first && (magic & ~0xFull) == MAGIC_SKIPPED) {
			if (!take(&rest, 4, &size) || !skip(&rest, size))
				return false;
			continue;
		}
		if (magic != MAGIC || !take_header(&rest, &checksum, &size))
			return false;
		if (first)
			room = size;
		if ((first && !size) || size > room)
			return false;
		room -= size;
		if (!skip_blocks(&rest, checksum))
			return false;
	}
	return len > 0;
}
