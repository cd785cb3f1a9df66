/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TRAVEL_COPIES_H
#define TRAVEL_COPIES_H
/* The metadata that refreshes leave for the medium, and the directory of each repository there. */
#include "modfetch/context.h"
#include "medium.h"

/* A file of a repository, as it was published. */
struct travel_copy {
	char *repo, *path;
	int fd;
};

/* Metadata that has a directory of the medium. */
struct travel_place {
	char *repo, *directory;
	uint8_t digest[MF_SHA256_LEN]; /* of repomd.xml */
};

struct travel_copies {
	struct mf_keeper keeper; /* pass it to a context as its keeper */
	const struct travel_medium *medium;
	struct travel_copy *v; /* of the list at hand */
	size_t n, room;
	struct travel_place *places; /* of all lists */
	size_t n_places, room_for_places;
	char *have; /* the last URL that the keeper returned */
};

/* Makes them empty, for a medium that outlives them. */
void travel_copies_init(struct travel_copies *ret_copies, const struct travel_medium *medium);
/* Drops the files, and keeps the places: before the next list. */
void travel_copies_reset(struct travel_copies *copies);
void travel_copies_done(struct travel_copies *copies);

/*
 * The directory of a repository on the medium, which is its id, or its id with a number if another list
 * led to other metadata of the same id. Borrowed; NULL: no refresh left its metadata, or no memory.
 */
const char *travel_copies_place(struct travel_copies *copies, const char *repo_id);

/*
 * Adds the files of a repository to those of the medium and writes those that it lacks, repomd.xml last;
 * DRY_RUN: only adds them. 0 or a recorded failure.
 */
int travel_copies_write(struct mf_context *ctx, struct travel_copies *copies,
			struct travel_medium *medium, const char *repo_id, bool dry_run);

#endif
