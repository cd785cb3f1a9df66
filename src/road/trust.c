/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Is this repomd.xml one that a configured key vouches for, and is it new enough?
 *
 * The .repo file names the keys; only those count, and a repository that names none has none. A
 * name is a certificate (.pem, .crt, .cer, .der) or an OpenPGP keyring (.asc, .gpg, .pgp); without
 * an ending it may be either. Nothing of the file is parsed before its signature holds, and then
 * only its revision. trust=none is for file: alone and is said aloud.
 *
 * Forward only: the newest revision and signing time accepted are kept (repo-state.c); anything
 * that is older in either is refused, so neither an old mirror nor a replayed one takes a machine
 * back to a driver with a known hole. What is accepted is on the disk first.
 *
 * The clock is not believed in any of this. Only the age, which has no other measure, asks it, and
 * only a clock that can be right: not before the newest signature known, not decades after it.
 */
#include "modfetch/trust.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/deny.h"
#include "modfetch/file.h"
#include "modfetch/keyring.h"
#include "modfetch/openpgp.h"
#include "modfetch/solv.h"

#define KEY_FOLDER    "etc/modfetch/keys/repo.d"
#define REPOMD_MAX    (1U << 20)
#define SIGNATURE_MAX (64U << 10)
#define MAX_KEYRINGS  16

#define DAY	     86400
#define OLDEST_CLOCK 1767225600 /* 2026-01-01: this program is not older */
#define YEARS_AHEAD  15		/* a clock this far ahead of all we know is not set */

/* ---- keys ---- */

struct keys {
	struct mf_keyring *certs;
	int keyrings[MAX_KEYRINGS];
	size_t n_keyrings;
	uint8_t fingerprint[MF_SHA256_LEN];
};

static void keys_done(struct keys *keys)
{
	mf_keyring_free(keys->certs);
	while (keys->n_keyrings)
		close(keys->keyrings[--keys->n_keyrings]);
}

static const char *const keyring_endings[] = { "", ".asc", ".gpg", ".pgp" };

/*
 * Opens NAME as an OpenPGP keyring, with the ending it has or one it may have. 1; 0: it is none; or
 * -errno.
 */
