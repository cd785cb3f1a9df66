/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_QUERY_H
#define MODFETCH_QUERY_H
/*
 * Queries that change nothing: the packages of the catalog, and a lookup as a test case or as a
 * graph.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "modfetch/catalog.h"
#include "modfetch/context.h"
#include "modfetch/pipeline.h"
#include "modfetch/solv.h"

/*
 * Everything known about one package: its texts, its modules and aliases, its needs and their
 * providers.
 */

struct mf_need {
	char *text;   /* "ksym(amd64:foo) = 1f2e" */
	int provider; /* the best one, an installed one before the others; 0: none */
	bool system;  /* the provider is the kernel, or a module that no package owns */
	bool present; /* the provider is installed, or system */
};

struct mf_needs {
	struct mf_need *v; /* by name of the provider, then by text */
	size_t n;
};

struct mf_about {
	int id;
	struct mf_package package;
	struct mf_text text;
	/* evr of the installed package of its name, or NULL; owned by the pool */
	const char *installed_evr;
	struct mf_strings modules, aliases; /* sorted; aliases are spelled as in kmod's indexes */
	struct mf_strings on_disk; /* its modules that are on disk and that no package owns */
	struct mf_needs requires, recommends, suggests;
};

/*
 * Finds the packages called NAME, else those with a module of that name, else those that provide
 * NAME; the best first. An installed one that a repository has too is there once. The caller frees RET_IDS. 0, -MFE_NOT_FOUND (none) or another error,
 * recorded.
 */
int mf_about_find(struct mf_context *ctx, struct mf_catalog *catalog, const char *name,
		  int **ret_ids, size_t *ret_n);
/*
 * RET_ABOUT is valid as long as the catalog; the caller passes it to mf_about_done(). 0 or a
 * recorded error.
 */
int mf_about(struct mf_context *ctx, struct mf_catalog *catalog, int id,
	     struct mf_about *ret_about);
void mf_about_done(struct mf_about *about);

/*
 * Search for packages by words, among the installed packages and those of the repositories for this
 * kernel.
 */

/* Where a word was found, the best place first; the names in --json are stable. */
enum mf_found { MF_FOUND_NAME, MF_FOUND_ALIAS, MF_FOUND_SUMMARY, MF_FOUND_DESCRIPTION };
/* The name in --json; static. */
const char *mf_found_name(enum mf_found found);

struct mf_hit {
	int id; /* of the package in the catalog's pool */
	enum mf_found found;
	unsigned int rank; /* the lower, the better the words fit */
	char *alias;	   /* the matching alias, with MF_FOUND_ALIAS; owned */
	/* evr of the installed package of its name, or NULL; owned by the pool */
	const char *installed_evr;
};

struct mf_hits {
	struct mf_hit *v; /* by rank, then by name, newer versions first */
	size_t n;
};

/*
 * Finds the packages that contain all of TERMS: in the name, the summary, the description or an
 * alias of a module, without the name of its bus. Texts that modfetch pack generates are left out. The
 * order: the name, the beginning of the name, a part of it, a word of the summary, an alias, a part of a text. Case is ignored, and '-' equals '_'. A term with '*' or '?' is a pattern for a
 * whole name or alias. A term that an alias matches, such as the modalias of a device, finds that
 * alias. The caller passes RET_HITS to mf_hits_done(). 0 or a recorded error.
 */
int mf_search(struct mf_context *ctx, struct mf_catalog *catalog, const struct mf_strings *terms,
	      struct mf_hits *ret_hits);
void mf_hits_done(struct mf_hits *hits);

/*
 * A planned run as a resolver case: a text with the packages, the modules, the queries and the
 * result, which can be run again elsewhere (tests/resolve/case.py documents its form). It has only
 * those facts about the repositories and the machine that the plan can depend on.
 */

/*
 * Writes the case of a run that was planned with dry_run and has a catalog. FAILURE: its failure,
 * or NULL. 0 or a recorded error; write errors of OUT are found by the caller who closes it.
 */
int mf_case_write(struct mf_context *ctx, const struct mf_run *run,
		  const struct mf_failure *failure, FILE *out);

/*
 * A planned run as a graph in the language of graphviz: queries → modules that match (labelled with
 * the pattern) → packages that contain them → packages that those need. An edge between packages
 * has a symbol as its label, and the number of further ones.
 */

/*
 * Writes the graph of a run that was planned with dry_run and has a catalog. 0 or a recorded error;
 * write errors of OUT are found by the caller who closes it.
 */
int mf_dot_write(struct mf_context *ctx, const struct mf_run *run, FILE *out);

#endif
