/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sends a line to the journal with its native protocol: one datagram of KEY=VALUE lines.
 *
 * Values come from devices and from the network: all bytes that are not printable ASCII are
 * replaced, so a value can neither end its line nor start another field.
 */
#include "modfetch/journal.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "modfetch/cleanup.h"

enum { VALUE_MAX = 1024, LINE_MAX_ = 8192 };

/* syslog's levels, for the field PRIORITY */
static const char *const priorities[] = {
	[MF_LOG_ERROR] = "3",
	[MF_LOG_WARNING] = "4",
	[MF_LOG_INFO] = "6",
	[MF_LOG_DEBUG] = "7",
};

struct datagram {
	char buf[LINE_MAX_];
	size_t len;
};

/* Appends a field; one that does not fit is left out. */
static void journal_append(struct datagram *d, const char *key, const char *value)
{
	size_t klen = strlen(key), vlen = value ? strnlen(value, VALUE_MAX) : 0;
	char *p = d->buf + d->len;

	if (!value || d->len + klen + vlen + 2 > sizeof(d->buf))
		return;
	p = mempcpy(p, key, klen);
	*p++ = '=';
	for (size_t i = 0; i < vlen; i++)
		*p++ = value[i] < 0x20 || value[i] > 0x7e ? '?' : value[i];
	*p = '\n';
	d->len += klen + vlen + 2;
}

int mf_journal_send(enum mf_log_level level, const char *message_id, const char *message,
		    const struct mf_journal_field *fields, size_t n)
{
	const struct sockaddr_un addr = { .sun_family = AF_UNIX,
					  .sun_path = "/run/systemd/journal/socket" };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct datagram d;

	if (fd < 0)
		return -errno;
	d.len = 0;
	journal_append(&d, "MESSAGE", message);
	journal_append(&d, "PRIORITY", priorities[level]);
	journal_append(&d, "SYSLOG_IDENTIFIER", "modfetch");
	journal_append(&d, "MESSAGE_ID", message_id);
	for (size_t i = 0; i < n; i++)
		journal_append(&d, fields[i].key, fields[i].value);
	return sendto(fd, d.buf, d.len, MSG_NOSIGNAL, (const struct sockaddr *)&addr,
		      sizeof(addr)) < 0
		       ? -errno
		       : 0;
}
