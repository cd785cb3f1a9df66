/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The openssl program makes keys and signatures during the test, independent of the code under
 * test; only Ed25519, which it does not support in CMS, is signed by mf_cms_sign().
 */
#include "tests/unit.h"
#include "tests/shell.h"
#include "modfetch/array.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/error.h"
#include "modfetch/file.h"
#include "modfetch/crypto.h"

static const char content[] = "<repomd><revision>1</revision></repomd>\n";
#define CONTENT_LEN (sizeof(content) - 1)

static int make_keys(void **state)
{
	*state = enter_scratch();
	run("mkdir keys others revoked && printf '%s' >content", content);
	make_key("rsa2048", "rsa:2048", "keys", "");
	make_key("rsa4096", "rsa:4096", "keys", "");
	make_key("p256", "ec -pkeyopt ec_paramgen_curve:P-256", "keys", "");
	make_key("p384", "ec -pkeyopt ec_paramgen_curve:P-384", "keys", "");
	make_key("ed25519", "ed25519", "keys", "");
	make_key("codesign", "rsa:2048", "keys", "-addext extendedKeyUsage=critical,codeSigning");
	make_key("rsa1024", "rsa:1024", "keys", "");
	make_key("rsa2047", "rsa:2047", "keys", "");
	make_key("p521", "ec -pkeyopt ec_paramgen_curve:P-521", "keys", "");
	make_key("p224", "ec -pkeyopt ec_paramgen_curve:P-224", "keys", "");
	make_key("k256", "ec -pkeyopt ec_paramgen_curve:secp256k1", "keys", "");
	make_key("bp256", "ec -pkeyopt ec_paramgen_curve:brainpoolP256r1", "keys", "");
	make_key("stranger", "rsa:2048", "keys", "");
	if (openssl_has_ml_dsa()) {
		make_key("mldsa44", "ML-DSA-44", "keys", "");
		make_key("mldsa65", "ML-DSA-65", "keys", "");
		make_key("mldsa87", "ML-DSA-87", "keys", "");
	}
	run("mv keys/stranger.pem others/");
	/* another key with a known issuer and serial, as in a forged certificate */
	run("openssl x509 -in keys/rsa2048.pem -noout -serial | sed s/serial=/0x/ >serial");
	run("openssl req -x509 -newkey rsa:2048 -nodes -keyout twin.key -out others/twin.pem "
	    "-subj /CN=rsa2048 -days 3650 -set_serial $(cat serial) 2>err");
	return 0;
}

static struct mf_keyring *keyring(const char *directory)
{
	_cleanup_close_ int fd = open(directory, O_RDONLY | O_DIRECTORY);
	struct mf_keyring *ring = NULL;
	char *bad = NULL;
	int r = mf_keyring_read(fd, NULL, 0, &ring, &bad);

	if (r < 0)
		fail_msg("keyring %s: %s: %s", directory, bad ? bad : "", mf_error_name(r));
	return ring;
}

static void write_file(const char *name, const void *buf, size_t len)
{
	_cleanup_close_ int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_int_equal(mf_file_write(fd, buf, len), 0);
}

static void sign(const char *key, const char *options)
{
	run("openssl cms -sign -binary -outform DER -in content -signer $(ls keys/%s.pem "
	    "others/%s.pem 2>/dev/null) -inkey %s.key %s -out sig 2>err || { cat err; false; }",
	    key, key, key, options);
}

static int verify_file(const char *directory, const char *file, struct mf_signer *ret_signer)
{
	struct mf_keyring *ring = keyring(directory);
	_cleanup_free_ char *sig = NULL;
	size_t len;
	int r;

	assert_int_equal(mf_file_read_at(AT_FDCWD, file, 1 << 20, &sig, &len), 0);
	r = mf_cms_verify(ring, content, CONTENT_LEN, sig, len, ret_signer);
	mf_keyring_free(ring);
	return r;
}

#define assert_code(got, want) assert_string_equal(mf_error_name(got), mf_error_name(want))

