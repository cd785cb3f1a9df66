/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is prefetched, for each kernel, as the list of the packages has it.
 *
 * It is an account for people: whether the files are intact, and whether the setting or the repositories
 * now name more, only a plan finds out (mf_prefetch()). A package that is for several kernels counts for each
 * of them. The words are those of the setting at the time when the packages came.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/prefetch.h"
#include "modfetch/prefetched.h"

void mf_prefetch_coverage_done(struct mf_prefetch_coverage *coverage)
{
	for (size_t i = 0; i < coverage->n; i++) {
		free(coverage->v[i].kernel);
		mf_strings_done(&coverage->v[i].words);
	}
	free(coverage->v);
	*coverage = (struct mf_prefetch_coverage){ 0 };
}

/* The entry of a kernel, which is made if there is none. NULL: no memory. */
static struct mf_prefetch_kernel *find_kernel(struct mf_prefetch_coverage *coverage,
					      const char *kernel)
{
	struct mf_prefetch_kernel *k;

	for (size_t i = 0; i < coverage->n; i++)
		if (!strcmp(coverage->v[i].kernel, kernel))
			return &coverage->v[i];
	if (mf_array_reserve(&coverage->v, &coverage->room, coverage->n + 1, sizeof(*coverage->v)) <
	    0)
		return NULL;
	k = &coverage->v[coverage->n];
	*k = (struct mf_prefetch_kernel){ .kernel = strdup(kernel), .day = -1 };
	if (!k->kernel)
		return NULL;
	coverage->n++;
	return k;
}

static int add_words(struct mf_prefetch_kernel *k, const char *text)
{
	_cleanup_(mf_strings_done) struct mf_strings words = { 0 };
	int r = text ? mf_strings_split(&words, text) : 0;

	for (size_t i = 0; !r && i < words.n; i++)
		if (strcmp(words.v[i], "-") != 0)
			r = mf_strings_add_unique(&k->words, words.v[i]);
	return r;
}

/* 0 or -ENOMEM. */
static int add_package(struct mf_prefetch_coverage *coverage, const struct mf_kept_package *package)
{
	_cleanup_(mf_strings_done) struct mf_strings kernels = { 0 };
	int r = mf_strings_split(&kernels, package->kernels);

	for (size_t i = 0; !r && i < kernels.n; i++) {
		struct mf_prefetch_kernel *k = find_kernel(coverage, kernels.v[i]);

		if (!k)
			return -ENOMEM;
		k->packages++;
		k->bytes += package->size;
		k->day = k->day < 0 || package->day < k->day ? package->day : k->day;
		r = add_words(k, package->words);
	}
	return r;
}

int mf_prefetch_coverage_read(struct mf_context *ctx, struct mf_prefetch_coverage *ret_coverage)
{
	_cleanup_(mf_prefetch_coverage_done) struct mf_prefetch_coverage coverage = { 0 };
	_cleanup_(mf_kept_done) struct mf_kept kept = { 0 };
	int r = mf_prefetched_read(ctx, &kept);

	if (r < 0)
		return r;
	for (size_t i = 0; !r && i < kept.n; i++)
		r = add_package(&coverage, &kept.v[i]);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_INSTALL, r, "prefetch", NULL);
	for (size_t i = 0; i < coverage.n; i++)
		mf_strings_sort(&coverage.v[i].words);
	*ret_coverage = coverage;
	coverage = (struct mf_prefetch_coverage){ 0 };
	return 0;
}
