/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command that makes a box. Well-kept programs do the work; this file chooses their options:
 *
 *	systemd-run   a scope in modfetch.slice: limits of all processes together
 *	bwrap	      namespaces, the file system, the filter of system calls
 *	/bin/sh	      the first process: waits for permission to start the next one
 *	setpriv	      user and group of the box, no capabilities, also none to be had again
 *	prlimit	      limits of each process
 *	/bin/sh	      the script
 *
 * The root of the box is an empty file system, read-only at last, in which directories of the
 * system are mounted read-only: programs and headers, and of /etc only files that everybody may
 * read and that a compiler or a makefile looks at. /home, /root, /var, /run, /sys, keys and devices
 * are not there. Writable are two directories of one limited file system (tree.c).
 *
 * The scope limits this box, the slice all boxes together, and their share of the processors
 * (systemd/modfetch.slice): the kernel weighs a group only against its siblings, and those of a
 * scope are other boxes. The files of a box are memory, and count as such.
 *
 * Where systemd does not run, the limits of a process hold alone. RLIMIT_NPROC counts all processes
 * of the user, hence those of all boxes: it leaves room for BOXES of them, and a box that forks
 * without end can make another build fail, and no more.
 */
#include "command.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/process.h"
#include "tree.h"

#define BOXES 4U /* that may run at the same time without systemd */

static const char *const programs[] = { "bwrap", "setpriv", "prlimit" };

/* Of the root directory: links on a system with a merged /usr, else directories. */
static const char *const of_root[] = {
	"/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/libexec",
};

/* ld.so and links to programs; by the last ones makefiles of drivers know the distribution. */
static const char *const of_etc[] = {
	"/etc/ld.so.cache",    "/etc/ld.so.conf",     "/etc/ld.so.conf.d",   "/etc/alternatives",
	"/etc/os-release",     "/etc/lsb-release",    "/etc/debian_version", "/etc/redhat-release",
	"/etc/centos-release", "/etc/fedora-release", "/etc/SuSE-release",
};

/*
 * The first process of the box; its end ends all others. It starts the rest of the command only
 * after an answer on BOX_FD_CONTROL, which does not come if modfetch has died before it could take
 * bwrap and this process with it. It stays root, of whose rights it has those that setpriv needs:
 * the kernel lets bwrap, which has none, kill no process of another user (PR_SET_PDEATHSIG), and
 * the build cannot touch it.
 */
static const char wait_for_permission[] = "echo >&3 && read -r answer <&3 || exit 126\n"
					  "exec 3>&-\n"
					  "\"$@\"\n"
					  "exit $?\n";
_Static_assert(BOX_FD_CONTROL == 3, "it is a number in the text of a shell");

