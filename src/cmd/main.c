/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The command: global options, the verb, one error line, the exit status.
 *
 * Under the name of depmod it is another program (stand-in.c). Global options are accepted before and after the verb, up to "--"; the remaining arguments are
 * the verb's. Standard output is for results, standard error for everything else.
 *
 * A program that is linked to twenty libraries needs three milliseconds before main(), which is
 * most of the time of a depmod that has little to do. So most verbs, and with them librpm, libsolv
 * and OpenSSL, are in a module that is loaded when one of them is named. pack is in a module of its own,
 * which comes with another package. The names of modules contain the version: while a package manager
 * replaces the files, none works with a file of another version.
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
#include "depmod-options.h"
#include "verbs.h"

/* The global options; only this table separates them from those of a verb. */
struct globals {
	const char *root, *kernel, *color;
	bool json, dry_run, no_load, quiet, unattended, help, version;
	bool thorough, from_modprobe, yes, assume_no, detailed_exit;
	int verbose;
	struct cmd_terminal terminal;
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
		{ "--yes", &g->yes },
		{ "-y", &g->yes },
		{ "--assume-no", &g->assume_no },
		{ "--detailed-exit", &g->detailed_exit },
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
			     take_value("--color", argc, argv, &i, &g->color) ||
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
	/* of all kernels, the failures are elements of one array */
	if (cmd->json && !cmd->printed && !cmd->one_of_all) {
		cmd_put_error(NULL, f);
		puts("");
	}
	return mf_error_status(r);
}

/* A failure to write the results is a failure of the command. */
static int flush_results(struct cmd *cmd, int r)
{
	if ((fflush(stdout) || ferror(stdout)) && r >= 0)
		return mf_fail(&cmd->ctx, MF_STAGE_OUTPUT, errno ? -errno : -EIO, "stdout", NULL);
	return r;
}

static int call_verb(struct cmd *cmd, const struct verb *verb, int argc, char **argv)
{
	bool is_pack = verb->flags & (OF_PACK | OF_BUILD);
	enum cmd_module where = verb->flags & OF_PACK	 ? CMD_PACK
				: verb->flags & OF_BUILD ? CMD_BUILD
							 : CMD_VERBS;
	void *module = verb->run ? NULL : cmd_load(where);
	void *symbol = module ? dlsym(module, verb->symbol) : NULL;
	cmd_verb *run = verb->run ? verb->run : (cmd_verb *)(uintptr_t)symbol;

	return run ? run(cmd, argc, argv)
		   : mf_fail(&cmd->ctx, MF_STAGE_COMMAND, -ELIBACC, verb->name, "%s%s", dlerror(),
			     is_pack ? "; the package modfetch-pack has this verb, install it"
				     : "");
}

/* A run of the command. */
struct call {
	const struct verb *verb;
	const struct globals *globals;
	char **all; /* all arguments of the program */
	int argc;   /* those of the verb */
	char **argv;
};

/* Does the caller own the machine? Of an image it may be a user. */
static bool owns_root(const struct mf_context *ctx)
{
	struct stat st;

	return !geteuid() || (!fstat(ctx->root_fd, &st) && st.st_uid == geteuid());
}

/* A verb that changes the machine is refused before it does anything. 0 or a recorded failure. */
static int check_rights(struct cmd *cmd, const struct call *call)
{
	const struct verb *verb = call->verb;

	if (!(verb->flags & ROOT) || cmd->dry_run || owns_root(&cmd->ctx))
		return 0;
	for (int i = 1; verb->reads && i < call->argc; i++)
		if (!strcmp(call->argv[i], verb->reads))
			return 0;
	return mf_fail(&cmd->ctx, MF_STAGE_COMMAND, -MFE_NOT_ROOT, verb->name,
		       "modfetch %s must run as root", verb->name);
}

/* A user who is refused a file learns who is not. */
static void explain_rights(struct cmd *cmd, int r)
{
	struct mf_failure *f = &cmd->ctx.failure;
	size_t len = strlen(f->why);

	if ((r == -EACCES || r == -EPERM) && geteuid() && len < sizeof(f->why))
		snprintf(f->why + len, sizeof(f->why) - len, "; it is root's");
}

