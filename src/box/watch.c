/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waits for the end of a box: of every process in it.
 *
 * The kernel kills all processes of a namespace of processes before the end of its first one is
 * reported. So a pidfd of that process says exactly when nothing is left that could write, whatever
 * the build forked or detached. The process asks for permission before it runs any foreign code;
 * the kernel adds its number to the message, and while it waits for the answer the number is its
 * own.
 *
 * The answer is also what makes a kill of modfetch safe. Each process of the chain modfetch, bwrap,
 * first process asks the kernel to be killed when the one before it dies. But until it has asked,
 * its parent may die unnoticed. The question comes from the end of the chain when all have asked;
 * if modfetch is dead by then, the answer is the end of the socket, and the first process exits.
 */
#include "watch.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "modfetch/file.h"

#define AFTER_KILL_US 10000000ULL /* a process that the disk keeps from dying needs a moment */

static void watch_kill(const struct box_watch *watch)
{
	/* the first process of the box first: as long as bwrap waits for it, it cannot be missed */
	if (watch->init >= 0)
		(void)syscall(SYS_pidfd_send_signal, watch->init, SIGKILL, NULL, 0);
	if (watch->outer >= 0)
		(void)syscall(SYS_pidfd_send_signal, watch->outer, SIGKILL, NULL, 0);
}

/*
 * The number of the process that wrote to CONTROL; 0: there is no message; -EPIPE: its end; or
 * another -errno.
 */
static pid_t read_sender(int control)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} space;
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &space,
		.msg_controllen = sizeof(space),
	};
	ssize_t n = recvmsg(control, &message, MSG_CMSG_CLOEXEC);
	const struct cmsghdr *header = n > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	struct ucred sender;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0)
		return n < 0 && errno != ECONNRESET ? -errno : -EPIPE;
	if (!header || header->cmsg_type != SCM_CREDENTIALS)
		return -EPROTO;
	memcpy(&sender, CMSG_DATA(header), sizeof(sender));
	return sender.pid > 0 ? sender.pid : -EPROTO;
}

/* The box is made: it may run the build now, once. */
static int on_control(struct box_watch *watch)
{
	pid_t pid = read_sender(watch->control);

	if (pid <= 0 || watch->init >= 0)
		return pid < 0 ? pid : 0;
	watch->init = (int)syscall(SYS_pidfd_open, pid, 0);
	if (watch->init < 0)
		return -errno;
	return send(watch->control, "\n", 1, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* 0: something was read, or there is nothing now; -EPIPE: the end; or another -errno. */
static int read_log(const struct box_watch *watch, struct box_output *output)
{
	char buf[16384];
	ssize_t n = read(watch->log, buf, sizeof(buf));

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	return n ? box_output_add(output, buf, (size_t)n) : -EPIPE;
}

enum { OUTER, INIT, LOG, CONTROL, WATCHED };

/* A descriptor at its end is not polled again. 0 or -errno. */
static int on_events(struct box_watch *watch, struct box_output *output, struct pollfd *p)
{
	int r = 0;

	if (p[INIT].revents)
		p[INIT].fd = -1;
	if (p[CONTROL].revents) {
		r = on_control(watch);
		if (watch->init >= 0 || r == -EPIPE)
			p[CONTROL].fd = -1;
		p[INIT].fd = watch->init;
	}
	if ((!r || r == -EPIPE) && p[LOG].revents) {
		r = read_log(watch, output);
		if (r == -EPIPE)
			p[LOG].fd = -1;
	}
	if (p[OUTER].revents) {
		/* it may have been killed alone */
		watch_kill(watch);
		p[OUTER].fd = -1;
	}
	return r == -EPIPE ? 0 : r;
}

static int wait_for_all(struct box_watch *watch, struct box_output *output)
{
	struct pollfd p[WATCHED] = {
		[OUTER] = { .fd = watch->outer, .events = POLLIN },
		[INIT] = { .fd = -1, .events = POLLIN },
		[LOG] = { .fd = watch->log, .events = POLLIN },
		[CONTROL] = { .fd = watch->control, .events = POLLIN },
	};
	bool killed = false;
	int r = 0;

	while (p[OUTER].fd >= 0 || p[INIT].fd >= 0) {
		uint64_t now = mf_now_us();
		int s;

		if (now >= watch->end && killed)
			return r < 0 ? r : -ETIMEDOUT;
		if (now >= watch->end || (r < 0 && !killed)) {
			watch->late = !r;
			killed = true;
			watch_kill(watch);
			watch->end = now + AFTER_KILL_US;
		}
		s = poll(p, WATCHED, (int)((watch->end - now) / 1000) + 1);
		if (s < 0 && errno != EINTR)
			return -errno;
		s = s > 0 ? on_events(watch, output, p) : 0;
		r = r < 0 ? r : s;
	}
	return r;
}

int box_watch(struct box_watch *watch, struct box_output *output)
{
	int r, status = 0;

	watch->init = -1;
	watch->outer = (int)syscall(SYS_pidfd_open, watch->pid, 0);
	r = watch->outer < 0 ? -errno : wait_for_all(watch, output);
	if (watch->outer < 0)
		kill(watch->pid, SIGKILL);
	watch_kill(watch);
	while (waitpid(watch->pid, &status, 0) < 0 && errno == EINTR)
		;
	watch->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	/* all that could write are gone: what they wrote last, up to the end */
	while (!r)
		r = read_log(watch, output);
	return r == -EPIPE ? 0 : r;
}
