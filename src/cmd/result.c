/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a run has done, as one line in the past tense.
 *
 * A line says what is so now and was not so before: packages installed, updated and removed with
 * their sizes, modules loaded. If it was so before, the line says that. A query without an answer
 * has no line here: that is an error, which cmd_run() reports.
 */
#include <stdio.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "cmd.h"

#define MODULES_SHOWN 5

/* Prints the words between two parts of the line; counts the parts. */
static void put_comma(size_t *parts)
{
	if ((*parts)++)
		cmd_put(", ");
}

/* "installed 4 packages (825 kB)", or the name of the only one. */
static void put_packages(const char *done, const struct mf_run *run, bool replacing, size_t *parts)
{
	const struct mf_plan_item *last = NULL;
	uint64_t bytes = 0;
	size_t n = 0;
	char size[16];

	for (size_t i = 0; i < run->plan.n; i++) {
		const struct mf_plan_item *item = &run->plan.items[i];

		if (!item->replaces == replacing)
			continue;
		last = item;
		bytes += item->size;
		n++;
	}
	if (!n)
		return;
	put_comma(parts);
	cmd_bytes(bytes, size);
	if (n > 1)
		cmd_put("%s %zu packages (%s)", done, n, size);
	else
		cmd_put("%s %s-%s (%s)%s%s", done, last->name, last->evr, size,
			replacing ? " in place of " : "", replacing ? last->replaces : "");
}

static void put_removed(const struct mf_plan *plan, size_t *parts)
{
	char size[16];

	if (!plan->removed.n)
		return;
	put_comma(parts);
	cmd_bytes(plan->removed_size, size);
	if (plan->removed.n > 1)
		cmd_put("removed %zu packages (%s)", plan->removed.n, size);
	else
		cmd_put("removed %s (%s)", plan->removed.v[0], size);
}

static void put_loaded(const struct mf_run *run, size_t *parts)
{
	_cleanup_(mf_strings_done) struct mf_strings loaded = { 0 };

	for (size_t i = 0; i < run->wants.n; i++)
		for (size_t j = 0; j < run->wants.v[i].loaded.n; j++)
			(void)mf_strings_add_unique(&loaded, run->wants.v[i].loaded.v[j]);
	if (!loaded.n)
		return;
	put_comma(parts);
	for (size_t i = 0; i < loaded.n && i < MODULES_SHOWN; i++)
		cmd_put("%s%s", i ? ", " : "loaded ", loaded.v[i]);
	if (loaded.n > MODULES_SHOWN)
		cmd_put(" and %zu more", loaded.n - MODULES_SHOWN);
}

/* Is the verb one that goes back to versions before? */
static bool goes_back(const char *verb)
{
	return !strcmp(verb, "rollback") || !strcmp(verb, "undo") || !strcmp(verb, "take-back");
}

static void print_done(const struct cmd *cmd, const struct mf_run *run)
{
	size_t parts = 0;

	put_packages("installed", run, false, &parts);
	put_packages(goes_back(run->verb) ? "went back to" : "updated", run, true, &parts);
	put_removed(&run->plan, &parts);
	if (parts)
		cmd_put(" for %s", cmd->ctx.kernel);
	put_loaded(run, &parts);
	/* the indexes of a driver that was installed by other means */
	if (!parts)
		cmd_put("rebuilt the module indexes of %s", cmd->ctx.kernel);
	cmd_line("%s", "");
	for (size_t i = 0; i < run->wants.n; i++) {
		const struct mf_want *want = &run->wants.v[i];

		if (want->syspath && want->loaded.n && strcmp(run->verb, "coldplug") != 0)
			cmd_line("%s is %s%s", want->syspath,
				 want->driver ? "bound to " : "not bound to a driver yet",
				 want->driver ? want->driver : "");
	}
}

/* The modules of a want that nothing had to be done for. */
static void print_present(const struct cmd *cmd, const struct mf_run *run,
			  const struct mf_want *want)
{
	bool live = cmd->ctx.kernel_running && !run->no_load;

	if (want->state == MF_BUILTIN_STATE)
		cmd_line("%s: built into the kernel %s", want->query, cmd->ctx.kernel);
	if (want->state != MF_PRESENT)
		return;
	cmd_put("%s: already %s", want->query, live ? "loaded" : "installed");
	for (size_t i = 0; i < want->n_matches; i++)
		if (strcmp(want->matches[i].module, want->query) != 0)
			cmd_put("%s%s", i ? ", " : ", as ", want->matches[i].module);
	cmd_line(" for %s", cmd->ctx.kernel);
}

static void print_devices(const struct mf_run *run)
{
	size_t present = 0, unknown = 0, denied = 0;

	for (size_t i = 0; i < run->wants.n; i++) {
		enum mf_state state = run->wants.v[i].state;

		present += state == MF_PRESENT || state == MF_BUILTIN_STATE;
		unknown += state == MF_UNKNOWN;
		denied += state == MF_DENIED;
	}
	cmd_put("nothing to install: %zu devices and requests have their drivers, no package "
		"matches %zu others",
		present, unknown);
	if (denied)
		cmd_put(", %zu are blocked by a rule", denied);
	cmd_line("%s", "");
}

static void print_nothing(const struct cmd *cmd, const struct mf_run *run)
{
	if (!strcmp(run->verb, "coldplug") || !strcmp(run->verb, "media")) {
		print_devices(run);
		return;
	}
	for (size_t i = 0; i < run->wants.n; i++)
		print_present(cmd, run, &run->wants.v[i]);
	for (size_t i = 0; run->selection.install && i < run->selection.install->n; i++)
		cmd_line("%s: already installed", run->selection.install->v[i]);
	for (size_t i = 0; run->selection.remove && i < run->selection.remove->n; i++)
		cmd_line("%s: not installed", run->selection.remove->v[i]);
	for (size_t i = 0; i < run->selection.n_versions; i++)
		cmd_line("%s: already installed", run->selection.versions[i].label);
}

void cmd_print_result(const struct cmd *cmd, const struct mf_run *run, bool changed)
{
	if (changed)
		print_done(cmd, run);
	else
		print_nothing(cmd, run);
}
