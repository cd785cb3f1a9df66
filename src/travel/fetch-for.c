/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fetches the drivers of another machine, which has no network, to a driver medium.
 *
 * For each list: a replica of its machine is made (replica.c), its repositories are refreshed, and the
 * pipeline plans in it, as `modfetch coldplug --dry-run` would on the machine. The packages of the plan
 * are fetched by the helper without rights, compared with the signed metadata, and written to the medium
 * beside the metadata itself. The machine verifies all of it again, with its own keys.
 *
 * What is on the medium already, with the right digest, is not fetched again.
 */
#include "modfetch/travel.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/fetch.h"
#include "modfetch/file.h"
#include "modfetch/pipeline.h"
#include "modfetch/refresh.h"
#include "modfetch/setup.h"
#include "modfetch/verify.h"
#include "copies.h"
#include "medium.h"
#include "replica.h"

#define BATCH_PACKAGES 64
#define BATCH_BYTES    (256ULL << 20) /* fetched files are in memory until they are written */

struct trip {
	struct mf_context *ctx; /* of this machine */
	const struct mf_travel *travel;
	struct travel_medium medium;
	struct travel_copies copies;
	struct mf_travel_result result;
	size_t room_for_left;
};

void mf_travel_result_done(struct mf_travel_result *result)
{
	mf_strings_done(&result->labels);
	for (size_t i = 0; i < result->n_left; i++) {
		free(result->left[i].query);
		free(result->left[i].reason);
	}
	free(result->left);
	*result = (struct mf_travel_result){ 0 };
}

static void trip_done(struct trip *t)
{
	travel_copies_done(&t->copies);
	travel_medium_done(&t->medium);
	mf_travel_result_done(&t->result);
}

/* ---- repositories ---- */

static int add_repositories(struct trip *t, struct mf_context *rc)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < t->travel->n_repos; i++) {
		const struct mf_travel_repo *named = &t->travel->repos[i];
		_cleanup_(mf_repo_new_done) struct mf_repo_new repo = { 0 };
		struct mf_refresh_result result = { 0 };

		r = mf_repo_new_prepare(rc, named->url, NULL, named->key, &repo);
		if (!r)
			r = mf_repo_new_add(rc, &repo, &result);
	}
	return r < 0 ? r : 0;
}

/* One repository that cannot be reached does not stop the others; the machine may need none of it. */
static int refresh_configured(struct mf_context *rc)
{
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	int r = mf_repos_read(rc, &repos), worst = 0;
	bool some = false;

	if (!r)
		r = mf_repos_check_any(rc, &repos);
	if (r < 0)
		return r;
	for (size_t i = 0; i < repos.n; i++) {
		struct mf_refresh_result result;

		if (!repos.v[i].enabled)
			continue;
		r = mf_refresh(rc, &repos.v[i], 0, &result);
		some |= r >= 0;
		if (r >= 0)
			continue;
		worst = r;
		mf_log(rc, MF_LOG_WARNING, "list: the repository %s is not used: %s: %s [%s]",
		       repos.v[i].id, rc->failure.what, rc->failure.why, mf_error_name(r));
	}
	return some ? 0 : worst;
}

/* ---- the plan ---- */

static int add_wants(struct mf_context *rc, const struct mf_list *list, enum mf_list_kind kind,
		     struct mf_wants *wants)
{
	const struct mf_strings *lines = &list->lines[kind];
	int r = 0;

	for (size_t i = 0; !r && i < lines->n; i++) {
		_cleanup_(mf_want_done) struct mf_want want = { 0 };

		r = mf_want_init_any(rc, lines->v[i], NULL, &want);
		want.device = kind != MF_LIST_NAME;
		if (!r)
			r = mf_wants_add(wants, &want);
	}
	return r < 0 ? mf_fail(rc, MF_STAGE_LIST, r, "devices", NULL) : 0;
}

