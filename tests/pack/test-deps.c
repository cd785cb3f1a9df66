/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Relations of modules made by hand: each rule of deps.c on the smallest kernel that shows it. */
#include "tests/unit.h"
#include "tests/packs.h"

static const struct made made[] = {
	{ "kernel/a-b.ko", .exports = { "f=11", "both=1" } },
	{ "kernel/second.ko", .exports = { "both=2" } },
	{ "kernel/user.ko", .imports = { "f=11", "both=2", "printk=5", "weak:maybe=7" } },
	{ "kernel/provider.ko", .exports = { "maybe=7", "plain" } },
	{ "kernel/soft.ko", .imports = { "weak:nobody=1", "plain" },
	  .fields = { [PACK_SOFTDEP] = { "pre: crc32c a-b post: builtin-one", "pre: soft" },
		      [PACK_WEAKDEP] = { "user,nothing" } } },
	{ "kernel/crc32c_generic.ko", .fields = { [PACK_ALIAS] = { "crc32c", "crypto-crc32c" } } },
	{ "kernel/crc32c-intel.ko", .fields = { [PACK_ALIAS] = { "crc32*", "pci:crc32c" } } },
	{ "kernel/loop1.ko", .exports = { "l1=1" }, .imports = { "l2=2" } },
	{ "kernel/loop2.ko", .exports = { "l2=2" }, .imports = { "l1=1" } },
};

enum { A_B, SECOND, USER, PROVIDER, SOFT, GENERIC, INTEL, LOOP1, LOOP2, N_MADE };

static struct pack_kernel *related(struct packs *p)
{
	struct pack_kernel *k = packs_kernel(p, made, N_MADE);

	k->vmlinux = calloc(1, sizeof(*k->vmlinux));
	k->vmlinux[0] = (struct pack_symbol){ strdup("printk"), 5, true, false };
	k->n_vmlinux = 1;
	mf_strings_add(&k->builtins, "builtin_one");
	assert_int_equal(pack_deps(&p->pack, k), 0);
	return k;
}

static void check_list(const struct pack_list *list, size_t n, const size_t *want)
{
	assert_int_equal(list->n, n);
	if (n)
		assert_memory_equal(list->v, want, n * sizeof(*want));
}

static void a_symbol_is_needed_from_who_exports_it_with_that_crc(void **state)
{
	struct packs *p = packs_new();
	struct pack_kernel *k = related(p);

	check_list(&k->modules[USER].needs, 2, (size_t[]){ A_B, SECOND });
	check_list(&k->modules[SOFT].needs, 1, (size_t[]){ PROVIDER });
	assert_int_equal(p->pack.result.problems, 0);
	packs_free(p);
}

static void a_weak_symbol_is_wanted_not_needed(void **state)
{
	struct packs *p = packs_new();
	struct pack_kernel *k = related(p);

	check_list(&k->modules[USER].wants, 1, (size_t[]){ PROVIDER });
	packs_free(p);
}

static void softdeps_are_looked_up_as_libkmod_does(void **state)
{
	struct packs *p = packs_new();
	struct pack_kernel *k = related(p);

	/*
	 * by alias if there is no such module; "pre:" and "post:" are labels; the module itself and
	 * built-in modules are left out
	 */
	check_list(&k->modules[SOFT].wants, 4, (size_t[]){ A_B, USER, GENERIC, INTEL });
	packs_free(p);
}

static void a_closure_ends_though_modules_need_each_other(void **state)
{
	struct packs *p = packs_new();
	struct pack_kernel *k = related(p);
	struct pack_list closure = { 0 }, start = { 0 };

	pack_list_add(&start, LOOP2);
	pack_list_add(&start, USER);
	assert_int_equal(pack_closure(k, &start, false, &closure), 0);
	check_list(&closure, 5, (size_t[]){ A_B, SECOND, USER, LOOP1, LOOP2 });
	pack_list_done(&start);
	pack_list_done(&closure);
	packs_free(p);
}

static void picked_are_the_named_and_all_they_need_and_want(void **state)
{
	struct packs *p = packs_new();
	struct pack_kernel *k = related(p);
	struct mf_strings only = { 0 };

	for (size_t m = 0; m < N_MADE; m++)
		k->modules[m].picked = false;
	mf_strings_add(&only, "us*");
	mf_strings_add(&only, "builtin-one");
	p->options.only = &only;
	assert_int_equal(pack_deps_pick(&p->pack, k), 0);
	for (size_t m = 0; m < N_MADE; m++)
		assert_int_equal(k->modules[m].picked,
				 m == A_B || m == SECOND || m == USER || m == PROVIDER);
	mf_strings_add(&only, "nosuch");
	assert_int_equal(pack_deps_pick(&p->pack, k), -MFE_NOT_FOUND);
	assert_string_equal(p->ctx.failure.what, "nosuch");
	mf_strings_done(&only);
	packs_free(p);
}

static void an_import_nobody_exports_is_one_problem_a_module(void **state)
{
	static const struct made bad[] = {
		{ "kernel/x.ko", .imports = { "gone=1", "lost=2" } },
		{ "kernel/y.ko", .imports = { "printk=6" } },
		{ "kernel/z.ko", .imports = { "f=12" } },
		{ "kernel/f.ko", .exports = { "f=11" } },
	};
	struct packs *p = packs_new();
	struct pack_kernel *k = packs_kernel(p, bad, 4);

	k->vmlinux = calloc(1, sizeof(*k->vmlinux));
	k->vmlinux[0] = (struct pack_symbol){ strdup("printk"), 5, true, false };
	k->n_vmlinux = 1;
	assert_int_equal(pack_deps(&p->pack, k), 0);
	assert_int_equal(p->pack.result.problems, 3);
	check_list(&k->modules[2].needs, 0, NULL);
	packs_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_symbol_is_needed_from_who_exports_it_with_that_crc),
		UNIT(a_weak_symbol_is_wanted_not_needed),
		UNIT(softdeps_are_looked_up_as_libkmod_does),
		UNIT(a_closure_ends_though_modules_need_each_other),
		UNIT(picked_are_the_named_and_all_they_need_and_want),
		UNIT(an_import_nobody_exports_is_one_problem_a_module),
	};

	return UNIT_RUN(tests);
}
