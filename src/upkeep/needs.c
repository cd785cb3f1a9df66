/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The list of what a kernel must have: wants, and a reason for each.
 *
 * The first reason that is found for a want is its reason; that there is such a module is certain if
 * any source says so. A name that is out of bounds is no want: the sources are files of the machine.
 */
#include "needs.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"

void upkeep_needs_done(struct needs *needs)
{
	for (size_t i = 0; i < needs->n; i++)
		free(needs->v[i].wanted);
	free(needs->v);
	mf_wants_done(&needs->wants);
	mf_strings_done(&needs->names);
	*needs = (struct needs){ 0 };
}

int upkeep_needs_take(struct needs *needs, struct mf_want *want, bool must, const char *wanted)
{
	size_t before = needs->wants.n;
	char *copy;
	int r;

	if (mf_array_reserve(&needs->v, &needs->room, needs->n + 1, sizeof(*needs->v)) < 0)
		return -ENOMEM;
	r = mf_wants_add(&needs->wants, want);
	if (r < 0 || needs->wants.n == before)
		return r;
	copy = strdup(wanted);
	needs->v[needs->n++] = (struct need){ copy, must };
	return copy ? 0 : -ENOMEM;
}

static struct need *find_need(struct needs *needs, const char *query)
{
	for (size_t i = 0; i < needs->n; i++)
		if (!needs->wants.v[i].syspath && !strcmp(needs->wants.v[i].query, query))
			return &needs->v[i];
	return NULL;
}

int upkeep_needs_add(struct mf_context *ctx, struct needs *needs, const char *query, bool must,
		     bool device, const char *wanted)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved = mf_failure_save(ctx);
	_cleanup_(mf_want_done) struct mf_want want = { 0 };
	struct need *need = find_need(needs, query);
	int r;

	if (need) {
		need->must |= must;
		return 0;
	}
	r = mf_want_init(ctx, query, NULL, &want);
	if (r < 0)
		return r == -MFE_BAD_MODALIAS ? 0 : r;
	want.device |= device;
	return upkeep_needs_take(needs, &want, must, wanted);
}