static void signatures_of_the_openssl_program(void **state)
{
	static const struct {
		const char *key, *options;
		int code;
	} cases[] = {
		{ "rsa2048", "", 0 },
		{ "rsa2048", "-md sha384", 0 },
		{ "rsa2048", "-md sha512", 0 },
		{ "rsa2048", "-nocerts", 0 },
		{ "rsa2048", "-keyid", 0 },
		{ "rsa2048", "-nosmimecap", 0 },
		{ "rsa4096", "", 0 },
		{ "p256", "", 0 },
		{ "p256", "-md sha512", 0 },
		{ "p384", "-md sha384", 0 },
		{ "p384", "-md sha256", 0 },
		{ "codesign", "", 0 },
		{ "stranger", "", -MFE_UNTRUSTED_KEY },
		{ "stranger", "-keyid", -MFE_UNTRUSTED_KEY },
		{ "twin", "", -MFE_BAD_SIGNATURE },
		{ "rsa2048", "-md md5", -MFE_WEAK_SIGNATURE },
		{ "rsa2048", "-md sha1", -MFE_WEAK_SIGNATURE },
		{ "rsa2048", "-md sha224", -MFE_WEAK_SIGNATURE },
		{ "p256", "-md sha1", -MFE_WEAK_SIGNATURE },
		{ "p256", "-md sha224", -MFE_WEAK_SIGNATURE },
		{ "rsa2048", "-md sha3-256", -MFE_WEAK_SIGNATURE },
		{ "rsa2048", "-md ripemd160", -MFE_WEAK_SIGNATURE },
		{ "rsa2048", "-keyopt rsa_padding_mode:pss", -MFE_WEAK_SIGNATURE },
		{ "rsa1024", "", -MFE_WEAK_SIGNATURE },
		{ "rsa2047", "", -MFE_WEAK_SIGNATURE },
		{ "p521", "", -MFE_WEAK_SIGNATURE },
		{ "p224", "", -MFE_WEAK_SIGNATURE },
		{ "k256", "", -MFE_WEAK_SIGNATURE },
		{ "bp256", "", -MFE_WEAK_SIGNATURE },
		{ "rsa2048", "-noattr", -MFE_BAD_SIGNATURE },
		{ "rsa2048", "-nodetach", -MFE_BAD_SIGNATURE },
		{ "rsa2048", "-econtent_type 1.2.3.4", -MFE_BAD_SIGNATURE },
		{ "rsa2048", "-outform PEM", -MFE_BAD_SIGNATURE },
		{ "rsa2048", "-outform SMIME", -MFE_BAD_SIGNATURE },
		{ "rsa2048", "-signer keys/p256.pem -inkey p256.key", -MFE_BAD_SIGNATURE },
		{ "rsa2048", "-signer others/stranger.pem -inkey stranger.key",
		  -MFE_BAD_SIGNATURE },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		int r;

		sign(cases[i].key, cases[i].options);
		r = verify_file("keys", "sig", NULL);
		if (r != cases[i].code)
			fail_msg("%s %s: %s, not %s", cases[i].key, cases[i].options,
				 mf_error_name(r), mf_error_name(cases[i].code));
	}
}

static void ml_dsa_verifies_as_far_as_openssl_can(void **state)
{
	static const struct {
		const char *key, *options;
		int code;
	} cases[] = {
		{ "mldsa44", "-md sha512", 0 },
		{ "mldsa65", "-md sha512 -nocerts", 0 },
		{ "mldsa87", "-md sha512", 0 },
		{ "mldsa87", "-md sha512 -signer keys/p256.pem -inkey p256.key",
		  -MFE_BAD_SIGNATURE },
		{ "mldsa44", "-md sha256", -MFE_WEAK_SIGNATURE },
		{ "mldsa87", "-md sha384", -MFE_WEAK_SIGNATURE },
		{ "mldsa65", "-md sha3-512", -MFE_WEAK_SIGNATURE },
	};

	if (!openssl_has_ml_dsa()) {
		print_message("SKIP: this OpenSSL has no ML-DSA\n");
		skip();
	}
	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		sign(cases[i].key, cases[i].options);
		assert_code(verify_file("keys", "sig", NULL), cases[i].code);
	}
	/* a key of the same algorithm that the keyring does not have */
	run("mkdir ml && cp keys/mldsa44.pem ml/");
	sign("mldsa65", "-md sha512");
	assert_code(verify_file("ml", "sig", NULL), -MFE_UNTRUSTED_KEY);
	assert_code(mf_cms_sign("mldsa65.key", "keys/mldsa44.pem", "x", 1, NULL, NULL), -EBADMSG);
}