static bool list_has(const struct mf_list *list, enum mf_list_kind kind, const char *query)
{
	const struct mf_strings *lines = &list->lines[kind];

	for (size_t i = 0; i < lines->n; i++)
		if (!strcmp(lines->v[i], query))
			return true;
	return false;
}

/* Notes the devices without a driver on disk, and the names, that the plan does nothing for. */
static int note_left(struct trip *t, const struct mf_list *list, const struct mf_run *run)
{
	struct mf_travel_result *result = &t->result;

	for (size_t i = 0; i < run->wants.n; i++) {
		const struct mf_want *want = &run->wants.v[i];
		struct mf_travel_left left = { .has_match = want->n_matches };

		left.asked = !want->device;
		if (!mf_want_code(want) ||
		    (!left.asked && !list_has(list, MF_LIST_MISSING, want->query)))
			continue;
		left.query = strdup(want->query);
		left.reason = strdup(want->reason ? want->reason : "");
		if (!left.query || !left.reason ||
		    mf_array_reserve(&result->left, &t->room_for_left, result->n_left + 1,
				     sizeof(left)) < 0) {
			free(left.query);
			free(left.reason);
			return mf_fail(t->ctx, MF_STAGE_LIST, -ENOMEM, want->query, NULL);
		}
		result->left[result->n_left++] = left;
	}
	return 0;
}

/* ---- packages ---- */

/* The path of a package on the medium; new memory. NULL: recorded, it cannot have one. */
static char *package_path(struct mf_context *rc, struct trip *t, const struct mf_repo *repo,
			  const struct mf_plan_item *item)
{
	const char *directory = travel_copies_place(&t->copies, repo->id);
	_cleanup_free_ char *path = NULL;

	if (!directory || mf_href_check(item->location) < 0 ||
	    mf_href_decode(item->location, &path) < 0) {
		(void)mf_fail(rc, MF_STAGE_LIST, directory ? -MFE_BAD_HREF : -ENOMEM, item->name,
			      NULL);
		return NULL;
	}
	return mf_format("%s/%s", directory, path);
}

/* A package to fetch, and its path on the medium. */
struct order {
	const struct mf_plan_item *item;
	char *path;
};

static int fetch_batch(struct trip *t, struct mf_context *rc, const struct mf_repos *repos,
		       const struct order *orders, size_t n)
{
	struct mf_fetch_request requests[BATCH_PACKAGES];
	struct mf_fetched fetched[BATCH_PACKAGES];
	int r;

	for (size_t i = 0; i < n; i++) {
		const struct mf_plan_item *item = orders[i].item;

		fetched[i] = (struct mf_fetched){ .fd = -1 };
		requests[i] = (struct mf_fetch_request){
			.mirrors = &repos->v[item->repo].baseurls,
			.path = item->location,
			.label = item->name,
			.access = &repos->v[item->repo].access,
			.size = item->size,
			.sha256 = item->sha256,
			.max_size = rc->settings.max_package,
		};
	}
	r = mf_fetch(rc, requests, n, fetched);
	for (size_t i = 0; i < n; i++) {
		if (!r)
			r = mf_verify_bytes(rc, orders[i].item->name, fetched[i].fd,
					    orders[i].item->size, orders[i].item->sha256);
		if (!r)
			r = travel_medium_write(rc, &t->medium, orders[i].path, fetched[i].fd);
		mf_fetched_done(&fetched[i]);
	}
	return r;
}

static int fetch_orders(struct trip *t, struct mf_context *rc, const struct mf_repos *repos,
			const struct order *orders, size_t n)
{
	int r = 0;

	for (size_t at = 0; !r && at < n;) {
		uint64_t bytes = 0;
		size_t batch = 0;

		while (at + batch < n && batch < BATCH_PACKAGES &&
		       (!batch || bytes + orders[at + batch].item->size <= BATCH_BYTES))
			bytes += orders[at + batch++].item->size;
		r = fetch_batch(t, rc, repos, orders + at, batch);
		at += batch;
	}
	return r;
}

