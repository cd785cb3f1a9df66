/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The key of a machine, as openssl sees it, and its signatures beside those of openssl cms. */
#include "tests/unit.h"
#include "tests/shell.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/error.h"
#include "modfetch/file.h"

#define CONTENT	    "not a module, but bytes all the same"
#define CONTENT_LEN strlen(CONTENT)

static struct mf_key_pair pair; /* made once: that takes a second */

static void save(const char *name, const void *buf, size_t len)
{
	_cleanup_close_ int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_equal(mf_file_write(fd, buf, len), 0);
}

static int make_pair(void **state)
{
	*state = enter_scratch();
	assert_int_equal(mf_key_pair_make("modfetch build key of box", &pair), 0);
	save("key", pair.key, pair.key_len);
	save("cert.der", pair.certificate, pair.certificate_len);
	save("content", CONTENT, CONTENT_LEN);
	run("openssl x509 -inform DER -in cert.der -out cert.pem");
	return 0;
}

static int remove_pair(void **state)
{
	mf_key_pair_done(&pair);
	assert_null(pair.key);
	return remove_scratch(state);
}

static void the_certificate_is_for_modules_alone(void **state)
{
	run("openssl x509 -in cert.pem -noout -text >text");
	run("grep -q 'Version: 3' text && grep -q 'Public-Key: (3072 bit)' text");
	run("test $(grep -c 'CN = modfetch build key of box$' text) = 2");
	run("grep -A1 'Basic Constraints: critical' text | grep -q 'CA:FALSE'");
	run("grep -A1 'Key Usage: critical' text | grep -qx ' *Digital Signature'");
	/* the kernel and shim know the second one as "signs modules alone" */
	run("grep -A1 'Extended Key Usage' text | grep -qx ' *Code Signing, "
	    "1.3.6.1.4.1.2312.16.1.2'");
	run("grep -q 'Subject Key Identifier' text && grep -q 'Authority Key Identifier' text");
	run("grep -q 'Signature Algorithm: sha256WithRSAEncryption' text");
	/* from now, for a hundred years */
	run("openssl x509 -in cert.pem -noout -checkend $((36499 * 86400)) >out");
	run("! openssl x509 -in cert.pem -noout -checkend $((36501 * 86400)) >out");
	run("openssl verify -check_ss_sig -CAfile cert.pem cert.pem >out");
}

static void two_keys_differ_in_everything_that_identifies_them(void **state)
{
	_cleanup_(mf_key_pair_done) struct mf_key_pair other = { 0 };

	assert_int_equal(mf_key_pair_make("modfetch build key of box", &other), 0);
	save("other.der", other.certificate, other.certificate_len);
	run("for f in cert other; do openssl x509 -inform DER -in $f.der -noout -serial >$f.s; "
	    "openssl x509 -inform DER -in $f.der -noout -pubkey >$f.p; done");
	run("! cmp -s cert.s other.s && ! cmp -s cert.p other.p");
	assert_int_equal(mf_key_pair_check(&other), 0);
}

static void names_that_no_certificate_should_have(void **state)
{
	static const char *const names[] = {
		"",
		"two\nlines",
		"\x1b[31m",
		"caf\xc3\xa9",
		"12345678901234567890123456789012345678901234567890123456789012345",
	};
	struct mf_key_pair none = { 0 };

	for (size_t i = 0; i < MF_ARRAY_SIZE(names); i++)
		assert_int_equal(mf_key_pair_make(names[i], &none), -EINVAL);
	assert_null(none.key);
}

static int check_files(const char *key, const char *certificate)
{
	_cleanup_(mf_key_pair_done) struct mf_key_pair files = { 0 };
	char *buf;

	assert_int_equal(mf_file_read_at(AT_FDCWD, key, 1 << 20, &files.key, &files.key_len), 0);
	assert_int_equal(
		mf_file_read_at(AT_FDCWD, certificate, 1 << 20, &buf, &files.certificate_len), 0);
	files.certificate = buf;
	return mf_key_pair_check(&files);
}

