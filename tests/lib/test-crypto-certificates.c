/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a certificate is shown to an admin, and what is written of its file. The openssl program is the oracle. */
#include "tests/unit.h"
#include "tests/shell.h"
#include <fcntl.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/error.h"
#include "modfetch/file.h"

static int make_keys(void **state)
{
	*state = enter_scratch();
	run("mkdir keys");
	make_key("good", "ec -pkeyopt ec_paramgen_curve:P-256", "keys", "");
	make_key("weak", "rsa:1024", "keys", "");
	run("cat good.key keys/good.pem weak.key keys/weak.pem >both.pem");
	run("openssl x509 -in keys/good.pem -outform DER -out keys/good.der");
	run("openssl req -x509 -newkey rsa:2048 -nodes -keyout odd.key -out keys/odd.pem -days 10 "
	    "-utf8 "
	    "-subj \"$(printf '/CN=a\\033[31m\\342\\200\\256b')\" 2>err || { cat err; false; }");
	return 0;
}

static struct mf_keyring *ring_of(const char *path)
{
	_cleanup_free_ char *text = NULL;
	struct mf_keyring *ring = NULL;
	size_t len;

	assert_int_equal(mf_file_read_at(AT_FDCWD, path, 1 << 20, &text, &len), 0);
	assert_int_equal(mf_keyring_new(&ring), 0);
	assert_int_equal(mf_keyring_add(ring, text, len, false), 0);
	return ring;
}

/* The output of a command, one line, in lower case. */
static char *answer(const char *command)
{
	_cleanup_free_ char *full = NULL;
	char *text = NULL;
	size_t len;

	assert_true(asprintf(&full, "%s | tr A-F a-f | tr -d ':\\n' >answer", command) > 0);
	run("%s", full);
	assert_int_equal(mf_file_read_at(AT_FDCWD, "answer", 4096, &text, &len), 0);
	return text;
}

static void the_fingerprint_and_the_dates_are_those_that_openssl_prints(void **state)
{
	static const char *const files[] = { "keys/good.pem", "keys/good.der" };
	_cleanup_free_ char *fingerprint = answer(
		"openssl x509 -in keys/good.pem -noout -fingerprint -sha256 | sed 's/.*=//'");
	_cleanup_free_ char *end = answer("date +%s -d \"$(openssl x509 -in keys/good.pem -noout "
					  "-enddate | sed 's/.*=//')\"");

	for (size_t i = 0; i < MF_ARRAY_SIZE(files); i++) {
		struct mf_keyring *ring = ring_of(files[i]);
		struct mf_certificate c;

		assert_int_equal(mf_keyring_size(ring), 1);
		mf_keyring_describe(ring, 0, &c);
		assert_string_equal(c.fingerprint, fingerprint);
		assert_string_equal(c.subject, "CN = good");
		assert_int_equal(c.not_after, atoll(end));
		assert_int_equal(c.not_after - c.not_before, 3650LL * 86400);
		assert_true(c.strong);
		assert_false(c.revoked);
		mf_keyring_free(ring);
	}
}

static void each_certificate_of_a_file_is_described(void **state)
{
	struct mf_keyring *ring = ring_of("both.pem");
	struct mf_certificate c;

	assert_int_equal(mf_keyring_size(ring), 2);
	mf_keyring_describe(ring, 0, &c);
	assert_string_equal(c.subject, "CN = good");
	mf_keyring_describe(ring, 1, &c);
	assert_string_equal(c.subject, "CN = weak");
	assert_false(c.strong);
	mf_keyring_free(ring);
}

static void a_private_key_beside_it_is_not_written(void **state)
{
	struct mf_keyring *ring = ring_of("both.pem");
	_cleanup_free_ char *pem = NULL, *alone = NULL;
	size_t len;

	assert_int_equal(mf_keyring_pem(ring, 0, &pem), 0);
	assert_int_equal(mf_file_read_at(AT_FDCWD, "keys/good.pem", 1 << 20, &alone, &len), 0);
	assert_string_equal(pem, alone);
	assert_null(strstr(pem, "PRIVATE"));
	mf_keyring_free(ring);
}

static void a_subject_cannot_write_on_a_terminal(void **state)
{
	struct mf_keyring *ring = ring_of("keys/odd.pem");
	struct mf_certificate c;

	mf_keyring_describe(ring, 0, &c);
	assert_non_null(strstr(c.subject, "CN = a"));
	for (const char *p = c.subject; *p; p++)
		assert_uint_in_range(*p, 0x20, 0x7e);
	mf_keyring_free(ring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(the_fingerprint_and_the_dates_are_those_that_openssl_prints),
		UNIT(each_certificate_of_a_file_is_described),
		UNIT(a_private_key_beside_it_is_not_written),
		UNIT(a_subject_cannot_write_on_a_terminal),
	};

	return cmocka_run_group_tests(tests, make_keys, remove_scratch);
}
