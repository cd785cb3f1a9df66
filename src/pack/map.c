/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A map from names to numbers (symbols to the modules that export them, modules to their packages):
 * a thin layer over modfetch/table.h, whose hash does not withstand an attacker. It need not: the
 * names come from a kernel build that the user chose to pack. And lists of numbers.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "model.h"

int pack_map_set(struct pack_map *map, const char *key, size_t value)
{
	uint32_t *place;
	int r = mf_table_put(&map->table, key, strlen(key), (uint32_t)value, &place);

	if (r >= 0)
		*place = (uint32_t)value;
	return r < 0 ? r : 0;
}

size_t pack_map_get(const struct pack_map *map, const char *key)
{
	const uint32_t *value = mf_table_get(&map->table, key, strlen(key));

	return value ? *value : PACK_NONE;
}

void pack_map_done(struct pack_map *map)
{
	mf_table_done(&map->table);
}

int pack_list_add(struct pack_list *list, size_t value)
{
	if (mf_array_reserve(&list->v, &list->room, list->n + 1, sizeof(*list->v)) < 0)
		return -ENOMEM;
	list->v[list->n++] = value;
	return 0;
}

static int compare_numbers(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;

	return (x > y) - (x < y);
}

void pack_list_unique(struct pack_list *list)
{
	size_t kept = 0;

	if (!list->n)
		return;
	qsort(list->v, list->n, sizeof(*list->v), compare_numbers);
	for (size_t i = 1; i < list->n; i++)
		if (list->v[i] != list->v[kept])
			list->v[++kept] = list->v[i];
	list->n = kept + 1;
}

bool pack_list_has(const struct pack_list *list, size_t value)
{
	return list->n && bsearch(&value, list->v, list->n, sizeof(*list->v), compare_numbers);
}

void pack_list_done(struct pack_list *list)
{
	free(list->v);
	*list = (struct pack_list){ 0 };
}
