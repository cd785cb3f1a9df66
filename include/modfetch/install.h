/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_INSTALL_H
#define MODFETCH_INSTALL_H
/*
 * Stage install: proofs in, one rpm transaction, a receipt out. All of it or nothing.
 */
#include "modfetch/context.h"
#include "modfetch/strings.h"
#include "modfetch/undo.h"
#include "modfetch/verify.h"
#include "modfetch/want.h"

struct mf_receipt {
	/*
	 * Kernels whose module directory changed, and the paths below each that did, "kernel/…/x.ko";
	 * those of packages that gave way are among them.
	 */
	struct mf_strings kernels;
	struct mf_strings *changed; /* one list a kernel */
	struct mf_undo undo;
	/* of the first scriptlet that failed and stopped nothing; its code is 0 where none did */
	struct mf_failure scriptlet;
};

/*
 * Installs what the proofs are of and removes the packages named in ERASE (may be NULL), then makes
 * sure the disk has it and reads the files back: each must have the digest its package gives it.
 * Directories that a removal left empty go too; those that were there before our packages stay as they
 * were. Returns 0; -MFE_FORBIDDEN_FILE, -MFE_FILE_EXISTS, -MFE_ALTERED or -MFE_DENIED (the running
 * kernel's own package), before anything is begun; -MFE_LOCKED, -MFE_INSTALL, -MFE_BAD_DIGEST,
 * -MFE_SCRIPTLET_FAILED,
 * -ENOSPC (known beforehand) or another -errno, recorded; then nothing of it is installed. On
 * success what it takes to undo it stays on disk until mf_undo_forget(), which is to be called when
 * the indexes are right.
 */
int mf_install(struct mf_context *ctx, struct mf_proof *const *proofs, size_t n,
	       const struct mf_strings *erase, struct mf_receipt *ret_receipt);
/*
 * Takes what came out again, where a later stage failed. Says so where it cannot, and then leaves
 * it to the next run; the failure on record stays.
 */
void mf_install_undo(struct mf_context *ctx, const struct mf_receipt *receipt);
void mf_receipt_done(struct mf_receipt *receipt);

/*
 * Where the rpm database and the module tree disagree: a package is installed, but its module is
 * not to be found.
 */

/*
 * Is a package installed that carries a module these wants miss? Then the indexes are made anew.
 * Returns 1 if that was so: forget the matches and match again; 0; or a recorded failure.
 */
int mf_repair_indexes(struct mf_context *ctx, const struct mf_wants *wants);
/*
 * To be called after that: marks what is still missing, and whose installed package lacks a file,
 * as broken: it is to be installed again. What depmod leaves out for a reason of its own is not. 0
 * or a recorded failure.
 */
int mf_repair_mark(struct mf_context *ctx, struct mf_wants *wants);

#endif
