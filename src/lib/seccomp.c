/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The one file that talks to libseccomp: which system calls the download helper is left with.
 *
 * An allow list, for what libcurl, OpenSSL and the resolver of libc ask for in the course of a
 * download. Three calls are looked into: clone() makes threads only (the resolver runs in one),
 * files are opened for reading only, and no memory is made executable. clone3() says ENOSYS,
 * so that libc falls back to the clone() whose flags a filter can see.
 *
 * A call that is not listed fails with EPERM instead of killing the process: libraries probe for
 * things they can do without. A foreign architecture's calls do kill it. Names that this
 * architecture or this libseccomp does not know are left out.
 */
#include "modfetch/seccomp.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include "modfetch/cleanup.h"

static const char *const allowed[] = {
	/* memory and threads */
	"brk",
	"munmap",
	"mremap",
	"madvise",
	"futex",
	"set_robust_list",
	"get_robust_list",
	"rseq",
	"sched_yield",
	"sched_getaffinity",
	"exit",
	"exit_group",
	"membarrier",
	/* descriptors */
	"read",
	"readv",
	"pread64",
	"write",
	"writev",
	"pwrite64",
	"close",
	"lseek",
	"_llseek",
	"dup",
	"fcntl",
	"fcntl64",
	"ftruncate",
	"ftruncate64",
	"memfd_create",
	"pipe",
	"pipe2",
	"eventfd2",
	"poll",
	"ppoll",
	"ppoll_time64",
	"select",
	"_newselect",
	"pselect6",
	"pselect6_time64",
	"epoll_create1",
	"epoll_ctl",
	"epoll_wait",
	"epoll_pwait",
	/* looking at files */
	"fstat",
	"fstat64",
	"stat",
	"stat64",
	"lstat",
	"lstat64",
	"newfstatat",
	"fstatat64",
	"statx",
	"access",
	"faccessat",
	"faccessat2",
	"readlink",
	"readlinkat",
	"getdents64",
	"getcwd",
	/* sockets */
	"connect",
	"bind",
	"shutdown",
	"getsockname",
	"getpeername",
	"getsockopt",
	"setsockopt",
	"sendto",
	"send",
	"sendmsg",
	"sendmmsg",
	"recvfrom",
	"recv",
	"recvmsg",
	"recvmmsg",
	"recvmmsg_time64",
	"socketpair",
	/* time, signals, who am I */
	"clock_gettime",
	"clock_gettime64",
	"clock_getres",
	"clock_nanosleep",
	"nanosleep",
	"gettimeofday",
	"time",
	"rt_sigaction",
	"rt_sigprocmask",
	"rt_sigreturn",
	"sigreturn",
	"sigaltstack",
	"restart_syscall",
	"getpid",
	"getppid",
	"gettid",
	"getuid",
	"geteuid",
	"getgid",
	"getegid",
	"getuid32",
	"geteuid32",
	"getgid32",
	"getegid32",
	"getrlimit",
	"ugetrlimit",
	"uname",
	"sysinfo",
	"getrandom",
};

/* Calls allowed only if an argument, masked, has a value. */
static const struct {
	const char *name;
	unsigned int arg;
	uint64_t mask, value;
} limited[] = {
	{ "clone", 0, CLONE_THREAD, CLONE_THREAD },
	{ "clone", 1, CLONE_THREAD, CLONE_THREAD }, /* s390 swaps the arguments */
	{ "open", 1, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY },
	{ "openat", 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY },
	{ "mmap", 2, PROT_EXEC, 0 },
	{ "mmap2", 2, PROT_EXEC, 0 },
	{ "mprotect", 2, PROT_EXEC, 0 },
	{ "socket", 0, ~0ULL, AF_INET },
	{ "socket", 0, ~0ULL, AF_INET6 },
	{ "socket", 0, ~0ULL, AF_UNIX },    /* name services behind a socket */
	{ "socket", 0, ~0ULL, AF_NETLINK }, /* which address families this machine has */
	{ "ioctl", 1, 0xffffffff, 0x541b }, /* FIONREAD */
	{ "ioctl", 1, 0xffffffff, 0x5421 }, /* FIONBIO */
	{ "prlimit64", 2, ~0ULL, 0 },	    /* asking, not setting */
	{ "prctl", 0, ~0ULL, 15 },	    /* PR_SET_NAME */
};

static int add(scmp_filter_ctx filter, uint32_t action, const char *name, unsigned int n,
	       struct scmp_arg_cmp cmp)
{
	int nr = seccomp_syscall_resolve_name(name);
	int r;

	if (nr == __NR_SCMP_ERROR)
		return 0;
	r = seccomp_rule_add_array(filter, action, nr, n, &cmp);
	/* a call of another architecture has a number here, but no meaning */
	return r == -EDOM || r == -EINVAL ? 0 : r;
}

static void filter_cleanup(scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}

int mf_seccomp_confine(void)
{
	_cleanup_(filter_cleanup) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	const struct scmp_arg_cmp none = { 0 };
	int r;

	if (!filter)
		return -ENOMEM;
	r = add(filter, SCMP_ACT_ERRNO(ENOSYS), "clone3", 0, none);
	for (size_t i = 0; r == 0 && i < sizeof(allowed) / sizeof(*allowed); i++)
		r = add(filter, SCMP_ACT_ALLOW, allowed[i], 0, none);
	for (size_t i = 0; r == 0 && i < sizeof(limited) / sizeof(*limited); i++)
		r = add(filter, SCMP_ACT_ALLOW, limited[i].name, 1,
			SCMP_CMP64(limited[i].arg, SCMP_CMP_MASKED_EQ, limited[i].mask,
				   limited[i].value));
	return r < 0 ? r : seccomp_load(filter);
}
