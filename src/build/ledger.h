/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BUILD_LEDGER_H
#define BUILD_LEDGER_H
/* What was built here, and what failed. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"

#define BUILD_DIRECTORY "var/lib/modfetch/build"

/*
 * The last build of a source for a kernel that succeeded, whose modules are on disk, or the one after it
 * that failed: a source has at most one of each for a kernel.
 */
struct build_entry {
	char *name, *version; /* of the source */
	char *kernel;
	uint8_t source[MF_SHA256_LEN]; /* digest of the source */
	uint8_t tools[MF_SHA256_LEN];  /* of kernel and compiler */
	int code;		       /* 0: it was built; else the failure, negative */
	struct mf_strings modules; /* as kmod spells them; of a failure those that it should have */
};

/* Zeroed: empty. */
struct build_ledger {
	struct build_entry *v;
	size_t n, room;
};

/*
 * Reads it. A damaged file counts as empty, with a warning: nothing is lost but what need not be tried again.
 * 0 or -errno, recorded.
 */
int build_ledger_read(struct mf_context *ctx, struct build_ledger *ret_ledger);
/* Writes it, if the lock of builds is held. 0 or -errno, recorded. */
int build_ledger_write(struct mf_context *ctx, const struct build_ledger *ledger);
void build_ledger_done(struct build_ledger *ledger);

/* The entry of NAME (any version) for KERNEL: of the good build, or of the one that FAILED; NULL: none. */
struct build_entry *build_ledger_find(const struct build_ledger *ledger, const char *name,
				      const char *kernel, bool failed);
/*
 * Adds a copy of ENTRY in the place of the one before. A good build also takes the place of the one that
 * failed. 0 or -ENOMEM.
 */
int build_ledger_set(struct build_ledger *ledger, const struct build_entry *entry);
/* Forgets the entries of NAME, for all kernels. */
void build_ledger_drop(struct build_ledger *ledger, const char *name);

#endif
