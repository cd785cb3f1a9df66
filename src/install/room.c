/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Is there room for a transaction, before it starts?
 *
 * A database that runs out of space in the middle is the worst failure: so the free space is compared
 * with what the files, the indexes and the database's journal need at most.
 */
#include "modfetch/install.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"

#define ROOM_PACKAGE (160ULL << 10) /* bytes that one package adds to the database's journal */
#define ROOM_JOURNAL (6ULL << 20)   /* the journal does not grow beyond that */
#define ROOM_INDEXES (1ULL << 20)

/* Checks the file system of a directory, unless it is *DEV, which was checked before. */
static int check_room(struct mf_context *ctx, const char *directory, uint64_t need, dev_t *dev)
{
	_cleanup_close_ int fd = mf_context_open(ctx, directory, O_RDONLY | O_DIRECTORY);
	struct statvfs fs;
	struct stat st;

	/* a missing directory will be on its parent's disk: the transaction itself finds that full */
	if (fd < 0 || fstat(fd, &st) < 0 || fstatvfs(fd, &fs) < 0 || !fs.f_blocks)
		return 0;
	if (*dev == st.st_dev)
		return 0;
	*dev = st.st_dev;
	if (fs.f_flag & ST_RDONLY)
		return mf_fail(ctx, MF_STAGE_INSTALL, -EROFS, directory,
			       "its file system is read-only; mount it writable, or run modfetch "
			       "where the image of this system is made");
	if ((uint64_t)fs.f_bfree * fs.f_frsize >= need)
		return 0;
	return mf_fail(ctx, MF_STAGE_INSTALL, -ENOSPC, directory,
		       "%llu kB are needed, %llu kB are free; remove what is not needed, for "
		       "example by modfetch autoremove",
		       (unsigned long long)need >> 10,
		       (unsigned long long)(fs.f_bfree * fs.f_frsize) >> 10);
}

int mf_install_check_room(struct mf_context *ctx, size_t n, uint64_t bytes)
{
	uint64_t files = n ? bytes + ROOM_INDEXES : 0, database = n * ROOM_PACKAGE;
	dev_t dev = 0;
	int r;

	if (database > ROOM_JOURNAL)
		database = ROOM_JOURNAL;
	/* usually both are on one file system, which is then checked once */
	r = check_room(ctx, "/lib/modules", files + database, &dev);
	return r < 0 ? r : check_room(ctx, "/var/lib", database, &dev);
}
