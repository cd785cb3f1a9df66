/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Places in the source and their patterns, and the packages made from these. */
#include "tests/unit.h"
#include "tests/packs.h"

static const struct {
	const char *stem, *path;
	bool in;
} places[] = {
	{ "kernel-network-driver-all", "kernel/drivers/net/ethernet/intel/e1000e/e1000e.ko", true },
	{ "kernel-network-driver-all", "kernel/drivers/net/usb/r8152.ko.xz", true },
	{ "kernel-network-driver-all", "updates/drivers/net/dummy.ko", true },
	{ "kernel-network-driver-all", "kernel/drivers/net/wireless/intel/iwlwifi/iwlwifi.ko",
	  false },
	{ "kernel-network-driver-all", "kernel/net/ipv4/tcp_bbr.ko", false },
	{ "kernel-network-driver-all", "e1000e.ko", false },
	{ "kernel-wireless-driver-all", "kernel/drivers/net/wireless/intel/iwlwifi/iwlwifi.ko",
	  true },
	{ "kernel-wireless-driver-all", "kernel/net/mac80211/mac80211.ko", true },
	{ "kernel-storage-driver-all", "kernel/drivers/nvme/host/nvme.ko", true },
	{ "kernel-storage-driver-all", "kernel/drivers/nvme/target/nvmet.ko", false },
	{ "kernel-storage-driver-all", "kernel/drivers/usb/storage/usb-storage.ko", true },
	{ "kernel-usb-driver-all", "kernel/drivers/usb/host/xhci-pci.ko", true },
	{ "kernel-usb-driver-all", "kernel/drivers/usb/gadget/libcomposite.ko", false },
	{ "kernel-drm-driver-all", "kernel/drivers/gpu/drm/i915/i915.ko", true },
	{ "kernel-sound-driver-all", "kernel/sound/pci/hda/snd-hda-intel.ko", true },
	{ "kernel-input-driver-all", "kernel/drivers/hid/hid-logitech-dj.ko", true },
	{ "kernel-filesystem-all", "kernel/fs/xfs/xfs.ko", true },
	{ "kernel-netfilter-all", "kernel/net/ipv4/netfilter/ip_tables.ko", true },
	{ "kernel-netfilter-all", "kernel/net/sched/sch_fq.ko", true },
	{ "kernel-virt-driver-all", "kernel/arch/x86/kvm/kvm-intel.ko", true },
	{ "kernel-virt-driver-all", "kernel/drivers/block/virtio_blk.ko", true },
	{ "kernel-base-driver-all", "kernel/fs/autofs/autofs4.ko", true },
	{ "kernel-base-driver-all", "kernel/drivers/md/dm-mod.ko.xz", true },
	{ "kernel-base-driver-all", "kernel/drivers/gpu/drm/drm.ko", true },
	{ "kernel-base-driver-all", "kernel/fs/binfmt_misc.ko", true },
	{ "kernel-base-driver-all", "kernel/drivers/md/dm-crypt.ko", false },
	{ "kernel-crypto-all", "kernel/fs/fuse/fuse.ko", false },
	{ "kernel-crypto-all", "kernel/arch/x86/crypto/aesni-intel.ko", true },
	{ "no-such-pattern", "kernel/fs/xfs/xfs.ko", false },
};

static void a_place_decides_and_the_first_rule_that_fits(void **state)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(places); i++)
		if (pack_pattern_has(places[i].stem, places[i].path) != places[i].in)
			fail_msg("%s %s", places[i].stem, places[i].path);
}

static void patterns_require_what_is_picked_and_count_what_that_needs(void **state)
{
	static const struct made made[] = {
		{ "kernel/drivers/net/mii.ko", .exports = { "m=1" } },
		{ "kernel/drivers/net/usb/u.ko", .imports = { "m=1", "s=2" } },
		{ "kernel/lib/s.ko", .exports = { "s=2" } },
		{ "kernel/drivers/net/left-out.ko" },
	};
	struct packs *p = packs_new();
	struct pack_kernel *k = packs_kernel(p, made, 4);
	const struct pack_package *net, *usb;

	assert_int_equal(pack_deps(&p->pack, k), 0);
	/* the module that is not a member; a member; one that is not packed */
	for (size_t m = 1; m < 4; m++)
		assert_int_equal(pack_list_add(&k->modules[0].may_request, m), 0);
	k->modules[3].picked = false;
	assert_int_equal(pack_pattern_make(&p->pack, k), 0);
	assert_int_equal(p->pack.n_packages, 2);
	net = &p->pack.packages[0];
	usb = &p->pack.packages[1];
	assert_string_equal(net->name, "kernel-network-driver-all-amd64-6.1.0_56");
	assert_non_null(strstr(net->relations, "Requires: mii-kmp-amd64-6.1.0_56\n"));
	assert_non_null(strstr(net->relations, "Recommends: s-kmp-amd64-6.1.0_56\n"));
	assert_null(strstr(net->relations, "Recommends: u-kmp"));
	assert_null(strstr(net->relations, "Recommends: left_out-kmp"));
	assert_non_null(strstr(net->relations, "Requires: u-kmp-amd64-6.1.0_56\n"));
	assert_null(strstr(net->relations, "left_out"));
	assert_null(strstr(net->relations, "Requires: s-kmp"));
	assert_non_null(strstr(net->relations, "Provides: kernel-network-driver-all\n"));
	assert_int_equal(net->n_files, 0);
	assert_string_equal(usb->name, "kernel-usb-driver-all-amd64-6.1.0_56");
	assert_int_equal(p->pack.result.n_patterns, 2);
	assert_int_equal(p->pack.result.patterns[0].members, 2);
	assert_int_equal(p->pack.result.patterns[0].closed, 3);
	assert_int_equal(p->pack.result.patterns[0].size, 3000);
	packs_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_place_decides_and_the_first_rule_that_fits),
		UNIT(patterns_require_what_is_picked_and_count_what_that_needs),
	};

	return UNIT_RUN(tests);
}
