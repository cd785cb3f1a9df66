/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Is this repomd.xml signed by a configured key?
 *
 * The .repo file names the keys. Only those are valid, and a repository that names none has none. A
 * name is a certificate (.pem, .crt, .cer, .der) or an OpenPGP keyring (.asc, .gpg, .pgp); without
 * an ending it may be either. Nothing in the file is parsed before its signature is verified, and
 * then only its revision and its identity (trust-memory.c). trust=none is only for file: URLs and
 * is logged each time.
 *
 * The current metadata is checked each time it is used, with the key that signed *it*: newer
 * metadata may have been accepted since without being downloaded completely.
 */
#include "modfetch/trust.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cache.h"
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"
#include "modfetch/deny.h"
#include "openpgp.h"
#include "trust-private.h"

#define KEY_DIRECTORY "etc/modfetch/keys/repo.d"
#define REPOMD_MAX    (1U << 20)
#define SIGNATURE_MAX (64U << 10)

/* ---- keys ---- */

static void keys_done(struct trust_keys *keys)
{
	mf_keyring_free(keys->certs);
	while (keys->n_keyrings)
		close(keys->keyrings[--keys->n_keyrings]);
}

static const char *const keyring_endings[] = { "", ".asc", ".gpg", ".pgp" };

/*
 * Opens NAME as an OpenPGP keyring, with its own ending or one of the table. 1; 0: it is no
 * keyring; or -errno.
 */
static int open_keyring(struct trust_keys *keys, int dirfd, const char *name)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(keyring_endings); i++) {
		_cleanup_free_ char *full = NULL;
		int fd;

		full = mf_format("%s%s", name, keyring_endings[i]);
		if (!full)
			return -ENOMEM;
		if (!mf_ends_with(full, ".asc") && !mf_ends_with(full, ".gpg") &&
		    !mf_ends_with(full, ".pgp"))
			continue;
		if (strchr(full, '/') || *full == '.' || keys->n_keyrings == TRUST_KEYRINGS)
			return 0;
		fd = openat(dirfd, full, O_RDONLY | O_CLOEXEC);
		if (fd >= 0) {
			keys->keyrings[keys->n_keyrings++] = fd;
			return 1;
		}
		if (errno != ENOENT)
			return -errno;
	}
	return 0;
}

/* Sorts the names: keyrings are opened, CERTS gets the others. */
static int open_keyrings(const struct mf_repo *repo, int dirfd, struct trust_keys *keys,
			 struct mf_strings *certs)
{
	for (size_t i = 0; i < repo->keys.n; i++) {
		int r = dirfd < 0 ? 0 : open_keyring(keys, dirfd, repo->keys.v[i]);

		if (r == 0)
			r = mf_strings_add(certs, repo->keys.v[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int fingerprint_keys(int dirfd, const struct mf_strings *certs, struct trust_keys *keys,
			    char **bad)
{
	int r = 0;

	if (certs->n)
		r = mf_keyring_fingerprint(dirfd, certs->v, certs->n, keys->fingerprint, bad);
	for (size_t i = 0; r == 0 && i < keys->n_keyrings; i++) {
		r = mf_sha256_fd(keys->keyrings[i], keys->digests[i]);
		if (r == 0)
			mf_sha256_sum(keys->fingerprint, keys->digests[i]);
	}
	return r;
}

/* A repository whose entry names no key. zypper and dnf would use gpgkey=, after asking. */
static int fail_without_keys(struct mf_context *ctx, const struct mf_repo *repo)
{
	if (repo->gpgkeys.n)
		return mf_fail(
			ctx, MF_STAGE_VERIFY, -MFE_NO_KEYS, repo->id,
			"its .repo file has gpgkey=, which is not used unasked; to use that key: "
			"modfetch key import %s %s",
			repo->id, repo->gpgkeys.v[0]);
	return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_NO_KEYS, repo->id,
		       "its .repo file names no key (keys=, a file in /" KEY_DIRECTORY
		       "); to add one: modfetch key import %s FILE",
		       repo->id);
}

/* A key that no file is found for: does it exist under a name that no key can have? */
static int fail_without_file(struct mf_context *ctx, const struct mf_repo *repo, int dirfd,
			     const char *name)
{
	if (dirfd >= 0 && !strchr(name, '/') && !faccessat(dirfd, name, F_OK, 0))
		return mf_fail(
			ctx, MF_STAGE_VERIFY, -MFE_NO_KEYS, repo->id,
			"the suffix of the key %s in /" KEY_DIRECTORY
			" is unknown: rename it to .pem or .der (a certificate), or .asc or .gpg "
			"(an OpenPGP keyring)",
			name);
	return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_NO_KEYS, repo->id,
		       "the key %s of its .repo file is not in /" KEY_DIRECTORY
		       "; to add it: modfetch key import %s FILE",
		       name, repo->id);
}

static int read_keys(struct mf_context *ctx, const struct mf_repo *repo, struct trust_keys *keys)
{
	_cleanup_close_ int dirfd = mf_context_open(ctx, KEY_DIRECTORY, O_RDONLY | O_DIRECTORY);
	_cleanup_(mf_strings_done) struct mf_strings certs = { 0 };
	_cleanup_free_ char *bad = NULL;
	int r;

	if (!repo->keys.n)
		return fail_without_keys(ctx, repo);
	if (dirfd < 0 && dirfd != -ENOENT)
		return mf_fail(ctx, MF_STAGE_VERIFY, dirfd, "/" KEY_DIRECTORY, NULL);
	r = open_keyrings(repo, dirfd, keys, &certs);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, r, "/" KEY_DIRECTORY, NULL);
	/* no certificate named must not mean all of them */
	r = certs.n ? mf_keyring_read(dirfd, certs.v, certs.n, &keys->certs, &bad)
		    : mf_keyring_new(&keys->certs);
	if (r == 0)
		r = fingerprint_keys(dirfd, &certs, keys, &bad);
	if (r == -ENOENT)
		return fail_without_file(ctx, repo, dirfd, bad ? bad : "");
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_CONFIG, bad ? bad : "/" KEY_DIRECTORY,
			       "the key cannot be read");
	return 0;
}

