/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Patterns: packages without files that require every driver of a kind.
 *
 * The members of a pattern are found by their place in the kernel's source, with the table below
 * and nothing else; the first rule of a pattern that matches decides. The base pattern has, in
 * addition, the modules that systemd requests by name at every boot (modfetch/boot-requests.h). A
 * module may be in several patterns or in none. Patterns require only their members: the packages
 * of the members require their dependencies. The closure is computed to print what installing the
 * pattern costs.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/boot-requests.h"
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"
#include "model.h"

static const struct {
	const char *stem, *title;
} patterns[] = {
	{ "kernel-base-driver-all", "Modules that user space loads by name at boot" },
	{ "kernel-network-driver-all", "Network drivers, wireless ones excepted" },
	{ "kernel-wireless-driver-all", "Wireless network drivers" },
	{ "kernel-bluetooth-driver-all", "Bluetooth drivers" },
	{ "kernel-storage-driver-all", "Storage drivers" },
	{ "kernel-usb-driver-all", "USB drivers" },
	{ "kernel-drm-driver-all", "Graphics drivers" },
	{ "kernel-sound-driver-all", "Sound drivers" },
	{ "kernel-media-driver-all", "Camera, television and remote control drivers" },
	{ "kernel-input-driver-all", "Input drivers" },
	{ "kernel-platform-driver-all", "Drivers of mainboards and their buses" },
	{ "kernel-filesystem-all", "File systems" },
	{ "kernel-netfilter-all", "Packet filters and traffic control" },
	{ "kernel-crypto-all", "Ciphers, digests and crypto accelerators" },
	{ "kernel-virt-driver-all", "Drivers of virtual machines, as host and as guest" },
};

enum membership { IN, OUT };

/*
 * GLOB is matched by fnmatch(3) without flags ('*' also matches '/') against the module's path
 * without its first directory (kernel/, updates/, extra/) and without its suffix.
 */
