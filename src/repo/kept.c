/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The packages that were installed, which stay for a way back: which of them are kept, and for how long.
 *
 * The list has them in the order in which they were installed last. stored.c has the files and the form of
 * the list. A package that was only prefetched is not in this list: nothing goes back to it.
 */
#include "modfetch/kept.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/days.h"
#include "stored.h"

int mf_kept_read(struct mf_context *ctx, struct mf_kept *ret_kept)
{
	return repo_stored_read(ctx, STORED_KEPT, ret_kept);
}

/* ---- what goes ---- */

static bool kept_same_series(const struct mf_kept_package *a, const struct mf_kept_package *b)
{
	return !strcmp(a->name, b->name) && !strcmp(a->kernels, b->kernels);
}

/* How many versions of the same package for the same kernels stand after entry I? */
static size_t count_after(const struct mf_kept *kept, size_t i)
{
	size_t n = 0;

	for (size_t j = i + 1; j < kept->n; j++)
		n += kept_same_series(&kept->v[i], &kept->v[j]);
	return n;
}

static bool is_old(const struct mf_kept *kept, size_t i)
{
	return mf_day_today() - kept->v[i].day > MF_KEPT_DAYS && !count_after(kept, i);
}

/* The labels of old entries that are still installed. 0 or a recorded failure. */
static int find_installed(struct mf_context *ctx, const struct mf_kept *kept,
			  struct mf_strings *installed)
{
	_cleanup_(mf_strings_done) struct mf_strings old = { 0 };
	int r = 0;

	for (size_t i = 0; !r && i < kept->n; i++)
		if (is_old(kept, i))
			r = mf_strings_add(&old, kept->v[i].label);
	if (r < 0)
		return repo_stored_fail(ctx, r);
	return old.n ? mf_rpm_installed(ctx, &old, installed) : 0;
}

/* What the setting says, or its default on a machine. */
static unsigned int kept_versions(const struct mf_context *ctx)
{
	return ctx->settings.keep_versions == MF_KEEP_DEFAULT ? 2 : ctx->settings.keep_versions;
}

static int kept_limit(struct mf_context *ctx, struct mf_kept *kept)
{
	_cleanup_(mf_strings_done) struct mf_strings installed = { 0 };
	int r = find_installed(ctx, kept, &installed);

	for (size_t i = kept->n; !r && i > 0; i--)
		if (!kept_versions(ctx) || count_after(kept, i - 1) > kept_versions(ctx) ||
		    (is_old(kept, i - 1) && !mf_strings_has(&installed, kept->v[i - 1].label)))
			repo_stored_drop(kept, i - 1);
	return r;
}

/* ---- what comes ---- */

/* "-" for none: the lines of the list have words only. */
static char *join_kernels(const struct mf_strings *kernels)
{
	return kernels->n ? mf_strings_join(kernels, ",") : strdup("-");
}

static int kept_add_one(const struct mf_context *ctx, int dirfd, struct mf_kept *kept,
			const struct mf_kept_new *new)
{
	struct mf_kept_package package = { .day = mf_day_today() };
	const struct mf_kept_package *before = mf_kept_find(kept, new->label);
	int r;

	if (new->header->uname_r.n || !repo_stored_label_is_plain(new->header->name, new->label) ||
	    !mf_is_word(new->repo, strlen(new->repo)))
		return 0;
	memcpy(package.sha256, new->sha256, sizeof(package.sha256));
	package.name = strdup(new->header->name);
	package.label = strdup(new->label);
	package.kernels = join_kernels(&new->header->kernels);
	/* one that comes back from here keeps its origin */
	package.repo = strdup(before && *new->repo == '@' ? before->repo : new->repo);
	r = package.name && package.label ? repo_stored_copy(ctx, dirfd, new->fd, &package)
					  : -ENOMEM;
	if (r < 0) {
		repo_stored_package_done(&package);
		return r;
	}
	for (size_t i = kept->n; i > 0; i--)
		if (!strcmp(kept->v[i - 1].label, new->label))
			repo_stored_drop(kept, i - 1);
	return repo_stored_append(kept, &package);
}

int mf_kept_add(struct mf_context *ctx, const struct mf_kept_new *packages, size_t n)
{
	_cleanup_(mf_kept_done) struct mf_kept kept = { 0 };
	_cleanup_close_ int dirfd = -1;
	bool keeps = kept_versions(ctx) > 0;
	int r = mf_kept_read(ctx, &kept);

	if (r < 0 || (!keeps && !kept.n))
		return r;
	dirfd = mf_context_mkdir(ctx, MF_KEPT_DIRECTORY);
	r = dirfd < 0 ? dirfd : 0;
	for (size_t i = 0; !r && keeps && i < n; i++)
		r = kept_add_one(ctx, dirfd, &kept, &packages[i]);
	if (r < 0)
		return repo_stored_fail(ctx, r);
	r = kept_limit(ctx, &kept);
	return r < 0 ? r : repo_stored_publish(ctx, dirfd, STORED_KEPT, &kept);
}

int mf_kept_drop_kernel(struct mf_context *ctx, const char *kernel)
{
	_cleanup_(mf_kept_done) struct mf_kept kept = { 0 };
	_cleanup_close_ int dirfd = -1;
	int r = mf_kept_read(ctx, &kept);
	size_t before = kept.n;

	if (r < 0)
		return r;
	for (size_t i = kept.n; i > 0; i--)
		if (!strcmp(kept.v[i - 1].kernels, kernel))
			repo_stored_drop(&kept, i - 1);
	if (kept.n == before)
		return 0;
	dirfd = mf_context_mkdir(ctx, MF_KEPT_DIRECTORY);
	return dirfd < 0 ? repo_stored_fail(ctx, dirfd)
			 : repo_stored_publish(ctx, dirfd, STORED_KEPT, &kept);
}
