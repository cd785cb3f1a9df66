/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CMD_VERBS_H
#define CMD_VERBS_H
/* The tables of the command line: verbs (verbs.c), their options and examples (verb-help.c). */
#include "cmd.h"

struct verb {
	const char *name;
	const char *symbol; /* name in the module; NULL: RUN is set */
	cmd_verb *run;
	const char *arguments;
	const char *summary;
	enum verb_flags {
		ANY_KERNEL = 1,	   /* works if no kernel is found */
		ENVIRONMENT = 2,   /* runs external tools, which may read the environment */
		ONE_RUN = 4,	   /* is not about a kernel: refuses --kernel all */
		ROOT = 8,	   /* changes the machine: only root may, but for a dry run */
		OF_PACK = 16,	   /* in a module of the package modfetch-pack */
		OF_BUILD = 64,	   /* likewise, in another one */
		OWN_HEADINGS = 32, /* its text says which kernel it is about */
	} flags;
	const char
		*reads; /* an option or word with which a verb of ROOT changes nothing, or NULL */
	cmd_verb *wait; /* called before the settings are read and the module is loaded */
};

/* All verbs; RET_N is their number. */
const struct verb *cmd_verbs(size_t *ret_n);
/* The verb of this name, or NULL. */
const struct verb *cmd_verb_find(const char *name);

/* The groups of verbs in the list of modfetch help, in its order. */
enum verb_group {
	GROUP_DRIVERS,
	GROUP_QUESTIONS,
	GROUP_VERSIONS,
	GROUP_RULES,
	GROUP_REPOSITORIES,
	GROUP_UPKEEP,
	GROUP_SERVICES,
	N_GROUPS,
};

/* An option, with the name of its argument or NULL. LETTER: its short form or 0. */
struct verb_option {
	const char *name;
	char letter;
	const char *argument;
	const char *clause;
};

struct verb_example {
	const char *command; /* a line for a shell */
	const char *clause;
};

/* Bits: the global options that make a difference for a verb, besides those that do for each. */
enum verb_globals {
	USES_DRY_RUN = 1,
	USES_JSON = 2,
	USES_NO_LOAD = 4,
	USES_THOROUGH = 8,
	USES_VERBOSE = 16,
	USES_UNATTENDED = 32,
	USES_ASKING = 64,
};

struct verb_help {
	const char *verb;
	enum verb_group group;
	unsigned int globals;		   /* enum verb_globals */
	const struct verb_option *options; /* up to one without a name; NULL: none */
	struct verb_example examples[2];
};

/* The options and examples of a verb, or NULL. */
const struct verb_help *cmd_verb_help(const char *verb);

/* Print the list of verbs, and the help of one: help.c. */
void cmd_print_help(void);
void cmd_print_verb_help(const struct verb *verb);

#endif
