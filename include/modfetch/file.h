/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_FILE_H
#define MODFETCH_FILE_H
/*
 * Reading whole files, publishing files so that a reader sees the old or the new one, and sealed
 * memory files, which carry fetched bytes between stages. Only the lock functions record a failure;
 * the others return 0 (or a descriptor) or -errno, and the caller knows the subject.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"

/*
 * Reads all of FD from its start, at most CAP bytes (-EFBIG beyond). The caller frees the buffer,
 * which has a NUL after its LEN bytes. 0 or -errno.
 */
int mf_file_read(int fd, size_t cap, char **ret_buf, size_t *ret_len);
/* The same by name below a directory; DIRFD as openat(2). */
int mf_file_read_at(int dirfd, const char *name, size_t cap, char **ret_buf, size_t *ret_len);

/*
 * Reads all of FD from its start, in pieces, so that a file of megabytes takes the memory of its longest
 * line only. Visits each line without its newline; the visitor may change it, and it is gone after the call. A
 * line ends at a NUL too, and the rest of it is skipped. 0, the visitor's return that is not 0, -EFBIG
 * beyond CAP bytes, or another -errno.
 */
typedef int mf_line_visit(void *arg, char *line);
int mf_file_each_line(int fd, size_t cap, mf_line_visit *visit, void *arg);
/*
 * The same for the file PATH below the root, which is not followed if it is a link. A missing file has
 * no lines. Returns as above, or the -errno of opening it.
 */
int mf_file_each_line_of(const struct mf_context *ctx, const char *path, size_t cap,
			 mf_line_visit *visit, void *arg);

/* Has FD, from its position on, these LEN bytes and no more? Reads up to the first difference. */
bool mf_file_equals(int fd, const void *buf, size_t len);

/* Writes all LEN bytes; continues after short writes and EINTR. 0 or -errno. */
int mf_file_write(int fd, const void *buf, size_t len);

/*
 * A file that is written under a temporary name in its directory and published by fsync, rename and
 * fsync of the directory. mf_staged_done() on an unpublished one removes it, and the old file stays
 * unchanged. Start from MF_STAGED_INIT.
 */
struct mf_staged {
	int dirfd; /* borrowed from the caller */
	int fd;	   /* write here */
	char *partial;
	char *name;
};
#define MF_STAGED_INIT                                                                             \
	{                                                                                          \
		-1, -1, NULL, NULL                                                                 \
	}

/* Creates the temporary file for NAME. 0 or -errno. */
int mf_staged_init(struct mf_staged *ret_staged, int dirfd, const char *name, unsigned int mode);
/* Closes the file and renames it to NAME. 0 or -errno. */
int mf_staged_publish(struct mf_staged *staged);
/* The same without fsync, for a file that a reboot removes anyway. */
int mf_staged_publish_volatile(struct mf_staged *staged);
void mf_staged_done(struct mf_staged *staged);

/* Init, write and publish in one call. 0 or -errno. */
int mf_file_publish(int dirfd, const char *name, unsigned int mode, const void *buf, size_t len);

/*
 * A file in memory: MFD_CLOEXEC | MFD_ALLOW_SEALING. No holder of a descriptor can change a byte of
 * it after it is sealed: the verified bytes are the installed bytes.
 */
/* The descriptor or -errno. */
int mf_memfile_new(const char *label);
/* Seals the file and rewinds the descriptor. 0 or -errno; -EPERM: it is sealed already. */
int mf_memfile_seal(int fd);
bool mf_memfile_is_sealed(int fd);

/*
 * Removes a file, or a directory and all of its content, below DIRFD; links are removed, not
 * followed. A missing name is no error. 0 or -errno.
 */
int mf_tree_remove(int dirfd, const char *name);

/* Microseconds of CLOCK_MONOTONIC. */
uint64_t mf_now_us(void);

/*
 * One writer: /run/modfetch/lock, an flock that the kernel releases when its holder exits.
 *
 * The holder of the lock creates MF_LOADING_FILE before it makes modules visible or loads them, and
 * removes it when it has finished: a driver that is being loaded may request another module and
 * wait for it, so the process that serves such a request must not wait for the lock. A killed run
 * leaves a stale file; the file counts only while the lock is held.
 */

#define MF_LOADING_FILE "run/modfetch/loading"

/*
 * Takes the lock; waits at most settings.lock_timeout seconds and logs that it waits. Returns the
 * descriptor that holds the lock (closing it releases the lock), -MFE_LOCKED or -errno, recorded.
 * With ctx->from_modprobe it does not wait while the holder loads drivers: -MFE_LOCKED at once.
 */
int mf_lock(struct mf_context *ctx);

/*
 * The same for the process that drains the spool, /run/modfetch/queue.lock: another drain must not
 * take its note of a started run for a run that crashed. Taken before mf_lock(), never while that
 * lock is held.
 */
int mf_lock_spool(struct mf_context *ctx);

/*
 * Opens the directory DIRFD for reading its entries; DIRFD stays open and the caller's. The caller
 * closes the stream. NULL with errno set if that fails.
 */
DIR *mf_opendir(int dirfd);
/* Does a path below the root lead to anything? False too if that cannot be determined. */
bool mf_context_exists(const struct mf_context *ctx, const char *path);
/* Has a directory below the root an entry whose name does not begin with a dot? */
bool mf_context_has_entries(const struct mf_context *ctx, const char *path);

#endif
