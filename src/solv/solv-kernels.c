/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The adapter of libsolv: which installed packages count for a kernel.
 *
 * A pool answers for one kernel. An installed package of another one (solv-marks.c) exports and
 * provides nothing for it, so it is taken out of the pool before anything is asked. A package whose
 * modules the index of this kernel has as links counts, wherever they lie. A package of another
 * kernel that a plan could replace (another version of it is in a repository, and does not stay
 * beside it) or contradict stays in the pool, but only with its names.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"
#include "solv-marks.h"

/* ---- installed packages of other kernels ---- */

/* Has the list for planning left out exports of it? */
static bool has_hidden_exports(const struct mf_pool *mp, Id id)
{
	for (size_t i = 0; i < mp->n_lists; i++) {
		const struct mf_solv_list *list = &mp->lists[i];

		if (id >= list->first && id - list->first < (Id)list->n)
			return list->packages[id - list->first].n_provides;
	}
	return false;
}

static bool is_of_other(const struct mf_pool *mp, Id id)
{
	const Solvable *s = pool_id2solvable(mp->pool, id);
	struct mf_marks m = { 0 };
	int built = mf_marks_built_for(mp->kernel, mp->pool, id, &m);

	if (built)
		return built < 0;
	/* a kernel's own package, of which nothing but its version is known */
	return mf_marks_kernel_family(pool_id2str(mp->pool, s->name)) &&
	       (m.exports || m.side_by_side || has_hidden_exports(mp, id)) &&
	       !mf_marks_own_version(mp->kernel, pool_id2str(mp->pool, s->evr));
}

/* Has the index of this kernel a module of that package as a link? */
static bool is_linked(struct mf_pool *mp, Id id, mf_pool_link *link, void *arg)
{
	const Solvable *s = pool_id2solvable(mp->pool, id);
	const Id *p = s->provides ? s->repo->idarraydata + s->provides : NULL;

	for (; p && *p; p++) {
		Id name = ISRELDEP(*p) ? GETRELDEP(mp->pool, *p)->name : *p;
		char module[MF_MODULE_NAME_SIZE], release[MF_RELEASE_MAX];

		if (!ISRELDEP(name) &&
		    mf_dep_module(pool_id2str(mp->pool, name), module, sizeof(module)) &&
		    link(arg, module, release) && mf_marks_lie_in(mp, id, release))
			return true;
	}
	return false;
}

static void find_others(struct mf_pool *mp, mf_pool_link *link, void *arg)
{
	struct mf_pool_kernel *k = mp->kernel;
	Solvable *s;
	Id id;

	FOR_REPO_SOLVABLES(mp->installed, id, s)
	{
		if (!is_of_other(mp, id) || is_linked(mp, id, link, arg))
			continue;
		MAPSET(&k->other, id);
		queue_push(&k->others, id);
		queue_push2(&k->known, s->name, s->evr);
		queue_push2(&k->known, s->arch, (Id)s->provides);
	}
}

/* Marks in NAMED those names of others that a dependency of a package names. */
static void mark_named(Pool *pool, const Solvable *s, Offset deps, const Map *called, Map *named)
{
	for (const Id *p = s->repo->idarraydata + deps; deps && *p; p++) {
		Id name = *p;

		while (ISRELDEP(name))
			name = GETRELDEP(pool, name)->name;
		if (mf_map_has(called, name))
			MAPSET(named, name);
	}
}

static void note_twin(struct mf_pool *mp, Id id)
{
	const Solvable *s = pool_id2solvable(mp->pool, id);

	for (int i = 0; i < mp->kernel->others.count; i++) {
		const Solvable *o = pool_id2solvable(mp->pool, mp->kernel->others.elements[i]);

		if (o->name == s->name && o->evr == s->evr && o->arch == s->arch)
			queue_pushunique(&mp->kernel->twins, id);
	}
}

/* NAMED: the names of others that a package of a repository could replace or contradict. */
static void look_at_repositories(struct mf_pool *mp, const Map *called, Map *named)
{
	for (Id id = 2; id < mp->pool->nsolvables; id++) {
		const Solvable *s = pool_id2solvable(mp->pool, id);
		struct mf_marks m;

		if (!s->repo || s->repo == mp->installed)
			continue;
		mark_named(mp->pool, s, s->obsoletes, called, named);
		mark_named(mp->pool, s, s->conflicts, called, named);
		if (!mf_map_has(called, s->name))
			continue;
		note_twin(mp, id);
		mf_marks_read(mp->kernel, mp->pool, id, &m);
		if (!m.side_by_side)
			MAPSET(named, s->name);
	}
}

/* Leaves a package its names alone: "NAME = EVR", "NAME", but nothing of a kernel. */
static void strip(struct mf_pool *mp, Id id)
{
	Solvable *s = pool_id2solvable(mp->pool, id);
	const char *package = pool_id2str(mp->pool, s->name);
	int kept = 0;
	Queue q;

	queue_init(&q);
	solvable_lookup_deparray(s, SOLVABLE_PROVIDES, &q, 0);
	for (int i = 0; i < q.count; i++) {
		const char *name = pool_id2str(mp->pool, q.elements[i]);

		if (!strchr(name, '(') && !mf_pool_is_kernel_mark(name, package))
			q.elements[kept++] = q.elements[i];
	}
	queue_truncate(&q, kept);
	s->provides = 0;
	for (int i = 0; i < q.count; i++)
		s->provides = repo_addid(s->repo, s->provides, q.elements[i]);
	queue_free(&q);
}

