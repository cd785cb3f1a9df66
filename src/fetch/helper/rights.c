/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Drops rights: user, file system, capabilities, resources, system calls.
 *
 * If root starts the helper, it becomes the user of the settings, or nobody if that user does not
 * exist; if it can become neither, it exits. In a mount namespace of its own it sees a small
 * read-only memory file system with only mounts of the files that a resolver and TLS read: the
 * table below. If the kernel or a container does not permit namespaces, that one step is skipped
 * and reported; all others apply.
 *
 * Without root it keeps its user and has no namespace, but Landlock hides the same files from it, and
 * all other rights are dropped. Under a service manager that has confined it already the same steps
 * do no harm.
 *
 * The order matters: libraries must have read their configuration before (main() does that), the
 * namespace needs rights that the next steps drop, and the filter is last, because it forbids them
 * all.
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
#include "landlock.h"
#include "seccomp.h"

/* Mount point of the new file system; any directory that exists on all systems. */
#define NEW_ROOT "/tmp"
#define NOBODY	 65534

/* Files that the resolver and TLS read. Missing ones are skipped. */
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
	for (char *p = strchr(path + sizeof(NEW_ROOT), '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return 0;
}

/* Adds one path to the new file system, read-only; links in PATH are resolved. */
static int mount_path(const char *path, bool directory)
{
	char target[256], source[64];
	_cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC), made = -1;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0 || !!S_ISDIR(st.st_mode) != directory)
		return 0;
	snprintf(target, sizeof(target), NEW_ROOT "%s", path);
	snprintf(source, sizeof(source), "/proc/self/fd/%d", fd);
	r = make_parents(target);
	if (r < 0)
		return r;
	if (directory ? mkdir(target, 0755) < 0
		      : (made = open(target, O_WRONLY | O_CREAT | O_CLOEXEC, 0644)) < 0)
		return -errno;
	/* with the mounts below it: containers mount single files over those of the host */
	if (mount(source, target, NULL, MS_BIND | MS_REC, NULL) < 0)
		return -errno;
	/* a bind mount gets its flags in a second step; the device nodes must stay usable */
	return mount(NULL, target, NULL,
		     MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NOEXEC |
			     (S_ISCHR(st.st_mode) ? 0 : MS_NODEV),
		     NULL) < 0
		       ? -errno
		       : 0;
}

static int enter_namespace(void)
{
	int r;

	if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", NEW_ROOT, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "mode=0755,size=64k,nr_inodes=64") < 0)
		return -errno;
	for (size_t i = 0; i < MF_ARRAY_SIZE(visible); i++) {
		r = mount_path(visible[i].path, visible[i].directory);
		if (r < 0)
			return r;
	}
	if (mount(NULL, NEW_ROOT, NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  NULL) < 0 ||
	    chdir(NEW_ROOT) < 0 || syscall(SYS_pivot_root, ".", ".") < 0)
		return -errno;
	/* pivot_root(2): the old root is now mounted over the new one */
	return umount2(".", MNT_DETACH) < 0 || chdir("/") < 0 ? -errno : 0;
}

/* The same files and no others, also where the namespace could not be entered. */
static int restrict_files(void)
{
	const char *paths[MF_ARRAY_SIZE(visible)];

	for (size_t i = 0; i < MF_ARRAY_SIZE(visible); i++)
		paths[i] = visible[i].path;
	return fetch_landlock(paths, MF_ARRAY_SIZE(visible));
}

static void find_user(const char *name, uid_t *ret_uid, gid_t *ret_gid, rights_log *on_log,
		      void *arg)
{
	const struct passwd *pw = getpwnam(name);
	char line[160];

	if (!pw || !pw->pw_uid) {
		snprintf(line, sizeof(line), "there is no user \"%s\": downloading as nobody",
			 name);
		on_log(arg, MF_LOG_INFO, line);
		pw = getpwnam("nobody");
	}
	*ret_uid = pw && pw->pw_uid ? pw->pw_uid : NOBODY;
	*ret_gid = pw && pw->pw_gid ? pw->pw_gid : NOBODY;
}

static int change_user(uid_t uid, gid_t gid)
{
	for (int cap = 0; cap < 64; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0 && errno != EINVAL)
			return -errno;
	if (setgroups(0, NULL) < 0 || setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return -errno;
	/* libc and the kernel agree, and root cannot be regained */
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
#ifndef __SANITIZE_ADDRESS__ /* its shadow memory takes terabytes of address space */
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
	/* a write beyond the limit is an error and does not kill the process */
	return signal(SIGXFSZ, SIG_IGN) == SIG_ERR ? -errno : 0;
}

/* From root to USER, in a file system of its own if it can have one: then RET_SMALL is true. */
static int leave_root(const char *user, rights_log *on_log, void *arg, bool *ret_small)
{
	uid_t uid;
	gid_t gid;

	find_user(user, &uid, &gid, on_log, arg);
	*ret_small = enter_namespace() == 0;
	/* in a user namespace with one id there is no other user; the rights of root are not kept */
	return change_user(uid, gid) < 0 ? -EUSERS : 0;
}

int fetch_rights_drop(const char *user, uint64_t max_file, rights_log *on_log, void *arg)
{
	pid_t parent = getppid();
	bool small = false;
	char line[160];
	int r;

	/* libraries that libc would load later, from a file system that is no longer visible */
	(void)dlopen("libnss_dns.so.2", RTLD_NOW);
	(void)dlopen("libgcc_s.so.1", RTLD_NOW);
	r = geteuid() ? 0 : leave_root(user, on_log, arg, &small);
	if (r < 0)
		return r;
	/*
	 * after the change of user, which clears it; a parent that is dead already sends no signal
	 */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -EPERM;
	r = restrict_files();
	if (r < 0 && !small) {
		snprintf(line, sizeof(line), "the download helper sees the whole file system: %s",
			 strerror(-r));
		on_log(arg, MF_LOG_WARNING, line);
	}
	r = drop_capabilities();
	if (r == 0)
		r = limit_resources(max_file);
	return r < 0 ? r : mf_seccomp_confine();
}
