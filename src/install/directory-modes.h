/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_DIRECTORY_MODES_H
#define MODFETCH_DIRECTORY_MODES_H
/*
 * The directories that packages list and that were there before them: they are as they were after a
 * transaction, which rpm would not see to. It gives a directory the time of the package, and removes
 * one that is empty when the last package that lists it goes.
 */
#include "modfetch/context.h"
#include "modfetch/rpm.h"

struct mf_directory_modes;
int mf_directory_modes_new(struct mf_context *ctx,
			   struct mf_directory_modes **ret_standing); /* 0 or -ENOMEM */
void mf_directory_modes_free(struct mf_directory_modes *standing);

/*
 * Notes what is there of the directories of a package that is to come, or of an installed one that
 * is to go: of the latter without those that our own transactions have made. 0 or -errno, recorded.
 */
int mf_directory_modes_arrives(struct mf_directory_modes *standing,
			       const struct mf_rpm_header *header);
int mf_directory_modes_leaves(struct mf_directory_modes *standing,
			      const struct mf_rpm_header *header);

/*
 * After the transaction, however it ended: makes those again that are missing, with the owner and
 * mode they had, and gives them their times back, unless files came into them or went. What cannot
 * be done is logged; the failure on record stays.
 */
void mf_directory_modes_restore(struct mf_directory_modes *standing);

#endif
