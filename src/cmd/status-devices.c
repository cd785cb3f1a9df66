/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The devices of status: which group each belongs to, and a line for those that need attention.
 *
 * A device is bound to a driver, or it is not; only of one that is not, the states of its wants count: what
 * waits comes first, then what a repository has, what a rule refuses, what is on disk, what no repository has. A device
 * without any module that matches needs a driver only if its class does (modfetch/device-names.h): most of
 * the devices of a machine have no driver and miss none.
 */
#include "status-devices.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/device-names.h"
#include "modfetch/drain.h"
#include "modfetch/history.h"
#include "modfetch/spool.h"
#include "modfetch/trials.h"

#define ROWS_SHOWN 20 /* of a group; --all shows all */

/* What the groups depend on besides the run. */
struct grouping {
	struct cmd *cmd;
	const struct mf_run *run;
	const struct mf_updates *updates;
	struct mf_trials trials;
	int spool;    /* -1: there is none, or only root can read it */
	char *reason; /* why the spool waits, or NULL */
	bool reason_read;
};

const char *cmd_group_name(enum cmd_group group)
{
	switch (group) {
	case CMD_GROUP_WORKS:
		return "works";
	case CMD_GROUP_PLAIN:
		return "plain";
	case CMD_GROUP_WAITS:
		return "waits";
	case CMD_GROUP_AVAILABLE:
		return "available";
	case CMD_GROUP_UNBOUND:
		return "unbound";
	case CMD_GROUP_NEEDS:
		return "needs-driver";
	case CMD_GROUP_BLOCKED:
		return "blocked";
	case CMD_GROUP_UPDATE:
		return "update";
	case CMD_GROUP_REBOOT:
		return "reboot";
	case CMD_N_GROUPS:
		break;
	}
	return NULL;
}

void cmd_devices_done(struct cmd_devices *devices)
{
	for (size_t i = 0; i < devices->n; i++) {
		free(devices->v[i].name);
		free(devices->v[i].detail);
	}
	free(devices->v);
	*devices = (struct cmd_devices){ 0 };
}

static void grouping_done(struct grouping *g)
{
	mf_trials_done(&g->trials);
	if (g->spool >= 0)
		close(g->spool);
	free(g->reason);
}

/* ---- the details ---- */

/* Keeps the reason of the last run for the spool that failed; a later one that did not clears it. */
static int on_record(void *arg, struct mf_json *record)
{
	struct grouping *g = arg;
	const char *verb = mf_json_get_string(record, "verb");
	const char *why = mf_json_get_string(mf_json_get(record, "error"), "why");

	if (!verb || (strcmp(verb, "queue") != 0 && strcmp(verb, "coldplug") != 0))
		return 0;
	free(g->reason);
	g->reason = why ? strdup(why) : NULL;
	return 0;
}

static char *waits_detail(struct grouping *g)
{
	struct mf_context *ctx = &g->cmd->ctx;
	unsigned int wait_s = mf_runs_wait(ctx, ctx->settings.max_transactions);

	if (!g->reason_read) {
		_cleanup_(mf_failure_restore) const struct mf_saved_failure saved =
			mf_failure_save(ctx);

		g->reason_read = true;
		(void)mf_history_read(ctx, on_record, g);
	}
	if (wait_s)
		return mf_format("for the limit of runs in an hour, %u s from now", wait_s);
	if (g->reason)
		return mf_format("%s; until modfetch.service tries again, or modfetch queue",
				 g->reason);
	return strdup("for modfetch.service, or modfetch queue");
}

/* "e1000e from e1000e-kmp-amd64-6.1.0_57" */
static char *available_detail(const struct mf_want *want)
{
	for (size_t i = 0; i < want->n_matches; i++) {
		const struct mf_match *m = &want->matches[i];

		if (mf_match_wanted(m) && m->packages.n)
			return mf_format("%s from %s", m->module, m->packages.v[0]);
	}
	return want->reason ? strdup(want->reason) : NULL;
}

static char *unbound_detail(const struct mf_want *want)
{
	for (size_t i = 0; i < want->n_matches; i++)
		if (want->matches[i].on_disk || want->matches[i].builtin)
			return mf_format("%s is %s", want->matches[i].module,
					 want->matches[i].builtin ? "built in" : "on disk");
	return want->reason ? strdup(want->reason) : NULL;
}

