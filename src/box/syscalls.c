/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The system calls that a build may not make.
 *
 * It is a list of refused calls, not of allowed ones: a build runs compilers, interpreters and
 * programs that it has just built, of any kind and age. User and capabilities already deny most of
 * what is listed here. The filter is for the rest: parts of the kernel that are large, have had
 * many faults and serve no build (bpf, io_uring, performance counters, keys, namespaces,
 * userfaultfd, ptrace), and what could reach another box of the same user (keyrings) or the
 * terminal (TIOCSTI).
 *
 * Of sockets only those between processes of one machine are left; the box has a network namespace
 * of its own, so that even an abstract one reaches nobody. clone() may make no namespace. clone3()
 * returns ENOSYS, so that libc falls back to clone(), whose flags a filter can see. Calls of a
 * foreign architecture kill the process.
 */
#include "syscalls.h"
#include <errno.h>
#include <linux/sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"

static const char *const refused[] = {
	/* mounts and namespaces */
	"mount",
	"umount",
	"umount2",
	"pivot_root",
	"chroot",
	"fsopen",
	"fsconfig",
	"fsmount",
	"fspick",
	"move_mount",
	"open_tree",
	"open_tree_attr",
	"mount_setattr",
	"statmount",
	"listmount",
	"unshare",
	"setns",
	/* files by number, not by name */
	"open_by_handle_at",
	"name_to_handle_at",
	/* other processes */
	"ptrace",
	"process_vm_readv",
	"process_vm_writev",
	"process_madvise",
	"pidfd_getfd",
	"kcmp",
	/* large interfaces of the kernel */
	"bpf",
	"perf_event_open",
	"userfaultfd",
	"io_uring_setup",
	"io_uring_enter",
	"io_uring_register",
	"fanotify_init",
	"add_key",
	"request_key",
	"keyctl",
	"vmsplice",
	/* the machine */
	"init_module",
	"finit_module",
	"delete_module",
	"create_module",
	"kexec_load",
	"kexec_file_load",
	"reboot",
	"swapon",
	"swapoff",
	"acct",
	"quotactl",
	"quotactl_fd",
	"syslog",
	"iopl",
	"ioperm",
	"modify_ldt",
	"settimeofday",
	"clock_settime",
	"clock_settime64",
	"clock_adjtime",
	"clock_adjtime64",
	"adjtimex",
	"stime",
	"sethostname",
	"setdomainname",
	"vhangup",
	"lookup_dcookie",
	"nfsservctl",
	"uselib",
	"_sysctl",
};

/* Calls that are refused if an argument, masked, has (or has not) a value. */
static const struct {
	const char *name;
	int error;
	struct scmp_arg_cmp when;
} limited[] = {
	{ "socket", EAFNOSUPPORT, SCMP_A0_64(SCMP_CMP_NE, AF_UNIX) },
	{ "socketpair", EAFNOSUPPORT, SCMP_A0_64(SCMP_CMP_NE, AF_UNIX) },
	{ "ioctl", EPERM, SCMP_A1_64(SCMP_CMP_MASKED_EQ, 0xffffffff, TIOCSTI) },
	{ "ioctl", EPERM, SCMP_A1_64(SCMP_CMP_MASKED_EQ, 0xffffffff, 0x541c) }, /* TIOCLINUX */
};

#ifdef __s390__ /* which swaps the first two arguments of clone() */
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif

/* One rule for each, because a rule can only ask whether all bits of a mask are set. */
static const uint64_t namespaces[] = {
	CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
	CLONE_NEWUSER, CLONE_NEWPID,	CLONE_NEWNET,
};

static int syscalls_refuse(scmp_filter_ctx filter, const char *name, int error,
			   const struct scmp_arg_cmp *when)
{
	int nr = seccomp_syscall_resolve_name(name);
	int r;

	if (nr == __NR_SCMP_ERROR)
		return 0;
	r = seccomp_rule_add_array(filter, SCMP_ACT_ERRNO((uint32_t)error), nr, when ? 1 : 0, when);
	/* the call exists only on other architectures */
	return r == -EDOM || r == -EINVAL ? 0 : r;
}

static int add_rules(scmp_filter_ctx filter)
{
	int r = syscalls_refuse(filter, "clone3", ENOSYS, NULL);

	for (size_t i = 0; !r && i < MF_ARRAY_SIZE(refused); i++)
		r = syscalls_refuse(filter, refused[i], EPERM, NULL);
	for (size_t i = 0; !r && i < MF_ARRAY_SIZE(limited); i++)
		r = syscalls_refuse(filter, limited[i].name, limited[i].error, &limited[i].when);
	for (size_t i = 0; !r && i < MF_ARRAY_SIZE(namespaces); i++) {
		const struct scmp_arg_cmp when =
			SCMP_CMP64(CLONE_FLAGS, SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i]);

		r = syscalls_refuse(filter, "clone", EPERM, &when);
	}
	return r;
}

static void filter_cleanup(scmp_filter_ctx *filter)
{
	if (*filter)
		seccomp_release(*filter);
}

int box_syscalls_filter(void)
{
	_cleanup_(filter_cleanup) scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	_cleanup_close_ int fd = mf_memfile_new("filter");
	int r = fd < 0 ? fd : filter ? 0 : -ENOMEM;

	if (!r)
		r = add_rules(filter);
	if (!r)
		r = seccomp_export_bpf(filter, fd);
	if (!r && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	return r ? r : mf_steal_fd(&fd);
}
