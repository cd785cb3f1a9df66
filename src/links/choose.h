/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LINKS_CHOOSE_H
#define LINKS_CHOOSE_H
/* Which modules are linked into one kernel; see choose.c. */
#include "modfetch/links.h"
#include "modfetch/verify.h"
#include "origins.h"

/* A module that may be linked. */
struct links_candidate {
	const struct links_origin *origin;
	bool chosen;
};

struct links_choice {
	struct mf_context *ctx;
	const char *kernel;	       /* into which is linked */
	const struct mf_links *ledger; /* links that stay, and links that go */
	const struct mf_links *gone;
	const struct links_origins
		*fresh; /* modules of packages that were just installed, or NULL */
	struct mf_module_verifier *verifier;
	/* in order of preference: of two with one module name the first that fits is chosen */
	struct links_candidate *v;
	size_t n, room;
	bool asked; /* say why one does not fit */
	bool lacks; /* set: a module that does not fit may fit with the modules that it depends on */
};

/* Adds a candidate unless it is of the kernel itself or there already. 0 or -ENOMEM. */
int links_choice_add(struct links_choice *choice, const struct links_origin *origin);
/*
 * Marks the candidates that are to be linked. Can be called again after more were added. 0, or a
 * recorded failure.
 */
int links_choose(struct links_choice *choice);
/* The link to a candidate; the path is the caller's to free, the rest is borrowed. 0 or -ENOMEM. */
int links_choice_link(const struct links_choice *choice, const struct links_origin *origin,
		      struct mf_link *ret_link);
/*
 * Appends the names of modules that candidates depend on, by their own words, and that the kernel's
 * index lacks. 0 or -ENOMEM.
 */
int links_choice_needs(const struct links_choice *choice, struct mf_strings *names);
void links_choice_done(struct links_choice *choice);

#endif
