/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * build: builds drivers from their sources for a kernel, where no package has them.
 *
 * Prints a line for each source. A failed one is a line on standard error with its code, and does not stop the others; the exit status
 * is that of the last of them. Unattended, as the hooks of package managers call it, the status is 0 even then: no update of a
 * kernel fails because of a driver, which stays as it was.
 *
 * Where the compiler or the headers are missing, a user at a terminal is asked whether the package manager shall install them.
 */
#include "modfetch/build.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "cmd.h"
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/module-key.h"
#include "modfetch/process.h"

enum { INSTALL_SECONDS = 3600 };

struct build_arguments {
	struct mf_build_options options;
	struct mf_strings names;
	bool take_over, give_back;
};

/* ---- results ---- */

static struct mf_json *built_object(const struct mf_built *built)
{
	struct mf_json *o = mf_json_object();

	mf_json_set_string(o, "source", built->source);
	mf_json_set_string(o, "state", mf_build_state_name(built->state));
	if (built->code)
		mf_json_set_string(o, "code", mf_error_name(built->code));
	if (built->reason)
		mf_json_set_string(o, "reason", built->reason);
	if (built->log)
		mf_json_set_string(o, "log", built->log);
	mf_json_set_strings(o, "modules", &built->modules);
	mf_json_set_strings(o, "packages", &built->labels);
	mf_json_set_int(o, "us", (int64_t)built->us);
	return o;
}

static void print_json(struct cmd *cmd, const struct mf_built_list *list, bool changed)
{
	struct mf_json *o = mf_json_object(), *results = mf_json_array();

	mf_json_set_string(o, "kernel", cmd->ctx.kernel);
	for (size_t i = 0; i < list->n; i++)
		mf_json_add(results, built_object(&list->v[i]));
	mf_json_set(o, "results", results);
	mf_json_set_bool(o, "changed", changed);
	if (cmd->ctx.failure.code)
		cmd_json_error(cmd, o);
	cmd_json(cmd, o, true);
	mf_json_free(o);
}

static void print_built(struct cmd *cmd, const struct mf_built *built)
{
	static const char *const clauses[MF_N_BUILD_STATES] = {
		[MF_BUILD_BUILT] = "built for",
		[MF_BUILD_LINKED] = "linked into",
		[MF_BUILD_PRESENT] = "is there for",
		[MF_BUILD_NEEDED] = "would be built for",
		[MF_BUILD_EXCLUDED] = "is not for",
		[MF_BUILD_OWNED] = "is not built for",
		[MF_BUILD_FAILED_BEFORE] = "failed before, and nothing has changed, for",
	};

	if (built->state == MF_BUILD_FAILED)
		return;
	cmd_put("%s %s %s", built->source, clauses[built->state], cmd->ctx.kernel);
	if (built->state == MF_BUILD_BUILT) {
		cmd_put(" in %.1f s", (double)built->us / 1e6);
		for (size_t i = 0; i < built->labels.n; i++)
			cmd_put("%s%s", i ? ", " : ": ", built->labels.v[i]);
	}
	if (built->reason)
		cmd_put(": %s", built->reason);
	cmd_line("%s", "");
}

/* Records a failed build as the failure of the verb; one before it becomes a line. */
static void record_failure(struct cmd *cmd, const struct mf_built *built)
{
	struct mf_context *ctx = &cmd->ctx;

	if (ctx->failure.code)
		mf_log(ctx, MF_LOG_ERROR, "%s: %s: %s [%s]", mf_stage_name(ctx->failure.stage),
		       ctx->failure.what, ctx->failure.why, mf_error_name(ctx->failure.code));
	(void)mf_fail(ctx, MF_STAGE_BUILD, built->code, built->source, "%s; for %s%s%s",
		      built->reason ? built->reason : mf_error_sentence(built->code), ctx->kernel,
		      built->log ? "; the log is " : "", built->log ? built->log : "");
}

/* The kernel may refuse what was built: what the admin has to do is said once, after the first build. */
static void print_guidance(struct cmd *cmd)
{
	_cleanup_(mf_module_key_done) struct mf_module_key key = { 0 };
	_cleanup_free_ char *text = NULL;

	if (mf_module_key_look(&cmd->ctx, &key) < 0)
		return;
	text = mf_module_key_guidance(&key);
	if (text)
		cmd_line("%s", text);
}

static int report(struct cmd *cmd, const struct mf_built_list *list)
{
	bool changed = false, built = false;

	for (size_t i = 0; i < list->n; i++) {
		enum mf_build_state state = list->v[i].state;

		built |= state == MF_BUILD_BUILT;
		changed |= state == MF_BUILD_BUILT || state == MF_BUILD_LINKED;
		if (!cmd->json && !cmd->quiet)
			print_built(cmd, &list->v[i]);
		if (state == MF_BUILD_FAILED)
			record_failure(cmd, &list->v[i]);
	}
	cmd->changed |= changed;
	if (cmd->json)
		print_json(cmd, list, changed);
	else if (built && !cmd->quiet)
		print_guidance(cmd);
	if (cmd->ctx.failure.code)
		return cmd->ctx.failure.code;
	if (!list->n && !cmd->json)
		return cmd_nothing(cmd, "build", "no source is built without being named");
	return changed ? CMD_DONE : CMD_NOTHING;
}

/* ---- missing programs ---- */