static void other_cms_is_no_signature(void **state)
{
	static const char *const commands[] = {
		"openssl cms -digest_create -binary -in content -outform DER -out sig",
		"openssl cms -data_create -binary -in content -outform DER -out sig",
		"openssl cms -encrypt -binary -in content -outform DER -out sig keys/rsa2048.pem",
		"openssl crl2pkcs7 -nocrl -certfile keys/rsa2048.pem -outform DER -out sig",
		"openssl x509 -in keys/rsa2048.pem -outform DER -out sig",
		"cp content sig",
		": >sig",
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(commands); i++) {
		run("%s", commands[i]);
		assert_code(verify_file("keys", "sig", NULL), -MFE_BAD_SIGNATURE);
	}
}

static void the_signer_is_told(void **state)
{
	struct mf_signer signer;
	_cleanup_free_ char *expected = NULL;
	size_t len;

	sign("p384", "-md sha384");
	assert_code(verify_file("keys", "sig", &signer), 0);
	assert_string_equal(signer.subject, "CN = p384");
	run("openssl x509 -in keys/p384.pem -outform DER | sha256sum | cut -c1-64 | tr -d '\\n' "
	    ">fp");
	assert_int_equal(mf_file_read_at(AT_FDCWD, "fp", 100, &expected, &len), 0);
	assert_string_equal(signer.fingerprint, expected);
	assert_true(signer.signing_time > 1700000000);
}

static void our_own_signatures_verify_here_and_by_openssl(void **state)
{
	static const char *const keys[] = { "rsa2048", "rsa4096", "p256",    "p384",
					    "ed25519", "mldsa44", "mldsa65", "mldsa87" };

	for (size_t i = 0; i < MF_ARRAY_SIZE(keys) - (openssl_has_ml_dsa() ? 0 : 3); i++) {
		_cleanup_free_ void *sig = NULL;
		char key[64], cert[64];
		struct mf_keyring *ring = keyring("keys");
		struct mf_signer signer;
		size_t len;

		snprintf(key, sizeof(key), "%s.key", keys[i]);
		snprintf(cert, sizeof(cert), "keys/%s.pem", keys[i]);
		assert_code(mf_cms_sign(key, cert, content, CONTENT_LEN, &sig, &len), 0);
		assert_code(mf_cms_verify(ring, content, CONTENT_LEN, sig, len, &signer), 0);
		assert_true(signer.signing_time > 1700000000);
		/* other content, and none at all */
		assert_code(mf_cms_verify(ring, content, CONTENT_LEN - 1, sig, len, NULL),
			    -MFE_BAD_SIGNATURE);
		assert_code(mf_cms_verify(ring, NULL, 0, sig, len, NULL), -MFE_BAD_SIGNATURE);
		mf_keyring_free(ring);
		if (!strcmp(keys[i], "ed25519"))
			continue;
		write_file("sig", sig, len);
		run("openssl cms -verify -binary -inform DER -in sig -content content -nointern "
		    "-certfile %s -CAfile %s -purpose any -out out 2>err || { cat err; false; } && "
		    "cmp out content",
		    cert, cert);
	}
}

