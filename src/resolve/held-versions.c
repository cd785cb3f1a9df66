/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A driver that is held for one kernel comes in the same version for the next one.
 *
 * Packages for two kernels differ in the tag at the end of their names, or in the build in their
 * versions. What is left of name and version says whether two packages are the same driver in the
 * same version. A rule to hold is a preference here, not a refusal: if that version cannot be
 * installed for this kernel, a driver of another version is better than none.
 */
#include "held-versions.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"

/* The length of "igb-kmp" in "igb-kmp-amd64-6.1.0_56": which driver it is. */
static size_t driver_len(const char *name)
{
	size_t len = strlen(name);

	for (const char *p = name; (p = strstr(p, "-kmp-")); p++)
		len = (size_t)(p - name) + strlen("-kmp");
	return len;
}

/* The length of "5.1" in "5.1_k6.4.0_150600.21-2". */
static size_t version_len(const char *evr)
{
	const char *dash = strrchr(evr, '-');
	size_t len = dash ? (size_t)(dash - evr) : strlen(evr);

	for (const char *p = evr; (p = strstr(p, "_k")); p += 2)
		if (isdigit((unsigned char)p[2]) && (size_t)(p - evr) < len)
			return (size_t)(p - evr);
	return len;
}

static bool held_is_equal(const char *a, const char *b, size_t (*len)(const char *text))
{
	return len(a) == len(b) && !memcmp(a, b, len(a));
}

static bool is_same_driver(const char *a, const char *b)
{
	return held_is_equal(a, b, driver_len);
}

struct held_reading {
	const struct mf_rules *rules;
	struct resolve_held_versions *held;
};

static int on_other_package(void *arg, const struct mf_other_package *other)
{
	const struct held_reading *reading = arg;
	const struct mf_facts facts = { .package = other->name };
	int r;

	if (!mf_rules_find_package(reading->rules, MF_RULE_HOLD, &facts, other->modules))
		return 0;
	r = mf_strings_add(&reading->held->names, other->name);
	return r < 0 ? r : mf_strings_add(&reading->held->evrs, other->evr);
}

int resolve_held_versions_read(const struct mf_rules *rules, const struct mf_pool *pool,
			       struct resolve_held_versions *held)
{
	struct held_reading reading = { rules, held };

	return mf_rules_any(rules, MF_RULE_HOLD)
		       ? mf_pool_each_other(pool, on_other_package, &reading)
		       : 0;
}

void resolve_held_versions_done(struct resolve_held_versions *held)
{
	mf_strings_done(&held->names);
	mf_strings_done(&held->evrs);
}

bool resolve_held_versions_has(const struct resolve_held_versions *held,
			       const struct mf_package *package)
{
	for (size_t i = 0; i < held->evrs.n; i++)
		if (is_same_driver(held->names.v[i], package->name) &&
		    held_is_equal(held->evrs.v[i], package->evr, version_len))
			return true;
	return false;
}

/* ---- other versions ---- */

/* Packages of repositories, the same driver. */
struct versions {
	int *held, *other; /* in the version that is held; in others */
	size_t n_held, n_other;
};

static void versions_done(struct versions *v)
{
	free(v->held);
	free(v->other);
}

static int versions_add(int **ids, size_t *n, int id)
{
	int *v = reallocarray(*ids, *n + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	v[(*n)++] = id;
	*ids = v;
	return 0;
}

/* Sorts the packages of one repository that are the driver NAME. 0 or -ENOMEM. */
static int versions_read(struct mf_pool *pool, int origin, const char *name,
			 const struct resolve_held_versions *held, struct versions *v)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = mf_pool_list(pool, origin, &ids, &n);

	for (size_t i = 0; !r && i < n; i++) {
		struct mf_package package;

		if (!is_same_driver(mf_pool_name(pool, ids[i]), name))
			continue;
		mf_pool_package(pool, ids[i], &package);
		if (!resolve_held_versions_has(held, &package))
			r = versions_add(&v->other, &v->n_other, ids[i]);
		/* a build for another kernel is not what this one gets */
		else if (!strstr(package.evr, "_k") || mf_pool_is_built_for(pool, ids[i]))
			r = versions_add(&v->held, &v->n_held, ids[i]);
	}
	return r;
}

/* Is a version of the driver installed for the kernel of the pool? 1, 0 or -ENOMEM. */
static int has_installed(struct mf_pool *pool, const char *name)
{
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = mf_pool_list(pool, MF_POOL_INSTALLED, &ids, &n);

	for (size_t i = 0; !r && i < n; i++)
		if (!mf_pool_is_of_other(pool, ids[i]) &&
		    is_same_driver(mf_pool_name(pool, ids[i]), name))
			r = 1;
	return r;
}

int resolve_held_other_builds(const struct mf_judge *judge, int **ret_ids, size_t *ret_n)
{
	_cleanup_(resolve_held_versions_done) struct resolve_held_versions held = { 0 };
	int r = mf_pool_other_builds(judge->pool, ret_ids, ret_n);

	if (!r)
		r = resolve_held_versions_read(judge->rules, judge->pool, &held);
	for (size_t i = 0; !r && i < held.names.n; i++) {
		_cleanup_(versions_done) struct versions v = { 0 };

		/* held.c decides about what is installed */
		r = has_installed(judge->pool, held.names.v[i]);
		if (r) {
			r = r < 0 ? r : 0;
			continue;
		}
		for (size_t repo = 0; !r && repo < judge->repos->n; repo++)
			r = versions_read(judge->pool, (int)repo, held.names.v[i], &held, &v);
		for (size_t j = 0; !r && v.n_held && j < v.n_other; j++)
			r = versions_add(ret_ids, ret_n, v.other[j]);
	}
	return r;
}
