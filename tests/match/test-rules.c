/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tests/unit.h"
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/rules.h"

struct fixture {
	char root[64];
	struct mf_context ctx;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->root, "/tmp/test-rules-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	assert_int_equal(mf_context_init(&f->ctx, f->root, "6.1.0-1-test"), 0);
	f->ctx.log_level = MF_LOG_ERROR;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mf_tree_remove(AT_FDCWD, f->root), 0);
	mf_context_done(&f->ctx);
	free(f);
	return 0;
}

static void put(struct fixture *f, const char *name, const char *text)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(&f->ctx, MF_RULES_DIRECTORY);

	assert_true(dirfd >= 0);
	assert_int_equal(mf_file_publish(dirfd, name, 0644, text, strlen(text)), 0);
}

/* A file in place of a directory. */
static int put_plain(struct fixture *f, const char *path)
{
	int fd = openat(f->ctx.root_fd, path, O_WRONLY | O_CREAT | O_EXCL, 0644);

	return fd < 0 ? -1 : close(fd);
}

static char *get(struct fixture *f, const char *name)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(&f->ctx, MF_RULES_DIRECTORY);
	char *text = NULL;
	size_t len;

	assert_int_equal(mf_file_read_at(dirfd, name, 65536, &text, &len), 0);
	return text;
}

static struct mf_rules *read_rules(struct fixture *f)
{
	struct mf_rules *rules = NULL;

	assert_int_equal(mf_rules_read(&f->ctx, &rules), 0);
	return rules;
}

static const char stick[] = "usb:v0781p5583d0100dc00dsc00dp00ic08isc06ip50in00";
static const char nic[] = "pci:v00008086d000010D3sv00008086sd0000A01Fbc02sc00i00";

static int ask(struct fixture *f, const char *text, struct mf_facts facts)
{
	struct mf_rules *rules;
	const char *rule = NULL;
	int r;

	put(f, "10-test.conf", text);
	rules = read_rules(f);
	r = mf_rules_ask(rules, &facts, &rule);
	assert_true((r == 1) == (rule != NULL));
	mf_rules_free(rules);
	return r;
}

static void without_rules_everything_is_allowed(void **state)
{
	struct mf_rules *rules = read_rules(*state);
	const char *rule;

	assert_int_equal(mf_rules_ask(rules,
				      &(struct mf_facts){ .modalias = nic, .module = "e1000e" },
				      &rule),
			 0);
	mf_rules_free(rules);
}

static void each_condition_holds_only_for_its_value(void **state)
{
	static const struct {
		const char *rule;
		struct mf_facts facts;
		int answer;
	} cases[] = {
		{ "deny bus usb", { .modalias = stick }, 1 },
		{ "deny bus usb", { .modalias = nic }, 0 },
		{ "deny bus us", { .modalias = stick }, 0 },
		{ "deny bus usb", { .modalias = NULL }, 0 },
		/* a name requested for a device */
		{ "deny bus usb", { .modalias = "sg", .device = stick }, 1 },
		{ "deny class 08", { .modalias = "sg", .device = stick }, 1 },
		{ "deny modalias usb:v0781*", { .modalias = "sg", .device = stick }, 1 },
		{ "deny modalias sg", { .modalias = "sg", .device = stick }, 1 },
		{ "deny bus pci", { .modalias = "sg", .device = stick }, 0 },
		{ "deny class 02", { .modalias = nic }, 1 },
		{ "deny class 0200", { .modalias = nic }, 1 },
		{ "deny class 020000", { .modalias = nic }, 1 },
		{ "deny class 0280", { .modalias = nic }, 0 },
		{ "deny class 0806", { .modalias = stick }, 1 },
		{ "deny class 08", { .modalias = nic }, 0 },
		{ "deny class 02", { .modalias = "fs_xfs" }, 0 },
		{ "deny modalias pci:v00008086*", { .modalias = nic }, 1 },
		{ "deny modalias fs-*", { .modalias = "fs_xfs" }, 1 },
		{ "deny modalias pci:v000010EC*", { .modalias = nic }, 0 },
		{ "deny module snd-hda-*", { .module = "snd_hda_intel" }, 1 },
		{ "deny module snd_hda_*", { .module = "snd_usb_audio" }, 0 },
		{ "deny module *", { .module = NULL }, 0 },
		{ "deny package igb-kmp-*", { .package = "igb-kmp-amd64-6.1.0_56" }, 1 },
		{ "deny package igb", { .package = "igb-kmp-amd64-6.1.0_56" }, 0 },
		{ "deny repository ex*", { .repository = "extra" }, 1 },
		{ "deny repository base", { .repository = "extra" }, 0 },
		{ "deny removable", { .removable = MF_REMOVABLE }, 1 },
		{ "deny removable", { .removable = MF_FIXED }, 0 },
		{ "deny removable", { .removable = MF_REMOVABLE_UNKNOWN }, 0 },
		{ "deny fixed", { .removable = MF_FIXED }, 1 },
		{ "deny fixed", { .removable = MF_REMOVABLE_UNKNOWN }, 0 },
		{ "deny bus usb removable module uas",
		  { .modalias = stick, .removable = MF_REMOVABLE, .module = "uas" },
		  1 },
		{ "deny bus usb removable module uas",
		  { .modalias = stick, .removable = MF_FIXED, .module = "uas" },
		  0 },
		{ "deny modalias cpu:type:x86,ven*", { .modalias = "cpu:type:x86,ven0000fam" }, 1 },
		/* brackets: a class in a pattern, literal in a name copied from a device */
		{ "deny modalias dmi:*bvr-[A-C]-*", { .modalias = "dmi:bvnX:bvr_B_:" }, 1 },
		{ "deny modalias dmi:*bvr-[A-C]-*", { .modalias = "dmi:bvnX:bvr_[A-C]_:" }, 0 },
		{ "deny modalias dmi:bvnX:bvr-[A-C]-:", { .modalias = "dmi:bvnX:bvr_[A-C]_:" }, 1 },
		{ "deny modalias dmi:*\\[A-C\\]*", { .modalias = "dmi:bvnX:bvr_[A-C]_:" }, 1 },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++)
		if (ask(*state, cases[i].rule, cases[i].facts) != cases[i].answer)
			fail_msg("case %zu: %s", i, cases[i].rule);
}

