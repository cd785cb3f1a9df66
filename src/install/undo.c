/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Undoes a package transaction.
 *
 * rpm's database lists a package only when all its files are in place. A process killed before that
 * leaves files without an owner and directories that no package lists. So the paths that do not
 * exist yet are recorded first, and an undo removes those. It does so before it removes the packages
 * from the database, which needs the space on a full disk. rpm itself removes nothing here. A file
 * that existed before is in no list. A listed file is removed only if it has the type and time that
 * rpm gave it and at most its size (it may be shorter after a power cut): another program may have
 * created a file there since.
 *
 * The version that an update replaced comes back, if its package is kept (restore.c). If it is not, the
 * new version is not removed: a driver of another version is better than none. But if its installation
 * was not finished, its files with new names are removed. A removal is finished, not undone: the removed
 * files are gone.
 *
 * On disk: /var/lib/modfetch/undo, records that end with a NUL (a path may have any other byte): a
 * letter for the list, then the string; of a created path "MODE MTIME SIZE UPDATE PATH". The first
 * record is the format's name, the last is "." alone: a file without it is incomplete, and its
 * transaction had not started.
 */
#include "modfetch/undo.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/depmod.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"
#include "directories.h"
#include "owners.h"
#include "restore.h"

#define DIRECTORY "var/lib/modfetch"
#define NAME	  "undo"
#define MAGIC	  "modfetch undo 2"
#define MAX	  (64U << 20)

void mf_undo_done(struct mf_undo *undo)
{
	mf_strings_done(&undo->kernels);
	mf_strings_done(&undo->packages);
	mf_strings_done(&undo->updates);
	mf_strings_done(&undo->replaced);
	mf_strings_done(&undo->erase);
	mf_strings_done(&undo->files);
	for (size_t i = 0; i < undo->n_created; i++)
		free(undo->created[i].path);
	free(undo->created);
	*undo = (struct mf_undo){ 0 };
}

/* ---- before ---- */

/* Does PATH exist? A dangling link does: it is not ours. */
static bool undo_is_there(const struct mf_context *ctx, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(ctx, path, O_PATH | O_NOFOLLOW);

	return fd >= 0 || (fd != -ENOENT && fd != -ENOTDIR);
}

static int add_created(struct mf_undo *undo, const struct mf_undo_created *created,
		       const char *path)
{
	struct mf_undo_created copy = *created;

	if (mf_array_reserve(&undo->created, &undo->room_created, undo->n_created + 1,
			     sizeof(*undo->created)) < 0)
		return -ENOMEM;
	copy.path = strdup(path);
	if (!copy.path)
		return -ENOMEM;
	undo->created[undo->n_created++] = copy;
	return 0;
}

/* Is DIRECTORY the path added last, or a parent of it? */
static bool leads_to_last(const struct mf_undo *undo, const char *directory)
{
	const char *last = undo->n_created ? undo->created[undo->n_created - 1].path : "";
	size_t len = strlen(directory);

	return !strncmp(last, directory, len) && (!last[len] || last[len] == '/');
}

/* Adds a file and its parent directories, from the first that does not exist. */
static int note_created(const struct mf_context *ctx, struct mf_undo *undo,
			const struct mf_rpm_file *file, int update)
{
	const struct mf_undo_created directory = { .mode = S_IFDIR, .update = update };
	const struct mf_undo_created created = {
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
		/* a package lists neighbors together: shared parents are those of the last path */
		if (missing && !leads_to_last(undo, copy))
			r = add_created(undo, path[i] ? &directory : &created, copy);
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

		/* rpm does not create ghosts */
		if (!file->ghost)
			r = note_created(ctx, undo, file, update);
		if (!r && S_ISREG(file->mode))
			r = mf_strings_add(&undo->files, file->path);
	}
	return r;
}

int mf_undo_directories(const struct mf_undo *undo, struct mf_strings *ret_paths)
{
	int r = 0;

	for (size_t i = 0; !r && i < undo->n_created; i++)
		if (S_ISDIR(undo->created[i].mode))
			r = mf_strings_add(ret_paths, undo->created[i].path);
	return r;
}

/* ---- on disk ---- */

struct list {
	char letter;
	struct mf_strings *strings;
};
#define N_LISTS 6