static int open_keyring(struct keys *keys, int dirfd, const char *name)
{
	for (size_t i = 0; i < sizeof(keyring_endings) / sizeof(*keyring_endings); i++) {
		_cleanup_free_ char *full = NULL;
		int fd;

		if (asprintf(&full, "%s%s", name, keyring_endings[i]) < 0) {
			full = NULL;
			return -ENOMEM;
		}
		if (!mf_ends_with(full, ".asc") && !mf_ends_with(full, ".gpg") &&
		    !mf_ends_with(full, ".pgp"))
			continue;
		if (strchr(full, '/') || *full == '.' || keys->n_keyrings == MAX_KEYRINGS)
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
static int open_keyrings(const struct mf_repo *repo, int dirfd, struct keys *keys,
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

static int fingerprint_keys(int dirfd, const struct mf_strings *certs, struct keys *keys,
			    char **bad)
{
	int r = 0;

	if (certs->n)
		r = mf_keyring_fingerprint(dirfd, certs->v, certs->n, keys->fingerprint, bad);
	for (size_t i = 0; r == 0 && i < keys->n_keyrings; i++) {
		uint8_t digest[MF_SHA256_LEN];

		r = mf_sha256_fd(keys->keyrings[i], digest);
		if (r == 0)
			mf_sha256_sum(keys->fingerprint, digest);
	}
	return r;
}

static int read_keys(struct mf_context *ctx, const struct mf_repo *repo, struct keys *keys)
{
	_cleanup_close_ int dirfd = mf_context_open(ctx, KEY_FOLDER, O_RDONLY | O_DIRECTORY);
	_cleanup_(mf_strings_done) struct mf_strings certs = { 0 };
	_cleanup_free_ char *bad = NULL;
	int r;

	if (!repo->keys.n)
		return mf_fail(ctx, "verify", -MFE_NO_KEYS, repo->id,
			       "its .repo file names no key (keys=, a file in /" KEY_FOLDER ")");
	if (dirfd < 0 && dirfd != -ENOENT)
		return mf_fail(ctx, "verify", dirfd, "/" KEY_FOLDER, NULL);
	r = open_keyrings(repo, dirfd, keys, &certs);
	if (r < 0)
		return mf_fail(ctx, "verify", r, "/" KEY_FOLDER, NULL);
	/* no certificate named must not mean all of them */
	r = certs.n ? mf_keyring_read(dirfd, certs.v, certs.n, &keys->certs, &bad)
		    : mf_keyring_new(&keys->certs);
	if (r == 0)
		r = fingerprint_keys(dirfd, &certs, keys, &bad);
	if (r == -ENOENT)
		return mf_fail(ctx, "verify", -MFE_NO_KEYS, repo->id,
			       "the key %s it names is not in /" KEY_FOLDER, bad ? bad : "");
	if (r < 0)
		return mf_fail(ctx, "verify", -MFE_CONFIG, bad ? bad : "/" KEY_FOLDER,
			       "the key cannot be read");
	return 0;
}

int mf_trust_kinds(struct mf_context *ctx, const struct mf_repo *repo,
		   uint8_t ret_keys[MF_SHA256_LEN])
{
	_cleanup_(keys_done) struct keys keys = { 0 };
	int r;

	if (repo->trust == MF_TRUST_NONE)
		return 0;
	r = read_keys(ctx, repo, &keys);
	if (r < 0)
		return r;
	memcpy(ret_keys, keys.fingerprint, sizeof(keys.fingerprint));
	return mf_keyring_size(keys.certs) ? MF_TRUST_CMS : MF_TRUST_OPENPGP;
}

/* ---- signatures ---- */

static int check_cms(struct mf_context *ctx, const struct mf_repo *repo, const struct keys *keys,
		     const struct mf_trust_evidence *evidence, struct mf_vouched *ret_trust)
{
	_cleanup_free_ char *data = NULL, *sig = NULL;
	struct mf_signer signer = { 0 };
	size_t len, sig_len;
	int r = mf_file_read(evidence->repomd, REPOMD_MAX, &data, &len);

	if (!r)
		r = mf_file_read(evidence->p7s, SIGNATURE_MAX, &sig, &sig_len);
	if (!r)
		r = mf_cms_verify(keys->certs, data, len, sig, sig_len, &signer);
	if (r < 0)
		return mf_fail(ctx, "verify", r, repo->id, "repomd.xml: %s", mf_error_sentence(r));
	ret_trust->signing_time = signer.signing_time;
	snprintf(ret_trust->signer, sizeof(ret_trust->signer), "%s", signer.subject);
	snprintf(ret_trust->key, sizeof(ret_trust->key), "%s", signer.fingerprint);
	return mf_deny_check(ctx, repo->id, "key", signer.fingerprint);
}

/* By a key of the repository's keyrings; WHAT is the subject, SIGNED what the signature is over. */
static int check_openpgp(struct mf_context *ctx, const char *what, const char *signed_part,
			 const struct keys *keys, int data, int sig, bool timed,
			 struct mf_openpgp_signer *ret_signer)
{
	char why[256] = "";
	int r = mf_openpgp_verify(keys->keyrings, keys->n_keyrings, data, sig, timed, ret_signer,
				  why, sizeof(why));

	if (r < 0)
		return mf_fail(ctx, "verify", r, what, "%s: %s%s%s", signed_part,
			       mf_error_sentence(r), *why ? ": " : "", why);
	return mf_deny_check(ctx, what, "key", ret_signer->fingerprint);
}

static int check_repomd_openpgp(struct mf_context *ctx, const struct mf_repo *repo,
				const struct keys *keys, const struct mf_trust_evidence *evidence,
				struct mf_vouched *ret_trust)
{
	struct mf_openpgp_signer signer = { 0 };
	int r = check_openpgp(ctx, repo->id, "repomd.xml", keys, evidence->repomd, evidence->asc,
			      true, &signer);

	if (r < 0)
		return r;
	ret_trust->signing_time = signer.signing_time;
	snprintf(ret_trust->signer, sizeof(ret_trust->signer), "OpenPGP %s", signer.fingerprint);
	snprintf(ret_trust->key, sizeof(ret_trust->key), "%s", signer.fingerprint);
	return 0;
}

int mf_trust_package(struct mf_context *ctx, const struct mf_repo *repo, const char *package,
		     int header, int signature)
{
	_cleanup_(keys_done) struct keys keys = { 0 };
	struct mf_openpgp_signer signer = { 0 };
	int r = read_keys(ctx, repo, &keys);

	if (r == 0 && !keys.n_keyrings)
		r = mf_fail(ctx, "verify", -MFE_NO_KEYS, repo->id,
			    "gpgcheck=1, but its .repo file names no OpenPGP keyring");
	return r < 0 ? r
		     : check_openpgp(ctx, package, "the package", &keys, header, signature, false,
				     &signer);
}

static int check_signature(struct mf_context *ctx, const struct mf_repo *repo,
			   const struct keys *keys, const struct mf_trust_evidence *evidence,
			   struct mf_vouched *ret_trust)
{
	if (evidence->p7s >= 0 && mf_keyring_size(keys->certs))
		return check_cms(ctx, repo, keys, evidence, ret_trust);
	/* a repository with a certificate is vouched for by that alone: its OpenPGP keys sign
	 * packages */
	if (evidence->asc >= 0 && keys->n_keyrings && !mf_keyring_size(keys->certs))
		return check_repomd_openpgp(ctx, repo, keys, evidence, ret_trust);
	return mf_fail(ctx, "verify", -MFE_NO_SIGNATURE, repo->id,
		       "repodata/repomd.xml.%s is missing",
		       mf_keyring_size(keys->certs) ? "p7s" : "asc");
}

/* ---- time ---- */

int64_t mf_trust_seconds_since(int64_t signing_time, int64_t now)
{
	int64_t known = signing_time > OLDEST_CLOCK ? signing_time : OLDEST_CLOCK;

	if (now < known || now - known > (int64_t)YEARS_AHEAD * 365 * DAY)
		return -1;
	return now - signing_time;
}

static int check_age(struct mf_context *ctx, const struct mf_repo *repo, int64_t signing_time)
{
	int64_t age = mf_trust_seconds_since(signing_time, time(NULL));
	int64_t limit = (int64_t)ctx->settings.max_age_days * DAY;

	if (age < 0) {
		mf_log(ctx, MF_LOG_INFO,
		       "%s: the clock is not set: how old the metadata is cannot be told",
		       repo->id);
		return 0;
	}
	if (age <= limit)
		return 0;
	if (ctx->unattended)
		return mf_fail(ctx, "verify", -MFE_STALE, repo->id,
			       "its metadata was signed %" PRId64 " days ago, %u are allowed",
			       age / DAY, ctx->settings.max_age_days);
	mf_log(ctx, MF_LOG_WARNING, "%s: its metadata was signed %" PRId64 " days ago", repo->id,
	       age / DAY);
	return 0;
}

int mf_trust_in_use(struct mf_context *ctx, const struct mf_repo *repo)
{
	_cleanup_(keys_done) struct keys keys = { 0 };
	struct mf_repo_state state;
	int r;

	if (repo->trust == MF_TRUST_NONE)
		return 0;
	r = read_keys(ctx, repo, &keys);
	if (r == 0)
		r = mf_repo_state_read(ctx, repo->id, &state);
	if (r)
		return r;
	if (!state.published)
		return mf_fail(ctx, "verify", -MFE_NO_METADATA, repo->id, NULL);
	if (memcmp(state.keys, keys.fingerprint, sizeof(state.keys)))
		return mf_fail(ctx, "verify", -MFE_UNTRUSTED_KEY, repo->id,
			       "its keys have changed since its metadata was verified: refresh it");
	r = mf_deny_check(ctx, repo->id, "key", state.key);
	if (r == 0)
		r = mf_deny_check_digest(ctx, repo->id, "repomd.xml", state.digest);
	return r == 0 && ctx->unattended ? check_age(ctx, repo, state.published) : r;
}

int mf_trust_published(struct mf_context *ctx, const struct mf_repo *repo,
		       const struct mf_vouched *trust, const char *url, const char *etag)
{
	struct mf_repo_state state;
	int r;

	if (repo->trust == MF_TRUST_NONE)
		return 0;
	r = mf_repo_state_read(ctx, repo->id, &state);
	if (r < 0)
		return r;
	state.published = trust->signing_time;
	*state.url = *state.etag = '\0';
	if (url && etag && strlen(url) < sizeof(state.url) && strlen(etag) < sizeof(state.etag)) {
		strcpy(state.url, url);
		strcpy(state.etag, etag);
	}
	return mf_repo_state_write(ctx, repo->id, &state);
}

/* ---- forward only ---- */

static void format_time(int64_t at, char ret[32])
{
	time_t t = at;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(ret, 32, "%Y-%m-%d %H:%M:%S UTC", &tm))
		snprintf(ret, 32, "%" PRId64, at);
}

static int compare_with_state(struct mf_context *ctx, const struct mf_repo *repo,
			      const struct mf_repo_state *new, const struct mf_repo_state *old)
{
	char is[32], was[32];

	if (new->signing_time < old->signing_time) {
		format_time(new->signing_time, is);
		format_time(old->signing_time, was);
		return mf_fail(ctx, "verify", -MFE_ROLLBACK, repo->id,
			       "it was signed %s, what was accepted before %s", is, was);
	}
	if (new->revision < old->revision)
		return mf_fail(ctx, "verify", -MFE_ROLLBACK, repo->id,
			       "it is revision %" PRIu64 ", accepted before was %" PRIu64,
			       new->revision, old->revision);
	return 0;
}

static int read_revision(struct mf_context *ctx, const struct mf_repo *repo, int fd,
			 uint64_t *ret_revision)
{
	_cleanup_(mf_repomd_done) struct mf_repomd repomd = { 0 };
	char *end;
	int r = mf_repomd_parse(fd, &repomd);

	if (r < 0)
		return mf_fail(ctx, "verify", r == -EBADMSG ? -MFE_BAD_METADATA : r, repo->id,
			       "repomd.xml names no primary with a SHA-256");
	errno = 0;
	*ret_revision = strtoull(repomd.revision, &end, 10);
	/* some make it a word: then the signing time alone tells old from new */
	if (!*repomd.revision || *repomd.revision == '-' || *end || errno)
		*ret_revision = 0;
	return 0;
}

static int move_forward(struct mf_context *ctx, const struct mf_repo *repo, const struct keys *keys,
			int repomd, const struct mf_vouched *trust)
{
	struct mf_repo_state old = { 0 }, new = { .signing_time = trust->signing_time };
	int r;

	r = mf_sha256_fd(repomd, new.digest);
	if (r < 0)
		return mf_fail(ctx, "verify", r, repo->id, NULL);
	r = mf_deny_check_digest(ctx, repo->id, "repomd.xml", new.digest);
	if (r == 0)
		r = read_revision(ctx, repo, repomd, &new.revision);
	if (r == 0)
		r = mf_repo_state_read(ctx, repo->id, &old);
	if (r == 0)
		r = compare_with_state(ctx, repo, &new, &old);
	if (r == 0)
		r = check_age(ctx, repo, new.signing_time);
	if (r < 0)
		return r;
	snprintf(new.signer, sizeof(new.signer), "%s", trust->signer);
	snprintf(new.key, sizeof(new.key), "%s", trust->key);
	memcpy(new.keys, keys->fingerprint, sizeof(new.keys));
	new.published = old.published;
	return mf_repo_state_write(ctx, repo->id, &new);
}

/* ---- all of it ---- */

static bool only_on_disk(const struct mf_repo *repo)
{
	for (size_t i = 0; i < repo->baseurls.n; i++)
		if (!mf_starts_with(repo->baseurls.v[i], "file:"))
			return false;
	return !repo->mirrorlist;
}

/*
 * The cache is about to hold what nobody signed: should the repository ask for signatures again, it
 * must not be taken for what they were once checked of. How far things had come stays known.
 */
static int forget_published(struct mf_context *ctx, const struct mf_repo *repo)
{
	struct mf_repo_state state;
	int r = mf_repo_state_read(ctx, repo->id, &state);

	if (r < 0 || !state.published)
		return r;
	state.published = 0;
	*state.url = *state.etag = '\0';
	return mf_repo_state_write(ctx, repo->id, &state);
}

int mf_trust_repomd(struct mf_context *ctx, const struct mf_repo *repo,
		    const struct mf_trust_evidence *evidence, struct mf_vouched *ret_trust)
{
	_cleanup_(keys_done) struct keys keys = { 0 };
	struct mf_vouched trust = { 0 };
	int r;

	if (repo->trust == MF_TRUST_NONE) {
		/* the repo layer has refused this; nothing is lost by looking again */
		if (!only_on_disk(repo))
			return mf_fail(ctx, "verify", -MFE_NO_SIGNATURE, repo->id,
				       "trust=none is for file: repositories only");
		mf_log(ctx, MF_LOG_WARNING,
		       "repository %s is used without any signature, as its trust=none says",
		       repo->id);
		*ret_trust = trust;
		return forget_published(ctx, repo);
	}
	r = read_keys(ctx, repo, &keys);
	if (r == 0)
		r = check_signature(ctx, repo, &keys, evidence, &trust);
	if (r == 0)
		r = move_forward(ctx, repo, &keys, evidence->repomd, &trust);
	if (r == 0)
		*ret_trust = trust;
	return r;
}
