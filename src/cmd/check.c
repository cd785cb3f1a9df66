/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check: are all drivers intact, signed and built for their kernel? Prints a line for each finding,
 * which ends with its stable code, and a summary. Findings are results and go to standard output;
 * the exit status is 1 if there are any.
 */
#include <stdio.h>
#include "modfetch/cleanup.h"
#include "modfetch/json.h"
#include "modfetch/query.h"
#include "cmd.h"

static void check_print_json(const struct cmd *cmd, const struct mf_check *check)
{
	struct mf_json *o = mf_json_object(), *findings = mf_json_array();

	for (size_t i = 0; i < check->n_findings; i++) {
		const struct mf_finding *f = &check->findings[i];
		struct mf_json *finding = mf_json_object();

		mf_json_set_string(finding, "file", f->path);
		mf_json_set_string(finding, "package", f->package);
		mf_json_set_string(finding, "code", mf_error_name(f->code));
		mf_json_set_string(finding, "reason", f->reason);
		mf_json_add(findings, finding);
	}
	mf_json_set_string(o, "kernel", cmd->ctx.kernel);
	mf_json_set_int(o, "modules", (int64_t)check->modules);
	mf_json_set_int(o, "owned", (int64_t)check->owned);
	mf_json_set_int(o, "packages", (int64_t)check->packages);
	mf_json_set_bool(o, "signatures", check->signatures);
	mf_json_set(o, "findings", findings);
	cmd_json(o, true);
	mf_json_free(o);
}

static void check_print_text(const struct cmd *cmd, const struct mf_check *check)
{
	for (size_t i = 0; i < check->n_findings; i++) {
		const struct mf_finding *f = &check->findings[i];

		cmd_line("%s: %s%s%s%s [%s]", f->path, f->reason, f->package ? " (" : "",
			 f->package ? f->package : "", f->package ? ")" : "",
			 mf_error_name(f->code));
	}
	cmd_line("kernel %s: %zu modules, %zu of them from %zu packages; %s; %zu findings",
		 cmd->ctx.kernel, check->modules, check->owned, check->packages,
		 check->signatures ? "signatures were checked"
				   : "signatures were not checked (there is no key in "
				     "/etc/modfetch/keys/module.d)",
		 check->n_findings);
}

int cmd_check(struct cmd *cmd, int argc, char **argv)
{
	_cleanup_(mf_check_done) struct mf_check check = { 0 };
	int r;

	if (argc > 1)
		return cmd_usage(cmd, "check", "unexpected argument %s", argv[1]);
	r = mf_check(&cmd->ctx, &check);
	if (r < 0)
		return r;
	if (cmd->json)
		check_print_json(cmd, &check);
	else
		check_print_text(cmd, &check);
	return check.n_findings ? CMD_FAILED : CMD_DONE;
}
