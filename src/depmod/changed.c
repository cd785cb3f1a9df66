/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The scan of a caller who says which paths changed (--changed): the state knows all other files.
 *
 * What was read since the last base comes after the rest, and new files come last. The order
 * matters only between files of one module name, where the order of a scan decides; the caller
 * scans the whole tree after all if there are such. It does so, too, for a path that names a
 * directory or a link, or leads over one. Files that links lead to are looked at in any case, since
 * their own paths were not named; if a link leads to a directory or nowhere, this is not called.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "scan.h"
#include "state.h"

#define DEPTH_MAX 30  /* directories; a scan goes deeper, but no path of a module does */
#define MANY	  200 /* paths: looking at the whole tree costs less */

static struct dm_file file_of(const char *path, uint32_t len)
{
	const char *slash = memrchr(path, '/', len);

	return (struct dm_file){
		.path = path,
		.path_len = len,
		.base = slash ? (uint32_t)(slash + 1 - path) : 0,
	};
}

static void changed_recall(const struct dm_segment *s, const struct dm_record *r,
			   struct dm_scan *scan)
{
	struct dm_file file = file_of(s->strings + r->path, r->path_len);

	file.numbers = r->numbers;
	file.linked = r->flags & DM_LINKED;
	scan->files[scan->n++] = file;
}

/* The files that the state knows, with their numbers; room for MORE. 0 or -ENOMEM. */
static int recall_all(const struct dm_state *state, size_t more, struct dm_scan *scan)
{
	uint32_t n_base = state->base.n_records, n_recent = state->recent.n_records, g = 0;

	scan->files =
		reallocarray(NULL, (size_t)n_base + n_recent + more + 1, sizeof(*scan->files));
	if (!scan->files)
		return -ENOMEM;
	for (uint32_t i = 0; i < n_base; i++) {
		while (g < state->n_gone && state->gone[g] < i)
			g++;
		if (g >= state->n_gone || state->gone[g] != i)
			changed_recall(&state->base, &state->base.records[i], scan);
	}
	for (uint32_t i = 0; i < n_recent; i++)
		changed_recall(&state->recent, &state->recent.records[i], scan);
	return 0;
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

/*
 * The file of this path, NULL if there is none. *RET_BELOW: there are files below it; a directory
 * that is gone takes files with it that the caller did not name.
 */
static struct dm_file *changed_find(struct dm_scan *scan, const char *path, bool *ret_below)
{
	struct dm_file *found = NULL;
	size_t len = strlen(path);

	*ret_below = false;
	for (size_t i = 0; i < scan->n; i++) {
		struct dm_file *file = &scan->files[i];

		if (file->path_len < len || memcmp(file->path, path, len) != 0)
			continue;
		if (file->path_len == len)
			found = file;
		else if (file->path[len] == '/')
			*ret_below = true;
	}
	return found;
}

static void drop(struct dm_scan *scan, struct dm_file *file)
{
	memmove(file, file + 1, (size_t)(scan->files + --scan->n - file) * sizeof(*file));
}

/*
 * A path as a scan spells it: no "." and no second slash. NULL with *RET_R set: 1 where it may mean
 * something else than one file of the tree, -ENOMEM.
 */
static char *normalise(struct mf_arena *arena, const char *path, int *ret_r)
{
	char *copy = mf_arena_copy(arena, path, strlen(path)), *to = copy;
	size_t depth = 0;

	*ret_r = copy ? 1 : -ENOMEM;
	if (!copy || *path == '/')
		return NULL;
	for (const char *from = path; *from;) {
		size_t n = strcspn(from, "/");

		if ((n == 2 && !memcmp(from, "..", 2)) || ++depth > DEPTH_MAX)
			return NULL;
		if (n && !(n == 1 && *from == '.')) {
			if (to > copy)
				*to++ = '/';
			memmove(to, from, n);
			to += n;
		}
		from += n + (from[n] == '/');
	}
	*to = '\0';
	return to > copy ? copy : NULL;
}

/* 0; 1: nothing is there; -errno: something is, but no link has led there. */
static int look(const struct dm_tree *tree, const char *path, struct stat *st)
{
	const struct open_how how = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH,
	};
	_cleanup_close_ int fd = (int)syscall(SYS_openat2, tree->fd, path, &how, sizeof(how));

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 1 : -errno;
	return fstat(fd, st) < 0 ? -errno : 0;
}

/* Looks at one changed path. 1: that is not enough. */
static int update(const struct dm_tree *tree, const struct dm_config *config,
		  const struct dm_flavor *flavor, const char *name, struct dm_scan *scan)
{
	struct dm_file *known, file;
	struct stat st = { 0 };
	bool below;
	int r, gone;
	char *path = normalise(&scan->arenas[0], name, &r);

	if (!path)
		return r;
	gone = look(tree, path, &st);
	known = changed_find(scan, path, &below);
	if (gone < 0 || (!gone && !S_ISREG(st.st_mode)) || below)
		return 1;
	file = file_of(path, (uint32_t)strlen(path));
	if (!dm_is_module_name(flavor, path + file.base, file.path_len - file.base))
		return 0;
	if (gone || in_excluded(config, path)) {
		if (known)
			drop(scan, known);
		return 0;
	}
	if (!known) {
		known = &scan->files[scan->n++];
		*known = file;
	}
	known->numbers = dm_numbers_of(&st);
	return 0;
}

/* What a link leads to changes while the link's path is not named. 1: it is gone. */
static int look_at_links(const struct dm_tree *tree, struct dm_scan *scan)
{
	for (size_t i = 0; i < scan->n; i++) {
		struct dm_file *file = &scan->files[i];
		struct stat st;

		if (!file->linked)
			continue;
		if (dm_tree_stat(tree, file->path, &st) < 0 || !S_ISREG(st.st_mode))
			return 1;
		file->numbers = dm_numbers_of(&st);
	}
	return 0;
}

int dm_scan_changed(const struct dm_tree *tree, const struct dm_config *config,
		    const struct dm_flavor *flavor, const struct dm_state *state,
		    const struct mf_strings *changed, struct dm_scan *ret_scan)
{
	_cleanup_(dm_scan_done) struct dm_scan scan = { 0 };

	/* each path is looked for among all files */
	if (changed->n > MANY)
		return 1;
	if (recall_all(state, changed->n, &scan) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < changed->n; i++) {
		int r = update(tree, config, flavor, changed->v[i], &scan);

		if (r)
			return r;
	}
	if (look_at_links(tree, &scan))
		return 1;
	*ret_scan = scan;
	scan = (struct dm_scan){ 0 };
	return 0;
}
