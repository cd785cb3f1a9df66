/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of a firmware tree in each package. */
#include "tests/unit.h"
#include "tests/packs.h"

static const struct made made[] = {
	{ "kernel/one.ko",
	  .fields = { [PACK_FIRMWARE] = { "a.bin", "shared.bin", "absent.bin" } } },
	{ "kernel/two.ko",
	  .fields = { [PACK_FIRMWARE] = { "shared.bin", "dir/link.bin", "g*.bin", "a/../b" } } },
	{ "kernel/none.ko" },
	{ "kernel/not-picked.ko", .fields = { [PACK_FIRMWARE] = { "unasked.bin" } } },
};

static struct packs *planned(void)
{
	struct packs *p = packs_new();
	struct pack_kernel *k = packs_kernel(p, made, 4);
	char link[256];

	packs_write(p, "fw/a.bin", "a");
	packs_write(p, "fw/shared.bin.zst", "s");
	packs_write(p, "fw/g1.bin", "1");
	packs_write(p, "fw/g2.bin", "2");
	packs_write(p, "fw/real.bin", "r");
	packs_write(p, "fw/unasked.bin", "u");
	packs_write(p, "fw/dir/x", "");
	snprintf(link, sizeof(link), "%s/fw/dir/link.bin", p->dir);
	assert_int_equal(symlink("../real.bin", link), 0);
	k->modules[3].picked = false;
	p->options.firmware = mf_format("%s/fw", p->dir);
	assert_int_equal(pack_firmware_plan(&p->pack), 0);
	assert_int_equal(pack_firmware_make(&p->pack), 0);
	free((char *)(uintptr_t)p->options.firmware);
	p->options.firmware = NULL;
	return p;
}

static const struct pack_package *find(const struct packs *p, const char *prefix)
{
	for (size_t i = 0; i < p->pack.n_packages; i++)
		if (mf_starts_with(p->pack.packages[i].name, prefix))
			return &p->pack.packages[i];
	fail_msg("no package %s", prefix);
	abort();
}

static bool holds(const struct pack_package *package, const char *target)
{
	for (size_t i = 0; i < package->n_files; i++)
		if (!strcmp(package->files[i].target, target))
			return true;
	return false;
}

static void a_file_is_in_one_package_by_who_asks_for_it(void **state)
{
	struct packs *p = planned();
	const struct pack_package *one = find(p, "kmp-firmware-one"),
				  *two = find(p, "kmp-firmware-two");
	const struct pack_package *shared = find(p, "kmp-firmware-shared-");

	assert_int_equal(p->pack.n_packages, 3);
	assert_int_equal(one->n_files + two->n_files + shared->n_files, 6);
	assert_true(holds(one, "/lib/firmware/a.bin"));
	assert_true(holds(shared, "/lib/firmware/shared.bin.zst"));
	assert_true(holds(two, "/lib/firmware/g1.bin") && holds(two, "/lib/firmware/g2.bin"));
	assert_true(holds(two, "/lib/firmware/dir/link.bin") &&
		    holds(two, "/lib/firmware/real.bin"));
	assert_string_equal(shared->summary, "Firmware of one and two");
	assert_string_equal(one->arch, "noarch");
	assert_int_equal(p->pack.result.firmware_missing, 2);
	packs_free(p);
}

static char *recommends(const struct packs *p, size_t m)
{
	char *text;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	assert_int_equal(pack_firmware_recommend(&p->pack, &p->pack.kernels->modules[m], out), 0);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void drivers_recommend_their_packages_by_name(void **state)
{
	struct packs *p = planned();
	char *one = recommends(p, 0), *none = recommends(p, 2);

	assert_non_null(strstr(one, "Recommends: kmp-firmware-one\n"));
	assert_non_null(strstr(one, "Recommends: kmp-firmware-shared-"));
	assert_null(strstr(one, "kmp-firmware-two"));
	assert_string_equal(none, "");
	free(one);
	free(none);
	packs_free(p);
}

static void without_a_tree_files_are_recommended_by_name(void **state)
{
	struct packs *p = packs_new();
	char *text;

	packs_kernel(p, made, 4);
	assert_int_equal(pack_firmware_plan(&p->pack), 0);
	text = recommends(p, 0);
	assert_string_equal(text, "Recommends: firmware(a.bin)\nRecommends: firmware(shared.bin)\n"
				  "Recommends: firmware(absent.bin)\n");
	free(text);
	packs_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_file_is_in_one_package_by_who_asks_for_it),
		UNIT(drivers_recommend_their_packages_by_name),
		UNIT(without_a_tree_files_are_recommended_by_name),
	};

	return UNIT_RUN(tests);
}
