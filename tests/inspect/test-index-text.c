/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The meaning of two indexes: only differences in it are reported. */
#include "tests/unit.h"
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/strings.h"
#include "modfetch/trie.h"
#include "src/inspect/indexes.h"

static char differences[512];

static int on_dep(void *arg, const char *path, const char *made, const char *found)
{
	(void)arg;
	strcat(differences, made && found ? "~" : made ? "+" : "-");
	strcat(differences, path);
	return 0;
}

static int on_line(void *arg, const char *line, const char *name, size_t len)
{
	(void)arg;
	(void)line;
	strcat(differences, " ");
	strncat(differences, name, len);
	return 0;
}

static bool is_excused(void *arg, const char *path, size_t len)
{
	return arg && strlen(arg) == len && !strncmp(arg, path, len);
}

static void lines_of_modules_dep_are_sets(void **state)
{
	static const struct {
		const char *made, *found, *excused, *differences;
	} cases[] = {
		{ "a.ko:\nb.ko: a.ko\n", "b.ko: a.ko\na.ko:\n", NULL, "" },
		{ "c.ko: b.ko a.ko\n", "c.ko: a.ko b.ko\n", NULL, "" },
		{ "c.ko: b.ko a.ko\n", "c.ko:  b.ko  a.ko \n", NULL, "" },
		{ "c.ko: b.ko a.ko\n", "c.ko: b.ko\n", NULL, "~c.ko" },
		{ "c.ko: a.ko\n", "c.ko: a.ko a.ko\n", NULL, "~c.ko" },
		{ "c.ko: b.ko a.ko\n", "c.ko: b.ko\n", "a.ko", "" },
		{ "c.ko: b.ko\n", "c.ko: b.ko a.ko\n", "a.ko", "" },
		{ "c.ko: b.ko\n", "c.ko: b.ko a.ko\n", "b", "~c.ko" },
		{ "a.ko:\n", "", NULL, "+a.ko" },
		{ "", "a.ko:\n", NULL, "-a.ko" },
		/* the paths of one text come first */
		{ "b.ko: a.ko\na.ko:\n", "b.ko:\nc.ko:\n", NULL, "+a.ko-c.ko~b.ko" },
		{ "a.ko:", "a.ko:", NULL, "" },
		{ "", "no colon\n\n:\n", NULL, "-" },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		differences[0] = '\0';
		assert_int_equal(inspect_compare_dep(cases[i].made, cases[i].found, on_dep,
						     is_excused, (void *)cases[i].excused),
				 0);
		if (strcmp(differences, cases[i].differences) != 0)
			fail_msg("case %zu: %s", i, differences);
	}
}

static void lines_of_other_indexes_name_their_module(void **state)
{
	static const struct {
		const char *made, *found, *differences;
	} cases[] = {
		{ "# x\nalias a b\n", "# y\nalias a b\n", "" },
		{ "alias a b\nalias c d\n", "alias c d\nalias a b\n", "" },
		{ "alias a* name\n", "", " name" },
		{ "", "alias symbol:x name", " name" },
		{ "softdep m pre: a\n", "softdep m pre: b\n", " m m" },
		{ "weakdep m a\n", "", " m" },
		{ "loop loop-control c10:237\n", "loop loop-control c10:238\n", " loop loop" },
		{ "alias with blank name\n", "", " name" },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		differences[0] = '\0';
		assert_int_equal(
			inspect_compare_lines(cases[i].made, cases[i].found, on_line, NULL), 0);
		if (strcmp(differences, cases[i].differences) != 0)
			fail_msg("case %zu: %s", i, differences);
	}
}

/* An index of "a" and "b" with these values. */
static void *trie_of(const char *a, const char *b, uint32_t priority, size_t *ret_len)
{
	struct mf_trie_builder *builder;
	void *bytes;

	assert_int_equal(mf_trie_builder_new(&builder), 0);
	assert_int_equal(mf_trie_builder_add(builder, "a", a, priority), 0);
	assert_int_equal(mf_trie_builder_add(builder, "b", b, priority + 1), 0);
	assert_int_equal(mf_trie_builder_finish(builder, &bytes, ret_len), 0);
	mf_trie_builder_free(builder);
	return bytes;
}

static void binary_indexes_are_compared_by_their_entries(void **state)
{
	size_t len[3];
	char *made = trie_of("x y", "z", 1, &len[0]), *other = trie_of("y x", "z", 7, &len[1]);
	char *wrong = trie_of("x", "z", 1, &len[2]);

	assert_true(inspect_same_entries(made, len[0], made, len[0]));
	assert_true(inspect_same_entries(made, len[0], other, len[1]));
	assert_false(inspect_same_entries(made, len[0], wrong, len[2]));
	assert_false(inspect_same_entries(made, len[0], made, len[0] - 4));
	assert_false(inspect_same_entries(made, len[0], "", 0));
	made[0] ^= 1;
	assert_false(inspect_same_entries(other, len[1], made, len[0]));
	free(made);
	free(other);
	free(wrong);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(lines_of_modules_dep_are_sets),
		UNIT(lines_of_other_indexes_name_their_module),
		UNIT(binary_indexes_are_compared_by_their_entries),
	};

	return UNIT_RUN(tests);
}
