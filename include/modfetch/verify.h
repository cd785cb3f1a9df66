/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_VERIFY_H
#define MODFETCH_VERIFY_H
/*
 * Stage verify: is what was fetched what was signed for, and may it be installed? The answer yes is
 * a proof, which only this stage can make and without which nothing is installed. The proof holds
 * the sealed descriptor itself: the bytes verified are the bytes installed.
 */
#include <stdbool.h>
#include "modfetch/context.h"
#include "modfetch/fetch.h"
#include "modfetch/repo.h"
#include "modfetch/resolve.h"
#include "modfetch/rpm.h"
#include "modfetch/strings.h"

struct mf_proof;
struct mf_verifier; /* what a run's checks have in common: keys and what the kernel exports */

/* 0; -MFE_NO_KEYS, -MFE_CONFIG or -errno, recorded. */
int mf_verifier_new(struct mf_context *ctx, struct mf_verifier **ret_verifier);
void mf_verifier_free(struct mf_verifier *verifier);
/* Says, before anything is downloaded, what the running kernel will refuse. */
void mf_verifier_preload(const struct mf_context *ctx, const struct mf_verifier *verifier);

/*
 * Checks a package: the size and SHA-256 of the signed metadata; name, version and architecture of
 * the plan; no file but modules of a kernel, firmware, depmod.d and documentation, no link that
 * leaves, no special file or permission, no scriptlet; then every module in it (see
 * modfetch/verify.h) and the deny list. Takes the descriptor out of FETCHED. Returns 0,
 * -MFE_BAD_SIZE, -MFE_BAD_DIGEST, -MFE_BAD_PACKAGE, -MFE_FORBIDDEN_FILE, -MFE_SCRIPTLET, a code of
 * mf_verify_modules(), -MFE_REVOKED or -errno, recorded.
 */
int mf_verify_package(struct mf_context *ctx, struct mf_verifier *verifier,
		      const struct mf_repo *repo, const struct mf_plan_item *item,
		      struct mf_fetched *fetched, struct mf_proof **ret_proof);
void mf_proof_free(struct mf_proof *proof);

/* What a proof is about; all borrowed. */
int mf_proof_fd(const struct mf_proof *proof);
const char *mf_proof_nevra(const struct mf_proof *proof);
const struct mf_rpm_header *mf_proof_header(const struct mf_proof *proof);

/* Size (0: not known) and SHA-256 of a fetched file against signed metadata. As above. */
int mf_verify_bytes(struct mf_context *ctx, const char *what, int fd, uint64_t size,
		    const uint8_t sha256[MF_SHA256_LEN]);

/*
 * Policy about what no metadata has named: mf_judge_files() of all packages of a plan. 0;
 * -MFE_DENIED, recorded, and those that were refused are added to VERDICTS; or -ENOMEM, recorded.
 */
int mf_verify_allowed(struct mf_context *ctx, const struct mf_judge *judge,
		      const struct mf_plan_item *items, struct mf_proof *const *proofs, size_t n,
		      struct mf_verdicts *verdicts);

/*
 * May these kernel modules be put below /lib/modules? By their appended signature, the deny list,
 * and whether they are for the kernel whose directory they go to. Part of the verify stage.
 */

struct mf_module_verifier; /* keys, policy, and what the kernel exports: read once a run */

/*
 * Reads /etc/modfetch/keys/module.d. 0; -MFE_NO_KEYS where settings.module_signature is "require"
 * and there is none; -MFE_CONFIG or -errno, recorded.
 */
int mf_module_verifier_new(struct mf_context *ctx, struct mf_module_verifier **ret_verifier);
void mf_module_verifier_free(struct mf_module_verifier *verifier);
/* Must every module be signed by one of the keys? */
bool mf_module_verifier_requires(const struct mf_module_verifier *verifier);

/*
 * Says what can be known before anything is downloaded: that the running kernel demands signed
 * modules and knows none of these keys, or that nobody here can tell. Refuses nothing.
 */
void mf_module_verifier_preload(const struct mf_context *ctx,
				const struct mf_module_verifier *verifier);

/*
 * Checks a module that would become the file PATH, "…/lib/modules/KVER/…"; its bytes may be
 * compressed. Returns 0, -MFE_BAD_MODULE, -MFE_MODULE_UNSIGNED, -MFE_BAD_SIGNATURE,
 * -MFE_UNTRUSTED_KEY, -MFE_WEAK_SIGNATURE, -MFE_REVOKED, -MFE_WRONG_KERNEL, -MFE_TOO_LARGE,
 * -MFE_CONFIG or -errno, recorded.
 */
int mf_verify_module(struct mf_context *ctx, struct mf_module_verifier *verifier, const char *path,
		     const void *buf, size_t len);

/*
 * Checks every module of a package, and what it has for depmod.d (verify-conf.h): all that HEADER
 * lists must be in the payload, with the digest the header gives them, so that what is looked at
 * here is what librpm will write. As above, -MFE_FORBIDDEN_FILE or -MFE_BAD_PACKAGE.
 */
int mf_verify_modules(struct mf_context *ctx, struct mf_module_verifier *verifier,
		      const char *package, int fd, const struct mf_rpm_header *header);

/*
 * The files of a kernel itself: what its package may bring, and that the package of the running
 * kernel stays. A kernel's package is known by what it provides, "kernel-uname-r = KVER", and not
 * by its name.
 */

/*
 * Is PATH a file of one of the kernels UNAME_R (as versions of "kernel-uname-r" have them)?
 * /boot/NAME-KVER, or NAME in the directory of that kernel's modules. Pure.
 */
bool mf_kernel_file(const char *path, const struct mf_strings *uname_r);

/*
 * May an installed package be removed? Not the one of the kernel that this machine runs. 0, or
 * -MFE_DENIED, recorded.
 */
int mf_kernel_may_leave(struct mf_context *ctx, const struct mf_rpm_header *header);

#endif