/* ---- signatures ---- */

static int check_cms(struct mf_context *ctx, const struct mf_repo *repo,
		     const struct trust_keys *keys, const struct mf_trust_evidence *evidence,
		     struct mf_trusted *ret_trust)
{
	_cleanup_free_ char *data = NULL, *sig = NULL;
	struct mf_signer signer = { 0 };
	const char *form;
	size_t len = 0, sig_len = 0;
	int r = mf_file_read(evidence->repomd, REPOMD_MAX, &data, &len);

	if (!r)
		r = mf_file_read(evidence->signature, SIGNATURE_MAX, &sig, &sig_len);
	if (!r)
		r = mf_cms_verify(keys->certs, data, len, sig, sig_len, &signer);
	form = r == -MFE_BAD_SIGNATURE || r == -MFE_WEAK_SIGNATURE ? mf_signature_form(sig, sig_len)
								   : NULL;
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, r, repo->id, "repomd.xml: %s%s%s",
			       mf_error_sentence(r), form ? ": " : "", form ? form : "");
	ret_trust->signing_time = signer.signing_time;
	snprintf(ret_trust->signer, sizeof(ret_trust->signer), "%s", signer.subject);
	snprintf(ret_trust->key, sizeof(ret_trust->key), "%s", signer.fingerprint);
	return mf_deny_check(ctx, repo->id, "key", signer.fingerprint);
}

/*
 * Verifies a signature by a key of the repository's keyrings. WHAT is the subject of the failure
 * record, SIGNED_PART names the signed data in it.
 */
static int check_openpgp(struct mf_context *ctx, const char *what, const char *signed_part,
			 const struct trust_keys *keys, int data, int sig, bool timed,
			 struct mf_openpgp_signer *ret_signer)
{
	char why[256] = "";
	int r = mf_openpgp_verify(keys->keyrings, keys->n_keyrings, data, sig, timed, ret_signer,
				  why, sizeof(why));

	if (r < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, r, what, "%s: %s%s%s", signed_part,
			       mf_error_sentence(r), *why ? ": " : "", why);
	return mf_deny_check(ctx, what, "key", ret_signer->fingerprint);
}

/* Finds the keyring with the key that sqv has just accepted. */
static int find_keyring(struct mf_context *ctx, const struct mf_repo *repo,
			const struct trust_keys *keys, const struct mf_trust_evidence *evidence,
			struct mf_trusted *trust)
{
	for (size_t i = 0; i < keys->n_keyrings; i++) {
		struct mf_openpgp_signer signer;
		char why[256];
		int r = keys->n_keyrings == 1
				? 0
				: mf_openpgp_verify(&keys->keyrings[i], 1, evidence->repomd,
						    evidence->signature, false, &signer, why,
						    sizeof(why));

		if (r == 0) {
			memcpy(trust->keyring, keys->digests[i], sizeof(trust->keyring));
			return 0;
		}
		if (r != -MFE_UNTRUSTED_KEY && r != -MFE_BAD_SIGNATURE)
			return mf_fail(ctx, MF_STAGE_VERIFY, r, repo->id, NULL);
	}
	return 0;
}