static void weak_and_mismatched_pairs_do_not_sign(void **state)
{
	static const struct {
		const char *key, *cert;
		int code;
	} cases[] = {
		{ "rsa1024.key", "keys/rsa1024.pem", -MFE_WEAK_SIGNATURE },
		{ "p521.key", "keys/p521.pem", -MFE_WEAK_SIGNATURE },
		{ "rsa2048.key", "keys/rsa4096.pem", -EBADMSG },
		{ "locked.key", "keys/rsa2048.pem", -EBADMSG },
		{ "content", "keys/rsa2048.pem", -EBADMSG },
		{ "rsa2048.key", "content", -EBADMSG },
		{ "absent", "keys/rsa2048.pem", -ENOENT },
		{ "rsa2048.key", "absent", -ENOENT },
	};

	run("openssl pkey -in rsa2048.key -aes128 -passout pass:x -out locked.key");
	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		void *sig;
		size_t len;

		assert_code(mf_cms_sign(cases[i].key, cases[i].cert, "x", 1, &sig, &len),
			    cases[i].code);
	}
}

/* The bytes that an Ed25519 signature covers: the signed attributes, which begin with the content type. */
static uint8_t *signed_attributes(uint8_t *sig, size_t sig_len, size_t *ret_len)
{
	static const uint8_t type[] = { 0x30, 0x18, 0x06, 0x09, 0x2a, 0x86, 0x48,
					0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03 };
	uint8_t *at = memmem(sig, sig_len, type, sizeof(type));

	assert_non_null(at);
	/* [0] with a length of one byte, or of two in the long form */
	if (at[-2] == 0xa0) {
		*ret_len = at[-1] + 2U;
		return at - 2;
	}
	assert_memory_equal(at - 3, "\xa0\x81", 2);
	*ret_len = at[-1] + 3U;
	return at - 3;
}

/* Signs them once more with the ed25519 key: as a SET, in place of the signature at the end. */
static void sign_attributes(uint8_t *sig, size_t sig_len)
{
	_cleanup_free_ char *made = NULL;
	uint8_t *attributes;
	size_t len;

	attributes = signed_attributes(sig, sig_len, &len);
	*attributes = 0x31;
	write_file("attributes", attributes, len);
	*attributes = 0xa0;
	run("openssl pkeyutl -sign -rawin -inkey ed25519.key -in attributes -out made");
	assert_int_equal(mf_file_read_at(AT_FDCWD, "made", 64, &made, &len), 0);
	assert_int_equal(len, 64);
	memcpy(sig + sig_len - 64, made, 64);
}

static void an_ed25519_signature_over_something_else_than_data_is_none(void **state)
{
	static const uint8_t data[] = { 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
					0xf7, 0x0d, 0x01, 0x07, 0x01 };
	struct mf_keyring *ring = keyring("keys");
	_cleanup_free_ void *sig = NULL;
	uint8_t *attributes, *type;
	size_t len, attributes_len;

	assert_code(
		mf_cms_sign("ed25519.key", "keys/ed25519.pem", content, CONTENT_LEN, &sig, &len),
		0);
	attributes = signed_attributes(sig, len, &attributes_len);
	type = memmem(attributes, attributes_len, data, sizeof(data));
	assert_non_null(type);
	/* control: a signature made here is valid */
	memset((uint8_t *)sig + len - 64, 0, 64);
	assert_code(mf_cms_verify(ring, content, CONTENT_LEN, sig, len, NULL), -MFE_BAD_SIGNATURE);
	sign_attributes(sig, len);
	assert_code(mf_cms_verify(ring, content, CONTENT_LEN, sig, len, NULL), 0);
	for (uint8_t other = 2; other < 7; other++) {
		type[sizeof(data) - 1] = other;
		sign_attributes(sig, len);
		assert_code(mf_cms_verify(ring, content, CONTENT_LEN, sig, len, NULL),
			    -MFE_BAD_SIGNATURE);
	}
	mf_keyring_free(ring);
}

