/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Sends and receives packets between the fetch stage and its helper; src/fetch/fetch-wire.h defines
 * them.
 *
 * Neither side is trusted: a packet that is too short, too long, or has more than one descriptor is
 * refused as a whole, and its descriptors are closed. Text may have any byte but NUL; code that
 * prints it must sanitize it.
 */
#include "fetch-wire.h"
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"

/* Room for more than the one allowed descriptor, so that a second one is seen and closed. */
#define MAX_FDS 4

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(MAX_FDS * sizeof(int))];
};

const char *const mf_wire_variables[] = {
	"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
	"ALL_PROXY",  "no_proxy",    "NO_PROXY",    NULL,
};

/*
 * Waits for EVENTS or the deadline. 0: something may have happened; -ETIMEDOUT; or another -errno.
 */
static int fetch_wire_wait_for(int fd, short events, uint64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = events };
	uint64_t now = mf_now_us();
	int ms = -1;

	if (deadline) {
		if (now >= deadline)
			return -ETIMEDOUT;
		ms = (int)((deadline - now) / 1000) + 1;
	}
	return poll(&p, 1, ms) < 0 && errno != EINTR ? -errno : 0;
}

int mf_wire_send(int fd, const struct mf_wire *packet, const char *text, int pass,
		 uint64_t deadline)
{
	struct iovec iov[2] = {
		{ (void *)packet, sizeof(*packet) },
		{ (void *)text, text ? strnlen(text, MF_WIRE_TEXT) : 0 },
	};
	struct msghdr msg = { .msg_iov = iov, .msg_iovlen = 2 };
	union control control = { 0 };

	if (pass >= 0) {
		struct cmsghdr *c = &control.align;

		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &pass, sizeof(int));
	}
	for (;;) {
		int r;

		if (sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
			return 0;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		r = fetch_wire_wait_for(fd, POLLOUT, deadline);
		if (r < 0)
			return r;
	}
}

/* Collects the descriptors of a message. Returns their number. */
static size_t take_fds(struct msghdr *msg, int fds[MAX_FDS])
{
	size_t n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t here = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < here && n < MAX_FDS; i++)
			memcpy(&fds[n++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
	}
	return n;
}

int mf_wire_receive(int fd, struct mf_wire *ret_packet, char ret_text[MF_WIRE_TEXT + 1],
		    int *ret_fd, uint64_t deadline)
{
	struct mf_wire packet;
	struct iovec iov[2] = { { &packet, sizeof(packet) }, { ret_text, MF_WIRE_TEXT } };
	union control control = { 0 };
	struct msghdr msg = {
		.msg_iov = iov,
		.msg_iovlen = 2,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int fds[MAX_FDS];
	size_t n;
	ssize_t got;

	while ((got = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC)) < 0) {
		int r;

		if (errno == ECONNRESET)
			return 0;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		r = fetch_wire_wait_for(fd, POLLIN, deadline);
		if (r < 0)
			return r == -ETIMEDOUT ? -EAGAIN : r;
	}
	n = take_fds(&msg, fds);
	if (!got && !n)
		return 0;
	if (got < (ssize_t)sizeof(packet) || n > 1 || (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		while (n)
			close(fds[--n]);
		return -EBADMSG;
	}
	ret_text[(size_t)got - sizeof(packet)] = '\0';
	*ret_packet = packet;
	*ret_fd = n ? fds[0] : -1;
	return 1;
}
