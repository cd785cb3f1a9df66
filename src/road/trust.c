/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Is this repomd.xml one that a configured key vouches for?
 *
 * The .repo file names the keys; without a name every key in keys/repo.d counts. Nothing of the
 * file is parsed here, only its bytes are compared with the signature. trust=none is for file:
 * alone (the repo layer has refused anything else) and is said aloud.
 */
#include "modfetch/trust.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/file.h"
#include "modfetch/keyring.h"

#define KEY_FOLDER    "etc/modfetch/keys/repo.d"
#define REPOMD_MAX    (1U << 20)
#define SIGNATURE_MAX (64U << 10)

static void keyring_cleanup(struct mf_keyring **keyring)
{
	mf_keyring_free(*keyring);
}

static int read_keys(struct mf_context *ctx, const struct mf_repo *repo, struct mf_keyring **ret)
{
	_cleanup_close_ int dirfd = mf_context_open(ctx, KEY_FOLDER, O_RDONLY | O_DIRECTORY);
	_cleanup_free_ char *bad = NULL;
	int r;

	if (dirfd < 0 && dirfd != -ENOENT)
		return mf_fail(ctx, "verify", dirfd, "/" KEY_FOLDER, NULL);
	r = mf_keyring_read(dirfd, repo->keys.v, repo->keys.n, ret, &bad);
	if (r == -ENOENT)
		return mf_fail(ctx, "verify", -MFE_NO_KEYS, repo->id,
			       "the key %s it names is not in /" KEY_FOLDER, bad ? bad : "");
	if (r < 0)
		return mf_fail(ctx, "verify", -MFE_CONFIG, bad ? bad : "/" KEY_FOLDER,
			       "the key cannot be read");
	return 0;
}

static int check_cms(struct mf_context *ctx, const struct mf_repo *repo,
		     const struct mf_trust_evidence *evidence, struct mf_signer *ret_signer)
{
	_cleanup_(keyring_cleanup) struct mf_keyring *keyring = NULL;
	_cleanup_free_ char *data = NULL, *sig = NULL;
	size_t len, sig_len;
	int r = read_keys(ctx, repo, &keyring);

	if (r < 0)
		return r;
	if (!mf_keyring_size(keyring))
		return mf_fail(ctx, "verify", -MFE_NO_KEYS, repo->id,
			       "no certificate in /" KEY_FOLDER);
	r = mf_file_read(evidence->repomd, REPOMD_MAX, &data, &len);
	if (!r)
		r = mf_file_read(evidence->p7s, SIGNATURE_MAX, &sig, &sig_len);
	if (!r)
		r = mf_cms_verify(keyring, data, len, sig, sig_len, ret_signer);
	return r < 0 ? mf_fail(ctx, "verify", r, repo->id, "repomd.xml: %s", mf_error_sentence(r))
		     : 0;
}

int mf_trust_repomd(struct mf_context *ctx, const struct mf_repo *repo,
		    const struct mf_trust_evidence *evidence, struct mf_vouched *ret_trust)
{
	struct mf_signer signer = {0};
	struct mf_vouched trust = {0};
	int r;

	if (repo->trust == MF_TRUST_NONE) {
		mf_log(ctx, MF_LOG_WARNING,
		       "repository %s is used without any signature, as its trust=none says",
		       repo->id);
		*ret_trust = trust;
		return 0;
	}
	if (evidence->p7s < 0)
		return mf_fail(ctx, "verify", -MFE_NO_SIGNATURE, repo->id,
			       "repodata/repomd.xml.p7s is missing");
	r = check_cms(ctx, repo, evidence, &signer);
	if (r < 0)
		return r;
	trust.signing_time = signer.signing_time;
	snprintf(trust.signer, sizeof(trust.signer), "%s", signer.subject);
	*ret_trust = trust;
	return 0;
}
