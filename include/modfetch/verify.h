/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_VERIFY_H
#define MODFETCH_VERIFY_H
/*
 * Stage verify: does a fetched package have the signed digest, and may it be installed? A positive
 * answer is a proof. Only this stage can make one, and nothing is installed without it. The proof
 * holds the sealed descriptor itself: the bytes verified are the bytes installed.
 */
#include <stdbool.h>
#include "modfetch/context.h"
#include "modfetch/fetch.h"
#include "modfetch/modinfo.h"
#include "modfetch/repo.h"
#include "modfetch/resolve.h"
#include "modfetch/rpm.h"
#include "modfetch/strings.h"

struct mf_proof;
struct mf_verifier; /* the data that all checks of a run share: keys and the kernel's exports */

/* 0; -MFE_NO_KEYS, -MFE_CONFIG or -errno, recorded. */
int mf_verifier_new(struct mf_context *ctx, struct mf_verifier **ret_verifier);
void mf_verifier_free(struct mf_verifier *verifier);
/* Before anything is downloaded: warns of modules that the running kernel will refuse. */
void mf_verifier_warn(const struct mf_context *ctx, const struct mf_verifier *verifier);

/*
 * Checks a package: the size and SHA-256 of the signed metadata; name, version and architecture of
 * the plan; no file but modules of a kernel, firmware, depmod.d and documentation, no link out of
 * its directory, no special file or permission, no scriptlet; then every module in it
 * (mf_verify_modules()) and the deny list. Takes the descriptor out of FETCHED. Returns 0 and a
 * proof that is the caller's to free, -MFE_BAD_SIZE, -MFE_BAD_DIGEST, -MFE_BAD_PACKAGE,
 * -MFE_FORBIDDEN_FILE, -MFE_SCRIPTLET, a code of mf_verify_modules(), -MFE_REVOKED or -errno,
 * recorded.
 */
int mf_verify_package(struct mf_context *ctx, struct mf_verifier *verifier,
		      const struct mf_repo *repo, const struct mf_plan_item *item,
		      struct mf_fetched *fetched, struct mf_proof **ret_proof);
void mf_proof_free(struct mf_proof *proof);

/* The package that a proof is for; all borrowed. */
int mf_proof_fd(const struct mf_proof *proof);
const char *mf_proof_nevra(const struct mf_proof *proof);
const struct mf_rpm_header *mf_proof_header(const struct mf_proof *proof);
/* The headers of N proofs, borrowed, in an array that is the caller's to free. NULL: no memory. */
const struct mf_rpm_header **mf_proof_headers(struct mf_proof *const *proofs, size_t n);

/* A module of a package: what its file will contain. */
struct mf_proof_module {
	char *path;		       /* as in the header, "/lib/modules/KVER/…" */
	uint8_t sha256[MF_SHA256_LEN]; /* of the file */
	struct mf_modinfo info;	       /* with all bytes of the module, decompressed */
};

struct mf_proof_modules {
	struct mf_proof_module *v;
	size_t n;
};
void mf_proof_modules_done(struct mf_proof_modules *modules);

/* From now on proofs keep the modules of their packages in memory, see mf_proof_modules(). */
void mf_verifier_keep_modules(struct mf_verifier *verifier);
/* The modules of a package, borrowed; none if its verifier did not keep them. */
const struct mf_proof_modules *mf_proof_modules(const struct mf_proof *proof);

/*
 * Compares size (0: not known) and SHA-256 of the sealed file FD with signed metadata. 0,
 * -MFE_BAD_SIZE, -MFE_BAD_DIGEST, -MFE_FETCH_HELPER (not sealed) or -errno, recorded for WHAT.
 */
int mf_verify_bytes(struct mf_context *ctx, const char *what, int fd, uint64_t size,
		    const uint8_t sha256[MF_SHA256_LEN]);

/*
 * Verifies the OpenPGP signature of a package that no metadata lists, before anything in it is
 * parsed but the places of header and signature: FD is a sealed memory file, REPO has the keys. 0,
 * -MFE_NO_SIGNATURE, -MFE_BAD_PACKAGE, or a failure of mf_trust_package(), recorded for PACKAGE.
 */
