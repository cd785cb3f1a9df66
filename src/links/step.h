/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LINKS_STEP_H
#define LINKS_STEP_H
/* What one step (links.c) has decided, and how it is carried out (apply.c). */
#include <stdbool.h>
#include "modfetch/links.h"
#include "origins.h"

/* The data of one step. */
struct links_step {
	struct mf_context *ctx;
	struct mf_links ledger;	   /* links that stay */
	struct mf_links gone;	   /* to be removed */
	struct mf_links forgotten; /* that another process has removed or replaced */
	struct mf_links made;	   /* to be made */
	struct mf_strings kernels; /* installed */
	struct links_origins fresh, installed;
	bool installed_read;
	struct mf_module_verifier *verifier;
	struct mf_receipt *receipt; /* gets the changed paths */
	bool changed;
};

/*
 * Writes the ledger, "pending", with all entries; then removes and makes links. What cannot be made is
 * left out. 0, or a recorded failure.
 */
int links_step_apply(struct links_step *s);
/* Adds the path of a link to the receipt, if its kernel is installed. 0 or -ENOMEM. */
int links_step_note(struct links_step *s, const struct mf_link *link);
/* Records R if it is -ENOMEM and not recorded; returns it. */
int links_step_fail(struct links_step *s, int r);

#endif
