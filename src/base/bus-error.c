/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The handler of SIGBUS: prints one line, then returns to a guard or exits.
 *
 * modfetch and libkmod map the indexes, since a lookup needs few of their pages. The price is that
 * a disk's EIO arrives in the middle of any instruction. Code of modfetch that walks a map declares
 * it with a guard (the map and a place to return to) and gets an error code. Outside of a guard the
 * state of the process is unknown, and the only safe reaction is to exit at once: an installation
 * is noted on disk before it starts, and the next run undoes it.
 *
 * The handler may interrupt any code, so it only makes system calls. It looks up the file's name in
 * /proc/self/maps; without /proc it prints "a mapped file". A guard only covers addresses inside
 * its map: an error in another map that a visitor reads exits the process.
 */
#include "modfetch/process.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "modfetch/strings.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

#define LINE_MAX_BYTES 4608 /* a path and six numbers */

struct guard {
	uintptr_t start, end;
	struct guard *outer;
	sigjmp_buf back;
};

/*
 * The command and its module of verbs contain a copy of this file each, with separate guards; the
 * copy that set a guard last owns the handler. With this TLS model the handler does not call the
 * dynamic linker to find its copy, which would not be async-signal-safe.
 */
static _Thread_local struct guard *guards __attribute__((tls_model("initial-exec")));

static uintptr_t parse_hex(const char **p)
{
	uintptr_t n = 0;

	for (; mf_hex_digit(**p) >= 0; (*p)++)
		n = n << 4 | (uintptr_t)mf_hex_digit(**p);
	return n;
}

/* Line: "start-end perms offset device inode   path". The path if AT is in that range, or NULL. */
static const char *path_of_line(const char *line, uintptr_t at)
{
	uintptr_t start = parse_hex(&line), end;

	line += *line == '-';
	end = parse_hex(&line);
	return at >= start && at < end ? strchr(line, '/') : NULL;
}

/* Reads the next line of FD without its newline, truncated to the buffer. False: end of file. */
static bool read_line(int fd, char line[LINE_MAX_BYTES])
{
	size_t n = 0;
	char c;

	while (read(fd, &c, 1) == 1) {
		if (c == '\n') {
			line[n] = '\0';
			return true;
		}
		if (n + 1 < LINE_MAX_BYTES)
			line[n++] = c;
	}
	return false;
}

/* Replaces bytes that could control a terminal. */
static void bus_error_sanitize(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || (unsigned char)*text >= 0x7f)
			*text = '?';
}

/* Writes the line in one call: several processes share this stream. */
static void bus_error_print(const char *path)
{
	char line[LINE_MAX_BYTES + 128];
	char *end = stpcpy(line, "modfetch: read: ");
	ssize_t done;

	end = stpcpy(end, path);
	end = stpcpy(end, ": cannot be read: Input/output error [EIO]\n");
	done = write(STDERR_FILENO, line, (size_t)(end - line));
	(void)done;
}

static void bus_error_report(const void *address)
{
	char line[LINE_MAX_BYTES] = "";
	const char *path = NULL;
	int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && !path && read_line(fd, line))
		path = path_of_line(line, (uintptr_t)address);
	if (path)
		bus_error_sanitize(line);
	if (fd >= 0)
		close(fd);
	bus_error_print(path ? path : "a mapped file");
}

static void on_bus_error(int number, siginfo_t *info, void *context)
{
	uintptr_t at = (uintptr_t)info->si_addr;
	struct guard *guard = guards;

	/* sent by kill(): keep the default action, which counts as a crash */
	if (info->si_code <= 0) {
		(void)signal(number, SIG_DFL);
		(void)raise(number);
		_exit(1);
	}
	bus_error_report(info->si_addr);
	while (guard && (at < guard->start || at >= guard->end))
		guard = guard->outer;
	if (!guard)
		_exit(1);
	guards = guard->outer;
	siglongjmp(guard->back, 1);
}

static bool is_handled(void)
{
	struct sigaction now;

	return !sigaction(SIGBUS, NULL, &now) && (now.sa_flags & SA_SIGINFO) &&
	       now.sa_sigaction == on_bus_error;
}

void mf_bus_errors(void)
{
	/* SA_NODEFER: the handler may be left by siglongjmp(), which would keep SIGBUS blocked */
	struct sigaction action = { .sa_sigaction = on_bus_error,
				    .sa_flags = SA_SIGINFO | SA_NODEFER };

	sigemptyset(&action.sa_mask);
	(void)sigaction(SIGBUS, &action, NULL);
}

int mf_bus_guarded(const void *map, size_t len, mf_bus_work *work, void *arg)
{
	struct guard guard = { .start = (uintptr_t)map,
			       .end = (uintptr_t)map + len,
			       .outer = guards };
	int r;

	if (!is_handled())
		mf_bus_errors();
	if (sigsetjmp(guard.back, 0))
		return -EIO;
	guards = &guard;
	r = work(arg);
	guards = guard.outer;
	return r;
}

int mf_bus_populate(void *map, size_t len)
{
	return madvise(map, len, MADV_POPULATE_READ) < 0 && errno != EINVAL ? -errno : 0;
}
