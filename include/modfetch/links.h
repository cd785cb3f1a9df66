/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_LINKS_H
#define MODFETCH_LINKS_H
/*
 * Links to modules of another kernel. A driver that a package has for one kernel, and that fits
 * others, is linked into their lib/modules/K/weak-updates/, where depmod finds it. The links stand
 * in a ledger, and move or go with the module and with the kernel. Links that others made
 * (weak-modules) are never changed, and nothing is put in their place.
 *
 * A link is made only to a file that an installed package has, with the digest of the package's
 * header, that passes the checks of the verify stage for the other kernel, and that fits it
 * (MF_FIT_YES). Two kinds of modules are linked: those outside of kernel/ into every installed kernel
 * that has no module of that name, or whose depmod prefers the link; any module into the context's
 * kernel, if the run asked for it.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/install.h"
#include "modfetch/strings.h"
#include "modfetch/verify.h"

/* One link of the ledger. */
struct mf_link {
	char *kernel;  /* whose directory it is in */
	char *path;    /* below that, "weak-updates/updates/x.ko" */
	char *target;  /* the module, "/lib/modules/K/updates/x.ko", without /usr */
	char *package; /* the name of the package that has the module */
};

/* Zeroed: empty. */
struct mf_links {
	struct mf_link *v;
	size_t n, room;
	struct mf_strings directories; /* that were made for links: "K/weak-updates" */
	bool pending;		       /* links or indexes of these kernels may not be finished */
};

/* Reads the ledger, /var/lib/modfetch/links. 0 (also where there is none) or -errno, recorded. */
int mf_links_read(struct mf_context *ctx, struct mf_links *ret_links);
void mf_links_done(struct mf_links *links);

/*
 * After mf_install_finish(), before depmod: makes, moves and removes links for the N packages that were
 * installed, and for those that were removed or replaced; for a kernel that the transaction has
 * installed, those of all packages. Adds the kernels and paths that changed to
 * RECEIPT, so that depmod sees them. Then mf_links_settle() must be called, or, if the run fails,
 * mf_links_recover(). A module that cannot be linked is no failure; the reason is logged. 0, or a
 * recorded failure.
 */
int mf_links_update(struct mf_context *ctx, struct mf_proof *const *proofs, size_t n,
		    struct mf_receipt *receipt);
/* When the indexes are right: the links are finished. 0 or -errno, recorded. */
int mf_links_settle(struct mf_context *ctx);

/*
 * Links modules that installed PACKAGES (names; NULL: all) have for other kernels, and what they
 * depend on, into the context's kernel, and updates its indexes. MODULES: the names that are asked
 * for; NULL: all that are outside of kernel/, as for a kernel that another package manager has
 * just installed. PLANNED: NULL, or the links that would be made are added there, and nothing is
 * changed. 1: some were linked, or would be; 0; or a recorded failure.
 */
int mf_links_add(struct mf_context *ctx, const struct mf_strings *modules,
		 const struct mf_strings *packages, struct mf_links *planned);

/*
 * Removes all links in the directory of the context's kernel, and their directories, for a kernel that goes.
 * Only with the lock held. 0, or a recorded failure.
 */
int mf_links_remove(struct mf_context *ctx);

/*
 * At the beginning of a run, or after a failure: removes links whose module or kernel is gone, moves
 * them to another package's module if one fits, forgets those that are not there, and updates the
 * indexes of these kernels. Only with the lock held. 1: something changed; 0; or a recorded failure.
 */
int mf_links_recover(struct mf_context *ctx);

#endif
