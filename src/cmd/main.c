/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command: global options, the table of verbs, one error line, the exit status.
 *
 * Global options are accepted before and after the verb, up to "--"; the remaining arguments are
 * the verb's. Standard output is for results, standard error for everything else.
 *
 * A program that is linked to twenty libraries needs three milliseconds before main(), which is
 * most of the time of a depmod that has little to do. So most verbs, and with them librpm, libsolv
 * and OpenSSL, are in a module that is loaded when one of them is named. Its name contains the
 * version: while a package manager replaces the two files, no file works with the other file of
 * another version.
 */
#include <dlfcn.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "config.h"
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/process.h"
#include "modfetch/similar.h"
#include "modfetch/strings.h"
#include "all-kernels.h"
#include "cmd.h"

/* The function of a verb: in the module, or in this program. */
#define IN_MODULE(verb) "cmd_" #verb, NULL
#define HERE(verb)	NULL, cmd_##verb

struct verb {
	const char *name;
	const char *symbol; /* name in the module; NULL: RUN is set */
	cmd_verb *run;
	const char *arguments;
	const char *summary;
	enum verb_flags {
		ANY_KERNEL = 1,	 /* works if no kernel is found */
		ENVIRONMENT = 2, /* runs external tools, which may read the environment */
		ONE_RUN = 4,	 /* is not about a kernel: refuses --kernel all */
	} flags;
	cmd_verb *wait; /* called before the settings are read and the module is loaded */
};

static const struct verb verbs[] = {
	{ "probe", IN_MODULE(probe), "QUERY... | --device SYSPATH",
	  "load a driver, and fetch it first if it is missing", 0 },
	{ "lookup", IN_MODULE(lookup), "QUERY... | --device SYSPATH",
	  "print what probe would do, and why", 0 },
	{ "why", IN_MODULE(lookup), "QUERY...", "the same as lookup", 0 },
	{ "coldplug", IN_MODULE(coldplug), "[--sysfs DIR|FILE]",
	  "probe for all devices of this machine", 0 },
	{ "search", IN_MODULE(search), "TERM...", "search packages by name, alias or text", 0 },
	{ "info", IN_MODULE(info), "NAME...", "print all about a package or module", 0 },
	{ "install", IN_MODULE(install), "NAME...", "install packages or patterns by name", 0 },
	{ "remove", IN_MODULE(remove), "NAME...", "remove packages by name", 0 },
	{ "update", IN_MODULE(update), "[--check] [--reload] [NAME...]",
	  "install newer versions of drivers", 0 },
	{ "rollback", IN_MODULE(rollback), "[NAME...|ID]",
	  "go back to the version before, or before the last update", 0 },
	{ "undo", IN_MODULE(undo), "ID", "reverse a run of the history", ONE_RUN },
	{ "trials", IN_MODULE(trials), "[--begin-boot|--judge]",
	  "list updates on trial, and versions that were taken back", ONE_RUN },
	{ "deny", IN_MODULE(deny), "NAME|CONDITION...", "never fetch it", ANY_KERNEL | ONE_RUN },
	{ "allow", IN_MODULE(allow), "NAME|CONDITION...", "allow it, overriding all other rules",
	  ANY_KERNEL | ONE_RUN },
	{ "hold", IN_MODULE(hold), "NAME...|CONDITION...", "keep packages at their version",
	  ANY_KERNEL | ONE_RUN },
	{ "unhold", IN_MODULE(unhold), "NAME...|CONDITION...", "end a hold", ANY_KERNEL | ONE_RUN },
	{ "prefer", IN_MODULE(prefer), "[--remove] REPOSITORY|NAME...|CONDITION...",
	  "prefer packages to others with the same driver", ANY_KERNEL | ONE_RUN },
	{ "refresh", IN_MODULE(refresh), "[--force] [REPO...]",
	  "fetch the repositories' metadata now", 0 },
	{ "repo", IN_MODULE(repo), "list|add URL|enable|disable|remove ID...",
	  "list and change the repositories", ANY_KERNEL | ONE_RUN },
	{ "key", IN_MODULE(key), "list|import REPOSITORY FILE|URL",
	  "list and add keys of repositories", ANY_KERNEL | ONE_RUN },
	{ "doctor", IN_MODULE(doctor), "[--offline]",
	  "check all that drivers need to come by themselves", ANY_KERNEL | ONE_RUN },
	{ "depmod", HERE(depmod), "[-b DIR] [KVER]", "update the module indexes", ANY_KERNEL },
	{ "pack", IN_MODULE(pack), "... MODULES_DIR...", "make a repository from lib/modules/KVER",
	  ANY_KERNEL | ENVIRONMENT | ONE_RUN },
	{ "queue", IN_MODULE(queue), "[--until-empty | --watch [--linger SECONDS] | --retry]",
	  "process the spool of device events", ONE_RUN, .wait = cmd_wait },
	{ "status", IN_MODULE(status), "[--usage [--hooks]]",
	  "print devices, drivers, packages and repositories", 0 },
	{ "history", IN_MODULE(history), "[-n N]", "print past runs", ONE_RUN },
	{ "check", IN_MODULE(check), "[--all] [--fix]",
	  "check that modules are intact, signed, complete and for their kernel", ANY_KERNEL },
	{ "initrd", IN_MODULE(initrd), "[--pending]",
	  "make the initrd again if its drivers changed", 0 },
	{ "list", IN_MODULE(list), "--installed|--updates|--patterns|--held|--unowned|--initrd",
	  "list packages or modules", 0 },
	{ "ready", IN_MODULE(ready), "KVER", "print which drivers a kernel lacks",
	  ANY_KERNEL | ONE_RUN },
	{ "kernel-added", IN_MODULE(kernel_added), "[--strict] KVER",
	  "bring the drivers of a new kernel", ANY_KERNEL | ONE_RUN },
	{ "kernel-removed", IN_MODULE(kernel_removed), "KVER", "remove what is left of a kernel",
	  ANY_KERNEL | ONE_RUN },
	{ "autoremove", IN_MODULE(autoremove), "[--yes]", "remove packages that nothing needs",
	  ONE_RUN },
};

