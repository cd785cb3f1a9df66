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
	 * Kernels with a changed module directory, and the changed paths below each,
	 * "kernel/…/x.ko", including those of removed and replaced packages.
	 */
	struct mf_strings kernels;
	struct mf_strings *changed; /* one list per kernel */
	struct mf_undo undo;
	/* of the first scriptlet that failed without stopping the transaction; code 0: none did */
	struct mf_failure scriptlet;
};

/* A transaction between its two steps. */
struct mf_installation;
/*
 * Begins to install the packages of the N proofs and to remove the packages named in ERASE (may be NULL):
 * checks everything that can be checked beforehand, and writes nothing. PROOFS and ERASE must live until
 * mf_install_finish(), to which the caller passes INSTALLATION. 0; -MFE_FORBIDDEN_FILE, -MFE_FILE_EXISTS,
 * -MFE_ALTERED, -MFE_DENIED (the running kernel's own package), -ENOSPC, -EROFS or another -errno,
 * recorded.
 */
int mf_install_begin(struct mf_context *ctx, struct mf_proof *const *proofs, size_t n,
		     const struct mf_strings *erase, struct mf_installation **ret_installation);
/*
 * Carries it out, then syncs the disk and reads the files back: each must have the digest in its package's
 * header. Directories that a removal left empty are removed too; those that existed before our packages
 * stay unchanged. Frees INSTALLATION in any case. 0; -MFE_LOCKED, -MFE_INSTALL, -MFE_BAD_DIGEST,
 * -MFE_SCRIPTLET_FAILED or an -errno, recorded; then nothing of it is installed. On success the undo record
 * stays on disk until mf_undo_forget(), to be called when the indexes are right; the receipt is the
 * caller's, for mf_receipt_done().
 */
int mf_install_finish(struct mf_installation *installation, struct mf_receipt *ret_receipt);
/*
 * Is there room for N packages with BYTES of files, below /lib/modules and in the rpm database, and
 * can both be written to? mf_install_begin() checks it itself, from the headers; this is for the time before
 * the download. 0; -ENOSPC or -EROFS, recorded.
 */
int mf_install_check_room(struct mf_context *ctx, size_t n, uint64_t bytes);
/*
 * Removes the installed packages again after a later stage failed, and updates the indexes. If that
 * fails, logs an error and leaves it to the next run; the failure on record stays.
 */
void mf_install_undo(struct mf_context *ctx, const struct mf_receipt *receipt);
/* Adds a changed path below the directory of a kernel. 0 or -ENOMEM. */
int mf_receipt_note(struct mf_receipt *receipt, const char *kernel, const char *path);
void mf_receipt_done(struct mf_receipt *receipt);

/*
 * Repairs a disagreement between the rpm database and the module tree: a package is installed, but
 * the indexes do not have its module.
 */

/*
 * Rebuilds the indexes if a package is installed that has a missing module of these wants. Returns
 * 1 if it did: the caller must forget the matches and match again; 0; or a recorded failure.
 */
int mf_repair_indexes(struct mf_context *ctx, const struct mf_wants *wants);
/*
 * To be called after that: marks each match that is still missing as broken if a file of its
 * installed package is missing too: the package must be installed again. A module that depmod
 * leaves out for a reason of its own is not marked. 0 or a recorded failure.
 */
int mf_repair_mark(struct mf_context *ctx, struct mf_wants *wants);

#endif
