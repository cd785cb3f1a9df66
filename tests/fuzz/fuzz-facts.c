/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A depmod state of any bytes: the digests are corrected first, so that the checks after them are
 * reached. An accepted state can be used: every string ends inside the file, every number refers to
 * an existing entry.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "src/depmod/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct bounds {
	const char *begin, *end;
};

static void check_string(const struct bounds *b, const char *s, size_t len)
{
	assert(s >= b->begin && s < b->end && len < (size_t)(b->end - s));
	assert(strnlen(s, (size_t)(b->end - s)) < (size_t)(b->end - s));
}

static void check_aliases(const struct bounds *b, const struct dm_segment *s)
{
	for (uint32_t i = 0; i < s->n_aliases; i++) {
		const struct dm_alias *a = &s->aliases[i];

		check_string(b, s->strings + a->raw, a->raw_len);
		if (a->norm_len != DM_NONE)
			check_string(b, s->strings + a->norm, a->norm_len);
	}
	for (uint32_t i = 0; i < s->n_alias_order; i++)
		assert(s->alias_order[i] < s->n_aliases);
}

static void check_record(const struct bounds *b, const struct dm_segment *s,
			 const struct dm_record *r)
{
	check_string(b, s->strings + r->path, r->path_len);
	for (uint32_t i = 0; i < r->n_exports; i++)
		assert(s->exports[r->exports + i] < s->n_symbols);
	for (uint32_t i = 0; i < r->n_imports; i++)
		assert((s->imports[r->imports + i] & ~DM_WEAK) < s->n_symbols);
	assert(r->aliases <= s->n_aliases && r->n_aliases <= s->n_aliases - r->aliases);
	for (uint32_t i = 0; i < r->n_extras; i++)
		check_string(b, s->strings + s->extras[r->extras + i].text,
			     s->extras[r->extras + i].len);
}

static void check(const struct bounds *b, const struct dm_state_file *file)
{
	const struct dm_segment *s = &file->segment;

	for (uint32_t i = 0; i < s->n_symbols; i++)
		check_string(b, s->strings + s->symbols[i].name, s->symbols[i].len);
	for (uint32_t i = 0; i < s->n_records; i++)
		check_record(b, s, &s->records[i]);
	check_aliases(b, s);
	for (uint32_t i = 1; i < file->n_gone; i++)
		assert(file->gone[i] > file->gone[i - 1]);
}

/* The digests that a run would have written. */
static void seal(char *p, size_t len)
{
	struct dm_state_head *head = (struct dm_state_head *)(void *)p;
	struct dm_buf buf = { p, len, len, false };
	struct dm_done done = { 0 };

	memcpy(head->magic, DM_STATE_MAGIC, sizeof(DM_STATE_MAGIC));
	head->version = DM_STATE_VERSION;
	head->byte_order = DM_STATE_BYTE_ORDER;
	head->len = len;
	dm_state_seal(&buf, &done, head->base);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dm_state_file file;
	char *copy = malloc(size + 1);

	assert(copy);
	memcpy(copy, data, size);
	if (!dm_state_parse(copy, size, &file))
		check(&(struct bounds){ copy, copy + size }, &file);
	if (size >= sizeof(struct dm_state_head)) {
		seal(copy, size);
		if (!dm_state_parse(copy, size, &file))
			check(&(struct bounds){ copy, copy + size }, &file);
	}
	free(copy);
	return 0;
}
