/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The metadata of a repository that was accepted before, and the metadata that may follow it.
 *
 * Forward only: the newest revision and signing time from each key are kept (repo-state.c);
 * metadata that is older in either is refused. So neither an outdated mirror nor a replay attack
 * can take a machine back to a driver with a known hole. The accepted values are on the disk before
 * the metadata is used. They belong to the keys: when a key is removed from the configuration,
 * revoked or put on the deny list, its values are dropped. So a thief who signed for a time far
 * ahead has blocked nothing, and the values of the other keys stay valid.
 *
 * None of this trusts the clock. The age has no other measure, so it uses the clock if that is
 * plausible: not before the newest known signature, not decades after it. A signature from the
 * future is refused: more than a day ahead of a clock that the kernel knows to be synchronized,
 * more than a year ahead of any other clock that is not plainly unset, because a battery may have
 * been empty that long. The revision needs no clock: createrepo_c uses the time for it, and that
 * cannot be later than the signature.
 *
 * The identity is the name of the repository in its signed metadata. The first one is kept, so that
 * a mirror of "stable" cannot serve "testing", which the same key signs.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>
#include "modfetch/cleanup.h"
#include "modfetch/solv.h"
#include "modfetch/deny.h"
#include "trust-private.h"

#define DAY	     86400
#define YEAR	     (365LL * DAY)
#define OLDEST_CLOCK 1767225600 /* 2026-01-01: this program is not older */
#define YEARS_AHEAD  15		/* a clock this far ahead of all known times is not set */

/* ---- time ---- */

int64_t mf_trust_seconds_since(int64_t signing_time, int64_t now)
{
	int64_t known = signing_time > OLDEST_CLOCK ? signing_time : OLDEST_CLOCK;

	if (now < known || now - known > YEARS_AHEAD * YEAR)
		return -1;
	return now - signing_time;
}

bool mf_trust_is_ahead(int64_t signing_time, int64_t now, bool synchronized)
{
	return now >= OLDEST_CLOCK && signing_time > now &&
	       signing_time - now > (synchronized ? DAY : YEAR);
}

uint64_t mf_trust_revision(const char *revision, int64_t signing_time)
{
	uint64_t number;
	char *end;

	if (!isdigit((unsigned char)*revision))
		return 0;
	errno = 0;
	number = strtoull(revision, &end, 10);
	return *end || errno || number > (uint64_t)signing_time + DAY ? 0 : number;
}

/* False also if the unit's sandbox hides the clock's state. */
static bool clock_is_synchronized(void)
{
	struct timex tx = { 0 };
	int state = adjtimex(&tx);

	return state >= 0 && state != TIME_ERROR && !(tx.status & STA_UNSYNC);
}

int trust_check_age(struct mf_context *ctx, const struct mf_repo *repo, int64_t signing_time)
{
	int64_t age = mf_trust_seconds_since(signing_time, time(NULL));
	int64_t limit = (int64_t)ctx->settings.max_age_days * DAY;

	if (age < 0) {
		mf_log(ctx, MF_LOG_INFO,
		       "%s: the clock is not set, so the age of the metadata is not known",
		       repo->id);
		return 0;
	}
	if (age <= limit)
		return 0;
	if (ctx->unattended)
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_STALE, repo->id,
			       "its metadata was signed %" PRId64 " days ago; the limit is %u; its "
			       "publisher must sign it again, or raise max-age in modfetch.conf",
			       age / DAY, ctx->settings.max_age_days);
	mf_log(ctx, MF_LOG_WARNING, "%s: its metadata was signed %" PRId64 " days ago", repo->id,
	       age / DAY);
	return 0;
}

static void format_time(int64_t at, char ret[32])
{
	time_t t = at;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(ret, 32, "%Y-%m-%d %H:%M:%S UTC", &tm))
		snprintf(ret, 32, "%" PRId64, at);
}

static int check_future(struct mf_context *ctx, const struct mf_repo *repo, int64_t signing_time)
{
	int64_t now = time(NULL);
	char is[32], clock[32];

	if (!mf_trust_is_ahead(signing_time, now, clock_is_synchronized()))
		return 0;
	format_time(signing_time, is);
	format_time(now, clock);
	return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_FUTURE, repo->id,
		       "it was signed %s according to its signature, but now it is %s: either this "
		       "clock is wrong or the key has been misused",
		       is, clock);
}

/* ---- the accepted values of each key ---- */

