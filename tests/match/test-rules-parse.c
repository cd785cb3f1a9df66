/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit.h"
#include "tests/rules.h"
#include "modfetch/array.h"

/* A file in place of a directory. */
static int put_plain(struct rules_machine *f, const char *path)
{
	int fd = openat(f->ctx.root_fd, path, O_WRONLY | O_CREAT | O_EXCL, 0644);

	return fd < 0 ? -1 : close(fd);
}

static void files_are_read_in_the_order_of_their_names(void **state)
{
	struct rules_machine *f = *state;
	struct mf_rules *rules;
	const char *rule;

	rules_put(f, "20-b.conf", "deny module b\n");
	rules_put(f, "05-a.conf", "allow module b\ndeny module a\n");
	rules_put(f, "not-a-rule", "deny module c\n");
	rules_put(f, ".hidden.conf", "deny module c\n");
	rules = rules_read(f);
	assert_int_equal(mf_rules_ask(rules, &(struct mf_facts){ .module = "b" }, &rule), 0);
	assert_int_equal(mf_rules_ask(rules, &(struct mf_facts){ .module = "c" }, &rule), 0);
	assert_int_equal(mf_rules_ask(rules, &(struct mf_facts){ .module = "a" }, &rule), 1);
	assert_string_equal(rule, "deny module a (05-a.conf, line 2)");
	mf_rules_free(rules);
}

/* Neither the first nor the last file created sorts first. */
static void the_order_of_directory_entries_does_not_matter(void **state)
{
	struct rules_machine *f = *state;
	struct mf_rules *rules;
	const char *rule;

	for (unsigned int i = 0; i < 20; i++) {
		char name[32];

		snprintf(name, sizeof(name), "%02u-x.conf", (i * 7 + 30) % 20);
		rules_put(f, name, i % 2 ? "allow module z\ndeny module x\n" : "deny module x\n");
	}
	rules = rules_read(f);
	assert_int_equal(mf_rules_ask(rules, &(struct mf_facts){ .module = "x" }, &rule), 1);
	assert_non_null(strstr(rule, "(00-x.conf"));
	mf_rules_free(rules);
}

static void a_file_that_cannot_be_read_fails_the_run(void **state)
{
	static const char text[] = "deny module x\n\0deny module y\n";
	struct rules_machine *f = *state;
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
	rules = rules_read(f);
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
	struct rules_machine *f = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(lines); i++) {
		struct mf_rules *rules = NULL;

		rules_put(f, "10-test.conf", lines[i]);
		if (mf_rules_read(&f->ctx, &rules) != -MFE_CONFIG)
			fail_msg("accepted: %s", lines[i]);
	}
}

static void a_condition_that_could_never_hold_is_an_error_with_its_reason(void **state)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
		{ "hold bus usb", "which have no bus" },
		{ "hold class 02", "which have no bus" },
		{ "prefer modalias pci:v00008086*", "which have no bus" },
		{ "prefer removable", "neither removable nor fixed" },
		{ "hold module igb fixed", "neither removable nor fixed" },
		{ "hold repository vendor", "which repository an installed package came from" },
		{ "hold package igb-kmp repository vendor", "hold takes module and package" },
		{ "hold", "line 2 is not a rule; see" },
		{ "deny modul x",
		  "line 2 is not a rule: no such condition; did you mean module?; see" },
		{ "allow module x modalais y", "did you mean modalias?" },
		{ "prefer vendor", "line 2 is not a rule; see" },
		{ "hold igb", "line 2 is not a rule; see" },
		{ "hold package", "line 2 is not a rule; see" },
		{ "Hold package x", "line 2 is not a rule; see" },
	};
	struct rules_machine *f = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		struct mf_rules *rules = NULL;
		char text[200];

		snprintf(text, sizeof(text), "# first\n%s # why\n", cases[i].line);
		rules_put(f, "10-test.conf", text);
		if (mf_rules_read(&f->ctx, &rules) != -MFE_CONFIG)
			fail_msg("accepted: %s", cases[i].line);
		if (!strstr(f->ctx.failure.why, cases[i].says) ||
		    !strstr(f->ctx.failure.why, "line 2 "))
			fail_msg("%s: %s", cases[i].line, f->ctx.failure.why);
	}
	rules_put(
		f, "10-test.conf",
		"hold module igb package igb-kmp\r\n\tprefer  repository\tx package y module z#\n");
	mf_rules_free(rules_read(f));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rules_setup, rules_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(files_are_read_in_the_order_of_their_names),
		TEST(the_order_of_directory_entries_does_not_matter),
		TEST(a_file_that_cannot_be_read_fails_the_run),
		TEST(a_line_that_is_not_a_rule_fails_the_run),
		TEST(a_condition_that_could_never_hold_is_an_error_with_its_reason),
	};

	return UNIT_RUN(tests);
}
