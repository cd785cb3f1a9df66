/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SRC_REPO_REPO_ENTRY_H
#define SRC_REPO_REPO_ENTRY_H
/*
 * One entry of a .repo file while it is read: its keys, and what is wrong with it.
 */
#include "modfetch/repo.h"

/* An entry as it is read: a repository, unless something was wrong with it. */
struct draft {
	struct mf_repo repo;
	char *file; /* where it begins */
	unsigned int line;
	char *where, *why; /* of what was wrong first; NULL: nothing was */
};

struct drafts {
	struct draft *v;
	size_t n;
};

struct reading {
	struct mf_context *ctx;
	struct drafts *drafts;
	const char *file;
	unsigned int line; /* the one that is looked at */
	bool in_entry;	   /* the last draft is of this file */
	const char *key;   /* the one whose value is read */
};

/*
 * Notes what is wrong with an entry, at the line that is looked at, or at LINE of FILE (0: with the
 * file as a whole); what is noted first counts. VALUE ("": none) is shown after it, without
 * passwords. 0 or -ENOMEM.
 */
int repo_spoil(const struct reading *rd, struct draft *d, const char *why, const char *value);
int repo_spoil_at(struct draft *d, const char *file, unsigned int line, const char *why,
		  const char *value);

/* The same with the name of the key at hand before WHY, and no value. */
int repo_spoil_key(const struct reading *rd, struct draft *d, const char *why);
/* Copies VALUE to the string WHERE. 0 or -ENOMEM. */
int repo_set_text(const struct reading *rd, struct draft *d, void *where, const char *value);

/* Takes one key. 0, also where that spoils the entry, or -ENOMEM. */
int repo_entry_set(struct reading *rd, struct draft *d, const char *key, const char *value);
/* Do the values of a whole entry go together? As above. */
int repo_entry_check(const struct reading *rd, struct draft *d);

#endif
