/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The list of updates on trial, and what an early unit of the boot does with it.
 *
 * A driver that panics does so at each boot, as soon as udev loads it, and before anything that could
 * take the update back. So a boot writes down that it begins a trial before udev starts. If the next
 * boot finds that mark, the machine went down in between: it keeps the modules from udev, and the
 * update is taken back once the file systems are mounted. A power cut in the first seconds of such a
 * boot cannot be distinguished from that: it costs the update, not the device. The initrd loads its drivers
 * before: a trial says nothing of these.
 *
 * On disk: a JSON object on each line.
 */
#include "modfetch/trials.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/json.h"
#include "modfetch/machine.h"
#include "modfetch/module-name.h"

#define FILE_MAX ((size_t)4 << 20)

static int trials_fail(struct mf_context *ctx, int r)
{
	return mf_fail(ctx, MF_STAGE_LOAD, r, "/" MF_TRIALS_FILE, NULL);
}

void mf_trial_done(struct mf_trial *trial)
{
	free(trial->kernel);
	free(trial->old_label);
	free(trial->new_label);
	free(trial->name);
	free(trial->evr);
	free(trial->boot);
	free(trial->begun);
	mf_strings_done(&trial->modules);
	mf_strings_done(&trial->devices);
	*trial = (struct mf_trial){ 0 };
}

void mf_trials_done(struct mf_trials *trials)
{
	for (size_t i = 0; i < trials->n; i++)
		mf_trial_done(&trials->v[i]);
	free(trials->v);
	*trials = (struct mf_trials){ 0 };
}

void mf_trials_drop(struct mf_trials *trials, size_t i)
{
	mf_trial_done(&trials->v[i]);
	memmove(&trials->v[i], &trials->v[i + 1], (--trials->n - i) * sizeof(*trials->v));
}

int mf_trials_add(struct mf_trials *trials, struct mf_trial *trial)
{
	bool whole = trial->kernel && trial->old_label && trial->new_label && trial->name &&
		     trial->evr && trial->boot;

	for (size_t i = trials->n; whole && i > 0; i--)
		if (!strcmp(trials->v[i - 1].kernel, trial->kernel) &&
		    !strcmp(trials->v[i - 1].name, trial->name))
			mf_trials_drop(trials, i - 1);
	if (!whole ||
	    mf_array_reserve(&trials->v, &trials->room, trials->n + 1, sizeof(*trials->v)) < 0) {
		mf_trial_done(trial);
		return -ENOMEM;
	}
	trials->v[trials->n++] = *trial;
	*trial = (struct mf_trial){ 0 };
	return 0;
}

/* ---- on disk ---- */

static int read_strings(struct mf_json *array, struct mf_strings *list)
{
	int r = 0;

	for (size_t i = 0; !r && i < mf_json_length(array); i++)
		if (mf_json_string_at(array, i))
			r = mf_strings_add(list, mf_json_string_at(array, i));
	return r;
}

static char *copy_of(struct mf_json *o, const char *key)
{
	const char *text = mf_json_get_string(o, key);

	return text ? strdup(text) : NULL;
}

/* The names become lines of modprobe.d. */
static bool modules_are_names(const struct mf_strings *modules)
{
	for (size_t i = 0; i < modules->n; i++) {
		char name[MF_MODULE_NAME_SIZE];

		if (!mf_module_name(modules->v[i], name, sizeof(name)) ||
		    strcmp(name, modules->v[i]))
			return false;
	}
	return true;
}

static int trials_parse(struct mf_trials *trials, struct mf_json *o)
{
	struct mf_trial trial = {
		.kernel = copy_of(o, "kernel"),
		.old_label = copy_of(o, "old"),
		.new_label = copy_of(o, "new"),
		.name = copy_of(o, "name"),
		.evr = copy_of(o, "evr"),
		.boot = copy_of(o, "boot"),
		.begun = copy_of(o, "begun"),
	};
	int r = read_strings(mf_json_get(o, "modules"), &trial.modules);

	if (!r)
		r = read_strings(mf_json_get(o, "devices"), &trial.devices);
	if (r < 0 || !trial.kernel || !trial.old_label || !trial.new_label || !trial.name ||
	    !trial.evr || !trial.boot || !modules_are_names(&trial.modules)) {
		mf_trial_done(&trial);
		return r;
	}
	return mf_trials_add(trials, &trial);
}

static int trials_on_line(void *arg, char *line)
{
	struct mf_json *o = mf_json_parse(line);
	int r = o ? trials_parse(arg, o) : 0;

	mf_json_free(o);
	return r;
}