/* Counts a package, once for all lists. */
static int count_package(struct trip *t, const struct mf_plan_item *item)
{
	_cleanup_free_ char *label = mf_plan_item_label(item);

	if (!label)
		return -ENOMEM;
	if (mf_strings_has(&t->result.labels, label))
		return 0;
	t->result.packages++;
	t->result.bytes += item->size;
	return mf_strings_add(&t->result.labels, label);
}

/* Adds the packages of a plan to those of the medium. RET_ORDERS: those that it lacks. */
static int order_packages(struct trip *t, struct mf_context *rc, const struct mf_run *run,
			  struct order *ret_orders, size_t *ret_n)
{
	const struct mf_repos *repos = mf_catalog_repos(run->catalog);

	for (size_t i = 0; i < run->plan.n; i++) {
		const struct mf_plan_item *item = &run->plan.items[i];
		_cleanup_free_ char *path = NULL;
		int r;

		if (item->base) {
			mf_log(rc, MF_LOG_WARNING,
			       "list: %s is left out: its repository %s has it on another server",
			       item->name, repos->v[item->repo].id);
			continue;
		}
		path = package_path(rc, t, &repos->v[item->repo], item);
		if (!path)
			return rc->failure.code;
		r = travel_medium_expect(rc, &t->medium, path, item->size, item->sha256);
		if (!r)
			ret_orders[(*ret_n)++] = (struct order){ item, MF_STEAL(path) };
		if (r < 0 || count_package(t, item) < 0)
			return r < 0 ? r : mf_fail(rc, MF_STAGE_LIST, -ENOMEM, item->name, NULL);
	}
	return 0;
}

/* Are packages of this repository in the plan? */
static bool plan_uses(const struct mf_run *run, size_t repo)
{
	for (size_t i = 0; i < run->plan.n; i++)
		if (run->plan.items[i].repo == repo && !run->plan.items[i].base)
			return true;
	return false;
}

static int write_metadata(struct trip *t, struct mf_context *rc, const struct mf_run *run)
{
	const struct mf_repos *repos = mf_catalog_repos(run->catalog);
	int r = 0;

	for (size_t i = 0; !r && i < repos->n; i++)
		if (plan_uses(run, i))
			r = travel_copies_write(rc, &t->copies, &t->medium, repos->v[i].id,
						t->travel->dry_run);
	return r;
}

static int check_names(struct trip *t, struct mf_context *rc, const struct mf_run *run)
{
	const struct mf_repos *repos = mf_catalog_repos(run->catalog);
	int r = 0;

	for (size_t i = 0; !r && i < repos->n; i++) {
		const char *directory =
			plan_uses(run, i) ? travel_copies_place(&t->copies, repos->v[i].id) : NULL;

		r = directory ? travel_medium_check_name(rc, &t->medium, directory) : 0;
	}
	return r;
}

static int bring_plan(struct trip *t, struct mf_context *rc, const struct mf_run *run)
{
	struct order *orders = calloc(run->plan.n + 1, sizeof(*orders));
	size_t n = 0;
	int r;

	if (!orders)
		return mf_fail(rc, MF_STAGE_LIST, -ENOMEM, "plan", NULL);
	r = check_names(t, rc, run);
	if (!r)
		r = order_packages(t, rc, run, orders, &n);
	if (!r && !t->travel->dry_run && run->plan.n)
		r = travel_medium_begin(rc, &t->medium);
	if (!r && !t->travel->dry_run)
		r = fetch_orders(t, rc, mf_catalog_repos(run->catalog), orders, n);
	if (!r)
		r = write_metadata(t, rc, run);
	for (size_t i = 0; i < n; i++)
		free(orders[i].path);
	free(orders);
	return r;
}

/* ---- a list ---- */

