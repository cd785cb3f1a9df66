/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The adapter of libsolv: from a list in parts (solv-parts.h) to the few packages of it that a plan
 * can touch.
 *
 * libsolv makes rules for the packages of its jobs, for those installed and what could replace
 * them, and goes on to whoever provides what these require or recommend. A package beyond that has
 * no rule and can be in no plan. So it is these that are brought in; versions are not looked at,
 * which brings in some too many, never one too few. Every package has the id it would have if the
 * whole list had been read, and names have their order, so that the choice between equals is the
 * same too.
 *
 * The file ends in a hash, as the others do; whatever it says, no place in it is believed before it
 * was compared with the file's length.
 */
#include "modfetch/solv-parts.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/table.h"
#include "solv-parts.h"

void mf_parts_free(struct mf_parts *parts)
{
	if (!parts)
		return;
	mf_solv_unmap(parts->map, parts->len);
	free(parts->ids);
	free(parts->rel_ids);
	free(parts->queue);
	free(parts->marks);
	free(parts->asked);
	map_free(&parts->asked_names);
	map_free(&parts->reached);
	free(parts);
}

/* ---- the file ---- */

/* Where the next N things of SIZE begin; moves AT behind them. */
static const void *take(const struct mf_parts *parts, uint64_t *at, uint32_t n, size_t size)
{
	const char *from = parts->map + *at;

	*at += (uint64_t)n * size;
	return *at <= parts->len ? from : NULL;
}

static bool lay_out(struct mf_parts *parts)
{
	const struct mf_parts_head *head = (const void *)parts->map;
	uint64_t at = sizeof(*head);

	if (parts->len < sizeof(*head) || memcmp(head->mark, MF_PARTS_MARK, sizeof(MF_PARTS_MARK)))
		return false;
	parts->head = head;
	/* each place is inside: what is before it was */
	if (!(parts->packages = take(parts, &at, head->n_packages, sizeof(*parts->packages))) ||
	    !(parts->strings = take(parts, &at, head->n_strings, sizeof(*parts->strings))) ||
	    !(parts->rels = take(parts, &at, head->n_rels, sizeof(*parts->rels))) ||
	    !(parts->slots = take(parts, &at, head->n_slots, sizeof(*parts->slots))) ||
	    !(parts->words = take(parts, &at, head->n_words, sizeof(*parts->words))) ||
	    !(parts->text = take(parts, &at, head->n_text, 1)))
		return false;
	return at == parts->len && head->n_text && !parts->text[head->n_text - 1] &&
	       head->n_words && !parts->words[0] && head->n_slots &&
	       !(head->n_slots & (head->n_slots - 1)) && head->n_strings && head->n_rels &&
	       head->n_packages < INT32_MAX / 2 && head->image <= head->n_packages;
}

const char *mf_parts_text_at(struct mf_parts *parts, uint32_t at)
{
	if (at < parts->head->n_text)
		return parts->text + at;
	parts->damaged = true;
	return "";
}

const uint32_t *mf_parts_list_at(struct mf_parts *parts, uint32_t at, uint32_t *ret_n)
{
	*ret_n = 0;
	if (at >= parts->head->n_words || parts->words[at] >= parts->head->n_words - at) {
		parts->damaged = true;
		return NULL;
	}
	*ret_n = parts->words[at];
	return parts->words + at + 1;
}

/* ---- into the pool ---- */

static Id string_id(struct mf_parts *parts, uint32_t string)
{
	if (!string)
		return 0;
	if (string >= parts->head->n_strings) {
		parts->damaged = true;
		return 0;
	}
	if (!parts->ids[string])
		parts->ids[string] = pool_str2id(
			parts->repo->pool, mf_parts_text_at(parts, parts->strings[string].text), 1);
	return parts->ids[string];
}

Id mf_parts_dep_id(struct mf_parts *parts, uint32_t dep)
{
	uint32_t i = dep & ~MF_PARTS_REL;
	const struct mf_parts_rel *rel;
	Id name, evr;

	if (!(dep & MF_PARTS_REL))
		return string_id(parts, dep);
	if (i >= parts->head->n_rels) {
		parts->damaged = true;
		return 0;
	}
	if (parts->rel_ids[i])
		return parts->rel_ids[i];
	rel = &parts->rels[i];
	name = string_id(parts, rel->name);
	evr = string_id(parts, rel->evr);
	if (name && evr)
		parts->rel_ids[i] = pool_rel2id(parts->repo->pool, name, evr,
						(int)(rel->flags & MF_PARTS_FLAGS), 1);
	else
		parts->damaged = true;
	return parts->rel_ids[i];
}

/* A symbol that nobody asks for. */
static bool is_idle(const struct mf_parts *parts, uint32_t dep)
{
	uint32_t i = dep & ~MF_PARTS_REL;

	return (dep & MF_PARTS_REL) && i < parts->head->n_rels &&
	       (parts->rels[i].flags & MF_PARTS_SYMBOL) &&
	       parts->rels[i].name < parts->head->n_strings && !parts->asked[parts->rels[i].name];
}

