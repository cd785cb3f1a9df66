/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A scan by somebody who has been here before.
 *
 * Listing the 880 folders of a full tree costs as much as looking at its 4,000 files. But what is
 * in a folder can only change with the folder's own times; so the state has, of each folder, the
 * times it had when it was listed, and only those that have others, and new ones, are listed again.
 * Every file is still looked at: an edit in place changes nothing of the folder.
 *
 * A folder is believed to be unchanged if it has the same inode and times, and if these could not
 * be the same after another change: depmod-scan.c says when that is sure, and marks the rest, which
 * is listed in every run. Whatever does not fit together (a known file is gone from a folder that
 * is the same, a link leads to a folder) ends this, and the tree is scanned as if for the first
 * time; so does a state with two files of one module name.
 *
 * A few new files are read while the others are looked at: one that is compressed takes longer to
 * inflate than all the rest to be looked at.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "src/depmod/depmod-parts.h"

#define AT_ONCE 64 /* looks between two questions for more work */

static void recall_file(const struct dm_segment *s, const struct dm_record *r, uint32_t number,
			struct dm_scan *scan)
{
	const char *path = s->strings + r->path;
	const char *slash = memrchr(path, '/', r->path_len);

	scan->files[scan->n++] = (struct dm_file){
		.path = path,
		.path_len = r->path_len,
		.base = slash ? (uint32_t)(slash + 1 - path) : 0,
		.size = r->size,
		.inode = r->inode,
		.mtime = r->mtime,
		.ctime = r->ctime,
		.external = r->flags & DM_EXTERNAL,
		.linked = r->flags & DM_LINKED,
		.known = number + 1,
	};
}

/* The state lists what is gone in rising order. */
static void recall_files(const struct dm_state *state, struct dm_scan *scan)
{
	uint32_t g = 0;

	for (uint32_t i = 0; i < state->base.n_records; i++) {
		while (g < state->n_gone && state->gone[g] < i)
			g++;
		if (g < state->n_gone && state->gone[g] == i)
			continue;
		recall_file(&state->base, &state->base.records[i], i, scan);
	}
	for (uint32_t i = 0; i < state->recent.n_records; i++)
		recall_file(&state->recent, &state->recent.records[i], state->base.n_records + i,
			    scan);
}

int dm_scan_recall(const struct dm_state *state, size_t more, struct dm_scan *scan)
{
	const struct dm_folders *folders = &state->folders;
	size_t n = (size_t)state->base.n_records + state->recent.n_records + more + 1;

	scan->files = reallocarray(NULL, n, sizeof(*scan->files));
	scan->folders = reallocarray(NULL, (size_t)folders->n + 1, sizeof(*scan->folders));
	if (!scan->files || !scan->folders)
		return -ENOMEM;
	recall_files(state, scan);
	for (uint32_t i = 0; i < folders->n; i++) {
		const struct dm_folder_record *r = &folders->v[i];

		scan->folders[scan->n_folders++] = (struct dm_folder){
			folders->paths + r->path, r->path_len, r->inode, r->mtime, r->ctime,
		};
	}
	return 0;
}

/* A scan from memory on its way to what is there. */
struct revisit {
	const struct dm_tree *tree;
	struct dm_scan *scan;
	uint8_t *changed;	 /* folders */
	struct dm_file *dropped; /* known files of these folders */
	size_t n_dropped, n_kept;
	struct dm_file *early[DM_FEW];
	struct dm_notes notes[DM_FEW];
	size_t n_early;
	const struct dm_meanwhile *meanwhile;
	int meant;	 /* what it returned */
	atomic_bool odd; /* a file is not where its folder says */
};

