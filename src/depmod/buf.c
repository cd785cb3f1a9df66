/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The growing buffer that indexes and segments are made in. Running out of memory is remembered
 * rather than returned, so that a long sequence of additions is checked once, at its end; until
 * then additions do nothing.
 */
#include <stdlib.h>
#include <string.h>
#include "buf.h"

char *dm_buf_reserve(struct dm_buf *buf, size_t n)
{
	if (buf->failed)
		return NULL;
	if (n > buf->room - buf->len || !buf->p) {
		size_t room = buf->room ? buf->room * 2 : 4096;
		char *p;

		if (room < buf->len + n)
			room = buf->len + n;
		p = realloc(buf->p, room);
		if (!p) {
			buf->failed = true;
			return NULL;
		}
		buf->p = p;
		buf->room = room;
	}
	return buf->p + buf->len;
}

void dm_buf_add(struct dm_buf *buf, const void *bytes, size_t n)
{
	char *p = dm_buf_reserve(buf, n);

	if (!p || !n)
		return;
	memcpy(p, bytes, n);
	buf->len += n;
}

void dm_buf_adds(struct dm_buf *buf, const char *s)
{
	dm_buf_add(buf, s, strlen(s));
}

void dm_buf_done(struct dm_buf *buf)
{
	free(buf->p);
	*buf = (struct dm_buf){ 0 };
}
