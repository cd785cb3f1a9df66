/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which updates repair a security problem.
 *
 * The advisories of the repository that an update comes from decide. One that came with a version between
 * the installed and the new one counts too. A driver that was no package's has no version to compare: it
 * is no repair.
 */
#include <errno.h>
#include <stdlib.h>
#include "modfetch/advisory.h"
#include "modfetch/cleanup.h"
#include "modfetch/update.h"

static void advisories_cleanup(struct mf_advisories **advisories)
{
	mf_advisories_free(*advisories);
}

/* Without readable advisories it repairs nothing. */
static bool repairs_security(struct mf_context *ctx, const struct mf_update *update)
{
	_cleanup_(advisories_cleanup) struct mf_advisories *advisories = NULL;
	const struct mf_advisory *advisory;

	if (!update->installed)
		return false;
	if (mf_advisories_read(ctx, update->repo, &advisories) < 0) {
		mf_log(ctx, MF_LOG_WARNING, "resolve: %s: %s", ctx->failure.what, ctx->failure.why);
		return false;
	}
	advisory = mf_advisories_find(advisories, update->name, update->arch, update->installed,
				      update->evr);
	return advisory && mf_advisory_is_security(advisory);
}

int mf_updates_keep_security(struct mf_context *ctx, struct mf_updates *updates)
{
	struct mf_updates others = { 0 };
	size_t kept = 0, n = updates->n;

	others.v = calloc(n + 1, sizeof(*others.v));
	if (!others.v)
		return mf_fail(ctx, MF_STAGE_RESOLVE, -ENOMEM, "updates", NULL);
	for (size_t i = 0; i < n; i++) {
		if (repairs_security(ctx, &updates->v[i]))
			updates->v[kept++] = updates->v[i];
		else
			others.v[others.n++] = updates->v[i];
	}
	updates->n = kept;
	mf_updates_done(&others);
	return 0;
}