/* The rule that keeps the first of the drivers away; the others are mostly kept away by the same. */
static char *blocked_detail(const struct mf_want *want)
{
	for (size_t i = 0; i < want->n_matches; i++)
		if (want->matches[i].refused)
			return mf_format("%s", want->matches[i].refused);
	return want->reason ? strdup(want->reason) : NULL;
}

/* ---- the groups ---- */

/* The modalias of a device: of its wants, one may be a module that a udev rule loads. */
static const char *find_modalias(const struct mf_want *wants, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strchr(wants[i].query, ':'))
			return wants[i].query;
	return wants->modalias ? wants->modalias : wants->query;
}

static const struct mf_want *find_state(const struct mf_want *wants, size_t n, enum mf_state state)
{
	for (size_t i = 0; i < n; i++)
		if (wants[i].state == state)
			return &wants[i];
	return NULL;
}

static bool is_on_trial(const struct grouping *g, const char *syspath)
{
	for (size_t i = 0; i < g->trials.n; i++)
		if (!g->trials.v[i].begun && mf_strings_has(&g->trials.v[i].devices, syspath))
			return true;
	return false;
}

static bool has_update(const struct grouping *g, const struct mf_want *wants, size_t n)
{
	for (size_t u = 0; u < g->updates->n; u++)
		for (size_t i = 0; g->updates->v[u].module && i < n; i++)
			for (size_t m = 0; m < wants[i].n_matches; m++)
				if (!strcmp(wants[i].matches[m].module, g->updates->v[u].module))
					return true;
	return false;
}

/* A device without a driver. */
static void group_undriven(struct grouping *g, const struct mf_want *wants, size_t n,
			   struct cmd_device *device)
{
	struct mf_device_id id = mf_device_id_parse(device->modalias);
	bool needs_driver = mf_device_needs_driver(&id);
	const struct mf_want *want;

	for (size_t i = 0; g->spool >= 0 && i < n; i++)
		if (mf_spool_waits(g->spool, wants[i].query)) {
			device->group = CMD_GROUP_WAITS;
			device->detail = waits_detail(g);
			return;
		}
	device->group = CMD_GROUP_PLAIN;
	if ((want = find_state(wants, n, MF_AVAILABLE))) {
		device->group = CMD_GROUP_AVAILABLE;
		device->detail = available_detail(want);
	} else if ((want = find_state(wants, n, MF_DENIED))) {
		device->group = CMD_GROUP_BLOCKED;
		device->detail = blocked_detail(want);
	} else if (needs_driver && ((want = find_state(wants, n, MF_PRESENT)) ||
				    (want = find_state(wants, n, MF_BUILTIN_STATE)))) {
		device->group = CMD_GROUP_UNBOUND;
		device->detail = unbound_detail(want);
	} else if (needs_driver && find_state(wants, n, MF_UNKNOWN)) {
		device->group = CMD_GROUP_NEEDS;
	}
}

static void group_device(struct grouping *g, struct cmd_device *device)
{
	const struct mf_want *wants = &g->run->wants.v[device->first];

	device->modalias = find_modalias(wants, device->n);
	if (!wants->driver)
		group_undriven(g, wants, device->n, device);
	else
		device->group = is_on_trial(g, wants->syspath)	  ? CMD_GROUP_REBOOT
				: has_update(g, wants, device->n) ? CMD_GROUP_UPDATE
								  : CMD_GROUP_WORKS;
}

/* The wants of a device follow each other. */
static size_t count_wants(const struct mf_wants *wants, size_t first)
{
	size_t n = 1;

	while (first + n < wants->n && wants->v[first].syspath && wants->v[first + n].syspath &&
	       !strcmp(wants->v[first].syspath, wants->v[first + n].syspath))
		n++;
	return n;
}

static bool is_listed(const struct cmd_device *device, bool all)
{
	return all || (device->group != CMD_GROUP_WORKS && device->group != CMD_GROUP_PLAIN);
}

