/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Gives rights away: user, file system, capabilities, resources, system calls.
 *
 * Started by root, the helper becomes the user of the settings, or nobody where that user does not
 * exist; failing to become either ends it. In a mount namespace of its own it sees a small memory
 * file system, read-only, with copies of nothing but mounts of what a resolver and TLS read: the
 * table below. Where the kernel or a container does not permit namespaces, that one step is left
 * out and said; everything else still holds.
 *
 * Not started by root, it is and stays that user, and still loses what else can be lost. A service
 * manager that has confined it already finds the same steps harmless.
 *
 * Order matters: libraries must have read their configuration before (main() sees to that), the
 * namespace needs the rights that go next, and the filter comes last, for it forbids all of this.
 */
#include "rights.h"
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/context.h"
#include "seccomp.h"

/* Where the empty file system is built; any directory that exists everywhere will do. */
#define VIEW   "/tmp"
#define NOBODY 65534

/* What the resolver and TLS read while they work. Absent ones are left out. */
static const struct {
	const char *path;
	bool directory;
} visible[] = {
	{ "/etc/resolv.conf", false },
	{ "/etc/hosts", false },
	{ "/etc/nsswitch.conf", false },
	{ "/etc/host.conf", false },
	{ "/etc/gai.conf", false },
	{ "/etc/ssl", true },
	{ "/etc/pki", true },
	{ "/etc/ca-certificates", true },
	{ "/usr/share/ca-certificates", true },
	{ "/usr/local/share/ca-certificates", true },
	{ "/usr/share/pki", true },
	{ "/var/lib/ca-certificates", true },
	{ "/dev/null", false },
	{ "/dev/urandom", false },
};

static int make_parents(char *path)
{
	for (char *p = strchr(path + sizeof(VIEW), '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return 0;
}

/* Shows one thing in the new view, read-only, whatever links led to it. */
static int show(const char *path, bool directory)
{
	char target[256], source[64];
	_cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC), made = -1;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0 || !!S_ISDIR(st.st_mode) != directory)
		return 0;
	snprintf(target, sizeof(target), VIEW "%s", path);
	snprintf(source, sizeof(source), "/proc/self/fd/%d", fd);
	r = make_parents(target);
	if (r < 0)
		return r;
	if (directory ? mkdir(target, 0755) < 0
		      : (made = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0644)) < 0)
		return -errno;
	/* with what is mounted inside: containers put single files over the host's */
	if (mount(source, target, NULL, MS_BIND | MS_REC, NULL) < 0)
		return -errno;
	/* a bind mount takes its flags in a second step; the device nodes must stay usable */
	return mount(NULL, target, NULL,
		     MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NOEXEC |
			     (S_ISCHR(st.st_mode) ? 0 : MS_NODEV),
		     NULL) < 0
		       ? -errno
		       : 0;
}

static int narrow_view(void)
{
	int r;

	if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", VIEW, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "mode=0755,size=64k,nr_inodes=64") < 0)
		return -errno;
	for (size_t i = 0; i < MF_ARRAY_SIZE(visible); i++) {
		r = show(visible[i].path, visible[i].directory);
		if (r < 0)
			return r;
	}
	if (mount(NULL, VIEW, NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  NULL) < 0 ||
	    chdir(VIEW) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return -errno;
	/* pivot_root(2): the old root now lies over the new one */
	return umount2(".", MNT_DETACH) < 0 || chdir("/") < 0 ? -errno : 0;
}

static void find_user(const char *name, uid_t *ret_uid, gid_t *ret_gid, rights_say *say, void *arg)
{
	const struct passwd *pw = getpwnam(name);
	char line[160];

	if (!pw || !pw->pw_uid) {
		snprintf(line, sizeof(line), "there is no user \"%s\": downloading as nobody",
			 name);
		say(arg, MF_LOG_INFO, line);
		pw = getpwnam("nobody");
	}
	*ret_uid = pw && pw->pw_uid ? pw->pw_uid : NOBODY;
	*ret_gid = pw && pw->pw_gid ? pw->pw_gid : NOBODY;
}

static int become(uid_t uid, gid_t gid)
{
	for (int cap = 0; cap < 64; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EINVAL)
			return -errno;
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	/* libc and the kernel agree, and there is no way back */
	if (getuid() != uid || geteuid() != uid || getgid() != gid || !setuid(0))
		return -EPERM;
	return 0;
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[2] = { { 0 } };

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return -errno;
	return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

static int limit_resources(uint64_t max_file)
{
	const struct {
		__rlimit_resource_t what;
		rlim_t value;
	} limits[] = {
		{ RLIMIT_CORE, 0 },	   { RLIMIT_FSIZE, max_file }, { RLIMIT_NOFILE, 512 },
#ifndef __SANITIZE_ADDRESS__ /* whose shadow of the memory takes terabytes of addresses */
		{ RLIMIT_AS, 1ULL << 30 },
#endif
		{ RLIMIT_MEMLOCK, 0 },	   { RLIMIT_MSGQUEUE, 0 },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(limits); i++) {
		struct rlimit now, new;

		if (getrlimit(limits[i].what, &now) < 0)
			return -errno;
		new.rlim_max = limits[i].value < now.rlim_max ? limits[i].value : now.rlim_max;
		new.rlim_cur = new.rlim_max;
		if (setrlimit(limits[i].what, &new) < 0)
			return -errno;
	}
	/* a write beyond the limit shall be an error, not the end */
	return signal(SIGXFSZ, SIG_IGN) == SIG_ERR ? -errno : 0;
}

int fetch_rights_drop(const char *user, uint64_t max_file, rights_say *say, void *arg)
{
	pid_t parent = getppid();
	char line[160];
	int r;

	/* what libc would look for later, in a file system that is no longer there */
	(void)dlopen("libnss_dns.so.2", RTLD_NOW);
	(void)dlopen("libgcc_s.so.1", RTLD_NOW);
	if (geteuid() == 0) {
		uid_t uid;
		gid_t gid;

		find_user(user, &uid, &gid, say, arg);
		r = narrow_view();
		if (r < 0) {
			snprintf(line, sizeof(line),
				 "the download helper sees the whole file system: %s",
				 strerror(-r));
			say(arg, MF_LOG_WARNING, line);
		}
		r = become(uid, gid);
		if (r < 0)
			return r;
	}
	/* after the change of user, which clears it; a parent that died meanwhile sends nothing */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -EPERM;
	r = drop_capabilities();
	if (r == 0)
		r = limit_resources(max_file);
	return r < 0 ? r : mf_seccomp_confine();
}
