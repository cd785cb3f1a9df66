/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A scan that is spared: the caller knows which paths changed, the state knows the rest.
 *
 * What was read since the last base stands behind the rest, and new files come last. Their place
 * matters only between files of one module name, where the order of the scan decides; the caller
 * scans the tree after all where there are such. So it is, too, for a path that names a folder or a
 * link. Files that links lead to are looked at in any case, since their own paths were named.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "src/kmod/depmod-parts.h"

static void set_path(struct dm_file *file, const char *path, size_t len)
{
	const char *slash = strrchr(path, '/');

	file->path = path;
	file->path_len = (uint32_t)len;
	file->base = slash ? (uint32_t)(slash + 1 - path) : 0;
}

static void copy_record(const struct dm_segment *s, const struct dm_record *r, struct dm_scan *scan)
{
	struct dm_file *f = &scan->files[scan->n++];

	*f = (struct dm_file){
		.size = r->size,
		.inode = r->inode,
		.mtime = r->mtime,
		.ctime = r->ctime,
		.external = r->flags & DM_EXTERNAL,
		.linked = r->flags & DM_LINKED,
	};
	set_path(f, s->strings + r->path, r->path_len);
}

/* The state lists what is gone in rising order. */
static void copy_known(const struct dm_state *state, struct dm_scan *scan)
{
	uint32_t g = 0;

	for (uint32_t i = 0; i < state->base.n_records; i++) {
		while (g < state->n_gone && state->gone[g] < i)
			g++;
		if (g < state->n_gone && state->gone[g] == i)
			continue;
		copy_record(&state->base, &state->base.records[i], scan);
	}
	for (uint32_t i = 0; i < state->recent.n_records; i++)
		copy_record(&state->recent, &state->recent.records[i], scan);
}

static struct dm_file *find(struct dm_scan *scan, const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < scan->n; i++)
		if (scan->files[i].path_len == len && !memcmp(scan->files[i].path, path, len))
			return &scan->files[i];
	return NULL;
}

static bool in_excluded(const struct dm_config *config, const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	char *save = NULL, *rest = copy, *name;

	while (copy && (name = strtok_r(rest, "/", &save))) {
		if (dm_is_excluded(config, name))
			return true;
		rest = NULL;
	}
	return !copy;
}

/* A folder that is gone takes files with it that nobody named. */
static bool has_files_below(const struct dm_scan *scan, const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < scan->n; i++)
		if (scan->files[i].path_len > len && scan->files[i].path[len] == '/' &&
		    !memcmp(scan->files[i].path, path, len))
			return true;
	return false;
}

static void drop(struct dm_scan *scan, struct dm_file *file)
{
	memmove(file, file + 1, (size_t)(scan->files + --scan->n - file) * sizeof(*file));
}

/* Looks at one changed path. 1: that is not enough. */
static int update(const struct dm_tree *tree, const struct dm_config *config,
		  const struct dm_flavour *flavour, const char *path, struct dm_scan *scan)
{
	struct dm_file *known = find(scan, path), file = { 0 };
	struct stat st;
	bool gone = fstatat(tree->fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0;

	if (*path == '/' || (gone && errno != ENOENT && errno != ENOTDIR) ||
	    (gone && has_files_below(scan, path)) || (!gone && !S_ISREG(st.st_mode)))
		return 1;
	set_path(&file, path, strlen(path));
	if (!dm_is_module_name(flavour, path + file.base, file.path_len - file.base))
		return 0;
	if (gone || in_excluded(config, path)) {
		if (known)
			drop(scan, known);
		return 0;
	}
	dm_take_numbers(&st, known ? known : &file);
	if (!known)
		scan->files[scan->n++] = file;
	return 0;
}

/* What links lead to changes without the link being named. 1: one is gone. */
static int look_at_links(const struct dm_tree *tree, struct dm_scan *scan)
{
	for (size_t i = 0; i < scan->n; i++)
		if (scan->files[i].linked &&
		    dm_file_stat(tree->fd, scan->files[i].path, &scan->files[i]) < 0)
			return 1;
	return 0;
}

int dm_scan_changed(const struct dm_tree *tree, const struct dm_config *config,
		    const struct dm_flavour *flavour, const struct dm_state *state,
		    const struct mf_strings *changed, struct dm_scan *ret_scan)
{
	_cleanup_(dm_scan_done) struct dm_scan scan = { 0 };

	scan.files = reallocarray(
		NULL, (size_t)state->base.n_records + state->recent.n_records + changed->n + 1,
		sizeof(*scan.files));
	if (!scan.files)
		return -ENOMEM;
	copy_known(state, &scan);
	for (size_t i = 0; i < changed->n; i++) {
		int r = update(tree, config, flavour, changed->v[i], &scan);

		if (r)
			return r;
	}
	if (look_at_links(tree, &scan))
		return 1;
	*ret_scan = scan;
	scan = (struct dm_scan){ 0 };
	return 0;
}
