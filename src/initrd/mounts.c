/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The file systems that the initrd mounts: /, /usr and those that fstab marks with x-initrd.mount.
 *
 * On the machine itself the table of mounts (proc_pid_mountinfo(5)) has the real type and the number
 * of the device; of an image there is only fstab. A line of the table is
 *	36 35 98:0 /root-of-mount /mount-point options optional… - type source options
 * with blanks in names as \040. A btrfs has a number that belongs to no device; its source is a
 * device node, whose number is known.
 *
 * The device to resume from is read from sys/power/resume, "8:2", or "0:0" if there is none.
 */
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "needs.h"

#define FSTAB_MAX  ((size_t)1 << 20)
#define MOUNTS_MAX ((size_t)16 << 20)

/* ---- types ---- */

/* A type whose module has another name, for a kernel without the module and so without its alias. */
static const struct {
	const char *type, *module;
} modules_of_types[] = {
	{ "ext2", "ext4" },	{ "ext3", "ext4" },    { "nfs4", "nfs" },
	{ "iso9660", "isofs" }, { "fuseblk", "fuse" },
};

/* Types that each kernel has, and words of fstab that are no type. */
static const char *const no_types[] = {
	"auto", "none", "swap", "rootfs", "tmpfs", "ramfs", "bind"
};

static int mounts_add_type(struct mf_needs *needs, const char *type)
{
	_cleanup_free_ char *alias = mf_format("fs-%s", type);
	int r = alias ? 0 : -ENOMEM;

	for (size_t i = 0; i < MF_ARRAY_SIZE(no_types); i++)
		if (!strcmp(type, no_types[i]))
			return 0;
	if (!r)
		r = mf_needs_add_alias(needs, MF_NEED_REQUIRED, alias);
	for (size_t i = 0; r > 0 && i < MF_ARRAY_SIZE(modules_of_types); i++)
		if (!strcmp(type, modules_of_types[i].type))
			type = modules_of_types[i].module;
	return r > 0 ? mf_needs_add(needs, MF_NEED_REQUIRED, type) : r;
}

/* ---- fstab ---- */

/* The mount points of the initrd; TYPES has the type of each in fstab, or "auto". */
struct mounts_points {
	struct mf_strings points, types;
};

static void mounts_points_done(struct mounts_points *m)
{
	mf_strings_done(&m->points);
	mf_strings_done(&m->types);
}

static int mounts_add_point(struct mounts_points *m, const char *point, const char *type)
{
	int r;

	for (size_t i = 0; i < m->points.n; i++)
		if (!strcmp(m->points.v[i], point)) {
			free(m->types.v[i]);
			m->types.v[i] = strdup(type);
			return m->types.v[i] ? 0 : -ENOMEM;
		}
	r = mf_strings_add(&m->points, point);
	return r ? r : mf_strings_add(&m->types, type);
}

static int mounts_read_fstab(struct mf_needs *needs, struct mounts_points *m)
{
	_cleanup_close_ int fd = mf_context_open(needs->ctx, "etc/fstab", O_RDONLY);
	_cleanup_free_ char *text = NULL;
	_cleanup_fclose_ FILE *f = NULL;
	struct mntent entry;
	char line[4096];
	size_t len;
	int r = mounts_add_point(m, "/", "auto");

	if (!r)
		r = mounts_add_point(m, "/usr", "auto");
	if (r < 0 || fd < 0 || mf_file_read(fd, FSTAB_MAX, &text, &len) < 0 || !len)
		return r;
	f = fmemopen(text, len, "r");
	while (f && !r && getmntent_r(f, &entry, line, sizeof(line)))
		if (!strcmp(entry.mnt_dir, "/") || !strcmp(entry.mnt_dir, "/usr") ||
		    hasmntopt(&entry, "x-initrd.mount"))
			r = mounts_add_point(m, entry.mnt_dir, entry.mnt_type);
	return r;
}

/* ---- the table of mounts ---- */

struct mounts_walk {
	struct mf_needs *needs;
	struct mounts_points *points;
};

/* Decodes \040 and its like in place. */
static void mounts_unescape(char *s)
{
	char *out = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*out++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = '\0';
}

/* The number of the device node that is the source of a mount. */
static int mounts_add_source(struct mf_needs *needs, const char *source)
{
	_cleanup_close_ int fd = *source == '/' ? mf_context_open(needs->ctx, source, O_PATH) : -1;
	_cleanup_free_ char *number = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISBLK(st.st_mode))
		return 0;
	number = mf_format("%u:%u", major(st.st_rdev), minor(st.st_rdev));
	return number ? mf_needs_btrfs(needs, number) : -ENOMEM;
}

static int mounts_on_line(void *arg, char *line)
{
	struct mounts_walk *w = arg;
	char *fields[5] = { NULL }, *save = NULL, *type, *source;
	char *rest = strstr(line, " - ");
	int r = 0;

	if (!rest)
		return 0;
	*rest = '\0';
	fields[0] = strtok_r(line, " ", &save);
	for (size_t i = 1; i < MF_ARRAY_SIZE(fields); i++)
		fields[i] = strtok_r(NULL, " ", &save);
	type = strtok_r(rest + strlen(" - "), " ", &save);
	source = strtok_r(NULL, " ", &save);
	if (!fields[4] || !type || !source)
		return 0;
	mounts_unescape(fields[4]);
	mounts_unescape(source);
	for (size_t i = 0; !r && i < w->points->points.n; i++) {
		if (strcmp(fields[4], w->points->points.v[i]) != 0)
			continue;
		/* the initrd's own root is mounted below the real one */
		if (!strcmp(type, "rootfs") || !strcmp(type, "autofs"))
			return 0;
		r = mounts_add_point(w->points, fields[4], type);
		if (!r)
			r = mf_needs_block(w->needs, fields[2]);
		if (!r && !strcmp(type, "btrfs"))
			r = mounts_add_source(w->needs, source);
	}
	return r;
}

static int mounts_read_table(struct mf_needs *needs, struct mounts_points *points)
{
	_cleanup_close_ int fd = mf_context_open(needs->ctx, "proc/self/mountinfo", O_RDONLY);
	struct mounts_walk w = { needs, points };
	int r = fd < 0 ? 0 : mf_file_each_line(fd, MOUNTS_MAX, mounts_on_line, &w);

	return r == -ENOMEM ? r : 0;
}

int mf_needs_mounts(struct mf_needs *needs, bool devices)
{
	_cleanup_(mounts_points_done) struct mounts_points m = { 0 };
	_cleanup_free_ char *resume =
		devices ? mf_sysfs_read(needs->ctx, "sys/power", "resume") : NULL;
	int r = mounts_read_fstab(needs, &m);

	if (!r && devices)
		r = mounts_read_table(needs, &m);
	for (size_t i = 0; !r && i < m.points.n; i++)
		r = mounts_add_type(needs, m.types.v[i]);
	if (!r && resume && strcmp(resume, "0:0") != 0 && !strchr(resume, '/'))
		r = mf_needs_block(needs, resume);
	return r;
}
