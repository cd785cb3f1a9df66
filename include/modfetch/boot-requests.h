/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_BOOT_REQUESTS_H
#define MODFETCH_BOOT_REQUESTS_H
/*
 * The modules that systemd requests by name at every boot: one table for coldplug, which requests
 * them too, and for the packer, whose base pattern requires them.
 */
#include <stdbool.h>
#include <stddef.h>

struct mf_boot_request {
	const char *name;   /* as kmod spells it */
	const char *asker;  /* the program or unit below the root that requests the module */
	const char *needs;  /* the request is made only where this file exists; NULL: always */
	const char *reason; /* the purpose, in a few words */
};

/* The table and its length. Static; never fails. */
const struct mf_boot_request *mf_boot_requests(size_t *ret_n);
/* Is MODULE, spelled as mf_module_name() does, in the table? */
bool mf_boot_requests_has(const char *module);

#endif