static void print_help(void)
{
	puts("Usage: modfetch [--root DIR] [--kernel KVER|all] [--json] [--dry-run] [--no-load] "
	     "[--unattended] [--thorough] [-v|-q] "
	     "VERB …\n\nFetches, verifies and loads the driver that a device lacks.\n");
	for (size_t i = 0; i < MF_ARRAY_SIZE(verbs); i++)
		printf("  %-14s %-28s %s\n", verbs[i].name, verbs[i].arguments, verbs[i].summary);
	printf("  %-14s %-28s %s\n", "help", "[VERB]", "list the verbs, or the arguments of one");
	puts("\nQUERY is a module's name, an alias, a modalias, symbol:NAME, or a device: "
	     "8086:10d3,\n"
	     "usb:0bda:8153, a PCI address, a path below /sys or a network interface.\n"
	     "Exit status: 0 done, 1 failed, 2 nothing to do, 3 not found, 4 refused, 64 usage.\n"
	     "See modfetch(8).");
}

static void print_verb_help(const struct verb *verb)
{
	printf("Usage: modfetch [GLOBAL OPTION...] %s %s\n\n%s: %s.\n\n"
	       "The global options are listed by modfetch --help, the options of the verb in "
	       "modfetch(8).\n",
	       verb->name, verb->arguments, verb->name, verb->summary);
}

