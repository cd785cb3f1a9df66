/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The adapter of libsolv: which kernel a package belongs to. What says so, in this order:
 *
 * - the tag in its name, "igb-kmp-amd64-6.1.0_56"
 * - the module directories that it has files in (a mark that mf_pool_mark_kernel() adds)
 * - the kernel-uname-r, kernel-core-uname-r, … that it provides or needs
 * - SUSE's "NAME-k6.4.0_150600.21" among its provides, or "_k6.4.0_150600.21" in its version
 *
 * A package without any of these may be for every kernel; one of a kernel's own packages is for that
 * of its version. Only texts are compared: whether a module fits a kernel is not decided here.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/module-name.h"
#include "modfetch/strings.h"
#include "solv-marks.h"

#define MARK "modfetch-kernel("

void mf_pool_mark_kernel(struct mf_pool *mp, int id, const char *kernel)
{
	Solvable *s = pool_id2solvable(mp->pool, id);
	char *mark = mf_format(MARK "%s)", kernel);

	if (mark)
		s->provides = repo_addid(s->repo, s->provides, pool_str2id(mp->pool, mark, 1));
	free(mark);
}

bool mf_pool_is_kernel_mark(const char *provide, const char *package)
{
	size_t len = strlen(package);

	return mf_starts_with(provide, MARK) || mf_dep_is_side_by_side(provide) ||
	       mf_dep_is_uname_r(provide) ||
	       (!strncmp(provide, package, len) && mf_starts_with(provide + len, "-k") &&
		isdigit((unsigned char)provide[len + 2]));
}

const char *mf_pool_marked_kernel(const char *provide, size_t *ret_len)
{
	if (!mf_starts_with(provide, MARK))
		return NULL;
	provide += strlen(MARK);
	*ret_len = strcspn(provide, ")");
	return provide;
}

/* ---- what a package says ---- */

static void say(struct mf_marks *m, int kind, bool own)
{
	m->by[kind].own |= own;
	m->by[kind].other |= !own;
}

static bool is_release(const struct mf_release *release, const char *text)
{
	return !strcmp(text, release->release) || !strcmp(text, release->uname_r);
}

/* "kernel-uname-r = RELEASE" */
static bool read_uname(const struct mf_pool_kernel *k, const Pool *pool, Id dep, struct mf_marks *m)
{
	const Reldep *rel = ISRELDEP(dep) ? GETRELDEP(pool, dep) : NULL;

	if (!rel || rel->flags != REL_EQ || ISRELDEP(rel->evr) || !mf_map_has(&k->uname, rel->name))
		return false;
	say(m, BY_UNAME, is_release(&k->release, pool_id2str(pool, rel->evr)));
	return true;
}

/* SUSE builds a driver for each flavor, with the flavor at the end of its name. */
static bool is_own_flavor(const struct mf_pool_kernel *k, const char *package)
{
	const char *flavor = NULL;

	for (const char *p = package; (p = strstr(p, "-kmp-")); p++)
		flavor = p + strlen("-kmp-");
	return !flavor || !strcmp(flavor, k->release.flavor);
}

static void read_provide(const struct mf_pool_kernel *k, const Pool *pool, const Solvable *s,
			 Id dep, struct mf_marks *m)
{
	const char *name, *package = pool_id2str(pool, s->name);
	size_t len = strlen(package);

	if (read_uname(k, pool, dep, m))
		return;
	while (ISRELDEP(dep))
		dep = GETRELDEP(pool, dep)->name;
	name = pool_id2str(pool, dep);
	if (mf_map_has(&k->marks, dep))
		say(m, BY_DIRECTORY, !strcmp(name, k->mark));
	else if (!strncmp(name, package, len) && mf_starts_with(name + len, "-k") &&
		 isdigit((unsigned char)name[len + 2]))
		say(m, BY_BUILD,
		    !strcmp(name + len + 2, k->release.abi) && is_own_flavor(k, package));
	m->exports |= mf_starts_with(name, EXPORT) || mf_starts_with(name, "kernel(");
	m->side_by_side |= mf_dep_is_side_by_side(name);
}

/* "3.8.4_k6.4.0_150600.21-1" */
static void read_version(const struct mf_pool_kernel *k, const char *name, const char *evr,
			 struct mf_marks *m)
{
	const char *build = strstr(evr, "_k");
	size_t len;

	/* others may mean anything by it */
	if (!strstr(name, "-kmp-") && !mf_starts_with(name, "kmod-"))
		return;
	while (build && !isdigit((unsigned char)build[2]))
		build = strstr(build + 2, "_k");
	if (!build)
		return;
	build += 2;
	len = strcspn(build, "-");
	say(m, BY_BUILD,
	    strlen(k->release.abi) == len && !memcmp(build, k->release.abi, len) &&
		    is_own_flavor(k, name));
}

bool mf_marks_kernel_family(const char *name)
{
	return !strcmp(name, "kernel") || mf_starts_with(name, "kernel-");
}

