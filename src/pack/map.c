/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A map from names to numbers (symbols to the modules that export them, modules to their packages),
 * and lists of numbers. Open addressing, at most half full; keys are borrowed. The names come from
 * a kernel build that the user chose to pack, so the hash need not withstand an attacker.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "model.h"

struct pack_map_slot {
	const char *key; /* NULL: empty */
	size_t value;
};

static size_t map_hash(const char *key)
{
	uint64_t h = 14695981039346656037ULL; /* FNV-1a */

	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * 1099511628211ULL;
	return (size_t)(h ^ h >> 32);
}

/* The slot of KEY, or the empty slot where it belongs. */
static struct pack_map_slot *map_find(const struct pack_map *map, const char *key)
{
	size_t i = map_hash(key) & (map->room - 1);

	while (map->slots[i].key && strcmp(map->slots[i].key, key))
		i = (i + 1) & (map->room - 1);
	return &map->slots[i];
}

static int map_grow(struct pack_map *map)
{
	struct pack_map bigger = { .room = map->room ? 2 * map->room : 64, .n = map->n };

	bigger.slots = calloc(bigger.room, sizeof(*bigger.slots));
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < map->room; i++)
		if (map->slots[i].key)
			*map_find(&bigger, map->slots[i].key) = map->slots[i];
	free(map->slots);
	*map = bigger;
	return 0;
}

int pack_map_set(struct pack_map *map, const char *key, size_t value)
{
	struct pack_map_slot *slot;
	int r;

	if (2 * map->n >= map->room) {
		r = map_grow(map);
		if (r < 0)
			return r;
	}
	slot = map_find(map, key);
	map->n += !slot->key;
	*slot = (struct pack_map_slot){ slot->key ? slot->key : key, value };
	return 0;
}

size_t pack_map_get(const struct pack_map *map, const char *key)
{
	const struct pack_map_slot *slot = map->room ? map_find(map, key) : NULL;

	return slot && slot->key ? slot->value : PACK_NONE;
}

void pack_map_done(struct pack_map *map)
{
	free(map->slots);
	*map = (struct pack_map){ 0 };
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
