/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_FILE_H
#define MODFETCH_FILE_H
/*
 * Reading whole files, publishing files so that a reader sees the old or the new one, and sealed
 * memory files, the form in which fetched bytes travel. Nothing here records a failure: returns
 * are 0 (or a descriptor) or -errno, and the caller knows the subject.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"

/*
 * Reads all of FD from its start, at most CAP bytes (-EFBIG beyond). The buffer is the caller's to
 * free and has a NUL behind its LEN bytes.
 */
int mf_file_read(int fd, size_t cap, char **ret_buf, size_t *ret_len);
/* The same by name below a directory; DIRFD as openat(2). */
int mf_file_read_at(int dirfd, const char *name, size_t cap, char **ret_buf, size_t *ret_len);

/* Writes all of it, over short writes and EINTR. */
int mf_file_write(int fd, const void *buf, size_t len);

/*
 * A file on its way into a directory: written beside its name, published by fsync, rename and fsync of
 * the directory. mf_staged_done() on an unpublished one removes it: the old file stays as it was.
 * Start from MF_STAGED_INIT.
 */
struct mf_staged {
	int dirfd; /* borrowed; stays the caller's */
	int fd;	   /* write here */
	char *partial;
	char *name;
};
#define MF_STAGED_INIT                                                                             \
	{                                                                                          \
		-1, -1, NULL, NULL                                                                 \
	}

int mf_staged_init(struct mf_staged *ret_staged, int dirfd, const char *name, unsigned int mode);
int mf_staged_publish(struct mf_staged *staged);
void mf_staged_done(struct mf_staged *staged);

/* init, write, publish in one. */
int mf_file_publish(int dirfd, const char *name, unsigned int mode, const void *buf, size_t len);

/*
 * A file in memory: MFD_CLOEXEC | MFD_ALLOW_SEALING. Once sealed nobody, whoever holds a
 * descriptor, can change a byte of it: what was verified is what is installed.
 */
int mf_memfile_new(const char *label);
int mf_memfile_seal(int fd);
bool mf_memfile_is_sealed(int fd);

/*
 * Removes a directory below DIRFD with all it holds; links are removed, not followed. A name that is
 * not there is no error.
 */
int mf_tree_remove(int dirfd, const char *name);

/* Microseconds of CLOCK_MONOTONIC. */
uint64_t mf_now_us(void);

/*
 * One writer: /run/modfetch/lock, an flock that the kernel lets go with the process that held it.

 * Whoever holds it and is about to make modules visible or load them leaves MF_LOADING_FILE until it
 * has ended: a driver that is being loaded may ask for another module and wait for the answer, so
 * who serves such a request must not wait for the lock. A killed run leaves the file behind; it
 * counts only while the lock is held.
 */

#define MF_LOADING_FILE "run/modfetch/loading"

/*
 * Takes the lock, waiting at most settings.lock_timeout seconds and saying so. Returns the
 * descriptor that holds it (closing it lets go), -MFE_LOCKED or -errno, recorded. A context that is
 * from_modprobe does not wait while the holder loads: -MFE_LOCKED at once.
 */
int mf_lock(struct mf_context *ctx);

/*
 * The same for who drains the spool, /run/modfetch/queue.lock: what it notes of a run that has
 * begun must not be taken for one that crashed by another. Taken before mf_lock(), never while it
 * is held.
 */
int mf_lock_spool(struct mf_context *ctx);

#endif
