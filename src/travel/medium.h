/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TRAVEL_MEDIUM_H
#define TRAVEL_MEDIUM_H
/* The directory of a driver medium, and the record of the files that modfetch wrote there. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/crypto.h"

#define TRAVEL_MANIFEST "modfetch-medium"
#define TRAVEL_LIST	"modfetch-list"

/* A file of the medium. */
struct travel_file {
	char *path; /* below the medium */
	uint64_t size;
	char hex[MF_SHA256_HEX];
};

struct travel_files {
	struct travel_file *v;
	size_t n, room;
};

struct travel_medium {
	int dirfd;	/* locked; -1: the directory does not exist, in a dry run */
	char *path;	/* absolute */
	bool was_whole; /* the run before has finished */
	struct travel_files old, now;
	size_t written;
	uint64_t written_bytes;
	size_t removed;
};

/*
 * Opens OUTPUT, which is made if it is missing, and reads what a run before wrote there; DRY_RUN: makes
 * nothing. 0; -MFE_LOCKED: another run works on it; or another recorded failure. The caller passes
 * RET_MEDIUM to travel_medium_done() in any case.
 */
int travel_medium_open(struct mf_context *ctx, const char *output, bool dry_run,
		       struct travel_medium *ret_medium);
void travel_medium_done(struct travel_medium *medium);

/* May NAME, of a directory at its top, be used? 0; -EEXIST, recorded: another program made it. */
int travel_medium_check_name(struct mf_context *ctx, const struct travel_medium *medium,
			     const char *name);

/*
 * Adds a file that the medium shall have. 1: it has it already, with this size and digest; 0: it must be
 * written; or -MFE_BAD_HREF or -ENOMEM, recorded.
 */
int travel_medium_expect(struct mf_context *ctx, struct travel_medium *medium, const char *path,
			 uint64_t size, const uint8_t sha256[MF_SHA256_LEN]);
/* Makes the medium say that it is incomplete; before the first change. 0 or a recorded failure. */
int travel_medium_begin(struct mf_context *ctx, const struct travel_medium *medium);
/* Writes an expected file from the start of FD. 0 or a recorded failure. */
int travel_medium_write(struct mf_context *ctx, struct travel_medium *medium, const char *path,
			int fd);
/*
 * Removes the files of earlier runs that are not expected, and makes the medium say that it is complete,
 * when everything is on the disk. 0 or a recorded failure.
 */
int travel_medium_finish(struct mf_context *ctx, struct travel_medium *medium);

#endif
