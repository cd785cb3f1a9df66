/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Other machines as mirrors: a web server shows their directory of packages, and peers= names its URL.
 *
 * A file there has the name that this machine would give it: name, version and the first digits of the
 * digest, which is in signed metadata. So there is no list to be fetched, and nothing that a peer could
 * say but the bytes, which have the signed digest or are thrown away. A peer gets no password, no
 * certificate and no token of a repository, and is asked without a proxy. It learns which packages this
 * machine wants.
 *
 * A peer must be near and fast: one that does not answer within seconds, or is slow, is passed over, and
 * the repository has all the time that is left.
 */
#include "peers.h"
#include <stdlib.h>
#include <string.h>

#include "modfetch/cleanup.h"
#include "modfetch/strings.h"
#include "stored-step.h"

enum {
	ANSWER_SECONDS = 2, /* to connect, and of silence */
	ALL_SECONDS = 60,   /* for all packages */
	MIN_RATE = 32 << 10 /* bytes a second */
};

struct asking {
	struct mf_strings peers;
	struct mf_strings paths;
	struct mf_access access;
	struct mf_fetch_request *requests;
	struct mf_fetched *answers;
	size_t *items; /* of each request: the index in the plan */
	size_t n;
};

static void asking_done(struct asking *a)
{
	for (size_t i = 0; a->answers && i < a->n; i++)
		mf_fetched_done(&a->answers[i]);
	free(a->answers);
	free(a->requests);
	free(a->items);
	free(a->access.proxy);
	mf_strings_done(&a->paths);
	mf_strings_done(&a->peers);
}

/* 0 or -ENOMEM. */
static int add_request(const struct mf_context *ctx, struct asking *a,
		       const struct mf_plan_item *item, size_t i)
{
	struct mf_kept_package package = mf_stored_package(item);
	_cleanup_free_ char *label = package.label;
	_cleanup_free_ char *name = label ? mf_kept_file_name(&package) : NULL;

	if (!name)
		return -1;
	if (mf_href_check(name) < 0)
		return 0;
	if (mf_strings_add(&a->paths, name) < 0)
		return -1;
	a->items[a->n] = i;
	a->requests[a->n++] = (struct mf_fetch_request){
		.mirrors = &a->peers,
		.label = item->name,
		.access = &a->access,
		.size = item->size,
		.sha256 = item->sha256,
		.max_size = ctx->settings.max_package,
		.timeout = ALL_SECONDS,
		.optional = true,
		.may_fail = true,
	};
	return 0;
}

static int make_requests(const struct mf_context *ctx, const struct mf_run *run,
			 const struct mf_fetched *fetched, struct asking *a)
{
	int r = mf_strings_split(&a->peers, ctx->settings.peers);

	a->access = (struct mf_access){ .proxy = strdup(""),
					.timeout = ANSWER_SECONDS,
					.min_rate = MIN_RATE };
	a->requests = calloc(run->plan.n + 1, sizeof(*a->requests));
	a->answers = calloc(run->plan.n + 1, sizeof(*a->answers));
	a->items = calloc(run->plan.n + 1, sizeof(*a->items));
	if (r < 0 || !a->access.proxy || !a->requests || !a->answers || !a->items)
		return -1;
	for (size_t i = 0; !r && i < run->plan.n; i++)
		if (fetched[i].fd < 0)
			r = add_request(ctx, a, &run->plan.items[i], i);
	for (size_t i = 0; i < a->n; i++) {
		a->requests[i].path = a->paths.v[i];
		a->answers[i].fd = -1;
	}
	return r;
}

void mf_peers_fetch(struct mf_context *ctx, struct mf_run *run, struct mf_fetched *fetched)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved = mf_failure_save(ctx);
	_cleanup_(asking_done) struct asking a = { 0 };

	if (!ctx->settings.peers || make_requests(ctx, run, fetched, &a) < 0 || !a.n)
		return;
	if (mf_fetch(ctx, a.requests, a.n, a.answers) < 0) {
		mf_log(ctx, MF_LOG_INFO, "fetch: the peers are passed over: %s: %s",
		       ctx->failure.what, ctx->failure.why);
		return;
	}
	for (size_t i = 0; i < a.n; i++) {
		if (a.answers[i].fd < 0)
			continue;
		fetched[a.items[i]] = a.answers[i];
		a.answers[i] = (struct mf_fetched){ .fd = -1 };
		run->plan.items[a.items[i]].taken_from = MF_TAKEN_FROM_PEER;
	}
}
