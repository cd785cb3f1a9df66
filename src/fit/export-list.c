/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A list of exported symbols, found by name.
 *
 * It owns its strings, or the text that they are in. The first export of a name stays, as the kernel refuses a second one, unless
 * the caller replaces it.
 */
#include "export-list.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"

int fit_exports_add(struct fit_exports *exports, const struct mf_ksym *symbol, const char *module,
		    bool replace)
{
	struct fit_export new = { .crc = symbol->crc,
				  .has_crc = symbol->has_crc,
				  .gpl_only = symbol->gpl_only };
	uint32_t *place = mf_table_get(&exports->by_name, symbol->name, strlen(symbol->name));
	char *name;

	if (place && !replace)
		return 0;
	new.ns = !*symbol->ns ? "" : mf_arena_copy(&exports->texts, symbol->ns, strlen(symbol->ns));
	new.module = module ? mf_arena_copy(&exports->texts, module, strlen(module)) : NULL;
	if (!new.ns || (module && !new.module))
		return -ENOMEM;
	if (place) {
		exports->v[*place] = new;
		return 0;
	}
	name = mf_arena_copy(&exports->texts, symbol->name, strlen(symbol->name));
	if (!name ||
	    mf_array_reserve(&exports->v, &exports->room, exports->n + 1, sizeof(*exports->v)) < 0)
		return -ENOMEM;
	exports->v[exports->n] = new;
	return mf_table_put(&exports->by_name, name, strlen(name), (uint32_t)exports->n++, &place) <
			       0
		       ? -ENOMEM
		       : 0;
}

int fit_exports_borrow(struct fit_exports *exports, const struct mf_ksym *symbol,
		       const char *module)
{
	uint32_t *place;
	int r = mf_array_reserve(&exports->v, &exports->room, exports->n + 1, sizeof(*exports->v));

	if (!r)
		r = mf_table_put(&exports->by_name, symbol->name, strlen(symbol->name),
				 (uint32_t)exports->n, &place);
	if (r > 0)
		exports->v[exports->n++] = (struct fit_export){ .module = module,
								.ns = symbol->ns,
								.crc = symbol->crc,
								.has_crc = symbol->has_crc,
								.gpl_only = symbol->gpl_only };
	return r < 0 ? r : 0;
}

const struct fit_export *fit_exports_get(const struct fit_exports *exports, const char *symbol)
{
	const uint32_t *place = mf_table_get(&exports->by_name, symbol, strlen(symbol));

	return place ? &exports->v[*place] : NULL;
}

void fit_exports_done(struct fit_exports *exports)
{
	free(exports->v);
	free(exports->vermagic);
	free(exports->text);
	mf_table_done(&exports->by_name);
	mf_arena_done(&exports->texts);
	*exports = (struct fit_exports){ 0 };
}