/* The global options; only this table separates them from those of a verb. */
struct globals {
	const char *root, *kernel;
	bool json, dry_run, no_load, quiet, unattended, help, version;
	bool thorough, from_modprobe;
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
		{ "-V", &g->version },
		{ "--unattended", &g->unattended },
		{ "--thorough", &g->thorough },
		{ "--from-modprobe", &g->from_modprobe },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(flags); i++) {
		if (!strcmp(arg, flags[i].name)) {
			/* after a verb it belongs to the verb: pack --version V */
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

/* Removes the global options from argv; returns the new argc. */
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

static int print_failure(struct cmd *cmd, int r)
{
	const struct mf_failure *f = &cmd->ctx.failure;

	if (r >= 0)
		return r;
	fprintf(stderr, "modfetch: %s: %s%s%s [%s]\n", mf_stage_name(f->stage), f->what,
		*f->what ? ": " : "", *f->why ? f->why : mf_error_sentence(r), mf_error_name(r));
	return mf_error_status(r);
}

/* A failure to write the results is a failure of the command. */
static int flush_results(struct cmd *cmd, int r)
{
	if ((fflush(stdout) || ferror(stdout)) && r >= 0)
		return mf_fail(&cmd->ctx, MF_STAGE_OUTPUT, errno ? -errno : -EIO, "stdout", NULL);
	return r;
}

/* The module is never unloaded: its libraries have handlers that run at exit. */
static int call_verb(struct cmd *cmd, const struct verb *verb, int argc, char **argv)
{
	void *module = verb->run ? NULL : dlopen(MF_VERBS, RTLD_NOW | RTLD_LOCAL);
	void *symbol = module ? dlsym(module, verb->symbol) : NULL;
	cmd_verb *run = verb->run ? verb->run : (cmd_verb *)(uintptr_t)symbol;

	return run ? run(cmd, argc, argv)
		   : mf_fail(&cmd->ctx, MF_STAGE_COMMAND, -ELIBACC, verb->name, "%s", dlerror());
}

/* A run of the command. */
struct call {
	const struct verb *verb;
	const struct globals *globals;
	char **all; /* all arguments of the program */
	int argc;   /* those of the verb */
	char **argv;
};

/* Runs the verb for KERNEL (NULL: the default) and prints its failure. The exit status. */
static int run_for_kernel(void *arg, const char *kernel, struct mf_failure *ret_failure)
{
	const struct call *call = arg;
	const struct globals *g = call->globals;
	struct cmd cmd = { .json = g->json,
			   .no_load = g->no_load,
			   .dry_run = g->dry_run,
			   .quiet = g->quiet,
			   .argv = call->all };
	int r = mf_context_init(&cmd.ctx, g->root, kernel);

	cmd.one_of_all = kernel && kernel != g->kernel;
	cmd.ctx.unattended = g->unattended;
	cmd.ctx.from_modprobe = g->from_modprobe;
	cmd.ctx.log_level = g->verbose ? MF_LOG_DEBUG : g->quiet ? MF_LOG_ERROR : MF_LOG_INFO;
	if (r == -MFE_USAGE && call->verb->flags & ANY_KERNEL && !kernel && cmd.ctx.root)
		r = 0;
	/* one line for each failure: the verb prints its usage, so getopt must not complain too */
	optind = 0;
	opterr = 0;
	if (!r && call->verb->wait)
		r = call->verb->wait(&cmd, call->argc, call->argv);
	if (!r)
		r = mf_settings_read(&cmd.ctx);
	cmd.ctx.settings.thorough |= g->thorough;
	if (!r)
		r = call_verb(&cmd, call->verb, call->argc, call->argv);
	r = print_failure(&cmd, flush_results(&cmd, r));
	*ret_failure = cmd.ctx.failure;
	mf_context_done(&cmd.ctx);
	return r;
}

/* Runs the verb for each installed kernel. */
static int run_for_all(const struct call *call)
{
	const struct globals *g = call->globals;
	struct cmd cmd = { .json = g->json };
	const struct all_kernels all = {
		.run = run_for_kernel, .arg = (void *)call, .json = g->json, .quiet = g->quiet
	};
	/* no kernel needs to be selected */
	int r = mf_context_init(&cmd.ctx, g->root, "all");

	if (!r && call->verb->flags & ONE_RUN)
		r = cmd_usage(&cmd, call->verb->name,
			      "it is not about a kernel: leave out --kernel all");
	r = print_failure(&cmd, r ? r : cmd_for_all_kernels(&cmd.ctx, &all));
	mf_context_done(&cmd.ctx);
	return r;
}

static int run_verb(const struct verb *verb, const struct globals *g, char **all, int argc,
		    char **argv)
{
	struct call call = { verb, g, all, argc, argv };
	struct mf_failure failure;

	if (!(verb->flags & ENVIRONMENT))
		mf_process_clean_environment();
	return g->kernel && !strcmp(g->kernel, "all") ? run_for_all(&call)
						      : run_for_kernel(&call, g->kernel, &failure);
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(verbs); i++)
		if (!strcmp(name, verbs[i].name))
			return &verbs[i];
	return NULL;
}

/* Reports a verb that does not exist. */
static int refuse_verb(char *name)
{
	_cleanup_(mf_similar_done) struct mf_similar similar = { .word = name };
	_cleanup_free_ char *hint = NULL;

	mf_text_sanitize(name);
	for (size_t i = 0; i < MF_ARRAY_SIZE(verbs); i++)
		mf_similar_offer(&similar, verbs[i].name);
	hint = mf_similar_text(&similar);
	fprintf(stderr, "modfetch: command: %s: no such verb; %s%ssee modfetch --help [USAGE]\n",
		name, hint ? hint : "", hint ? " " : "");
	return CMD_USAGE;
}

int main(int argc, char **argv)
{
	_cleanup_free_ char **all = calloc((size_t)argc + 1, sizeof(*all));
	struct globals g = { 0 };
	const struct verb *verb;
	bool is_help;

	if (!all)
		return CMD_FAILED;
	memcpy(all, argv, (size_t)argc * sizeof(*all));
	mf_bus_errors();
	/* the umask of the caller must not change the modes of our files */
	umask(022);
	if (mf_process_occupy_stdio() < 0)
		return CMD_FAILED;
	argc = take_globals(&g, argc, argv);
	if (g.version) {
		puts("modfetch " MF_VERSION);
		return CMD_DONE;
	}
	is_help = argc > 1 && !strcmp(argv[1], "help");
	argv += is_help;
	argc -= is_help;
	verb = argc > 1 ? find_verb(argv[1]) : NULL;
	if (argc < 2 || (g.help && !verb && !is_help)) {
		print_help();
		return g.help || is_help ? CMD_DONE : CMD_USAGE;
	}
	if (!verb)
		return refuse_verb(argv[1]);
	if (g.help || is_help) {
		print_verb_help(verb);
		return CMD_DONE;
	}
	return run_verb(verb, &g, all, argc - 1, argv + 1);
}