/* Every significant bit is checked: none of these may verify, none may crash. */
static void every_damaged_byte_is_noticed(void **state)
{
	static const char *const keys[] = { "p256", "ed25519", "mldsa44" };

	for (size_t k = 0; k < MF_ARRAY_SIZE(keys) - !openssl_has_ml_dsa(); k++) {
		struct mf_keyring *ring = keyring("keys");
		_cleanup_free_ void *sig = NULL;
		char key[64], cert[64];
		unsigned char *p;
		size_t len, accepted = 0;

		snprintf(key, sizeof(key), "%s.key", keys[k]);
		snprintf(cert, sizeof(cert), "keys/%s.pem", keys[k]);
		assert_code(mf_cms_sign(key, cert, content, CONTENT_LEN, &sig, &len), 0);
		p = sig;
		for (size_t i = 0; i < len; i++) {
			p[i] ^= 0x20;
			if (mf_cms_verify(ring, content, CONTENT_LEN, p, len, NULL) == 0)
				accepted++;
			p[i] ^= 0x20;
		}
		for (size_t i = 0; i < len; i++)
			assert_int_not_equal(mf_cms_verify(ring, content, CONTENT_LEN, p, i, NULL),
					     0);
		/*
		 * CMS does not sign version numbers, the outer list of digests and NULL parameters
		 * of algorithms. A change of them cannot change the signed content.
		 */
		print_message("%s: %zu of %zu flips in fields without meaning\n", keys[k], accepted,
			      len);
		assert_true(accepted < 24);
		mf_keyring_free(ring);
	}
}

static void bytes_behind_the_signature_are_refused(void **state)
{
	sign("rsa2048", "");
	run("printf x >>sig");
	assert_code(verify_file("keys", "sig", NULL), -MFE_BAD_SIGNATURE);
	sign("rsa2048", "");
	run("cat sig sig >two");
	assert_code(verify_file("keys", "two", NULL), -MFE_BAD_SIGNATURE);
	/* valid, but more than 64 KiB large because of its certificates */
	run("openssl req -x509 -key rsa2048.key -subj /CN=fat -out fat.pem "
	    "-addext nsComment=$(head -c 70000 /dev/zero | tr '\\0' x)");
	sign("rsa2048", "-certfile fat.pem");
	run("test $(stat -c %%s sig) -gt 65536");
	assert_code(verify_file("keys", "sig", NULL), -MFE_BAD_SIGNATURE);
}

static void validity_is_judged_at_the_signing_time(void **state)
{
	static const struct {
		const char *from, *to;
		int code;
	} cases[] = {
		{ "20000101000000Z", "20010101000000Z", -MFE_BAD_SIGNATURE }, /* expired */
		{ "20900101000000Z", "20990101000000Z", -MFE_BAD_SIGNATURE }, /* not yet */
		{ "19700101000000Z", "20991231235959Z", 0 },
	};

	run("mkdir dated && : >index.txt && echo 01 >serial.txt && "
	    "printf '[ca]\\ndefault_ca=c\\n[c]\\ndatabase=index.txt\\nserial=serial.txt\\n"
	    "new_certs_dir=.\\npolicy=p\\ndefault_md=sha256\\nunique_subject=no\\n[p]\\n"
	    "commonName=supplied\\n' >ca.conf && openssl req -new -key rsa2048.key -subj /CN=dated "
	    "-out dated.csr");
	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		run("openssl ca -batch -config ca.conf -selfsign -keyfile rsa2048.key -in "
		    "dated.csr "
		    "-notext -startdate %s -enddate %s -out dated/dated.pem 2>err || "
		    "{ cat err; false; }",
		    cases[i].from, cases[i].to);
		run("openssl cms -sign -binary -outform DER -in content -signer dated/dated.pem "
		    "-inkey rsa2048.key -out sig");
		assert_code(verify_file("dated", "sig", NULL), cases[i].code);
	}
}

static void certificates_inside_a_signature_are_never_used(void **state)
{
	/* a leaf certified by a key of the keyring, which does not have the leaf */
	run("openssl req -new -newkey rsa:2048 -nodes -keyout leaf.key -subj /CN=leaf -out "
	    "leaf.csr "
	    "2>err && openssl x509 -req -in leaf.csr -CA keys/rsa2048.pem -CAkey rsa2048.key "
	    "-CAcreateserial -out others/leaf.pem -days 100 2>err");
	sign("leaf", "-certfile keys/rsa2048.pem");
	assert_code(verify_file("keys", "sig", NULL), -MFE_UNTRUSTED_KEY);
	/* a leaf of the keyring is enough, without its issuer */
	run("mkdir leaf && cp others/leaf.pem leaf/");
	assert_code(verify_file("leaf", "sig", NULL), 0);
}