/* Runs the verb for KERNEL (NULL: the default) and prints its failure. The exit status. */
static int run_for_kernel(void *arg, const char *kernel, struct mf_failure *ret_failure)
{
	const struct call *call = arg;
	const struct globals *g = call->globals;
	struct cmd cmd = { .json = g->json,
			   .no_load = g->no_load,
			   .dry_run = g->dry_run,
			   .quiet = g->quiet,
			   .terminal = g->terminal,
			   .yes = g->yes,
			   .assume_no = g->assume_no,
			   .argv = call->all };
	_cleanup_(cmd_display_done) struct cmd_display display;
	int r = mf_context_init(&cmd.ctx, g->root, kernel);

	cmd_display_init(&display);
	if (g->terminal.may_draw && !g->quiet)
		cmd.ctx.display = &display.display;
	cmd.one_of_all = kernel && kernel != g->kernel;
	cmd.ctx.unattended = g->unattended;
	cmd.ctx.from_modprobe = g->from_modprobe;
	cmd.ctx.log_level = g->verbose ? MF_LOG_DEBUG : g->quiet ? MF_LOG_ERROR : MF_LOG_INFO;
	if (r == -MFE_USAGE && call->verb->flags & ANY_KERNEL && !kernel && cmd.ctx.root)
		r = 0;
	/* one line for each failure: the verb prints its usage, so getopt must not complain too */
	optind = 0;
	opterr = 0;
	if (!r)
		r = check_rights(&cmd, call);
	if (!r && call->verb->wait)
		r = call->verb->wait(&cmd, call->argc, call->argv);
	if (!r)
		r = mf_settings_read(&cmd.ctx);
	cmd.ctx.settings.thorough |= g->thorough;
	if (!r)
		r = call_verb(&cmd, call->verb, call->argc, call->argv);
	explain_rights(&cmd, r);
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
	const struct all_kernels all = { .run = run_for_kernel,
					 .arg = (void *)call,
					 .json = g->json,
					 .quiet = g->quiet || call->verb->flags & OWN_HEADINGS };
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
	int status;

	if (!(verb->flags & ENVIRONMENT))
		mf_process_clean_environment();
	status = g->kernel && !strcmp(g->kernel, "all")
			 ? run_for_all(&call)
			 : run_for_kernel(&call, g->kernel, &failure);
	/* what was asked for is so: only who asks for it needs to know that it was so before */
	return status == CMD_NOTHING && !g->detailed_exit ? CMD_DONE : status;
}

/* Reports a verb that does not exist. */
static int refuse_verb(char *name, bool json)
{
	struct cmd cmd = { .json = json };
	_cleanup_(mf_similar_done) struct mf_similar similar = { .word = name };
	_cleanup_free_ char *hint = NULL;
	size_t n;
	const struct verb *verbs = cmd_verbs(&n);

	mf_text_sanitize(name);
	for (size_t i = 0; i < n; i++)
		mf_similar_offer(&similar, verbs[i].name);
	hint = mf_similar_text(&similar);
	(void)mf_fail(&cmd.ctx, MF_STAGE_COMMAND, -MFE_USAGE, name,
		      "no such verb; %s%ssee modfetch --help", hint ? hint : "", hint ? " " : "");
	return print_failure(&cmd, -MFE_USAGE);
}

static int refuse_color(const char *value, bool json)
{
	struct cmd cmd = { .json = json };

	(void)mf_fail(&cmd.ctx, MF_STAGE_COMMAND, -MFE_USAGE, "--color",
		      "%s is no such value; the values are auto, always and never", value);
	return print_failure(&cmd, -MFE_USAGE);
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
	if (!strcmp(program_invocation_short_name, "depmod"))
		return cmd_stand_in(argc, argv);
	argc = take_globals(&g, argc, argv);
	if (cmd_terminal_detect(g.color, &g.terminal) < 0)
		return refuse_color(g.color, g.json);
	if (g.version) {
		puts("modfetch " MF_VERSION);
		return CMD_DONE;
	}
	is_help = argc > 1 && !strcmp(argv[1], "help");
	argv += is_help;
	argc -= is_help;
	verb = argc > 1 ? cmd_verb_find(argv[1]) : NULL;
	if (argc < 2 || (g.help && !verb && !is_help)) {
		cmd_print_help();
		return g.help || is_help ? CMD_DONE : CMD_USAGE;
	}
	if (!verb)
		return refuse_verb(argv[1], g.json);
	if (g.help || is_help) {
		cmd_print_verb_help(verb);
		return CMD_DONE;
	}
	return run_verb(verb, &g, all, argc - 1, argv + 1);
}
