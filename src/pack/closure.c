/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The closure of a set of modules: all modules that they need, and on request also those that they
 * want and request, recursively. deps.c and requests.c find these relations. A closure is a sorted
 * list of places in the kernel's modules.
 */
#include <errno.h>
#include <stdlib.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "model.h"

/*
 * Adds to LIST what its members need (and want and request) until there is nothing to add; SEEN
 * marks the members.
 */
static int grow_closure(const struct pack_kernel *kernel, bool wants_too, struct pack_list *list,
			bool *seen)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct pack_module *module = &kernel->modules[list->v[i]];
		const struct pack_list *next[] = { &module->needs,
						   wants_too ? &module->wants : NULL,
						   wants_too ? &module->requests : NULL };

		for (size_t k = 0; k < MF_ARRAY_SIZE(next); k++)
			for (size_t j = 0; next[k] && j < next[k]->n; j++) {
				int r;

				if (seen[next[k]->v[j]])
					continue;
				seen[next[k]->v[j]] = true;
				r = pack_list_add(list, next[k]->v[j]);
				if (r < 0)
					return r;
			}
	}
	return 0;
}

int pack_closure(const struct pack_kernel *kernel, const struct pack_list *start, bool wants_too,
		 struct pack_list *ret_closure)
{
	_cleanup_(pack_list_done) struct pack_list list = { 0 };
	_cleanup_free_ bool *seen = calloc(kernel->n_modules, sizeof(*seen));
	int r = 0;

	if (!seen)
		return -ENOMEM;
	for (size_t i = 0; r >= 0 && i < start->n; i++) {
		seen[start->v[i]] = true;
		r = pack_list_add(&list, start->v[i]);
	}
	if (r >= 0)
		r = grow_closure(kernel, wants_too, &list, seen);
	if (r < 0)
		return r;
	pack_list_unique(&list);
	*ret_closure = list;
	list = (struct pack_list){ 0 };
	return 0;
}