static void lists_of(struct mf_undo *undo, struct list lists[N_LISTS])
{
	lists[0] = (struct list){ 'k', &undo->kernels };
	lists[1] = (struct list){ 'p', &undo->packages };
	lists[2] = (struct list){ 'u', &undo->updates };
	lists[3] = (struct list){ 'e', &undo->erase };
	lists[4] = (struct list){ 'f', &undo->files };
	lists[5] = (struct list){ 'r', &undo->replaced };
}

int mf_undo_write(struct mf_context *ctx, const struct mf_undo *undo)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(ctx, DIRECTORY);
	_cleanup_free_ char *text = NULL;
	struct list lists[N_LISTS];
	size_t len = 0;
	FILE *f;
	int r;

	if (dirfd < 0)
		return mf_fail(ctx, MF_STAGE_INSTALL, dirfd, "/" DIRECTORY, NULL);
	f = open_memstream(&text, &len);
	if (!f)
		return mf_fail(ctx, MF_STAGE_INSTALL, -ENOMEM, "undo", NULL);
	lists_of((struct mf_undo *)undo, lists);
	fprintf(f, MAGIC "%c", '\0');
	for (size_t i = 0; i < N_LISTS; i++)
		for (size_t j = 0; j < lists[i].strings->n; j++)
			fprintf(f, "%c%s%c", lists[i].letter, lists[i].strings->v[j], '\0');
	for (size_t i = 0; i < undo->n_created; i++)
		fprintf(f, "n%o %u %llu %d %s%c", undo->created[i].mode, undo->created[i].mtime,
			(unsigned long long)undo->created[i].size, undo->created[i].update,
			undo->created[i].path, '\0');
	fprintf(f, ".%c", '\0');
	r = fclose(f) ? -ENOMEM : mf_file_publish(dirfd, NAME, 0600, text, len);
	return r < 0 ? mf_fail(ctx, MF_STAGE_INSTALL, r, "/" DIRECTORY "/" NAME, NULL) : 0;
}

int mf_undo_forget(struct mf_context *ctx)
{
	_cleanup_close_ int dirfd = mf_context_open(ctx, DIRECTORY, O_RDONLY | O_DIRECTORY);

	if (dirfd < 0)
		return dirfd == -ENOENT
			       ? 0
			       : mf_fail(ctx, MF_STAGE_INSTALL, dirfd, "/" DIRECTORY, NULL);
	if (unlinkat(dirfd, NAME, 0) < 0 && errno != ENOENT)
		return mf_fail(ctx, MF_STAGE_INSTALL, -errno, "/" DIRECTORY "/" NAME, NULL);
	/* if a power cut restores the file, the next run undoes the transaction: that is harmless */
	(void)fsync(dirfd);
	return 0;
}

static int parse_created(const char *text, struct mf_undo *undo)
{
	struct mf_undo_created created;
	unsigned long long size;
	int at = 0;

	if (sscanf(text, "%o %u %llu %d %n", &created.mode, &created.mtime, &size, &created.update,
		   &at) != 4 ||
	    text[at] != '/')
		return 0; /* a malformed record removes nothing */
	created.size = size;
	return add_created(undo, &created, text + at);
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
			r = parse_created(record + 1, undo);
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
		return mf_fail(ctx, MF_STAGE_INSTALL, r, "/" DIRECTORY "/" NAME, NULL);
	if (!r) {
		*ret_undo = undo;
		undo = (struct mf_undo){ 0 };
	}
	return r;
}

/* ---- undoing ---- */

/* Is it the file that rpm created there, or the beginning of it? */
static bool is_as_created(const struct mf_undo_created *created, const struct stat *st)
{
	if ((st->st_mode & S_IFMT) != (created->mode & S_IFMT) ||
	    st->st_mtime != (time_t)created->mtime)
		return false;
	return !S_ISREG(st->st_mode) || (uint64_t)st->st_size <= created->size;
}

/* Removes a file or link, or a directory if it is empty; a file that is not ours stays. 0 or -errno. */
static int undo_remove(const struct mf_context *ctx, const struct mf_undo_created *created)
{
	const char *name;
	_cleanup_close_ int dirfd = mf_directories_open_parent(ctx, created->path, &name);
	bool directory = S_ISDIR(created->mode);
	struct stat st;

	if (dirfd < 0)
		return dirfd == -ENOENT || dirfd == -ENOTDIR ? 0 : dirfd;
	if (directory)
		return (void)unlinkat(dirfd, name, AT_REMOVEDIR), 0;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!is_as_created(created, &st)) {
		mf_log(ctx, MF_LOG_WARNING,
		       "install: %s: another program has replaced this file; it stays",
		       created->path);
		return 0;
	}
	return unlinkat(dirfd, name, 0) < 0 && errno != ENOENT ? -errno : 0;
}