/* IDLE: those too that nobody asks for. */
static Offset add_deps(struct mf_parts *parts, uint32_t list, bool idle)
{
	Offset deps = 0;
	uint32_t n;
	const uint32_t *v = mf_parts_list_at(parts, list, &n);

	for (uint32_t i = 0; i < n; i++) {
		Id id = 0;

		if (idle || !is_idle(parts, v[i]))
			id = mf_parts_dep_id(parts, v[i]);
		if (id)
			deps = repo_addid(parts->repo, deps, id);
	}
	return deps;
}

static void add_package(struct mf_parts *parts, uint32_t i)
{
	const struct mf_parts_package *p = &parts->packages[i];
	Solvable *s = pool_id2solvable(parts->repo->pool, parts->start + (Id)i);

	s->repo = parts->repo;
	parts->repo->nsolvables++;
	s->name = string_id(parts, p->name);
	s->evr = string_id(parts, p->evr);
	s->arch = string_id(parts, p->arch);
	s->vendor = string_id(parts, p->vendor);
	if (!s->name || !s->evr || !s->arch)
		parts->damaged = true;
	/* between equals libsolv looks at the versions of all that both provide */
	s->provides = add_deps(parts, p->deps[PARTS_PROVIDES],
			       parts->others || (parts->marks[i] & PART_RIVAL));
	s->requires = add_deps(parts, p->deps[PARTS_REQUIRES], true);
	s->conflicts = add_deps(parts, p->deps[PARTS_CONFLICTS], true);
	s->obsoletes = add_deps(parts, p->deps[PARTS_OBSOLETES], true);
	s->recommends = add_deps(parts, p->deps[PARTS_RECOMMENDS], true);
}

/* ---- what may be needed ---- */

/* RIVAL: others have the same. */
static void want_package(struct mf_parts *parts, uint32_t i, bool rival)
{
	if (i >= parts->head->n_packages) {
		parts->damaged = true;
		return;
	}
	if (!(parts->marks[i] & PART_QUEUED))
		parts->queue[parts->n++] = i;
	parts->marks[i] |= rival ? PART_QUEUED | PART_RIVAL : PART_QUEUED;
}

/* Who has what begins with that string of the list? */
static void want_string(struct mf_parts *parts, uint32_t string)
{
	const uint32_t *v;
	uint32_t n;

	if (string >= parts->head->n_strings) {
		parts->damaged = true;
		return;
	}
	if (parts->asked[string])
		return;
	parts->asked[string] = true;
	v = mf_parts_list_at(parts, parts->strings[string].owners, &n);
	for (uint32_t i = 0; i < n; i++)
		want_package(parts, v[i], n > 1);
}

static void want_list(struct mf_parts *parts, uint32_t list)
{
	uint32_t n;
	const uint32_t *v = mf_parts_list_at(parts, list, &n);

	for (uint32_t i = 0; i < n; i++) {
		uint32_t rel = v[i] & ~MF_PARTS_REL;

		if (!(v[i] & MF_PARTS_REL))
			want_string(parts, v[i]);
		else if (rel < parts->head->n_rels)
			want_string(parts, parts->rels[rel].name);
		else
			parts->damaged = true;
	}
}

static void want_name(struct mf_parts *parts, const char *name)
{
	uint32_t at = (uint32_t)mf_hash(name, strlen(name)), string;

	for (uint32_t tries = 0; tries < parts->head->n_slots; tries++, at++) {
		string = parts->slots[at & (parts->head->n_slots - 1)];
		if (!string)
			return;
		if (string >= parts->head->n_strings) {
			parts->damaged = true;
			return;
		}
		if (!strcmp(mf_parts_text_at(parts, parts->strings[string].text), name)) {
			want_string(parts, string);
			return;
		}
	}
}

/* ---- what else is in the pool ---- */

/*
 * The packages of other lists that are needed: what these need is asked for too. True: some have
 * come up that had not before.
 */
static bool reach_others(struct mf_pool *mp, struct mf_parts *parts)
{
	Pool *pool = mp->pool;
	bool more = false;
	Map needs;

	map_init(&needs, pool->ss.nstrings);
	map_grow(&parts->asked_names, pool->ss.nstrings);
	for (uint32_t i = 0; i < parts->head->n_strings; i++)
		if (parts->asked[i] && parts->ids[i])
			MAPSET(&parts->asked_names, parts->ids[i]);
	for (Id id = 2; id < pool->nsolvables; id++) {
		const Solvable *s = pool_id2solvable(pool, id);

		if (!s->repo || s->repo == mp->installed || s->repo == parts->repo ||
		    MAPTST(&parts->reached, id) ||
		    !mf_solv_has_noted(s, s->provides, &parts->asked_names))
			continue;
		MAPSET(&parts->reached, id);
		mf_solv_note_deps(s, s->requires, &needs);
		mf_solv_note_deps(s, s->recommends, &needs);
		more = true;
	}
	for (Id id = 1; more && id < pool->ss.nstrings; id++)
		if (MAPTST(&needs, id) && !MAPTST(&parts->asked_names, id)) {
			MAPSET(&parts->asked_names, id);
			want_name(parts, pool_id2str(pool, id));
		}
	map_free(&needs);
	return more;
}

