/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which devices could be plugged into this machine while it runs, by the buses that it has.
 *
 * A bus counts if sysfs shows a device of it, a controller or a slot. Slots of PCI exist where cards can
 * be exchanged, and Thunderbolt brings PCI devices too. With USB come input devices and disks,
 * whose drivers have aliases of their own. A driver counts if one of its aliases is of such a bus:
 * which device it will be is not known.
 */
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "wanted.h"

static const struct {
	const char *alias;     /* how the modaliases begin */
	const char *directory; /* below the root: it has an entry where the bus is */
} buses[] = {
	{ "usb:", "sys/bus/usb/devices" },
	{ "hid:", "sys/bus/usb/devices" },
	{ "scsi:", "sys/bus/usb/devices" },
	{ "pci:", "sys/bus/pci/slots" },
	{ "pci:", "sys/bus/thunderbolt/devices" },
	{ "tbsvc:", "sys/bus/thunderbolt/devices" },
	{ "typec:", "sys/class/typec" },
	{ "mmc:", "sys/class/mmc_host" },
	{ "sdio:", "sys/class/mmc_host" },
	{ "pcmcia:", "sys/class/pcmcia_socket" },
	{ "ieee1394:", "sys/bus/firewire/devices" },
	{ "virtio:", "sys/bus/virtio/devices" },
	{ "vmbus:", "sys/bus/vmbus/devices" },
	{ "xen:", "sys/bus/xen/devices" },
};

bool prefetch_can_plug(const struct mf_context *ctx, const char *alias)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(buses); i++)
		if (!strcmp(buses[i].alias, alias) &&
		    mf_context_has_entries(ctx, buses[i].directory))
			return true;
	return false;
}

struct walking {
	bool can[MF_ARRAY_SIZE(buses)];
	struct mf_strings modules;
};

static int on_alias(void *arg, const char *pattern, const char *module, size_t repo)
{
	struct walking *w = arg;

	(void)repo;
	for (size_t i = 0; i < MF_ARRAY_SIZE(buses); i++)
		if (w->can[i] && mf_starts_with(pattern, buses[i].alias))
			return mf_strings_add(&w->modules, module);
	return 0;
}

int prefetch_hotplug(struct mf_context *ctx, struct mf_catalog *catalog, struct mf_strings *modules)
{
	struct walking w = { 0 };
	int r;

	for (size_t i = 0; i < MF_ARRAY_SIZE(buses); i++)
		w.can[i] = mf_context_has_entries(ctx, buses[i].directory);
	r = mf_catalog_walk(catalog, on_alias, &w);
	mf_strings_sort(&w.modules);
	for (size_t i = 0; !r && i < w.modules.n; i++)
		if (!i || strcmp(w.modules.v[i - 1], w.modules.v[i]) != 0)
			r = mf_strings_add(modules, w.modules.v[i]);
	mf_strings_done(&w.modules);
	return r < 0 && ctx->failure.code != r ? mf_fail(ctx, MF_STAGE_RESOLVE, r, "prefetch", NULL)
					       : r;
}
