/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Shared by repo add and key import: whether an admin confirms a key.
 *
 * A key is trusted because an admin says so, and never because it was the first one to be seen: a server,
 * or a router between, could send any. So one of these is needed: the fingerprint of the key
 * (--key-fingerprint), a file that the admin names, or a yes on a terminal after the fingerprint was
 * shown. --yes alone is enough only for a file: URL, which is this machine. It is not enough for https:
 * either, because a server with that name may redirect to plain http:, or be broken into.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"
#include "key-trust.h"

static void format_day(int64_t at, char ret[16])
{
	struct tm tm = { 0 };
	time_t seconds = at;

	snprintf(ret, 16, "?");
	if (gmtime_r(&seconds, &tm) && !strftime(ret, 16, "%Y-%m-%d", &tm))
		snprintf(ret, 16, "?");
}

char *cmd_key_text(bool keyring, const struct mf_certificate *certificate)
{
	char shown[MF_FINGERPRINT_SIZE], day[16];
	bool expired = !keyring && certificate->not_after < time(NULL);

	mf_fingerprint_format(certificate->fingerprint, shown);
	if (keyring)
		return mf_format("SHA-256 %s (of the file), an OpenPGP keyring", shown);
	format_day(certificate->not_after, day);
	/* the subject is whatever its maker wrote, perhaps another fingerprint: so it comes last */
	return mf_format("SHA-256 %s, a certificate %s %s%s of %s", shown,
			 expired ? "that EXPIRED" : "valid until", day,
			 certificate->revoked ? ", REVOKED," : "",
			 *certificate->subject ? certificate->subject : "no subject");
}

void cmd_key_print(const struct mf_key_offer *offer)
{
	for (size_t i = 0; i < offer->n; i++) {
		_cleanup_free_ char *text = cmd_key_text(offer->keyring, &offer->v[i]);

		cmd_line("key: %s", text ? text : "");
	}
}

void cmd_key_set(struct mf_json *o, bool keyring, const struct mf_certificate *certificate)
{
	mf_json_set_string(o, "kind", keyring ? "openpgp" : "certificate");
	mf_json_set_string(o, "fingerprint", certificate->fingerprint);
	mf_json_set_string(o, "subject", keyring ? NULL : certificate->subject);
	if (keyring)
		return;
	mf_json_set_int(o, "not_before", certificate->not_before);
	mf_json_set_int(o, "not_after", certificate->not_after);
	mf_json_set_bool(o, "revoked", certificate->revoked);
}

struct mf_json *cmd_keys_json(const struct mf_key_offer *offer)
{
	struct mf_json *list = mf_json_array();

	for (size_t i = 0; i < offer->n; i++) {
		struct mf_json *o = mf_json_object();

		cmd_key_set(o, offer->keyring, &offer->v[i]);
		mf_json_add(list, o);
	}
	return list;
}

/* Prints what the question is about. */
static void print_offer(const struct mf_key_offer *offer, const char *source)
{
	fprintf(stderr, "%s has:\n", source);
	for (size_t i = 0; i < offer->n; i++) {
		_cleanup_free_ char *text = cmd_key_text(offer->keyring, &offer->v[i]);

		fprintf(stderr, "  %s\n", text ? text : "");
	}
	if (mf_starts_with(source, "http:"))
		fputs("It came over plain http, where any machine on the way can replace it.\n",
		      stderr);
	fputs("Compare the fingerprint with one that you have from the publisher by another way.\n",
	      stderr);
}

static int ask_for_key(struct cmd *cmd, const struct mf_key_offer *offer, const char *id)
{
	_cleanup_free_ char *source = strdup(offer->source);

	if (!source)
		return mf_fail(&cmd->ctx, MF_STAGE_COMMAND, -ENOMEM, id, NULL);
	mf_text_sanitize(source);
	print_offer(offer, source);
	return cmd_ask(cmd, offer->source, "Trust %s for the repository %s?",
		       offer->n == 1 ? "this key" : "these keys", id);
}

int cmd_key_accept(struct cmd *cmd, struct mf_key_offer *offer, const char *id,
		   const char *fingerprint)
{
	char shown[MF_FINGERPRINT_SIZE];

	if (fingerprint)
		return mf_key_offer_choose(&cmd->ctx, offer, fingerprint);
	if (offer->named || (cmd->yes && mf_starts_with(offer->source, "file:")) || cmd->dry_run)
		return 0;
	if (!cmd->yes && (cmd->assume_no || cmd_can_ask(cmd)))
		return ask_for_key(cmd, offer, id);
	mf_fingerprint_format(offer->v[0].fingerprint, shown);
	return mf_fail(&cmd->ctx, MF_STAGE_COMMAND, -MFE_UNTRUSTED_KEY, offer->source,
		       "its key is not confirmed%s; compare it with the publisher's, then add: "
		       "--key-fingerprint %s",
		       cmd->yes ? ", and --yes is not enough for a key from a network" : "", shown);
}