/* Names the devices that are listed. */
static void name_devices(const struct mf_context *ctx, struct cmd_devices *devices, bool all)
{
	_cleanup_free_ struct mf_device_name *names = calloc(devices->n + 1, sizeof(*names));
	size_t n = 0;

	for (size_t i = 0; names && i < devices->n; i++)
		if (is_listed(&devices->v[i], all))
			names[n++].modalias = devices->v[i].modalias;
	if (n)
		mf_device_names_read(ctx, names, n);
	n = 0;
	for (size_t i = 0; names && i < devices->n; i++)
		if (is_listed(&devices->v[i], all))
			devices->v[i].name = names[n++].name;
}

int cmd_devices_read(struct cmd *cmd, const struct mf_run *run, const struct mf_updates *updates,
		     bool all, struct cmd_devices *ret_devices)
{
	_cleanup_(grouping_done) struct grouping g = { .cmd = cmd, .run = run, .updates = updates };
	int r = mf_trials_read(&cmd->ctx, &g.trials);

	g.spool = mf_context_open(&cmd->ctx, MF_SPOOL_DIR, O_RDONLY | O_DIRECTORY);
	if (r < 0)
		return r;
	ret_devices->v = calloc(run->wants.n + 1, sizeof(*ret_devices->v));
	if (!ret_devices->v)
		return mf_fail(&cmd->ctx, MF_STAGE_COMMAND, -ENOMEM, "devices", NULL);
	for (size_t i = 0; i < run->wants.n;) {
		struct cmd_device *device = &ret_devices->v[ret_devices->n++];

		device->first = i;
		device->n = count_wants(&run->wants, i);
		i += device->n;
		group_device(&g, device);
	}
	name_devices(&cmd->ctx, ret_devices, all);
	return 0;
}

/* ---- text ---- */

/* The heading of a group, and where it has no catalog; the plain ones are only counted. */
static const struct heading {
	enum cmd_style style;
	const char *words, *without_catalog;
} headings[CMD_N_GROUPS] = {
	[CMD_GROUP_WAITS] = { CMD_WARNING, "waiting", NULL },
	[CMD_GROUP_AVAILABLE] = { CMD_WARNING, "without a driver; a repository has one", NULL },
	[CMD_GROUP_UNBOUND] = { CMD_WARNING, "without a driver, although one is here", NULL },
	[CMD_GROUP_NEEDS] = { CMD_BAD, "without a driver; no repository has one",
			      "without a driver; there is no repository to search" },
	[CMD_GROUP_BLOCKED] = { CMD_WARNING, "blocked by a rule", NULL },
	[CMD_GROUP_UPDATE] = { CMD_OK, "working; there is an update", NULL },
	[CMD_GROUP_REBOOT] = { CMD_WARNING, "working; the update needs a reboot", NULL },
};

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

/* Devices with the same numbers, or without numbers the same modalias. */
static bool is_same_kind(const char *a, const char *b)
{
	struct mf_device_id x = mf_device_id_parse(a), y = mf_device_id_parse(b);

	if (!x.numbered || !y.numbered)
		return !strcmp(a, b);
	return !strcmp(x.bus, y.bus) && x.vendor == y.vendor && x.product == y.product;
}

static bool looks_the_same(const struct cmd_device *a, const struct cmd_device *b)
{
	return a->group == b->group && !strcmp(or_empty(a->name), or_empty(b->name)) &&
	       !strcmp(or_empty(a->detail), or_empty(b->detail)) &&
	       is_same_kind(a->modalias, b->modalias);
}

/* Is there a line for it? Of the devices that a driver would come for, those that a person knows. */
static bool is_worth_a_line(const struct cmd_device *device)
{
	struct mf_device_id id = mf_device_id_parse(device->modalias);

	return device->group != CMD_GROUP_AVAILABLE || mf_device_needs_driver(&id);
}

/*
 * Adds a row for a device and those that look the same; a USB device has one for each interface. Returns how
 * many devices are left out, since there are too many rows.
 */
