/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The key is made once, and what an admin has to do depends on the kernel, EFI and mokutil. */
#include "tests/unit.h"
#include "tests/shell.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/module-key.h"

#define KEYS	"root/etc/modfetch/keys"
#define MOK_NEW "sys/firmware/efi/efivars/MokNew-605dab50-e046-4300-abb6-3dd810dd8b23"

static int enter(void **state)
{
	*state = enter_scratch();
	run("mkdir -p root/lib/modules/1 root/proc root/sys/module/module/parameters");
	return 0;
}

static int ensure(void)
{
	_cleanup_(mf_context_done) struct mf_context ctx;
	int r;

	assert_int_equal(mf_context_init(&ctx, "root", "1"), 0);
	r = mf_module_key_ensure(&ctx);
	if (r < 0)
		assert_int_equal(ctx.failure.code, r);
	return r;
}

static void look(struct mf_module_key *ret_key)
{
	_cleanup_(mf_context_done) struct mf_context ctx;

	assert_int_equal(mf_context_init(&ctx, "root", "1"), 0);
	assert_int_equal(mf_module_key_look(&ctx, ret_key), 0);
	/* a look is no failure of the run */
	assert_int_equal(ctx.failure.code, 0);
}

static void a_second_call_changes_nothing(void **state)
{
	run("rm -rf " KEYS);
	assert_int_equal(ensure(), 1);
	run("cd " KEYS " && find . -type f | sort | xargs sha256sum >$OLDPWD/before && "
	    "stat -c '%%n %%i %%Y' build.key build.der module.d/* >>$OLDPWD/before");
	assert_int_equal(ensure(), 0);
	run("cd " KEYS " && find . -type f | sort | xargs sha256sum >$OLDPWD/after && "
	    "stat -c '%%n %%i %%Y' build.key build.der module.d/* >>$OLDPWD/after");
	run("cmp before after");
}

static void two_builds_that_begin_at_once_make_one_key(void **state)
{
	pid_t children[3];
	int made = 0;

	run("rm -rf " KEYS);
	for (size_t i = 0; i < MF_ARRAY_SIZE(children); i++) {
		children[i] = fork();
		assert_true(children[i] >= 0);
		if (!children[i]) {
			int r = ensure();

			_exit(r < 0 ? 99 : r);
		}
	}
	for (size_t i = 0; i < MF_ARRAY_SIZE(children); i++) {
		int status;

		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
		made += WEXITSTATUS(status);
	}
	assert_int_equal(made, 1);
	assert_int_equal(ensure(), 0);
}

static void a_key_that_cannot_be_used_is_never_replaced(void **state)
{
	_cleanup_(mf_module_key_done) struct mf_module_key key = { 0 };
	_cleanup_free_ char *words = NULL, *guidance = NULL;

	run("rm -rf " KEYS);
	assert_int_equal(ensure(), 1);
	run("sha256sum " KEYS "/build.key >before; rm " KEYS "/build.der");
	assert_int_equal(ensure(), -MFE_CONFIG);
	run("sha256sum -c --quiet before && test ! -e " KEYS "/build.der");
	look(&key);
	assert_int_equal(key.state, MF_MODULE_KEY_UNUSABLE);
	assert_non_null(strstr(key.fault, "build.der is missing"));
	guidance = mf_module_key_guidance(&key);
	assert_non_null(strstr(guidance, "remove /etc/modfetch/keys/build.key"));
	words = mf_module_key_describe(&key);
	assert_non_null(strstr(words, "build.der is missing"));
}

static void without_a_key_there_is_nothing_to_do(void **state)
{
	_cleanup_(mf_module_key_done) struct mf_module_key key = { 0 };

	run("rm -rf " KEYS);
	look(&key);
	assert_int_equal(key.state, MF_MODULE_KEY_NONE);
	assert_null(mf_module_key_guidance(&key));
	/* what an interrupted first use left is no key either */
	assert_int_equal(ensure(), 1);
	run("rm " KEYS "/build.key");
	look(&key);
	assert_int_equal(key.state, MF_MODULE_KEY_NONE);
	assert_int_equal(ensure(), 1);
}

struct situation {
	const char *name;
	const char *setup; /* commands in the root; $ID is the key's identifier */
	enum mf_module_key_state state;
	const char *describes;	   /* part of the description */
	const char *says, *unsaid; /* parts of the guidance, NULL: there is none; one not in it */
};

#define NO_DEMAND "echo N >sys/module/module/parameters/sig_enforce"
#define DEMAND	  "echo Y >sys/module/module/parameters/sig_enforce"
#define EFI	  "mkdir -p sys/firmware/efi/efivars"
#define MOKUTIL	  "mkdir -p usr/bin && : >usr/bin/mokutil"
#define STRANGER                                                                                   \
	"echo '0c21ea1e I------ 1 perm 1f030000 0 0 asymmetri Debian: 6ccece7e4c6c0d1f6149f3dd27"  \
	"dfcc5cbb419ea1: X509.rsa bb419ea1 []' >proc/keys"
