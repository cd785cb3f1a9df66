/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A key that a file or a server offers: reads it from a file or fetches it, and says which one it is.
 *
 * Nothing here is trusted. A file from a network is fetched as all others, by the process without
 * rights; here its certificates are parsed, or, for an OpenPGP keyring, only its first bytes are looked
 * at: sqv parses it when it verifies a signature, and the fingerprint that an admin compares is the
 * SHA-256 of the file. Certificates are written again from what was parsed, so what the admin was shown
 * is all that is kept: no private key, no second certificate.
 */
#include "modfetch/setup.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/fetch.h"
#include "modfetch/file.h"
#include "setup-files.h"

#define KEY_MAX	     (256U << 10)
#define KEY_SECONDS  30
#define CERTS_MAX    16
#define PUBLIC_BLOCK "-----BEGIN PGP PUBLIC KEY BLOCK-----"

void mf_key_offer_done(struct mf_key_offer *offer)
{
	free(offer->source);
	free(offer->v);
	free(offer->text);
	*offer = (struct mf_key_offer){ 0 };
}

static void keyring_cleanup(struct mf_keyring **keyring)
{
	mf_keyring_free(*keyring);
}

void mf_fingerprint_format(const char hex[MF_SHA256_HEX], char ret[MF_FINGERPRINT_SIZE])
{
	size_t n = 0;

	*ret = '\0';
	for (; n < MF_SHA256_LEN && hex[2 * n] && hex[2 * n + 1]; n++) {
		ret[3 * n] = (char)toupper((unsigned char)hex[2 * n]);
		ret[3 * n + 1] = (char)toupper((unsigned char)hex[2 * n + 1]);
		ret[3 * n + 2] = ':';
	}
	if (n)
		ret[3 * n - 1] = '\0';
}

/* ---- what it holds ---- */

/*
 * The ending for an OpenPGP keyring: armor, or a packet with a public key in one of its two forms.
 * NULL: it is none.
 */
static const char *keyring_ending(const char *text, size_t len)
{
	unsigned char tag = len ? (unsigned char)*text : 0;

	if (strstr(text, PUBLIC_BLOCK))
		return ".asc";
	return (tag & 0xc0) == 0x80 && (tag >> 2 & 0xf) == 6 ? ".gpg"
	       : (tag & 0xc0) == 0xc0 && (tag & 0x3f) == 6   ? ".gpg"
							     : NULL;
}

static int take_keyring(const char *text, size_t len, struct mf_key_offer *offer)
{
	uint8_t digest[MF_SHA256_LEN];
	int r = mf_sha256(text, len, digest);

	offer->v = calloc(1, sizeof(*offer->v));
	offer->text = malloc(len + 1);
	if (r < 0 || !offer->v || !offer->text)
		return -ENOMEM;
	memcpy(offer->text, text, len);
	offer->text[len] = '\0';
	offer->len = len;
	offer->n = 1;
	offer->keyring = true;
	offer->v[0].strong = true;
	mf_sha256_hex(digest, offer->v[0].fingerprint);
	return 0;
}

/* Takes the certificates of a keyring, or with ONLY (a fingerprint) that one. 0 or -errno. */
static int take_certificates(const struct mf_keyring *keyring, const char *only,
			     struct mf_key_offer *offer)
{
	size_t n = mf_keyring_size(keyring);
	_cleanup_free_ char *text = strdup(SETUP_KEY_MARK);
	struct mf_certificate *v = calloc(n + 1, sizeof(*v));

	free(offer->v);
	offer->v = v;
	offer->n = 0;
	for (size_t i = 0; v && text && i < n; i++) {
		_cleanup_free_ char *pem = NULL, *before = NULL;

		mf_keyring_describe(keyring, i, &v[offer->n]);
		if (only && strcmp(only, v[offer->n].fingerprint) != 0)
			continue;
		offer->n++;
		if (mf_keyring_pem(keyring, i, &pem) < 0)
			return -ENOMEM;
		before = MF_STEAL(text);
		text = mf_format("%s%s", before, pem);
	}
	if (!v || !text)
		return -ENOMEM;
	free(offer->text);
	offer->len = strlen(text);
	offer->text = MF_STEAL(text);
	offer->ending = ".pem";
	return 0;
}

static int parse_certificates(const char *text, size_t len, const char *only,
			      struct mf_key_offer *offer)
{
	_cleanup_(keyring_cleanup) struct mf_keyring *keyring = NULL;
	int r = mf_keyring_new(&keyring);

	if (!r)
		r = mf_keyring_add(keyring, text, len, false);
	if (!r && mf_keyring_size(keyring) > CERTS_MAX)
		r = -EBADMSG;
	return r < 0 ? r : take_certificates(keyring, only, offer);
}

static int offer_parse(struct mf_context *ctx, const char *text, size_t len,
		       struct mf_key_offer *offer)
{
	int r;