static void the_first_rule_that_applies_decides(void **state)
{
	static const char text[] = "# only storage\n\nallow class 08 bus usb # sticks\n"
				   "deny bus usb\nallow module x\ndeny module *\n";

	assert_int_equal(ask(*state, text, (struct mf_facts){ .modalias = stick, .module = "uas" }),
			 0);
	assert_int_equal(ask(*state, text,
			     (struct mf_facts){ .modalias = "usb:v0001p0002ic03isc00ip00in00",
						.module = "x" }),
			 1);
	assert_int_equal(ask(*state, text, (struct mf_facts){ .modalias = nic, .module = "x" }), 0);
	assert_int_equal(ask(*state, text, (struct mf_facts){ .modalias = nic, .module = "y" }), 1);
}

static void files_are_read_in_the_order_of_their_names(void **state)
{
	struct fixture *f = *state;
	struct mf_rules *rules;
	const char *rule;

	put(f, "20-b.conf", "deny module b\n");
	put(f, "05-a.conf", "allow module b\ndeny module a\n");
	put(f, "not-a-rule", "deny module c\n");
	put(f, ".hidden.conf", "deny module c\n");
	rules = read_rules(f);
	assert_int_equal(mf_rules_ask(rules, &(struct mf_facts){ .module = "b" }, &rule), 0);
	assert_int_equal(mf_rules_ask(rules, &(struct mf_facts){ .module = "c" }, &rule), 0);
	assert_int_equal(mf_rules_ask(rules, &(struct mf_facts){ .module = "a" }, &rule), 1);
	assert_string_equal(rule, "deny module a (05-a.conf, line 2)");
	mf_rules_free(rules);
}

/* Neither the first nor the last file created sorts first. */
static void the_order_of_directory_entries_does_not_matter(void **state)
{
	struct fixture *f = *state;
	struct mf_rules *rules;
	const char *rule;

	for (unsigned int i = 0; i < 20; i++) {
		char name[32];

		snprintf(name, sizeof(name), "%02u-x.conf", (i * 7 + 30) % 20);
		put(f, name, i % 2 ? "allow module z\ndeny module x\n" : "deny module x\n");
	}
	rules = read_rules(f);
	assert_int_equal(mf_rules_ask(rules, &(struct mf_facts){ .module = "x" }, &rule), 1);
	assert_non_null(strstr(rule, "(00-x.conf"));
	mf_rules_free(rules);
}