void mf_marks_read(const struct mf_pool_kernel *k, const Pool *pool, Id id, struct mf_marks *ret)
{
	const Solvable *s = pool_id2solvable(pool, id);
	const Id *p = s->provides ? s->repo->idarraydata + s->provides : NULL;
	struct mf_marks m = { 0 };

	for (; p && *p; p++)
		read_provide(k, pool, s, *p, &m);
	p = s->requires ? s->repo->idarraydata + s->requires : NULL;
	for (; p && *p; p++)
		(void)read_uname(k, pool, *p, &m);
	read_version(k, pool_id2str(pool, s->name), pool_id2str(pool, s->evr), &m);
	/* a part of one kernel cannot serve another */
	m.side_by_side |= mf_marks_kernel_family(pool_id2str(pool, s->name)) &&
			  (m.by[BY_UNAME].own || m.by[BY_UNAME].other);
	*ret = m;
}

/* The tag in the name of a package of ours, "amd64-6.1.0_56", or NULL. */
static const char *tag_in_name(const char *name)
{
	const char *kmp = NULL, *dash;

	for (const char *p = name; (p = strstr(p, "-kmp-")); p++)
		kmp = p + strlen("-kmp-");
	dash = kmp ? strrchr(kmp, '-') : NULL;
	return dash && isdigit((unsigned char)dash[1]) ? kmp : NULL;
}

static bool is_own_tag(const struct mf_release *release, const char *tag)
{
	size_t len = strlen(release->flavor);

	return !strncmp(tag, release->flavor, len) && tag[len] == '-' &&
	       !strcmp(tag + len + 1, release->abi);
}

/*
 * "6.4.0-150600.21.1" is a package of the kernel 6.4.0-150600.21-default: SUSE counts rebuilds, and
 * its releases do not say how many.
 */
bool mf_marks_own_version(const struct mf_pool_kernel *k, const char *evr)
{
	const char *colon = strchr(evr, ':');

	evr = colon ? colon + 1 : evr;
	if (strncmp(evr, k->release.release, k->base))
		return false;
	evr += k->base;
	return !*evr || (*evr == '.' && evr[1] && !evr[1 + strspn(evr + 1, "0123456789")]);
}

/* 1: built for this kernel; -1: for another; 0: nothing says so. */
int mf_marks_built_for(const struct mf_pool_kernel *k, const Pool *pool, Id id,
		       struct mf_marks *ret)
{
	const Solvable *s = pool_id2solvable(pool, id);
	const char *name = pool_id2str(pool, s->name), *tag = tag_in_name(name);

	if (tag)
		return is_own_tag(&k->release, tag) ? 1 : -1;
	mf_marks_read(k, pool, id, ret);
	for (size_t i = 0; i < N_KINDS; i++)
		if (ret->by[i].own || ret->by[i].other)
			return ret->by[i].own ? 1 : -1;
	return 0;
}

/* ---- the kernel of a pool ---- */

static void find_strings(struct mf_pool_kernel *k, Pool *pool)
{
	for (Id id = 1; id < pool->ss.nstrings; id++) {
		const char *name = pool_id2str(pool, id);

		if (*name == 'k' && mf_dep_is_uname_r(name))
			MAPSET(&k->uname, id);
		else if (*name == 'm' && mf_starts_with(name, MARK))
			MAPSET(&k->marks, id);
	}
}

int mf_pool_kernel_new(struct mf_pool *mp, const struct mf_release *release)
{
	struct mf_pool_kernel *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	k->release = *release;
	k->base = strlen(release->abi);
	k->mark = mf_format(MARK "%s)", release->release);
	map_init(&k->uname, mp->pool->ss.nstrings);
	map_init(&k->marks, mp->pool->ss.nstrings);
	map_init(&k->other, mp->pool->nsolvables);
	queue_init(&k->twins);
	queue_init(&k->others);
	queue_init(&k->known);
	queue_init(&k->beside);
	find_strings(k, mp->pool);
	mf_pool_kernel_free(mp->kernel);
	mp->kernel = k;
	return k->mark ? 0 : -ENOMEM;
}

void mf_pool_kernel_free(struct mf_pool_kernel *k)
{
	if (!k)
		return;
	map_free(&k->uname);
	map_free(&k->marks);
	map_free(&k->other);
	queue_free(&k->twins);
	queue_free(&k->others);
	queue_free(&k->known);
	queue_free(&k->beside);
	free(k->mark);
	free(k);
}

/* "6.4.0-150600.21-default" is a release of the build "6.4.0_150600.21". */
static bool is_release_of(const char *release, const char *build, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((release[i] == '-' ? '_' : release[i]) != build[i])
			return false;
	return !release[len] || release[len] == '-' || release[len] == '.';
}

/* Does a package have its modules in the directory of that kernel? */
bool mf_marks_lie_in(const struct mf_pool *mp, Id id, const char *release)
{
	const Pool *pool = mp->pool;
	const Solvable *s = pool_id2solvable(pool, id);
	const char *tag = tag_in_name(pool_id2str(pool, s->name)), *build = NULL;
	const Id *p = s->provides ? s->repo->idarraydata + s->provides : NULL;
	size_t len;

	if (tag)
		build = strrchr(tag, '-') + 1;
	else if ((build = strstr(pool_id2str(pool, s->evr), "_k")))
		build += 2;
	if (build && is_release_of(release, build, strcspn(build, "-")))
		return true;
	for (; p && *p; p++) {
		const char *marked = mf_map_has(&mp->kernel->marks, *p)
					     ? mf_pool_marked_kernel(pool_id2str(pool, *p), &len)
					     : NULL;

		if (marked && strlen(release) == len && !memcmp(marked, release, len))
			return true;
	}
	return false;
}
