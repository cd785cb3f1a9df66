/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Fetches the packages of a plan and keeps them, without installing any.
 *
 * Each is verified as the pipeline verifies it before an installation: the digest of the signed metadata,
 * the signature of the package where the repository asks for it, its files, its modules. It will be
 * verified again when it is installed, since keys, rules and the kernel may be others then.
 *
 * The packages come in groups, which are in memory until they are verified. The lock is held only
 * while a group is written: devices do not wait for the download of packages that nothing needs now. A
 * group that is written is in the list, so after a kill the next run continues there. Nothing is written if
 * the file system would have less free space than a tenth of it or a gigabyte, whichever is less: logs and
 * package managers need that more.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/kept.h"
#include "modfetch/prefetched.h"
#include "modfetch/verify.h"
#include "wanted.h"

enum { GROUP_PACKAGES = 64 };
#define GROUP_BYTES (32ULL << 20)

struct bringing {
	struct mf_context *ctx;
	struct mf_run *run;	      /* with the whole plan */
	struct mf_prefetch *prefetch; /* in the same order */
	struct mf_verifier *verifier;
	struct mf_strings unreachable;
	struct mf_failure failure; /* the last one of a package; code 0: none */
};

/* Packages of the plan that are fetched together. */
struct group {
	struct mf_plan_item items[GROUP_PACKAGES]; /* borrow all of the plan */
	size_t places[GROUP_PACKAGES];
	struct mf_fetched fetched[GROUP_PACKAGES];
	struct mf_proof *proofs[GROUP_PACKAGES];
	size_t n;
	uint64_t bytes;
};

static void group_done(struct group *g)
{
	for (size_t i = 0; i < g->n; i++) {
		mf_fetched_done(&g->fetched[i]);
		mf_proof_free(g->proofs[i]);
	}
	g->n = 0;
	g->bytes = 0;
}

static void group_free(struct group **g)
{
	if (*g)
		group_done(*g);
	free(*g);
}

static void group_add(struct group *g, const struct mf_plan_item *item, size_t place)
{
	g->items[g->n] = *item;
	/* a file that is there is not intact */
	g->items[g->n].taken_from = MF_TAKEN_FROM_REPOSITORY;
	g->places[g->n] = place;
	g->fetched[g->n] = (struct mf_fetched){ .fd = -1 };
	g->proofs[g->n++] = NULL;
	g->bytes += item->size;
}

/* ---- room ---- */

uint64_t prefetch_reserve(uint64_t bytes)
{
	const uint64_t most = 1ULL << 30;

	return bytes / 10 < most ? bytes / 10 : most;
}

static int check_room(struct mf_context *ctx, uint64_t bytes)
{
	_cleanup_close_ int fd = mf_context_mkdir(ctx, MF_KEPT_DIRECTORY);
	struct statvfs st;
	uint64_t free_bytes, reserve;

	if (fd < 0 || fstatvfs(fd, &st) < 0)
		return mf_fail(ctx, MF_STAGE_INSTALL, fd < 0 ? fd : -errno, "/" MF_KEPT_DIRECTORY,
			       NULL);
	free_bytes = (uint64_t)st.f_bavail * st.f_frsize;
	reserve = prefetch_reserve((uint64_t)st.f_blocks * st.f_frsize);
	if (free_bytes >= reserve && free_bytes - reserve >= bytes)
		return 0;
	return mf_fail(ctx, MF_STAGE_INSTALL, -ENOSPC, "/" MF_KEPT_DIRECTORY,
		       "its file system has %llu MB free, and the packages need %llu MB beside the "
		       "%llu MB that stay free; free some space, or lower prefetch-size in "
		       "modfetch.conf",
		       (unsigned long long)(free_bytes >> 20), (unsigned long long)(bytes >> 20),
		       (unsigned long long)(reserve >> 20));
}

/* ---- a group ---- */

static struct mf_prefetch_package *package_of(const struct bringing *b, const struct group *g,
					      size_t i)
{
	return &b->prefetch->v[g->places[i]];
}

/* A package with a fault costs itself alone. 0 or -ENOMEM. */
static int verify_group(struct bringing *b, struct group *g)
{
	const struct mf_repos *repos = mf_catalog_repos(b->run->catalog);

	for (size_t i = 0; i < g->n; i++) {
		const struct mf_plan_item *item = &g->items[i];
		int r;

		if (g->fetched[i].fd < 0)
			continue;
		r = mf_verify_package(b->ctx, b->verifier, &repos->v[item->repo], item,
				      &g->fetched[i], &g->proofs[i]);
		if (r == -ENOMEM)
			return r;
		if (r >= 0)
			continue;
		b->failure = b->ctx->failure;
		mf_log(b->ctx, MF_LOG_WARNING, "prefetch: %s is not kept: %s: %s [%s]", item->name,
		       b->ctx->failure.what, b->ctx->failure.why, mf_error_name(r));
	}
	return 0;
}

