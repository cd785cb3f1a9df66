/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Directories that existed before their package.
 *
 * A package may list directories. rpm creates missing ones and sets the time of existing ones. When
 * the last package that lists a directory is removed, rpm removes the directory if it is empty, no
 * matter which program created it. rpm cannot skip a directory without its files. So the state of
 * each directory is saved before the transaction and restored after it. Owner and mode need no
 * restoring: a package is refused if its directory differs in these from the machine's (contents.c).
 *
 * A directory that our own transactions have created (directories.c) may be removed. If a file was
 * added to a directory or removed from it, its time must show that: depmod depends on it.
 *
 * A run that is killed in between may leave a directory with the package's time, or an empty one
 * missing. A missing directory is created again by its path: only root can replace these
 * directories.
 */
#include "directory-modes.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"
#include "directories.h"

struct directory {
	char *path;
	struct stat st;
};

struct mf_directory_modes {
	struct mf_context *ctx;
	struct directory *v;
	size_t n, room;
	struct mf_strings ours;	   /* created by our transactions, sorted */
	struct mf_strings changed; /* files are added to them or removed from them */
};

int mf_directory_modes_new(struct mf_context *ctx, struct mf_directory_modes **ret_modes)
{
	struct mf_directory_modes *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->ctx = ctx;
	/* without the list no directory counts as ours */
	(void)mf_directories_read(ctx, &s->ours);
	*ret_modes = s;
	return 0;
}

void mf_directory_modes_free(struct mf_directory_modes *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].path);
	free(s->v);
	mf_strings_done(&s->ours);
	mf_strings_done(&s->changed);
	free(s);
}

/* ---- before ---- */

static bool modes_is_there(const struct mf_context *ctx, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(ctx, path, O_PATH | O_NOFOLLOW);

	return fd >= 0;
}

static int modes_add_directory(struct mf_directory_modes *s, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(s->ctx, path, O_PATH | O_DIRECTORY);
	struct stat st;

	/* a directory that is missing or cannot be examined is not restored */
	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	if (mf_array_reserve(&s->v, &s->room, s->n + 1, sizeof(*s->v)) < 0)
		return -ENOMEM;
	s->v[s->n] = (struct directory){ .path = strdup(path), .st = st };
	return s->v[s->n].path ? (s->n++, 0) : -ENOMEM;
}

static int modes_add_changed(struct mf_directory_modes *s, const char *path)
{
	const char *plain = mf_without_usr(path), *slash = strrchr(plain, '/');
	_cleanup_free_ char *parent = strndup(plain, slash ? (size_t)(slash - plain) : 0);

	return parent ? mf_strings_add_unique(&s->changed, parent) : -ENOMEM;
}

static int modes_note(struct mf_directory_modes *s, const struct mf_rpm_header *header, bool leaves)
{
	int r = 0;

	for (size_t i = 0; !r && i < header->n_files; i++) {
		const struct mf_rpm_file *file = &header->files[i];
		bool ours = leaves && mf_strings_has(&s->ours, mf_without_usr(file->path));

		if (S_ISDIR(file->mode) && !ours && modes_is_there(s->ctx, file->path))
			r = modes_add_directory(s, file->path);
		else
			r = modes_add_changed(s, file->path);
	}
	return r < 0 ? mf_fail(s->ctx, MF_STAGE_INSTALL, r, header->name, NULL) : 0;
}

int mf_directory_modes_note_install(struct mf_directory_modes *modes,
				    const struct mf_rpm_header *header)
{
	return modes_note(modes, header, false);
}

int mf_directory_modes_note_removal(struct mf_directory_modes *modes,
				    const struct mf_rpm_header *header)
{
	return modes_note(modes, header, true);
}

/* ---- after ---- */

static int recreate_directory(const struct mf_context *ctx, const struct directory *d)
{
	_cleanup_close_ int fd = mf_context_mkdir(ctx, d->path);

	if (fd < 0)
		return fd;
	return fchown(fd, d->st.st_uid, d->st.st_gid) < 0 || fchmod(fd, d->st.st_mode & 07777) < 0
		       ? -errno
		       : 0;
}

static int restore_times(const struct mf_directory_modes *s, const struct directory *d)
{
	bool changed = mf_strings_has(&s->changed, mf_without_usr(d->path));
	const struct timespec times[2] = {
		changed ? (struct timespec){ .tv_nsec = UTIME_OMIT } : d->st.st_atim,
		changed ? (struct timespec){ .tv_nsec = UTIME_NOW } : d->st.st_mtim,
	};
	_cleanup_close_ int fd = mf_context_open(s->ctx, d->path, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return fd;
	return futimens(fd, times) < 0 ? -errno : 0;
}

static void warn_on_error(const struct mf_directory_modes *s, const struct directory *d, int error)
{
	if (error < 0)
		mf_log(s->ctx, MF_LOG_WARNING,
		       "install: %s: the directory's state cannot be restored: %s", d->path,
		       mf_error_sentence(error));
}

void mf_directory_modes_restore(struct mf_directory_modes *s)
{
	/*
	 * A package lists a directory before its contents; and creating a directory changes the
	 * time of its parent.
	 */
	for (size_t i = 0; i < s->n; i++)
		if (!modes_is_there(s->ctx, s->v[i].path))
			warn_on_error(s, &s->v[i], recreate_directory(s->ctx, &s->v[i]));
	for (size_t i = s->n; i > 0; i--)
		warn_on_error(s, &s->v[i - 1], restore_times(s, &s->v[i - 1]));
}
