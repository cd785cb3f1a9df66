/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_USAGE_H
#define MODFETCH_USAGE_H
/*
 * Which packaged drivers this machine uses: is the module loaded, is a device bound to it, and when
 * was that last seen? What was seen stands in a ledger, which stays on this machine.
 *
 * It is a sample, taken at boot, by the refresh and when an admin asks: a device that was plugged in
 * between two of them is not noticed as bound, but its driver, which stays loaded, is.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"

#define MF_USAGE_FILE	 "var/lib/modfetch/usage"
#define MF_USAGE_MODULES 8192 /* lines; beyond them no module is added */
#define MF_USAGE_DAYS	 400 /* a module without a package that was not used for longer is dropped */

/* A module file of an rpm package, in the directory of the context's kernel. */
struct mf_driver_usage {
	char *module;  /* as the kernel spells it */
	char *package; /* name-evr.arch */
	/* modprobe and udev load another file of this name, or none: nothing below is about this one */
	bool hidden;
	bool loaded;	/* now */
	size_t devices; /* that are bound to a driver of the module now */
	/* days since 1970 (modfetch/days.h), of the ledger and of now; below 0: never, or not known */
	long first;	  /* the package was noticed */
	long last_loaded; /* the module was loaded */
	long last_bound;  /* a device was bound to it */
};

/* Zeroed: empty. */
struct mf_usage {
	struct mf_driver_usage *v; /* sorted by module, then package */
	size_t n, room;
	/*
	 * The loaded modules and the devices are those of this root (modfetch/machine.h) and kernel.
	 * False: no row is loaded, and nothing was noted.
	 */
	bool here;
};
void mf_usage_done(struct mf_usage *usage);

/*
 * Looks which drivers of rpm packages are in use. WRITE: the ledger is updated, if the machine is the
 * one of the root and its clock is set; a failure of that is only logged. 0; -MFE_NOT_FOUND: the kernel
 * has no directory; or another recorded failure.
 */
int mf_usage_read(struct mf_context *ctx, bool write, struct mf_usage *ret_usage);

/*
 * Notes which modules of the ledger are in use now, without a look at packages: a part of a
 * millisecond, for the boot. Failures are only logged.
 */
void mf_usage_note(struct mf_context *ctx);

#endif
