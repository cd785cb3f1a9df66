/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Hash table and arena.
 *
 * The table probes linearly through slots that hold 32 bits of the hash and the borrowed key, so
 * that a miss rarely reads a key. It is at most half full. The hash reads eight bytes at a time and
 * multiplies to 128 bits; it is also the checksum of the state file, where speed matters more than
 * strength: no decision about trust may use it.
 */
#include "modfetch/table.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define K0 0xa0761d6478bd642fULL
#define K1 0xe7037ed1a0b428dbULL
#define K2 0x8ebc6af09c88c6e3ULL

static uint64_t table_load(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	__uint128_t product = (__uint128_t)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Two independent lanes keep the multipliers busy on long input. */
static uint64_t hash_blocks(const uint8_t **p, size_t *len, uint64_t h)
{
	uint64_t g = h ^ K2;

	for (; *len >= 32; *p += 32, *len -= 32) {
		h = mix(table_load(*p) ^ K0, table_load(*p + 8) ^ h);
		g = mix(table_load(*p + 16) ^ K1, table_load(*p + 24) ^ g);
	}
	return h ^ g;
}

uint64_t mf_hash(const void *buf, size_t len)
{
	const uint8_t *p = buf;
	uint64_t h = K0 ^ len;
	uint8_t tail[16] = { 0 };

	if (len >= 32)
		h = hash_blocks(&p, &len, h);
	for (; len >= 16; p += 16, len -= 16)
		h = mix(table_load(p) ^ K1, table_load(p + 8) ^ h);
	if (len)
		memcpy(tail, p, len);
	h = mix(table_load(tail) ^ K2, table_load(tail + 8) ^ h);
	return mix(h ^ K1, K0);
}

int mf_table_reserve(struct mf_table *table, size_t n)
{
	struct mf_table_slot *old = table->slots, *slots;
	size_t room = 16, old_room = old ? table->mask + 1 : 0;

	while (room < 2 * n)
		room *= 2;
	if (room <= old_room)
		return 0;
	slots = calloc(room, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (size_t i = 0; i < old_room; i++) {
		size_t at = old[i].hash & (room - 1);

		if (!old[i].key)
			continue;
		while (slots[at].key)
			at = (at + 1) & (room - 1);
		slots[at] = old[i];
	}
	free(old);
	table->slots = slots;
	table->mask = room - 1;
	return 0;
}

/* The slot of a key, or the empty slot for it. */
static struct mf_table_slot *probe(const struct mf_table *table, const char *key, size_t len,
				   uint32_t hash)
{
	size_t at = hash & table->mask;

	for (;; at = (at + 1) & table->mask) {
		struct mf_table_slot *slot = &table->slots[at];

		if (!slot->key ||
		    (slot->hash == hash && slot->len == len && !memcmp(slot->key, key, len)))
			return slot;
	}
}

int mf_table_put(struct mf_table *table, const char *key, size_t len, uint32_t value,
		 uint32_t **ret_value)
{
	uint32_t hash = (uint32_t)mf_hash(key, len);
	struct mf_table_slot *slot;
	int r = mf_table_reserve(table, table->n + 1);

	if (r < 0)
		return r;
	slot = probe(table, key, len, hash);
	*ret_value = &slot->value;
	if (slot->key)
		return 0;
	*slot = (struct mf_table_slot){ key, (uint32_t)len, hash, value };
	table->n++;
	return 1;
}

uint32_t *mf_table_get(const struct mf_table *table, const char *key, size_t len)
{
	struct mf_table_slot *slot;

	if (!table->n)
		return NULL;
	slot = probe(table, key, len, (uint32_t)mf_hash(key, len));
	return slot->key ? &slot->value : NULL;
}

void mf_table_done(struct mf_table *table)
{
	free(table->slots);
	*table = (struct mf_table){ 0 };
}

struct mf_arena_chunk {
	struct mf_arena_chunk *next;
	max_align_t bytes[];
};

#define CHUNK ((size_t)256 << 10)
#define ALIGN (sizeof(max_align_t))

void *mf_arena_alloc(struct mf_arena *arena, size_t len)
{
	size_t need = (len + ALIGN - 1) / ALIGN * ALIGN;
	char *p;

	if (need < len)
		return NULL;
	if (!arena->chunk || need > arena->room - arena->used) {
		size_t room = need > CHUNK ? need : CHUNK;
		struct mf_arena_chunk *chunk = malloc(sizeof(*chunk) + room);

		if (!chunk)
			return NULL;
		chunk->next = arena->chunk;
		arena->chunk = chunk;
		arena->used = 0;
		arena->room = room;
	}
	p = (char *)arena->chunk->bytes + arena->used;
	arena->used += need;
	return p;
}

char *mf_arena_copy(struct mf_arena *arena, const char *s, size_t len)
{
	char *copy = mf_arena_alloc(arena, len + 1);

	if (!copy)
		return NULL;
	if (len)
		memcpy(copy, s, len);
	copy[len] = '\0';
	return copy;
}

void mf_arena_done(struct mf_arena *arena)
{
	while (arena->chunk) {
		struct mf_arena_chunk *next = arena->chunk->next;

		free(arena->chunk);
		arena->chunk = next;
	}
	*arena = (struct mf_arena){ 0 };
}