/* ---- all of it ---- */

static int by_number(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Their names come first, in the list's order: that decides between equals. */
static int add_names(struct mf_parts *parts)
{
	size_t n = parts->n - parts->n_added;
	_cleanup_free_ uint32_t *names = calloc(n + 1, sizeof(*names));

	if (!names)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		names[i] = parts->packages[parts->queue[parts->n_added + i]].name;
	qsort(names, n, sizeof(*names), by_number);
	for (size_t i = 0; i < n; i++)
		string_id(parts, names[i]);
	return 0;
}

/* With what they need, if FOLLOW. */
static int add_queued(struct mf_parts *parts, bool follow)
{
	int r;

	for (; follow && parts->n_followed < parts->n; parts->n_followed++) {
		const struct mf_parts_package *p =
			&parts->packages[parts->queue[parts->n_followed]];

		want_list(parts, p->deps[PARTS_REQUIRES]);
		want_list(parts, p->deps[PARTS_RECOMMENDS]);
	}
	r = add_names(parts);
	for (; !r && parts->n_added < parts->n; parts->n_added++)
		add_package(parts, parts->queue[parts->n_added]);
	return !r && parts->damaged ? -EBADMSG : r;
}

int mf_pool_load(struct mf_pool *pool, const char *const *names, size_t n)
{
	struct mf_parts *parts = pool->parts;
	int r = 0;

	if (!parts)
		return 0;
	repo_internalize(pool->installed);
	map_grow(&parts->reached, pool->pool->nsolvables);
	map_grow(&parts->asked_names, pool->pool->ss.nstrings);
	for (size_t i = 0; i < n; i++) {
		Id id = pool_str2id(pool->pool, names[i], 0);

		if (id)
			MAPSET(&parts->asked_names, id);
	}
	while (!r && parts->others && reach_others(pool, parts))
		r = add_queued(parts, true);
	return r < 0 ? r : mf_parts_touch(pool);
}

int mf_pool_bring(struct mf_pool *pool, const char *const *names, size_t n)
{
	struct mf_parts *parts = pool->parts;

	if (!parts)
		return 0;
	for (size_t i = 0; i < n; i++)
		want_name(parts, names[i]);
	return add_queued(parts, false);
}

static int begin(struct mf_pool *pool, struct mf_parts *parts, int origin, int priority)
{
	const struct mf_parts_head *head = parts->head;
	uint32_t n;
	const uint32_t *names = mf_parts_list_at(parts, head->names, &n);

	parts->ids = calloc(head->n_strings, sizeof(*parts->ids));
	parts->rel_ids = calloc(head->n_rels, sizeof(*parts->rel_ids));
	parts->queue = calloc((size_t)head->n_packages + 1, sizeof(*parts->queue));
	parts->marks = calloc((size_t)head->n_packages + 1, sizeof(*parts->marks));
	parts->asked = calloc(head->n_strings, sizeof(*parts->asked));
	map_init(&parts->asked_names, 0);
	map_init(&parts->reached, 0);
	if (!parts->ids || !parts->rel_ids || !parts->queue || !parts->marks || !parts->asked)
		return -ENOMEM;
	parts->repo = mf_solv_new_repo(pool, origin, priority);
	parts->start = repo_add_solvable_block(parts->repo, (int)head->n_packages);
	/* those that are not needed are none */
	for (uint32_t i = 0; i < head->n_packages; i++)
		pool_id2solvable(pool->pool, parts->start + (Id)i)->repo = NULL;
	parts->repo->nsolvables = 0;
	parts->others = n > 0;
	for (uint32_t i = 0; i < n; i++)
		string_id(parts, names[i]);
	if (head->image)
		want_package(parts, head->image - 1, false);
	return parts->damaged ? -EBADMSG : 0;
}

int mf_pool_add_parts(struct mf_pool *pool, int fd, int origin, int priority,
		      const char *const *names, size_t n)
{
	struct mf_parts *parts = calloc(1, sizeof(*parts));
	int r;

	if (!parts)
		return -ENOMEM;
	parts->map = mf_solv_map_sealed(fd, &parts->len);
	if (!parts->map || !lay_out(parts)) {
		if (parts->map)
			mf_solv_unmap(parts->map, parts->len);
		free(parts);
		return -EBADMSG;
	}
	pool->parts = parts;
	r = begin(pool, parts, origin, priority);
	for (size_t i = 0; !r && i < n; i++)
		want_name(parts, names[i]);
	return r < 0 ? r : add_queued(parts, true);
}
