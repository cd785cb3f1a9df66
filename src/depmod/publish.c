/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The indexes as files: all of them replaced, or none.
 *
 * Each is written beside its name, every write and the close are checked, and all are on disk
 * before the first name changes. A name changes by exchanging the two files, so that what was there
 * can be put back if a later one fails; on file systems that cannot exchange, by rename.
 * modules.dep.bin comes last: where it is the new one, all are. The directory is synced at the end.
 *
 * A crash in between leaves each file whole, old or new, and no record of them in the state: the
 * next run makes them all again. The names beside are fixed, since a lock keeps other runs out;
 * whatever a crash or a disk left there goes when the next run begins.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "publish.h"

static const char *const names[DM_N_OUTPUTS] = {
	[DM_DEP] = "modules.dep",
	[DM_DEP_BIN] = "modules.dep.bin",
	[DM_ALIAS] = "modules.alias",
	[DM_ALIAS_BIN] = "modules.alias.bin",
	[DM_SOFTDEP] = "modules.softdep",
	[DM_WEAKDEP] = "modules.weakdep",
	[DM_SYMBOLS] = "modules.symbols",
	[DM_SYMBOLS_BIN] = "modules.symbols.bin",
	[DM_BUILTIN_BIN] = "modules.builtin.bin",
	[DM_BUILTIN_ALIAS_BIN] = "modules.builtin.alias.bin",
	[DM_DEVNAME] = "modules.devname",
};

const char *dm_index_name(enum dm_index index)
{
	return names[index];
}

void dm_publish_init(struct dm_publish *publish, struct mf_context *ctx, int fd, bool sync)
{
	*publish = (struct dm_publish){ .ctx = ctx, .fd = fd, .sync = sync };
	for (size_t i = 0; i < DM_N_OUTPUTS; i++) {
		struct dm_publish_file *f = &publish->files[i];

		f->fd = -1;
		f->name = names[i];
		snprintf(f->partial, sizeof(f->partial), ".%s.partial", names[i]);
		snprintf(f->old, sizeof(f->old), ".%s.old", names[i]);
	}
}

void dm_publish_sweep(int fd)
{
	struct dm_publish publish;

	dm_publish_init(&publish, NULL, fd, false);
	for (size_t i = 0; i < DM_N_OUTPUTS; i++) {
		(void)unlinkat(fd, publish.files[i].partial, 0);
		(void)unlinkat(fd, publish.files[i].old, 0);
	}
}

