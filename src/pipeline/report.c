/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What an unattended run writes into the journal: a line for each device that got something, and one for
 * the run.
 *
 * Who reads the journal later knows neither modaliases nor the spool: a line says which device it was, by
 * its name, and what it got. The names cost a look into the list of ids, so they are read only after the
 * drivers are loaded, and only for devices that get a line. A device for which nothing was found gets none:
 * most devices of a machine have no driver and miss none, so they are only counted, and only those that
 * need one. A failed run has its line already (spool-filter.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/device-names.h"
#include "modfetch/file.h"
#include "modfetch/journal.h"
#include "modfetch/pipeline.h"
#include "modfetch/strings.h"

/* What a want got. */
struct gain {
	const char *package; /* of this run, or NULL */
	struct mf_strings modules;
	bool loaded;
};

static void gain_done(struct gain *gain)
{
	mf_strings_done(&gain->modules);
}

/* The package of this run with the module, or NULL: the module was installed before. */
static const char *package_of(const struct mf_run *run, const struct mf_match *match)
{
	for (size_t i = 0; i < run->plan.n; i++)
		if (mf_strings_has(&match->packages, run->plan.items[i].name))
			return run->plan.items[i].name;
	return NULL;
}

/* The modules that the run installed or loaded for a want. False: none. */
static bool find_gain(const struct mf_run *run, const struct mf_want *want, struct gain *ret_gain)
{
	for (size_t i = 0; i < want->n_matches; i++) {
		const struct mf_match *match = &want->matches[i];
		const char *package = package_of(run, match);
		bool loaded = mf_strings_has(&want->loaded, match->module);

		if (!package && !loaded)
			continue;
		if (mf_strings_add_unique(&ret_gain->modules, match->module) < 0)
			return false;
		if (package && !ret_gain->package)
			ret_gain->package = package;
		ret_gain->loaded |= loaded;
	}
	return ret_gain->modules.n > 0;
}

static const char *modalias_of(const struct mf_want *want)
{
	return want->modalias && !strchr(want->query, ':') ? want->modalias : want->query;
}

/* A device of a want, without "/sys", or NULL. */
static const char *devpath_of(const struct mf_want *want)
{
	const char *path = want->syspath     ? want->syspath
			   : want->devices.n ? want->devices.v[0]
					     : NULL;

	return path && mf_starts_with(path, "/sys/") ? path + strlen("/sys") : path;
}

/* The time that a want took: from the event of its device, if it has one, else from the start. */
static double seconds_of(const struct mf_run *run, const struct mf_want *want)
{
	uint64_t from = want->uevent_us ? want->uevent_us : run->stamp[MF_STARTED];
	uint64_t to = run->stamp[MF_BOUND]    ? run->stamp[MF_BOUND]
		      : run->stamp[MF_LOADED] ? run->stamp[MF_LOADED]
					      : mf_now_us();

	return to > from ? (double)(to - from) / 1e6 : 0;
}

static void report_device(struct mf_context *ctx, const struct mf_run *run,
			  const struct mf_want *want, const struct gain *gain, const char *name)
{
	_cleanup_free_ char *numbers = mf_device_numbers(modalias_of(want)), *message = NULL;
	_cleanup_free_ char *modules = mf_strings_join(&gain->modules, ", ");

	if (!numbers || !modules)
		return;
	message = mf_format("%s (%s): %s %s%s%s in %.1f s", name, numbers, modules,
			    gain->package ? "installed" : "",
			    gain->package && gain->loaded ? " and " : "",
			    gain->loaded ? "loaded" : "", seconds_of(run, want));
	if (!message)
		return;
	/* the id says that something was installed */
	if (mf_journal_send(MF_LOG_INFO, gain->package ? MF_MESSAGE_INSTALLED : NULL, message,
			    (const struct mf_journal_field[]){
				    { "MODALIAS", want->query },
				    { "DEVPATH", devpath_of(want) },
				    { "PACKAGE", gain->package },
				    { "MODULE", gain->modules.v[0] },
				    { "DRIVER", want->driver },
				    { "DEVICE", name },
			    },
			    6) < 0)
		mf_log(ctx, MF_LOG_INFO, "%s", message);
}

static void report_devices(struct mf_context *ctx, const struct mf_run *run)
{
	size_t n = 0, at = 0;
	_cleanup_free_ struct mf_device_name *names = calloc(run->wants.n + 1, sizeof(*names));
	_cleanup_free_ struct gain *gains = calloc(run->wants.n + 1, sizeof(*gains));

	if (!names || !gains)
		return;
	for (size_t i = 0; i < run->wants.n; i++)
		if (find_gain(run, &run->wants.v[i], &gains[i]))
			names[n++].modalias = modalias_of(&run->wants.v[i]);
	if (n)
		mf_device_names_read(ctx, names, n);
	for (size_t i = 0; i < run->wants.n; i++) {
		if (gains[i].modules.n && names[at].name)
			report_device(ctx, run, &run->wants.v[i], &gains[i], names[at].name);
		at += gains[i].modules.n > 0;
		gain_done(&gains[i]);
	}
	mf_device_names_done(names, n);
}

/* What a run came to, in numbers. */
struct counts {
	size_t devices, names, drivers, not_found, denied;
};

/* Adds the paths of the devices of a want to those that were seen. */
static void add_devices(const struct mf_want *want, struct mf_strings *seen)
{
	if (want->syspath)
		(void)mf_strings_add_unique(seen, want->syspath);
	for (size_t i = 0; i < want->devices.n; i++)
		(void)mf_strings_add_unique(seen, want->devices.v[i]);
}

static struct counts count_wants(const struct mf_run *run)
{
	_cleanup_(mf_strings_done) struct mf_strings seen = { 0 };
	struct counts c = { 0 };

	for (size_t i = 0; i < run->wants.n; i++) {
		const struct mf_want *want = &run->wants.v[i];
		struct mf_device_id id = mf_device_id_parse(modalias_of(want));
		_cleanup_(gain_done) struct gain gain = { 0 };

		add_devices(want, &seen);
		c.names += !want->device;
		c.drivers += find_gain(run, want, &gain) && gain.package;
		c.denied += want->state == MF_DENIED;
		c.not_found +=
			want->state == MF_UNKNOWN && (!want->device || mf_device_needs_driver(&id));
	}
	c.devices = seen.n;
	return c;
}

/* "7 devices, 2 names: 5 drivers installed (6 packages, 2.1 MB), 1 not found, in 3.4 s"; new memory, or NULL. */
static char *run_text(const struct mf_run *run)
{
	struct counts c = count_wants(run);
	_cleanup_free_ char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	fprintf(out, "%s: %zu %s", run->verb, c.devices, c.devices == 1 ? "device" : "devices");
	if (c.names)
		fprintf(out, ", %zu %s", c.names, c.names == 1 ? "name" : "names");
	fprintf(out, ": %zu %s installed", c.drivers, c.drivers == 1 ? "driver" : "drivers");
	if (run->plan.n)
		fprintf(out, " (%zu %s, %.1f MB)", run->plan.n,
			run->plan.n == 1 ? "package" : "packages",
			(double)run->plan.download / 1e6);
	if (c.not_found)
		fprintf(out, ", %zu not found", c.not_found);
	if (c.denied)
		fprintf(out, ", %zu denied", c.denied);
	fprintf(out, ", in %.1f s", (double)(mf_now_us() - run->stamp[MF_STARTED]) / 1e6);
	return fclose(out) ? NULL : MF_STEAL(text);
}

static void report_run(struct mf_context *ctx, const struct mf_run *run)
{
	_cleanup_free_ char *text = run_text(run);

	if (text && mf_journal_send(MF_LOG_INFO, NULL, text, NULL, 0) < 0)
		mf_log(ctx, MF_LOG_INFO, "%s", text);
}

void mf_report_run(struct mf_context *ctx, const struct mf_run *run)
{
	report_devices(ctx, run);
	report_run(ctx, run);
}