static const struct {
	const char *stem;
	enum membership membership;
	const char *glob;
	const char *reason;
} rules[] = {
	{ "kernel-base-driver-all", IN, "drivers/firmware/qemu_fw_cfg",
	  "systemd reads credentials" },
	{ "kernel-base-driver-all", IN, "drivers/char/hw_random/virtio-rng", "systemd seeds" },
	{ "kernel-base-driver-all", IN, "net/unix/*", "every D-Bus socket" },
	{ "kernel-base-driver-all", IN, "net/packet/af_packet", "DHCP clients" },
	{ "kernel-base-driver-all", IN, "net/netfilter/nf_tables", "systemd's firewall" },

	{ "kernel-network-driver-all", OUT, "drivers/net/wireless/*", "have their own pattern" },
	{ "kernel-network-driver-all", OUT, "drivers/net/hamradio/*", "amateur radio over serial" },
	{ "kernel-network-driver-all", IN, "drivers/net/*", "cards, PHYs, USB sticks, tunnels" },
	{ "kernel-network-driver-all", IN, "drivers/s390/net/*", "OSA, HiperSockets" },
	{ "kernel-network-driver-all", IN, "drivers/thunderbolt/*", "network over Thunderbolt" },
	{ "kernel-network-driver-all", IN, "drivers/infiniband/*", "RDMA sides of the same cards" },
	{ "kernel-network-driver-all", IN, "drivers/ssb/*", "bus of Broadcom's cards" },

	{ "kernel-wireless-driver-all", IN, "drivers/net/wireless/*", "cards" },
	{ "kernel-wireless-driver-all", IN, "drivers/net/wwan/*", "modems" },
	{ "kernel-wireless-driver-all", IN, "drivers/staging/rtl8*", "cards, staging drivers" },
	{ "kernel-wireless-driver-all", IN, "drivers/staging/vt665*", "cards, staging drivers" },
	{ "kernel-wireless-driver-all", IN, "drivers/staging/wlan-ng/*", "cards, staging drivers" },
	{ "kernel-wireless-driver-all", IN, "drivers/staging/ks7010/*", "cards, staging drivers" },
	{ "kernel-wireless-driver-all", IN, "net/mac80211/*", "their common half" },
	{ "kernel-wireless-driver-all", IN, "net/wireless/*", "their configuration" },
	{ "kernel-wireless-driver-all", IN, "net/rfkill/*", "their switch" },

	{ "kernel-bluetooth-driver-all", IN, "drivers/bluetooth/*", "adapters" },
	{ "kernel-bluetooth-driver-all", IN, "net/bluetooth/*", "protocols" },

	{ "kernel-storage-driver-all", IN, "drivers/ata/*", "SATA, PATA" },
	{ "kernel-storage-driver-all", IN, "drivers/nvme/host/*", "NVMe" },
	{ "kernel-storage-driver-all", OUT, "drivers/nvme/*", "serving disks, not using them" },
	{ "kernel-storage-driver-all", IN, "drivers/scsi/*", "disks, RAID and SAN adapters" },
	{ "kernel-storage-driver-all", IN, "drivers/s390/scsi/*", "zFCP" },
	{ "kernel-storage-driver-all", IN, "drivers/s390/block/*", "DASD" },
	{ "kernel-storage-driver-all", IN, "drivers/message/fusion/*", "older RAID adapters" },
	{ "kernel-storage-driver-all", IN, "drivers/block/*", "loop, network and virtual disks" },
	{ "kernel-storage-driver-all", IN, "drivers/md/*", "RAID, LVM, encryption" },
	{ "kernel-storage-driver-all", IN, "drivers/mmc/*", "cards and eMMC" },
	{ "kernel-storage-driver-all", IN, "drivers/memstick/*", "cards" },
	{ "kernel-storage-driver-all", IN, "drivers/mtd/*", "raw flash" },
	{ "kernel-storage-driver-all", IN, "drivers/ufs/*", "flash of phones and laptops" },
	{ "kernel-storage-driver-all", IN, "drivers/nvdimm/*", "persistent memory" },
	{ "kernel-storage-driver-all", IN, "drivers/dax/*", "persistent memory" },
	{ "kernel-storage-driver-all", IN, "drivers/cdrom/*", "optical drives" },
	{ "kernel-storage-driver-all", IN, "drivers/usb/storage/*", "USB sticks and disks" },
	{ "kernel-storage-driver-all", IN, "drivers/firewire/firewire-sbp2", "FireWire disks" },
	{ "kernel-storage-driver-all", IN, "drivers/infiniband/ulp/srp/*", "SAN over RDMA" },
	{ "kernel-storage-driver-all", IN, "drivers/infiniband/ulp/iser/*", "SAN over RDMA" },

	{ "kernel-usb-driver-all", OUT, "drivers/usb/gadget/*", "being a device, not having one" },
	{ "kernel-usb-driver-all", IN, "drivers/usb/*", "controllers and classes" },
	{ "kernel-usb-driver-all", IN, "drivers/hid/usbhid/*", "keyboards and mice" },
	{ "kernel-usb-driver-all", IN, "drivers/net/usb/*", "network sticks" },
	{ "kernel-usb-driver-all", IN, "sound/usb/*", "sound" },

	{ "kernel-drm-driver-all", IN, "drivers/gpu/*", "graphics cards, panels, bridges" },
	{ "kernel-drm-driver-all", IN, "drivers/video/*", "frame buffers, backlights" },
	{ "kernel-drm-driver-all", IN, "drivers/char/agp/*", "AGP" },
	{ "kernel-drm-driver-all", IN, "drivers/platform/x86/*wmi*", "backlight and mux switches" },

	{ "kernel-sound-driver-all", IN, "sound/*", "cards, codecs, sequencer" },
	{ "kernel-sound-driver-all", IN, "drivers/soundwire/*", "bus of recent codecs" },

	{ "kernel-media-driver-all", IN, "drivers/media/*", "cameras, tuners, infrared" },
	{ "kernel-media-driver-all", IN, "drivers/staging/media/*", "staging drivers" },

	{ "kernel-input-driver-all", IN, "drivers/input/*", "keyboards, mice, touchscreens" },
	{ "kernel-input-driver-all", IN, "drivers/hid/*", "human interface devices" },
	{ "kernel-input-driver-all", IN, "drivers/tty/serial/*", "serial mice and consoles" },

	{ "kernel-platform-driver-all", IN, "drivers/platform/*", "laptops' own devices" },
	{ "kernel-platform-driver-all", IN, "drivers/acpi/*", "batteries, fans, buttons" },
	{ "kernel-platform-driver-all", IN, "drivers/mfd/*", "chips of many functions" },
	{ "kernel-platform-driver-all", IN, "drivers/gpio/*", "pins" },
	{ "kernel-platform-driver-all", IN, "drivers/pinctrl/*", "pins" },
	{ "kernel-platform-driver-all", IN, "drivers/i2c/*", "bus of touchpads and sensors" },
	{ "kernel-platform-driver-all", IN, "drivers/spi/*", "bus of flash and sensors" },
	{ "kernel-platform-driver-all", IN, "drivers/hwmon/*", "temperatures and fans" },
	{ "kernel-platform-driver-all", IN, "drivers/thermal/*", "cooling" },
	{ "kernel-platform-driver-all", IN, "drivers/cpufreq/*", "clock of processors" },
	{ "kernel-platform-driver-all", IN, "drivers/powercap/*", "power limits" },
	{ "kernel-platform-driver-all", IN, "drivers/power/*", "batteries and chargers" },
	{ "kernel-platform-driver-all", IN, "drivers/watchdog/*", "watchdogs" },
	{ "kernel-platform-driver-all", IN, "drivers/leds/*", "lights" },
	{ "kernel-platform-driver-all", IN, "drivers/edac/*", "memory errors" },
	{ "kernel-platform-driver-all", IN, "drivers/char/tpm/*", "TPM" },
	{ "kernel-platform-driver-all", IN, "drivers/char/ipmi/*", "servers' controllers" },
	{ "kernel-platform-driver-all", IN, "drivers/iio/*", "light, position and other sensors" },

	{ "kernel-filesystem-all", IN, "fs/*", "on disk and on the network" },
	{ "kernel-filesystem-all", IN, "net/9p/*", "transport of 9p" },

	{ "kernel-netfilter-all", IN, "net/netfilter/*", "nftables, xtables, ipset, conntrack" },
	{ "kernel-netfilter-all", IN, "net/*/netfilter/*", "the families' halves of it" },
	{ "kernel-netfilter-all", IN, "net/sched/*", "traffic control" },

	{ "kernel-crypto-all", IN, "crypto/*", "plain implementations" },
	{ "kernel-crypto-all", IN, "arch/*/crypto/*", "those with this processor's instructions" },
	{ "kernel-crypto-all", IN, "drivers/crypto/*", "accelerators" },
	{ "kernel-crypto-all", IN, "lib/crypto/*", "what they share" },

	{ "kernel-virt-driver-all", IN, "arch/*/kvm/*", "host" },
	{ "kernel-virt-driver-all", IN, "virt/*", "host" },
	{ "kernel-virt-driver-all", IN, "drivers/vhost/*", "host: fast paths into guests" },
	{ "kernel-virt-driver-all", IN, "drivers/vfio/*", "host: devices handed to guests" },
	{ "kernel-virt-driver-all", IN, "drivers/vdpa/*", "host: virtio in hardware" },
	{ "kernel-virt-driver-all", IN, "drivers/net/tun", "host: guests' network" },
	{ "kernel-virt-driver-all", IN, "drivers/net/tap", "host: guests' network" },
	{ "kernel-virt-driver-all", IN, "drivers/net/macvtap", "host: guests' network" },
	{ "kernel-virt-driver-all", IN, "drivers/virt/*", "guest: services of hosts" },
	{ "kernel-virt-driver-all", IN, "drivers/virtio/*", "guest" },
	{ "kernel-virt-driver-all", IN, "*virtio*", "guest: every virtio driver" },
	{ "kernel-virt-driver-all", IN, "drivers/hv/*", "guest: Hyper-V" },
	{ "kernel-virt-driver-all", IN, "*hyperv*", "guest: Hyper-V" },
	{ "kernel-virt-driver-all", IN, "drivers/scsi/hv_storvsc", "guest: Hyper-V" },
	{ "kernel-virt-driver-all", IN, "drivers/net/vmxnet3/*", "guest: VMware" },
	{ "kernel-virt-driver-all", IN, "drivers/scsi/vmw_pvscsi", "guest: VMware" },
	{ "kernel-virt-driver-all", IN, "*/vmw*", "guest: VMware" },
	{ "kernel-virt-driver-all", IN, "net/vmw_vsock/*", "guest and host: sockets between them" },
	{ "kernel-virt-driver-all", IN, "drivers/xen/*", "guest and host: Xen" },
	{ "kernel-virt-driver-all", IN, "*/xen-*", "guest and host: Xen" },
};

