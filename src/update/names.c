/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which packages a user means.
 *
 * Every form of a name counts that mf_package_meant() knows, so that update and rollback take the names
 * that remove takes. Names that mean nothing are reported by the caller.
 */
#include "names.h"
#include "modfetch/resolve.h"

int update_match_names(const struct mf_context *ctx, struct mf_pool *pool, int id,
		       const struct mf_strings *names, struct mf_strings *found)
{
	bool meant = !names;
	int r = 0;

	for (size_t i = 0; names && !r && i < names->n; i++) {
		enum mf_meaning meaning = MF_MEANS_NOTHING;

		r = mf_package_meant(pool, id, ctx->kernel, names->v[i], &meaning);
		if (r < 0 || meaning == MF_MEANS_NOTHING)
			continue;
		meant = true;
		r = mf_strings_add_unique(found, names->v[i]);
	}
	return r < 0 ? r : meant;
}
