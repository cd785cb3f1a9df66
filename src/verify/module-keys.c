/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which keys of modules are configured, and which is this machine's own?
 *
 * A machine that builds a driver signs it, and its certificate lies in keys/module.d like that of any
 * publisher, so that removing the file revokes it. If it counted like theirs, the first driver that is
 * built would turn on the demand for signatures ("if-keys"), and the packages of a repository whose
 * modules are not signed, or not by a configured key, would be refused from then on. So:
 *
 *	A certificate in keys/module.d is this machine's own if it is the one in keys/build.der.
 *	A module that it signed is accepted as one of any other certificate there.
 *	Whether modules must be signed is decided by the other certificates alone.
 *
 * The fingerprint decides, not the name of the file: the certificate of another machine that builds
 * is a configured key here, also where it has the same name. build.der is public and is only compared;
 * without it the certificate counts as any other, so a lost file makes the check stricter.
 */
#include "modfetch/module-keys.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"

#define CERTIFICATE_MAX (64 << 10)

void mf_module_keys_done(struct mf_module_keys *keys)
{
	mf_keyring_free(keys->accepted);
	mf_keyring_free(keys->configured);
	*keys = (struct mf_module_keys){ 0 };
}

/* The fingerprint of this machine's own certificate; "": there is none. 0 or -errno, recorded. */
static int read_own(struct mf_context *ctx, char ret_fingerprint[MF_SHA256_HEX])
{
	_cleanup_close_ int fd = mf_context_open(ctx, MF_BUILD_CERTIFICATE, O_RDONLY);
	uint8_t digest[MF_SHA256_LEN];
	_cleanup_free_ char *der = NULL;
	size_t len;
	int r = fd < 0 ? fd : mf_file_read(fd, CERTIFICATE_MAX, &der, &len);

	*ret_fingerprint = '\0';
	if (r == -ENOENT)
		return 0;
	if (!r)
		r = mf_sha256(der, len, digest);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, r, "/" MF_BUILD_CERTIFICATE,
			       "the certificate of this machine's own key cannot be read");
	mf_sha256_hex(digest, ret_fingerprint);
	return 0;
}

int mf_module_keys_read(struct mf_context *ctx, struct mf_module_keys *ret_keys)
{
	_cleanup_(mf_module_keys_done) struct mf_module_keys keys = { 0 };
	_cleanup_close_ int dirfd = mf_context_open(ctx, MF_MODULE_KEYS, O_RDONLY | O_DIRECTORY);
	_cleanup_free_ char *bad = NULL, *path = NULL;
	char own[MF_SHA256_HEX];
	int r = dirfd < 0 && dirfd != -ENOENT
			? dirfd
			: mf_keyring_read(dirfd, NULL, 0, &keys.accepted, &bad);

	if (r < 0) {
		path = bad ? mf_format("/" MF_MODULE_KEYS "/%s", bad) : NULL;
		return mf_fail(ctx, MF_STAGE_VERIFY, r == -EBADMSG ? -MFE_CONFIG : r,
			       path ? path : "/" MF_MODULE_KEYS,
			       "the key cannot be read: replace or remove the file");
	}
	r = read_own(ctx, own);
	if (r < 0)
		return r;
	r = mf_keyring_without(keys.accepted, own, &keys.configured);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, r, "/" MF_MODULE_KEYS, NULL);
	*ret_keys = keys;
	keys = (struct mf_module_keys){ 0 };
	return 0;
}
