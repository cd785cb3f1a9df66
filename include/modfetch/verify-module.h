/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_VERIFY_MODULE_H
#define MODFETCH_VERIFY_MODULE_H
/*
 * May these kernel modules be put below /lib/modules? By their appended signature, the deny list,
 * and whether they are for the kernel whose folder they go to. Part of the verify stage.
 */
#include <stdbool.h>
#include "modfetch/context.h"
#include "modfetch/rpm.h"

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
void mf_module_verifier_foresee(const struct mf_context *ctx,
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

#endif
