/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The way back from a package transaction.
 *
 * rpm's database knows of a package only when all its files are in place: whoever is killed before
 * leaves files that nobody owns, and directories that no package lists. So the paths that are not there
 * yet are written down first, and it is they that are removed: before the database is asked to
 * forget the packages, since on a full disk it needs the room for that. rpm itself removes nothing
 * here. What was there before is in no list; and of what is in the list only that goes which has
 * the type and the time rpm gave it and is no longer than it was (it may be shorter after a power
 * cut): since then somebody else may have put a file there.
 *
 * A package that replaces an older one is not taken out: its predecessor is gone, and a driver of
 * another version is better than none; but if it was not finished, its files of other names go. A
 * removal is finished, not undone: what it removed is gone.
 *
 * On disk: /var/lib/modfetch/undo, records ended by a NUL (a path may hold any other byte): a
 * letter that says which list, then the string; of what is fresh "MODE MTIME SIZE UPDATE PATH". The
 * first record is the format's name, the last is
 * "." alone: a file without it is not whole and stands for a transaction that had not begun.
 */
#include "modfetch/undo.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/cleanup.h"
#include "modfetch/depmod.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"
#include "directories.h"
#include "owners.h"

#define DIRECTORY "var/lib/modfetch"
#define NAME	  "undo"
#define MAGIC	  "modfetch undo 2"
#define MAX	  (64U << 20)

void mf_undo_done(struct mf_undo *undo)
{
	mf_strings_done(&undo->kernels);
	mf_strings_done(&undo->packages);
	mf_strings_done(&undo->updates);
	mf_strings_done(&undo->erase);
	mf_strings_done(&undo->files);
	for (size_t i = 0; i < undo->n_fresh; i++)
		free(undo->fresh[i].path);
	free(undo->fresh);
	*undo = (struct mf_undo){ 0 };
}

/* ---- before ---- */

/* A link that leads nowhere is there: it is somebody's. */
static bool undo_is_there(const struct mf_context *ctx, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(ctx, path, O_PATH | O_NOFOLLOW);

	return fd >= 0 || (fd != -ENOENT && fd != -ENOTDIR);
}

