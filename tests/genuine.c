/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * 10,000 genuine signatures: none of them may be refused.
 *
 * The length of a signature is random: one in 256 is shorter than the others, or begins or ends with
 * zeros, and a verifier that cannot handle this fails at some time in production. So each accepted
 * kind of key signs thousands of contents of all lengths, in the way of "modfetch pack"; all are
 * verified with a keyring that contains all keys. Then each kind signs until an unusual length
 * occurs. A bit of every tenth signature is flipped: this one must be refused.
 */
#include "tests/unit.h"
#include "tests/shell.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/error.h"

#define CONTENT_MAX 4096

enum shape { RSA, ECDSA, ED25519 };

static const struct kind {
	const char *name, *algorithm;
	enum shape shape;
	size_t sig_len;		 /* of the last signature, if it is constant */
	unsigned int keys, each; /* number of keys, and of signatures for each */
} kinds[] = {
	{ "rsa2048", "rsa:2048", RSA, 256, 2, 1000 },
	{ "rsa3072", "rsa:3072", RSA, 384, 1, 800 },
	{ "rsa4096", "rsa:4096", RSA, 512, 1, 700 },
	{ "p256", "ec -pkeyopt ec_paramgen_curve:P-256", ECDSA, 0, 4, 500 },
	{ "p384", "ec -pkeyopt ec_paramgen_curve:P-384", ECDSA, 0, 4, 375 },
	{ "ed25519", "ed25519", ED25519, 64, 6, 500 },
};
#define N_KINDS (sizeof(kinds) / sizeof(*kinds))

struct keys {
	char dir[32];
	struct mf_keyring *ring;
	uint64_t random;
};

static int make_keys(void **state)
{
	struct keys *keys = calloc(1, sizeof(*keys));
	_cleanup_close_ int fd = -1;

	strcpy(keys->dir, "/tmp/test-genuine.XXXXXX");
	assert_non_null(mkdtemp(keys->dir));
	assert_return_code(chdir(keys->dir), errno);
	run("mkdir certs");
	for (size_t k = 0; k < N_KINDS; k++)
		for (unsigned int i = 0; i < kinds[k].keys; i++)
			run("openssl req -x509 -newkey %s -nodes -keyout %s-%u.key -out "
			    "certs/%s-%u.pem "
			    "-subj '/CN=%s %u' -days 30 2>err || { cat err; false; }",
			    kinds[k].algorithm, kinds[k].name, i, kinds[k].name, i, kinds[k].name,
			    i);
	fd = open("certs", O_RDONLY | O_DIRECTORY);
	assert_int_equal(mf_keyring_read(fd, NULL, 0, &keys->ring, NULL), 0);
	keys->random = (uint64_t)getpid() << 32 | 1;
	*state = keys;
	return 0;
}

static int remove_keys(void **state)
{
	struct keys *keys = *state;

	mf_keyring_free(keys->ring);
	run("rm -rf %s", keys->dir);
	free(keys);
	return 0;
}

static uint64_t next(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return *state = x;
}

static void one_key(struct keys *keys, const struct kind *kind, unsigned int number)
{
	uint8_t content[CONTENT_MAX];
	char key[64], cert[64], name[64];

	snprintf(key, sizeof(key), "%s-%u.key", kind->name, number);
	snprintf(cert, sizeof(cert), "certs/%s-%u.pem", kind->name, number);
	snprintf(name, sizeof(name), "CN = %s %u", kind->name, number);
	for (unsigned int i = 0; i < kind->each; i++) {
		_cleanup_free_ void *sig = NULL;
		struct mf_signer signer;
		size_t len = i % 16 ? next(&keys->random) % sizeof(content) : i / 16, sig_len;
		int r;

		for (size_t at = 0; at < len; at++)
			content[at] = (uint8_t)next(&keys->random);
		assert_int_equal(mf_cms_sign(key, cert, content, len, &sig, &sig_len), 0);
		r = mf_cms_verify(keys->ring, content, len, sig, sig_len, &signer);
		if (r)
			fail_msg("%s, signature %u: %s", kind->name, i, mf_error_name(r));
		assert_string_equal(signer.subject, name);
		if (i % 10)
			continue;
		/* in the last bytes, which are the raw signature of each kind */
		((uint8_t *)sig)[sig_len - 1 - next(&keys->random) % 60] ^=
			(uint8_t)(1U << i / 10 % 8);
		assert_int_equal(mf_cms_verify(keys->ring, content, len, sig, sig_len, NULL),
				 -MFE_BAD_SIGNATURE);
	}
}

static void ten_thousand_are_accepted(void **state)
{
	size_t all = 0;

	for (size_t k = 0; k < N_KINDS; k++)
		for (unsigned int i = 0; i < kinds[k].keys; i++) {
			one_key(*state, &kinds[k], i);
			all += kinds[k].each;
		}
	assert_int_equal(all, 10000);
}

