/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The modules that a word means, in the order of libkmod, on the smallest kernel that shows it. */
#include "tests/unit.h"
#include "tests/packs.h"

static const struct made made[] = {
	{ "kernel/crc32-generic.ko", .exports = { "crc_of=1" },
	  .fields = { [PACK_ALIAS] = { "crc32", "crypto-crc32" } } },
	{ "kernel/crc32_pclmul.ko", .fields = { [PACK_ALIAS] = { "crc32" } } },
	{ "kernel/idma64.ko", .fields = { [PACK_ALIAS] = { "platform:idma64" } } },
	{ "kernel/card.ko", .fields = { [PACK_ALIAS] = { "pci:v*d[0-9]*", "snd-card-?" } } },
};

enum { GENERIC, PCLMUL, IDMA, CARD, N_MADE };

typedef int find_fn(const struct pack_names *names, const char *word, struct pack_list *list);

static void check(const struct pack_names *names, find_fn *find, const char *word, size_t n,
		  const size_t *want)
{
	struct pack_list found = { 0 };

	assert_int_equal(find(names, word, &found), 0);
	pack_list_unique(&found);
	assert_int_equal(found.n, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(found.v[i], want[i]);
	pack_list_done(&found);
}

static struct pack_names named(struct packs *p)
{
	struct pack_kernel *k = packs_kernel(p, made, N_MADE);
	struct pack_names names;

	mf_strings_add(&k->builtins, "crc32");
	mf_strings_add(&k->builtin_aliases, "crypto_crc32");
	assert_int_equal(pack_names_init(&names, k), 0);
	return names;
}

static void words_are_looked_up_as_libkmod_does(void **state)
{
	struct packs *p = packs_new();
	struct pack_names names = named(p);

	check(&names, pack_names_lookup, "crc32-pclmul", 1, (size_t[]){ PCLMUL });
	/* built in, and an alias of two modules: it means the modules */
	check(&names, pack_names_lookup, "crc32", 2, (size_t[]){ GENERIC, PCLMUL });
	check(&names, pack_names_lookup, "platform:idma64", 1, (size_t[]){ IDMA });
	check(&names, pack_names_lookup, "symbol:crc_of", 1, (size_t[]){ GENERIC });
	check(&names, pack_names_lookup, "symbol:crc-of", 0, NULL);
	check(&names, pack_names_lookup, "pci:v1d2", 1, (size_t[]){ CARD });
	check(&names, pack_names_lookup, "snd_card_1", 1, (size_t[]){ CARD });
	check(&names, pack_names_lookup, "pci:v1dx", 0, NULL);
	check(&names, pack_names_lookup, "nothing", 0, NULL);
	check(&names, pack_names_lookup, "", 0, NULL);
	pack_names_done(&names);
	packs_free(p);
}

static void the_kernel_asks_for_nothing_that_is_built_in(void **state)
{
	struct packs *p = packs_new();
	struct pack_names names = named(p);

	check(&names, pack_names_request, "crc32", 0, NULL);
	check(&names, pack_names_request, "crypto-crc32", 0, NULL);
	check(&names, pack_names_request, "crc32_pclmul", 1, (size_t[]){ PCLMUL });
	check(&names, pack_names_request, "platform:idma64", 1, (size_t[]){ IDMA });
	pack_names_done(&names);
	packs_free(p);
}

static void only_dashes_outside_of_brackets_are_normalised(void **state)
{
	char name[16];

	assert_true(pack_name_normalise("a-b[0-9]-c", 10, name, sizeof(name)));
	assert_string_equal(name, "a_b[0-9]_c");
	assert_false(pack_name_normalise("0123456789abcdef", 16, name, sizeof(name)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(words_are_looked_up_as_libkmod_does),
		UNIT(the_kernel_asks_for_nothing_that_is_built_in),
		UNIT(only_dashes_outside_of_brackets_are_normalised),
	};

	return UNIT_RUN(tests);
}
