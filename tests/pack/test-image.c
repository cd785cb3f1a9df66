/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel-image package. */
#include "tests/unit.h"
#include "tests/packs.h"

static struct packs *packed(const char *symvers)
{
	struct packs *p = packs_new();
	struct pack_kernel *k = packs_kernel(p, NULL, 0);

	packs_write(p, "vmlinuz", "image");
	packs_write(p, "modules.order", "");
	k->parts[PACK_IMAGE] = mf_format("%s/vmlinuz", p->dir);
	if (symvers) {
		packs_write(p, symvers, "");
		k->parts[PACK_SYMVERS] = mf_format("%s/%s", p->dir, symvers);
	}
	mf_strings_add(&k->extras, "modules.order");
	mf_strings_add(&k->builtins, "ext4");
	mf_strings_add(&k->builtins, "ext4");
	k->vmlinux = calloc(2, sizeof(*k->vmlinux));
	k->vmlinux[0] = (struct pack_symbol){ strdup("printk"), 0xa, true, false };
	k->vmlinux[1] = (struct pack_symbol){ strdup("bare"), 0, false, false };
	k->n_vmlinux = 2;
	assert_int_equal(pack_image_make(&p->pack, k), 0);
	return p;
}

static void it_provides_the_kernel_its_builtins_and_its_exports(void **state)
{
	struct packs *p = packed(NULL);

	assert_string_equal(p->pack.packages[0].name, "kernel-amd64-image-6.1.0_56");
	assert_string_equal(p->pack.packages[0].relations,
			    "Provides: kernel-amd64\n"
			    "Provides: kernel-amd64-6.1.0_56\n"
			    "Provides: kernel-amd64-image\n"
			    "Provides: kernel-uname-r = 6.1.0-56.amd64\n"
			    "Provides: kmod(ext4.ko)\n"
			    "Provides: ksym(amd64:printk) = a\n");
	packs_free(p);
}

static void it_holds_what_there_is_where_everybody_looks(void **state)
{
	static const struct {
		const char *symvers, *target;
		bool gzip;
	} kinds[] = {
		{ "Module.symvers", "symvers.gz", true },
		{ "symvers.gz", "symvers.gz", false },
		{ "symvers-6.1.xz", "symvers.xz", false },
		{ "symvers.zst", "symvers.zst", false },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(kinds); i++) {
		struct packs *p = packed(kinds[i].symvers);
		const struct pack_package *package = &p->pack.packages[0];

		assert_int_equal(package->n_files, 3);
		assert_string_equal(package->files[0].target, "/boot/vmlinuz-6.1.0-56-amd64");
		assert_true(mf_ends_with(package->files[1].target, kinds[i].target));
		assert_int_equal(package->files[1].gzip, kinds[i].gzip);
		assert_string_equal(package->files[2].target,
				    "/lib/modules/6.1.0-56-amd64/modules.order");
		packs_free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(it_provides_the_kernel_its_builtins_and_its_exports),
		UNIT(it_holds_what_there_is_where_everybody_looks),
	};

	return UNIT_RUN(tests);
}