/* Removes the created directories or files, except those of updates that are COMPLETED. */
static int remove_created(struct mf_context *ctx, const struct mf_undo *undo,
			  const struct mf_strings *completed, bool directories)
{
	int r = 0;

	/* the list has a directory before its contents */
	for (size_t i = undo->n_created; i > 0; i--) {
		const struct mf_undo_created *created = &undo->created[i - 1];
		int failed;

		if (S_ISDIR(created->mode) != directories ||
		    (created->update >= 0 && (size_t)created->update < undo->updates.n &&
		     mf_strings_has(completed, undo->updates.v[created->update])))
			continue;
		failed = undo_remove(ctx, created);
		if (failed < 0)
			r = mf_fail(ctx, MF_STAGE_INSTALL, failed, created->path,
				    "cannot be removed: %s", mf_error_sentence(failed));
	}
	return r;
}

/* rpm writes "x.ko;65a3f2c1" and renames it: a killed rpm leaves a file that no list has. */
static void remove_partials(const struct mf_context *ctx, const char *path)
{
	const char *name;
	int dirfd = mf_directories_open_parent(ctx, path, &name);
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

/*
 * The same for depmod: it writes ".modules.dep.bin.partial" and renames it; only a later run that
 * writes the same index would reuse the file.
 */
static void remove_index_partials(const struct mf_context *ctx, const char *kernel)
{
	_cleanup_closedir_ DIR *dir = NULL;
	_cleanup_free_ char *path = NULL;
	struct dirent *e;
	int fd = -1;

	path = mf_kernel_path(kernel, NULL);
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

/* A removal cannot be undone: it is finished, unless a file was changed or replaced. */
static int undo_finish_removal(struct mf_context *ctx, const struct mf_strings *erase)
{
	_cleanup_(mf_strings_done) struct mf_strings found = { 0 }, removable = { 0 };
	int r = mf_rpm_installed(ctx, erase, &found);

	if (!r)
		r = mf_owners_removable(ctx, &found, &removable);
	return r < 0 ? r : mf_rpm_erase(ctx, &removable);
}

/* An update whose old version is back is none. */
static void forget_restored(const struct mf_strings *restored, struct mf_strings *completed)
{
	size_t kept = 0, n = completed->n;

	for (size_t i = 0; i < n; i++) {
		bool back = false;

		for (size_t j = 0; j < restored->n; j++)
			back |= mf_labels_same_name(completed->v[i], restored->v[j]);
		if (back)
			free(completed->v[i]);
		else
			completed->v[kept++] = completed->v[i];
	}
	completed->n = kept;
	if (completed->v)
		completed->v[kept] = NULL;
}

int mf_undo(struct mf_context *ctx, const struct mf_undo *undo)
{
	_cleanup_(mf_strings_done) struct mf_strings completed = { 0 }, restored = { 0 };
	int r = mf_rpm_installed(ctx, &undo->updates, &completed);

	for (size_t i = 0; i < undo->kernels.n; i++)
		remove_index_partials(ctx, undo->kernels.v[i]);
	if (!r)
		r = remove_created(ctx, undo, &completed, false);
	for (size_t i = 0; i < undo->files.n; i++)
		remove_partials(ctx, undo->files.v[i]);
	if (!r)
		r = mf_rpm_forget(ctx, &undo->packages);
	if (!r)
		r = mf_restore(ctx, &undo->replaced, &restored);
	if (!r)
		r = undo_finish_removal(ctx, &undo->erase);
	forget_restored(&restored, &completed);
	if (!r)
		r = remove_created(ctx, undo, &completed, true);
	return r < 0 ? r : mf_directories_update(ctx, NULL);
}

int mf_undo_recover(struct mf_context *ctx)
{
	_cleanup_(mf_undo_done) struct mf_undo undo = { 0 };
	int r = mf_undo_read(ctx, &undo);

	if (r == 0) {
		mf_log(ctx, MF_LOG_WARNING,
		       "install: an earlier run was interrupted; undoing its transaction");
		r = mf_undo(ctx, &undo);
		for (size_t i = 0; !r && i < undo.kernels.n; i++)
			r = mf_depmod(ctx,
				      &(struct mf_depmod_options){ .kernel = undo.kernels.v[i] },
				      NULL);
	}
	return r ? (r < 0 ? r : 0) : mf_undo_forget(ctx);
}
