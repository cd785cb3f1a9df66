/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_TABLE_H
#define MODFETCH_TABLE_H
/*
 * A hash table from byte strings to numbers, and an arena for many small strings that are freed at
 * once.
 */
#include <stddef.h>
#include <stdint.h>

/* A 64-bit hash of LEN bytes, equal on all machines of one byte order. Not collision resistant. */
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

/* Makes room for N keys in all. 0 or -ENOMEM. */
int mf_table_reserve(struct mf_table *table, size_t n);
/*
 * Returns a pointer to the value of a key in RET_VALUE, valid until the next put; adds the key with
 * VALUE if it is missing. 1: added; 0: it was there; or -ENOMEM.
 */
int mf_table_put(struct mf_table *table, const char *key, size_t len, uint32_t value,
		 uint32_t **ret_value);
/* A pointer to the value of a key, valid until the next put; NULL: no such key. */
uint32_t *mf_table_get(const struct mf_table *table, const char *key, size_t len);
void mf_table_done(struct mf_table *table);

/* Memory that is freed all at once. Zeroed: empty. */
struct mf_arena {
	struct mf_arena_chunk *chunk;
	size_t used, room;
};

/* Aligned for any object; NULL: no memory. */
void *mf_arena_alloc(struct mf_arena *arena, size_t len);
/* A copy of LEN bytes with a NUL added; NULL: no memory. */
char *mf_arena_copy(struct mf_arena *arena, const char *s, size_t len);
void mf_arena_done(struct mf_arena *arena);

#endif
