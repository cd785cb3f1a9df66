/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests which words are offered for a misspelled one. */
#include <stdlib.h>
#include "tests/unit.h"
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/similar.h"

/* The text for WORD if these are known. */
static void check(const char *word, const char *const *known, const char *text)
{
	_cleanup_(mf_similar_done) struct mf_similar similar = { .word = word };
	_cleanup_free_ char *got = NULL;

	for (; *known; known++)
		mf_similar_offer(&similar, *known);
	got = mf_similar_text(&similar);
	assert_int_equal(got != NULL, text != NULL);
	if (got && text)
		assert_string_equal(got, text);
}

static void each_kind_of_slip_is_one_step(void **state)
{
	static const struct {
		const char *word, *known, *text;
	} cases[] = {
		{ "probee", "probe", "did you mean probe?" },
		{ "prbe", "probe", "did you mean probe?" },
		{ "prove", "probe", "did you mean probe?" },
		{ "porbe", "probe", "did you mean probe?" },
		{ "PROBE", "probes", "did you mean probes?" },
		{ "snd-hda-intle", "snd_hda_intel", "did you mean snd_hda_intel?" },
		{ "instal", "uninstall", NULL },
		{ "unistal", "uninstall", "did you mean uninstall?" },
		{ "igb", "igc", "did you mean igc?" },
		{ "igb", "ixgbe", NULL },
		{ "ib", "igb", NULL },
		{ "probe", "probe", NULL },
		{ "", "probe", NULL },
		{ "probe", "", NULL },
		{ "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		  NULL },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++)
		check(cases[i].word, (const char *const[]){ cases[i].known, NULL }, cases[i].text);
}

static void the_most_similar_ones_are_kept_and_at_most_three(void **state)
{
	check("e1000", (const char *const[]){ "e1001", "e1000e", "e100", "e10000", NULL },
	      "did you mean e1001, e1000e or e100?");
	check("refrish", (const char *const[]){ "refreshh", "refresh", "refreshs", NULL },
	      "did you mean refresh?");
	check("refrish", (const char *const[]){ "refresh", "refresh", "refrush", NULL },
	      "did you mean refresh or refrush?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(each_kind_of_slip_is_one_step),
		UNIT(the_most_similar_ones_are_kept_and_at_most_three),
	};

	return UNIT_RUN(tests);
}
