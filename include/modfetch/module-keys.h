/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_MODULE_KEYS_H
#define MODFETCH_MODULE_KEYS_H
/*
 * The certificates that may sign modules: those that the admin put into keys/module.d, and the one of
 * this machine's own key, which signs what is built here and lies there too. A module by any of them
 * is accepted; but only the admin's demand that every module is signed.
 */
#include "modfetch/context.h"
#include "modfetch/crypto.h"

#define MF_MODULE_KEYS "etc/modfetch/keys/module.d"
/* The certificate of this machine's own key, in DER, beside that key; modfetch/module-key.h makes it. */
#define MF_BUILD_CERTIFICATE "etc/modfetch/keys/build.der"

struct mf_module_keys {
	struct mf_keyring *accepted;   /* all of keys/module.d */
	struct mf_keyring *configured; /* the same without this machine's own */
};

/*
 * Reads the keys. 0; -MFE_CONFIG: a file cannot be read as a certificate, or another -errno; both
 * are recorded as a failure of the verify stage for that file, with a full path.
 */
int mf_module_keys_read(struct mf_context *ctx, struct mf_module_keys *ret_keys);
void mf_module_keys_done(struct mf_module_keys *keys);

#endif
