/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When a run asks for metadata.
 *
 * At its beginning, where there is none or its index is damaged, and after a failure that newer
 * metadata may repair: too old, a damaged list of packages, a package that its server does not have
 * any more, since a newer one has taken its place. Once a run, and never by a dry one. Who repeats a
 * run for fewer wants says so by run->metadata_asked, so that a hundred devices are not a hundred
 * questions.
 *
 * A server that does not have a package, or a page in its place, and cannot show signed metadata
 * either, is none: a network that wants a login may answer so to everything. Then the repository
 * could not be reached.
 */
#include "renew.h"
#include <stddef.h>
#include "modfetch/pipeline.h"
#include "modfetch/refresh.h"

int mf_renew_open(struct mf_context *ctx, struct mf_run *run)
{
	int r = mf_catalog_open(ctx, &run->catalog);

	if ((r != -MFE_NO_METADATA && r != -MFE_BAD_INDEX) || run->dry_run || run->metadata_asked)
		return r;
	r = mf_refresh_all(ctx, NULL, r == -MFE_BAD_INDEX, NULL);
	run->refreshed = r >= 0;
	run->metadata_asked = true;
	return r < 0 ? r : mf_catalog_open(ctx, &run->catalog);
}

bool mf_renew_after(struct mf_context *ctx, struct mf_run *run, int r)
{
	bool gone = run->fault == MF_FAULT_PACKAGE, changed = false;
	const char *id = gone ? mf_catalog_repos(run->catalog)->v[run->fault_repo].id : NULL;
	struct mf_failure why = ctx->failure;

	if (run->dry_run || run->metadata_asked)
		return false;
	run->refreshed = mf_refresh_all(ctx, id, r == -MFE_BAD_INDEX, &changed) == 0;
	run->metadata_asked = true;
	ctx->failure = why;
	if (gone && !run->refreshed)
		mf_fault_set_unreachable(run, run->fault_repo);
	return gone ? changed : run->refreshed;
}
