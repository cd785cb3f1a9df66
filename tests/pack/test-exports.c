/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The exports of vmlinux, from a file or derived from the imports of modules. */
#include "tests/unit.h"
#include "tests/packs.h"

static const struct made made[] = {
	{ "kernel/a.ko", .exports = { "own=1" },
	  .imports = { "printk=5c", "plain", "weak:maybe=9" } },
	{ "kernel/b.ko", .imports = { "own=1", "printk=5c", "kfree=ff" } },
};

static const char symvers[] = "0x0000005c\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n"
			      "0x00000001\town\tkernel/a\tEXPORT_SYMBOL\t\n"
			      "0x00000000\tplain\tvmlinux\tEXPORT_SYMBOL_GPL\t\n";

static struct pack_kernel *read_from(struct packs *p, const char *name, const char *text)
{
	struct pack_kernel *k = packs_kernel(p, made, 2);

	if (text)
		packs_write(p, "Module.symvers", text);
	if (name)
		assert_true(asprintf(&k->parts[PACK_SYMVERS], "%s/%s", p->dir, name) > 0);
	assert_int_equal(pack_exports_read(&p->pack, k), 0);
	return k;
}

static void check_file(const struct packs *p, const struct pack_kernel *k)
{
	assert_int_equal(p->pack.result.problems, 0);
	assert_int_equal(k->n_vmlinux, 2);
	assert_string_equal(k->vmlinux[0].name, "printk");
	assert_int_equal(k->vmlinux[0].crc, 0x5c);
	assert_true(k->vmlinux[0].has_crc);
	assert_false(k->vmlinux[1].has_crc);
}

static void a_file_says_what_vmlinux_exports(void **state)
{
	struct packs *p = packs_new();

	check_file(p, read_from(p, "Module.symvers", symvers));
	packs_free(p);
}

static void a_compressed_one_too(void **state)
{
	struct packs *p = packs_new();
	char command[256];

	packs_write(p, "Module.symvers", symvers);
	snprintf(command, sizeof(command), "gzip %s/Module.symvers", p->dir);
	assert_int_equal(system(command), 0);
	check_file(p, read_from(p, "Module.symvers.gz", NULL));
	packs_free(p);
}

static void without_one_imports_tell_and_a_bad_one_is_a_problem(void **state)
{
	static const char *const names[] = { NULL, "absent", "Module.symvers" };

	for (size_t i = 0; i < 3; i++) {
		struct packs *p = packs_new();
		const struct pack_kernel *k =
			read_from(p, names[i], i == 2 ? "not such a file\n" : NULL);

		/* that there is none is no fault of the tree: a warning */
		assert_int_equal(p->pack.result.problems, names[i] ? 1 : 0);
		assert_int_equal(k->n_vmlinux, 3);
		assert_string_equal(k->vmlinux[0].name, "printk");
		assert_int_equal(k->vmlinux[0].crc, 0x5c);
		assert_false(k->vmlinux[1].has_crc);
		assert_string_equal(k->vmlinux[2].name, "kfree");
		packs_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_file_says_what_vmlinux_exports),
		UNIT(a_compressed_one_too),
		UNIT(without_one_imports_tell_and_a_bad_one_is_a_problem),
	};

	return UNIT_RUN(tests);
}