static void what_does_not_belong_together_is_no_pair(void **state)
{
	assert_int_equal(check_files("key", "cert.der"), 0);
	make_key("small", "rsa:1024", ".", "");
	make_key("other", "rsa:2048", ".", "");
	run("openssl x509 -in small.pem -outform DER -out small.der; "
	    "openssl x509 -in other.pem -outform DER -out other.der; "
	    "openssl rsa -in key -aes128 -passout pass:x -out locked 2>err; "
	    "head -c 300 key >cut; : >empty; cp cert.der longer.der; echo >>longer.der");
	assert_int_equal(check_files("small.key", "small.der"), -MFE_WEAK_SIGNATURE);
	assert_int_equal(check_files("key", "other.der"), -EBADMSG);
	assert_int_equal(check_files("other.key", "cert.der"), -EBADMSG);
	assert_int_equal(check_files("locked", "cert.der"), -EBADMSG);
	assert_int_equal(check_files("cut", "cert.der"), -EBADMSG);
	assert_int_equal(check_files("empty", "cert.der"), -EBADMSG);
	assert_int_equal(check_files("key", "cert.pem"), -EBADMSG);
	assert_int_equal(check_files("key", "empty"), -EBADMSG);
	assert_int_equal(check_files("key", "longer.der"), -EBADMSG);
}

static struct mf_keyring *own_keyring(void)
{
	struct mf_keyring *ring;

	assert_int_equal(mf_keyring_new(&ring), 0);
	assert_int_equal(mf_keyring_add(ring, pair.certificate, pair.certificate_len, false), 0);
	return ring;
}

static void a_signature_is_the_one_of_openssl_cms(void **state)
{
	static const char *const digests[] = { "sha256", "sha384", "sha512" };
	struct mf_keyring *ring = own_keyring();

	for (size_t i = 0; i < MF_ARRAY_SIZE(digests); i++) {
		_cleanup_free_ void *sig = NULL;
		struct mf_signer signer;
		size_t len;

		assert_int_equal(mf_module_signature_make(&pair, digests[i], CONTENT, CONTENT_LEN,
							  &sig, &len),
				 0);
		save("sig", sig, len);
		run("openssl cms -sign -binary -noattr -nocerts -nosmimecap -md %s -outform DER "
		    "-in content -signer cert.pem -inkey key -out oracle && cmp sig oracle",
		    digests[i]);
		assert_int_equal(
			mf_module_signature_verify(ring, CONTENT, CONTENT_LEN, sig, len, &signer),
			0);
		assert_string_equal(signer.subject, "CN = modfetch build key of box");
		assert_int_equal(mf_module_signature_verify(ring, CONTENT, CONTENT_LEN - 1, sig,
							    len, &signer),
				 -MFE_BAD_SIGNATURE);
	}
	mf_keyring_free(ring);
}

static void a_digest_that_is_weak_or_new_is_refused(void **state)
{
	static const char *const digests[] = { "sha1", "md5", "sha224", "sha3-256", "" };
	void *sig = NULL;
	size_t len;

	for (size_t i = 0; i < MF_ARRAY_SIZE(digests); i++)
		assert_int_equal(mf_module_signature_make(&pair, digests[i], CONTENT, CONTENT_LEN,
							  &sig, &len),
				 -EINVAL);
	assert_null(sig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(the_certificate_is_for_modules_alone),
		UNIT(two_keys_differ_in_everything_that_identifies_them),
		UNIT(names_that_no_certificate_should_have),
		UNIT(what_does_not_belong_together_is_no_pair),
		UNIT(a_signature_is_the_one_of_openssl_cms),
		UNIT(a_digest_that_is_weak_or_new_is_refused),
	};

	return cmocka_run_group_tests(tests, make_pair, remove_pair);
}
