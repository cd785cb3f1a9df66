/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_RPM_H
#define MODFETCH_RPM_H
/*
 * What modfetch asks of librpm: the installed packages, what a package file says, and one
 * transaction. The database's folder is always explicit and below the root: the setting "rpmdb",
 * else the one of /usr/lib/sysimage/rpm and /var/lib/rpm that is there, else /var/lib/rpm. Never
 * $HOME.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/rpm-header.h"
#include "modfetch/strings.h"

/* Told each installed package as a librpm Header, valid during the call. Non-zero ends it. */
typedef int mf_rpm_visit(void *arg, void *header);
/*
 * Those called NAMES, or all (NULL). No database is no package. 0, the visitor's return, or
 * -MFE_INSTALL recorded.
 */
int mf_rpm_each_installed(struct mf_context *ctx, const struct mf_strings *names,
			  mf_rpm_visit *visit, void *arg);

/*
 * Reads the header of the package in FD (read through a copy; its digests are checked, signatures
 * are the verify stage's affair). 0, -MFE_BAD_PACKAGE or -ENOMEM; records nothing.
 */
int mf_rpm_read(int fd, struct mf_rpm_header *ret_header);

struct mf_rpm_install {
	int fd;		   /* sealed memory file */
	const char *nevra; /* "name-evr.arch" */
	/* paths of its files that it is installed without, see left_out; NULL: none */
	const struct mf_strings *without;
};

/*
 * One transaction: installs (or updates to) all of INSTALL, removes the packages named in ERASE.
 * Dependencies are not asked about: the resolve stage has, and knows of kernels no rpm owns. Waits
 * for another rpm at most settings.lock_timeout seconds, and says so. A transaction that fails may
 * have done part of its work: see mf_undo(). With ctx->scriptlets the packages' own scriptlets run,
 * of those that come and of those that go; triggers, which are other packages', never do. 0; 1: it is
 * done, but a scriptlet failed that could not stop it, recorded as -MFE_SCRIPTLET_FAILED;
 * -MFE_SCRIPTLET_FAILED (one that stopped it), -MFE_LOCKED, -MFE_INSTALL or -ECHILD, recorded.
 */
int mf_rpm_transaction(struct mf_context *ctx, const struct mf_rpm_install *install, size_t n,
		       const struct mf_strings *erase);

/*
 * Appends those of LABELS ("name" or "name-evr.arch") that are installed. 0, -ENOMEM, or
 * -MFE_INSTALL where the database cannot be read; recorded.
 */
int mf_rpm_installed(struct mf_context *ctx, const struct mf_strings *labels,
		     struct mf_strings *found);
/* Removes those of LABELS that are installed, as a transaction. As mf_rpm_transaction(). */
int mf_rpm_take_out(struct mf_context *ctx, const struct mf_strings *labels);
/* The same in the database alone: no file is touched. */
int mf_rpm_forget(struct mf_context *ctx, const struct mf_strings *labels);

#endif
