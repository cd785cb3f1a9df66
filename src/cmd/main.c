/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command: global options, the table of verbs, one error line, the exit status.
 *
 * Global options are taken before and after the verb, up to "--"; what they leave is the verb's.
 * Standard output belongs to results, standard error to everything else.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "src/cmd/cmd.h"
#include "config.h"
#include "modfetch/cleanup.h"
#include "modfetch/surroundings.h"

struct verb {
	const char *name;
	cmd_verb *run;
	const char *arguments;
	const char *what;
	bool any_kernel;  /* works without a kernel to work for */
	bool environment; /* runs other people's tools, who may look for what they know there */
};

static const struct verb verbs[] = {
	{ "probe", cmd_probe, "QUERY... | --device SYSPATH",
	  "load a driver, fetching what is missing", false },
	{ "lookup", cmd_lookup, "QUERY... | --device SYSPATH", "what probe would do, and why",
	  false },
	{ "why", cmd_lookup, "QUERY...", "the same as lookup", false },
	{ "coldplug", cmd_coldplug, "[--sysfs DIR|FILE]", "all devices of this machine", false },
	{ "search", cmd_search, "TERM...", "packages that have to do with a word", false },
	{ "info", cmd_info, "NAME...", "all that is known of a package or module", false },
	{ "install", cmd_install, "NAME...", "packages or patterns by name", false },
	{ "remove", cmd_remove, "NAME...", "remove packages by name", false },
	{ "deny", cmd_deny, "NAME|CONDITION...", "never fetch that again", true },
	{ "allow", cmd_allow, "NAME|CONDITION...", "fetch it, whatever other rules say", true },
	{ "refresh", cmd_refresh, "[--force] [REPO...]", "fetch the repositories' metadata now",
	  false },
	{ "depmod", cmd_depmod, "[-b DIR] [KVER]", "bring the module indexes up to date", true },
	{ "pack", cmd_pack, "... MODULES_DIR...", "a repository from a kernel's lib/modules/KVER",
	  true, true },
	{ "queue", cmd_queue, "[--until-empty | --watch]", "drain the spool of device events",
	  false },
	{ "status", cmd_status, "", "devices, drivers, packages and repositories", false },
	{ "history", cmd_history, "[-n N]", "what happened", false },
	{ "check", cmd_check, "", "is every driver intact, signed and for this kernel", false },
};

static void print_help(void)
{
	puts("Usage: modfetch [--root DIR] [--kernel KVER] [--json] [--dry-run] [--no-load] "
	     "[--unattended] [-v|-q] "
	     "VERB …\n\nGives a machine the driver it lacks.\n");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		printf("  %-9s %-26s %s\n", verbs[i].name, verbs[i].arguments, verbs[i].what);
	puts("\nQUERY is a module's name, an alias, a modalias or symbol:NAME.\n"
	     "Exit status: 0 done, 1 failed, 2 nothing to do, 3 not found, 4 refused, 64 usage.\n"
	     "See modfetch(8).");
}

/* The global options, told apart from a verb's by this table alone. */
struct globals {
	const char *root, *kernel;
	bool json, dry_run, no_load, quiet, unattended, help, version;
	int verbose;
};

static bool take_value(const char *name, int argc, char **argv, int *i, const char **value)
{
	size_t len = strlen(name);

	if (strncmp(argv[*i], name, len))
		return false;
	if (argv[*i][len] == '=') {
		*value = argv[*i] + len + 1;
		return true;
	}
	if (argv[*i][len] || *i + 1 >= argc)
		return false;
	*value = argv[++*i];
	return true;
}

static bool take_flag(struct globals *g, const char *arg, bool before_verb)
{
	const struct {
		const char *name;
		bool *flag;
	} flags[] = {
		{ "--json", &g->json },
		{ "--dry-run", &g->dry_run },
		{ "--no-load", &g->no_load },
		{ "--quiet", &g->quiet },
		{ "-q", &g->quiet },
		{ "--help", &g->help },
		{ "-h", &g->help },
		{ "--version", &g->version },
		{ "--unattended", &g->unattended },
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++) {
		if (!strcmp(arg, flags[i].name)) {
			/* behind a verb it is that verb's: pack --version V */
			if (flags[i].flag == &g->version && !before_verb)
				return false;
			*flags[i].flag = true;
			return true;
		}
	}
	if (strcmp(arg, "-v") && strcmp(arg, "--verbose"))
		return false;
	g->verbose++;
	return true;
}

/* Takes the global options out of argv; returns what is left of argc. */
static int take_globals(struct globals *g, int argc, char **argv)
{
	int kept = 1;
	bool end = false;

	for (int i = 1; i < argc; i++) {
		end |= !strcmp(argv[i], "--");
		if (!end && (take_value("--root", argc, argv, &i, &g->root) ||
			     take_value("--kernel", argc, argv, &i, &g->kernel) ||
			     take_flag(g, argv[i], kept == 1)))
			continue;
		argv[kept++] = argv[i];
	}
	argv[kept] = NULL;
	return kept;
}

static int finish(struct cmd *cmd, int r)
{
	const struct mf_failure *f = &cmd->ctx.failure;

	if (r >= 0)
		return r;
	fprintf(stderr, "modfetch: %s: %s%s%s [%s]\n", *f->stage ? f->stage : "command", f->what,
		*f->what ? ": " : "", *f->why ? f->why : mf_error_sentence(r), mf_error_name(r));
	return mf_error_status(r);
}

/* Results that cannot be written are no success. */
static int flush_results(struct cmd *cmd, int r)
{
	if ((fflush(stdout) || ferror(stdout)) && r >= 0)
		return mf_fail(&cmd->ctx, "output", errno ? -errno : -EIO, "stdout", NULL);
	return r;
}

static int run_verb(const struct verb *verb, const struct globals *g, int argc, char **argv)
{
	struct cmd cmd = {
		.json = g->json, .no_load = g->no_load, .dry_run = g->dry_run, .quiet = g->quiet
	};
	int r;

	if (!verb->environment)
		mf_surroundings_environment();
	r = mf_context_init(&cmd.ctx, g->root, g->kernel);
	cmd.ctx.unattended = g->unattended;
	cmd.ctx.log_level = g->verbose ? MF_LOG_DEBUG : g->quiet ? MF_LOG_ERROR : MF_LOG_INFO;
	if (r == -MFE_USAGE && verb->any_kernel && !g->kernel)
		r = 0;
	if (!r)
		r = mf_settings_read(&cmd.ctx);
	/* one failure, one line: the verb says what it takes, getopt need not complain too */
	optind = 0;
	opterr = 0;
	if (!r)
		r = verb->run(&cmd, argc, argv);
	r = finish(&cmd, flush_results(&cmd, r));
	mf_context_done(&cmd.ctx);
	return r;
}

int main(int argc, char **argv)
{
	struct globals g = { 0 };

	/* nobody's leftover permissions decide who may read what we write */
	umask(022);
	if (mf_surroundings_descriptors() < 0)
		return CMD_FAILED;
	argc = take_globals(&g, argc, argv);
	if (g.version) {
		puts("modfetch " MF_VERSION);
		return CMD_DONE;
	}
	if (g.help || argc < 2) {
		print_help();
		return g.help ? CMD_DONE : CMD_USAGE;
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++)
		if (!strcmp(argv[1], verbs[i].name))
			return run_verb(&verbs[i], &g, argc - 1, argv + 1);
	fprintf(stderr, "modfetch: command: %s: no such verb; see modfetch --help [USAGE]\n",
		argv[1]);
	return CMD_USAGE;
}
