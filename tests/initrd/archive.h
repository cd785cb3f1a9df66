/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_INITRD_ARCHIVE_H
#define TESTS_INITRD_ARCHIVE_H
/* Archives in the format newc, and initrds made of them. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct archive {
	char *bytes;
	size_t len;
};

static inline void archive_put(struct archive *a, const void *bytes, size_t len)
{
	a->bytes = realloc(a->bytes, a->len + len + 1);
	assert_non_null(a->bytes);
	memcpy(a->bytes + a->len, bytes, len);
	a->len += len;
}

static inline void archive_pad(struct archive *a, size_t multiple)
{
	while (a->len % multiple)
		archive_put(a, "", 1);
}

static inline void archive_entry(struct archive *a, const char *name, unsigned int mode,
				 const void *content, size_t len)
{
	char header[160];

	snprintf(header, sizeof(header),
		 "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X", 1U, mode, 0U, 0U,
		 1U, 0U, len, 0U, 0U, 0U, 0U, strlen(name) + 1, 0U);
	archive_put(a, header, 110);
	archive_put(a, name, strlen(name) + 1);
	archive_pad(a, 4);
	archive_put(a, content, len);
	archive_pad(a, 4);
}

static inline void archive_end(struct archive *a)
{
	archive_entry(a, "TRAILER!!!", 0, "", 0);
}

/* The legacy format of lz4, with blocks of literals only, as lz4(1) writes incompressible data. */
static inline struct archive archive_lz4(const struct archive *plain)
{
	struct archive a = { 0 };
	size_t at = 0;

	archive_put(&a, "\x02\x21\x4c\x18", 4);
	while (at < plain->len) {
		size_t n = plain->len - at < 65536 ? plain->len - at : 65536, left;
		struct archive block = { 0 };
		uint32_t len;

		archive_put(&block, n < 15 ? (char[]){ (char)(n << 4) } : "\xf0", 1);
		for (left = n < 15 ? 0 : n - 15; n >= 15; left -= 255) {
			archive_put(&block, (char[]){ (char)(left < 255 ? left : 255) }, 1);
			if (left < 255)
				break;
		}
		archive_put(&block, plain->bytes + at, n);
		len = (uint32_t)block.len;
		archive_put(&a, &len, 4);
		archive_put(&a, block.bytes, block.len);
		free(block.bytes);
		at += n;
	}
	return a;
}

#endif
