/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_KEYRING_H
#define MODFETCH_KEYRING_H
/*
 * Folders of keys: /etc/modfetch/keys/repo.d for what signs metadata, module.d for what signs
 * modules. Removing a file revokes its key.
 */
#include <stddef.h>
#include "modfetch/crypto.h"

/*
 * Reads every *.pem, *.crt, *.cer and *.der in a folder, or only those named (with or without the
 * ending) when N is not 0; and in both cases every *.crl. A negative DIRFD (the folder is absent)
 * is an empty keyring; a name that is not there is -ENOENT; an unreadable certificate or list is
 * -EBADMSG. RET_BAD (may be NULL) gets the culprit's name, the caller's to free; untouched where
 * none is to blame.
 */
int mf_keyring_read(int dirfd, char *const *names, size_t n, struct mf_keyring **ret_keyring,
		    char **ret_bad);

/*
 * A word for exactly this choice of files: it changes when one of them, or any *.crl beside them,
 * does, comes or goes. As above.
 */
int mf_keyring_fingerprint(int dirfd, char *const *names, size_t n,
			   uint8_t ret_fingerprint[MF_SHA256_LEN], char **ret_bad);

#endif