/* The newest values of all keys. */
struct accepted_max {
	uint64_t revision;
	int64_t signing_time;
};

static bool is_same_key(void *arg, const char *key_id, const char *fingerprint)
{
	return !strcmp(arg, fingerprint);
}

static bool is_configured(const struct trust_keys *keys, const struct mf_repo_mark *mark)
{
	char key[sizeof(mark->key)];

	strcpy(key, mark->key);
	if (mf_keyring_any(keys->certs, is_same_key, key))
		return true;
	for (size_t i = 0; i < keys->n_keyrings; i++)
		if (!memcmp(mark->keyring, keys->digests[i], sizeof(mark->keyring)))
			return true;
	return false;
}

/* Drops the marks of keys that are no longer valid, but not the current signer's. 0 or recorded. */
static int drop_dead_marks(struct mf_context *ctx, const struct mf_repo *repo,
			   const struct trust_keys *keys, const struct mf_trusted *trust,
			   struct mf_repo_state *state)
{
	const struct mf_saved_failure before = mf_failure_save(ctx);
	size_t kept = 0;

	for (size_t i = 0; i < state->n_marks; i++) {
		const struct mf_repo_mark *mark = &state->marks[i];
		int r = 0;

		if (strcmp(mark->key, trust->key)) {
			if (!is_configured(keys, mark))
				continue;
			r = mf_deny_check(ctx, repo->id, "key", mark->key);
		}
		if (r < 0 && r != -MFE_REVOKED)
			return r;
		if (r == 0)
			state->marks[kept++] = *mark;
	}
	mf_failure_restore(&before);
	state->n_marks = kept;
	return 0;
}

static struct accepted_max max_of_marks(const struct mf_repo_state *state)
{
	struct accepted_max max = { 0 };

	for (size_t i = 0; i < state->n_marks; i++) {
		const struct mf_repo_mark *mark = &state->marks[i];

		if (mark->revision > max.revision)
			max.revision = mark->revision;
		if (mark->signing_time > max.signing_time)
			max.signing_time = mark->signing_time;
	}
	return max;
}

/*
 * Sets the signer's mark to the values of the new metadata. It is newer than all others, so with
 * too many marks it may replace the first.
 */
static void update_mark(struct mf_repo_state *state, const struct mf_trusted *trust,
			uint64_t revision)
{
	struct mf_repo_mark *mark = NULL;

	for (size_t i = 0; !mark && i < state->n_marks; i++)
		if (!strcmp(state->marks[i].key, trust->key))
			mark = &state->marks[i];
	if (!mark)
		mark = state->n_marks < MF_REPO_MARKS ? &state->marks[state->n_marks++]
						      : &state->marks[0];
	*mark = (struct mf_repo_mark){ .revision = revision, .signing_time = trust->signing_time };
	strcpy(mark->key, trust->key);
	memcpy(mark->keyring, trust->keyring, sizeof(mark->keyring));
}

static int check_forward(struct mf_context *ctx, const struct mf_repo *repo,
			 const struct mf_repomd *repomd, const struct mf_trusted *trust,
			 const struct accepted_max *max)
{
	uint64_t revision = mf_trust_revision(repomd->revision, trust->signing_time);
	char is[32], was[32];

	if (trust->signing_time < max->signing_time) {
		format_time(trust->signing_time, is);
		format_time(max->signing_time, was);
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_ROLLBACK, repo->id,
			       "it was signed %s, but metadata signed %s was accepted before; to "
			       "accept it: modfetch refresh --accept-older %s",
			       is, was, repo->id);
	}
	if (revision >= max->revision)
		return 0;
	if (!revision && strtoull(repomd->revision, NULL, 10) > max->revision)
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_FUTURE, repo->id,
			       "its revision %.24s is later than its signing time",
			       repomd->revision);
	return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_ROLLBACK, repo->id,
		       "it is revision %.24s, but %" PRIu64
		       " was accepted before; to accept it: modfetch refresh --accept-older %s",
		       *repomd->revision ? repomd->revision : "0", max->revision, repo->id);
}

/* ---- identity ---- */

/* The form on disk: a line of limited length, or the digest of an identity that is not. */
static int format_identity(const char *identity, char *ret, size_t size)
{
	uint8_t digest[MF_SHA256_LEN];
	char hex[MF_SHA256_HEX];
	bool plain = strlen(identity) < size;

	for (const char *p = identity; *p; p++)
		plain &= (unsigned char)*p >= 0x20 && *p != 0x7f;
	if (plain) {
		strcpy(ret, identity);
		return 0;
	}
	if (mf_sha256(identity, strlen(identity), digest) < 0)
		return -ENOMEM;
	mf_sha256_hex(digest, hex);
	snprintf(ret, size, "sha256 %s", hex);
	return 0;
}

