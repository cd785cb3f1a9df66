/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_UPKEEP_H
#define MODFETCH_UPKEEP_H
/*
 * Kernels that come and go: the drivers that a new kernel must have before its first boot, and the
 * rest of one that was removed. All functions are about the context's kernel, which need not be the
 * running one.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"

/* A driver that the kernel must have and lacks. All strings are owned. */
struct mf_gap {
	char *driver; /* a module, an alias, a package, or the file of an index */
	char *wanted; /* why it is wanted, a clause: "it is loaded now" */
	char *lacks;  /* why it is not there, a clause */
	int code;     /* -MFE_* or -errno, stable */
};

/* Zeroed: empty. */
struct mf_gaps {
	struct mf_gap *v;
	size_t n, room;
	size_t checked; /* devices and names that were looked at */
	bool installed; /* the kernel has its directory; else it was judged what could be had */
};
void mf_gaps_done(struct mf_gaps *gaps);

/*
 * Finds what the kernel must have and lacks: drivers of the devices of this machine and of those that
 * were seen lately, what was asked for by name, what is loaded now, the file systems in fstab, the
 * modules that user space and the initrd request by name; and the indexes. A driver that the policy
 * refuses is no gap. Of a kernel that is not installed, only what no repository could give it is a
 * gap. Changes nothing and uses no network. 0 (also with gaps), or a recorded failure.
 */
int mf_ready(struct mf_context *ctx, struct mf_gaps *ret_gaps);

/*
 * Brings what mf_ready() finds: by links to modules that are on disk for another kernel, and from
 * repositories, whose metadata is fetched first if none of them knows this kernel. While it works,
 * and after a failure that may pass, the kernel stands in the list of mf_kernels_pending_read().
 * RET_GAPS: what is missing at the end. 0 (also with gaps); -MFE_NOT_FOUND: the kernel is not
 * installed; or another recorded failure, after which RET_GAPS may be empty.
 */
int mf_kernel_added(struct mf_context *ctx, struct mf_gaps *ret_gaps);
/*
 * The same for each kernel that is pending; those that are not installed any more are dropped. A
 * failure of one is logged and does not stop the others. Returns how many are pending still.
 */
int mf_kernels_retry(struct mf_context *ctx);

/*
 * The kernels for which mf_kernel_added() has to be tried again, in /var/lib/modfetch/kernels-pending,
 * a line "KVER CODE" for each. Written only with the lock held.
 */

#define MF_KERNELS_PENDING_FILE "var/lib/modfetch/kernels-pending"

/* The releases, and for each the name of the failure, or "BEGUN". 0 or -errno, recorded. */
int mf_kernels_pending_read(struct mf_context *ctx, struct mf_strings *ret_kernels,
			    struct mf_strings *ret_codes);
/* Adds KERNEL, or sets its code; with CODE NULL removes it. 0 or -errno, recorded. */
int mf_kernels_pending_set(struct mf_context *ctx, const char *kernel, const char *code);

/*
 * Removes what is there for the context's kernel only: packages whose modules are all in its
 * directory, links of ours in it, and, if no module of another owner is left in it, the indexes and
 * the directories that are empty then, its own included. RET_DONE: a line in the past tense for each
 * thing that was done. -MFE_DENIED: it is the running kernel; 0, or another recorded failure.
 */
int mf_kernel_removed(struct mf_context *ctx, struct mf_strings *ret_done);

/* What can go. Zeroed: nothing. */
struct mf_unneeded {
	struct mf_strings kernels; /* not installed, with packages or indexes that are left */
	struct mf_strings labels;  /* name-evr.arch of packages for installed kernels */
	struct mf_strings names, of_kernels; /* for each: its name, and the kernel it is for */
};
void mf_unneeded_done(struct mf_unneeded *unneeded);

/*
 * Finds what is left of kernels that are gone, and the packages that modfetch brought and that nothing
 * needs any more: no device of now or of lately, no name that was asked for, no module that is loaded,
 * no package that stays. Changes nothing. 0 or a recorded failure.
 */
int mf_unneeded_find(struct mf_context *ctx, struct mf_unneeded *ret_unneeded);
/*
 * Removes them, by mf_kernel_removed() and the pipeline. RET_DONE as there. A failure of one does not
 * stop the others. 0, or the last failure, recorded.
 */
int mf_unneeded_remove(struct mf_context *ctx, const struct mf_unneeded *unneeded,
		       struct mf_strings *ret_done);

#endif
