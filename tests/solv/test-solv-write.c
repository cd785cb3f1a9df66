/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a cache file keeps of packages, and what it leaves out. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/solv.h"
#include "tests/primary.h"

static const struct primary packages[] = {
	{ .name = "nic-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "nic-kmp-" TAG " kmod(nic.ko) ksym(amd64:nic)=5",
	  .requires = "ksym(amd64:printk)=12 ksym(amd64:kfree)=34",
	  .recommends = "phy-kmp documentation kernel-firmware-nic kmod(crc.ko)",
	  .suggests = "led-kmp tools",
	  .supplements = "modalias(pci:v8086d*)" },
	{ .name = "phy-kmp-" TAG, .evr = "1-1", .provides = "phy-kmp phy-kmp-" TAG },
	{ .name = "led-kmp-" TAG, .evr = "1-1", .provides = "led-kmp led-kmp-" TAG },
};

/* The first package's dependencies of a kind, as they are read again, a blank after each. */
static int add_text(void *arg, const char *name, const char *evr)
{
	char *text = arg;
	size_t len = strlen(text);

	snprintf(text + len, 500 - len, "%s%s%s ", name, evr ? "=" : "", evr ? evr : "");
	return 0;
}

static void only_drivers_and_firmware_are_recommended(void **state)
{
	static const struct {
		enum mf_dep_kind kind;
		const char *has[4], *lacks;
	} expected[] = {
		{ MF_REQUIRES, { "ksym(amd64:printk)=12 ", "ksym(amd64:kfree)=34 " }, "nobody" },
		{ MF_PROVIDES, { "kmod(nic.ko) ", "ksym(amd64:nic)=5 " }, "nobody" },
		{ MF_RECOMMENDS,
		  { "phy-kmp ", "kernel-firmware-nic ", "kmod(crc.ko) " },
		  "documentation" },
		{ MF_SUGGESTS, { "led-kmp " }, "tools" },
		{ MF_SUPPLEMENTS, { "" }, "pci:" },
	};
	struct mf_pool *pool = primary_cached_pool(packages, N(packages), 0);
	int id;

	mf_pool_ready(pool);
	id = primary_provider(pool, "nic-kmp-" TAG, NULL);
	for (size_t i = 0; i < N(expected); i++) {
		char text[500] = "";

		assert_int_equal(mf_pool_deps(pool, id, expected[i].kind, add_text, text), 0);
		for (size_t j = 0; j < 4 && expected[i].has[j]; j++)
			assert_non_null(strstr(text, expected[i].has[j]));
		assert_null(strstr(text, expected[i].lacks));
	}
	mf_pool_free(pool);
}

static void what_is_suggested_can_count_as_recommended(void **state)
{
	struct mf_pool *pool = primary_cached_pool(packages, N(packages), 0);
	char text[500] = "";

	mf_pool_promote_suggests(pool);
	mf_pool_ready(pool);
	assert_int_equal(mf_pool_deps(pool, primary_provider(pool, "nic-kmp-" TAG, NULL),
				      MF_RECOMMENDS, add_text, text),
			 0);
	assert_non_null(strstr(text, "led-kmp "));
	assert_non_null(strstr(text, "phy-kmp "));
	mf_pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(only_drivers_and_firmware_are_recommended),
		UNIT(what_is_suggested_can_count_as_recommended),
	};

	return UNIT_RUN(tests);
}