static int memory_check_identity(struct mf_context *ctx, const struct mf_repo *repo,
				 const struct mf_repomd *repomd, unsigned int accept,
				 struct mf_repo_state *state)
{
	const char *is = repomd->identity ? repomd->identity : "";
	char kept[sizeof(state->identity)];

	if (repo->identity && strcmp(is, repo->identity))
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_IDENTITY, repo->id,
			       "its metadata is of \"%s\", but its .repo file names \"%s\"", is,
			       repo->identity);
	if (format_identity(is, kept, sizeof(kept)) < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, -ENOMEM, repo->id, NULL);
	if (*state->identity && strcmp(kept, state->identity) && !repo->identity &&
	    !(accept & MF_ACCEPT_IDENTITY))
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_IDENTITY, repo->id,
			       "its metadata is of \"%s\", but \"%s\" was accepted before; to "
			       "accept it: modfetch refresh --accept-identity %s",
			       kept, state->identity, repo->id);
	if (!*kept && !state->accepted.signing_time)
		mf_log(ctx, MF_LOG_INFO,
		       "%s: its metadata has no identity: a mirror could serve another repository "
		       "that the same key signs",
		       repo->id);
	strcpy(state->identity, kept);
	return 0;
}

/* ---- all of it ---- */

static int memory_judge(struct mf_context *ctx, const struct mf_repo *repo,
			const struct trust_keys *keys, const struct mf_repomd *repomd,
			const struct mf_trusted *trust, unsigned int accept,
			struct mf_repo_state *state)
{
	struct accepted_max max;
	int r;

	if (accept & MF_ACCEPT_OLDER)
		state->n_marks = 0;
	r = memory_check_identity(ctx, repo, repomd, accept, state);
	if (r == 0)
		r = check_future(ctx, repo, trust->signing_time);
	if (r == 0)
		r = drop_dead_marks(ctx, repo, keys, trust, state);
	if (r < 0)
		return r;
	max = max_of_marks(state);
	r = check_forward(ctx, repo, repomd, trust, &max);
	return r < 0 ? r : trust_check_age(ctx, repo, trust->signing_time);
}

/* Reads the accepted state. If the admin accepts older metadata, a damaged state counts as empty. */
static int read_state(struct mf_context *ctx, const struct mf_repo *repo, unsigned int accept,
		      struct mf_repo_state *ret_state)
{
	const struct mf_saved_failure before = mf_failure_save(ctx);
	int r = mf_repo_state_read(ctx, repo->id, ret_state);

	if (r != -MFE_ROLLBACK || !(accept & MF_ACCEPT_OLDER))
		return r;
	mf_failure_restore(&before);
	*ret_state = (struct mf_repo_state){ 0 };
	return 0;
}

int trust_accept_newer(struct mf_context *ctx, const struct mf_repo *repo,
		       const struct trust_keys *keys, const struct mf_trust_evidence *evidence,
		       const struct mf_trusted *trust)
{
	_cleanup_(mf_repomd_done) struct mf_repomd repomd = { 0 };
	struct mf_repo_seen seen = { .signing_time = trust->signing_time };
	struct mf_repo_state state;
	int r = mf_sha256_fd(evidence->repomd, seen.digest);

	if (r < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, r, repo->id, NULL);
	r = mf_deny_check_digest(ctx, repo->id, "repomd.xml", seen.digest);
	if (r < 0)
		return r;
	r = mf_repomd_parse(evidence->repomd, &repomd);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, r == -EBADMSG ? -MFE_BAD_METADATA : r,
			       repo->id, "repomd.xml names no primary with a SHA-256");
	r = read_state(ctx, repo, evidence->accept, &state);
	if (r == 0)
		r = memory_judge(ctx, repo, keys, &repomd, trust, evidence->accept, &state);
	if (r < 0)
		return r;
	memcpy(seen.keys, keys->fingerprint, sizeof(seen.keys));
	strcpy(seen.key, trust->key);
	strcpy(seen.signer, trust->signer);
	state.revision = mf_trust_revision(repomd.revision, trust->signing_time);
	update_mark(&state, trust, state.revision);
	state.accepted = seen;
	return mf_repo_state_write(ctx, repo->id, &state);
}
