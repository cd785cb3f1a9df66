/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_SPOOL_H
#define MODFETCH_SPOOL_H
/*
 * The spool: the directory /run/modfetch/queue of modaliases that wait for their driver, one file
 * each, named by the hash of the modalias so that there are no duplicates. Concurrent event helpers
 * write it; `modfetch queue` reads and empties it. Libc only.
 *
 * An entry is text, one KEY=VALUE per line, after the line "modfetch-event 1":
 *   modalias=pci:v00008086…     the wanted modalias or module name; once
 *   devpath=/devices/…          each device that needs it, at most MF_SPOOL_DEVICES of them
 *   subsystem=pci               of the latest device
 *   seqnum=1234                 of the latest uevent
 *   uevent_us=…  decided_us=…   of the first one: CLOCK_MONOTONIC, microseconds
 * A file is replaced by rename, never edited, so its inode number changes with its content.
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
	ino_t inode; /* of the file that was read; 0: the entry is not from the spool */
	char *modalias;
	char *subsystem;
	struct mf_strings devpaths;
	uint64_t seqnum;
	uint64_t uevent_us;
	uint64_t decided_us;
	unsigned int tries; /* not in the file: src/pipeline/tries.h */
};

void mf_spool_entry_done(struct mf_spool_entry *entry);

/* The name of a modalias's file in the spool: FNV-1a of 128 bits, in hex. */
void mf_spool_name(const char *modalias, char ret_name[MF_SPOOL_NAME]);

/* The text of an entry, the caller's to free. 0 or -ENOMEM. */
int mf_spool_format(const struct mf_spool_entry *entry, char **ret_text, size_t *ret_len);
/* Parses a text without trusting it. 0, -EBADMSG or -ENOMEM; name and inode stay zero. */
int mf_spool_parse(const char *text, size_t len, struct mf_spool_entry *ret_entry);

/*
 * Opens the spool, and creates it with mode 0700 if it is missing. A descriptor; -EPERM: the
 * directory has another owner or permissions for others; another -errno. Records nothing.
 */
int mf_spool_open(const struct mf_context *ctx);

/* Adds an entry, or adds its devices to the entry of the same modalias. 0 or -errno. */
int mf_spool_put(int dirfd, const struct mf_spool_entry *entry);
/*
 * Adds a module or alias that was requested from modprobe, without a device. 0; 1: the spool has
 * MF_SPOOL_NAMES entries already, or NAME is invalid or longer than 255 bytes; or -errno.
 */
int mf_spool_put_name(int dirfd, const char *name);
/* Is there an entry for that modalias or name? */
bool mf_spool_waits(int dirfd, const char *name);
/* Removes a device from its modalias's entry, and the entry after the last one. 0 or -errno. */
int mf_spool_retract(int dirfd, const char *modalias, const char *devpath);
/*
 * Reads every entry, oldest first. Damaged entries are removed and counted in RET_DAMAGED. The
 * caller frees the array and each entry. 0 or -errno.
 */
int mf_spool_read(int dirfd, struct mf_spool_entry **ret_entries, size_t *ret_n,
		  size_t *ret_damaged);
/* Removes a finished entry, unless a new event has changed it. 0 or -errno. */
int mf_spool_remove(int dirfd, const struct mf_spool_entry *entry);

/*
 * Names that the kernel requested and whose fetch failed permanently. Any user can provoke such a
 * request: within MF_FAILED_SECONDS the same download is not retried for the kernel. Libc only.
 */

#define MF_FAILED_FILE	  "run/modfetch/failed"
#define MF_FAILED_SECONDS 3600
#define MF_FAILED_NAMES	  256 /* the oldest are dropped */

/* Has NAME (with '-' equal to '_') failed within MF_FAILED_SECONDS? False if that is unknown. */
bool mf_failed_recently(const struct mf_context *ctx, const char *name);

/* Notes that NAME failed now. 0, -EINVAL (modprobe cannot have such a name) or -errno. */
int mf_failed_note(const struct mf_context *ctx, const char *name);

#endif
