/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests the way out of a hold. What a rule holds is tested by tests/cases and tests/road/hold.py. */
#include "tests/unit.h"
#include "tests/rules.h"
#include "modfetch/array.h"
#include "modfetch/held.h"

static void the_way_out_ends_the_hold(void **state)
{
	static const struct {
		const char *file, *rule, *package, *module, *way_out;
	} cases[] = {
		{ MF_RULES_ADMIN, "hold package igb-kmp", "igb-kmp", NULL,
		  "modfetch unhold igb-kmp" },
		{ MF_RULES_ADMIN, "hold  module\tigb # tested", NULL, "igb",
		  "modfetch unhold igb" },
		{ MF_RULES_ADMIN, "hold package igb*", "igb-kmp", NULL, "modfetch unhold 'igb*'" },
		{ MF_RULES_ADMIN, "hold module [ab]c", NULL, "ac", "modfetch unhold '[ab]c'" },
		{ MF_RULES_ADMIN, "hold module a;reboot", NULL, "a;reboot",
		  "modfetch unhold 'a;reboot'" },
		{ MF_RULES_ADMIN, "hold module a package b*", "bc", "a",
		  "modfetch unhold module a package 'b*'" },
		{ MF_RULES_ADMIN, "hold package a'b", "a'b", NULL,
		  "remove that line of /etc/modfetch/policy.d/00-admin.conf" },
		{ "20-x.conf", "hold package igb-kmp", "igb-kmp", NULL,
		  "remove that line of /etc/modfetch/policy.d/20-x.conf" },
	};
	struct rules_machine *f = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		const struct mf_facts facts = { .package = cases[i].package,
						.module = cases[i].module };
		_cleanup_free_ char *way_out = NULL;
		const struct mf_rule *rule;
		struct mf_rules *rules;

		rules_put(f, "20-x.conf", "");
		rules_put(f, MF_RULES_ADMIN, "");
		rules_put(f, cases[i].file, cases[i].rule);
		rules = rules_read(f);
		rule = mf_rules_find(rules, MF_RULE_HOLD, &facts);
		if (!rule)
			fail_msg("case %zu: %s", i, cases[i].rule);
		way_out = mf_held_way_out(rule);
		assert_string_equal(way_out, cases[i].way_out);
		mf_rules_free(rules);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_way_out_ends_the_hold, rules_setup,
						rules_teardown),
	};

	return UNIT_RUN(tests);
}
