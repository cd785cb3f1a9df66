/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a machine has that no package owns: its kernel and modules that an admin installed. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/symvers.h"
#include "src/repo/system.h"
#include "tests/primary.h"
#include "tests/trees.h"

#define TREE	"lib/modules/" KERNEL "/"
#define SYMVERS "usr/src/linux-headers-" KERNEL "/Module.symvers"

static const struct primary repo[] = {
	{ .name = "ptp-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "kmod(ptp.ko) ksym(amd64:ptp_clock_register)=aaaa" },
	{ .name = "kernel-amd64-image-6.1.0_56",
	  .evr = "1-1",
	  .provides = "kernel-amd64 ksym(amd64:printk)=1111 ksym(amd64:old)=2222 kmod(ext4.ko)" },
	{ .name = "kmp-firmware-ptp",
	  .evr = "1-1",
	  .provides = "firmware(vendor/a.bin) firmware(vendor/b%20c.bin.xz)" },
	{ .name = "both-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "firmware(vendor/a.bin) kmod(both.ko)" },
	/* only provides that are asked for are given to the pool */
	{ .name = "snd-kmp-" TAG,
	  .evr = "1-1",
	  .requires = "ksym(amd64:register_sound_special)=1 ksym(amd64:gone)=3 /usr/sbin/depmod "
		      "/usr/sbin/../../etc/outside /usr/sbin/nowhere" },
};

static struct mf_pool *with_system(struct root *r)
{
	struct mf_pool *pool = primary_pool(repo, N(repo));
	struct mf_release release;

	assert_int_equal(mf_release_parse(KERNEL, NULL, &release), 0);
	assert_int_equal(mf_system_add(&r->ctx, &release, 1, false, pool), 0);
	mf_pool_ready(pool);
	return pool;
}

/* Does the system provide it? */
static bool provides(struct mf_pool *pool, const char *dep, const char *evr)
{
	struct mf_package p;
	bool found = false;
	int *ids;
	size_t n;

	assert_int_equal(mf_pool_providers(pool, dep, evr, &ids, &n), 0);
	for (size_t i = 0; i < n; i++) {
		mf_pool_package(pool, ids[i], &p);
		found |= p.origin == MF_POOL_SYSTEM;
	}
	free(ids);
	return found;
}

static void a_kernel_no_rpm_owns_provides_its_names(void **state)
{
	struct root *r = *state;
	struct mf_pool *pool = with_system(r);

	assert_true(provides(pool, "kernel-amd64", NULL));
	assert_true(provides(pool, "kernel-" TAG, NULL));
	assert_true(provides(pool, "kernel-uname-r", KERNEL));
	assert_false(provides(pool, "kernel-uname-r", "6.9.0-1-amd64"));
	assert_false(provides(pool, "kernel-default", NULL));
	mf_pool_free(pool);
}

static void its_own_symvers_speak_for_it(void **state)
{
	struct root *r = *state;
	struct mf_pool *pool;

	root_write(r, SYMVERS,
		   "0x00009999\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n0x3\tgone\tdrivers/"
		   "gone\tEXPORT_SYMBOL\t\n");
	pool = with_system(r);
	assert_true(provides(pool, "ksym(amd64:printk)", "9999"));
	assert_false(provides(pool, "ksym(amd64:printk)", "1111"));
	/* the repository's kernel has it, this one has not */
	assert_false(provides(pool, "ksym(amd64:old)", NULL));
	/* of a module that is not on disk */
	assert_false(provides(pool, "ksym(amd64:gone)", NULL));
	mf_pool_free(pool);
}

static void without_symvers_the_repositorys_image_speaks(void **state)
{
	struct root *r = *state;
	struct mf_pool *pool = with_system(r);

	assert_true(provides(pool, "ksym(amd64:printk)", "1111"));
	assert_true(provides(pool, "kmod(ext4.ko)", NULL));
	mf_pool_free(pool);
}

static void a_module_on_disk_counts_with_its_symbols(void **state)
{
	struct root *r = *state;
	struct mf_pool *pool;

	root_write(r, TREE "modules.dep",
		   "kernel/drivers/ptp/ptp.ko: kernel/drivers/pps/pps_core.ko\n");
	/* of its package in the repository */
	pool = with_system(r);
	assert_true(provides(pool, "kmod(ptp.ko)", NULL));
	assert_true(provides(pool, "ksym(amd64:ptp_clock_register)", "aaaa"));
	mf_pool_free(pool);
	/* of symvers, if there are some */
	root_write(r, SYMVERS, "0xbbbb\tptp_clock_register\tdrivers/ptp/ptp\tEXPORT_SYMBOL\t\n");
	pool = with_system(r);
	assert_true(provides(pool, "kmod(ptp.ko)", NULL));
	assert_true(provides(pool, "ksym(amd64:ptp_clock_register)", "bbbb"));
	assert_false(provides(pool, "ksym(amd64:ptp_clock_register)", "aaaa"));
	mf_pool_free(pool);
}

/* A real module that neither symvers nor a repository knows is read itself. */
static void a_module_nobody_knows_is_read(void **state)
{
	struct root *r = *state;
	struct mf_pool *pool;
	char command[1200];

	snprintf(command, sizeof(command), "cd %s/" TREE " && cp %s/kernel/sound/soundcore.ko .",
		 r->path, tree_of("default"));
	assert_int_equal(system(command), 0);
	root_write(r, TREE "modules.dep", "soundcore.ko:\nmissing.ko:\nbroken.ko:\n");
	root_write(r, TREE "broken.ko", "no module");
	pool = with_system(r);
	assert_true(provides(pool, "kmod(soundcore.ko)", NULL));
	assert_true(provides(pool, "ksym(amd64:register_sound_special)", NULL));
	assert_false(provides(pool, "ksym(amd64:register_sound_special)", "1"));
	mf_pool_free(pool);
	/* but not where the index says that it exports nothing */
	root_write(r, TREE "modules.symbols", "# Aliases\nalias symbol:other missing\n");
	pool = with_system(r);
	assert_true(provides(pool, "kmod(soundcore.ko)", NULL));
	assert_false(provides(pool, "ksym(amd64:register_sound_special)", NULL));
	mf_pool_free(pool);
	root_write(r, TREE "modules.symbols", "alias symbol:register_sound_special soundcore\n");
	pool = with_system(r);
	assert_true(provides(pool, "ksym(amd64:register_sound_special)", NULL));
	mf_pool_free(pool);
}

static void an_absolute_link_leads_to_a_file_below_the_root(void **state)
{
	struct root *r = *state;
	struct mf_pool *pool;
	char command[1200];

	root_write(r, "lib/modules/6.1.0-1-amd64/updates/there", "");
	root_write(r, TREE "weak-updates/there", "");
	snprintf(command, sizeof(command),
		 "cp %s/kernel/sound/soundcore.ko %s/lib/modules/6.1.0-1-amd64/updates/",
		 tree_of("default"), r->path);
	assert_int_equal(system(command), 0);
	root_link(r, "/lib/modules/6.1.0-1-amd64/updates/soundcore.ko",
		  TREE "weak-updates/soundcore.ko");
	root_write(r, TREE "modules.dep", "weak-updates/soundcore.ko:\n");
	pool = with_system(r);
	assert_true(provides(pool, "ksym(amd64:register_sound_special)", NULL));
	mf_pool_free(pool);
}

static void firmware_on_disk_is_not_wanted(void **state)
{
	struct root *r = *state;
	struct mf_pool *pool = with_system(r);

	assert_false(provides(pool, "firmware(vendor/a.bin)", NULL));
	assert_false(provides(pool, "kmp-firmware-ptp", NULL));
	mf_pool_free(pool);
	/* a part of it, and a link that leads nowhere */
	root_write(r, "lib/firmware/vendor/a.bin", "a");
	root_link(r, "nowhere", "lib/firmware/vendor/b c.bin.xz");
	pool = with_system(r);
	assert_true(provides(pool, "firmware(vendor/a.bin)", NULL));
	assert_false(provides(pool, "kmp-firmware-ptp", NULL));
	mf_pool_free(pool);
	/* all of it, be it packed otherwise; but not a driver with it */
	root_write(r, "lib/firmware/vendor/b c.bin.zst", "b");
	pool = with_system(r);
	assert_true(provides(pool, "kmp-firmware-ptp", NULL));
	assert_false(provides(pool, "both-kmp-" TAG, NULL));
	mf_pool_free(pool);
}

static void a_file_that_a_package_needs_counts_if_it_is_on_disk(void **state)
{
	struct root *r = *state;
	struct mf_pool *pool = with_system(r);

	/* the machine's own depmod is not that of the root */
	assert_false(provides(pool, "/usr/sbin/depmod", NULL));
	mf_pool_free(pool);
	root_write(r, "usr/bin/kmod", "");
	root_mkdir(r, "usr/sbin");
	root_link(r, "/usr/bin/kmod", "usr/sbin/depmod");
	root_link(r, "gone", "usr/sbin/nowhere");
	pool = with_system(r);
	assert_true(provides(pool, "/usr/sbin/depmod", NULL));
	assert_false(provides(pool, "/usr/sbin/nowhere", NULL));
	assert_false(provides(pool, "/usr/bin/kmod", NULL));
	mf_pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_kernel_no_rpm_owns_provides_its_names),
		ROOTED(its_own_symvers_speak_for_it),
		ROOTED(without_symvers_the_repositorys_image_speaks),
		ROOTED(a_module_on_disk_counts_with_its_symbols),
		ROOTED(a_module_nobody_knows_is_read),
		ROOTED(an_absolute_link_leads_to_a_file_below_the_root),
		ROOTED(firmware_on_disk_is_not_wanted),
		ROOTED(a_file_that_a_package_needs_counts_if_it_is_on_disk),
	};

	return UNIT_RUN(tests);
}
