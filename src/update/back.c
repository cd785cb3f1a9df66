/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The way back: what has to be installed and removed so that an earlier state comes again.
 *
 * The history says what a run did: the packages that it installed, which versions these replaced, and
 * what it removed. To undo it is to do the reverse, package by package, and only where the machine is
 * still as the run left it. What comes back is a kept package if there is one; else a repository may
 * still have it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/asked.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/history.h"
#include "modfetch/rpm.h"
#include "modfetch/taken-back.h"
#include "modfetch/update.h"
#include "way.h"

void mf_way_back_done(struct mf_way_back *way)
{
	mf_strings_done(&way->labels);
	mf_strings_done(&way->remove);
	mf_strings_done(&way->bad);
	mf_local_done(&way->kept);
	free(way->versions);
	free(way->kernel);
	*way = (struct mf_way_back){ 0 };
}

int update_complete_way(struct mf_context *ctx, struct mf_way_back *way)
{
	int r = mf_local_from_kept(ctx, &way->labels, &way->kept);

	if (r < 0)
		return r;
	way->versions = calloc(way->labels.n + 1, sizeof(*way->versions));
	if (!way->versions)
		return mf_fail(ctx, MF_STAGE_RESOLVE, -ENOMEM, "history", NULL);
	for (size_t i = 0; i < way->labels.n; i++)
		way->versions[i] = (struct mf_version){ way->labels.v[i], NULL };
	return 0;
}

bool update_is_installed(struct mf_context *ctx, const char *label, int *ret_error)
{
	_cleanup_(mf_strings_done) struct mf_strings labels = { 0 }, found = { 0 };
	int r = mf_strings_add(&labels, label);

	if (!r)
		r = mf_rpm_installed(ctx, &labels, &found);
	*ret_error = r;
	return !r && found.n;
}

/* ---- from the history ---- */

/* One package that the run installed. 0 or -errno. */
static int reverse_package(struct mf_context *ctx, struct mf_json *package, struct mf_way_back *way)
{
	const char *name = mf_json_get_string(package, "name"),
		   *evr = mf_json_get_string(package, "evr"),
		   *arch = mf_json_get_string(package, "arch"),
		   *replaces = mf_json_get_string(package, "replaces");
	_cleanup_free_ char *label = NULL;
	int r = 0;

	if (!name || !evr || !arch)
		return 0;
	label = mf_format("%s-%s.%s", name, evr, arch);
	if (!label)
		return -ENOMEM;
	if (replaces && !strcmp(replaces, label))
		return 0;
	if (!update_is_installed(ctx, label, &r)) {
		if (!r)
			mf_log(ctx, MF_LOG_INFO, "history: %s is not installed any more", label);
		return r;
	}
	r = replaces ? mf_strings_add(&way->labels, replaces) : mf_strings_add(&way->remove, name);
	return r < 0 ? r : mf_strings_add(&way->bad, label);
}

/* A package that the run removed. */
static int reverse_removal(struct mf_context *ctx, const char *label, struct mf_way_back *way)
{
	int r = 0;

	if (!label || update_is_installed(ctx, label, &r) || r < 0)
		return r;
	return mf_strings_add(&way->labels, label);
}

static int reverse_record(struct mf_context *ctx, struct mf_json *record, struct mf_way_back *way)
{
	struct mf_json *packages = mf_json_get(record, "packages"),
		       *removed = mf_json_get(record, "removed");
	const char *kernel = mf_json_get_string(record, "kernel");
	int r = 0;

	way->id = mf_json_get_int(record, "id");
	way->kernel = strdup(kernel ? kernel : ctx->kernel);
	if (!way->kernel)
		r = -ENOMEM;
	for (size_t i = 0; !r && i < mf_json_length(packages); i++)
		r = reverse_package(ctx, mf_json_at(packages, i), way);
	for (size_t i = 0; !r && i < mf_json_length(removed); i++)
		r = reverse_removal(ctx, mf_json_string_at(removed, i), way);
	if (r == -ENOMEM)
		return mf_fail(ctx, MF_STAGE_HISTORY, r, "history", NULL);
	return r;
}

int mf_way_back_from_run(struct mf_context *ctx, int64_t id, struct mf_way_back *ret_way)
{
	_cleanup_(mf_way_back_done) struct mf_way_back way = { 0 };
	struct mf_json *record = NULL;
	int r = mf_history_find(ctx, id, &record);

	if (r < 0)
		return r;
	r = reverse_record(ctx, record, &way);
	mf_json_free(record);
	if (!r)
		r = update_complete_way(ctx, &way);
	if (r < 0)
		return r;
	*ret_way = way;
	way = (struct mf_way_back){ 0 };
	return ret_way->labels.n || ret_way->remove.n ? 0 : 1;
}

struct last_update {
	int64_t *undone; /* ids */
	size_t n;
	int64_t id; /* the last one, or 0 */
};

/* Did the run replace an installed version by another one? */
static bool is_update(struct mf_json *record)
{
	struct mf_json *packages = mf_json_get(record, "packages");

	for (size_t i = 0; i < mf_json_length(packages); i++)
		if (mf_json_get_string(mf_json_at(packages, i), "replaces"))
			return true;
	return false;
}

static int note_undone(void *arg, struct mf_json *record)
{
	struct last_update *last = arg;
	int64_t undone = mf_json_get_int(record, "undoes"), *longer;

	if (!undone || mf_json_get(record, "error"))
		return 0;
	longer = reallocarray(last->undone, last->n + 1, sizeof(*longer));
	if (!longer)
		return -ENOMEM;
	last->undone = longer;
	longer[last->n++] = undone;
	return 0;
}

static int note_last_update(void *arg, struct mf_json *record)
{
	struct last_update *last = arg;
	int64_t id = mf_json_get_int(record, "id");

	if (!is_update(record) || mf_json_get_int(record, "undoes"))
		return 0;
	for (size_t i = 0; i < last->n; i++)
		if (last->undone[i] == id)
			return 0;
	last->id = id;
	return 0;
}

int mf_way_back_last_update(struct mf_context *ctx, struct mf_way_back *ret_way)
{
	struct last_update last = { 0 };
	int r = mf_history_read(ctx, note_undone, &last);

	if (!r)
		r = mf_history_read(ctx, note_last_update, &last);
	free(last.undone);
	if (r < 0)
		return r;
	if (!last.id)
		return 1;
	return mf_way_back_from_run(ctx, last.id, ret_way);
}

/* ---- afterwards ---- */

/* Notes one version, by its label, as taken back. 0 or a recorded failure. */
static int note_taken_back(struct mf_context *ctx, const char *label, const char *kernel)
{
	size_t len = mf_label_name_length(label);
	const char *evr = label + len + (len > 0), *arch = strrchr(evr, '.');
	_cleanup_free_ char *name = strndup(label, len), *brief = NULL;
	_cleanup_free_ char *version = arch ? strndup(evr, (size_t)(arch - evr)) : strdup(evr);
	enum mf_asked_kind kind;

	brief = name ? mf_asked_short_name(name, kernel, &kind) : NULL;
	return brief && version
		       ? mf_taken_back_set(ctx, brief, version, "the administrator went back")
		       : mf_fail(ctx, MF_STAGE_RESOLVE, -ENOMEM, "rollback", NULL);
}

int mf_way_back_note(struct mf_context *ctx, const struct mf_way_back *way)
{
	_cleanup_close_ int lock = mf_lock(ctx);
	int r = lock < 0 ? lock : 0;

	for (size_t i = 0; !r && i < way->bad.n; i++)
		r = note_taken_back(ctx, way->bad.v[i], way->kernel);
	return r;
}
