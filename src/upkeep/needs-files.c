/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What text files say that a kernel needs: fstab, the list of initramfs-tools, /proc/modules.
 *
 * Of a file system in fstab, the kernel requests "fs-TYPE" when it is mounted. Types that every kernel
 * has built in, and those that are none, are left out; so are mounts by a helper in user space, which
 * needs fuse. The files may be those of an untrusted image: only regular files are read, each up to a
 * limit, and a line that makes no sense is skipped.
 */
#include "needs.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"

#define FSTAB	  "etc/fstab"
#define INITRAMFS "etc/initramfs-tools/modules"
#define LOADED	  "proc/modules"
#define FILE_MAX  ((size_t)1 << 20)
#define BLANKS	  " \t\r"

/* Not file systems, or never a module. */
static const char *const no_module[] = {
	"auto",	   "none",	 "swap",      "ignore", "bind",	  "proc",    "sysfs",
	"tmpfs",   "devtmpfs",	 "devpts",    "ramfs",	"cgroup", "cgroup2", "securityfs",
	"debugfs", "tracefs",	 "hugetlbfs", "mqueue", "bpf",	  "pstore",  "binfmt_misc",
	"davfs",   "rpc_pipefs", "usbfs",     "nfsd",
};

typedef int files_line(struct mf_context *ctx, struct needs *needs, char *line);

/* A file that cannot be read says nothing. 0 or -ENOMEM. */
static int each_line(struct mf_context *ctx, struct needs *needs, const char *path,
		     files_line *on_line)
{
	_cleanup_close_ int fd = mf_context_open(ctx, path, O_RDONLY);
	_cleanup_free_ char *text = NULL;
	char *save = NULL;
	struct stat st;
	size_t len;
	int r = fd < 0 ? fd : fstat(fd, &st) < 0 ? -errno : 0;

	if (r == -ENOENT || (!r && !S_ISREG(st.st_mode)))
		return 0;
	if (!r)
		r = mf_file_read(fd, FILE_MAX, &text, &len);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		mf_log(ctx, MF_LOG_WARNING, "kernel: /%s: %s; what it says is not considered", path,
		       mf_error_sentence(r));
		return 0;
	}
	r = 0;
	for (char *line = strtok_r(text, "\n", &save); !r && line;
	     line = strtok_r(NULL, "\n", &save)) {
		line += strspn(line, BLANKS);
		if (*line && *line != '#')
			r = on_line(ctx, needs, line);
	}
	return r;
}

static bool is_module_type(const char *type)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(no_module); i++)
		if (!strcmp(type, no_module[i]))
			return false;
	return true;
}

static int add_type(struct mf_context *ctx, struct needs *needs, const char *type)
{
	_cleanup_free_ char *alias = NULL;
	bool helper = mf_starts_with(type, "fuse.") || mf_starts_with(type, "fuseblk");

	if (!is_module_type(type))
		return 0;
	alias = mf_format("fs-%s", helper ? "fuse" : type);
	return alias ? upkeep_needs_add(ctx, needs, alias, false, false,
					"/etc/fstab names this file system")
		     : -ENOMEM;
}

static int on_fstab_line(struct mf_context *ctx, struct needs *needs, char *line)
{
	char *save = NULL, *type = strtok_r(line, BLANKS, &save);
	int r = 0;

	for (int field = 0; type && field < 2; field++)
		type = strtok_r(NULL, BLANKS, &save);
	/* a list of types that are tried in turn */
	for (type = type ? strtok_r(type, ",", &save) : NULL; !r && type;
	     type = strtok_r(NULL, ",", &save))
		r = add_type(ctx, needs, type);
	return r;
}

static int on_initramfs_line(struct mf_context *ctx, struct needs *needs, char *line)
{
	line[strcspn(line, BLANKS)] = '\0';
	return upkeep_needs_add(ctx, needs, line, true, false, "/" INITRAMFS " names it");
}

static int on_loaded_line(struct mf_context *ctx, struct needs *needs, char *line)
{
	line[strcspn(line, BLANKS)] = '\0';
	return upkeep_needs_add(ctx, needs, line, true, false, "it is loaded now");
}

int upkeep_needs_fstab(struct mf_context *ctx, struct needs *needs)
{
	return each_line(ctx, needs, FSTAB, on_fstab_line);
}

int upkeep_needs_initramfs(struct mf_context *ctx, struct needs *needs)
{
	return each_line(ctx, needs, INITRAMFS, on_initramfs_line);
}

int upkeep_needs_loaded(struct mf_context *ctx, struct needs *needs)
{
	return each_line(ctx, needs, LOADED, on_loaded_line);
}