static int add_fresh(struct mf_undo *undo, const struct mf_undo_fresh *fresh, const char *path)
{
	struct mf_undo_fresh *more = undo->fresh;

	if (undo->n_fresh == undo->room_fresh) {
		size_t room = undo->room_fresh ? undo->room_fresh * 2 : 32;

		more = reallocarray(undo->fresh, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		undo->fresh = more;
		undo->room_fresh = room;
	}
	more[undo->n_fresh] = *fresh;
	more[undo->n_fresh].path = strdup(path);
	return more[undo->n_fresh].path ? (undo->n_fresh++, 0) : -ENOMEM;
}

/* Is DIRECTORY the last path that was noted, or does it lead there? */
static bool leads_to_last(const struct mf_undo *undo, const char *directory)
{
	const char *last = undo->n_fresh ? undo->fresh[undo->n_fresh - 1].path : "";
	size_t len = strlen(directory);

	return !strncmp(last, directory, len) && (!last[len] || last[len] == '/');
}

/* A file and the directories that lead to it, from the first that is not there. */
static int note_fresh(const struct mf_context *ctx, struct mf_undo *undo,
		      const struct mf_rpm_file *file, int update)
{
	const struct mf_undo_fresh directory = { .mode = S_IFDIR, .update = update };
	const struct mf_undo_fresh fresh = {
		.mode = file->mode, .mtime = file->mtime, .size = file->size, .update = update
	};
	_cleanup_free_ char *copy = strdup(file->path);
	const char *path = file->path;
	bool missing = false;
	int r = 0;

	if (!copy)
		return -ENOMEM;
	for (size_t i = 1; !r && path[i - 1]; i++) {
		if (path[i] && path[i] != '/')
			continue;
		copy[i] = '\0';
		missing = missing || !undo_is_there(ctx, copy);
		/* a package's files lie together: what the last one needed is at the end */
		if (missing && !leads_to_last(undo, copy))
			r = add_fresh(undo, path[i] ? &directory : &fresh, copy);
		copy[i] = path[i];
	}
	return r;
}

int mf_undo_note(const struct mf_context *ctx, struct mf_undo *undo, const char *nevra,
		 const struct mf_rpm_header *header, bool replaces)
{
	int update = replaces ? (int)undo->updates.n : -1;
	int r = mf_strings_add(replaces ? &undo->updates : &undo->packages, nevra);

	for (size_t i = 0; !r && i < header->n_files; i++) {
		const struct mf_rpm_file *file = &header->files[i];

		/* rpm makes no ghosts */
		if (!file->ghost)
			r = note_fresh(ctx, undo, file, update);
		if (!r && S_ISREG(file->mode))
			r = mf_strings_add(&undo->files, file->path);
	}
	return r;
}

int mf_undo_directories(const struct mf_undo *undo, struct mf_strings *ret_paths)
{
	int r = 0;

	for (size_t i = 0; !r && i < undo->n_fresh; i++)
		if (S_ISDIR(undo->fresh[i].mode))
			r = mf_strings_add(ret_paths, undo->fresh[i].path);
	return r;
}

/* ---- on disk ---- */

struct list {
	char letter;
	struct mf_strings *strings;
};
#define N_LISTS 5

static void lists_of(struct mf_undo *undo, struct list lists[N_LISTS])
{
	lists[0] = (struct list){ 'k', &undo->kernels };
	lists[1] = (struct list){ 'p', &undo->packages };
	lists[2] = (struct list){ 'u', &undo->updates };
	lists[3] = (struct list){ 'e', &undo->erase };
	lists[4] = (struct list){ 'f', &undo->files };
}

int mf_undo_keep(struct mf_context *ctx, const struct mf_undo *undo)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(ctx, DIRECTORY);
	_cleanup_free_ char *text = NULL;
	struct list lists[N_LISTS];
	size_t len = 0;
	FILE *f;
	int r;

	if (dirfd < 0)
		return mf_fail(ctx, "install", dirfd, "/" DIRECTORY, NULL);
	f = open_memstream(&text, &len);
	if (!f)
		return mf_fail(ctx, "install", -ENOMEM, "undo", NULL);
	lists_of((struct mf_undo *)undo, lists);
	fprintf(f, MAGIC "%c", '\0');
	for (size_t i = 0; i < N_LISTS; i++)
		for (size_t j = 0; j < lists[i].strings->n; j++)
			fprintf(f, "%c%s%c", lists[i].letter, lists[i].strings->v[j], '\0');
	for (size_t i = 0; i < undo->n_fresh; i++)
		fprintf(f, "n%o %u %llu %d %s%c", undo->fresh[i].mode, undo->fresh[i].mtime,
			(unsigned long long)undo->fresh[i].size, undo->fresh[i].update,
			undo->fresh[i].path, '\0');
	fprintf(f, ".%c", '\0');
	r = fclose(f) ? -ENOMEM : mf_file_publish(dirfd, NAME, 0600, text, len);
	return r < 0 ? mf_fail(ctx, "install", r, "/" DIRECTORY "/" NAME, NULL) : 0;
}

int mf_undo_forget(struct mf_context *ctx)
{
	_cleanup_close_ int dirfd = mf_context_open(ctx, DIRECTORY, O_RDONLY | O_DIRECTORY);

	if (dirfd < 0)
		return dirfd == -ENOENT ? 0 : mf_fail(ctx, "install", dirfd, "/" DIRECTORY, NULL);
	if (unlinkat(dirfd, NAME, 0) < 0 && errno != ENOENT)
		return mf_fail(ctx, "install", -errno, "/" DIRECTORY "/" NAME, NULL);
	/* should it come back after a power cut, the next run starts from before: no harm in that
	 */
	(void)fsync(dirfd);
	return 0;
}

