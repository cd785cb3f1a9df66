/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_PENDING_LOADS_H
#define MODFETCH_PENDING_LOADS_H
/*
 * Attempts to load drivers, recorded on disk while they last: the next boot, and its udev, then
 * knows which driver crashed the machine, and does not load it again until the administrator allows
 * it.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"

struct mf_pending_load {
	bool begun;    /* false: it waits for its turn */
	char *boot;    /* the ID of the boot that made it */
	char *digest;  /* SHA-256 of the module's file in hex, or "-" */
	char *kernel;  /* the release */
	char *path;    /* of the file, below lib/modules/KERNEL */
	char *module;  /* its name */
	char *subject; /* the device or the name that it is loaded for */
};

struct mf_pending_loads {
	struct mf_pending_load *v;
	size_t n;
	char boot[40]; /* the ID of this boot, "-" if unknown */
	bool on_disk;  /* the file exists */
	bool changed;  /* the file differs from this list */
};

/*
 * Reads the attempts of other boots that still count: those that never ended, for a file that has
 * not changed. Attempts of this boot are left out, since the machine is up. Writes nothing. 0, or
 * -errno, recorded.
 */
int mf_pending_loads_read(struct mf_context *ctx, struct mf_pending_loads *ret_attempts);
/* The same; also removes attempts that no longer count from the disk. Needs the lock. */
int mf_pending_loads_prune(struct mf_context *ctx, struct mf_pending_loads *ret_attempts);
void mf_pending_loads_done(struct mf_pending_loads *attempts);

/* The attempt of another boot to load a module of the context's kernel, or NULL. Borrowed. */
const struct mf_pending_load *mf_pending_loads_find(const struct mf_context *ctx,
						    const struct mf_pending_loads *attempts,
						    const char *module);
/* The same for a module of any of these files, below lib/modules/KERNEL of the context. */
const struct mf_pending_load *mf_pending_loads_find_any(const struct mf_context *ctx,
							const struct mf_pending_loads *attempts,
							const struct mf_strings *paths);

/*
 * Records files (below lib/modules/KERNEL of the context) that this run will load, before depmod
 * adds them to the indexes. udev then does not load these modules until the run has. Files that are
 * not modules are skipped. When this or the next function returns 0, the record is on disk. A
 * failed write is a recorded failure in unattended runs, and a warning in others.
 */
int mf_pending_loads_expect(struct mf_context *ctx, struct mf_pending_loads *attempts,
			    const struct mf_strings *paths);
/* Records that these files are loaded now, for SUBJECT. */
int mf_pending_loads_begin(struct mf_context *ctx, struct mf_pending_loads *attempts,
			   const struct mf_strings *paths, const char *subject);
/*
 * The same for files that are not on disk yet: SHA256[i] is the digest that PATHS->v[i] will have.
 */
int mf_pending_loads_begin_early(struct mf_context *ctx, struct mf_pending_loads *attempts,
				 const struct mf_strings *paths, const uint8_t *const *sha256,
				 const char *subject);
/*
 * The loads for SUBJECT have ended. Removes them from the list; the next call that writes removes
 * them from the disk.
 */
void mf_pending_loads_drop_subject(struct mf_pending_loads *attempts, const char *subject);
/*
 * A module was loaded in an attended run, and the machine is up: removes the attempts of other
 * boots to load it; written as above.
 */
void mf_pending_loads_drop_module(const struct mf_context *ctx, struct mf_pending_loads *attempts,
				  const char *module);
/* Removes all attempts of this boot, from the disk too. 0 or -errno, recorded. */
int mf_pending_loads_finish(struct mf_context *ctx, struct mf_pending_loads *attempts);

/*
 * For `modfetch allow`: removes the attempts of other boots to load modules that match GLOB, which
 * may also be the name of a package. Returns how many, or -errno, recorded. Needs the lock.
 */
int mf_pending_loads_clear(struct mf_context *ctx, const char *glob);

#endif
