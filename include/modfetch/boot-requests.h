/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_BOOT_REQUESTS_H
#define MODFETCH_BOOT_REQUESTS_H
/*
 * The modules that systemd asks for by name at every boot: one table for coldplug, which asks for
 * them too, and for the packer, whose base pattern requires them.
 */
#include <stdbool.h>
#include <stddef.h>

struct mf_boot_request {
	const char *name;   /* as kmod spells it */
	const char *asker;  /* the file below the root that asks, where it exists */
	const char *needs;  /* a file below the root without which nobody asks, or NULL */
	const char *reason; /* what it is for, a few words */
};

/* The table; never fails. */
const struct mf_boot_request *mf_boot_requests(size_t *ret_n);
/* Does systemd ask for MODULE, spelled as mf_module_name() does, on some machine? */
bool mf_boot_requests_has(const char *module);

#endif
