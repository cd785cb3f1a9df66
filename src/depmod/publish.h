/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DEPMOD_PUBLISH_H
#define DEPMOD_PUBLISH_H
/* The indexes as files; described in publish.c. */
#include <stdio.h>
#include "state.h"
#include "text.h"

/* Files being replaced together in one directory. */
struct dm_publish {
	struct mf_context *ctx;
	int fd;
	bool sync;
	struct dm_publish_file {
		const char *name;
		char partial[48], old[48];
		int fd;
		bool staged;	/* there is something to be removed beside the name */
		bool published; /* the name has the new file */
		bool exchanged; /* and the old one is under the partial name */
		bool kept;	/* or under OLD */
	} files[DM_N_OUTPUTS];
};

const char *dm_index_name(enum dm_index index);
void dm_publish_init(struct dm_publish *publish, struct mf_context *ctx, int fd, bool sync);
/* Removes what killed runs left in a directory. Only with the lock held. */
void dm_publish_sweep(int fd);
/* Writes one file beside its name. Threads may do so for different files at a time. 0 or -errno. */
int dm_publish_stage(struct dm_publish *publish, enum dm_index index, const struct dm_buf *buf);
/* Replaces them all: 0, or a code that is recorded, and then all are as they were. */
int dm_publish_commit(struct dm_publish *publish);
/* Removes what was not published, and what was replaced; what cannot be removed is reported. */
void dm_publish_done(struct dm_publish *publish);
/* The numbers of a published file, for the state. False: it is not there. */
bool dm_output_stat(int fd, enum dm_index index, struct dm_output *output);
/* The same, if the file in place has the bytes of BUF. */
bool dm_output_same(int fd, enum dm_index index, const struct dm_buf *buf,
		    struct dm_output *output);
/* As depmod -n: prints the text files, one after the other. 0 or -EIO, recorded. */
int dm_print(struct mf_context *ctx, FILE *file, const struct dm_flavor *flavor,
	     const struct dm_buf *indexes);
/* Has the file in place these numbers? */
bool dm_output_is(int fd, enum dm_index index, const struct dm_output *output);

#endif
