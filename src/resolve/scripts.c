/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which packages run programs while they are installed, as far as that is known before the download.
 *
 * primary.xml marks what a scriptlet of a package needs (pre="1"), and rpmbuild adds the interpreter of
 * each %pre and %post there. Others are known only from the package itself: what the verify stage found is
 * remembered (modfetch/scriptlets.h). That stage decides for each package in any case; here a refusal
 * only comes earlier, and lets the solver look for another package.
 */
#include "scripts.h"
#include <errno.h>
#include <stdlib.h>
#include "modfetch/cleanup.h"
#include "modfetch/scriptlets.h"
#include "modfetch/strings.h"

int resolve_scripts_judge(const struct mf_judge *judge, int id, char **ret_why)
{
	const char *kinds = NULL, *interpreter;
	const struct mf_repo *repo;
	struct mf_package package;

	mf_pool_package(judge->pool, id, &package);
	if (package.origin < 0 || judge->repos->v[package.origin].scriptlets)
		return 0;
	repo = &judge->repos->v[package.origin];
	if (judge->scriptlets && package.has_sha256)
		kinds = mf_scriptlets_find(judge->scriptlets, package.sha256);
	interpreter = kinds ? NULL : mf_pool_interpreter(judge->pool, id);
	if (!kinds && !interpreter)
		return 0;
	*ret_why = mf_format("it runs scriptlets (%s%s) while it is installed, which repository %s "
			     "may not have: set scriptlets=1 in its section [%s] if you trust them",
			     kinds ? "" : "with ", kinds ? kinds : interpreter, repo->id, repo->id);
	return *ret_why ? 1 : -ENOMEM;
}

int resolve_scripts_refuse(const struct mf_judge *judge, struct mf_refusals *refusals)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < judge->repos->n; i++) {
		_cleanup_free_ int *ids = NULL;
		size_t n = 0;

		if (judge->repos->v[i].scriptlets)
			continue;
		r = mf_pool_list(judge->pool, (int)i, &ids, &n);
		for (size_t j = 0; r >= 0 && j < n; j++) {
			char *why;

			r = resolve_scripts_judge(judge, ids[j], &why);
			if (r == 1)
				r = mf_refusals_add(refusals, ids[j], -MFE_SCRIPTLET, why);
		}
	}
	return r < 0 ? r : 0;
}
