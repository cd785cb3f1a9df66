/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_SPOOL_H
#define MODFETCH_SPOOL_H
/*
 * The spool: a directory /run/modfetch/queue of the modaliases that wait for their driver, one file
 * each, named by the hash of the modalias so that repeats collapse. Written by the event helper,
 * several at a time; read and emptied by `modfetch queue`. Libc only.
 *
 * An entry is text, one KEY=VALUE a line, behind the line "modfetch-event 1":
 *   modalias=pci:v00008086…     what is wanted, a modalias or a module's name; once
 *   devpath=/devices/…          each device that wants it, at most MF_SPOOL_DEVICES of them
 *   subsystem=pci               of the latest device
 *   seqnum=1234                 of the latest uevent
 *   uevent_us=…  decided_us=…   of the first one: CLOCK_MONOTONIC, microseconds
 * A file is replaced by rename, never edited, so its inode number says whether it changed.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"

#define MF_SPOOL_DIR	 "run/modfetch/queue"
#define MF_SPOOL_NAME	 33 /* bytes of a name with its NUL: 128 bits in hex */
#define MF_SPOOL_DEVICES 64
#define MF_SPOOL_NAMES	 256	     /* entries beyond which no name is added */
#define MF_SPOOL_SIZE	 (96U << 10) /* no entry is larger */

struct mf_spool_entry {
	char name[MF_SPOOL_NAME];
	ino_t inode; /* as read; 0 for one that was never in the spool */
	char *modalias;
	char *subsystem;
	struct mf_strings devpaths;
	uint64_t seqnum;
	uint64_t uevent_us;
	uint64_t decided_us;
	unsigned int tries; /* not in the file: src/pipeline/tries.h */
};

void mf_spool_entry_done(struct mf_spool_entry *entry);

/* The name a modalias has in the spool: FNV-1a of 128 bits, in hex. */
void mf_spool_name(const char *modalias, char ret_name[MF_SPOOL_NAME]);

/* Text of an entry, the caller's to free. 0 or -ENOMEM. */
int mf_spool_format(const struct mf_spool_entry *entry, char **ret_text, size_t *ret_len);
/* The other way round, trusting no byte. 0, -EBADMSG or -ENOMEM; name and inode stay zero. */
int mf_spool_parse(const char *text, size_t len, struct mf_spool_entry *ret_entry);

/*
 * Opens the spool, made with mode 0700 where it is missing. A descriptor; -EPERM when others than
 * we could write it; another -errno. Records nothing.
 */
int mf_spool_open(const struct mf_context *ctx);

/* Puts an entry, or adds its devices to the one of the same modalias. 0 or -errno. */
int mf_spool_put(int dirfd, const struct mf_spool_entry *entry);
/*
 * Remembers a module or alias that modprobe was asked for, without a device. 0; 1: the spool holds
 * too much already, or NAME is longer than 255 bytes; or -errno.
 */
int mf_spool_put_name(int dirfd, const char *name);
/* Does an entry of that name wait? */
bool mf_spool_waits(int dirfd, const char *name);
/* Takes a device out of its modalias's entry, and the entry with its last device. 0 or -errno. */
int mf_spool_retract(int dirfd, const char *modalias, const char *devpath);
/*
 * Reads every entry, oldest first. Damaged ones are removed and counted in RET_DAMAGED. 0 or
 * -errno; the array and each entry are the caller's.
 */
int mf_spool_read(int dirfd, struct mf_spool_entry **ret_entries, size_t *ret_n,
		  size_t *ret_damaged);
/* Removes an entry that was dealt with, unless a new event changed it since. 0 or -errno. */
int mf_spool_remove(int dirfd, const struct mf_spool_entry *entry);

/*
 * Names that the kernel asked for and that could not be had for good. Any user can provoke such a
 * request: within MF_FAILED_SECONDS the same download is not tried again for the kernel. Libc only.
 */

#define MF_FAILED_FILE	  "run/modfetch/failed"
#define MF_FAILED_SECONDS 3600
#define MF_FAILED_NAMES	  256 /* the oldest make room */

/* Has NAME, however its '-' and '_' are written, failed lately? False if nobody can tell. */
bool mf_failed_lately(const struct mf_context *ctx, const char *name);

/* Remembers that NAME failed now. 0, -EINVAL (no name that modprobe could have) or -errno. */
int mf_failed_note(const struct mf_context *ctx, const char *name);

#endif
