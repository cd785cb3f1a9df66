/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The modules that systemd requests by name during the boot.
 *
 * PID 1 passes names to libkmod, or mounts a file system for which the kernel then requests a
 * module; some units pull in modprobe@NAME.service. All this happens before modfetch can fetch
 * anything, and no device has an alias of these modules: a missing one would stay missing. So
 * coldplug requests the same names (modfetch/want.h): they are installed during the first boot, and
 * systemd finds them from the second boot on.
 *
 * The table lists the requests of every machine that has the asker, independent of its devices;
 * requests for certain hardware only (virtio_rng, qemu_fw_cfg) are fetched for that device.
 * Sources: the kernel's trace events module:module_load and module:module_request, and systemd's
 * units.
 */
#include "modfetch/boot-requests.h"
#include <string.h>
#include "modfetch/array.h"

#define PID_1	   "lib/systemd/systemd"
#define UNIT(name) "lib/systemd/system/" name
#define EFI	   "sys/firmware/efi/efivars"

static const struct mf_boot_request requests[] = {
	{ "autofs4", PID_1, NULL, "automount units" },
	{ "unix", PID_1, NULL, "every D-Bus socket" },
	{ "ipv6", PID_1, NULL, "opened by nearly every daemon" },
	{ "ip_tables", PID_1, NULL, "masquerading for networks and containers" },
	{ "dmi_sysfs", PID_1, "sys/firmware/dmi", "credentials in SMBIOS strings" },
	{ "efivarfs", PID_1, EFI, "mounted on every EFI machine" },
	{ "binfmt_misc", UNIT("systemd-binfmt.service"), NULL, "formats in binfmt.d" },
	{ "configfs", UNIT("sys-kernel-config.mount"), NULL, "is mounted" },
	{ "fuse", UNIT("sys-fs-fuse-connections.mount"), NULL, "is mounted" },
	{ "drm", UNIT("systemd-logind.service"), NULL, "seats and their graphics cards" },
	{ "dm_mod", UNIT("systemd-repart.service"), NULL, "LVM, LUKS" },
	{ "loop", UNIT("systemd-repart.service"), NULL, "disk images" },
	{ "efi_pstore", UNIT("systemd-pstore.service"), EFI, "logs of a crash" },
};

const struct mf_boot_request *mf_boot_requests(size_t *ret_n)
{
	*ret_n = MF_ARRAY_SIZE(requests);
	return requests;
}

bool mf_boot_requests_has(const char *module)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(requests); i++)
		if (!strcmp(requests[i].name, module))
			return true;
	return false;
}
