/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tests that packages are judged by all their modules. With metadata: tests/cases; in whole runs:
 * tests/road/denied.py.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/array.h"
#include "modfetch/resolve.h"
#include "modfetch/libkmod.h"

#define KDIR "/lib/modules/" KERNEL

struct fixture {
	struct mf_kmod *kmod;
	struct mf_policy *policy;
	struct mf_repo repo;
	struct mf_repos repos;
	struct mf_judge judge;
};

static void fixture_init(struct root *r, struct fixture *c)
{
	*c = (struct fixture){ .repo = { .id = (char *)"vendor" } };
	c->repos = (struct mf_repos){ .v = &c->repo, .n = 1 };
	assert_int_equal(mf_kmod_new(&r->ctx, &c->kmod), 0);
	assert_int_equal(mf_policy_new(&r->ctx, c->kmod, &c->policy), 0);
	c->judge = (struct mf_judge){ .policy = c->policy, .repos = &c->repos };
}

static void fixture_done(struct fixture *c)
{
	mf_policy_free(c->policy);
	mf_kmod_free(c->kmod);
}

/* Is a package with these files refused for that want? The reason is the caller's to free. */
static char *ask(struct root *r, const struct mf_want *want, const char *const *paths)
{
	struct mf_plan_item item = { .name = (char *)"foreign-kmod", .asker = want };
	struct mf_rpm_header header = { .files = calloc(8, sizeof(struct mf_rpm_file)) };
	struct fixture c;
	char *why = NULL;
	int is;

	for (; paths[header.n_files]; header.n_files++)
		header.files[header.n_files] =
			(struct mf_rpm_file){ .path = (char *)paths[header.n_files],
					      .mode = S_IFREG | 0644 };
	fixture_init(r, &c);
	is = mf_judge_files(&c.judge, &item, &header, &why);
	assert_int_equal(is, why != NULL);
	fixture_done(&c);
	free(header.files);
	return why;
}

static void each_module_among_the_files_is_judged(void **state)
{
	static const struct {
		const char *file, *text, *names;
	} no[] = {
		{ "etc/modfetch/policy.d/x.conf", "deny module snd-b\n", "snd_b" },
		{ "etc/modfetch/policy.d/x.conf", "deny module snd_*\n", "snd_b" },
		{ "etc/modfetch/policy.d/x.conf", "deny module c\n",
		  "c: the rule deny module c (x.conf" },
		{ "etc/modfetch/policy.d/x.conf", "deny package foreign-*\n", "a" },
		{ "etc/modfetch/policy.d/x.conf", "deny repository vendor\n", "a" },
		{ "etc/modprobe.d/x.conf", "install c exit 1\n", "c" },
		{ "etc/modprobe.d/x.conf", "install snd-b /dev/null\n", "snd_b" },
	};
	static const char *const yes[] = { "deny module d\n", "deny module README\n",
					   "deny package c\n", "" };
	static const char *const files[] = { KDIR "/extra/a.ko", KDIR "/extra/snd-b.ko.xz",
					     "/usr" KDIR "/extra/c.ko.zst",
					     "/usr/share/doc/x/d.ko.txt", NULL };
	struct root *r = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(no); i++) {
		_cleanup_free_ char *why = NULL;

		root_write(r, "etc/modfetch/policy.d/x.conf", "");
		root_write(r, "etc/modprobe.d/x.conf", "");
		root_write(r, no[i].file, no[i].text);
		why = ask(r, NULL, files);
		if (!why || !strstr(why, no[i].names))
			fail_msg("%s: %s", no[i].text, why ? why : "allowed");
	}
	root_write(r, "etc/modprobe.d/x.conf", "");
	for (size_t i = 0; i < MF_ARRAY_SIZE(yes); i++) {
		root_write(r, "etc/modfetch/policy.d/x.conf", yes[i]);
		assert_null(ask(r, NULL, files));
	}
}

/* A package for a device is judged by the rules for that device, and by blacklists. */
static void the_rules_for_the_want_apply(void **state)
{
	static const char *const files[] = { KDIR "/extra/a.ko", KDIR "/extra/b.ko", NULL };
	struct mf_want stick = { .kind = MF_WANT_ALIAS,
				 .name = (char *)"usb:v1234p0001",
				 .device = true,
				 .removable = MF_REMOVABLE };
	struct mf_want by_rule = { .kind = MF_WANT_NAME,
				   .name = (char *)"a",
				   .device = true,
				   .modalias = (char *)"usb:v1234p0001" };
	struct mf_want named = { .kind = MF_WANT_NAME, .name = (char *)"a" };
	const struct {
		const char *file, *text;
		bool stick, by_rule, named;
	} cases[] = {
		{ "etc/modfetch/policy.d/x.conf", "deny removable\n", true, false, false },
		{ "etc/modfetch/policy.d/x.conf", "deny bus usb module b\n", true, true, false },
		{ "etc/modfetch/policy.d/x.conf", "deny modalias usb:v1234*\n", true, true, false },
		{ "etc/modfetch/policy.d/x.conf", "deny bus pci\n", false, false, false },
		{ "etc/modprobe.d/x.conf", "blacklist b\n", true, true, false },
		{ "etc/modprobe.d/x.conf", "install b false\n", true, true, true },
	};
	struct root *r = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *a = NULL, *b = NULL, *c = NULL;

		root_write(r, "etc/modfetch/policy.d/x.conf", "");
		root_write(r, cases[i].file, cases[i].text);
		a = ask(r, &stick, files);
		b = ask(r, &by_rule, files);
		c = ask(r, &named, files);
		if ((a != NULL) != cases[i].stick || (b != NULL) != cases[i].by_rule ||
		    (c != NULL) != cases[i].named)
			fail_msg("%s: %s / %s / %s", cases[i].text, a, b, c);
	}
}

static void a_verdict_applies_to_one_package(void **state)
{
	struct mf_verdicts verdicts = { 0 };
	struct mf_package is = { .name = "a", .evr = "1-1", .arch = "x86_64" };
	struct mf_package newer = { .name = "a", .evr = "1-2", .arch = "x86_64" };
	struct mf_package other = { .name = "b", .evr = "1-1", .arch = "x86_64" };

	assert_null(mf_verdicts_find(NULL, &is));
	assert_null(mf_verdicts_find(&verdicts, &is));
	assert_int_equal(mf_verdicts_add(&verdicts, "b-2-1.noarch", "second"), 0);
	assert_int_equal(mf_verdicts_add(&verdicts, "a-1-1.x86_64", "first"), 0);
	assert_string_equal(mf_verdicts_find(&verdicts, &is), "first");
	assert_null(mf_verdicts_find(&verdicts, &newer));
	assert_null(mf_verdicts_find(&verdicts, &other));
	mf_verdicts_done(&verdicts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(each_module_among_the_files_is_judged),
		ROOTED(the_rules_for_the_want_apply),
		ROOTED(a_verdict_applies_to_one_package),
	};

	return UNIT_RUN(tests);
}