static int check_repomd_openpgp(struct mf_context *ctx, const struct mf_repo *repo,
				const struct trust_keys *keys,
				const struct mf_trust_evidence *evidence,
				struct mf_trusted *ret_trust)
{
	struct mf_openpgp_signer signer = { 0 };
	int r = check_openpgp(ctx, repo->id, "repomd.xml", keys, evidence->repomd,
			      evidence->signature, true, &signer);

	if (r < 0)
		return r;
	ret_trust->signing_time = signer.signing_time;
	snprintf(ret_trust->signer, sizeof(ret_trust->signer), "OpenPGP %s", signer.fingerprint);
	snprintf(ret_trust->key, sizeof(ret_trust->key), "%s", signer.fingerprint);
	return find_keyring(ctx, repo, keys, evidence, ret_trust);
}

int mf_trust_package(struct mf_context *ctx, const struct mf_repo *repo, const char *package,
		     int header, int signature)
{
	_cleanup_(keys_done) struct trust_keys keys = { 0 };
	struct mf_openpgp_signer signer = { 0 };
	int r = read_keys(ctx, repo, &keys);

	if (r == 0 && !keys.n_keyrings)
		r = mf_fail(ctx, MF_STAGE_VERIFY, -MFE_NO_KEYS, repo->id,
			    "gpgcheck=1, but its .repo file names no OpenPGP keyring");
	return r < 0 ? r
		     : check_openpgp(ctx, package, "the package", &keys, header, signature, false,
				     &signer);
}

static bool has_certificates(const struct trust_keys *keys)
{
	return mf_keyring_size(keys->certs) > 0;
}

static bool has_keyrings(const struct trust_keys *keys)
{
	return keys->n_keyrings > 0;
}

/*
 * The formats, the preferred one first. Only the first one with a key of the repository counts: if
 * there is a certificate, the OpenPGP keys sign packages alone.
 */
static const struct {
	const char *path;
	bool (*has_keys)(const struct trust_keys *keys);
	int (*check)(struct mf_context *ctx, const struct mf_repo *repo,
		     const struct trust_keys *keys, const struct mf_trust_evidence *evidence,
		     struct mf_trusted *ret_trust);
} formats[] = {
	[MF_SIGNATURE_CMS] = { "repodata/repomd.xml.p7s", has_certificates, check_cms },
	[MF_SIGNATURE_OPENPGP] = { "repodata/repomd.xml.asc", has_keyrings, check_repomd_openpgp },
};

const char *mf_signature_path(enum mf_signature format)
{
	return formats[format].path;
}

/* The last format if there is no key at all. */
static enum mf_signature format_of(const struct trust_keys *keys)
{
	enum mf_signature format = MF_SIGNATURE_CMS;

	while (format + 1 < MF_ARRAY_SIZE(formats) && !formats[format].has_keys(keys))
		format++;
	return format;
}

int mf_trust_format(struct mf_context *ctx, const struct mf_repo *repo,
		    uint8_t ret_keys[MF_SHA256_LEN])
{
	_cleanup_(keys_done) struct trust_keys keys = { 0 };
	int r;

	if (repo->trust == MF_TRUST_NONE)
		return MF_SIGNATURE_NONE;
	r = read_keys(ctx, repo, &keys);
	if (r < 0)
		return r;
	memcpy(ret_keys, keys.fingerprint, sizeof(keys.fingerprint));
	return (int)format_of(&keys);
}

static int trust_check_signature(struct mf_context *ctx, const struct mf_repo *repo,
				 const struct trust_keys *keys,
				 const struct mf_trust_evidence *evidence,
				 struct mf_trusted *ret_trust)
{
	enum mf_signature format = format_of(keys);

	/* the keys may have changed since the signature was fetched */
	if (evidence->signature < 0 || evidence->format != format ||
	    !formats[format].has_keys(keys))
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_NO_SIGNATURE, repo->id,
			       "%s is missing; its publisher must sign it (modfetch pack --sign)",
			       formats[format].path);
	return formats[format].check(ctx, repo, keys, evidence, ret_trust);
}

/* ---- metadata in use ---- */

