/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds the requester of a module in /proc/PID/stat, fields 2 (comm), 4 (ppid) and 9 (flags) of
 * proc(5).
 *
 * The kernel starts modprobe as a child of one of its threads (kernel/umh.c); a user's process
 * never has such a parent, not even an orphan, which becomes a child of init. A process whose
 * parent is outside of this pid namespace has ppid 0: the requester is unknown, and counts as the
 * kernel.
 */
#include "stub-request.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/array.h"

#define PF_KTHREAD    0x00200000UL /* include/linux/sched.h */
#define SHELLS_MAX    3
#define ANCESTORS_MAX 8

struct process {
	char comm[32];
	pid_t parent;
	unsigned long flags;
};

/* Reads at most SIZE - 1 bytes as a string; false: the file is empty or cannot be read. */
static bool stub_read_text(const char *root, const char *path, char *buf, size_t size)
{
	char full[256];
	ssize_t n;
	int fd;

	snprintf(full, sizeof(full), "%s/%s", root, path);
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, buf, size - 1);
	close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static bool read_process(const char *root, pid_t pid, struct process *ret)
{
	char path[64], text[1024], *open_paren, *close_paren;
	int parent;

	snprintf(path, sizeof(path), "proc/%d/stat", (int)pid);
	if (pid <= 0 || !stub_read_text(root, path, text, sizeof(text)))
		return false;
	/* comm may contain parentheses: the last one in the line ends it */
	open_paren = strchr(text, '(');
	close_paren = strrchr(text, ')');
	if (!open_paren || !close_paren || close_paren < open_paren)
		return false;
	snprintf(ret->comm, sizeof(ret->comm), "%.*s", (int)(close_paren - open_paren - 1),
		 open_paren + 1);
	if (sscanf(close_paren + 1, " %*c %d %*d %*d %*d %*d %lu", &parent, &ret->flags) != 2)
		return false;
	ret->parent = parent;
	return true;
}

static bool is_shell(const char *comm)
{
	static const char *const shells[] = { "sh", "dash", "bash", "ash", "busybox", "ksh" };

	for (size_t i = 0; i < MF_ARRAY_SIZE(shells); i++)
		if (!strcmp(comm, shells[i]))
			return true;
	return false;
}

bool mf_stub_kernel_asks(const char *root, pid_t parent)
{
	struct process modprobe, above;

	if (!read_process(root, parent, &modprobe))
		return true;
	/* modprobe's system(3) starts a shell, which may have replaced itself by the command */
	for (int i = 0; i < SHELLS_MAX && is_shell(modprobe.comm); i++)
		if (!read_process(root, modprobe.parent, &modprobe))
			return true;
	return !read_process(root, modprobe.parent, &above) || above.flags & PF_KTHREAD;
}

bool mf_stub_udev_asks(const char *root, pid_t parent)
{
	static const char *const names[] = { "(udev-worker)", "systemd-udevd", "udevd" };
	struct process process = { .parent = parent };

	for (int i = 0; i < ANCESTORS_MAX && read_process(root, process.parent, &process); i++)
		for (size_t k = 0; k < MF_ARRAY_SIZE(names); k++)
			if (!strcmp(process.comm, names[k]))
				return true;
	return false;
}

bool mf_stub_system_ready(const char *root)
{
	char path[256], line[4096];

	snprintf(path, sizeof(path), "%s/etc/initrd-release", root);
	if (!access(path, F_OK))
		return false;
	if (!stub_read_text(root, "proc/cmdline", line, sizeof(line)))
		return true;
	for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n"))
		if (!strcmp(word, "modfetch=off"))
			return false;
	return true;
}
