/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_ON_DISK_H
#define MODFETCH_ON_DISK_H
/* Is the module that the index names there, and would this kernel load it? See on-disk.c. */
#include <stdbool.h>
#include "modfetch/context.h"
#include "modfetch/fit.h"
#include "modfetch/libkmod.h"
#include "modfetch/trie.h"

/* Zeroed but for CTX and KMOD: nothing was asked yet. */
struct mf_on_disk {
	struct mf_context *ctx;
	struct mf_kmod *kmod;
	struct mf_trie *dep;	   /* modules.dep.bin */
	struct mf_fit_kernel *fit; /* NULL: no link was met yet */
	bool opened;
};

/*
 * Confirms that a module which libkmod found on disk is present. 1: it is; 0: its file is missing,
 * or it is a link to a module that does not fit, which is logged; or a recorded failure.
 */
int mf_on_disk_check(struct mf_on_disk *d, const char *module);
/* What libkmod says of a module, with that check. */
int mf_on_disk_presence(struct mf_on_disk *d, const char *module, enum mf_presence *ret_presence);
void mf_on_disk_done(struct mf_on_disk *d);

#endif
