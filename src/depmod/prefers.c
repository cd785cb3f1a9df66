/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which of two paths of one module depmod takes, by its configuration alone.
 *
 * The same rules as for whole trees (select.c), for a caller that is about to add a file: an
 * override names a path without its ending; otherwise the place of the directory among the searches
 * decides. Of two files in the same place the result depends on the order of directories: then
 * neither is preferred.
 */
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/depmod.h"
#include "conf.h"

/* Is PATH an override, which has no ending? */
static bool prefers_override(const struct dm_config *config, const char *path)
{
	const char *base = strrchr(path, '/');
	size_t len = (size_t)(strchrnul(base ? base : path, '.') - path);

	for (size_t i = 0; i < config->overrides.n; i++)
		if (strlen(config->overrides.v[i]) == len &&
		    !memcmp(config->overrides.v[i], path, len))
			return true;
	return false;
}

/* The place among the searches: a greater one wins. */
static int prefers_place(const struct dm_config *config, const char *path)
{
	int place = -1, builtin = -1;

	for (size_t i = 0; i < config->n_searches; i++) {
		const struct dm_search *s = &config->searches[i];

		if (s->kind == DM_SEARCH_BUILTIN)
			builtin = (int)i;
		else if (s->kind == DM_SEARCH_DIRECTORY && !strncmp(path, s->directory, s->len) &&
			 path[s->len] == '/')
			place = (int)i;
	}
	return place < 0 ? builtin : place;
}

int mf_depmod_prefers(struct mf_context *ctx, const char *kernel, const char *path,
		      const char *other, bool *ret_prefers)
{
	_cleanup_(dm_config_done) struct dm_config config = { 0 };
	int r = dm_config_read(ctx, NULL, kernel, &config);

	if (r < 0)
		return r;
	if (prefers_override(&config, path) || prefers_override(&config, other))
		*ret_prefers = prefers_override(&config, path);
	else
		*ret_prefers = prefers_place(&config, path) > prefers_place(&config, other);
	return 0;
}
