/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which certificate is configured, and which is this machine's own? */
#include "tests/unit.h"
#include "tests/shell.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/module-keys.h"

#define KEYS "root/etc/modfetch/keys"

static int enter(void **state)
{
	*state = enter_scratch();
	run("mkdir -p root/lib/modules/1");
	make_key("own", "rsa:2048", ".", "");
	make_key("publisher", "rsa:2048", ".", "");
	run("openssl x509 -in own.pem -outform DER -out own.der");
	return 0;
}

/* The numbers of keys after COMMANDS in an empty directory of keys; a negative one: the failure. */
static int count(const char *commands, size_t *ret_configured)
{
	_cleanup_(mf_context_done) struct mf_context ctx;
	_cleanup_(mf_module_keys_done) struct mf_module_keys keys = { 0 };
	int r;

	run("rm -rf " KEYS " && mkdir -p " KEYS "/module.d && %s", commands);
	assert_int_equal(mf_context_init(&ctx, "root", "1"), 0);
	r = mf_module_keys_read(&ctx, &keys);
	if (r < 0) {
		assert_int_equal(ctx.failure.code, r);
		assert_null(keys.accepted);
		return r;
	}
	*ret_configured = mf_keyring_size(keys.configured);
	return (int)mf_keyring_size(keys.accepted);
}

#define assert_count(commands, accepted, configured)                                               \
	do {                                                                                       \
		size_t configured_ = 99;                                                           \
		assert_int_equal(count(commands, &configured_), accepted);                         \
		assert_int_equal(configured_, configured);                                         \
	} while (0)

static void the_own_certificate_is_accepted_and_not_configured(void **state)
{
	assert_count("true", 0, 0);
	assert_count("rmdir " KEYS "/module.d", 0, 0);
	assert_count("cp publisher.pem " KEYS "/module.d", 1, 1);
	assert_count("cp own.der " KEYS "/build.der && cp own.der " KEYS "/module.d/build.der", 1,
		     0);
	assert_count("cp own.der " KEYS "/build.der && cp own.der publisher.pem " KEYS "/module.d",
		     2, 1);
}

static void the_fingerprint_decides_and_not_the_name(void **state)
{
	/* in another form, under another name, or twice */
	assert_count("cp own.der " KEYS "/build.der && cp own.pem " KEYS "/module.d/x.pem", 1, 0);
	assert_count("cp own.der " KEYS "/build.der && cp own.pem own.der " KEYS "/module.d", 2, 0);
	/* that of another machine, with the name that ours would have */
	assert_count("cp own.der " KEYS "/module.d/build.der", 1, 1);
	assert_count("cp own.der " KEYS "/build.der && cp publisher.pem " KEYS
		     "/module.d/build.pem",
		     1, 1);
}

static void a_certificate_that_was_taken_out_is_not_accepted(void **state)
{
	assert_count("cp own.der " KEYS "/build.der", 0, 0);
	assert_count("cp own.der " KEYS "/build.der && cp publisher.pem " KEYS "/module.d", 1, 1);
}

static void a_damaged_file_is_named(void **state)
{
	_cleanup_(mf_context_done) struct mf_context ctx;
	_cleanup_(mf_module_keys_done) struct mf_module_keys keys = { 0 };
	size_t unused;

	assert_int_equal(count("echo no key >" KEYS "/module.d/bad.pem", &unused), -MFE_CONFIG);
	assert_int_equal(mf_context_init(&ctx, "root", "1"), 0);
	assert_int_equal(mf_module_keys_read(&ctx, &keys), -MFE_CONFIG);
	assert_string_equal(ctx.failure.what, "/etc/modfetch/keys/module.d/bad.pem");
	assert_int_equal(count("mkdir " KEYS "/build.der", &unused), -EISDIR);
	/* nothing is compared with it but its digest: another content makes no key our own */
	assert_count("cp own.der " KEYS "/module.d && echo no key >" KEYS "/build.der", 1, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(the_own_certificate_is_accepted_and_not_configured),
		UNIT(the_fingerprint_decides_and_not_the_name),
		UNIT(a_certificate_that_was_taken_out_is_not_accepted),
		UNIT(a_damaged_file_is_named),
	};

	return cmocka_run_group_tests(tests, enter, remove_scratch);
}
