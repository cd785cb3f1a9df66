/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of the key: who may read them, and each state in which a power cut may leave them. */
#include "tests/unit.h"
#include "tests/shell.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/module-keys.h"
#include "src/sign/pair.h"

#define DIRECTORY "root/etc/modfetch/keys"

static char last_failure[600];

static int enter(void **state)
{
	*state = enter_scratch();
	run("mkdir -p root/lib/modules/1 root/etc && echo 'my box;$(x)\nsecond' "
	    ">root/etc/hostname");
	return 0;
}

/* Makes the files in the present state of the directory. */
static int make(void)
{
	_cleanup_(mf_context_done) struct mf_context ctx;
	_cleanup_close_ int dirfd = -1;
	int r;

	assert_int_equal(mf_context_init(&ctx, "root", "1"), 0);
	dirfd = mf_context_mkdir(&ctx, KEYS);
	assert_true(dirfd >= 0);
	r = sign_pair_make(&ctx, dirfd);
	snprintf(last_failure, sizeof(last_failure), "%s: %s", ctx.failure.what, ctx.failure.why);
	return r;
}

/* Reads them. */
static int read_again(void)
{
	_cleanup_(mf_key_pair_done) struct mf_key_pair pair = { 0 };
	_cleanup_(mf_context_done) struct mf_context ctx;
	_cleanup_close_ int dirfd = -1;
	int r;

	assert_int_equal(mf_context_init(&ctx, "root", "1"), 0);
	dirfd = mf_context_open(&ctx, KEYS, O_RDONLY | O_DIRECTORY);
	assert_true(dirfd >= 0);
	r = sign_pair_read(&ctx, dirfd, &pair);
	if (r)
		assert_null(pair.key);
	if (r < 0)
		assert_int_equal(ctx.failure.code, r);
	snprintf(last_failure, sizeof(last_failure), "%s: %s", ctx.failure.what, ctx.failure.why);
	return r;
}

/* Is a key configured, so that modules must be signed? */
static bool demands_signatures(void)
{
	_cleanup_(mf_context_done) struct mf_context ctx;
	_cleanup_(mf_module_keys_done) struct mf_module_keys keys = { 0 };

	assert_int_equal(mf_context_init(&ctx, "root", "1"), 0);
	assert_int_equal(mf_module_keys_read(&ctx, &keys), 0);
	return mf_keyring_size(keys.configured) > 0;
}

static void begin(void)
{
	run("rm -rf " DIRECTORY);
	assert_int_equal(make(), 0);
	run("cp -a " DIRECTORY " whole");
}

static void end(void)
{
	run("rm -rf whole");
}

static void only_root_can_read_the_key(void **state)
{
	mode_t before = umask(0);

	begin();
	umask(before);
	run("test \"$(stat -c %%a:%%u:%%F " DIRECTORY "/build.key)\" = '600:0:regular file'");
	run("test $(stat -c %%a " DIRECTORY "/build.der) = 644 && cmp " DIRECTORY
	    "/build.der " DIRECTORY "/module.d/build.der");
	run("test \"$(ls -A " DIRECTORY " | tr '\\n' ' ')\" = 'build.der build.key module.d '");
	assert_int_equal(read_again(), 0);
	assert_false(demands_signatures());
	end();
}

static void the_certificate_names_the_machine_in_safe_characters(void **state)
{
	begin();
	run("openssl x509 -inform DER -in " DIRECTORY "/build.der -noout -subject | grep -qx "
	    "'subject=CN = modfetch build key of myboxx'");
	end();
	run("rm root/etc/hostname");
	begin();
	run("openssl x509 -inform DER -in " DIRECTORY "/build.der -noout -subject | grep -qx "
	    "'subject=CN = modfetch build key of this machine'");
	end();
	run("printf %%0300d 0 >root/etc/hostname");
	begin();
	run("openssl x509 -inform DER -in " DIRECTORY "/build.der -noout -subject | grep -qx "
	    "'subject=CN = modfetch build key of 0\\{42\\}'");
	end();
}

static void a_key_that_others_may_have_is_not_used(void **state)
{
	static const char *const changes[] = {
		"chmod 640 " DIRECTORY "/build.key",
		"chmod 604 " DIRECTORY "/build.key",
		"chown 1 " DIRECTORY "/build.key",
		"mv " DIRECTORY "/build.key k && mkfifo -m 600 " DIRECTORY "/build.key",
	};

	begin();
	for (size_t i = 0; i < MF_ARRAY_SIZE(changes); i++) {
		run("rm -rf " DIRECTORY " && cp -a whole " DIRECTORY " && %s", changes[i]);
		assert_int_equal(read_again(), -MFE_CONFIG);
		assert_non_null(strstr(last_failure, "only root can read"));
		assert_non_null(strstr(last_failure, "remove /etc/modfetch/keys/build.key"));
	}
	run("rm -rf " DIRECTORY " && cp -a whole " DIRECTORY " && mv " DIRECTORY
	    "/build.key k && ln -s $PWD/k " DIRECTORY "/build.key");
	assert_int_equal(read_again(), -ELOOP);
	end();
}

