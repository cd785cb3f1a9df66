/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit.h"
#include "tests/rules.h"
#include "modfetch/array.h"

static const char stick[] = "usb:v0781p5583d0100dc00dsc00dp00ic08isc06ip50in00";
static const char nic[] = "pci:v00008086d000010D3sv00008086sd0000A01Fbc02sc00i00";

static int ask(struct rules_machine *f, const char *text, struct mf_facts facts)
{
	struct mf_rules *rules;
	const char *rule = NULL;
	int r;

	rules_put(f, "10-test.conf", text);
	rules = rules_read(f);
	r = mf_rules_ask(rules, &facts, &rule);
	assert_true((r == 1) == (rule != NULL));
	mf_rules_free(rules);
	return r;
}

static void without_rules_everything_is_allowed(void **state)
{
	struct mf_rules *rules = rules_read(*state);
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

/* Is there a rule with VERB that applies? Its text, as long as until the next call. */
static const char *find(struct rules_machine *f, enum mf_rule_verb verb, const char *text,
			struct mf_facts facts)
{
	static char found[256];
	const struct mf_rule *rule;
	struct mf_rules *rules;

	rules_put(f, "10-test.conf", text);
	rules = rules_read(f);
	rule = mf_rules_find(rules, verb, &facts);
	snprintf(found, sizeof(found), "%s, %s line %u", rule ? rule->text : "",
		 rule ? rule->file : "", rule ? rule->line : 0);
	mf_rules_free(rules);
	return rule ? found : NULL;
}

static void a_rule_knows_a_package_without_its_flavor_and_kernel(void **state)
{
	static const struct {
		const char *rule, *package;
		bool applies;
	} cases[] = {
		{ "hold package igb-kmp", "igb-kmp-amd64-6.1.0_56", true },
		{ "hold package igb-kmp-amd64", "igb-kmp-amd64-6.1.0_57", true },
		{ "hold package igb-kmp-amd64-6.1.0_56", "igb-kmp-amd64-6.1.0_56", true },
		{ "hold package igb-kmp-amd64-6.1.0_56", "igb-kmp-amd64-6.1.0_57", false },
		{ "hold package igb-kmp", "igb-kmp-default", true },
		{ "hold package ig*-kmp", "igb-kmp-cloud-amd64-6.1.0_57", true },
		{ "hold package igb-kmp", "igb-kmp", true },
		{ "hold package igb-kmp", "igb-kmp2-amd64-6.1.0_56", false },
		{ "hold package igb-kmp", "igbvf-kmp-amd64-6.1.0_56", false },
		{ "hold package igb", "igb-kmp-amd64-6.1.0_56", false },
		/* the kernel of the fixture */
		{ "hold package firmware-x", "firmware-x-test-6.1.0_1", true },
		{ "hold package firmware-x", "firmware-x-test-6.1.0_2", false },
		{ "hold package kmod-igb", "kmod-igb", true },
		{ "hold package *", NULL, false },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		const struct mf_facts facts = { .package = cases[i].package };

		if (!find(*state, MF_RULE_HOLD, cases[i].rule, facts) == cases[i].applies)
			fail_msg("case %zu: %s", i, cases[i].rule);
	}
	assert_int_equal(ask(*state, "deny package igb-kmp",
			     (struct mf_facts){ .package = "igb-kmp-amd64-6.1.0_56" }),
			 1);
}

static void rules_of_one_verb_do_not_hide_those_of_another(void **state)
{
	static const char text[] = "allow module igb\nprefer module e*\nhold module ixgbe\n"
				   "deny module igb\nhold module igb # tested\nhold module ig*\n"
				   "deny module ixgbe\nprefer module igb repository vendor\n";
	const struct mf_facts igb = { .module = "igb", .repository = "vendor" };

	assert_string_equal(find(*state, MF_RULE_HOLD, text, igb),
			    "hold module igb, 10-test.conf line 5");
	assert_string_equal(find(*state, MF_RULE_PREFER, text, igb),
			    "prefer module igb repository vendor, 10-test.conf line 8");
	assert_null(find(*state, MF_RULE_PREFER, text, (struct mf_facts){ .module = "igb" }));
	assert_null(find(*state, MF_RULE_HOLD, text, (struct mf_facts){ .module = "e1000e" }));
	/* neither do they decide what may be fetched */
	assert_int_equal(ask(*state, text, igb), 0);
	assert_int_equal(ask(*state, text, (struct mf_facts){ .module = "ixgbe" }), 1);
	assert_int_equal(
		ask(*state, "hold module x\nprefer module x\n", (struct mf_facts){ .module = "x" }),
		0);
}

static void a_rule_about_the_package_is_found_before_one_about_its_repository(void **state)
{
	static const char text[] = "prefer repository vendor\nprefer module igb\n";
	_cleanup_(mf_strings_done) struct mf_strings modules = { 0 };
	const struct mf_facts facts = { .package = "x-kmp", .repository = "vendor" };
	const struct mf_rule *rule;
	struct mf_rules *rules;

	rules_put(*state, "10-test.conf", text);
	rules = rules_read(*state);
	rule = mf_rules_find_package(rules, MF_RULE_PREFER, &facts, &modules);
	assert_non_null(rule);
	assert_true(rule->of_repository);
	assert_int_equal(mf_strings_add(&modules, "dca"), 0);
	assert_int_equal(mf_strings_add(&modules, "igb"), 0);
	rule = mf_rules_find_package(rules, MF_RULE_PREFER, &facts, &modules);
	assert_non_null(rule);
	assert_string_equal(rule->text, "prefer module igb");
	assert_false(rule->of_repository);
	assert_null(mf_rules_find_package(rules, MF_RULE_HOLD, &facts, &modules));
	assert_true(mf_rules_any(rules, MF_RULE_PREFER));
	assert_false(mf_rules_any(rules, MF_RULE_HOLD));
	assert_false(mf_rules_any(NULL, MF_RULE_HOLD));
	mf_rules_free(rules);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rules_setup, rules_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_rules_everything_is_allowed),
		TEST(each_condition_holds_only_for_its_value),
		TEST(the_first_rule_that_applies_decides),
		TEST(a_rule_knows_a_package_without_its_flavor_and_kernel),
		TEST(rules_of_one_verb_do_not_hide_those_of_another),
		TEST(a_rule_about_the_package_is_found_before_one_about_its_repository),
	};

	return UNIT_RUN(tests);
}
