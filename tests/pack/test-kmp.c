/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rows of the package contract, each on a module made for it. */
#include "tests/unit.h"
#include "tests/packs.h"

static const struct made made[] = {
	{ "kernel/drivers/dri-ver.ko", .exports = { "out=a0b", "bare" },
	  .imports = { "in=0ff", "weak:maybe=1", "out2=2" },
	  .fields = { [PACK_ALIAS] = { "pci:v1,2*", "fs-x(y)", "pci:v1,2*", "" },
		      [PACK_FIRMWARE] = { "a/b c.bin" } } },
	{ "kernel/lib/needed.ko", .exports = { "out2=2", "maybe=1" } },
	{ "kernel/unversioned.ko", .imports = { "bare" } },
	{ "kernel/left.ko" },
};

static struct packs *packed(void)
{
	struct packs *p = packs_new();
	struct pack_kernel *k = packs_kernel(p, made, 4);

	k->vmlinux = calloc(1, sizeof(*k->vmlinux));
	k->vmlinux[0] = (struct pack_symbol){ strdup("in"), 0xff, true, false };
	k->n_vmlinux = 1;
	assert_int_equal(pack_deps(&p->pack, k), 0);
	assert_int_equal(pack_list_add(&k->modules[2].requests, 0), 0);
	assert_int_equal(pack_list_add(&k->modules[2].may_request, 1), 0);
	k->modules[3].picked = false;
	k->modules[1].error = 0;
	k->modules[2].intree = false;
	k->modules[2].version = "2.0-rc 1";
	assert_int_equal(pack_kmp_make(&p->pack, k), 0);
	return p;
}

static void relations_are_as_the_contract_has_them(void **state)
{
	struct packs *p = packed();

	assert_string_equal(p->pack.packages[0].name, "dri_ver-kmp-amd64-6.1.0_56");
	assert_string_equal(p->pack.packages[0].relations,
			    "Provides: kmod(dri_ver.ko)\n"
			    "Provides: dri_ver-kmp\n"
			    "Provides: dri_ver-kmp-amd64\n"
			    "Provides: ksym(amd64:out) = a0b\n"
			    "Requires: ksym(amd64:in) = ff\n"
			    "Requires: ksym(amd64:out2) = 2\n"
			    "Requires: needed-kmp-amd64-6.1.0_56\n"
			    "Recommends: needed-kmp-amd64-6.1.0_56\n"
			    "Recommends: firmware(a/b%%20c.bin)\n"
			    "Supplements: (kernel-amd64-image-6.1.0_56 and dri_ver-kmp-amd64)\n"
			    "Provides: kalias(amd64-6.1.0_56:fs-x%%28y%%29)\n"
			    "Supplements: modalias(kernel-amd64-6.1.0_56:pci:v1%%2C2*)\n");
	packs_free(p);
}

static void a_module_that_cannot_be_packed_costs_itself_alone(void **state)
{
	struct packs *p = packs_new();
	struct pack_kernel *k = packs_kernel(p, made, 4);

	assert_int_equal(pack_deps(&p->pack, k), 0);
	k->modules[0].error = -EIO;
	k->modules[2].picked = false;
	assert_int_equal(pack_kmp_make(&p->pack, k), 0);
	assert_int_equal(p->pack.n_packages, 2);
	assert_string_equal(p->pack.packages[0].name, "needed-kmp-amd64-6.1.0_56");
	assert_string_equal(p->pack.packages[1].name, "left-kmp-amd64-6.1.0_56");
	packs_free(p);
}

static void without_symbol_versions_the_release_binds(void **state)
{
	struct packs *p = packed();
	const char *relations = p->pack.packages[2].relations;

	assert_non_null(strstr(relations, "Requires: kernel-uname-r = 6.1.0-56.amd64\n"));
	assert_null(strstr(relations, "ksym("));
	assert_non_null(strstr(relations, "Requires: dri_ver-kmp-amd64-6.1.0_56\n"));
	assert_null(strstr(p->pack.packages[0].relations, "kernel-uname-r"));
	packs_free(p);
}

static void requests_are_recommended_or_suggested(void **state)
{
	struct packs *p = packed();
	const char *relations = p->pack.packages[2].relations;

	assert_non_null(strstr(relations, "Recommends: dri_ver-kmp-amd64-6.1.0_56\n"));
	assert_non_null(strstr(relations, "Suggests: needed-kmp-amd64-6.1.0_56\n"));
	assert_null(strstr(p->pack.packages[1].relations, "Suggests: "));
	packs_free(p);
}

static void a_foreign_driver_keeps_its_version_as_far_as_rpm_allows(void **state)
{
	struct packs *p = packed();

	assert_int_equal(p->pack.n_packages, 3);
	assert_string_equal(p->pack.packages[0].version, "6.1.0");
	assert_string_equal(p->pack.packages[2].version, "2.0_rc_1");
	assert_string_equal(p->pack.packages[2].revision, "56");
	packs_free(p);
}

static void a_package_holds_its_module_alone(void **state)
{
	struct packs *p = packed();

	for (size_t i = 0; i < p->pack.n_packages; i++) {
		assert_int_equal(p->pack.packages[i].n_files, 1);
		assert_int_equal(p->pack.packages[i].size, 1000);
		assert_int_equal(strlen(p->pack.packages[i].fingerprint), 64);
	}
	assert_string_equal(p->pack.packages[0].files[0].target,
			    "/lib/modules/6.1.0-56-amd64/kernel/drivers/dri-ver.ko");
	packs_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(relations_are_as_the_contract_has_them),
		UNIT(a_module_that_cannot_be_packed_costs_itself_alone),
		UNIT(without_symbol_versions_the_release_binds),
		UNIT(requests_are_recommended_or_suggested),
		UNIT(a_foreign_driver_keeps_its_version_as_far_as_rpm_allows),
		UNIT(a_package_holds_its_module_alone),
	};

	return UNIT_RUN(tests);
}
