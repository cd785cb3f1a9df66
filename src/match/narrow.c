/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which modules of a bundle an alias means, once they are on disk.
 *
 * The metadata of a package with several modules has their aliases without saying which is whose, so
 * each of them matches a device until the package is there. From then on the index of the kernel
 * says it exactly, as depmod read it from the modules. Matches by name, and those of modules that are
 * not on disk, stay.
 */
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/match.h"
#include "modfetch/strings.h"

static int on_indexed(void *arg, const char *name, enum mf_presence presence)
{
	return presence == MF_ON_DISK ? mf_strings_add_unique(arg, name) : 0;
}

static bool narrow_keeps(struct mf_kmod *kmod, const struct mf_strings *indexed,
			 const struct mf_match *match)
{
	return !match->pattern || mf_strings_has(indexed, match->module) ||
	       mf_kmod_presence(kmod, match->module) != MF_ON_DISK;
}

static int narrow_want(struct mf_kmod *kmod, struct mf_want *want)
{
	_cleanup_(mf_strings_done) struct mf_strings indexed = { 0 };
	size_t kept = 0;
	int r = mf_kmod_lookup(kmod, want->name, on_indexed, &indexed);

	if (r < 0 || !indexed.n)
		return r;
	for (size_t i = 0; i < want->n_matches; i++) {
		if (narrow_keeps(kmod, &indexed, &want->matches[i]))
			want->matches[kept++] = want->matches[i];
		else
			mf_match_done(&want->matches[i]);
	}
	want->n_matches = kept;
	return 0;
}

int mf_match_narrow(struct mf_context *ctx, struct mf_want *wants, size_t n)
{
	struct mf_kmod *kmod = NULL;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++) {
		/* of ids alone the index of the kernel does not know all aliases */
		if (wants[i].n_matches < 2 || wants[i].known || wants[i].kind == MF_WANT_SYMBOL)
			continue;
		if (!kmod)
			r = mf_kmod_new(ctx, &kmod);
		if (r >= 0)
			r = narrow_want(kmod, &wants[i]);
		if (r < 0 && !ctx->failure.code)
			r = mf_fail(ctx, MF_STAGE_MATCH, r, wants[i].query, NULL);
	}
	mf_kmod_free(kmod);
	return r < 0 ? r : 0;
}