#define KNOWN                                                                                      \
	"echo \"0c21ea1e I------ 1 perm 1f030000 0 0 asymmetri modfetch build key of x: $ID: "     \
	"X509.rsa bb419ea1 []\" >>proc/keys"

static const struct situation situations[] = {
	{ "a kernel that takes any module", NO_DEMAND "; " EFI "; " STRANGER, MF_MODULE_KEY_UNKNOWN,
	  "does not demand signed modules", NULL, NULL },
	{ "the same after the key was enrolled", NO_DEMAND "; " EFI "; " KNOWN, MF_MODULE_KEY_KNOWN,
	  "the kernel knows the key", NULL, NULL },
	{ "nothing done yet", DEMAND "; " EFI "; " MOKUTIL "; " STRANGER, MF_MODULE_KEY_UNKNOWN,
	  "(sig_enforce) and does not know the key",
	  "mokutil --import /etc/modfetch/keys/build.der", "install the package" },
	{ "nothing done yet, and nothing to do it with", DEMAND "; " EFI "; " STRANGER,
	  MF_MODULE_KEY_UNKNOWN, "so it refuses them",
	  "install the package mokutil; mokutil --import", NULL },
	{ "imported, not restarted",
	  DEMAND
	  "; " EFI "; " MOKUTIL "; " STRANGER
	  "; (printf '\\7\\0\\0\\0'; cat other.der etc/modfetch/keys/build.der; echo) >" MOK_NEW,
	  MF_MODULE_KEY_WAITS, "waits for a reboot", "\"Enroll MOK\", \"Continue\", \"Yes\"",
	  "--import" },
	{ "another key was imported",
	  DEMAND "; " EFI "; " MOKUTIL "; (printf '\\7\\0\\0\\0'; cat other.der) >" MOK_NEW,
	  MF_MODULE_KEY_UNKNOWN, "does not know", "mokutil --import", NULL },
	{ "enrolled", DEMAND "; " EFI "; " MOKUTIL "; " STRANGER "; " KNOWN, MF_MODULE_KEY_KNOWN,
	  "knows the key", NULL, NULL },
	{ "no EFI", DEMAND "; " STRANGER, MF_MODULE_KEY_UNKNOWN, "does not know",
	  "no EFI, so no key can be added", "mokutil" },
	{ "lockdown",
	  EFI "; mkdir -p sys/kernel/security; echo 'none [integrity] confidentiality' "
	      ">sys/kernel/security/lockdown; " NO_DEMAND "; " STRANGER,
	  MF_MODULE_KEY_UNKNOWN, "(lockdown)", "at the next boot a blue screen", NULL },
};

static void each_situation_has_its_words(void **state)
{
	run("rm -rf " KEYS);
	assert_int_equal(ensure(), 1);
	make_key("other", "rsa:2048", ".", "");
	run("openssl x509 -in other.pem -outform DER -out other.der; "
	    "openssl x509 -inform DER -in " KEYS "/build.der -noout -ext subjectKeyIdentifier | "
	    "tail -1 | tr -d ' :\\n' | tr A-F a-f >id");
	for (size_t i = 0; i < MF_ARRAY_SIZE(situations); i++) {
		const struct situation *s = &situations[i];
		_cleanup_(mf_module_key_done) struct mf_module_key key = { 0 };
		_cleanup_free_ char *words = NULL, *guidance = NULL;

		run("rm -rf root/sys root/proc root/usr; mkdir -p root/proc "
		    "root/sys/module/module/parameters; cp other.der root; cd root && ID=$(cat "
		    "../id) && { %s; }",
		    s->setup);
		look(&key);
		if (key.state != s->state)
			fail_msg("%s: %s", s->name, mf_module_key_state_name(key.state));
		words = mf_module_key_describe(&key);
		guidance = mf_module_key_guidance(&key);
		if (!strstr(words, s->describes))
			fail_msg("%s: %s", s->name, words);
		if (!s->says != !guidance || (s->says && !strstr(guidance, s->says)))
			fail_msg("%s: %s", s->name, guidance ? guidance : "(no guidance)");
		if (s->unsaid && strstr(guidance, s->unsaid))
			fail_msg("%s: %s", s->name, guidance);
		assert_string_equal(key.certificate.subject,
				    "CN = modfetch build key of this machine");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_second_call_changes_nothing),
		UNIT(two_builds_that_begin_at_once_make_one_key),
		UNIT(a_key_that_cannot_be_used_is_never_replaced),
		UNIT(without_a_key_there_is_nothing_to_do),
		UNIT(each_situation_has_its_words),
	};

	return cmocka_run_group_tests(tests, enter, remove_scratch);
}
