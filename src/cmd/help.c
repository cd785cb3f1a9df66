/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * modfetch help: the list of verbs, and the usage of one.
 *
 * Both come from the tables in verbs.c and verb-help.c, and the global options from the table here. Help
 * fits into 80 columns and is written to stdout: it is a result. It needs no configuration, no kernel and no
 * rights.
 */
#include <stdio.h>
#include <string.h>
#include "modfetch/array.h"
#include "verbs.h"

#define COLUMNS	    80
#define EXIT_STATUS "Exit status: 0 it is so now, 1 failed, 3 not found, 4 refused, 64 usage"

/* Bits beside those of enum verb_globals. */
enum {
	FOR_EACH_VERB = 1 << 16,
	FOR_A_KERNEL = 1 << 17,	    /* for verbs that are about a kernel */
	IN_THE_LIST_ONLY = 1 << 18, /* the help of a verb does not repeat it */
};

/* OF: the verbs for which an option makes a difference. */
static const struct global_option {
	struct verb_option option;
	unsigned int of;
} globals[] = {
	{ { "root", 0, "DIR", "work on the system below DIR" }, FOR_EACH_VERB },
	{ { "kernel", 0, "KVER|all", "for this kernel, or for each installed one" }, FOR_A_KERNEL },
	{ { "dry-run", 0, NULL, "print the plan, change nothing" }, USES_DRY_RUN },
	{ { "no-load", 0, NULL, "install, but load no module" }, USES_NO_LOAD },
	{ { "thorough", 0, NULL, "install suggested packages too" }, USES_THOROUGH },
	{ { "yes", 'y', NULL, "ask nothing, the answer is yes" }, USES_ASKING },
	{ { "assume-no", 0, NULL, "ask nothing, the answer is no" }, USES_ASKING },
	{ { "detailed-exit", 0, NULL, "exit status 2 where nothing had to be done" },
	  IN_THE_LIST_ONLY },
	{ { "unattended", 0, NULL, "apply the limits for unattended runs" }, USES_UNATTENDED },
	{ { "from-modprobe", 0, NULL, "for the helper that modprobe runs" }, IN_THE_LIST_ONLY },
	{ { "json", 0, NULL, "print results as JSON" }, USES_JSON },
	{ { "color", 0, "auto|always|never", "color by meaning; auto: on a terminal" },
	  IN_THE_LIST_ONLY },
	{ { "verbose", 'v', NULL, "print more details" }, USES_VERBOSE },
	{ { "quiet", 'q', NULL, "print only errors" }, IN_THE_LIST_ONLY },
	{ { "help", 'h', NULL, "list the verbs; after a verb: describe it" }, IN_THE_LIST_ONLY },
	{ { "version", 'V', NULL, "print the version" }, IN_THE_LIST_ONLY },
};

static const char *const groups[N_GROUPS] = {
	[GROUP_DRIVERS] = "Drivers",
	[GROUP_QUESTIONS] = "Questions; they change nothing",
	[GROUP_VERSIONS] = "Versions",
	[GROUP_RULES] = "Rules",
	[GROUP_REPOSITORIES] = "Repositories",
	[GROUP_UPKEEP] = "Kernels, and what is on disk",
	[GROUP_SERVICES] = "For services and package managers",
};

static void print_option(const struct verb_option *option)
{
	char text[32];

	snprintf(text, sizeof(text), "--%s%s%s", option->name, option->argument ? " " : "",
		 option->argument ? option->argument : "");
	if (option->letter)
		printf("  -%c, %-23s %s\n", option->letter, text, option->clause);
	else
		printf("      %-23s %s\n", text, option->clause);
}

static void print_verbs_of_group(enum verb_group group)
{
	size_t n;
	const struct verb *verbs = cmd_verbs(&n);

	printf("\n%s:\n", groups[group]);
	for (size_t i = 0; i < n; i++) {
		const struct verb_help *help = cmd_verb_help(verbs[i].name);

		if (help && help->group == group)
			printf("  %-16s %s\n", verbs[i].name, verbs[i].summary);
	}
}

void cmd_print_help(void)
{
	puts("Usage: modfetch [GLOBAL OPTION...] VERB [ARGUMENT...]\n\n"
	     "Fetches, verifies and loads the driver that a device lacks.");
	for (int i = 0; i < N_GROUPS; i++)
		print_verbs_of_group((enum verb_group)i);
	puts("\nGlobal options, before or after the verb:");
	for (size_t i = 0; i < MF_ARRAY_SIZE(globals); i++)
		print_option(&globals[i].option);
	puts("\nA QUERY is a module's name, an alias, a modalias, symbol:NAME, or a device:\n"
	     "8086:10d3, usb:0bda:8153, a PCI address, a path below /sys, or eth0.\n"
	     "\"modfetch VERB --help\" prints the options of a verb, with examples.\n" EXIT_STATUS
	     "\nSee modfetch(8).");
}

/* The page with the details of VERB, where it has one of its own. */
static const char *page_of(const char *verb)
{
	return !strcmp(verb, "pack")	 ? "modfetch-pack(8)"
	       : !strcmp(verb, "depmod") ? "modfetch-depmod(8)"
					 : "modfetch(8)";
}

static void print_usage(const struct verb *verb)
{
	int n = printf("Usage: modfetch [GLOBAL OPTION...] %s", verb->name);

	printf("%s%s\n", (size_t)n + 1 + strlen(verb->arguments) > COLUMNS ? "\n         " : " ",
	       verb->arguments);
}

void cmd_print_verb_help(const struct verb *verb)
{
	const struct verb_help *help = cmd_verb_help(verb->name);
	unsigned int of = FOR_EACH_VERB | (verb->flags & ONE_RUN ? 0 : FOR_A_KERNEL) |
			  (help ? help->globals : 0);

	print_usage(verb);
	printf("\n%s: %s.\n", verb->name, verb->summary);
	if (help && help->options) {
		puts("\nOptions:");
		for (const struct verb_option *o = help->options; o->name; o++)
			print_option(o);
	}
	puts("\nGlobal options that matter here; modfetch --help lists all:");
	for (size_t i = 0; i < MF_ARRAY_SIZE(globals); i++)
		if (globals[i].of & of)
			print_option(&globals[i].option);
	puts("\nExamples:");
	for (size_t i = 0; help && i < MF_ARRAY_SIZE(help->examples); i++)
		printf("  %s\n      %s\n", help->examples[i].command, help->examples[i].clause);
	printf("\n" EXIT_STATUS "\nSee %s.\n", page_of(verb->name));
}