static void parts_that_do_not_belong_together_are_refused(void **state)
{
	static const struct {
		const char *change, *says;
	} cases[] = {
		{ "rm " DIRECTORY "/build.der", "build.der is missing" },
		{ "cp other.der " DIRECTORY "/build.der", "not the certificate of this key" },
		{ "echo x >" DIRECTORY "/build.key", "not the certificate of this key" },
		{ "rm " DIRECTORY "/module.d/build.der",
		  "cp /etc/modfetch/keys/build.der /etc/modfetch/keys/module.d" },
		{ "cp other.der " DIRECTORY "/module.d/build.der", "is not in" },
	};

	begin();
	make_key("other", "rsa:2048", ".", "");
	run("openssl x509 -in other.pem -outform DER -out other.der");
	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		run("rm -rf " DIRECTORY " && cp -a whole " DIRECTORY " && %s", cases[i].change);
		assert_int_equal(read_again(), -MFE_CONFIG);
		assert_non_null(strstr(last_failure, cases[i].says));
	}
	end();
}

static void a_certificate_on_a_revocation_list_signs_nothing(void **state)
{
	begin();
	run("mkdir ca && : >ca/index && echo 01 >ca/crlnumber && printf '[ca]\ndefault_ca=c\n[c]\n"
	    "database=ca/index\ncrlnumber=ca/crlnumber\ndefault_md=sha256\n"
	    "default_crl_days=9\n' >ca/conf");
	run("openssl x509 -inform DER -in " DIRECTORY "/build.der -out own.pem && "
	    "openssl ca -config ca/conf -keyfile " DIRECTORY "/build.key -cert own.pem "
	    "-revoke own.pem 2>err && openssl ca -config ca/conf -gencrl -keyfile " DIRECTORY
	    "/build.key -cert own.pem -out " DIRECTORY
	    "/module.d/x.crl 2>err || { cat err; false; }");
	assert_int_equal(read_again(), -MFE_CONFIG);
	assert_non_null(strstr(last_failure, "is revoked"));
	end();
}

/* The key is written last: before that, all that is left is of no key. */
static void after_each_cut_there_is_no_key_or_a_whole_one(void **state)
{
	static const char *const left[] = {
		"rm " DIRECTORY "/build.key",
		"rm " DIRECTORY "/build.key " DIRECTORY "/module.d/build.der",
		"rm -r " DIRECTORY "/build.key " DIRECTORY "/module.d",
		"rm " DIRECTORY "/build.key && cp whole/build.key " DIRECTORY
		"/.build.key.1.partial",
	};

	begin();
	for (size_t i = 0; i < MF_ARRAY_SIZE(left); i++) {
		run("rm -rf " DIRECTORY " && cp -a whole " DIRECTORY " && %s", left[i]);
		assert_int_equal(read_again(), 1);
		assert_false(demands_signatures());
		assert_int_equal(make(), 0);
		assert_int_equal(read_again(), 0);
		assert_false(demands_signatures());
	}
	end();
}

static void the_private_key_is_the_last_file(void **state)
{
	run("rm -rf " DIRECTORY " && mkdir -p " DIRECTORY "/build.key");
	assert_true(make() < 0);
	run("test -f " DIRECTORY "/build.der && test -f " DIRECTORY "/module.d/build.der");
	assert_false(demands_signatures());
	run("rmdir " DIRECTORY "/build.key");
	assert_int_equal(make(), 0);
	assert_int_equal(read_again(), 0);
	/* no part of a key is left beside it */
	run("test \"$(ls -A " DIRECTORY " | tr '\\n' ' ')\" = 'build.der build.key module.d '");
}

static void the_key_of_another_machine_stays(void **state)
{
	make_key("theirs", "rsa:2048", ".", "");
	run("rm -rf " DIRECTORY " && mkdir -p " DIRECTORY
	    "/module.d && openssl x509 -in theirs.pem "
	    "-outform DER -out " DIRECTORY "/module.d/build.der && cp " DIRECTORY
	    "/module.d/build.der before");
	assert_int_equal(make(), -MFE_FILE_EXISTS);
	assert_non_null(strstr(last_failure, "rename the file"));
	run("cmp " DIRECTORY "/module.d/build.der before && test ! -e " DIRECTORY
	    "/build.key && test ! -e " DIRECTORY "/build.der");
	/* it counts under another name as before */
	run("mv " DIRECTORY "/module.d/build.der " DIRECTORY "/module.d/theirs.der");
	assert_int_equal(make(), 0);
	assert_int_equal(read_again(), 0);
	assert_true(demands_signatures());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(only_root_can_read_the_key),
		UNIT(the_certificate_names_the_machine_in_safe_characters),
		UNIT(a_key_that_others_may_have_is_not_used),
		UNIT(parts_that_do_not_belong_together_are_refused),
		UNIT(a_certificate_on_a_revocation_list_signs_nothing),
		UNIT(after_each_cut_there_is_no_key_or_a_whole_one),
		UNIT(the_private_key_is_the_last_file),
		UNIT(the_key_of_another_machine_stays),
	};

	return cmocka_run_group_tests(tests, enter, remove_scratch);
}
