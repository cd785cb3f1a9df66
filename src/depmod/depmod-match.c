/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the state knows of the files of a tree.
 *
 * A file is known by its path; what the state says of it holds while its size, inode and both times
 * are the same and it had not changed just before it was read. The change time is among them
 * because nobody sets it: an edit in place with the modification time put back, or with the clock
 * put back, still shows.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "src/depmod/depmod-parts.h"

static bool fits(const struct dm_record *record, const struct dm_file *file)
{
	return record->size == file->size && record->inode == file->inode &&
	       record->mtime == file->mtime && record->ctime == file->ctime &&
	       (record->flags & DM_READ) && !(record->flags & DM_RACY);
}

static int add_paths(const struct dm_segment *s, uint32_t first, struct mf_table *by_path)
{
	for (uint32_t i = 0; i < s->n_records; i++) {
		uint32_t *value;
		int r = mf_table_put(by_path, s->strings + s->records[i].path,
				     s->records[i].path_len, first + i, &value);

		if (r < 0)
			return r;
		/* what is recent counts */
		*value = first + i;
	}
	return 0;
}

const struct dm_segment *dm_match_record(const struct dm_state *state, uint32_t number,
					 const struct dm_record **ret_record)
{
	bool recent = number >= state->base.n_records;
	const struct dm_segment *s = recent ? &state->recent : &state->base;

	*ret_record = &s->records[number - (recent ? state->base.n_records : 0)];
	return s;
}

static void match_module(const struct dm_state *state, uint32_t number, struct dm_module *m)
{
	if (number == DM_NONE)
		return;
	m->old_segment = dm_match_record(state, number, &m->old);
	if (!fits(m->old, m->file))
		return;
	if (m->old_segment == &state->base) {
		m->segment = m->old_segment;
		m->record = m->old;
	} else {
		m->recalled = true;
	}
}

/* Numbers those files that do not come from the state themselves. */
static int ask_for_rest(const struct dm_state *state, struct dm_scan *scan)
{
	_cleanup_(mf_table_done) struct mf_table by_path = { 0 };
	uint32_t n_base = state->base.n_records, n_recent = state->recent.n_records;
	int r = mf_table_reserve(&by_path, (size_t)n_base + n_recent);

	if (r >= 0)
		r = add_paths(&state->base, 0, &by_path);
	if (r >= 0)
		r = add_paths(&state->recent, n_base, &by_path);
	if (r < 0)
		return r;
	for (size_t i = 0; i < scan->n; i++) {
		struct dm_file *f = &scan->files[i];
		const uint32_t *found =
			f->known ? NULL : mf_table_get(&by_path, f->path, f->path_len);

		if (!f->known)
			f->known = found ? *found + 1 : DM_NONE;
	}
	return 0;
}

static int match_files(const struct dm_state *state, struct dm_scan *scan, struct dm_match *match)
{
	size_t n_asked = 0, n_known = 0;

	for (size_t i = 0; i < scan->n; i++)
		n_asked += scan->files[i].known != 0;
	if (n_asked < scan->n) {
		int r = ask_for_rest(state, scan);

		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < scan->n; i++) {
		uint32_t known = scan->files[i].known;

		match->by_file[i] = known == DM_NONE ? DM_NONE : known - 1;
		n_known += known != DM_NONE;
	}
	match->news =
		n_known != scan->n ||
		scan->n != (size_t)state->base.n_records - state->n_gone + state->recent.n_records;
	return 0;
}

int dm_match(const struct dm_state *state, struct dm_scan *scan, struct dm_modules *modules,
	     struct dm_match *ret_match)
{
	_cleanup_(dm_match_done) struct dm_match match = { 0 };
	int r;

	match.by_file = reallocarray(NULL, scan->n + 1, sizeof(uint32_t));
	if (!match.by_file)
		return -ENOMEM;
	r = match_files(state, scan, &match);
	if (r < 0)
		return r;
	for (size_t i = 0; i < modules->n; i++) {
		struct dm_module *m = &modules->v[i];

		match_module(state, match.by_file[m->file - scan->files], m);
	}
	*ret_match = match;
	match = (struct dm_match){ 0 };
	return 0;
}

int dm_match_gone(const struct dm_state *state, const struct dm_scan *scan,
		  const struct dm_modules *modules, struct dm_match *match)
{
	uint32_t n = state->base.n_records;
	_cleanup_free_ uint8_t *used = calloc(n + 1, 1);

	match->gone = reallocarray(NULL, n + 1, sizeof(*match->gone));
	if (!used || !match->gone)
		return -ENOMEM;
	for (size_t i = 0; i < scan->n; i++)
		if (match->by_file[i] < n)
			used[match->by_file[i]] = 1;
	/* one whose module had to be read again has a newer record elsewhere */
	for (size_t i = 0; i < modules->n; i++) {
		const struct dm_module *m = &modules->v[i];
		uint32_t number = match->by_file[m->file - scan->files];

		if (number < n && m->segment != &state->base)
			used[number] = 0;
	}
	for (uint32_t i = 0; i < n; i++)
		if (!used[i])
			match->gone[match->n_gone++] = i;
	return 0;
}

void dm_match_done(struct dm_match *match)
{
	free(match->by_file);
	free(match->gone);
	*match = (struct dm_match){ 0 };
}