	if (memmem(text, len, "BEGIN PGP PRIVATE KEY", strlen("BEGIN PGP PRIVATE KEY")))
		return mf_fail(ctx, MF_STAGE_CONFIG, -MFE_DENIED, offer->source,
			       "it holds a private key; export the public key alone");
	offer->ending = keyring_ending(text, len);
	r = offer->ending ? take_keyring(text, len, offer)
			  : parse_certificates(text, len, NULL, offer);
	if (r == -EBADMSG)
		return mf_fail(ctx, MF_STAGE_CONFIG, r, offer->source,
			       "it is neither a certificate (PEM or DER) nor an OpenPGP keyring");
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_CONFIG, r, offer->source, NULL);
	for (size_t i = 0; i < offer->n; i++)
		if (!offer->v[i].strong)
			return mf_fail(
				ctx, MF_STAGE_CONFIG, -MFE_WEAK_SIGNATURE, offer->source,
				"the key of \"%s\" is refused: it must be RSA of 2048 bits or "
				"more, P-256, P-384, Ed25519 or, with OpenSSL 3.5, ML-DSA",
				offer->v[i].subject);
	return 0;
}

/* ---- where it comes from ---- */

int mf_key_offer_read(struct mf_context *ctx, const char *path, struct mf_key_offer *ret_offer)
{
	_cleanup_(mf_key_offer_done) struct mf_key_offer offer = { .named = true };
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int r = fd < 0 ? -errno : mf_file_read(fd, KEY_MAX, &text, &len);

	if (r < 0)
		return mf_fail(ctx, MF_STAGE_CONFIG, r, path, NULL);
	offer.source = strdup(path);
	if (!offer.source)
		return mf_fail(ctx, MF_STAGE_CONFIG, -ENOMEM, path, NULL);
	r = offer_parse(ctx, text, len, &offer);
	if (r < 0)
		return r;
	*ret_offer = offer;
	offer = (struct mf_key_offer){ 0 };
	return 0;
}

int mf_key_offer_fetch(struct mf_context *ctx, const char *url, const char *label,
		       struct mf_key_offer *ret_offer)
{
	_cleanup_(mf_key_offer_done) struct mf_key_offer offer = { 0 };
	_cleanup_(mf_fetched_done) struct mf_fetched fetched = { .fd = -1 };
	_cleanup_(mf_strings_done) struct mf_strings base = { 0 };
	const char *slash = strrchr(url, '/');
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = slash ? mf_strings_addn(&base, url, (size_t)(slash - url)) : -MFE_BAD_HREF;

	offer.source = mf_secret_hide_copy(url);
	if (r < 0 || !offer.source)
		return mf_fail(ctx, MF_STAGE_CONFIG, r < 0 ? r : -ENOMEM, url, NULL);
	r = mf_fetch(ctx,
		     &(struct mf_fetch_request){ .mirrors = &base,
						 .path = slash + 1,
						 .label = label,
						 .max_size = KEY_MAX,
						 .timeout = KEY_SECONDS },
		     1, &fetched);
	if (r < 0)
		return r;
	r = mf_file_read(fetched.fd, KEY_MAX, &text, &len);
	r = r < 0 ? mf_fail(ctx, MF_STAGE_CONFIG, r, url, NULL)
		  : offer_parse(ctx, text, len, &offer);
	if (r < 0)
		return r;
	*ret_offer = offer;
	offer = (struct mf_key_offer){ 0 };
	return 0;
}

/* ---- which one is meant ---- */

/* The fingerprint in 64 lower-case digits. False: TEXT is none. */
static bool parse_fingerprint(const char *text, char ret_hex[MF_SHA256_HEX])
{
	uint8_t digest[MF_SHA256_LEN];
	size_t n = 0;

	for (; *text; text++) {
		if (*text == ':')
			continue;
		if (n + 1 >= MF_SHA256_HEX)
			return false;
		ret_hex[n++] = (char)tolower((unsigned char)*text);
	}
	ret_hex[n] = '\0';
	return mf_sha256_parse(ret_hex, digest);
}

int mf_key_offer_choose(struct mf_context *ctx, struct mf_key_offer *offer, const char *fingerprint)
{
	char hex[MF_SHA256_HEX], shown[MF_FINGERPRINT_SIZE];
	size_t at = 0;
	int r;

	if (!parse_fingerprint(fingerprint, hex))
		return mf_fail(
			ctx, MF_STAGE_CONFIG, -MFE_USAGE, fingerprint,
			"it is no SHA-256 fingerprint of 64 hexadecimal digits; to print one: "
			"openssl x509 -noout -fingerprint -sha256 -in FILE");
	while (at < offer->n && strcmp(offer->v[at].fingerprint, hex) != 0)
		at++;
	if (at == offer->n) {
		mf_fingerprint_format(offer->v[0].fingerprint, shown);
		return mf_fail(
			ctx, MF_STAGE_CONFIG, -MFE_UNTRUSTED_KEY, offer->source,
			"the fingerprint is another one, %s: ask the publisher which is right",
			shown);
	}
	if (offer->keyring || offer->n == 1)
		return 0;
	r = parse_certificates(offer->text, offer->len, hex, offer);
	return r < 0 ? mf_fail(ctx, MF_STAGE_CONFIG, r, offer->source, NULL) : 0;
}
