/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The way back from a package transaction.
 *
 * rpm's database knows of a package only when all its files are in place: whoever is killed before
 * leaves files that nobody owns, and folders that no package lists. So the paths that are not there
 * yet are written down first, and it is they that are removed: before rpm is asked to erase, since
 * on a full disk its database needs the room to forget a package.
 *
 * A package that replaces an older one is not taken out: its predecessor is gone, and a driver of
 * another version is better than none. A removal is finished, not undone: what it removed is gone.
 *
 * On disk: /var/lib/modfetch/undo, records ended by a NUL (a path may hold any other byte): a
 * letter that says which list, then the string. The first record is the format's name, the last is
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

#define FOLDER "var/lib/modfetch"
#define NAME   "undo"
#define MAGIC  "modfetch undo 1"
#define MAX    (64U << 20)

void mf_undo_done(struct mf_undo *undo)
{
	mf_strings_done(&undo->kernels);
	mf_strings_done(&undo->packages);
	mf_strings_done(&undo->erase);
	mf_strings_done(&undo->fresh);
	mf_strings_done(&undo->files);
}

/* ---- before ---- */

static bool is_there(const struct mf_context *ctx, const char *path, bool last)
{
	_cleanup_close_ int fd = mf_context_open(ctx, path, O_PATH | (last ? O_NOFOLLOW : 0));

	return fd >= 0 || (fd != -ENOENT && fd != -ENOTDIR);
}

/* PATH and the folders that lead to it, from the first that is not there. */
static int note_fresh(const struct mf_context *ctx, struct mf_strings *fresh, const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	bool missing = false;
	int r = 0;

	if (!copy)
		return -ENOMEM;
	for (size_t i = 1; !r && path[i - 1]; i++) {
		if (path[i] && path[i] != '/')
			continue;
		copy[i] = '\0';
		missing = missing || !is_there(ctx, copy, !path[i]);
		/* a package's files lie together: what the last one needed is at the end */
		if (missing && !(fresh->n && mf_starts_with(fresh->v[fresh->n - 1], copy)))
			r = mf_strings_add(fresh, copy);
		copy[i] = path[i];
	}
	return r;
}

int mf_undo_note(const struct mf_context *ctx, struct mf_undo *undo, const char *nevra,
		 const struct mf_rpm_header *header, bool replaces)
{
	int r = replaces ? 0 : mf_strings_add(&undo->packages, nevra);

	for (size_t i = 0; !r && i < header->n_files; i++) {
		const struct mf_rpm_file *file = &header->files[i];

		if (!replaces)
			r = note_fresh(ctx, &undo->fresh, file->path);
		if (!r && S_ISREG(file->mode))
			r = mf_strings_add(&undo->files, file->path);
	}
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
	lists[2] = (struct list){ 'e', &undo->erase };
	lists[3] = (struct list){ 'n', &undo->fresh };
	lists[4] = (struct list){ 'f', &undo->files };
}

int mf_undo_keep(struct mf_context *ctx, const struct mf_undo *undo)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(ctx, FOLDER);
	_cleanup_free_ char *text = NULL;
	struct list lists[N_LISTS];
	size_t len = 0;
	FILE *f;
	int r;

	if (dirfd < 0)
		return mf_fail(ctx, "install", dirfd, "/" FOLDER, NULL);
	f = open_memstream(&text, &len);
	if (!f)
		return mf_fail(ctx, "install", -ENOMEM, "undo", NULL);
	lists_of((struct mf_undo *)undo, lists);
	fprintf(f, MAGIC "%c", '\0');
	for (size_t i = 0; i < N_LISTS; i++)
		for (size_t j = 0; j < lists[i].strings->n; j++)
			fprintf(f, "%c%s%c", lists[i].letter, lists[i].strings->v[j], '\0');
	fprintf(f, ".%c", '\0');
	r = fclose(f) ? -ENOMEM : mf_file_publish(dirfd, NAME, 0600, text, len);
	return r < 0 ? mf_fail(ctx, "install", r, "/" FOLDER "/" NAME, NULL) : 0;
}