/* Such a package stays in the pool; others of its name may come beside it, if they are of that kind. */
static void keep_names(struct mf_pool *mp, Id installed)
{
	Id name = pool_id2solvable(mp->pool, installed)->name;

	strip(mp, installed);
	for (Id id = 2; id < mp->pool->nsolvables; id++) {
		const Solvable *s = pool_id2solvable(mp->pool, id);
		struct mf_marks m;

		if (!s->repo || s->repo == mp->installed || s->name != name)
			continue;
		mf_marks_read(mp->kernel, mp->pool, id, &m);
		if (m.side_by_side)
			queue_pushunique(&mp->kernel->beside, id);
	}
	if (mp->kernel->beside.count)
		queue_pushunique(&mp->kernel->beside, installed);
}

void mf_solv_beside_jobs(const struct mf_pool *mp, Queue *jobs)
{
	for (int i = 0; mp->kernel && i < mp->kernel->beside.count; i++)
		queue_push2(jobs, SOLVER_MULTIVERSION | SOLVER_SOLVABLE,
			    mp->kernel->beside.elements[i]);
}

int mf_pool_set_kernel(struct mf_pool *mp, const struct mf_release *release, bool keep_others,
		       mf_pool_link *link, void *arg)
{
	Map called, named;
	int r = mf_pool_kernel_new(mp, release);

	if (r < 0)
		return r;
	find_others(mp, link, arg);
	if (!mp->kernel->others.count || keep_others)
		return 0;
	map_init(&called, mp->pool->ss.nstrings);
	map_init(&named, mp->pool->ss.nstrings);
	for (int i = 0; i < mp->kernel->others.count; i++)
		MAPSET(&called, pool_id2solvable(mp->pool, mp->kernel->others.elements[i])->name);
	look_at_repositories(mp, &called, &named);
	for (int i = 0; i < mp->kernel->others.count; i++) {
		Id id = mp->kernel->others.elements[i];

		if (MAPTST(&named, pool_id2solvable(mp->pool, id)->name))
			keep_names(mp, id);
		else
			repo_free_solvable(mp->installed, id, 0);
	}
	map_free(&called);
	map_free(&named);
	return 0;
}

bool mf_pool_is_of_other(const struct mf_pool *mp, int id)
{
	return mp->kernel && mf_map_has(&mp->kernel->other, id);
}

/* The modules in a list of provides, which outlives its package. 0 or -ENOMEM. */
static int kernels_modules_of(const struct mf_pool *mp, Id provides, struct mf_strings *ret_modules)
{
	const Id *p = provides ? mp->installed->idarraydata + provides : NULL;
	int r = 0;

	for (; !r && p && *p; p++) {
		Id name = *p;
		char module[MF_MODULE_NAME_SIZE];

		while (ISRELDEP(name))
			name = GETRELDEP(mp->pool, name)->name;
		if (mf_dep_module(pool_id2str(mp->pool, name), module, sizeof(module)))
			r = mf_strings_add(ret_modules, module);
	}
	return r;
}

int mf_pool_each_other(const struct mf_pool *mp, mf_pool_other_visit *visit, void *arg)
{
	const Queue *known = mp->kernel ? &mp->kernel->known : NULL;
	int r = 0;

	for (int i = 0; !r && known && i < known->count; i += 4) {
		const Id *e = &known->elements[i];
		_cleanup_(mf_strings_done) struct mf_strings modules = { 0 };
		const struct mf_other_package package = { .name = pool_id2str(mp->pool, e[0]),
							  .evr = pool_id2str(mp->pool, e[1]),
							  .arch = pool_id2str(mp->pool, e[2]),
							  .modules = &modules };

		r = kernels_modules_of(mp, e[3], &modules);
		if (!r)
			r = visit(arg, &package);
	}
	return r;
}

/* ---- packages of repositories ---- */

int mf_pool_elsewhere(const struct mf_pool *mp, int **ret_ids, size_t *ret_n)
{
	size_t n = mp->kernel ? (size_t)mp->kernel->twins.count : 0;
	int *ids = calloc(n + 1, sizeof(*ids));

	if (!ids)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		ids[i] = mp->kernel->twins.elements[i];
	*ret_ids = ids;
	*ret_n = n;
	return 0;
}

bool mf_pool_is_built_for(const struct mf_pool *mp, int id)
{
	struct mf_marks m;

	return mp->kernel && mf_marks_built_for(mp->kernel, mp->pool, id, &m) > 0;
}

/* Is there a package of that name and as good a repository that was built for this kernel? */
static bool has_own_build(struct mf_pool *mp, Id id)
{
	Pool *pool = mp->pool;
	const Solvable *s = pool_id2solvable(pool, id);
	Id who, offset;

	FOR_PROVIDES(who, offset, s->name)
	{
		const Solvable *o = pool_id2solvable(pool, who);

		if (o->name == s->name && o->repo != mp->installed &&
		    o->repo->priority >= s->repo->priority && mf_pool_is_built_for(mp, who))
			return true;
	}
	return false;
}

int mf_pool_other_builds(struct mf_pool *mp, int **ret_ids, size_t *ret_n)
{
	struct mf_marks m;
	int *ids = NULL;
	size_t n = 0, room = 0;

	for (Id id = 2; mp->kernel && id < mp->pool->nsolvables; id++) {
		const Solvable *s = pool_id2solvable(mp->pool, id);

		if (!s->repo || s->repo == mp->installed ||
		    !strstr(pool_id2str(mp->pool, s->evr), "_k") ||
		    mf_marks_built_for(mp->kernel, mp->pool, id, &m) >= 0 || !has_own_build(mp, id))
			continue;
		if (mf_array_reserve(&ids, &room, n + 1, sizeof(*ids)) < 0) {
			free(ids);
			return -ENOMEM;
		}
		ids[n++] = id;
	}
	*ret_ids = ids;
	*ret_n = n;
	return 0;
}
