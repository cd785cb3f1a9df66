/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <sys/wait.h>
#include "tests/unit.h"
#include "tests/rules.h"
#include "modfetch/array.h"

static int set(struct rules_machine *f, bool deny, const char *word)
{
	return mf_rules_set(&f->ctx, deny ? MF_RULE_DENY : MF_RULE_ALLOW, &word, 1, false);
}

static void a_rule_set_by_the_admin_comes_first_and_once(void **state)
{
	struct rules_machine *f = *state;
	_cleanup_free_ char *text = NULL;

	assert_int_equal(set(f, true, "igb"), 0);
	assert_int_equal(set(f, true, "usb:v0781*"), 0);
	assert_int_equal(set(f, true, "igb-kmp-amd64-6.1.0_56"), 0);
	assert_int_equal(set(f, true, "igb-kmp-amd64-6.1.0_56"), 1);
	assert_int_equal(set(f, false, "igb"), 0);
	assert_int_equal(mf_rules_set(&f->ctx, MF_RULE_DENY,
				      (const char *const[]){ "bus", "usb", "removable" }, 3, false),
			 0);
	text = rules_get(f, MF_RULES_ADMIN);
	assert_string_equal(text, "deny bus usb removable\nallow module igb\n"
				  "deny package igb-kmp-amd64-6.1.0_56\n"
				  "deny modalias usb:v0781*\n");
}

static void the_other_lines_of_the_admins_file_stay(void **state)
{
	struct rules_machine *f = *state;
	_cleanup_free_ char *text = NULL;

	rules_put(f, MF_RULES_ADMIN, "# written by hand\nallow class 02\ndeny module igb\n");
	assert_int_equal(set(f, false, "igb"), 0);
	text = rules_get(f, MF_RULES_ADMIN);
	assert_string_equal(text, "allow module igb\n# written by hand\nallow class 02\n");
}

static void an_invalid_rule_is_not_written(void **state)
{
	static const char *const words[] = { "a b", "x#y", "x\ndeny module z", "module", "" };
	struct rules_machine *f = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(words); i++)
		if (set(f, true, words[i]) != -MFE_USAGE)
			fail_msg("accepted: %s", words[i]);
	assert_true(mf_context_open(&f->ctx, MF_RULES_DIRECTORY "/" MF_RULES_ADMIN, O_RDONLY) < 0);
}

static int hold(struct rules_machine *f, const char *word, bool remove)
{
	return remove ? mf_rules_unset(&f->ctx, MF_RULE_HOLD, &word, 1, false)
		      : mf_rules_set(&f->ctx, MF_RULE_HOLD, &word, 1, false);
}

static void a_hold_stays_beside_the_other_rules_of_its_name(void **state)
{
	struct rules_machine *f = *state;
	const char *const prefer[] = { "module", "snd_x", "repository", "v" };
	_cleanup_free_ char *text = NULL;

	assert_int_equal(set(f, true, "snd-x"), 0);
	assert_int_equal(hold(f, "snd-x", false), 0);
	assert_int_equal(mf_rules_set(&f->ctx, MF_RULE_PREFER, prefer, 4, false), 0);
	/* the order of rules to hold does not matter: it is there */
	assert_int_equal(hold(f, "snd-x", false), 1);
	assert_int_equal(mf_rules_set(&f->ctx, MF_RULE_PREFER, prefer, 4, false), 1);
	text = rules_get(f, MF_RULES_ADMIN);
	assert_string_equal(text, "prefer module snd_x repository v\nhold module snd-x\n"
				  "deny module snd-x\n");
}

static void a_hold_is_removed_with_its_comment_however_it_is_spelled(void **state)
{
	struct rules_machine *f = *state;
	_cleanup_free_ char *text = NULL;

	rules_put(f, MF_RULES_ADMIN,
		  "# mine\nhold  module snd_x # since June\ndeny module snd-x\nhold module snd-*\n"
		  "not a rule\nhold module snd-x");
	/* it is there, and keeps its comment */
	assert_int_equal(hold(f, "snd-x", false), 1);
	assert_int_equal(hold(f, "snd-x", true), 0);
	assert_int_equal(hold(f, "snd-x", true), 1);
	assert_int_equal(hold(f, "other", true), 1);
	assert_int_equal(hold(f, "a b", true), -MFE_USAGE);
	text = rules_get(f, MF_RULES_ADMIN);
	assert_string_equal(text, "# mine\ndeny module snd-x\nhold module snd-*\nnot a rule\n");
}

static void a_hold_of_a_device_is_not_written(void **state)
{
	struct rules_machine *f = *state;

	assert_int_equal(hold(f, "pci:v00008086*", false), -MFE_USAGE);
	assert_non_null(strstr(f->ctx.failure.why, "no bus"));
	assert_true(mf_context_open(&f->ctx, MF_RULES_DIRECTORY "/" MF_RULES_ADMIN, O_RDONLY) < 0);
}

/* Two verbs at the same time: each reads the file, changes it, and publishes it. */
static void rules_that_are_set_at_the_same_time_are_all_kept(void **state)
{
	enum { PROCESSES = 8, RULES = 10 };
	struct rules_machine *f = *state;
	_cleanup_free_ char *text = NULL;
	size_t n = 0;

	for (int i = 0; i < PROCESSES; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		for (int j = 0; !pid && j < RULES; j++) {
			char name[32];

			snprintf(name, sizeof(name), "m%d_%d", i, j);
			if (hold(f, name, false))
				_exit(1);
		}
		if (!pid)
			_exit(0);
	}
	for (int i = 0; i < PROCESSES; i++) {
		int status;

		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	text = rules_get(f, MF_RULES_ADMIN);
	for (const char *p = text; *p; p++)
		n += *p == '\n';
	assert_int_equal(n, PROCESSES * RULES);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rules_setup, rules_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_rule_set_by_the_admin_comes_first_and_once),
		TEST(the_other_lines_of_the_admins_file_stay),
		TEST(an_invalid_rule_is_not_written),
		TEST(a_hold_stays_beside_the_other_rules_of_its_name),
		TEST(a_hold_is_removed_with_its_comment_however_it_is_spelled),
		TEST(a_hold_of_a_device_is_not_written),
		TEST(rules_that_are_set_at_the_same_time_are_all_kept),
	};

	return UNIT_RUN(tests);
}