static bool is_same(const struct dm_tree *tree, const struct dm_folder *folder)
{
	struct dm_file now;
	struct stat st;

	if (folder->ctime == DM_UNSURE)
		return false;
	if (fstatat(tree->fd, folder->path_len ? folder->path : ".", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	dm_take_numbers(&st, &now);
	return S_ISDIR(st.st_mode) && st.st_dev == tree->device && now.inode == folder->inode &&
	       now.mtime == folder->mtime && now.ctime == folder->ctime;
}

static void look_at_folders(void *arg, size_t k, unsigned int worker)
{
	struct revisit *v = arg;
	size_t end = (k + 1) * AT_ONCE;

	for (size_t i = k * AT_ONCE; i < end && i < v->scan->n_folders; i++)
		v->changed[i] = !is_same(v->tree, &v->scan->folders[i]);
}

static void look_at_files(struct revisit *v, size_t k)
{
	size_t end = (k + 1) * AT_ONCE;

	for (size_t i = k * AT_ONCE; i < end && i < v->n_kept; i++) {
		struct dm_file *file = &v->scan->files[i];

		if (dm_file_stat(v->tree, file) < 0)
			v->odd = true;
	}
}

static void read_or_look(void *arg, size_t k, unsigned int worker)
{
	struct revisit *v = arg;

	if (k < v->n_early)
		v->notes[k] = dm_notes_read(v->tree, v->early[k], &v->scan->arenas[worker]);
	else if (k == v->n_early)
		v->meant = v->meanwhile->call(v->meanwhile->arg, v->scan, v->n_early > 0);
	else
		look_at_files(v, k - v->n_early - 1);
}

static bool is_as_it_was(const struct dm_file *was, const struct dm_file *file)
{
	return was->size == file->size && was->inode == file->inode && was->mtime == file->mtime &&
	       was->ctime == file->ctime;
}

/*
 * Of the files of changed folders: what the state knows of them, and which are sure to be read.
 * Where these are more than a few this is no time for it.
 */
static int ask_for_new(struct revisit *v)
{
	_cleanup_(mf_table_done) struct mf_table by_path = { 0 };
	size_t n = 0;
	int r = mf_table_reserve(&by_path, v->n_dropped);

	for (size_t i = 0; i < v->n_dropped && r >= 0; i++) {
		uint32_t *ignored;

		r = mf_table_put(&by_path, v->dropped[i].path, v->dropped[i].path_len, (uint32_t)i,
				 &ignored);
	}
	if (r < 0)
		return r;
	for (size_t i = v->n_kept; i < v->scan->n; i++) {
		struct dm_file *file = &v->scan->files[i];
		const uint32_t *found = mf_table_get(&by_path, file->path, file->path_len);

		file->known = found ? v->dropped[*found].known : DM_NONE;
		if (found && is_as_it_was(&v->dropped[*found], file))
			continue;
		if (n < DM_FEW)
			v->early[n] = file;
		n++;
	}
	v->n_early = n <= DM_FEW ? n : 0;
	return 0;
}

/* The notes go with the scan. */
static int keep_early(struct revisit *v)
{
	for (size_t i = 0; i < v->n_early; i++) {
		struct dm_notes *notes = mf_arena_alloc(&v->scan->arenas[0], sizeof(*notes));

		if (!notes)
			return -ENOMEM;
		*notes = v->notes[i];
		v->early[i]->notes = notes;
	}
	return 0;
}

static int put_folders(const struct dm_scan *scan, struct mf_table *by_path)
{
	int r = mf_table_reserve(by_path, scan->n_folders);

	for (size_t i = 0; i < scan->n_folders && r >= 0; i++) {
		uint32_t *ignored;

		r = mf_table_put(by_path, scan->folders[i].path, scan->folders[i].path_len,
				 (uint32_t)i, &ignored);
	}
	return r < 0 ? r : 0;
}

/* Puts the files of changed folders aside. 1: one is in a folder nobody knows. */
static int drop_files(struct revisit *v, const struct mf_table *by_path)
{
	struct dm_scan *scan = v->scan;
	const struct dm_folder *last = NULL;
	size_t kept = 0;

	for (size_t i = 0; i < scan->n; i++) {
		const struct dm_file *f = &scan->files[i];
		uint32_t len = f->base ? f->base - 1 : 0;

		/* most are in the folder of the one before */
		if (!last || last->path_len != len || memcmp(last->path, f->path, len) != 0) {
			const uint32_t *found = mf_table_get(by_path, f->path, len);

			if (!found)
				return 1;
			last = &scan->folders[*found];
		}
		if (v->changed[last - scan->folders])
			v->dropped[v->n_dropped++] = *f;
		else
			scan->files[kept++] = *f;
	}
	scan->n = v->n_kept = kept;
	return 0;
}

/* Takes the changed folders out of the scan. */
static struct dm_folder *take_changed(struct revisit *v, size_t *ret_n)
{
	struct dm_scan *scan = v->scan;
	struct dm_folder *changed = reallocarray(NULL, scan->n_folders + 1, sizeof(*changed));
	size_t n = 0, kept = 0;

	if (!changed)
		return NULL;
	for (size_t i = 0; i < scan->n_folders; i++)
		if (v->changed[i])
			changed[n++] = scan->folders[i];
		else
			scan->folders[kept++] = scan->folders[i];
	scan->n_folders = kept;
	*ret_n = n;
	return changed;
}

static bool is_gone(const struct dm_tree *tree, const struct dm_folder *folder)
{
	const char *path = folder->path_len ? folder->path : ".";
	struct stat st;

	if (fstatat(tree->fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT || errno == ENOTDIR;
	return !S_ISDIR(st.st_mode);
}

/* A folder that is gone is no news to be told; one that cannot be looked at is. */
static size_t drop_gone(const struct dm_tree *tree, struct dm_folder *folders, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!is_gone(tree, &folders[i]))
			folders[kept++] = folders[i];
	return kept;
}

/* A file that was no module's: where two have one name it matters which was found first. */
static bool has_rivals(const struct dm_segment *s)
{
	for (uint32_t i = 0; i < s->n_records; i++)
		if (!(s->records[i].flags & DM_READ))
			return true;
	return false;
}

/* Finds what folders have changed, lists them, and looks at everything else. */
static int revisit(struct mf_context *ctx, const struct dm_config *config,
		   const struct dm_flavour *flavour, struct revisit *v)
{
	_cleanup_(mf_table_done) struct mf_table by_path = { 0 };
	_cleanup_free_ struct dm_folder *changed = NULL;
	struct dm_scan *scan = v->scan;
	size_t n;
	int r;

	if (put_folders(scan, &by_path) < 0)
		return -ENOMEM;
	mf_workers_run(v->tree->workers, (scan->n_folders + AT_ONCE - 1) / AT_ONCE, look_at_folders,
		       v);
	if (drop_files(v, &by_path))
		return 1;
	changed = take_changed(v, &n);
	if (!changed)
		return -ENOMEM;
	n = drop_gone(v->tree, changed, n);
	r = dm_scan_folders(ctx, v->tree, config, flavour, changed, n, &by_path, scan);
	if (r < 0 || scan->loose)
		return r < 0 ? r : 1;
	r = ask_for_new(v);
	if (r < 0)
		return r;
	mf_workers_run(v->tree->workers, v->n_early + 1 + (v->n_kept + AT_ONCE - 1) / AT_ONCE,
		       read_or_look, v);
	if (v->odd || v->meant < 0)
		return v->meant < 0 ? v->meant : 1;
	return keep_early(v);
}

int dm_scan_known(struct mf_context *ctx, const struct dm_tree *tree,
		  const struct dm_config *config, const struct dm_flavour *flavour,
		  const struct dm_state *state, const struct dm_meanwhile *meanwhile,
		  struct dm_scan *ret_scan)
{
	_cleanup_(dm_scan_done) struct dm_scan scan = { 0 };
	_cleanup_free_ uint8_t *marks = calloc((size_t)state->folders.n + 1, 1);
	_cleanup_free_ struct dm_file *dropped = NULL;
	struct revisit v = {
		.tree = tree, .scan = &scan, .changed = marks, .meanwhile = meanwhile
	};
	int r;

	if (!state->folders.n || !tree->keeps_times || has_rivals(&state->base) ||
	    has_rivals(&state->recent))
		return 1;
	if (!marks || dm_scan_recall(state, 0, &scan) < 0)
		return -ENOMEM;
	v.dropped = dropped = reallocarray(NULL, scan.n + 1, sizeof(*dropped));
	r = dropped ? revisit(ctx, config, flavour, &v) : -ENOMEM;
	if (r)
		return r;
	*ret_scan = scan;
	scan = (struct dm_scan){ 0 };
	return 0;
}
