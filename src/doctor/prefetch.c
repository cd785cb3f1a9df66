/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Is on this machine what prefetch= names, for a day without a network?
 *
 * The plan is made as a prefetch would make it, and nothing is fetched. That a file is there means that it
 * has its digest. How old the metadata is that the packages will be used with is checked with the repositories.
 */
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/prefetch.h"
#include "examination.h"

static void diagnose_plan(struct examination *x, const struct mf_prefetch *plan)
{
	if (plan->n_missing)
		doctor_diagnose(x, MF_HEALTH_WARNING, "modfetch prefetch",
				"%zu of %zu packages that prefetch= names for %s are not on this "
				"machine",
				plan->n_missing, plan->n, x->ctx->kernel);
	if (plan->left_out.n)
		doctor_diagnose(x, MF_HEALTH_WARNING,
				"raise prefetch-size in modfetch.conf, or name less in prefetch=",
				"%zu drivers that prefetch= names for %s do not fit into "
				"prefetch-size=%llu",
				plan->left_out.n, x->ctx->kernel,
				(unsigned long long)(x->ctx->settings.prefetch_size >> 20));
	for (size_t i = 0; i < plan->no_driver.n; i++)
		doctor_diagnose(x, MF_HEALTH_WARNING, "correct prefetch= in modfetch.conf",
				"no repository has a driver of %s for %s, which prefetch= names",
				x->ctx->kernel, plan->no_driver.v[i]);
}

void doctor_check_prefetched(struct examination *x)
{
	_cleanup_(mf_prefetch_done) struct mf_prefetch plan = { 0 };
	const struct mf_saved_failure saved = mf_failure_save(x->ctx);
	size_t before = x->found.n;
	int r;

	if (!x->ctx->settings.prefetch || !*x->ctx->settings.prefetch || !x->ctx->kernel) {
		doctor_diagnose(x, MF_HEALTH_OK, NULL, "no driver has to be prefetched");
		return;
	}
	r = mf_prefetch(x->ctx, true, &plan);
	if (r < 0)
		doctor_diagnose(x, MF_HEALTH_WARNING, "modfetch prefetch",
				"it is not known what has to be prefetched: %s: %s",
				x->ctx->failure.what, x->ctx->failure.why);
	else
		diagnose_plan(x, &plan);
	mf_failure_restore(&saved);
	if (x->found.n == before)
		doctor_diagnose(x, MF_HEALTH_OK, NULL,
				"all that prefetch= names for %s is on this machine",
				x->ctx->kernel);
}
