/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_JOURNAL_H
#define MODFETCH_JOURNAL_H
/*
 * Sends one structured line to the journal over its native socket, without a library. Never blocks:
 * a line that the journal cannot take is lost. systemd/modfetch.catalog explains each message id.
 */
#include <stddef.h>
#include "modfetch/context.h"

/* The messages with an id: an admin can search for them, and the catalog explains them. */
#define MF_MESSAGE_REFUSED   "40e50110e55e472fa5f51d55625c5f19"
#define MF_MESSAGE_INSTALLED "46c429560b964cff9fa285f104e6b423"
#define MF_MESSAGE_FAILED    "3e5947e7916c41b8b9ba2ed793fe6339"
#define MF_MESSAGE_DEFERRED  "22bdfb3d75304feea0796b867bb9a71c"
#define MF_MESSAGE_LIMITED   "836bd7f0667e48ec85adc5db2c8836f7"

struct mf_journal_field {
	const char *key;   /* capitals, digits and '_' */
	const char *value; /* NULL: the field is left out; bytes outside ASCII print become '?' */
};

/*
 * Sends MESSAGE with its id (NULL: none), its level and N fields, each cut at 1,024 bytes. 0, or
 * -errno where there is no journal; the caller may then use stderr. Records nothing.
 */
int mf_journal_send(enum mf_log_level level, const char *message_id, const char *message,
		    const struct mf_journal_field *fields, size_t n);

/*
 * The state that a service reports to systemd's notification socket, and the kernel's messages
 * about changes of the network and about memory. Libc only.
 */

/*
 * Sends "READY=1" or "STATUS=…" to the socket in $NOTIFY_SOCKET. 0, also without that variable
 * (systemd has not started this process); or -errno.
 */
int mf_notify(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * A descriptor that becomes readable when an address or a route of this machine is added or
 * removed; or -errno. It is a netlink socket, which cannot send to a network.
 */
int mf_netwatch_open(void);
/*
 * A descriptor for which poll(2) reports POLLPRI when processes of this machine have to wait for
 * memory; or -errno. Linux before 6.5 permits it only with CAP_SYS_RESOURCE.
 */
int mf_memory_pressure_open(void);
/* Reads all pending messages. 1: an address or a route was added; 0: none was; or -errno. */
int mf_netwatch_read(int fd);

#endif
