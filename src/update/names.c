/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which packages a user means.
 *
 * A package is meant by its name, by its name without the end that says its kernel, and by each of its
 * modules, whether it is spelled with "-" or with "_".
 */
#include "names.h"
#include <errno.h>
#include <string.h>
#include "modfetch/asked.h"
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"

struct meaning {
	const struct mf_strings *names;
	struct mf_strings *found;
	bool meant;
};

static int note_name(struct meaning *m, const char *name)
{
	m->meant = true;
	return mf_strings_add_unique(m->found, name);
}

static int on_provide(void *arg, const char *name, const char *evr)
{
	struct meaning *m = arg;
	char module[MF_MODULE_NAME_SIZE], asked[MF_MODULE_NAME_SIZE];
	int r = 0;

	if (!mf_dep_module(name, module, sizeof(module)))
		return 0;
	for (size_t i = 0; !r && i < m->names->n; i++)
		if (mf_module_name(m->names->v[i], asked, sizeof(asked)) && !strcmp(asked, module))
			r = note_name(m, m->names->v[i]);
	return r;
}

int update_match_names(const struct mf_context *ctx, struct mf_pool *pool, int id,
		       const struct mf_strings *names, struct mf_strings *found)
{
	struct meaning m = { names, found, false };
	_cleanup_free_ char *name = NULL;
	enum mf_asked_kind kind;
	int r = 0;

	if (!names)
		return 1;
	name = mf_asked_short_name(mf_pool_name(pool, id), ctx->kernel, &kind);
	if (!name)
		return -ENOMEM;
	for (size_t i = 0; !r && i < names->n; i++)
		if (!strcmp(names->v[i], name) || !strcmp(names->v[i], mf_pool_name(pool, id)))
			r = note_name(&m, names->v[i]);
	if (!r)
		r = mf_pool_deps(pool, id, MF_PROVIDES, on_provide, &m);
	return r < 0 ? r : m.meant;
}
