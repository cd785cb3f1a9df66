/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the state knows of the files of a tree.
 *
 * A file is known by its path; what the state says of it holds while its size, inode and both times
 * are the same and it had not changed just before it was read. The change time is among them
 * because no call sets it: an edit in place with the modification time put back, or with the clock
 * put back, still shows.
 *
 * Facts from the base are used where they are. Those from the recent part go into this run's own
 * segment, which becomes the next recent part. Where that would be large beside the base, or much
 * of the base is out of use, all facts go there, and it becomes the next base.
 */
#include <errno.h>
#include <stdlib.h>
#include "modfetch/cleanup.h"
#include "match.h"

static bool fits(const struct dm_record *record, const struct dm_file *file)
{
	return dm_numbers_equal(&record->numbers, &file->numbers) && (record->flags & DM_READ) &&
	       !(record->flags & DM_RACY);
}

static int add_paths(const struct dm_segment *s, uint32_t first, struct mf_table *by_path)
{
	for (uint32_t i = 0; i < s->n_records; i++) {
		uint32_t *value;
		int r = mf_table_put(by_path, s->strings + s->records[i].path,
				     s->records[i].path_len, first + i, &value);

		if (r < 0)
			return r;
		/* the recent part counts */
		*value = first + i;
	}
	return 0;
}

/* Finds each file's record. */
static int match_look_up(const struct dm_state *state, struct dm_scan *scan)
{
	_cleanup_(mf_table_done) struct mf_table by_path = { 0 };
	uint32_t n_base = state->base.n_records, n_recent = state->recent.n_records;
	int r = mf_table_reserve(&by_path, (size_t)n_base + n_recent);

	if (r >= 0)
		r = add_paths(&state->base, 0, &by_path);
	if (r >= 0)
		r = add_paths(&state->recent, n_base, &by_path);
	for (size_t i = 0; i < scan->n && r >= 0; i++) {
		struct dm_file *f = &scan->files[i];
		const uint32_t *found = mf_table_get(&by_path, f->path, f->path_len);

		f->record = found ? *found : DM_NONE;
	}
	return r;
}

static void match_module(const struct dm_state *state, struct dm_module *m)
{
	uint32_t number = m->file->record, n_base = state->base.n_records;

	if (number == DM_NONE)
		return;
	m->old_segment = number < n_base ? &state->base : &state->recent;
	m->old = &m->old_segment->records[number < n_base ? number : number - n_base];
	if (!fits(m->old, m->file))
		return;
	if (number < n_base) {
		m->segment = m->old_segment;
		m->record = m->old;
	} else {
		m->recalled = true;
	}
}

/* Which records of the base are out of use. */
static int find_gone(const struct dm_state *state, const struct dm_scan *scan,
		     const struct dm_modules *modules, struct dm_match *match)
{
	uint32_t n = state->base.n_records;
	_cleanup_free_ uint8_t *used = calloc(n + 1, 1);

	match->gone = reallocarray(NULL, n + 1, sizeof(*match->gone));
	if (!used || !match->gone)
		return -ENOMEM;
	for (size_t i = 0; i < scan->n; i++)
		if (scan->files[i].record < n)
			used[scan->files[i].record] = 1;
	/* a module that has to be read again gets a newer record elsewhere */
	for (size_t i = 0; i < modules->n; i++)
		if (!modules->v[i].record && modules->v[i].file->record < n)
			used[modules->v[i].file->record] = 0;
	for (uint32_t i = 0; i < n; i++)
		if (!used[i])
			match->gone[match->n_gone++] = i;
	return 0;
}

/* Has all facts copied into this run's segment; files without facts get their records there too. */
static void begin_new_base(struct dm_modules *modules, struct dm_match *match)
{
	for (size_t i = 0; i < modules->n; i++) {
		struct dm_module *m = &modules->v[i];

		m->recalled |= m->record != NULL;
		m->record = NULL;
		m->segment = NULL;
	}
	match->n_gone = 0;
}

int dm_match(const struct dm_state *state, struct dm_scan *scan, struct dm_modules *modules,
	     struct dm_match *ret_match)
{
	_cleanup_(dm_match_done) struct dm_match match = { 0 };
	uint32_t n_base = state->base.n_records, n_used;
	size_t n_known = 0;
	int r = match_look_up(state, scan);

	for (size_t i = 0; i < modules->n && r >= 0; i++)
		match_module(state, &modules->v[i]);
	if (r >= 0)
		r = find_gone(state, scan, modules, &match);
	if (r < 0)
		return r;
	for (size_t i = 0; i < scan->n; i++)
		n_known += scan->files[i].record != DM_NONE;
	match.news = n_known != scan->n ||
		     scan->n != (size_t)n_base - state->n_gone + state->recent.n_records;
	n_used = n_base - match.n_gone;
	match.new_base =
		scan->n - n_used > n_base / 8 + 16 || match.n_gone > n_base / 4 + 16 || !n_base;
	if (match.new_base)
		begin_new_base(modules, &match);
	*ret_match = match;
	match = (struct dm_match){ 0 };
	return 0;
}

void dm_match_done(struct dm_match *match)
{
	free(match->gone);
	*match = (struct dm_match){ 0 };
}