/* Plans and fetches in the replica of a machine. */
static int serve_list(struct trip *t, struct mf_context *rc, const struct mf_list *list)
{
	static const enum mf_list_kind kinds[] = { MF_LIST_DEVICE, MF_LIST_MISSING, MF_LIST_BOOT,
						   MF_LIST_NAME };
	_cleanup_(mf_run_done) struct mf_run run = { .verb = "fetch-for",
						     .dry_run = true,
						     .metadata_asked = true };
	int r;

	rc->keeper = &t->copies.keeper;
	r = t->travel->n_repos ? add_repositories(t, rc) : refresh_configured(rc);
	for (size_t i = 0; !r && i < MF_ARRAY_SIZE(kinds); i++)
		r = add_wants(rc, list, kinds[i], &run.wants);
	if (r < 0)
		return r;
	r = mf_pipeline_run(rc, &run);
	/* if nothing can be planned, the reasons are in the wants */
	if (r < 0 && (!run.catalog || rc->failure.stage != MF_STAGE_RESOLVE))
		return r;
	if (r < 0)
		mf_plan_done(&run.plan);
	r = note_left(t, list, &run);
	if (r < 0)
		return r;
	t->result.devices += list->lines[MF_LIST_MISSING].n;
	return bring_plan(t, rc, &run);
}

static void trip_replica_cleanup(struct travel_replica *replica)
{
	travel_replica_done(replica);
}

static int travel_for(struct trip *t, const struct mf_list *list)
{
	_cleanup_(trip_replica_cleanup) struct travel_replica replica = { 0 };
	int r = travel_replica_make(t->ctx, list, t->travel->n_repos > 0, &replica);

	if (r < 0)
		return r;
	travel_copies_reset(&t->copies);
	r = serve_list(t, &replica.ctx, list);
	if (r < 0)
		t->ctx->failure = replica.ctx.failure;
	return r;
}

/* The lists themselves, so that the medium says what it is for. */
static int write_lists(struct trip *t)
{
	const struct mf_lists *lists = t->travel->lists;
	_cleanup_free_ char *text = strdup("");
	int r;

	for (size_t i = 0; text && i < lists->n; i++) {
		_cleanup_free_ char *next = mf_list_text(&lists->v[i]), *before = MF_STEAL(text);

		text = next ? mf_format("%s%s", before, next) : NULL;
	}
	r = text ? mf_file_publish(t->medium.dirfd, TRAVEL_LIST, 0644, text, strlen(text))
		 : -ENOMEM;
	return r < 0 ? mf_fail(t->ctx, MF_STAGE_LIST, r, TRAVEL_LIST, NULL) : 0;
}

static int trip_finish(struct trip *t)
{
	bool same = t->medium.was_whole && !t->medium.written && t->medium.old.n == t->medium.now.n;
	int r = write_lists(t);

	if (!r)
		r = travel_medium_finish(t->ctx, &t->medium);
	t->result.fetched = t->medium.written;
	t->result.fetched_bytes = t->medium.written_bytes;
	t->result.removed = t->medium.removed;
	t->result.changed = !same;
	return r;
}

int mf_fetch_for(struct mf_context *ctx, const struct mf_travel *travel,
		 struct mf_travel_result *ret_result)
{
	_cleanup_(trip_done) struct trip t = { .ctx = ctx, .travel = travel };
	int r = travel_medium_open(ctx, travel->output, travel->dry_run, &t.medium);

	travel_copies_init(&t.copies, &t.medium);
	for (size_t i = 0; !r && i < travel->lists->n; i++)
		r = travel_for(&t, &travel->lists->v[i]);
	if (!r && !travel->dry_run && (t.medium.now.n || t.medium.old.n))
		r = trip_finish(&t);
	if (r < 0)
		return r;
	*ret_result = t.result;
	t.result = (struct mf_travel_result){ 0 };
	return 0;
}
