/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_NOTIFY_H
#define MODFETCH_NOTIFY_H
/*
 * What a service tells its manager, and what it waits for: systemd's notification socket, and the
 * kernel's word that something about the network changed. Libc only.
 */

/*
 * Sends "READY=1", "STATUS=…" to the socket in $NOTIFY_SOCKET. Not being started by systemd is no
 * error: 0 then, too. -errno otherwise.
 */
int mf_notify(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * A descriptor that becomes readable when an address or a route of this machine appears or goes; or
 * -errno. A netlink socket: it can send nothing to a network.
 */
int mf_netwatch_open(void);
/* Takes what is there to read; >0: an address or route appeared, 0: nothing that helps, or -errno.
 */
int mf_netwatch_read(int fd);

#endif
