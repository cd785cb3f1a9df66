/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_PENDING_LOADS_H
#define MODFETCH_PENDING_LOADS_H
/*
 * Attempts at loading drivers, remembered on disk while they last: what brought the machine down is
 * known at its next boot, to udev as well, and is not tried again until somebody says so.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"

struct mf_pending_load {
	bool begun;    /* else it waits for its turn */
	char *boot;    /* the boot it belongs to */
	char *digest;  /* SHA-256 of the module's file in hex, or "-" */
	char *kernel;  /* the release */
	char *path;    /* of the file below lib/modules/KERNEL */
	char *module;  /* its name */
	char *subject; /* the device, or what else was asked for */
};

struct mf_pending_loads {
	struct mf_pending_load *v;
	size_t n;
	char boot[40]; /* this boot, "-" where nothing says which it is */
	bool on_disk;  /* there is a file to remove */
	bool changed;  /* what the disk says is not this any more */
};

/*
 * What other boots left and still counts: attempts that never ended, at a file that is as it was.
 * Those of this boot are left out, the machine being up. Changes nothing. 0, or -errno, recorded.
 */
int mf_pending_loads_read(struct mf_context *ctx, struct mf_pending_loads *ret_attempts);
/* The same, and what does not count any more leaves the disk. Only with the lock held. */
int mf_pending_loads_settle(struct mf_context *ctx, struct mf_pending_loads *ret_attempts);
void mf_pending_loads_done(struct mf_pending_loads *attempts);

/* The attempt of another boot at a module of the context's kernel, or NULL. Borrowed. */
const struct mf_pending_load *mf_pending_loads_find(const struct mf_context *ctx,
						    const struct mf_pending_loads *attempts,
						    const char *module);

/*
 * Before the indexes name them: these files (below lib/modules/KERNEL of the context) will be
 * loaded in this run. udev leaves their modules alone until they have been. Those that are no
 * modules are passed over. As the next ones: when it returns 0, the disk has it. A record that
 * cannot be written is a recorded failure where nobody watches, and a warning else.
 */
int mf_pending_loads_expect(struct mf_context *ctx, struct mf_pending_loads *attempts,
			    const struct mf_strings *paths);
/* These files are about to go into the kernel for SUBJECT. */
int mf_pending_loads_begin(struct mf_context *ctx, struct mf_pending_loads *attempts,
			   const struct mf_strings *paths, const char *subject);
/* What was begun for SUBJECT has ended; the disk hears of it when the next one begins. */
void mf_pending_loads_ended(struct mf_pending_loads *attempts, const char *subject);
/* Somebody watched this module go into the kernel, and the machine is up; as above. */
void mf_pending_loads_watched(const struct mf_context *ctx, struct mf_pending_loads *attempts,
			      const char *module);
/* All has ended that this boot began or expected. 0 or -errno, recorded. */
int mf_pending_loads_end(struct mf_context *ctx, struct mf_pending_loads *attempts);

/*
 * The admin's word: forgets what other boots left about modules that GLOB matches, which may be the
 * name of a package too. Returns how many, or -errno, recorded. Only with the lock held.
 */
int mf_pending_loads_forgive(struct mf_context *ctx, const char *glob);

#endif