static bool is_boot_request(const char *stem, const char *path)
{
	char name[256];

	return !strcmp(stem, "kernel-base-driver-all") &&
	       mf_module_name(path, name, sizeof(name)) && mf_boot_requests_has(name);
}

bool pack_pattern_has(const char *stem, const char *path)
{
	_cleanup_free_ char *place = NULL;
	const char *slash = strchr(path, '/'), *dot;

	if (!slash)
		return false;
	if (is_boot_request(stem, path))
		return true;
	dot = strstr(slash, ".ko");
	place = strndup(slash + 1, dot ? (size_t)(dot - slash - 1) : strlen(slash + 1));
	if (!place)
		return false;
	for (size_t i = 0; i < MF_ARRAY_SIZE(rules); i++)
		if (!strcmp(rules[i].stem, stem) && !fnmatch(rules[i].glob, place, 0))
			return rules[i].membership == IN;
	return false;
}

static int list_members(const struct pack_kernel *kernel, const char *stem,
			struct pack_list *ret_members)
{
	for (size_t m = 0; m < kernel->n_modules; m++) {
		int r = 0;

		if (kernel->modules[m].picked && pack_pattern_has(stem, kernel->modules[m].path))
			r = pack_list_add(ret_members, m);
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_result(struct pack *pack, const struct pack_kernel *kernel,
		      const struct pack_list *members, const struct pack_package *package,
		      struct mf_pack_pattern **ret_pattern)
{
	_cleanup_(pack_list_done) struct pack_list closure = { 0 };
	struct mf_pack_pattern *more, *p;
	int r = pack_closure(kernel, members, false, &closure);

	if (r < 0)
		return r;
	more = reallocarray(pack->result.patterns, pack->result.n_patterns + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	pack->result.patterns = more;
	p = &more[pack->result.n_patterns];
	*p = (struct mf_pack_pattern){ strdup(package->name), members->n, closure.n, 0 };
	if (!p->name)
		return -ENOMEM;
	pack->result.n_patterns++;
	for (size_t i = 0; i < closure.n; i++)
		p->size += kernel->modules[closure.v[i]].size;
	*ret_pattern = p;
	return 0;
}

/*
 * The modules that members may request and that are not members: recommended, so that a pattern
 * installs all of its kind.
 */
static int list_requested(const struct pack_kernel *kernel, const struct pack_list *members,
			  struct pack_list *ret_asked)
{
	for (size_t i = 0; i < members->n; i++) {
		const struct pack_list *may_ask = &kernel->modules[members->v[i]].may_request;

		for (size_t j = 0; j < may_ask->n; j++) {
			size_t m = may_ask->v[j];
			int r = 0;

			if (kernel->modules[m].picked && !pack_list_has(members, m))
				r = pack_list_add(ret_asked, m);
			if (r < 0)
				return r;
		}
	}
	pack_list_unique(ret_asked);
	return 0;
}

static int pattern_put_relations(const struct pack_kernel *kernel, const char *stem,
				 const struct pack_list *members, struct pack_package *package)
{
	_cleanup_(pack_list_done) struct pack_list requested = { 0 };
	size_t len;
	FILE *out = open_memstream(&package->relations, &len);

	if (!out)
		return -ENOMEM;
	if (list_requested(kernel, members, &requested) < 0) {
		fclose(out);
		return -ENOMEM;
	}
	fprintf(out, "Provides: %s\nProvides: %s-%s\n", stem, stem, kernel->release.flavor);
	fprintf(out, "Provides: pattern() = ");
	for (const char *c = stem; *c; c++)
		fputc(*c == '-' ? '_' : *c, out);
	fputs("\nProvides: pattern-category() = Drivers\nProvides: pattern-visible()\n", out);
	pack_kmp_put_names(kernel, "Requires", members, out);
	pack_kmp_put_names(kernel, "Recommends", &requested, out);
	return fclose(out) ? -ENOMEM : 0;
}

static int pattern_fill(struct pack *pack, const struct pack_kernel *kernel, size_t i,
			const struct pack_list *members, struct pack_package *package)
{
	const struct mf_release *r = &kernel->release;
	struct mf_pack_pattern *pattern = NULL;
	int e;

	package->kind = PACK_KIND_PATTERN;
	package->kernel = kernel;
	package->arch = kernel->arch;
	package->name = mf_format("%s-%s-%s", patterns[i].stem, r->flavor, r->abi);
	package->version = strdup(kernel->version);
	package->revision = strdup(kernel->revision);
	package->summary = mf_format("%s, all of Linux %s", patterns[i].title, r->release);
	package->license = strdup("GPL-2.0-only");
	if (!package->name || !package->version || !package->revision || !package->summary ||
	    !package->license)
		return -ENOMEM;
	e = pattern_put_relations(kernel, patterns[i].stem, members, package);
	if (e >= 0)
		e = add_result(pack, kernel, members, package, &pattern);
	if (e < 0)
		return e;
	package->description =
		mf_format("Requires %zu modules; with what those need %zu, %.1f MB installed.",
			  pattern->members, pattern->closed, (double)pattern->size / 1e6);
	return package->description ? 0 : -ENOMEM;
}

int pack_pattern_make(struct pack *pack, struct pack_kernel *kernel)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(patterns); i++) {
		_cleanup_(pack_list_done) struct pack_list members = { 0 };
		struct pack_package *package;
		int r = list_members(kernel, patterns[i].stem, &members);

		if (r >= 0 && !members.n)
			continue;
		package = r < 0 ? NULL : pack_package_new(pack);
		r = package ? pattern_fill(pack, kernel, i, &members, package) : -ENOMEM;
		if (r < 0)
			return mf_fail(pack->ctx, MF_STAGE_PACK, r, patterns[i].stem, NULL);
		pack_package_set_fingerprint(package);
	}
	return 0;
}