static void revoked_certificates_no_longer_count(void **state)
{
	run("cp others/leaf.pem keys/rsa2048.pem revoked/ && : >index.txt && echo 01 >crlnumber && "
	    "printf '[ca]\\ndefault_ca=c\\n[c]\\ndatabase=index.txt\\ncrlnumber=crlnumber\\n"
	    "default_md=sha256\\n' >crl.conf");
	sign("leaf", "");
	run("openssl ca -config crl.conf -gencrl -crldays 1 -keyfile rsa2048.key -cert "
	    "keys/rsa2048.pem -out revoked/list.crl 2>err");
	assert_code(verify_file("revoked", "sig", NULL), 0); /* a list that does not name it */
	run("openssl ca -config crl.conf -revoke others/leaf.pem -keyfile rsa2048.key -cert "
	    "keys/rsa2048.pem 2>err && openssl ca -config crl.conf -gencrl -crldays 1 -keyfile "
	    "rsa2048.key -cert keys/rsa2048.pem -out revoked/list.crl 2>err");
	assert_code(verify_file("revoked", "sig", NULL), -MFE_REVOKED);
	run("openssl crl -in revoked/list.crl -outform DER -out revoked/der.crl && "
	    "rm revoked/list.crl");
	assert_code(verify_file("revoked", "sig", NULL), -MFE_REVOKED);
	sign("rsa2048", ""); /* the issuer itself is still valid */
	assert_code(verify_file("revoked", "sig", NULL), 0);
	run("rm -r revoked/*");
}

static void module_signatures_need_no_attributes(void **state)
{
	static const struct {
		const char *key, *options;
		int code;
	} cases[] = {
		{ "rsa2048", "-noattr -nocerts -md sha256", 0 },
		{ "rsa4096", "-noattr -nocerts -md sha512", 0 },
		{ "p384", "-noattr -nocerts -md sha384", 0 },
		{ "codesign", "-noattr -nocerts -keyid -md sha256", 0 },
		{ "codesign", "-nocerts -md sha256", 0 },
		{ "rsa2048", "-noattr -nocerts -md sha1", -MFE_WEAK_SIGNATURE },
		{ "rsa1024", "-noattr -nocerts -md sha256", -MFE_WEAK_SIGNATURE },
		{ "stranger", "-noattr -nocerts -md sha256", -MFE_UNTRUSTED_KEY },
		{ "twin", "-noattr -nocerts -md sha256", -MFE_BAD_SIGNATURE },
	};
	struct mf_keyring *ring = keyring("keys");

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *sig = NULL;
		size_t len;

		sign(cases[i].key, cases[i].options);
		assert_int_equal(mf_file_read_at(AT_FDCWD, "sig", 1 << 20, &sig, &len), 0);
		assert_code(mf_module_signature_verify(ring, content, CONTENT_LEN, sig, len, NULL),
			    cases[i].code);
		assert_int_not_equal(
			mf_module_signature_verify(ring, content, CONTENT_LEN - 1, sig, len, NULL),
			0);
	}
	mf_keyring_free(ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(signatures_of_the_openssl_program),
		UNIT(ml_dsa_verifies_as_far_as_openssl_can),
		UNIT(other_cms_is_no_signature),
		UNIT(the_signer_is_told),
		UNIT(our_own_signatures_verify_here_and_by_openssl),
		UNIT(weak_and_mismatched_pairs_do_not_sign),
		UNIT(an_ed25519_signature_over_something_else_than_data_is_none),
		UNIT(every_damaged_byte_is_noticed),
		UNIT(bytes_behind_the_signature_are_refused),
		UNIT(validity_is_judged_at_the_signing_time),
		UNIT(certificates_inside_a_signature_are_never_used),
		UNIT(revoked_certificates_no_longer_count),
		UNIT(module_signatures_need_no_attributes),
	};

	return cmocka_run_group_tests(tests, make_keys, remove_scratch);
}
