/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The process that becomes the first program of a box's command.
 *
 * Between fork and exec there are system calls alone, because the caller may have other threads,
 * which may have held locks of libc. The process gives up all that it inherited: signals,
 * descriptors, environment and terminal; its priority stays that of the caller. If the machine runs
 * out of memory, the kernel takes it from the box first, also if the caller is a service that it
 * takes last. It mounts the file system of the box in a mount namespace that nobody else is in, so
 * that no mount outlives it.
 *
 * It does not ask to be killed with its parent, bwrap does that later. If it were killed in
 * between, bwrap's child would wait for it for ever; so it makes the box to its end, whose first
 * process then finds that nobody answers (watch.c).
 */
#include "start.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HIGH	64  /* above the numbers that the program gets */
#define NO_EXEC 127 /* as a shell ends if it cannot start a program */

static char *const environment[] = {
	(char *)"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
	(char *)"LC_ALL=C",
	(char *)"HOME=/tmp",
	(char *)"TMPDIR=/tmp",
	(char *)"USER=" MF_BOX_USER,
	(char *)"LOGNAME=" MF_BOX_USER,
	NULL,
};

static void start_fail(const char *step)
{
	static const char before[] = "modfetch: the box could not be made: ";
	int out = BOX_FD_ERR;

	if (write(out, before, sizeof(before) - 1) < 0 || write(out, step, strlen(step)) < 0 ||
	    write(out, "\n", 1) < 0)
		_exit(NO_EXEC);
	_exit(NO_EXEC);
}

static void reset_signals(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;

	sigemptyset(&none);
	for (int i = 1; i < NSIG; i++)
		(void)sigaction(i, &action, NULL);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Any process may say that of itself; where it cannot, without /proc, the limits have to do. */
static void offer_memory(void)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "1000", 4) < 0)
		start_fail("oom_score_adj");
	if (fd >= 0)
		close(fd);
}

/* All descriptors that are not for the program. */
static void close_others(void)
{
	struct rlimit limit;

	if (!syscall(SYS_close_range, BOX_FDS, ~0U, 0))
		return;
	/* before Linux 5.9 */
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		start_fail("getrlimit");
	for (rlim_t fd = BOX_FDS; fd < limit.rlim_max && fd < 1 << 20; fd++)
		close((int)fd);
}

/*
 * Two steps, because one of FDS may have the number of another's place. RET_TREE is out of the way
 * too.
 */
static void place_fds(const int fds[BOX_FDS], int tree, int *ret_tree)
{
	int high[BOX_FDS];

	for (int i = 0; i < BOX_FDS; i++) {
		high[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, HIGH);
		if (high[i] < 0)
			_exit(NO_EXEC);
	}
	*ret_tree = fcntl(tree, F_DUPFD_CLOEXEC, HIGH);
	for (int i = 0; i < BOX_FDS; i++)
		if (dup2(high[i], i) < 0)
			_exit(NO_EXEC);
}

static void start_child(char *const *argv, int tree, const int fds[BOX_FDS])
{
	reset_signals();
	place_fds(fds, tree, &tree);
	if (setsid() < 0)
		start_fail("setsid");
	umask(022);
	offer_memory();
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		start_fail("this process may not mount; run it outside of a container");
	if (syscall(SYS_move_mount, tree, "", AT_FDCWD, BOX_MOUNT, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		start_fail("nothing can be mounted at " BOX_MOUNT);
	if (chdir("/") < 0)
		start_fail("chdir");
	close_others();
	execve(argv[0], argv, environment);
	start_fail(argv[0]);
}

int box_start(const struct mf_strings *argv, int tree, const int fds[BOX_FDS], pid_t *ret_pid)
{
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid)
		start_child(argv->v, tree, fds);
	*ret_pid = pid;
	return 0;
}
