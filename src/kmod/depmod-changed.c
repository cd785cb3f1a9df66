/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A scan that is spared: the caller knows which paths changed, the state knows the rest.
 *
 * New files are put at the end. Their place matters only between files of one module name, where
 * the order of the scan decides; then the tree is scanned after all. A path that names a folder
 * stands for nothing here either: what came or went below it has to be looked at.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "src/kmod/depmod-parts.h"

static size_t name_len(const struct dm_file *file)
{
	return strcspn(file->path + file->base, ".");
}

/* Do two files have one module name? */
static bool same_name(const struct dm_file *a, const struct dm_file *b)
{
	const char *p = a->path + a->base, *q = b->path + b->base;
	size_t n = name_len(a);

	if (n != name_len(b))
		return false;
	for (size_t i = 0; i < n; i++)
		if (p[i] != q[i] && !(strchr("-_", p[i]) && strchr("-_", q[i])))
			return false;
	return true;
}

static void set_path(struct dm_file *file, const char *path, size_t len)
{
	const char *slash = strrchr(path, '/');

	file->path = path;
	file->path_len = (uint32_t)len;
	file->base = slash ? (uint32_t)(slash + 1 - path) : 0;
}

static void copy_known(const struct dm_segment *base, struct dm_scan *scan)
{
	for (uint32_t i = 0; i < base->n_records; i++) {
		const struct dm_record *r = &base->records[i];
		struct dm_file *f = &scan->files[scan->n++];

		*f = (struct dm_file){
			.size = r->size,
			.inode = r->inode,
			.mtime = r->mtime,
			.ctime = r->ctime,
			.external = r->flags & DM_EXTERNAL,
		};
		set_path(f, base->strings + r->path, r->path_len);
	}
}

static struct dm_file *find(struct dm_scan *scan, const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < scan->n; i++)
		if (scan->files[i].path_len == len && !memcmp(scan->files[i].path, path, len))
			return &scan->files[i];
	return NULL;
}

static int add_new(struct dm_scan *scan, const struct dm_file *file)
{
	for (size_t i = 0; i < scan->n; i++)
		if (same_name(&scan->files[i], file))
			return 1;
	scan->files[scan->n++] = *file;
	return 0;
}

/* Looks at one changed path. */
static int update(const struct dm_tree *tree, const struct dm_flavour *flavour, const char *path,
		  struct dm_scan *scan)
{
	struct dm_file *known = find(scan, path), file = {0};
	int r = dm_file_stat(tree->fd, path, &file);

	set_path(&file, path, strlen(path));
	if (*path == '/' || (r < 0 && r != -ENOENT && r != -ENOTDIR))
		return 1;
	if (!dm_is_module_name(flavour, path + file.base, file.path_len - file.base))
		return known || !mf_ends_with(path, "/") ? 0 : 1;
	if (r < 0) {
		if (known)
			memmove(known, known + 1,
				(size_t)(scan->files + --scan->n - known) * sizeof(*known));
		return 0;
	}
	if (!known)
		return add_new(scan, &file);
	*known = file;
	return 0;
}

int dm_scan_changed(const struct dm_tree *tree, const struct dm_flavour *flavour,
		    const struct dm_segment *base, const struct mf_strings *changed,
		    struct dm_scan *ret_scan)
{
	_cleanup_(dm_scan_done) struct dm_scan scan = {0};

	scan.files = reallocarray(NULL, base->n_records + changed->n + 1, sizeof(*scan.files));
	if (!scan.files)
		return -ENOMEM;
	copy_known(base, &scan);
	for (size_t i = 0; i < changed->n; i++) {
		int r = update(tree, flavour, changed->v[i], &scan);

		if (r)
			return r;
	}
	*ret_scan = scan;
	scan = (struct dm_scan){0};
	return 0;
}
