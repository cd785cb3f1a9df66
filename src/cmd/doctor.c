/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * doctor: prints one line for each check, and below each that is not in order what to do about it.
 *
 * The exit status is 1 if a check failed; a warning is no failure. With -q only the checks that are not
 * in order are printed. The checks are in src/doctor.
 */
#include <getopt.h>
#include "modfetch/cleanup.h"
#include "modfetch/doctor.h"
#include "cmd.h"

static void doctor_print(struct cmd *cmd, const struct mf_diagnoses *found)
{
	for (size_t i = 0; i < found->n; i++) {
		const struct mf_diagnosis *d = &found->v[i];

		if (cmd->quiet && d->health == MF_HEALTH_OK)
			continue;
		cmd_line("%-8s %s: %s", mf_health_name(d->health), d->check, d->text);
		if (d->remedy)
			cmd_line("         → %s", d->remedy);
	}
	if (!cmd->quiet)
		cmd_line("%zu checks: %zu failed, %zu warnings", found->n, found->n_failed,
			 found->n_warnings);
}

static void doctor_print_json(struct cmd *cmd, const struct mf_diagnoses *found)
{
	struct mf_json *o = mf_json_object(), *list = mf_json_array();

	for (size_t i = 0; i < found->n; i++) {
		const struct mf_diagnosis *d = &found->v[i];
		struct mf_json *one = mf_json_object();

		mf_json_set_string(one, "check", d->check);
		mf_json_set_string(one, "state", mf_health_name(d->health));
		mf_json_set_string(one, "text", d->text);
		mf_json_set_string(one, "remedy", d->remedy);
		mf_json_add(list, one);
	}
	mf_json_set(o, "checks", list);
	mf_json_set_int(o, "failed", (int64_t)found->n_failed);
	mf_json_set_int(o, "warnings", (int64_t)found->n_warnings);
	mf_json_set_bool(o, "changed", false);
	cmd_json(cmd, o, true);
	mf_json_free(o);
}

int cmd_doctor(struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = { { "offline", no_argument, NULL, 'o' }, { 0 } };
	_cleanup_(mf_diagnoses_done) struct mf_diagnoses found = { 0 };
	bool offline = false;
	int c, r;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c != 'o')
			return cmd_usage(cmd, "doctor", "the only option is --offline");
		offline = true;
	}
	if (optind < argc)
		return cmd_usage(cmd, "doctor", "unexpected argument %s", argv[optind]);
	r = mf_doctor(&cmd->ctx, offline, &found);
	if (r < 0)
		return r;
	if (cmd->json)
		doctor_print_json(cmd, &found);
	else
		doctor_print(cmd, &found);
	return found.n_failed ? CMD_FAILED : CMD_DONE;
}
