/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* As root, for whom the kernel would allow these calls: the filter is what refuses them. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "src/box/syscalls.h"

#ifdef __s390__
#define CLONE(flags) syscall(SYS_clone, 0, flags)
#else
#define CLONE(flags) syscall(SYS_clone, flags, 0, 0, 0, 0)
#endif

static void enter_filter(void)
{
	_cleanup_close_ int fd = box_syscalls_filter();
	struct sock_fprog program = { 0 };
	size_t len = 0;
	char *bytes = NULL;

	if (fd < 0 || mf_file_read(fd, 1 << 20, &bytes, &len) < 0)
		_exit(2);
	program.len = (unsigned short)(len / sizeof(struct sock_filter));
	program.filter = (struct sock_filter *)(void *)bytes;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		_exit(3);
}

/*
 * Runs WORK in a child with the filter; it returns the number of the call that was not as it should
 * be.
 */
static int with_filter(int (*work)(void))
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		enter_filter();
		_exit(work());
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int refused(void)
{
	static const struct {
		long nr;
		int error;
	} calls[] = {
		{ SYS_mount, EPERM },
		{ SYS_umount2, EPERM },
		{ SYS_pivot_root, EPERM },
		{ SYS_chroot, EPERM },
		{ SYS_fsopen, EPERM },
		{ SYS_move_mount, EPERM },
		{ SYS_open_tree, EPERM },
		{ SYS_unshare, EPERM },
		{ SYS_setns, EPERM },
		{ SYS_open_by_handle_at, EPERM },
		{ SYS_ptrace, EPERM },
		{ SYS_process_vm_readv, EPERM },
		{ SYS_process_vm_writev, EPERM },
		{ SYS_kcmp, EPERM },
		{ SYS_bpf, EPERM },
		{ SYS_perf_event_open, EPERM },
		{ SYS_userfaultfd, EPERM },
		{ SYS_io_uring_setup, EPERM },
		{ SYS_add_key, EPERM },
		{ SYS_request_key, EPERM },
		{ SYS_keyctl, EPERM },
		{ SYS_init_module, EPERM },
		{ SYS_finit_module, EPERM },
		{ SYS_delete_module, EPERM },
		{ SYS_kexec_load, EPERM },
		{ SYS_reboot, EPERM },
		{ SYS_swapon, EPERM },
		{ SYS_acct, EPERM },
		{ SYS_syslog, EPERM },
		{ SYS_sethostname, EPERM },
		{ SYS_clock_settime, EPERM },
		{ SYS_settimeofday, EPERM },
		{ SYS_clone3, ENOSYS },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(calls); i++) {
		errno = 0;
		if (syscall(calls[i].nr, -1L, 0, 0, 0, 0, 0) != -1 || errno != calls[i].error)
			return (int)i + 10;
	}
	return 0;
}

static void calls_that_no_build_needs_are_refused(void **state)
{
	assert_int_equal(with_filter(refused), 0);
}

static int namespaces(void)
{
	static const long flags[] = { CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
				      CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET };

	for (size_t i = 0; i < MF_ARRAY_SIZE(flags); i++) {
		long pid = CLONE(flags[i] | SIGCHLD);

		if (!pid)
			_exit(0);
		if (pid > 0 || errno != EPERM)
			return (int)i + 10;
	}
	return 0;
}

static void a_new_process_has_no_new_namespace(void **state)
{
	assert_int_equal(with_filter(namespaces), 0);
}

static int sockets(void)
{
	for (int family = 0; family < 64; family++) {
		int fd = socket(family, SOCK_DGRAM, 0);

		if (family == AF_UNIX ? fd < 0 : fd >= 0 || errno != EAFNOSUPPORT)
			return family + 10;
	}
	return 0;
}

static void sockets_are_of_this_machine(void **state)
{
	assert_int_equal(with_filter(sockets), 0);
}

static int needed(void)
{
	int fds[2], status = 0;
	pid_t pid = fork();

	if (!pid)
		execl("/bin/true", "true", (char *)NULL);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
		return 10;
	if (pipe(fds) < 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 ||
	    system("exit 3") != 3 << 8)
		return 11;
	if (ioctl(0, TIOCSTI, "x") != -1 || errno != EPERM)
		return 12;
	return ioctl(fds[0], FIONREAD, &status) < 0 ? 13 : 0;
}

static void programs_and_pipes_work(void **state)
{
	assert_int_equal(with_filter(needed), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(calls_that_no_build_needs_are_refused),
		UNIT(a_new_process_has_no_new_namespace),
		UNIT(sockets_are_of_this_machine),
		UNIT(programs_and_pipes_work),
	};

	return UNIT_RUN(tests);
}