/* Writes the verified packages. 0 or a recorded failure. */
static int keep_group(struct bringing *b, const struct group *g)
{
	struct mf_prefetched_new new[GROUP_PACKAGES];
	size_t n = 0;
	_cleanup_close_ int lock = -1;
	int r;

	for (size_t i = 0; i < g->n; i++) {
		const struct mf_prefetch_package *p = package_of(b, g, i);

		if (g->proofs[i])
			new[n++] = (struct mf_prefetched_new){
				mf_proof_fd(g->proofs[i]),
				p->name,
				p->label,
				p->repo,
				p->words,
				p->sha256,
				p->size,
			};
	}
	if (!n)
		return 0;
	lock = mf_lock(b->ctx);
	r = lock < 0 ? lock : check_room(b->ctx, g->bytes);
	return r < 0 ? r : mf_prefetched_add(b->ctx, b->ctx->kernel, new, n);
}

static void note_group(struct bringing *b, const struct group *g)
{
	for (size_t i = 0; i < g->n; i++) {
		struct mf_prefetch_package *p = package_of(b, g, i);

		if (!g->proofs[i])
			continue;
		p->state = MF_PREFETCH_FETCHED;
		b->prefetch->n_fetched++;
		b->prefetch->n_missing--;
		b->prefetch->fetched_bytes += p->size;
	}
}

/* Fetches, verifies and keeps a group. 0 or a recorded failure, with RET_FAULT. */
static int bring_group(struct bringing *b, struct group *g, enum mf_fault *ret_fault)
{
	struct mf_run run = { .verb = "prefetch",
			      .catalog = b->run->catalog,
			      .unreachable = &b->unreachable,
			      .plan = { .items = g->items, .n = g->n } };
	int r = mf_download(b->ctx, mf_catalog_repos(run.catalog), &run, g->fetched);

	*ret_fault = run.fault;
	if (!r)
		r = verify_group(b, g);
	if (!r)
		r = keep_group(b, g);
	if (!r)
		note_group(b, g);
	return r;
}

/* Each of a group alone, after a failure of all. 0, or a failure that others would have too. */
static int bring_each(struct bringing *b, const struct group *all)
{
	_cleanup_(group_free) struct group *one = calloc(1, sizeof(*one));
	int r = 0;

	if (!one)
		return mf_fail(b->ctx, MF_STAGE_FETCH, -ENOMEM, "prefetch", NULL);
	for (size_t i = 0; !r && i < all->n; i++) {
		enum mf_fault fault = MF_FAULT_NONE;

		group_done(one);
		group_add(one, &all->items[i], all->places[i]);
		r = bring_group(b, one, &fault);
		if (r >= 0 || fault == MF_FAULT_NONE)
			continue;
		b->failure = b->ctx->failure;
		mf_log(b->ctx, MF_LOG_WARNING, "prefetch: %s is not fetched: %s: %s [%s]",
		       all->items[i].name, b->ctx->failure.what, b->ctx->failure.why,
		       mf_error_name(r));
		r = 0;
	}
	return r;
}

static int finish_group(struct bringing *b, struct group *g)
{
	enum mf_fault fault = MF_FAULT_NONE;
	int r = g->n ? bring_group(b, g, &fault) : 0;

	if (r < 0 && fault != MF_FAULT_NONE && g->n > 1)
		r = bring_each(b, g);
	group_done(g);
	return r;
}

static int bring_all(struct bringing *b)
{
	_cleanup_(group_free) struct group *g = calloc(1, sizeof(*g));
	int r = 0;

	if (!g)
		return mf_fail(b->ctx, MF_STAGE_FETCH, -ENOMEM, "prefetch", NULL);
	for (size_t i = 0; !r && i < b->run->plan.n; i++) {
		if (b->prefetch->v[i].state != MF_PREFETCH_MISSING)
			continue;
		if (g->n == GROUP_PACKAGES || (g->n && g->bytes >= GROUP_BYTES))
			r = finish_group(b, g);
		if (!r)
			group_add(g, &b->run->plan.items[i], i);
	}
	return r < 0 ? r : finish_group(b, g);
}

int prefetch_bring(struct mf_context *ctx, struct mf_run *run, struct mf_prefetch *prefetch)
{
	struct bringing b = { .ctx = ctx, .run = run, .prefetch = prefetch };
	bool scriptlets = ctx->scriptlets;
	int r = mf_fault_check_plan(ctx, run);

	if (r < 0)
		return r;
	ctx->scriptlets = mf_repos_have_scriptlets(mf_catalog_repos(run->catalog));
	r = mf_verifier_new(ctx, &b.verifier);
	if (!r)
		r = bring_all(&b);
	mf_verifier_free(b.verifier);
	mf_strings_done(&b.unreachable);
	ctx->scriptlets = scriptlets;
	if (r >= 0 && b.failure.code) {
		ctx->failure = b.failure;
		r = b.failure.code;
	}
	return r;
}
