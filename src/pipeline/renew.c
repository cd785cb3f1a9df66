/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * When a run fetches metadata.
 *
 * At its beginning, if there is none or its index is damaged, and after a failure that newer
 * metadata may repair: it is too old, has a damaged list of packages, or names a package that its
 * server has replaced with a newer one. Once per run, and never in a dry run. A caller that repeats
 * a run for fewer wants sets run->metadata_asked, so that a hundred devices do not cause a hundred
 * requests. A run that only removes asks for none.
 *
 * If a server does not have a package, or has a web page in its place, and cannot show signed
 * metadata either, it is not the repository's server: a network that wants a login may answer every
 * request so. Then the repository counts as unreachable.
 */
#include "renew.h"
#include <stddef.h>
#include "modfetch/cleanup.h"
#include "modfetch/pipeline.h"
#include "modfetch/refresh.h"

static bool only_removes(const struct mf_run *run)
{
	const struct mf_selection *s = &run->selection;

	return s->remove && !run->wants.n && !s->install && !s->again && !s->n_versions;
}

/* What is installed can be removed without any repository. */
static int open_installed(struct mf_context *ctx, struct mf_run *run)
{
	static const struct mf_local none = { .id = MF_LOCAL_FILES, .directory = (char *)"/" };

	ctx->failure = (struct mf_failure){ 0 };
	return mf_catalog_open_local(ctx, &none, 1, &run->catalog);
}

int mf_renew_open(struct mf_context *ctx, struct mf_run *run)
{
	int r = mf_catalog_open_local(ctx, run->locals, run->n_locals, &run->catalog);

	if ((r == -MFE_NO_METADATA || r == -MFE_NO_REPOSITORY) && only_removes(run))
		return open_installed(ctx, run);
	if ((r != -MFE_NO_METADATA && r != -MFE_BAD_INDEX) || run->dry_run || run->metadata_asked)
		return r;
	r = mf_refresh_all(ctx, NULL, r == -MFE_BAD_INDEX, NULL);
	run->refreshed = r >= 0;
	run->metadata_asked = true;
	return r < 0 ? r : mf_catalog_open_local(ctx, run->locals, run->n_locals, &run->catalog);
}

bool mf_renew_after(struct mf_context *ctx, struct mf_run *run, int r)
{
	bool gone = run->fault == MF_FAULT_PACKAGE, changed = false;
	const char *id = gone ? mf_catalog_repos(run->catalog)->v[run->fault_repo].id : NULL;
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved = mf_failure_save(ctx);

	/* a package file of this machine has no metadata */
	if (run->dry_run || run->metadata_asked || (id && *id == '@'))
		return false;
	run->refreshed = mf_refresh_all(ctx, id, r == -MFE_BAD_INDEX, &changed) == 0;
	run->metadata_asked = true;
	if (gone && !run->refreshed)
		mf_fault_set_unreachable(run, run->fault_repo);
	return gone ? changed : run->refreshed;
}
