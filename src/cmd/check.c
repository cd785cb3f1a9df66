/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * check: are all drivers intact, signed, complete and built for their kernel? Prints a line for
 * each finding, which ends with its stable code, and a summary for each kernel. Findings are
 * results and go to standard output; the exit status is 1 if there are any.
 *
 * With --all, for every installed kernel, and for the rest of kernels that are gone. With --fix,
 * handles what it can, says in the past tense what it did, and checks again: the findings that are
 * printed are those that are left.
 */
#include <getopt.h>
#include <stdio.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/inspect.h"
#include "modfetch/json.h"
#include "cmd.h"

#define FIX_ROUNDS 3

struct check_arguments {
	bool all, fix;
};

static const char *const owner_words[MF_N_OWNERS] = {
	[MF_OWNER_NOBODY] = "of nobody", [MF_OWNER_RPM] = "of rpm",
	[MF_OWNER_DPKG] = "of dpkg",	 [MF_OWNER_DKMS] = "of dkms",
	[MF_OWNER_AKMODS] = "of akmods",
};

static struct mf_json *check_finding(const struct mf_finding *f)
{
	struct mf_json *o = mf_json_object();

	mf_json_set_string(o, "kernel", f->kernel);
	mf_json_set_string(o, "file", f->path);
	mf_json_set_string(o, "target", f->target);
	mf_json_set_string(o, "package", f->package);
	mf_json_set_string(o, "code", mf_error_name(f->code));
	mf_json_set_string(o, "reason", f->reason);
	mf_json_set_bool(o, "fixable", f->remedy != MF_REMEDY_NONE);
	return o;
}

static void check_set_kernel(struct mf_json *o, const struct mf_checked_kernel *k)
{
	struct mf_json *owners = mf_json_object();

	for (enum mf_owner i = 0; i < MF_N_OWNERS; i++)
		mf_json_set_int(owners, mf_owner_name(i), (int64_t)k->owners[i]);
	mf_json_set_string(o, "kernel", k->release);
	mf_json_set_int(o, "modules", (int64_t)k->modules);
	mf_json_set_int(o, "owned", (int64_t)(k->modules - k->owners[MF_OWNER_NOBODY]));
	mf_json_set(o, "owners", owners);
	mf_json_set_int(o, "links", (int64_t)k->links);
	mf_json_set_int(o, "packages", (int64_t)k->packages);
	mf_json_set_int(o, "no_firmware", (int64_t)k->no_firmware);
	mf_json_set_bool(o, "signatures", k->signatures);
}

static void check_print_json(struct cmd *cmd, const struct check_arguments *args,
			     const struct mf_check *check, const struct mf_strings *fixed)
{
	struct mf_json *o = mf_json_object(), *findings = mf_json_array();

	if (args->all) {
		struct mf_json *kernels = mf_json_array();

		for (size_t i = 0; i < check->n_kernels; i++) {
			struct mf_json *kernel = mf_json_object();

			check_set_kernel(kernel, &check->kernels[i]);
			mf_json_add(kernels, kernel);
		}
		mf_json_set(o, "kernels", kernels);
	} else if (check->n_kernels) {
		check_set_kernel(o, &check->kernels[0]);
	}
	for (size_t i = 0; i < check->n_findings; i++)
		mf_json_add(findings, check_finding(&check->findings[i]));
	mf_json_set(o, "findings", findings);
	if (args->fix)
		mf_json_set_strings(o, "fixed", fixed);
	cmd_json(cmd, o, true);
	mf_json_free(o);
}

static void check_print_kernel(const struct mf_checked_kernel *k)
{
	const char *separator = "";

	cmd_put("kernel %s: %zu modules (", k->release, k->modules);
	for (enum mf_owner i = 0; i < MF_N_OWNERS; i++) {
		if (!k->owners[i])
			continue;
		cmd_put("%s%zu %s", separator, k->owners[i], owner_words[i]);
		separator = ", ";
	}
	if (k->links)
		cmd_put("%s%zu links", separator, k->links);
	else if (!*separator)
		cmd_put("%s", "none");
	cmd_line("), %zu packages; %s", k->packages,
		 k->signatures ? "signatures were checked"
			       : "signatures were not checked (there is no key in "
				 "/etc/modfetch/keys/module.d)");
}

static void check_print_text(const struct mf_check *check, const struct mf_strings *fixed)
{
	for (size_t i = 0; i < fixed->n; i++)
		cmd_line("%s", fixed->v[i]);
	for (size_t i = 0; i < check->n_findings; i++) {
		const struct mf_finding *f = &check->findings[i];

		cmd_line("%s: %s%s%s%s [%s]", f->path, f->reason, f->package ? " (" : "",
			 f->package ? f->package : "", f->package ? ")" : "",
			 mf_error_name(f->code));
	}
	for (size_t i = 0; i < check->n_kernels; i++)
		check_print_kernel(&check->kernels[i]);
	cmd_line("%zu findings", check->n_findings);
}

static int check_parse(struct cmd *cmd, int argc, char **argv, struct check_arguments *args)
{
	static const struct option options[] = {
		{ "all", no_argument, NULL, 'a' },
		{ "fix", no_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'a')
			args->all = true;
		else if (c == 'f')
			args->fix = true;
		else
			return cmd_usage(cmd, "check", "the options are --all and --fix");
	}
	if (optind < argc)
		return cmd_usage(cmd, "check", "unexpected argument %s", argv[optind]);
	if (!args->all && !cmd->ctx.kernel)
		return cmd_usage(cmd, "check",
				 "select a kernel with --kernel, or all of them with --all");
	if (args->all && cmd->one_of_all)
		return cmd_usage(cmd, "check",
				 "--all includes all kernels: leave out --kernel all");
	return 0;
}

/*
 * Handles the findings; CHECK becomes the result of another check, except in a dry run. A round may
 * show what the next one has to do: the indexes of a package that was removed, for example.
 */
static int check_fix(struct cmd *cmd, const struct check_arguments *args, struct mf_check *check,
		     struct mf_strings *fixed)
{
	int r = 0;

	for (int round = 0; !r && round < FIX_ROUNDS && check->n_findings; round++) {
		struct mf_check after;
		size_t before = fixed->n;

		r = mf_check_fix(&cmd->ctx, check, cmd->dry_run, fixed);
		if (r < 0 || cmd->dry_run || fixed->n == before)
			return r;
		r = mf_check(&cmd->ctx, args->all, &after);
		if (r < 0)
			return r;
		mf_check_done(check);
		*check = after;
	}
	return r;
}

int cmd_check(struct cmd *cmd, int argc, char **argv)
{
	_cleanup_(mf_check_done) struct mf_check check = { 0 };
	_cleanup_(mf_strings_done) struct mf_strings fixed = { 0 };
	struct check_arguments args = { 0 };
	int r = check_parse(cmd, argc, argv, &args);

	if (!r)
		r = mf_check(&cmd->ctx, args.all, &check);
	if (!r && args.fix)
		r = check_fix(cmd, &args, &check, &fixed);
	if (r < 0)
		return r;
	if (cmd->json)
		check_print_json(cmd, &args, &check, &fixed);
	else
		check_print_text(&check, &fixed);
	return check.n_findings ? CMD_FAILED : CMD_DONE;
}
