/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_QUERY_H
#define MODFETCH_QUERY_H
/* Questions that change nothing: what the catalog has, whether a tree is sound, a case to reproduce a lookup. */
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include "modfetch/catalog.h"
#include "modfetch/context.h"
#include "modfetch/pipeline.h"
#include "modfetch/solv.h"

/*
 * All that is known of one package: what it is, which modules and aliases it has, what it needs and
 * who would give it.
 */

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

/*
 * Packages that have to do with some words, among those of the repositories for this kernel and
 * those installed.
 */

/* Where a word was found, the best first; the stable words of --json. */
enum mf_found { MF_FOUND_NAME, MF_FOUND_ALIAS, MF_FOUND_SUMMARY, MF_FOUND_DESCRIPTION };
const char *mf_found_name(enum mf_found found);

struct mf_hit {
	int id; /* in the catalog's pool */
	enum mf_found found;
	char *alias;	     /* the pattern, where it was found in one */
	const char *present; /* evr of what is installed by that name, or NULL; the pool's */
};

struct mf_hits {
	struct mf_hit *v; /* better places first, then by name, newer versions first */
	size_t n;
};

/*
 * A package is found where all of TERMS are: in its name, its summary, its description or an alias
 * of one of its modules. Case does not count, nor whether '-' or '_' is written; a term with '*' or
 * '?' is a pattern for the whole of a name or alias; one that some alias matches, as a device's
 * modalias does, finds that alias. 0, or a recorded error.
 */
int mf_search(struct mf_context *ctx, struct mf_catalog *catalog, const struct mf_strings *terms,
	      struct mf_hits *ret_hits);
void mf_hits_done(struct mf_hits *hits);

/*
 * Is every driver on this disk what its package brought, signed by who may sign, made for the
 * kernel it lies with, and known to the indexes? Looks; changes and repairs nothing.
 */

struct mf_finding {
	char *what;    /* path of the file, "/lib/…" */
	char *package; /* name-evr.arch of whose it is; NULL: nobody's */
	char *why;     /* one clause */
	int code;      /* -MFE_*: its name is stable */
};

struct mf_check {
	struct mf_finding *findings; /* in the order of their paths */
	size_t n_findings;
	size_t modules;	 /* files of modules that were looked at */
	size_t owned;	 /* of them, those that a package brought */
	size_t packages; /* with files of this kernel, or firmware */
	bool signatures; /* whether modules had to be signed: settings.module_signature and keys */
};

/*
 * Checks what the context's kernel has. 0, findings or none; -MFE_NOT_FOUND where the kernel has no
 * directory; -MFE_INSTALL, -MFE_CONFIG, -MFE_NO_KEYS or -errno, recorded: then nothing is known.
 */
int mf_check(struct mf_context *ctx, struct mf_check *ret_check);
void mf_check_done(struct mf_check *check);

/*
 * A planned run as a resolver case: a text with what there is, what was asked and what came of it,
 * that can be run again elsewhere (tests/resolve/case.py says its form). Of the repositories and
 * the machine it has what the plan could depend on, and nothing else.
 */

/*
 * Writes the case of a run that went the road with dry_run and has a catalog. FAILURE: how it
 * ended, or NULL. 0, or a recorded error; what OUT could not take is for who closes it to find.
 */
int mf_case_write(struct mf_context *ctx, const struct mf_run *run,
		  const struct mf_failure *failure, FILE *out);

/*
 * A planned run as a graph in the language of graphviz: what was asked for → the modules that match
 * (by which pattern) → the packages that carry them → the packages those need, each edge labelled
 * with a symbol it is needed for, and with how many more.
 */

/*
 * Writes the graph of a run that went the road with dry_run and has a catalog. 0, or a recorded
 * error; what OUT could not take is for who closes it to find.
 */
int mf_dot_write(struct mf_context *ctx, const struct mf_run *run, FILE *out);

#endif
