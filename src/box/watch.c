/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Waits for the end of a box: of every process in it.
 *
 * bwrap is two processes: the started one, which waits, and the first process of the box's namespace.
 * The kernel kills all processes of the namespace before the end of its first one is reported. So a
 * pidfd of that process, opened while it still waits for permission to start the build, says exactly
 * when nothing is left that could write, whatever the build forked or detached.
 *
 * The two lines that bwrap writes are numbers of a root process: {"child-pid": N, …} when the box is
 * made, {"exit-code": N} when the script has ended. The build does not have that descriptor.
 */
#include "watch.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"

#define AFTER_KILL_US                                                                              \
	10000000ULL /* a process in the middle of a write to a slow disk needs a moment */

static void watch_kill(struct box_watch *watch)
{
	kill(watch->pid, SIGKILL);
	if (watch->init >= 0)
		(void)syscall(SYS_pidfd_send_signal, watch->init, SIGKILL, NULL, 0);
}

static bool number_after(const char *line, const char *key, int *ret_number)
{
	const char *at = strstr(line, key);

	return at && sscanf(at + strlen(key), "%d", ret_number) == 1;
}

static int on_status_line(struct box_watch *watch, const char *line)
{
	int pid;

	if (number_after(line, "\"exit-code\": ", &watch->exit_code))
		return 0;
	if (watch->init >= 0 || !number_after(line, "\"child-pid\": ", &pid))
		return 0;
	/* it waits for the byte, so that the number is still its own */
	watch->init = (int)syscall(SYS_pidfd_open, pid, 0);
	if (watch->init < 0)
		return errno == ESRCH ? 0 : -errno;
	return mf_file_write(watch->go, "", 1);
}

/* > 0: bytes were read; 0: there is nothing now; -EPIPE: the end; or another -errno. */
static ssize_t read_some(int fd, char *buf, size_t size)
{
	ssize_t n = read(fd, buf, size);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	return n ? n : -EPIPE;
}

static int read_status(struct box_watch *watch)
{
	char *newline;
	ssize_t n = read_some(watch->status, watch->line + watch->line_len,
			      sizeof(watch->line) - 1 - watch->line_len);
	int r = 0;

	if (n <= 0)
		return (int)n;
	watch->line_len += (size_t)n;
	watch->line[watch->line_len] = '\0';
	while (!r && (newline = strchr(watch->line, '\n'))) {
		*newline++ = '\0';
		r = on_status_line(watch, watch->line);
		watch->line_len = strlen(newline);
		memmove(watch->line, newline, watch->line_len + 1);
	}
	/* bwrap writes no line of this length */
	return r ? r : watch->line_len == sizeof(watch->line) - 1 ? -EPROTO : 0;
}

static int read_log(const struct box_watch *watch, struct box_output *output)
{
	char buf[16384];
	ssize_t n = read_some(watch->log, buf, sizeof(buf));

	return n <= 0 ? (int)n : box_output_add(output, buf, (size_t)n);
}

enum { OUTER, INIT, LOG, STATUS, WATCHED };

/* Reads what can be read; a descriptor at its end is not polled again. 0 or -errno. */
static int on_events(struct box_watch *watch, struct box_output *output, struct pollfd *p)
{
	int r = 0;

	if (p[STATUS].revents) {
		r = read_status(watch);
		if (r == -EPIPE)
			p[STATUS].fd = -1;
		p[INIT].fd = watch->init;
	}
	if ((!r || r == -EPIPE) && p[LOG].revents) {
		r = read_log(watch, output);
		if (r == -EPIPE)
			p[LOG].fd = -1;
	}
	if (p[OUTER].revents) {
		/* the build has ended, and what it left behind ends with it */
		watch_kill(watch);
		p[OUTER].fd = -1;
	}
	return r == -EPIPE ? 0 : r;
}

/*
 * Is everything over? INIT_ENDED: the first process of the box has ended. Of a box that was not made
 * there is only PID.
 */
static bool is_over(const struct box_watch *watch, const struct pollfd *p, bool init_ended)
{
	return p[OUTER].fd < 0 && (init_ended || (watch->init < 0 && p[STATUS].fd < 0));
}

static int wait_for_all(struct box_watch *watch, struct box_output *output)
{
	struct pollfd p[WATCHED] = {
		[OUTER] = { .fd = watch->outer, .events = POLLIN },
		[INIT] = { .fd = -1, .events = POLLIN },
		[LOG] = { .fd = watch->log, .events = POLLIN },
		[STATUS] = { .fd = watch->status, .events = POLLIN },
	};
	bool init_ended = false, killed = false;
	int r = 0;

	while (!is_over(watch, p, init_ended)) {
		uint64_t now = mf_now_us();
		int s;

		if ((now >= watch->end || r < 0) && !killed) {
			watch->late = r == 0;
			killed = true;
			watch_kill(watch);
			watch->end = now + AFTER_KILL_US;
		} else if (now >= watch->end) {
			return r < 0 ? r : -ETIMEDOUT;
		}
		if (poll(p, WATCHED, (int)((watch->end - now) / 1000) + 1) < 0) {
			if (errno != EINTR)
				return -errno;
			continue;
		}
		s = on_events(watch, output, p);
		r = r < 0 ? r : s;
		if (p[INIT].fd >= 0 && p[INIT].revents) {
			init_ended = true;
			p[INIT].fd = -1;
		}
	}
	return r;
}

int box_watch(struct box_watch *watch, struct box_output *output)
{
	int r, status;

	watch->init = -1;
	watch->exit_code = -1;
	watch->outer = (int)syscall(SYS_pidfd_open, watch->pid, 0);
	r = watch->outer < 0 ? -errno : wait_for_all(watch, output);
	watch_kill(watch);
	while (waitpid(watch->pid, &status, 0) < 0 && errno == EINTR)
		;
	/* all that could write are gone: what they wrote last, up to the end */
	while (!r)
		r = read_status(watch);
	r = r == -EPIPE ? 0 : r;
	while (!r)
		r = read_log(watch, output);
	return r == -EPIPE ? 0 : r;
}
