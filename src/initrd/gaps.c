/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds the modules that the early boot needs and will not have.
 *
 * A generator copies what is on disk and is silent about the rest: a module that is missing here is
 * missing in the initrd, and the machine does not find its root file system.
 */
#include <errno.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/initrd.h"
#include "image.h"
#include "needs.h"

/* Required modules that an initrd lacks: its generator did not copy them. */
static int gaps_add_not_copied(struct mf_needs *needs, const struct mf_image *image,
			       struct mf_strings *gaps)
{
	int r = 0;

	for (size_t i = 0; !r && i < needs->required.n; i++)
		if (!mf_image_find(image, needs->required.v[i]))
			r = mf_strings_add_unique(gaps, needs->required.v[i]);
	return r;
}

static int gaps_add_absent(struct mf_needs *needs, const struct mf_strings *names,
			   struct mf_strings *gaps)
{
	int r = 0;

	for (size_t i = 0; !r && i < names->n; i++)
		if (mf_kmod_presence(needs->kmod, names->v[i]) == MF_ABSENT)
			r = mf_strings_add_unique(gaps, names->v[i]);
	return r;
}

int mf_initrd_gaps(struct mf_context *ctx, struct mf_strings *ret_names)
{
	_cleanup_(mf_needs_done) struct mf_needs needs = { .ctx = ctx };
	_cleanup_(mf_strings_done) struct mf_strings gaps = { 0 };
	_cleanup_(mf_image_done) struct mf_image image = { 0 };
	int r = mf_kmod_new(ctx, &needs.kmod), found = 1;

	if (!r)
		r = mf_needs_collect(&needs);
	if (!r && needs.required.n)
		r = found = mf_image_read(ctx, &image);
	/* an initrd in another format says nothing; the disk does */
	if (r == -MFE_BAD_INITRD) {
		mf_log(ctx, MF_LOG_WARNING, "initrd: %s: %s", ctx->failure.what, ctx->failure.why);
		ctx->failure = (struct mf_failure){ 0 };
		r = 0;
	}
	if (r < 0)
		return r;
	r = found ? gaps_add_absent(&needs, &needs.required, &gaps)
		  : gaps_add_not_copied(&needs, &image, &gaps);
	if (!r)
		r = gaps_add_absent(&needs, &needs.useful, &gaps);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_INITRD, r, "initrd", NULL);
	mf_strings_sort(&gaps);
	*ret_names = gaps;
	gaps = (struct mf_strings){ 0 };
	return 0;
}