static int parse_fresh(const char *text, struct mf_undo *undo)
{
	struct mf_undo_fresh fresh;
	unsigned long long size;
	int at = 0;

	if (sscanf(text, "%o %u %llu %d %n", &fresh.mode, &fresh.mtime, &size, &fresh.update,
		   &at) != 4 ||
	    text[at] != '/')
		return 0; /* a record that is not understood removes nothing */
	fresh.size = size;
	return add_fresh(undo, &fresh, text + at);
}

static int undo_parse(const char *text, size_t len, struct mf_undo *undo)
{
	struct list lists[N_LISTS];
	const char *record = text;
	int r = 0;

	if (len < sizeof(MAGIC) + 2 || memcmp(text, MAGIC, sizeof(MAGIC)) ||
	    memcmp(text + len - 3, "\0.", 3) != 0)
		return 1;
	lists_of(undo, lists);
	for (record += sizeof(MAGIC); !r && record < text + len; record += strlen(record) + 1) {
		if (*record == 'n')
			r = parse_fresh(record + 1, undo);
		for (size_t i = 0; !r && i < N_LISTS; i++)
			if (*record == lists[i].letter)
				r = mf_strings_add(lists[i].strings, record + 1);
	}
	return r;
}

int mf_undo_read(struct mf_context *ctx, struct mf_undo *ret_undo)
{
	_cleanup_close_ int fd = mf_context_open(ctx, DIRECTORY "/" NAME, O_RDONLY | O_NOFOLLOW);
	_cleanup_(mf_undo_done) struct mf_undo undo = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r;

	if (fd == -ENOENT)
		return 1;
	r = fd < 0 ? fd : mf_file_read(fd, MAX, &text, &len);
	if (!r)
		r = undo_parse(text, len, &undo);
	if (r < 0)
		return mf_fail(ctx, "install", r, "/" DIRECTORY "/" NAME, NULL);
	if (!r) {
		*ret_undo = undo;
		undo = (struct mf_undo){ 0 };
	}
	return r;
}

/* ---- back ---- */

/* The directory of PATH, and in RET_NAME its last component, borrowed. A descriptor or -errno. */
static int open_parent(const struct mf_context *ctx, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *directory = slash ? strndup(path, (size_t)(slash - path)) : NULL;

	if (!directory)
		return slash ? -ENOMEM : -EINVAL;
	*ret_name = slash + 1;
	return mf_context_open(ctx, *directory ? directory : "/", O_RDONLY | O_DIRECTORY);
}

/* Is it what rpm has made there, if only the beginning of it? */
static bool is_fresh(const struct mf_undo_fresh *fresh, const struct stat *st)
{
	if ((st->st_mode & S_IFMT) != (fresh->mode & S_IFMT) ||
	    st->st_mtime != (time_t)fresh->mtime)
		return false;
	return !S_ISREG(st->st_mode) || (uint64_t)st->st_size <= fresh->size;
}

/* Removes a file or link, or a directory if it is empty. 0 or -errno; what is not ours is passed
 * over. */
static int undo_take_away(const struct mf_context *ctx, const struct mf_undo_fresh *fresh)
{
	const char *name;
	_cleanup_close_ int dirfd = open_parent(ctx, fresh->path, &name);
	bool directory = S_ISDIR(fresh->mode);
	struct stat st;

	if (dirfd < 0)
		return dirfd == -ENOENT || dirfd == -ENOTDIR ? 0 : dirfd;
	if (directory)
		return (void)unlinkat(dirfd, name, AT_REMOVEDIR), 0;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!is_fresh(fresh, &st)) {
		mf_log(ctx, MF_LOG_WARNING,
		       "install: %s: somebody else has put a file there; it stays", fresh->path);
		return 0;
	}
	return unlinkat(dirfd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

/* What the packages have brought, directories or files; not those of updates that are DONE. */
static int take_fresh(struct mf_context *ctx, const struct mf_undo *undo,
		      const struct mf_strings *done, bool directories)
{
	int r = 0;

	/* a directory comes before what is in it */
	for (size_t i = undo->n_fresh; i > 0; i--) {
		const struct mf_undo_fresh *fresh = &undo->fresh[i - 1];
		int failed;

		if (S_ISDIR(fresh->mode) != directories ||
		    (fresh->update >= 0 && (size_t)fresh->update < undo->updates.n &&
		     mf_strings_has(done, undo->updates.v[fresh->update])))
			continue;
		failed = undo_take_away(ctx, fresh);
		if (failed < 0)
			r = mf_fail(ctx, "install", failed, fresh->path, "cannot be removed: %s",
				    mf_error_sentence(failed));
	}
	return r;
}

/* rpm writes "x.ko;65a3f2c1" and renames it: what a killed one left is in nobody's list. */
static void take_partials(const struct mf_context *ctx, const char *path)
{
	const char *name;
	int dirfd = open_parent(ctx, path, &name);
	_cleanup_closedir_ DIR *dir = dirfd < 0 ? NULL : fdopendir(dirfd);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		size_t len = strlen(name);

		if (!strncmp(e->d_name, name, len) && e->d_name[len] == ';' &&
		    strspn(e->d_name + len + 1, "0123456789abcdef") == 8 && !e->d_name[len + 9])
			(void)unlinkat(dirfd, e->d_name, 0);
	}
	if (!dir && dirfd >= 0)
		close(dirfd);
}

