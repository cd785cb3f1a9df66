/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_VERIFY_H
#define MODFETCH_VERIFY_H
/*
 * Stage verify: is what was fetched what was signed for, and may it be installed? The answer yes is
 * a proof, which only this stage can make and without which nothing is installed. The proof holds
 * the sealed descriptor itself: the bytes verified are the bytes installed.
 */
#include "modfetch/context.h"
#include "modfetch/fetch.h"
#include "modfetch/repo.h"
#include "modfetch/resolve.h"
#include "modfetch/rpm.h"

struct mf_proof;
struct mf_verifier; /* what a run's checks have in common: keys and what the kernel exports */

/* 0; -MFE_NO_KEYS, -MFE_CONFIG or -errno, recorded. */
int mf_verifier_new(struct mf_context *ctx, struct mf_verifier **ret_verifier);
void mf_verifier_free(struct mf_verifier *verifier);
/* Says, before anything is downloaded, what the running kernel will refuse. */
void mf_verifier_foresee(const struct mf_context *ctx, const struct mf_verifier *verifier);

/*
 * Checks a package: the size and SHA-256 of the signed metadata; name, version and architecture of
 * the plan; no file but modules of a kernel, firmware, depmod.d and documentation, no link that
 * leaves, no special file or permission, no scriptlet; then every module in it (see
 * modfetch/verify-module.h) and the deny list. Takes the descriptor out of FETCHED. Returns 0,
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

#endif