int mf_trials_read(struct mf_context *ctx, struct mf_trials *ret_trials)
{
	_cleanup_(mf_trials_done) struct mf_trials trials = { 0 };
	int r = mf_file_each_line_of(ctx, MF_TRIALS_FILE, FILE_MAX, trials_on_line, &trials);

	if (r < 0)
		return trials_fail(ctx, r);
	*ret_trials = trials;
	trials = (struct mf_trials){ 0 };
	return 0;
}

static void put_trial(FILE *f, const struct mf_trial *trial)
{
	struct mf_json *o = mf_json_object();

	mf_json_set_string(o, "kernel", trial->kernel);
	mf_json_set_string(o, "old", trial->old_label);
	mf_json_set_string(o, "new", trial->new_label);
	mf_json_set_string(o, "name", trial->name);
	mf_json_set_string(o, "evr", trial->evr);
	mf_json_set_string(o, "boot", trial->boot);
	if (trial->begun)
		mf_json_set_string(o, "begun", trial->begun);
	mf_json_set_strings(o, "modules", &trial->modules);
	mf_json_set_strings(o, "devices", &trial->devices);
	fprintf(f, "%s\n", mf_json_text(o, false));
	mf_json_free(o);
}

/* Publishes TEXT as the file PATH, whose directory is made. 0 or -errno. */
static int publish(const struct mf_context *ctx, const char *path, const char *text, size_t len)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *directory = strndup(path, (size_t)(slash - path));
	_cleanup_close_ int dirfd = directory ? mf_context_mkdir(ctx, directory) : -ENOMEM;

	if (dirfd < 0)
		return dirfd;
	if (len)
		return mf_file_publish(dirfd, slash + 1, 0644, text, len);
	return unlinkat(dirfd, slash + 1, 0) < 0 && errno != ENOENT ? -errno : 0;
}

int mf_trials_write(struct mf_context *ctx, const struct mf_trials *trials)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int r;

	if (!f)
		return trials_fail(ctx, -ENOMEM);
	for (size_t i = 0; i < trials->n; i++)
		put_trial(f, &trials->v[i]);
	r = fclose(f) ? -ENOMEM : publish(ctx, MF_TRIALS_FILE, text, len);
	return r < 0 ? trials_fail(ctx, r) : 0;
}

/* ---- the boot ---- */

bool mf_trial_went_down(const struct mf_context *ctx, const struct mf_trial *trial)
{
	char boot[MF_BOOT_ID_SIZE];

	mf_boot_id(ctx, boot);
	return trial->begun && strcmp(trial->begun, boot) != 0;
}

static int block_modules(struct mf_context *ctx, const struct mf_strings *modules)
{
	static const char head[] =
		"# An updated driver brought the machine down: it is taken back, "
		"see \"modfetch status\".\n";
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int r;

	if (!f)
		return -ENOMEM;
	fputs(head, f);
	for (size_t i = 0; i < modules->n; i++)
		fprintf(f, "blacklist %s\n", modules->v[i]);
	r = fclose(f) ? -ENOMEM : publish(ctx, MF_TRIALS_BLACKLIST, text, len);
	return r;
}

int mf_trials_begin_boot(struct mf_context *ctx)
{
	_cleanup_(mf_trials_done) struct mf_trials trials = { 0 };
	_cleanup_(mf_strings_done) struct mf_strings blocked = { 0 };
	char boot[MF_BOOT_ID_SIZE];
	bool changed = false;
	int r = mf_trials_read(ctx, &trials);

	mf_boot_id(ctx, boot);
	for (size_t i = 0; !r && i < trials.n; i++) {
		struct mf_trial *trial = &trials.v[i];

		if (strcmp(trial->kernel, ctx->kernel) != 0)
			continue;
		for (size_t j = 0; trial->begun && !r && j < trial->modules.n; j++)
			if (mf_trial_went_down(ctx, trial))
				r = mf_strings_add_unique(&blocked, trial->modules.v[j]);
		if (trial->begun || !strcmp(trial->boot, boot))
			continue;
		trial->begun = strdup(boot);
		changed = true;
		if (!trial->begun)
			r = -ENOMEM;
	}
	if (!r && blocked.n)
		r = block_modules(ctx, &blocked);
	if (r < 0)
		return trials_fail(ctx, r);
	return changed ? mf_trials_write(ctx, &trials) : 0;
}

void mf_trials_unblock(const struct mf_context *ctx)
{
	(void)publish(ctx, MF_TRIALS_BLACKLIST, NULL, 0);
}
