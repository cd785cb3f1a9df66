/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists of packages: the installed drivers with their repositories, and the patterns of the repositories.
 *
 * A package counts as a driver if it provides a module, or if modfetch installed it; the rpm database of
 * a machine may have thousands of others.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "search.h"

/* Notes an installed driver as it is. */
static int note_installed(struct search *s, int id)
{
	struct mf_update u = { 0 };
	struct driver driver;
	int r = update_look_at_driver(s, id, &driver);

	if (r <= 0)
		return r;
	u = (struct mf_update){
		.name = strdup(driver.package.name),
		.installed = strdup(driver.package.evr),
		.repo = driver.origin < 0 ? NULL : strdup(s->repos->v[driver.origin].id),
		.module = *driver.module ? strdup(driver.module) : NULL,
	};
	free(driver.label);
	/* an incomplete one is freed with the others */
	if (update_append(s, &u) < 0)
		return -ENOMEM;
	return u.name && u.installed ? 0 : -ENOMEM;
}

int mf_updates_installed(struct mf_context *ctx, struct mf_updates *ret_installed)
{
	_cleanup_(mf_updates_done) struct mf_updates installed = { 0 };
	_cleanup_(update_search_done) struct search s = { .ctx = ctx, .updates = &installed };
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = update_search_begin(&s);

	if (r < 0)
		return r;
	r = mf_pool_list(s.pool, MF_POOL_INSTALLED, &ids, &n);
	for (size_t i = 0; !r && i < n; i++)
		r = note_installed(&s, ids[i]);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_RESOLVE, r, "packages", NULL);
	if (installed.n)
		qsort(installed.v, installed.n, sizeof(*installed.v), update_compare_names);
	*ret_installed = installed;
	installed = (struct mf_updates){ 0 };
	return 0;
}

/* The patterns of one repository. 0 or -errno. */
static int add_patterns(const struct search *s, int origin, struct mf_strings *names)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = mf_pool_list(s->pool, origin, &ids, &n);

	for (size_t i = 0; !r && i < n; i++) {
		enum mf_asked_kind kind;
		_cleanup_free_ char *name =
			mf_asked_short_name(mf_pool_name(s->pool, ids[i]), s->ctx->kernel, &kind);

		if (!name)
			return -ENOMEM;
		if (kind == MF_ASKED_PATTERN)
			r = mf_strings_add_unique(names, name);
	}
	return r;
}

int mf_updates_patterns(struct mf_context *ctx, struct mf_strings *ret_names)
{
	_cleanup_(update_search_done) struct search s = { .ctx = ctx };
	int r = update_search_begin(&s);

	if (r < 0)
		return r;
	for (size_t i = 0; !r && i < s.repos->n; i++)
		r = add_patterns(&s, (int)i, ret_names);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_RESOLVE, r, "patterns", NULL);
	mf_strings_sort(ret_names);
	return 0;
}
