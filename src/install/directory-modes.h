/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_DIRECTORY_MODES_H
#define MODFETCH_DIRECTORY_MODES_H
/*
 * Restores directories that packages list and that existed before them. rpm gives such a directory
 * the time of the package, and removes it if it is empty when the last package that lists it is
 * removed.
 */
#include "modfetch/context.h"
#include "modfetch/rpm.h"

struct mf_directory_modes;
int mf_directory_modes_new(struct mf_context *ctx,
			   struct mf_directory_modes **ret_modes); /* 0 or -ENOMEM */
void mf_directory_modes_free(struct mf_directory_modes *modes);

/*
 * Saves the state of the existing directories of a package to be installed, or of an installed
 * package to be removed; of the latter without those that our own transactions have created. 0 or
 * -errno, recorded.
 */
int mf_directory_modes_note_install(struct mf_directory_modes *modes,
				    const struct mf_rpm_header *header);
int mf_directory_modes_note_removal(struct mf_directory_modes *modes,
				    const struct mf_rpm_header *header);

/*
 * After the transaction, also a failed one: creates missing directories again, with their old owner
 * and mode, and restores the times of those in which no file was added or removed. Logs what
 * cannot be restored; the failure on record stays.
 */
void mf_directory_modes_restore(struct mf_directory_modes *modes);

#endif