static void a_file_that_cannot_be_read_fails_the_run(void **state)
{
	static const char text[] = "deny module x\n\0deny module y\n";
	struct fixture *f = *state;
	_cleanup_close_ int dirfd = mf_context_mkdir(&f->ctx, MF_RULES_DIRECTORY);
	struct mf_rules *rules = NULL;

	assert_int_equal(mf_file_publish(dirfd, "x.conf", 0644, text, sizeof(text) - 1), 0);
	assert_int_equal(mf_rules_read(&f->ctx, &rules), -MFE_CONFIG);
	assert_int_equal(unlinkat(dirfd, "x.conf", 0), 0);
	assert_int_equal(mkdirat(dirfd, "x.conf", 0755), 0);
	assert_true(mf_rules_read(&f->ctx, &rules) < 0);
	assert_int_equal(unlinkat(dirfd, "x.conf", AT_REMOVEDIR), 0);
	/* a missing directory has no rules; a file in its place is an error */
	assert_int_equal(unlinkat(dirfd, "../policy.d", AT_REMOVEDIR), 0);
	rules = read_rules(f);
	mf_rules_free(rules);
	rules = NULL;
	assert_int_equal(put_plain(f, "etc/modfetch/policy.d"), 0);
	assert_true(mf_rules_read(&f->ctx, &rules) < 0);
	assert_null(rules);
}

static void a_line_that_is_not_a_rule_fails_the_run(void **state)
{
	static const char *const lines[] = {
		"deny",
		"denie module x",
		"deny modul x",
		"deny module",
		"deny module x class",
		"module x",
		"deny x",
		"deny module [a-",
		"allow removable yes",
		"deny module x y",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(lines); i++) {
		struct mf_rules *rules = NULL;

		put(f, "10-test.conf", lines[i]);
		if (mf_rules_read(&f->ctx, &rules) != -MFE_CONFIG)
			fail_msg("accepted: %s", lines[i]);
	}
}

static int set(struct fixture *f, bool deny, const char *word)
{
	return mf_rules_set(&f->ctx, deny, &word, 1);
}

static void a_rule_set_by_the_admin_comes_first_and_once(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *text = NULL;

	assert_int_equal(set(f, true, "igb"), 0);
	assert_int_equal(set(f, true, "usb:v0781*"), 0);
	assert_int_equal(set(f, true, "igb-kmp-amd64-6.1.0_56"), 0);
	assert_int_equal(set(f, true, "igb-kmp-amd64-6.1.0_56"), 1);
	assert_int_equal(set(f, false, "igb"), 0);
	assert_int_equal(
		mf_rules_set(&f->ctx, true, (const char *const[]){ "bus", "usb", "removable" }, 3),
		0);
	text = get(f, MF_RULES_ADMIN);
	assert_string_equal(text, "deny bus usb removable\nallow module igb\n"
				  "deny package igb-kmp-amd64-6.1.0_56\n"
				  "deny modalias usb:v0781*\n");
}

static void the_other_lines_of_the_admins_file_stay(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *text = NULL;

	put(f, MF_RULES_ADMIN, "# written by hand\nallow class 02\ndeny module igb\n");
	assert_int_equal(set(f, false, "igb"), 0);
	text = get(f, MF_RULES_ADMIN);
	assert_string_equal(text, "allow module igb\n# written by hand\nallow class 02\n");
}

static void an_invalid_rule_is_not_written(void **state)
{
	static const char *const words[] = { "a b", "x#y", "x\ndeny module z", "module", "" };
	struct fixture *f = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(words); i++)
		if (set(f, true, words[i]) != -MFE_USAGE)
			fail_msg("accepted: %s", words[i]);
	assert_true(mf_context_open(&f->ctx, MF_RULES_DIRECTORY "/" MF_RULES_ADMIN, O_RDONLY) < 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_rules_everything_is_allowed),
		TEST(each_condition_holds_only_for_its_value),
		TEST(the_first_rule_that_applies_decides),
		TEST(files_are_read_in_the_order_of_their_names),
		TEST(the_order_of_directory_entries_does_not_matter),
		TEST(a_file_that_cannot_be_read_fails_the_run),
		TEST(a_line_that_is_not_a_rule_fails_the_run),
		TEST(a_rule_set_by_the_admin_comes_first_and_once),
		TEST(the_other_lines_of_the_admins_file_stay),
		TEST(an_invalid_rule_is_not_written),
	};

	return UNIT_RUN(tests);
}