int mf_undo_forget(struct mf_context *ctx)
{
	_cleanup_close_ int dirfd = mf_context_open(ctx, FOLDER, O_RDONLY | O_DIRECTORY);

	if (dirfd < 0)
		return dirfd == -ENOENT ? 0 : mf_fail(ctx, "install", dirfd, "/" FOLDER, NULL);
	if (unlinkat(dirfd, NAME, 0) < 0 && errno != ENOENT)
		return mf_fail(ctx, "install", -errno, "/" FOLDER "/" NAME, NULL);
	/* should it come back after a power cut, the next run starts from before: no harm in that
	 */
	(void)fsync(dirfd);
	return 0;
}

static int parse(const char *text, size_t len, struct mf_undo *undo)
{
	struct list lists[N_LISTS];
	const char *record = text;
	int r = 0;

	if (len < sizeof(MAGIC) + 2 || memcmp(text, MAGIC, sizeof(MAGIC)) ||
	    memcmp(text + len - 3, "\0.", 3) != 0)
		return 1;
	lists_of(undo, lists);
	for (record += sizeof(MAGIC); !r && record < text + len; record += strlen(record) + 1)
		for (size_t i = 0; !r && i < N_LISTS; i++)
			if (*record == lists[i].letter)
				r = mf_strings_add(lists[i].strings, record + 1);
	return r;
}

int mf_undo_read(struct mf_context *ctx, struct mf_undo *ret_undo)
{
	_cleanup_close_ int fd = mf_context_open(ctx, FOLDER "/" NAME, O_RDONLY | O_NOFOLLOW);
	_cleanup_(mf_undo_done) struct mf_undo undo = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r;

	if (fd == -ENOENT)
		return 1;
	r = fd < 0 ? fd : mf_file_read(fd, MAX, &text, &len);
	if (!r)
		r = parse(text, len, &undo);
	if (r < 0)
		return mf_fail(ctx, "install", r, "/" FOLDER "/" NAME, NULL);
	if (!r) {
		*ret_undo = undo;
		undo = (struct mf_undo){ 0 };
	}
	return r;
}

/* ---- back ---- */

/* The folder of PATH, and in RET_NAME its last component, borrowed. A descriptor or -errno. */
static int open_parent(const struct mf_context *ctx, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *folder = slash ? strndup(path, (size_t)(slash - path)) : NULL;

	if (!folder)
		return slash ? -ENOMEM : -EINVAL;
	*ret_name = slash + 1;
	return mf_context_open(ctx, *folder ? folder : "/", O_RDONLY | O_DIRECTORY);
}

static int take_away(const struct mf_context *ctx, const char *path, int flags)
{
	const char *name;
	_cleanup_close_ int dirfd = open_parent(ctx, path, &name);

	if (dirfd < 0)
		return dirfd;
	return unlinkat(dirfd, name, flags) < 0 ? -errno : 0;
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

	if (asprintf(&path, "/lib/modules/%s", kernel) < 0)
		path = NULL;
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

int mf_undo(struct mf_context *ctx, const struct mf_undo *undo)
{
	int r;

	for (size_t i = 0; i < undo->kernels.n; i++)
		take_index_partials(ctx, undo->kernels.v[i]);
	for (size_t i = 0; i < undo->fresh.n; i++)
		(void)take_away(ctx, undo->fresh.v[i], 0);
	for (size_t i = 0; i < undo->files.n; i++)
		take_partials(ctx, undo->files.v[i]);
	r = mf_rpm_take_out(ctx, &undo->packages);
	if (!r)
		r = mf_rpm_take_out(ctx, &undo->erase);
	/* a folder comes before what is in it */
	for (size_t i = undo->fresh.n; i > 0; i--)
		(void)take_away(ctx, undo->fresh.v[i - 1], AT_REMOVEDIR);
	return r;
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

void mf_undo_prune(const struct mf_context *ctx, const char *path)
{
	_cleanup_free_ char *folder = strdup(path);
	const char *start = folder;
	char *slash;
	int keep;

	if (!folder)
		return;
	if (mf_starts_with(start, "/usr/"))
		start += strlen("/usr");
	keep = mf_starts_with(start, "/lib/modules/") ? 3 : 2;
	while ((slash = strrchr(start, '/'))) {
		int depth = 0;

		*slash = '\0';
		for (const char *p = start; *p; p++)
			depth += *p == '/';
		if (depth <= keep || take_away(ctx, folder, AT_REMOVEDIR) < 0)
			return;
	}
}
