/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_ASKED_H
#define MODFETCH_ASKED_H
/*
 * The ledger of what was asked for: modules, packages and patterns by name, and the devices that
 * were seen lately. It holds for every kernel of the machine: names in it have neither flavor nor
 * ABI. A new kernel, an image and autoremove need to know it.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"

#define MF_ASKED_FILE	 "var/lib/modfetch/asked"
#define MF_ASKED_DAYS	 90   /* a device that was not seen for longer is dropped */
#define MF_ASKED_DEVICES 1024 /* beyond them those that were not seen for the longest time go */
#define MF_ASKED_NAMES	 4096 /* entries of the other kinds; beyond them none is added */

enum mf_asked_kind {
	MF_ASKED_NAME,	  /* a module or alias */
	MF_ASKED_PACKAGE, /* the name of a package, or a name that it provides: "xfs-kmp" */
	MF_ASKED_PATTERN, /* "kernel-network-driver-all" */
	MF_ASKED_DEVICE,  /* a modalias */
	MF_N_ASKED,
};

struct mf_asked_entry {
	enum mf_asked_kind kind;
	char *what;
	long day; /* since 1970: of the request; of a device, when it was seen last */
};

/* Zeroed: empty. */
struct mf_asked {
	struct mf_asked_entry *v; /* in the order of the file */
	size_t n, room;
	struct mf_strings kept; /* lines of the file that are no entry; they stay in it */
	bool changed;		/* the file has something else */
};

/*
 * Reads the ledger, without devices that were not seen for MF_ASKED_DAYS. A line that is no entry is
 * logged, and kept. 0 (also where there is no file) or -errno, recorded.
 */
int mf_asked_read(struct mf_context *ctx, struct mf_asked *ret_asked);
void mf_asked_done(struct mf_asked *asked);

/*
 * Adds an entry of today, or updates the day of a device. WHAT: a name or modalias that
 * mf_modalias_valid() accepts, else nothing is added. 0 or -ENOMEM.
 */
int mf_asked_add(struct mf_asked *asked, enum mf_asked_kind kind, const char *what);
/*
 * Removes NAME as a module, a package and a pattern; of a package "xfs-kmp" also the module xfs.
 * Names of modules are compared as kmod does.
 */
void mf_asked_forget(struct mf_asked *asked, const char *name);
/* Writes the ledger if it has changed. Only with the lock held. 0 or -errno, recorded. */
int mf_asked_write(struct mf_context *ctx, struct mf_asked *asked);

/*
 * The name of a package without the end that says its kernel: "xfs-kmp" of
 * "xfs-kmp-amd64-6.1.0_56", for KERNEL, a release. RET_KIND: whether the name is that of a pattern.
 * New memory; NULL: no memory.
 */
char *mf_asked_short_name(const char *name, const char *kernel, enum mf_asked_kind *ret_kind);
/* Is NAME that of a pattern, with or without the end for KERNEL? False without memory, too. */
bool mf_asked_is_pattern(const char *name, const char *kernel);

#endif