/* Is it one of the few whose number, or one of two numbers, begins with a zero? */
static bool is_odd(const struct kind *kind, const uint8_t *sig, size_t len, size_t *longest)
{
	switch (kind->shape) {
	case RSA:
		return !sig[len - kind->sig_len];
	case ECDSA:
		/* either number may have a leading zero for its sign: two bytes less than both */
		if (len > *longest)
			*longest = len;
		return len + 2 < *longest;
	case ED25519:
		/* two numbers too, little-endian */
		return !sig[len - 64] || !sig[len - 33];
	}
	return false;
}

static void odd_shapes_of_each_kind_are_accepted(void **state)
{
	struct keys *keys = *state;

	for (size_t k = 0; k < N_KINDS; k++) {
		size_t longest = 0, len;
		bool odd = false;
		char key[64], cert[64];

		if (kinds[k].sig_len > 256) /* larger RSA keys: slow, and the same code */
			continue;
		snprintf(key, sizeof(key), "%s-0.key", kinds[k].name);
		snprintf(cert, sizeof(cert), "certs/%s-0.pem", kinds[k].name);
		for (uint32_t i = 0; !odd && i < 20000; i++) {
			_cleanup_free_ void *sig = NULL;

			assert_int_equal(mf_cms_sign(key, cert, &i, sizeof(i), &sig, &len), 0);
			odd = is_odd(&kinds[k], sig, len, &longest);
			if (odd)
				assert_int_equal(
					mf_cms_verify(keys->ring, &i, sizeof(i), sig, len, NULL),
					0);
		}
		/* 20,000 without one cannot be signatures */
		assert_true(odd);
	}
}

/* ---- short Ed25519 ---- */

/* The positions of the lengths of all elements that end with the last one, outermost first. */
static size_t find_lengths(const uint8_t *der, size_t size, size_t at[16])
{
	size_t n = 0, begin = 0;

	for (;;) {
		size_t head = der[begin + 1] & 0x80 ? 2 + (der[begin + 1] & 0x7fU) : 2, child;

		assert_true(n < 16);
		at[n++] = begin + 1;
		if (!(der[begin] & 0x20)) /* primitive: the signature itself */
			return n;
		for (child = begin + head;;) {
			size_t bytes = der[child + 1] & 0x80 ? der[child + 1] & 0x7fU : 0;
			size_t len = bytes ? 0 : der[child + 1];

			for (size_t i = 0; i < bytes; i++)
				len = len << 8 | der[child + 2 + i];
			if (child + 2 + bytes + len == size)
				break;
			child += 2 + bytes + len;
		}
		begin = child;
	}
}

/* Removes LESS bytes from the end, and from every length. */
static size_t shorten(uint8_t *der, size_t size, size_t less)
{
	size_t at[16], n = find_lengths(der, size, at);

	for (size_t i = 0; i < n; i++) {
		size_t bytes = der[at[i]] & 0x80 ? der[at[i]] & 0x7fU : 0,
		       len = bytes ? 0 : der[at[i]];

		for (size_t b = 0; b < bytes; b++)
			len = len << 8 | der[at[i] + 1 + b];
		len -= less;
		for (size_t b = bytes; b > 0; b--, len >>= 8)
			der[at[i] + b] = (uint8_t)len;
		if (!bytes)
			der[at[i]] = (uint8_t)len;
	}
	return size - less;
}

static void every_short_ed25519_signature_is_refused(void **state)
{
	static const char content[] = "content";
	struct keys *keys = *state;
	_cleanup_free_ void *sig = NULL;
	size_t len;

	assert_int_equal(
		mf_cms_sign("ed25519-0.key", "certs/ed25519-0.pem", content, 7, &sig, &len), 0);
	for (size_t less = 0; less <= 64; less++) {
		/* of exactly this size, so that the sanitizers detect a read beyond it */
		_cleanup_free_ uint8_t *copy = malloc(len), *exact = NULL;
		size_t size;

		assert_non_null(copy);
		memcpy(copy, sig, len);
		size = shorten(copy, len, less);
		exact = malloc(size);
		assert_non_null(exact);
		memcpy(exact, copy, size);
		assert_string_equal(
			mf_error_name(mf_cms_verify(keys->ring, content, 7, exact, size, NULL)),
			mf_error_name(less ? -MFE_BAD_SIGNATURE : 0));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(ten_thousand_are_accepted),
		UNIT(odd_shapes_of_each_kind_are_accepted),
		UNIT(every_short_ed25519_signature_is_refused),
	};

	return cmocka_run_group_tests(tests, make_keys, remove_keys);
}