/* The verified state that the cache holds; NULL: it holds nothing verified. */
static const struct mf_repo_seen *find_used(const struct mf_context *ctx,
					    const struct mf_repo *repo,
					    const struct mf_repo_state *state)
{
	uint8_t digest[MF_SHA256_LEN];
	_cleanup_close_ int fd = mf_cache_open(ctx, repo->id, digest);

	if (fd < 0 || !state->used.signing_time)
		return NULL;
	if (!memcmp(digest, state->used.digest, sizeof(digest)))
		return &state->used;
	/* the run was killed after it had published the cache */
	return memcmp(digest, state->accepted.digest, sizeof(digest)) ? NULL : &state->accepted;
}

int mf_trust_in_use(struct mf_context *ctx, const struct mf_repo *repo)
{
	_cleanup_(keys_done) struct trust_keys keys = { 0 };
	const struct mf_repo_seen *used;
	struct mf_repo_state state;
	int r;

	if (repo->trust == MF_TRUST_NONE)
		return 0;
	r = read_keys(ctx, repo, &keys);
	if (r == 0)
		r = mf_repo_state_read(ctx, repo->id, &state);
	if (r)
		return r;
	used = find_used(ctx, repo, &state);
	if (!used)
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_NO_METADATA, repo->id, NULL);
	r = mf_deny_check(ctx, repo->id, "key", used->key);
	if (r == 0)
		r = mf_deny_check_digest(ctx, repo->id, "repomd.xml", used->digest);
	if (r < 0)
		return r;
	if (memcmp(used->keys, keys.fingerprint, sizeof(used->keys)))
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_UNTRUSTED_KEY, repo->id,
			       "its keys have changed since its metadata was verified; run: "
			       "modfetch refresh");
	return ctx->unattended ? trust_check_age(ctx, repo, used->signing_time) : 0;
}

int mf_trust_published(struct mf_context *ctx, const struct mf_repo *repo, const char *url,
		       const char *etag)
{
	struct mf_repo_state state;
	int r;

	if (repo->trust == MF_TRUST_NONE)
		return 0;
	r = mf_repo_state_read(ctx, repo->id, &state);
	if (r < 0)
		return r;
	state.used = state.accepted;
	*state.url = *state.etag = '\0';
	if (url && etag && strlen(url) < sizeof(state.url) && strlen(etag) < sizeof(state.etag)) {
		strcpy(state.url, url);
		strcpy(state.etag, etag);
	}
	return mf_repo_state_write(ctx, repo->id, &state);
}

/* ---- all of it ---- */

static bool has_only_file_urls(const struct mf_repo *repo)
{
	for (size_t i = 0; i < repo->baseurls.n; i++)
		if (!mf_starts_with(repo->baseurls.v[i], "file:"))
			return false;
	return !repo->mirrorlist;
}

/*
 * The cache is about to hold unsigned metadata. If the repository requires signatures again later,
 * this metadata must not pass for the verified one. The accepted revision and time stay.
 */
static int forget_published(struct mf_context *ctx, const struct mf_repo *repo)
{
	struct mf_repo_state state;
	int r = mf_repo_state_read(ctx, repo->id, &state);

	if (r < 0 || !state.used.signing_time)
		return r;
	state.used = (struct mf_repo_seen){ 0 };
	*state.url = *state.etag = '\0';
	return mf_repo_state_write(ctx, repo->id, &state);
}

int mf_trust_repomd(struct mf_context *ctx, const struct mf_repo *repo,
		    const struct mf_trust_evidence *evidence, struct mf_trusted *ret_trust)
{
	_cleanup_(keys_done) struct trust_keys keys = { 0 };
	struct mf_trusted trust = { 0 };
	int r;

	if (repo->trust == MF_TRUST_NONE && !evidence->only_signature) {
		/* the repo layer refuses this already; a second check costs nothing */
		if (!has_only_file_urls(repo))
			return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_NO_SIGNATURE, repo->id,
				       "trust=none is for file: repositories only");
		mf_log(ctx, MF_LOG_WARNING,
		       "repository %s is used without a signature, because it has trust=none",
		       repo->id);
		*ret_trust = trust;
		return forget_published(ctx, repo);
	}
	r = read_keys(ctx, repo, &keys);
	if (r == 0)
		r = trust_check_signature(ctx, repo, &keys, evidence, &trust);
	if (r == 0 && !evidence->only_signature)
		r = trust_accept_newer(ctx, repo, &keys, evidence, &trust);
	if (r == 0)
		*ret_trust = trust;
	return r;
}
