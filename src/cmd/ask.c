/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The question before a large plan is carried out, or one that removes something.
 *
 * It is asked only where a user can read it and answer: on a terminal, and not for JSON, which a
 * program reads. Everywhere else the plan is carried out, as scripts expect. --yes asks nothing;
 * --assume-no prints the question and gives the answer itself, on a terminal or not.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"
#include "cmd.h"

#define NAMES_SHOWN 20

bool cmd_can_ask(const struct cmd *cmd)
{
	/* modprobe's callers expect no question, although its user may sit at a terminal */
	return !cmd->yes && !cmd->json && !cmd->ctx.unattended && !cmd->ctx.from_modprobe &&
	       isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

int cmd_ask(struct cmd *cmd, const char *subject, const char *fmt, ...)
{
	_cleanup_free_ char *question = NULL;
	char answer[16];
	va_list ap;
	bool yes;

	if (cmd->yes)
		return 0;
	va_start(ap, fmt);
	question = mf_vformat(fmt, ap);
	va_end(ap);
	if (!question)
		return mf_fail(&cmd->ctx, MF_STAGE_COMMAND, -ENOMEM, subject, NULL);
	mf_text_sanitize(question);
	fprintf(stderr, "%s [y/N] ", question);
	if (cmd->assume_no) {
		fputs("n\n", stderr);
		return mf_fail(&cmd->ctx, MF_STAGE_COMMAND, -MFE_NOT_CONFIRMED, subject, NULL);
	}
	yes = fgets(answer, sizeof(answer), stdin) && (*answer == 'y' || *answer == 'Y');
	return yes ? 0 : mf_fail(&cmd->ctx, MF_STAGE_COMMAND, -MFE_NOT_CONFIRMED, subject, NULL);
}

static void put_name(const char *label, const char *after)
{
	_cleanup_free_ char *line = mf_format("  %s%s", label, after);

	if (!line)
		return;
	mf_text_sanitize(line);
	fprintf(stderr, "%s\n", line);
}

/* Prints the packages to remove, and those to install if they are few, or with -v. */
static void print_names(const struct cmd *cmd, const struct mf_plan *plan)
{
	bool all = cmd->ctx.log_level >= MF_LOG_DEBUG;

	for (size_t i = 0; i < plan->removed.n && (all || i < NAMES_SHOWN); i++)
		put_name(plan->removed.v[i], mf_strings_has(&plan->meant, plan->erase.v[i])
						     ? ""
						     : ", which needs one of these");
	if (!all && plan->removed.n > NAMES_SHOWN)
		fprintf(stderr, "  and %zu more; -v lists all\n", plan->removed.n - NAMES_SHOWN);
	for (size_t i = 0; i < plan->n && (all || plan->n <= NAMES_SHOWN); i++) {
		_cleanup_free_ char *label = mf_plan_item_label(&plan->items[i]);

		put_name(label ? label : plan->items[i].name, "");
	}
}

static int ask_for_plan(void *arg, struct mf_context *ctx, const struct mf_run *run)
{
	struct cmd *cmd = arg;
	const struct mf_plan *plan = &run->plan;
	_cleanup_free_ char *install = NULL, *remove = NULL;
	char fetch[16], disk[16], freed[16];

	(void)ctx;
	if (plan->n)
		install = mf_format("install %zu package%s (%s to fetch, %s on disk)", plan->n,
				    plan->n == 1 ? "" : "s", cmd_bytes(plan->download, fetch),
				    cmd_bytes(plan->install_size, disk));
	if (plan->removed.n)
		remove = mf_format("remove %zu package%s (%s)", plan->removed.n,
				   plan->removed.n == 1 ? "" : "s",
				   cmd_bytes(plan->removed_size, freed));
	print_names(cmd, plan);
	return cmd_ask(cmd, run->verb, "%s%s%s for kernel %s?", install ? install : "",
		       install && remove ? ", " : "", remove ? remove : "", cmd->ctx.kernel);
}

void cmd_ask_for_plan(struct cmd *cmd, struct mf_run *run)
{
	if (!cmd->assume_no && !cmd_can_ask(cmd))
		return;
	run->confirm = ask_for_plan;
	run->confirm_arg = cmd;
	/* who says no to everything wants to see everything */
	run->confirm_always = cmd->assume_no;
}