int dm_publish_stage(struct dm_publish *publish, enum dm_index index, const struct dm_buf *buf)
{
	struct dm_publish_file *f = &publish->files[index];
	int r;

	f->fd = openat(publish->fd, f->partial,
		       O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (f->fd < 0)
		return -errno;
	f->staged = true;
	r = mf_file_write(f->fd, buf->p, buf->len);
	if (r >= 0 && fchmod(f->fd, 0644) < 0)
		r = -errno;
	/* starts the disk early: the fsync that follows finds most of it done */
	if (r >= 0 && publish->sync)
		(void)sync_file_range(f->fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	return r;
}

static int publish_fail(struct dm_publish *publish, int code, const struct dm_publish_file *f)
{
	return mf_fail(publish->ctx, MF_STAGE_DEPMOD, code, f->name, NULL);
}

static int finish_writing(struct dm_publish *publish, struct dm_publish_file *f)
{
	int fd = mf_steal_fd(&f->fd);

	if (publish->sync && fsync(fd) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return close(fd) < 0 ? -errno : 0;
}

static int replace(struct dm_publish *publish, struct dm_publish_file *f)
{
	int fd = publish->fd;

	if (!renameat2(fd, f->partial, fd, f->name, RENAME_EXCHANGE)) {
		f->exchanged = true;
	} else if (errno == ENOENT || errno == EINVAL || errno == ENOSYS) {
		/* there was none; or this file system cannot: then a second name keeps the old one
		 */
		if (errno != ENOENT) {
			(void)unlinkat(fd, f->old, 0);
			f->kept = !linkat(fd, f->name, fd, f->old, 0);
		}
		if (renameat(fd, f->partial, fd, f->name) < 0)
			return -errno;
		f->staged = false;
	} else {
		return -errno;
	}
	f->published = true;
	return 0;
}

/* Puts back what was there. */
static void undo(struct dm_publish *publish)
{
	for (size_t i = 0; i < DM_N_OUTPUTS; i++) {
		struct dm_publish_file *f = &publish->files[i];
		int r = 0;

		if (!f->published)
			continue;
		if (f->exchanged)
			r = renameat2(publish->fd, f->partial, publish->fd, f->name,
				      RENAME_EXCHANGE);
		else if (f->kept)
			r = renameat(publish->fd, f->old, publish->fd, f->name);
		else
			r = unlinkat(publish->fd, f->name, 0);
		if (r < 0)
			mf_log(publish->ctx, MF_LOG_ERROR, "%s could not be put back: %s", f->name,
			       strerror(errno));
		f->published = f->exchanged = false;
	}
}

static int replace_all(struct dm_publish *publish)
{
	for (size_t i = 0; i <= DM_N_OUTPUTS; i++) {
		/* modules.dep.bin in an extra turn after the last */
		struct dm_publish_file *f = &publish->files[i < DM_N_OUTPUTS ? i : DM_DEP_BIN];
		int r;

		if (!f->staged || f->published || i == DM_DEP_BIN)
			continue;
		r = replace(publish, f);
		if (r < 0)
			return publish_fail(publish, r, f);
	}
	if (publish->sync && fsync(publish->fd) < 0)
		return mf_fail(publish->ctx, MF_STAGE_DEPMOD, -errno, "lib/modules", "fsync: %s",
			       strerror(errno));
	return 0;
}

int dm_publish_commit(struct dm_publish *publish)
{
	int r;

	for (size_t i = 0; i < DM_N_OUTPUTS; i++) {
		struct dm_publish_file *f = &publish->files[i];

		if (!f->staged)
			continue;
		r = finish_writing(publish, f);
		if (r < 0)
			return publish_fail(publish, r, f);
	}
	r = replace_all(publish);
	if (r < 0)
		undo(publish);
	return r;
}

static void take_away(struct dm_publish *publish, const char *name)
{
	if (unlinkat(publish->fd, name, 0) < 0 && errno != ENOENT)
		mf_log(publish->ctx, MF_LOG_WARNING, "%s is left until the next run: %s", name,
		       strerror(errno));
}

void dm_publish_done(struct dm_publish *publish)
{
	for (size_t i = 0; i < DM_N_OUTPUTS; i++) {
		struct dm_publish_file *f = &publish->files[i];

		if (f->fd >= 0)
			close(mf_steal_fd(&f->fd));
		if (f->staged)
			take_away(publish, f->partial);
		if (f->kept)
			take_away(publish, f->old);
		f->staged = f->kept = false;
	}
}

bool dm_output_stat(int fd, enum dm_index index, struct dm_output *output)
{
	struct stat st;

	if (fstatat(fd, names[index], &st, 0) < 0 || !S_ISREG(st.st_mode))
		return false;
	output->numbers = dm_numbers_of(&st);
	return true;
}

bool dm_output_is(int fd, enum dm_index index, const struct dm_output *output)
{
	struct dm_output now;

	return dm_output_stat(fd, index, &now) && dm_numbers_equal(&now.numbers, &output->numbers);
}

bool dm_output_same(int fd, enum dm_index index, const struct dm_buf *buf, struct dm_output *output)
{
	_cleanup_close_ int file = openat(fd, names[index], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (file < 0 || fstat(file, &st) < 0 || !S_ISREG(st.st_mode) ||
	    !mf_file_equals(file, buf->p, buf->len))
		return false;
	output->numbers = dm_numbers_of(&st);
	return true;
}

int dm_print(struct mf_context *ctx, FILE *file, const struct dm_flavor *flavor,
	     const struct dm_buf *indexes)
{
	static const enum dm_index texts[] = { DM_DEP,	   DM_ALIAS,   DM_SOFTDEP,
					       DM_WEAKDEP, DM_SYMBOLS, DM_DEVNAME };

	for (size_t i = 0; i < MF_ARRAY_SIZE(texts); i++) {
		const struct dm_buf *buf = &indexes[texts[i]];

		if (texts[i] == DM_WEAKDEP && !flavor->weakdep)
			continue;
		if (buf->len && fwrite(buf->p, buf->len, 1, file) != 1)
			return mf_fail(ctx, MF_STAGE_DEPMOD, -EIO, "standard output", NULL);
	}
	return 0;
}
