/* SPDX-License-Identifier: LGPL-2.1-or-later */
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
#include "modfetch/kernel-keys.h"
#include "modfetch/crypto.h"

/* As kernels print them; %s is the identifier. */
#define KEYS                                                                                       \
	"0c21ea1e I------     1 perm 1f030000     0     0 asymmetri Example CA: %s: X509.rsa "     \
	"bb419ea1 []\n"                                                                            \
	"0f2c6c61 I------     1 perm 0f0b0000     0     0 keyring   .blacklist: empty\n"
#define STRANGE "6ccece7e4c6c0d1f6149f3dd27dfcc5cbb419ea1"

static int make_root(void **state)
{
	*state = enter_scratch();
	run("mkdir -p root/sys/module/module/parameters root/sys/kernel/security root/proc "
	    "root/lib/modules/1 keys && openssl req -x509 -newkey rsa:2048 -nodes -keyout k -out "
	    "keys/mine.pem -subj /CN=mine 2>err");
	run("openssl x509 -in keys/mine.pem -noout -ext subjectKeyIdentifier | tail -1 | "
	    "tr -d ' :\\n' | tr A-F a-f >id");
	return 0;
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static enum mf_kernel_enforces ask(const char *enforce, const char *lockdown, const char *known,
				   const char **why)
{
	_cleanup_(mf_context_done) struct mf_context ctx;
	_cleanup_close_ int fd = open("keys", O_RDONLY | O_DIRECTORY);
	struct mf_keyring *keyring;
	enum mf_kernel_enforces answer;
	char keys[512];

	snprintf(keys, sizeof(keys), KEYS, known);
	write_file("root/sys/module/module/parameters/sig_enforce", enforce);
	write_file("root/sys/kernel/security/lockdown", lockdown);
	write_file("root/proc/keys", keys);
	assert_int_equal(mf_context_init(&ctx, "root", "1"), 0);
	assert_int_equal(mf_keyring_read(fd, NULL, 0, &keyring, NULL), 0);
	answer = mf_kernel_keys_check(&ctx, keyring, why);
	mf_keyring_free(keyring);
	return answer;
}

static void keys_do_not_matter_without_enforcement(void **state)
{
	const char *why = "untouched";

	assert_int_equal(ask("N\n", "[none] integrity confidentiality\n", STRANGE, &why),
			 MF_KERNEL_TAKES_ANY);
	assert_int_equal(ask("", "", STRANGE, &why), MF_KERNEL_TAKES_ANY);
	assert_string_equal(why, "untouched");
}

static void a_demanding_kernel_knows_our_key_or_not(void **state)
{
	static const struct {
		const char *enforce, *lockdown, *why;
	} demands[] = {
		{ "Y\n", "[none] integrity confidentiality\n", "sig_enforce" },
		{ "N\n", "none [integrity] confidentiality\n", "lockdown" },
		{ "N\n", "none integrity [confidentiality]\n", "lockdown" },
		{ "Y\n", "none [integrity] confidentiality\n", "sig_enforce" },
	};
	char id[64];
	FILE *f = fopen("id", "r");

	assert_non_null(fgets(id, sizeof(id), f));
	fclose(f);
	assert_int_equal(strlen(id), 40);
	for (size_t i = 0; i < MF_ARRAY_SIZE(demands); i++) {
		const char *why = NULL;

		assert_int_equal(ask(demands[i].enforce, demands[i].lockdown, STRANGE, &why),
				 MF_KERNEL_KNOWS_NONE);
		assert_string_equal(why, demands[i].why);
		assert_int_equal(ask(demands[i].enforce, demands[i].lockdown, id, &why),
				 MF_KERNEL_KNOWS_A_KEY);
	}
}

static void a_key_is_known_or_not_whatever_is_demanded(void **state)
{
	_cleanup_(mf_context_done) struct mf_context ctx;
	_cleanup_close_ int fd = open("keys", O_RDONLY | O_DIRECTORY);
	struct mf_keyring *keyring;
	const char *why = NULL;
	char id[64];
	FILE *f = fopen("id", "r");

	assert_non_null(fgets(id, sizeof(id), f));
	fclose(f);
	assert_int_equal(mf_context_init(&ctx, "root", "1"), 0);
	assert_int_equal(mf_keyring_read(fd, NULL, 0, &keyring, NULL), 0);
	ask("N\n", "", id, &why);
	assert_true(mf_kernel_keys_know(&ctx, keyring));
	assert_null(mf_kernel_keys_demand(&ctx));
	ask("Y\n", "", STRANGE, &why);
	assert_false(mf_kernel_keys_know(&ctx, keyring));
	assert_string_equal(mf_kernel_keys_demand(&ctx), "sig_enforce");
	run("rm root/proc/keys");
	assert_false(mf_kernel_keys_know(&ctx, keyring));
	mf_keyring_free(keyring);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(keys_do_not_matter_without_enforcement),
		UNIT(a_demanding_kernel_knows_our_key_or_not),
		UNIT(a_key_is_known_or_not_whatever_is_demanded),
	};

	return cmocka_run_group_tests(tests, make_root, remove_scratch);
}
