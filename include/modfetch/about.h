/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_ABOUT_H
#define MODFETCH_ABOUT_H
/*
 * All that is known of one package: what it is, which modules and aliases it has, what it needs and
 * who would give it.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/catalog.h"
#include "modfetch/context.h"
#include "modfetch/solv-needs.h"

struct mf_need {
	char *text;  /* "ksym(amd64:foo) = 1f2e" */
	int giver;   /* who has it: what is here, else the best that could come; 0: nobody */
	bool system; /* the giver is the kernel itself, or a module no package owns */
	bool here;   /* the giver is installed, or system */
};

struct mf_needs {
	struct mf_need *v; /* by giver's name, then by text */
	size_t n;
};

struct mf_about {
	int id;
	struct mf_package package;
	struct mf_text text;
	const char *present; /* evr of what is installed under its name, or NULL; the pool's */
	struct mf_strings modules, aliases; /* sorted; aliases as kmod's indexes spell them */
	struct mf_strings on_disk;	    /* those of its modules that are there unowned */
	struct mf_needs requires, recommends, suggests;
};

/*
 * The packages a name stands for: those called so, or else those that have a module of that name;
 * the best first. RET_IDS is the caller's to free. 0, -MFE_NOT_FOUND recorded where there is none,
 * or another recorded error.
 */
int mf_about_find(struct mf_context *ctx, struct mf_catalog *catalog, const char *name,
		  int **ret_ids, size_t *ret_n);
/* Lives as long as the catalog. 0 or a recorded error. */
int mf_about(struct mf_context *ctx, struct mf_catalog *catalog, int id,
	     struct mf_about *ret_about);
void mf_about_done(struct mf_about *about);

#endif
