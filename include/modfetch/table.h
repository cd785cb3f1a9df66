/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_TABLE_H
#define MODFETCH_TABLE_H
/*
 * A hash table from byte strings to numbers, and the memory that work on many small strings needs:
 * an arena freed at once.
 */
#include <stddef.h>
#include <stdint.h>

/* 64 bits of LEN bytes; the same on every machine of one byte order. Not against an adversary. */
uint64_t mf_hash(const void *buf, size_t len);

struct mf_table_slot {
	const char *key; /* borrowed: must outlive the table; NULL: empty */
	uint32_t len;
	uint32_t hash;
	uint32_t value;
};

/* Zeroed: empty, and ready for use. */
struct mf_table {
	struct mf_table_slot *slots;
	size_t n;
	size_t mask;
};

/* Makes room for N keys beforehand. 0 or -ENOMEM. */
int mf_table_reserve(struct mf_table *table, size_t n);
/*
 * Tells where the value of a key is kept, adding the key with VALUE where it was missing (returns
 * 1, otherwise 0), or -ENOMEM. The place is good until the next put.
 */
int mf_table_put(struct mf_table *table, const char *key, size_t len, uint32_t value,
		 uint32_t **ret_value);
/* Where the value is kept, or NULL. */
uint32_t *mf_table_get(const struct mf_table *table, const char *key, size_t len);
void mf_table_done(struct mf_table *table);

/* Memory given back all at once. Zeroed: empty. */
struct mf_arena {
	struct mf_arena_chunk *chunk;
	size_t used, room;
};

/* Aligned for any object; NULL: no memory. */
void *mf_arena_alloc(struct mf_arena *arena, size_t len);
/* A copy with a NUL behind it; NULL: no memory. */
char *mf_arena_copy(struct mf_arena *arena, const char *s, size_t len);
void mf_arena_done(struct mf_arena *arena);

#endif
