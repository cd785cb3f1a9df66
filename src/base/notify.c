/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * systemd's notification protocol, and watches on the network and on memory.
 *
 * Only messages of the kernel are accepted: any process may write to a netlink socket, and a forged
 * message would make a service retry too early, again and again.
 */
#include "modfetch/journal.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "modfetch/cleanup.h"

int mf_notify(const char *fmt, ...)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = -1;
	size_t len = path ? strlen(path) : 0;
	char state[512];
	va_list ap;

	if (!len)
		return 0;
	if ((*path != '/' && *path != '@') || len >= sizeof(addr.sun_path))
		return -EINVAL;
	memcpy(addr.sun_path, path, len);
	if (*path == '@') /* the abstract namespace */
		addr.sun_path[0] = '\0';
	va_start(ap, fmt);
	vsnprintf(state, sizeof(state), fmt, ap);
	va_end(ap);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	return sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&addr,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)) < 0
		       ? -errno
		       : 0;
}

int mf_netwatch_open(void)
{
	const struct sockaddr_nl addr = {
		.nl_family = AF_NETLINK,
		.nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_IFADDR |
			     RTMGRP_IPV6_ROUTE,
	};
	_cleanup_close_ int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&addr, sizeof(addr)) < 0)
		return -errno;
	return mf_steal_fd(&fd);
}

int mf_memory_pressure_open(void)
{
	/* stalls of 150 ms within 2 s; without privileges Linux takes only multiples of 2 s */
	static const char trigger[] = "some 150000 2000000";
	_cleanup_close_ int fd = open("/proc/pressure/memory", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	/* the kernel wants the NUL too */
	if (fd < 0 || write(fd, trigger, sizeof(trigger)) < 0)
		return -errno;
	return mf_steal_fd(&fd);
}

/* 1: one of the messages reports a new address or route; 0. */
static int reports_addition(const char *buf, size_t len)
{
	while (len >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr h;

		memcpy(&h, buf, sizeof(h));
		if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > len)
			return 0;
		if (h.nlmsg_type == RTM_NEWADDR || h.nlmsg_type == RTM_NEWROUTE)
			return 1;
		if (NLMSG_ALIGN(h.nlmsg_len) > len)
			return 0;
		buf += NLMSG_ALIGN(h.nlmsg_len);
		len -= NLMSG_ALIGN(h.nlmsg_len);
	}
	return 0;
}

int mf_netwatch_read(int fd)
{
	int any = 0;

	for (;;) {
		struct sockaddr_nl from = { 0 };
		socklen_t size = sizeof(from);
		char buf[16384];
		ssize_t got = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == ENOBUFS) /* messages were lost: assume an addition */
			any = 1;
		else if (got < 0)
			return errno == EAGAIN ? any : -errno;
		else if (!from.nl_pid)
			any |= reports_addition(buf, (size_t)got);
	}
}
