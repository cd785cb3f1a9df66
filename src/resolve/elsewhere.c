/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Other kernels, and packages that are installed for them already.
 *
 * To install a package of the second kind again would change nothing: its modules would lie where
 * they lie. A plan for this kernel must not have it, or each run would promise what no run does.
 */
#include "elsewhere.h"
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"

bool mf_elsewhere_is_kernel(struct mf_pool *pool, const int *ids, size_t n)
{
	_cleanup_free_ int *elsewhere = NULL;
	size_t n_elsewhere = 0, newest = 0;

	if (!n || mf_pool_elsewhere(pool, &elsewhere, &n_elsewhere) < 0 ||
	    !mf_starts_with(mf_pool_name(pool, ids[0]), "kernel"))
		return false;
	for (size_t i = 1; i < n; i++)
		if (mf_pool_compare(pool, ids[i], ids[newest]) > 0)
			newest = i;
	for (size_t i = 0; i < n_elsewhere; i++)
		if (elsewhere[i] == ids[newest])
			return true;
	return false;
}

int mf_elsewhere_refuse(struct mf_context *ctx, struct mf_refusals *refusals)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = mf_pool_elsewhere(refusals->pool, &ids, &n);

	for (size_t i = 0; !r && i < n; i++)
		r = mf_refusals_add(refusals, ids[i], -MFE_WRONG_KERNEL,
				    mf_format("it is installed, but its modules are in the "
					      "directory of another kernel and not in that of %s",
					      ctx->kernel));
	return r < 0 ? mf_fail(ctx, MF_STAGE_RESOLVE, r, "plan", NULL) : 0;
}

static int refuse_providers(struct mf_refusals *refusals, const char *provide,
			    const struct mf_strings *names)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = mf_pool_providers(refusals->pool, provide, NULL, &ids, &n);

	for (size_t i = 0; !r && i < n; i++) {
		struct mf_package package;

		mf_pool_package(refusals->pool, ids[i], &package);
		if (package.origin < 0 || (names && mf_strings_has(names, package.name)))
			continue;
		r = mf_refusals_add(
			refusals, ids[i], -MFE_WRONG_KERNEL,
			strdup("it is a kernel, and modfetch installs a kernel only if its "
			       "package is named: modfetch install NAME"));
	}
	return r;
}

int mf_elsewhere_refuse_kernels(struct mf_context *ctx, const struct mf_strings *names,
				struct mf_refusals *refusals)
{
	int r = refuse_providers(refusals, "kernel-uname-r", names);

	if (!r)
		r = refuse_providers(refusals, "kernel-core-uname-r", names);
	return r < 0 ? mf_fail(ctx, MF_STAGE_RESOLVE, r, "plan", NULL) : 0;
}