static size_t add_listed(struct cmd_table *table, const struct cmd_devices *devices, size_t i,
			 bool all)
{
	const struct cmd_device *device = &devices->v[i];
	_cleanup_free_ char *numbers = mf_device_numbers(device->modalias);
	size_t same = 1;

	for (size_t j = 0; j < i; j++)
		if (looks_the_same(&devices->v[j], device))
			return 0;
	for (size_t j = i + 1; j < devices->n; j++)
		same += looks_the_same(&devices->v[j], device);
	if (!all && (!is_worth_a_line(device) || table->n / table->columns >= ROWS_SHOWN))
		return same;
	if (same > 1)
		cmd_table_add(table, CMD_PLAIN, "%s (%zu)", or_empty(device->name), same);
	else
		cmd_table_add(table, CMD_PLAIN, "%s", or_empty(device->name));
	cmd_table_add(table, CMD_DIM, "%s", or_empty(numbers));
	cmd_table_add(table, CMD_PLAIN, "%s", or_empty(device->detail));
	return 0;
}

static void print_group(const struct cmd *cmd, const struct mf_run *run,
			const struct cmd_devices *devices, enum cmd_group group, bool all)
{
	const struct heading *heading = &headings[group];
	struct cmd_table table = { .columns = 3, .flexible = 0 };
	size_t n = 0, hidden = 0;

	for (size_t i = 0; i < devices->n; i++)
		if (devices->v[i].group == group) {
			n++;
			hidden += add_listed(&table, devices, i, all);
		}
	if (!n)
		return;
	cmd_styled(cmd, heading->style, "%zu %s %s:", n, n == 1 ? "device" : "devices",
		   !run->catalog && heading->without_catalog ? heading->without_catalog
							     : heading->words);
	cmd_line("%s", "");
	cmd_table_print(&cmd->terminal, &table, 2);
	if (hidden)
		cmd_line("  and %zu more: modfetch status --all", hidden);
}

static size_t count_group(const struct cmd_devices *devices, enum cmd_group group)
{
	size_t n = 0;

	for (size_t i = 0; i < devices->n; i++)
		n += devices->v[i].group == group;
	return n;
}

/* A row for each device, with its driver and its directory. */
static void print_all(const struct cmd *cmd, const struct mf_run *run,
		      const struct cmd_devices *devices)
{
	struct cmd_table table = { .columns = 5, .flexible = 0 };

	for (size_t i = 0; i < devices->n; i++) {
		const struct cmd_device *device = &devices->v[i];
		const struct mf_want *want = &run->wants.v[device->first];
		_cleanup_free_ char *numbers = mf_device_numbers(device->modalias);

		cmd_table_add(&table, CMD_PLAIN, "%s", or_empty(device->name));
		cmd_table_add(&table, CMD_DIM, "%s", or_empty(numbers));
		cmd_table_add(&table, headings[device->group].style, "%s",
			      cmd_group_name(device->group));
		cmd_table_add(&table, CMD_PLAIN, "%s", want->driver ? want->driver : "-");
		cmd_table_add(&table, CMD_DIM, "%s", want->syspath);
	}
	cmd_table_print(&cmd->terminal, &table, 0);
}

void cmd_devices_print(const struct cmd *cmd, const struct mf_run *run,
		       const struct cmd_devices *devices, bool all)
{
	size_t works = count_group(devices, CMD_GROUP_WORKS) +
		       count_group(devices, CMD_GROUP_UPDATE) +
		       count_group(devices, CMD_GROUP_REBOOT);
	size_t plain = count_group(devices, CMD_GROUP_PLAIN);

	if (all)
		print_all(cmd, run, devices);
	for (enum cmd_group g = CMD_GROUP_WAITS; g < CMD_N_GROUPS; g++)
		print_group(cmd, run, devices, g, all);
	if (!devices->n)
		return;
	cmd_styled(cmd, CMD_OK, "%zu %s", works, works == 1 ? "device works" : "devices work");
	if (plain)
		cmd_put(", %zu need no driver", plain);
	cmd_line("%s", "");
}

void cmd_devices_json(const struct cmd_devices *devices, struct mf_json *results)
{
	for (size_t i = 0; i < devices->n; i++) {
		const struct cmd_device *device = &devices->v[i];
		struct mf_device_id id = mf_device_id_parse(device->modalias);

		for (size_t w = 0; w < device->n; w++) {
			struct mf_json *o = mf_json_at(results, device->first + w);

			mf_json_set_string(o, "name", device->name);
			mf_json_set_string(o, "class", mf_device_class(&id));
			mf_json_set_string(o, "group", cmd_group_name(device->group));
		}
	}
}
