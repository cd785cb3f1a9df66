/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * status --usage: which packaged drivers are loaded and bound to a device, and when they were last.
 * As root it updates the ledger. With --json it prints one line, the same that --hooks passes to the
 * programs in hooks.d. The line has no name of the machine: who gets it is decided by an admin's hook,
 * and nothing is sent from here.
 */
#include <time.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/days.h"
#include "modfetch/hooks.h"
#include "modfetch/usage.h"
#include "cmd.h"

static void usage_set_day(struct mf_json *o, const char *key, long day)
{
	char text[MF_DAY_TEXT];

	if (day >= 0)
		mf_day_format(day, text);
	mf_json_set_string(o, key, day < 0 ? NULL : text);
}

static struct mf_json *usage_json(const struct cmd *cmd, const struct mf_usage *usage)
{
	struct mf_json *o = mf_json_object(), *list = mf_json_array();

	mf_json_set_string(o, "event", "usage");
	mf_json_set_int(o, "time", (int64_t)time(NULL));
	mf_json_set_string(o, "kernel", cmd->ctx.kernel);
	mf_json_set_bool(o, "observed", usage->here);
	for (size_t i = 0; i < usage->n; i++) {
		const struct mf_driver_usage *row = &usage->v[i];
		struct mf_json *driver = mf_json_object();

		mf_json_set_string(driver, "module", row->module);
		mf_json_set_string(driver, "package", row->package);
		mf_json_set_bool(driver, "hidden", row->hidden);
		mf_json_set_bool(driver, "loaded", row->loaded);
		mf_json_set_int(driver, "devices", (int64_t)row->devices);
		usage_set_day(driver, "first", row->first);
		usage_set_day(driver, "last_loaded", row->last_loaded);
		usage_set_day(driver, "last_bound", row->last_bound);
		mf_json_add(list, driver);
	}
	mf_json_set(o, "drivers", list);
	return o;
}

static void usage_print_row(const struct mf_driver_usage *row)
{
	char text[MF_DAY_TEXT];

	cmd_put("%s (%s): ", row->module, row->package);
	if (row->hidden) {
		cmd_line("another file of this name is used, or none");
		return;
	}
	if (row->loaded) {
		cmd_put("loaded, %zu %s", row->devices, row->devices == 1 ? "device" : "devices");
	} else if (row->last_loaded >= 0) {
		mf_day_format(row->last_loaded, text);
		cmd_put("not loaded, last on %s", text);
	} else if (row->first >= 0) {
		mf_day_format(row->first, text);
		cmd_put("never loaded since %s", text);
	} else {
		cmd_put("not known");
	}
	if (!row->devices && row->last_bound >= 0) {
		mf_day_format(row->last_bound, text);
		cmd_put(", last bound to a device on %s", text);
	}
	cmd_line("%s", "");
}

static void usage_print(const struct cmd *cmd, const struct mf_usage *usage)
{
	size_t loaded = 0, bound = 0, never = 0;

	for (size_t i = 0; i < usage->n; i++) {
		const struct mf_driver_usage *row = &usage->v[i];

		usage_print_row(row);
		loaded += row->loaded;
		bound += row->devices > 0;
		never += row->first >= 0 && row->last_loaded < 0;
	}
	cmd_line("%zu packaged drivers for %s: %zu loaded, %zu bound to a device, %zu never "
		 "loaded%s",
		 usage->n, cmd->ctx.kernel, loaded, bound, never,
		 usage->here ? "" : "; this is not the machine or the kernel that uses them");
}

static int usage_run_hooks(struct cmd *cmd, const struct mf_usage *usage)
{
	struct mf_json *o = usage_json(cmd, usage);
	size_t n = mf_hooks_run(&cmd->ctx, mf_json_text(o, false), MF_HOOK_SECONDS);

	mf_json_free(o);
	if (!cmd->quiet)
		cmd_line("%zu programs in /" MF_HOOKS_DIRECTORY " got the report", n);
	return n ? CMD_DONE : CMD_NOTHING;
}

int cmd_status_usage(struct cmd *cmd, bool hooks)
{
	_cleanup_(mf_usage_done) struct mf_usage usage = { 0 };
	struct mf_json *o;
	int r = mf_usage_read(&cmd->ctx, !geteuid() && !cmd->dry_run, &usage);

	if (r < 0)
		return r;
	if (hooks)
		return usage_run_hooks(cmd, &usage);
	if (!cmd->json) {
		usage_print(cmd, &usage);
		return CMD_DONE;
	}
	o = usage_json(cmd, &usage);
	cmd_json(cmd, o, false);
	mf_json_free(o);
	return CMD_DONE;
}
