/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CMD_KEY_TRUST_H
#define CMD_KEY_TRUST_H
/* Shared by repo add and key import: key-trust.c. */
#include "modfetch/setup.h"
#include "cmd.h"

/*
 * Decides whether the admin has confirmed an offered key of repository ID. FINGERPRINT: of the option
 * --key-fingerprint, or NULL; then the offer has this key alone. 0: it is accepted;
 * -MFE_UNTRUSTED_KEY, -MFE_NOT_CONFIRMED, or a failure of mf_key_offer_choose(), recorded.
 */
int cmd_key_accept(struct cmd *cmd, struct mf_key_offer *offer, const char *id,
		   const char *fingerprint);
/* Prints the keys of an offer, a line each. */
void cmd_key_print(const struct mf_key_offer *offer);
/* The keys of an offer. */
struct mf_json *cmd_keys_json(const struct mf_key_offer *offer);
/* Adds kind, fingerprint, subject and dates of a key. */
void cmd_key_set(struct mf_json *o, bool keyring, const struct mf_certificate *certificate);
/* "SHA-256 AB:…, a certificate valid until 2036-01-30 of CN = x"; new memory, or NULL: no memory. */
char *cmd_key_text(bool keyring, const struct mf_certificate *certificate);

#endif
