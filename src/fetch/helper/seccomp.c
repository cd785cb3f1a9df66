/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The only file that uses libseccomp: the system calls that the download helper may use.
 *
 * It is an allow list of the calls that libcurl, OpenSSL and the resolver of libc make during a
 * download. The arguments of some calls are checked: clone() may only make threads (the resolver
 * runs in one), files may only be opened for reading, and no memory may be made executable.
 * clone3() returns ENOSYS, so that libc falls back to clone(), whose flags a filter can see.
 *
 * Sockets are TCP and UDP over IPv4 and IPv6. A filter cannot see the address that a socket
 * connects to, and an abstract unix socket can be reached from any file system: so the only unix
 * sockets are a connected pair of streams, which can reach no other process (a pair of datagram
 * sockets could send to any address). Netlink is not allowed: without it the resolver asks for both
 * kinds of addresses, and curl finds out which of them can be reached. bind() is not allowed, so no
 * other process can reach this one.
 *
 * A call that is not listed fails with EPERM instead of killing the process: libraries probe for
 * optional features. Calls of a foreign architecture kill it. Names that this architecture or this
 * libseccomp does not have are skipped.
 */
#include "seccomp.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include "modfetch/array.h"
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
	/* time, signals, identity */
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

#define MAX_CONDITIONS 3
#define ANY_FLAGS      0xfULL /* of a socket's type: SOCK_CLOEXEC and SOCK_NONBLOCK */

/* The condition that an argument, masked, has a value. */
struct condition {
	unsigned int arg;
	uint64_t mask, value; /* mask 0: no condition */
};

#define SOCKET(family, type, protocol)                                                             \
	{                                                                                          \
		"socket",                                                                          \
			{                                                                          \
				{ 0, ~0ULL, family },                                              \
				{ 1, ANY_FLAGS, type },                                            \
				{ 2, ~0ULL, protocol },                                            \
			},                                                                         \
	}

/* Calls that are allowed where all conditions hold. */
static const struct {
	const char *name;
	struct condition when[MAX_CONDITIONS];
} limited[] = {
	{ "clone", { { 0, CLONE_THREAD, CLONE_THREAD } } },
	{ "clone", { { 1, CLONE_THREAD, CLONE_THREAD } } }, /* s390 swaps the arguments */
	{ "open", { { 1, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY } } },
	{ "openat", { { 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY } } },
	{ "mmap", { { 2, PROT_EXEC, 0 } } },
	{ "mmap2", { { 2, PROT_EXEC, 0 } } },
	{ "mprotect", { { 2, PROT_EXEC, 0 } } },
	SOCKET(AF_INET, SOCK_STREAM, 0),
	SOCKET(AF_INET, SOCK_STREAM, IPPROTO_TCP),
	SOCKET(AF_INET, SOCK_DGRAM, 0),
	SOCKET(AF_INET, SOCK_DGRAM, IPPROTO_UDP),
	SOCKET(AF_INET6, SOCK_STREAM, 0),
	SOCKET(AF_INET6, SOCK_STREAM, IPPROTO_TCP),
	SOCKET(AF_INET6, SOCK_DGRAM, 0),
	SOCKET(AF_INET6, SOCK_DGRAM, IPPROTO_UDP),
	/* for curl, whose threads wake each other */
	{ "socketpair", { { 0, ~0ULL, AF_UNIX }, { 1, ANY_FLAGS, SOCK_STREAM } } },
	{ "ioctl", { { 1, 0xffffffff, 0x541b } } }, /* FIONREAD */
	{ "ioctl", { { 1, 0xffffffff, 0x5421 } } }, /* FIONBIO */
	{ "prlimit64", { { 2, ~0ULL, 0 } } },	    /* get, not set */
	{ "prctl", { { 0, ~0ULL, 15 } } },	    /* PR_SET_NAME */
};

static int seccomp_add(scmp_filter_ctx filter, uint32_t action, const char *name,
		       const struct condition *when)
{
	struct scmp_arg_cmp compare[MAX_CONDITIONS];
	int nr = seccomp_syscall_resolve_name(name);
	unsigned int n = 0;
	int r;

	if (nr == __NR_SCMP_ERROR)
		return 0;
	for (; when && n < MAX_CONDITIONS && when[n].mask; n++)
		compare[n] =
			SCMP_CMP64(when[n].arg, SCMP_CMP_MASKED_EQ, when[n].mask, when[n].value);
	r = seccomp_rule_add_array(filter, action, nr, n, compare);
	/* the call exists only on other architectures */
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
	int r;

	if (!filter)
		return -ENOMEM;
	r = seccomp_add(filter, SCMP_ACT_ERRNO(ENOSYS), "clone3", NULL);
	for (size_t i = 0; r == 0 && i < MF_ARRAY_SIZE(allowed); i++)
		r = seccomp_add(filter, SCMP_ACT_ALLOW, allowed[i], NULL);
	for (size_t i = 0; r == 0 && i < MF_ARRAY_SIZE(limited); i++)
		r = seccomp_add(filter, SCMP_ACT_ALLOW, limited[i].name, limited[i].when);
	return r < 0 ? r : seccomp_load(filter);
}