int mf_box_missing(struct mf_strings *missing)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(programs); i++) {
		_cleanup_free_ char *path = mf_process_find(programs[i]);
		int r = path ? 0 : mf_strings_add(missing, programs[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- the command, one part after another ---- */

static int add_all(struct mf_strings *argv, const char *const *words, size_t n)
{
	int r = 0;

	for (size_t i = 0; !r && i < n; i++)
		r = mf_strings_add(argv, words[i]);
	return r;
}

#define ADD(argv, ...)                                                                             \
	add_all(argv, (const char *const[]){ __VA_ARGS__ },                                        \
		sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

/* The word BEFORE and a number. */
static int add_number(struct mf_strings *argv, const char *before, unsigned long long value)
{
	char text[64];

	snprintf(text, sizeof(text), "%s%llu", before, value);
	return mf_strings_add(argv, text);
}

static int add_program(struct mf_context *ctx, struct mf_strings *argv, const char *name)
{
	_cleanup_free_ char *path = mf_process_find(name);

	if (!path)
		return mf_fail(ctx, MF_STAGE_BUILD, -MFE_TOOL, name,
			       "a driver is built only with this program, which is not installed");
	return mf_strings_add(argv, path);
}

static int add_scope(struct mf_context *ctx, const struct mf_box *box, struct mf_strings *argv)
{
	_cleanup_free_ char *path = mf_process_find("systemd-run");
	int r;

	if (access("/run/systemd/system", F_OK) || !path)
		return 0;
	r = ADD(argv, path, "--scope", "--quiet", "--collect", "--slice=modfetch.slice",
		"--description=Build of a driver", "--property=MemorySwapMax=0");
	if (!r)
		r = add_number(argv, "--property=TasksMax=", box->processes + 4ULL);
	if (!r)
		r = add_number(argv, "--property=MemoryMax=", box->memory);
	if (!r)
		r = mf_strings_add(argv, "--");
	return r < 0 ? mf_fail(ctx, MF_STAGE_BUILD, r, path, NULL) : 0;
}

/*
 * Namespaces and rights. setpriv needs the three capabilities, and leaves none of them. Without a
 * process of bwrap in it, the box ends exactly when bwrap does (watch.c).
 */
static int add_namespaces(struct mf_strings *argv)
{
	int r = ADD(argv, "--unshare-net", "--unshare-pid", "--as-pid-1", "--unshare-ipc",
		    "--unshare-uts", "--unshare-cgroup-try", "--hostname", "localhost",
		    "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--cap-add",
		    "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_SETPCAP",
		    "--seccomp");

	return r ? r : add_number(argv, "", BOX_FD_FILTER);
}

static int add_of_root(struct mf_strings *argv, const char *path)
{
	char target[PATH_MAX];
	struct stat st;
	ssize_t n;

	if (lstat(path, &st) < 0)
		return 0;
	if (S_ISDIR(st.st_mode))
		return ADD(argv, "--ro-bind", path, path);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return 0;
	target[n] = '\0';
	return ADD(argv, "--symlink", target, path);
}

static int add_system(struct mf_strings *argv)
{
	static const char tmp[] = BOX_MOUNT "/" BOX_TMP;
	int r = ADD(argv, "--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev", "--bind",
		    tmp, "/tmp", "--perms", "0644", "--file");

	if (!r)
		r = add_number(argv, "", BOX_FD_PASSWD);
	if (!r)
		r = ADD(argv, "/etc/passwd", "--perms", "0644", "--file");
	if (!r)
		r = add_number(argv, "", BOX_FD_GROUP);
	if (!r)
		r = mf_strings_add(argv, "/etc/group");
	for (size_t i = 0; !r && i < MF_ARRAY_SIZE(of_root); i++)
		r = add_of_root(argv, of_root[i]);
	for (size_t i = 0; !r && i < MF_ARRAY_SIZE(of_etc); i++)
		r = ADD(argv, "--ro-bind-try", of_etc[i], of_etc[i]);
	return r;
}

/*
 * Absolute, and without "//", "/./", "/../" or a slash at its end: it names what it seems to name.
 */
static bool is_normal(const char *path)
{
	if (*path != '/' || !path[1])
		return false;
	for (const char *p = path; *p; p += 1 + strcspn(p + 1, "/")) {
		size_t len = strcspn(p + 1, "/");

		if (!len || (len <= 2 && !strncmp(p + 1, "..", len)))
			return false;
	}
	return true;
}

static int check_normal(struct mf_context *ctx, const char *path)
{
	return is_normal(path) ? 0
			       : mf_fail(ctx, MF_STAGE_BUILD, -EINVAL, path,
					 "a path of the box begins with \"/\" and has no \"..\"");
}

/* A mount. bwrap makes the directories above it accessible only if that is said of the last one. */
static int add_directory(struct mf_strings *argv, const char *option, const char *from,
			 const char *to)
{
	return ADD(argv, "--perms", "0755", "--dir", to, option, from, to);
}

/* A directory of the context's root, by the path to which its links lead. */
static int add_read_only(struct mf_context *ctx, const char *path, struct mf_strings *argv)
{
	_cleanup_close_ int fd = -1;
	char link[64], target[PATH_MAX];
	ssize_t n;
	int r = check_normal(ctx, path);

	if (r < 0)
		return r;
	fd = mf_context_open(ctx, path + 1, O_PATH | O_DIRECTORY);
	if (fd < 0)
		return mf_fail(ctx, MF_STAGE_BUILD, fd, path, NULL);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0)
		return mf_fail(ctx, MF_STAGE_BUILD, -errno, path, NULL);
	target[n] = '\0';
	r = add_directory(argv, "--ro-bind", target, path);
	return r < 0 ? mf_fail(ctx, MF_STAGE_BUILD, r, path, NULL) : 0;
}

static int add_user(struct mf_strings *argv, uid_t uid, gid_t gid)
{
	int r = add_number(argv, "--reuid=", uid);

	if (!r)
		r = add_number(argv, "--regid=", gid);
	if (!r)
		r = ADD(argv, "--clear-groups", "--inh-caps=-all", "--ambient-caps=-all",
			"--bounding-set=-all", "--no-new-privs");
	return r;
}

static int add_limits(const struct mf_box *box, struct mf_strings *argv)
{
	const struct {
		const char *option;
		unsigned long long value;
	} limits[] = {
		{ "--as=", box->memory },
		{ "--fsize=", box->space },
		{ "--cpu=", box->seconds },
		{ "--nproc=", box->processes * (unsigned long long)BOXES },
		{ "--nofile=", 1024 },
		{ "--core=", 0 },
		{ "--memlock=", 0 },
		{ "--msgqueue=", 0 },
		{ "--sigpending=", 1024 },
	};
	int r = 0;

	for (size_t i = 0; !r && i < MF_ARRAY_SIZE(limits); i++)
		r = add_number(argv, limits[i].option, limits[i].value);
	return r;
}

static int add_box(struct mf_context *ctx, const struct mf_box *box, struct mf_strings *argv)
{
	int r = add_program(ctx, argv, "bwrap");

	if (!r)
		r = add_namespaces(argv);
	if (!r)
		r = add_system(argv);
	for (size_t i = 0; !r && box->read_only && i < box->read_only->n; i++)
		r = add_read_only(ctx, box->read_only->v[i], argv);
	if (!r)
		r = add_directory(argv, "--bind", BOX_MOUNT "/" BOX_COPY, box->place);
	if (!r)
		r = ADD(argv, "--remount-ro", "/", "--chdir", box->place, "--");
	return r;
}

int box_command(struct mf_context *ctx, const struct mf_box *box, uid_t uid, gid_t gid,
		struct mf_strings *argv)
{
	int r = check_normal(ctx, box->place);

	if (!r)
		r = add_scope(ctx, box, argv);
	if (!r)
		r = add_box(ctx, box, argv);
	if (!r)
		r = ADD(argv, "/bin/sh", "-c", wait_for_permission, "sh");
	if (!r)
		r = add_program(ctx, argv, "setpriv");
	if (!r)
		r = add_user(argv, uid, gid);
	if (!r)
		r = add_program(ctx, argv, "prlimit");
	if (!r)
		r = add_limits(box, argv);
	if (!r)
		r = ADD(argv, "/bin/sh", "-c", box->script);
	return r == -ENOMEM ? mf_fail(ctx, MF_STAGE_BUILD, r, "build", NULL) : r;
}
