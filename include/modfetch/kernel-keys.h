/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_KERNEL_KEYS_H
#define MODFETCH_KERNEL_KEYS_H
/*
 * Does the running kernel load only signed modules, and with which keys? Otherwise the user would
 * see "Key was rejected by service" after the download; a warning before it is better.
 */
#include <stdbool.h>
#include "modfetch/context.h"
#include "modfetch/crypto.h"

enum mf_kernel_enforces { MF_KERNEL_TAKES_ANY, MF_KERNEL_KNOWS_A_KEY, MF_KERNEL_KNOWS_NONE };

/*
 * Looks below the root at /sys/module/module/parameters/sig_enforce, /sys/kernel/security/lockdown
 * and, where one of them demands signatures, for each certificate's key identifier in /proc/keys.
 * RET_WHY, if the answer is not MF_KERNEL_TAKES_ANY, gets the setting that demands them
 * ("sig_enforce", "lockdown"); static. Records nothing; a file that cannot be read demands nothing.
 */
enum mf_kernel_enforces mf_kernel_keys_check(const struct mf_context *ctx,
					     const struct mf_keyring *keyring,
					     const char **ret_why);

/* The setting that demands signed modules, as above; NULL: the running kernel takes any. Static. */
const char *mf_kernel_keys_demand(const struct mf_context *ctx);
/* Has the running kernel one of these certificates in a keyring, whatever it demands? By /proc/keys. */
bool mf_kernel_keys_know(const struct mf_context *ctx, const struct mf_keyring *keyring);

#endif