/* So does depmod's publishing: ".modules.dep.bin.partial", which only a run that writes it reuses.
 */
static void take_index_partials(const struct mf_context *ctx, const char *kernel)
{
	_cleanup_closedir_ DIR *dir = NULL;
	_cleanup_free_ char *path = NULL;
	struct dirent *e;
	int fd = -1;

	path = mf_format("/lib/modules/%s", kernel);
	if (path)
		fd = mf_context_open(ctx, path, O_RDONLY | O_DIRECTORY);
	dir = fd < 0 ? NULL : fdopendir(fd);
	while (dir && (e = readdir(dir)))
		if (mf_starts_with(e->d_name, ".modules.") &&
		    (mf_ends_with(e->d_name, ".partial") || mf_ends_with(e->d_name, ".old")))
			(void)unlinkat(fd, e->d_name, 0);
	if (!dir && fd >= 0)
		close(fd);
}

/* A removal cannot be undone: it is finished, unless a file has become somebody else's. */
static int finish_removal(struct mf_context *ctx, const struct mf_strings *erase)
{
	_cleanup_(mf_strings_done) struct mf_strings found = { 0 }, go = { 0 };
	int r = mf_rpm_installed(ctx, erase, &found);

	if (!r)
		r = mf_owners_removable(ctx, &found, &go);
	return r < 0 ? r : mf_rpm_erase(ctx, &go);
}

int mf_undo(struct mf_context *ctx, const struct mf_undo *undo)
{
	_cleanup_(mf_strings_done) struct mf_strings done = { 0 };
	int r = mf_rpm_installed(ctx, &undo->updates, &done);

	for (size_t i = 0; i < undo->kernels.n; i++)
		take_index_partials(ctx, undo->kernels.v[i]);
	if (!r)
		r = take_fresh(ctx, undo, &done, false);
	for (size_t i = 0; i < undo->files.n; i++)
		take_partials(ctx, undo->files.v[i]);
	if (!r)
		r = mf_rpm_forget(ctx, &undo->packages);
	if (!r)
		r = finish_removal(ctx, &undo->erase);
	if (!r)
		r = take_fresh(ctx, undo, &done, true);
	return r < 0 ? r : mf_directories_update(ctx, NULL);
}

int mf_undo_recover(struct mf_context *ctx)
{
	_cleanup_(mf_undo_done) struct mf_undo undo = { 0 };
	int r = mf_undo_read(ctx, &undo);

	if (r == 0) {
		mf_log(ctx, MF_LOG_WARNING,
		       "install: a run was cut off; undoing what it had begun");
		r = mf_undo(ctx, &undo);
		for (size_t i = 0; !r && i < undo.kernels.n; i++)
			r = mf_depmod(ctx,
				      &(struct mf_depmod_options){ .kernel = undo.kernels.v[i] },
				      NULL);
	}
	return r ? (r < 0 ? r : 0) : mf_undo_forget(ctx);
}
