/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_OWNERS_H
#define MODFETCH_OWNERS_H
/*
 * The owner of an existing file at the path of a package's file. A package owns it if it is in the
 * rpm database for that package and unchanged since its installation. Any other file belongs to
 * another program or person (dpkg, dkms, an installer, an admin) and keeps its bytes.
 */
#include "modfetch/context.h"
#include "modfetch/rpm.h"
#include "modfetch/strings.h"

enum mf_on_disk {
	MF_ON_DISK_NOTHING,
	MF_ON_DISK_SAME,  /* type and bytes, or a link's target, are those of the package */
	MF_ON_DISK_OTHER, /* any other file, also one at the path of a %ghost */
};
/*
 * Compares the file at the path of a package's file with it; links among its directories are
 * followed inside the root. One of enum mf_on_disk or -errno; records nothing.
 */
int mf_owners_check_file(const struct mf_context *ctx, const struct mf_rpm_file *file);

/*
 * The check of one transaction: first mf_owners_note_install() for all packages to be installed,
 * then mf_owners_note_removal() for all to be removed, then mf_owners_decide(). It changes nothing.
 * Headers are borrowed until mf_owners_free().
 */
struct mf_owners;
int mf_owners_new(struct mf_context *ctx, struct mf_owners **ret_owners); /* 0 or -ENOMEM */
void mf_owners_free(struct mf_owners *owners);
/*
 * 0; -MFE_FILE_EXISTS if a path that must be a directory exists and is not one; -errno; recorded.
 */
int mf_owners_note_install(struct mf_owners *owners, const char *nevra,
			   const struct mf_rpm_header *header);
/* 0; -MFE_ALTERED if a file of the package was changed or replaced; -errno; recorded. */
int mf_owners_note_removal(struct mf_owners *owners, const struct mf_rpm_header *header);
/*
 * Decides about existing files at the paths of packages to be installed. Equal files, firmware and
 * documentation stay: the package must be installed without these files. 0; -MFE_FILE_EXISTS for
 * any other file, -errno, or a failure of the rpm database; recorded.
 */
int mf_owners_decide(struct mf_owners *owners);
/*
 * After that: the paths to install PACKAGE without; it counts from 0 in the order of
 * mf_owners_note_install(). Borrowed.
 */
const struct mf_strings *mf_owners_kept(const struct mf_owners *owners, size_t package);

/*
 * Appends to REMOVABLE those of the installed packages NAMES that may be removed, and warns of the
 * others, which have changed or replaced files. 0 or a recorded failure.
 */
int mf_owners_removable(struct mf_context *ctx, const struct mf_strings *names,
			struct mf_strings *removable);

#endif
