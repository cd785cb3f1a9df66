/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DEPMOD_BUF_H
#define DEPMOD_BUF_H
#include <stdbool.h>
#include <stddef.h>

/* A growing buffer. Once FAILED (out of memory) it takes nothing more. */
struct dm_buf {
	char *p;
	size_t len, room;
	bool failed;
};

/* Room for N more bytes: their address, or NULL. The caller advances LEN. */
char *dm_buf_reserve(struct dm_buf *buf, size_t n);
void dm_buf_add(struct dm_buf *buf, const void *bytes, size_t n);
void dm_buf_adds(struct dm_buf *buf, const char *s);
void dm_buf_done(struct dm_buf *buf);

#endif
