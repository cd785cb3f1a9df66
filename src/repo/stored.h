/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef REPO_STORED_H
#define REPO_STORED_H
/* The files in the directory of packages, and its two lists: shared by kept.c and prefetched.c. */
#include <stdbool.h>
#include "modfetch/kept.h"

/* The packages that were installed, and those that only wait to be. */
enum stored_list { STORED_KEPT, STORED_PREFETCHED, STORED_N_LISTS };

/* Can LABEL become a file name and a part of a URL, and does it begin with NAME? */
bool repo_stored_label_is_plain(const char *name, const char *label);
/* Records a failure R of the directory, and returns it. */
int repo_stored_fail(struct mf_context *ctx, int r);

/* As mf_kept_read(), for one of the lists. */
int repo_stored_read(struct mf_context *ctx, enum stored_list list, struct mf_kept *ret_kept);
/* Frees the strings of an entry, and zeroes it. */
void repo_stored_package_done(struct mf_kept_package *package);
/* Takes ownership of the strings of PACKAGE. 0 or -ENOMEM. */
int repo_stored_append(struct mf_kept *kept, struct mf_kept_package *package);
/* Takes entry I out of the list. */
void repo_stored_drop(struct mf_kept *kept, size_t i);

/*
 * Copies the sealed file FD to the name of PACKAGE in DIRFD, unless a file of that name with its bytes is
 * there, and sets the size. Nothing is synced. 0 or -errno.
 */
int repo_stored_copy(const struct mf_context *ctx, int dirfd, int fd,
		     struct mf_kept_package *package);
/*
 * Publishes one of the lists, then deletes the files that neither has and sets the modes of the others.
 * Only with the lock held. 0 or -errno, recorded.
 */
int repo_stored_publish(struct mf_context *ctx, int dirfd, enum stored_list list,
			const struct mf_kept *kept);

#endif