/* Runs the package manager in the terminal of the user. 0 or a recorded failure. */
static int run_manager(struct cmd *cmd, const struct mf_build_missing *missing)
{
	_cleanup_free_ char *program = mf_process_find(missing->command.v[0]);
	_cleanup_free_ const char **argv = calloc(missing->command.n + 2, sizeof(char *));
	_cleanup_close_ int null = -1;
	pid_t pid = -1;
	int r;

	if (!program || !argv)
		return mf_fail(&cmd->ctx, MF_STAGE_BUILD, -ENOMEM, missing->command.v[0], NULL);
	argv[0] = program;
	for (size_t i = 1; i < missing->command.n; i++)
		argv[i] = missing->command.v[i];
	/* the user has agreed; a program in a process group of its own could not read the terminal */
	argv[missing->command.n] = "-y";
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	r = null < 0 ? -errno : mf_process_start(argv, null, STDERR_FILENO, STDERR_FILENO, &pid);
	if (!r)
		r = mf_process_wait_for(pid, INSTALL_SECONDS);
	if (r)
		return mf_fail(&cmd->ctx, MF_STAGE_BUILD, r < 0 ? r : -MFE_TOOL, program,
			       r < 0 ? NULL : "it failed; its messages are above");
	return 0;
}

/* Offers to install what a build needs. 0 (also where nothing is missing or was asked) or a recorded failure. */
static int offer_missing(struct cmd *cmd)
{
	_cleanup_(mf_build_missing_done) struct mf_build_missing missing = { 0 };
	_cleanup_free_ char *packages = NULL;
	int r;

	/* only the package manager of this machine can be run here */
	if (*cmd->ctx.root || cmd->dry_run || cmd->ctx.unattended ||
	    (!cmd_can_ask(cmd) && !cmd->yes))
		return 0;
	r = mf_build_missing(&cmd->ctx, &missing);
	if (r < 0 || !missing.command.n)
		return r;
	packages = mf_strings_join(&missing.packages, " ");
	if (!packages)
		return mf_fail(&cmd->ctx, MF_STAGE_BUILD, -ENOMEM, "packages", NULL);
	/* who does not agree gets the error of the build, with the command */
	if (cmd_ask(cmd, "build", "a build needs %s; install these with %s?", packages,
		    missing.command.v[0]) < 0)
		return 0;
	return run_manager(cmd, &missing);
}

/* ---- the verb ---- */

static const struct option long_options[] = {
	{ "again", no_argument, NULL, 'a' },
	{ "publish", required_argument, NULL, 'p' },
	{ "sign", required_argument, NULL, 's' },
	{ "cert", required_argument, NULL, 'c' },
	{ "take-over", no_argument, NULL, 't' },
	{ "give-back", no_argument, NULL, 'g' },
	{ 0 },
};

static int build_parse(struct cmd *cmd, int argc, char **argv, struct build_arguments *a)
{
	int c, r = 0;

	opterr = 0;
	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		switch (c) {
		case 'a':
			a->options.again = true;
			break;
		case 'p':
			a->options.publish = optarg;
			break;
		case 's':
			a->options.key = optarg;
			break;
		case 'c':
			a->options.cert = optarg;
			break;
		case 't':
			a->take_over = true;
			break;
		case 'g':
			a->give_back = true;
			break;
		default:
			return cmd_usage(cmd, "build",
					 "%s: no such option, or its value is missing",
					 argv[optind - 1]);
		}
	for (; !r && optind < argc; optind++)
		r = mf_strings_add_unique(&a->names, argv[optind]);
	if (r < 0)
		return mf_fail(&cmd->ctx, MF_STAGE_BUILD, r, "names", NULL);
	if ((a->take_over || a->give_back) && a->names.n != 1)
		return cmd_usage(cmd, "build",
				 "--take-over and --give-back move one source: name it");
	if (a->take_over && a->give_back)
		return cmd_usage(cmd, "build", "--take-over and --give-back exclude each other");
	if (!a->options.key != !a->options.cert)
		return cmd_usage(cmd, "build", "--sign and --cert must be given together");
	if (a->options.publish && !a->names.n)
		return cmd_usage(cmd, "build", "--publish needs the names of the sources");
	a->options.names = &a->names;
	a->options.dry_run = cmd->dry_run;
	return 0;
}

static int take_over(struct cmd *cmd, const struct build_arguments *a)
{
	_cleanup_(mf_strings_done) struct mf_strings done = { 0 };
	int r;

	if (cmd->dry_run || !a->names.n)
		return cmd_usage(cmd, "build",
				 "there is no --dry-run of --take-over and --give-back");
	r = mf_build_take_over(&cmd->ctx, a->names.v[0], a->give_back, &done);
	cmd_print_done(cmd, "build", &done);
	cmd->changed |= done.n > 0;
	return r < 0 ? r : done.n ? CMD_DONE : CMD_NOTHING;
}

int cmd_build(struct cmd *cmd, int argc, char **argv)
{
	_cleanup_(mf_built_done) struct mf_built_list list = { 0 };
	struct build_arguments a = { 0 };
	int r = build_parse(cmd, argc, argv, &a);

	if (!r)
		r = offer_missing(cmd);
	if (!r && (a.take_over || a.give_back)) {
		r = take_over(cmd, &a);
	} else if (!r) {
		r = mf_build(&cmd->ctx, &a.options, &list);
		if (!r)
			r = report(cmd, &list);
	}
	mf_strings_done(&a.names);
	return r;
}
