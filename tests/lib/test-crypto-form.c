/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The openssl program makes the signatures. A kind of signature that it may not know is made from one of
 * RSA, by another number of the algorithm: the form is looked at, not the signature.
 */
#include "tests/unit.h"
#include "tests/shell.h"
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/file.h"

static int make_keys(void **state)
{
	*state = enter_scratch();
	run("mkdir keys && echo content >content");
	make_key("rsa", "rsa:2048", "keys", "");
	make_key("p256", "ec -pkeyopt ec_paramgen_curve:P-256", "keys", "");
	return 0;
}

static void sign(const char *options)
{
	run("openssl cms -sign -binary -outform DER -in content -signer keys/rsa.pem -inkey "
	    "rsa.key %s "
	    "-out sig 2>err || { cat err; false; }",
	    options);
}

/* The clause about "sig"; ALGORITHM is the last number of an algorithm of NIST, in place of RSA; 0: as it is. */
static const char *form(uint8_t algorithm)
{
	static const uint8_t rsa[] = { 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01 },
			     nist[] = { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03 };
	_cleanup_free_ char *sig = NULL;
	size_t len;
	char *at;

	assert_int_equal(mf_file_read_at(AT_FDCWD, "sig", 1 << 20, &sig, &len), 0);
	at = memmem(sig, len, rsa, sizeof(rsa));
	if (algorithm) {
		assert_non_null(at);
		memcpy(at, nist, sizeof(nist));
		at[sizeof(nist)] = (char)algorithm;
	}
	return mf_signature_form(sig, len);
}

static void assert_form(const char *what, const char *got, const char *says)
{
	if (got && says ? !strstr(got, says) : got || says)
		fail_msg("%s: %s", what, got ? got : "nothing");
}

static void a_form_that_cannot_be_used_is_named(void **state)
{
	static const struct {
		const char *options, *says;
	} cases[] = {
		{ "", NULL },
		{ "-md sha1", NULL },
		{ "-noattr", NULL },
		{ "-outform PEM", "PEM" },
		{ "-outform SMIME", "S/MIME" },
		{ "-signer keys/p256.pem -inkey p256.key", "several signers" },
		{ "-keyopt rsa_padding_mode:pss", "RSA-PSS" },
	};

	(void)state;
	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		sign(cases[i].options);
		assert_form(cases[i].options, form(0), cases[i].says);
	}
	assert_null(mf_signature_form("", 0));
	assert_null(mf_signature_form("garbage", 7));
}

static void post_quantum_algorithms_are_named(void **state)
{
	bool known = openssl_has_ml_dsa();

	(void)state;
	sign("-nocerts -md sha512");
	assert_form("16", form(16), NULL);
	for (uint8_t kind = 17; kind <= 19; kind++)
		assert_form("ML-DSA", form(kind),
			    known ? NULL : "ML-DSA, which OpenSSL knows only since version 3.5");
	for (uint8_t kind = 20; kind <= 31; kind++)
		assert_form("SLH-DSA", form(kind), "SLH-DSA");
	assert_form("32", form(32), NULL);
	assert_form("9", form(9), NULL);
	sign("-nocerts -md sha256");
	assert_form("SHA-256", form(18), known ? "-md sha512" : "version 3.5");
	sign("-nocerts -md sha512 -noattr");
	assert_form("without attributes", form(18),
		    known ? "without signed attributes" : "version 3.5");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_form_that_cannot_be_used_is_named),
		UNIT(post_quantum_algorithms_are_named),
	};

	return cmocka_run_group_tests(tests, make_keys, remove_scratch);
}