int mf_verify_signature(struct mf_context *ctx, const struct mf_repo *repo, const char *package,
			int fd);

/*
 * Applies policy to files that the metadata does not name: mf_judge_files() for all packages of a
 * plan. 0; -MFE_DENIED, recorded, and the refused packages are added to VERDICTS; or -ENOMEM,
 * recorded.
 */
int mf_verify_allowed(struct mf_context *ctx, const struct mf_judge *judge,
		      const struct mf_plan_item *items, struct mf_proof *const *proofs, size_t n,
		      struct mf_verdicts *verdicts);

/*
 * May these kernel modules be installed below /lib/modules? Their appended signature, the deny list
 * and the kernel that they were built for decide. Part of the verify stage.
 */

struct mf_module_verifier; /* keys, policy, and the kernel's exports: read once per run */

/*
 * Reads /etc/modfetch/keys/module.d. 0; -MFE_NO_KEYS where settings.module_signature is "require"
 * and the directory has no key; -MFE_CONFIG or -errno, recorded.
 */
int mf_module_verifier_new(struct mf_context *ctx, struct mf_module_verifier **ret_verifier);
void mf_module_verifier_free(struct mf_module_verifier *verifier);
/* Must every module be signed by one of the keys? */
bool mf_module_verifier_requires(const struct mf_module_verifier *verifier);

/*
 * Before anything is downloaded: warns if the running kernel demands signed modules and knows none
 * of these keys, or if there is no key to compare with. Refuses nothing.
 */
void mf_module_verifier_warn(const struct mf_context *ctx,
			     const struct mf_module_verifier *verifier);

/*
 * Checks a module that would become the file PATH, "…/lib/modules/KVER/…"; the LEN bytes of BUF may
 * be compressed. Returns 0, -MFE_BAD_MODULE, -MFE_MODULE_UNSIGNED, -MFE_BAD_SIGNATURE,
 * -MFE_UNTRUSTED_KEY, -MFE_WEAK_SIGNATURE, -MFE_REVOKED, -MFE_WRONG_KERNEL, -MFE_TOO_LARGE,
 * -MFE_CONFIG or -errno, recorded.
 */
int mf_verify_module(struct mf_context *ctx, struct mf_module_verifier *verifier, const char *path,
		     const void *buf, size_t len);

/*
 * The same without the kernel: checks the deny list, the signature, and the fields that depmod
 * copies into its indexes, of a module that was parsed; DIGEST is that of its file.
 */
int mf_verify_parsed_module(struct mf_context *ctx, struct mf_module_verifier *verifier,
			    const char *path, const struct mf_modinfo *info,
			    const uint8_t digest[MF_SHA256_LEN]);

/*
 * Checks every module of a package, and its files for depmod.d (verify-conf.h). Each one that
 * HEADER lists must be in the payload, with the digest of the header, so that the bytes checked
 * here are those that librpm will write. RET_MODULES (may be NULL) gets the modules; it is the
 * caller's, also after a failure. Returns as above, or -MFE_FORBIDDEN_FILE or -MFE_BAD_PACKAGE.
 */
int mf_verify_modules(struct mf_context *ctx, struct mf_module_verifier *verifier,
		      const char *package, int fd, const struct mf_rpm_header *header,
		      struct mf_proof_modules *ret_modules);

/*
 * The files of a kernel itself: which of them its package may install; the package of the running
 * kernel is never removed. A kernel's package is recognized by the capability that it provides,
 * "kernel-uname-r = KVER", and not by its name.
 */

/* "KVER/…" of PATH, "/lib/modules/KVER/…" or "/usr/lib/…"; NULL for other paths. Points into PATH. */
const char *mf_kernel_tree_path(const char *path);

/*
 * Is PATH a file of one of the kernels UNAME_R (as versions of "kernel-uname-r" have them)?
 * Such files are /boot/NAME-KVER, and NAME in the directory of that kernel's modules. Pure.
 */
bool mf_kernel_file(const char *path, const struct mf_strings *uname_r);

/*
 * May an installed package be removed? 0; or -MFE_DENIED, recorded, for the package of the kernel
 * that this machine runs.
 */
int mf_kernel_check_removal(struct mf_context *ctx, const struct mf_rpm_header *header);

#endif
