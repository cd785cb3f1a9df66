/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The text of a spec: its description of packages, and the quoting of every name. */
#include "tests/unit.h"
#include "tests/packs.h"

/* The spec of all packages of the pack. */
static char *spec_of(struct packs *p)
{
	struct pack_list list = { 0 };
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (size_t i = 0; i < p->pack.n_packages; i++)
		assert_int_equal(pack_list_add(&list, i), 0);
	assert_int_equal(pack_spec_write(&p->pack, &list, "label", out), 0);
	assert_int_equal(fclose(out), 0);
	pack_list_done(&list);
	return text;
}

static void add_file(struct pack_package *package, const char *base, const char *source,
		     const char *target)
{
	assert_int_equal(pack_package_file(package, base, source, target, "", 0), 0);
}

static void a_package_is_all_in_its_stanza(void **state)
{
	struct packs *p = packs_new();
	char *spec;

	add_file(packs_package(p, "x-kmp", "x86_64"), "/src/tree", "kernel/x.ko",
		 "/lib/modules/K/kernel/x.ko");
	packs_package(p, "fw", "noarch");
	spec = spec_of(p);
	assert_non_null(strstr(spec,
			       "\n%package -n x-kmp\nVersion: 1\nRelease: 2\nSummary: A package\n"
			       "License: GPL\nAutoReqProv: no\nProvides: something\n"
			       "%description -n x-kmp\nIt is a package.\n%files -n x-kmp\n"
			       "%defattr(0644,root,root,0755)\n/lib/modules/K/kernel/x.ko\n"));
	assert_non_null(strstr(spec,
			       "\n%package -n fw\nVersion: 1\nRelease: 2\nSummary: A package\n"
			       "License: GPL\nBuildArch: noarch\n"));
	assert_non_null(strstr(spec, "\nName: modfetch-pack-label\n"));
	free(spec);
	packs_free(p);
}

static void files_of_one_folder_are_copied_together(void **state)
{
	struct packs *p = packs_new();
	char *spec;

	add_file(packs_package(p, "x", "x86_64"), "/src", "kernel/x.ko", "/lib/K/kernel/x.ko");
	add_file(packs_package(p, "y", "x86_64"), "/src", "kernel/y.ko", "/lib/K/kernel/y.ko");
	add_file(packs_package(p, "b", "x86_64"), "/boot's", "vmlinuz", "/boot/vmlinuz-K");
	add_file(packs_package(p, "z", "x86_64"), "/src", "kernel/z.ko", "/lib/K/kernel/z.ko");
	spec = spec_of(p);
	assert_non_null(strstr(
		spec, "copy \"%{source_1}\" '/lib/K' <<'END'\n./kernel/x.ko\n./kernel/y.ko\nEND\n"
		      "one \"%{source_2}\"/'vmlinuz' '/boot/vmlinuz-K'\n"
		      "copy \"%{source_1}\" '/lib/K' <<'END'\n./kernel/z.ko\nEND\n"));
	assert_non_null(strstr(spec, "%{!?source_1:%global source_1 /src}\n"));
	assert_non_null(strstr(spec, "%{!?source_2:%global source_2 /boot's}\n"));
	free(spec);
	packs_free(p);
}

static void a_file_to_be_compressed_is(void **state)
{
	struct packs *p = packs_new();
	struct pack_package *package = packs_package(p, "x", "x86_64");
	char *spec;

	add_file(package, "/src", "symvers.gz", "/lib/symvers.gz");
	package->files[0].gzip = true;
	spec = spec_of(p);
	assert_non_null(strstr(spec, "packed \"%{source_1}\"/'symvers.gz' '/lib/symvers.gz'\n"));
	free(spec);
	packs_free(p);
}

static void names_with_any_byte_mean_nothing_else(void **state)
{
	struct packs *p = packs_new();
	char *spec;

	add_file(packs_package(p, "x", "noarch"), "/fw%d", "a b's [x] %s.bin",
		 "/other/a b's [x] %s.bin");
	add_file(packs_package(p, "y", "noarch"), "/fw", "moved.bin", "/it's/50%");
	spec = spec_of(p);
	assert_non_null(strstr(spec, "\n/other/a?b?s??x??%%s.bin\n"));
	assert_non_null(strstr(spec, "\n./a b's [x] %%s.bin\nEND\n"));
	assert_non_null(strstr(spec, "%global source_1 /fw%%d}"));
	assert_non_null(strstr(spec, "one \"%{source_2}\"/'moved.bin' '/it'\\''s/50%%'\n"));
	free(spec);
	packs_free(p);
}

static void compressed_modules_are_not_compressed_hard_again(void **state)
{
	struct packs *p = packs_new();
	char *spec;

	add_file(packs_package(p, "x", "x86_64"), "/src", "x.ko", "/lib/x.ko");
	spec = spec_of(p);
	assert_non_null(strstr(spec, "_binary_payload w9.zstdio\n"));
	free(spec);
	add_file(packs_package(p, "y", "x86_64"), "/src", "y.ko.xz", "/lib/y.ko.xz");
	spec = spec_of(p);
	assert_non_null(strstr(spec, "_binary_payload w1.zstdio\n"));
	free(spec);
	packs_free(p);
}

static void an_rpm_is_named_by_name_version_and_machine(void **state)
{
	struct packs *p = packs_new();
	char *name = pack_spec_rpm_name(packs_package(p, "x-kmp", "s390x"));

	assert_string_equal(name, "x-kmp-1-2.s390x.rpm");
	free(name);
	packs_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_package_is_all_in_its_stanza),
		UNIT(files_of_one_folder_are_copied_together),
		UNIT(a_file_to_be_compressed_is),
		UNIT(names_with_any_byte_mean_nothing_else),
		UNIT(compressed_modules_are_not_compressed_hard_again),
		UNIT(an_rpm_is_named_by_name_version_and_machine),
	};

	return UNIT_RUN(tests);
}
