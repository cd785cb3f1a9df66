/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keeps plans from replacing or removing packages that the administrator holds.
 *
 * Other versions of a held package are refused before anything is solved, so that another provider
 * may be found, or the reason is known; so are packages that have a module of it, which would take
 * its place on disk. What a solution removes is looked at once more: a removal takes the packages
 * with it that need the removed one.
 *
 * A module of a kernel's own package does not make the package one to be held: only a rule about
 * packages holds a kernel.
 *
 * A package is known by its name and by the modules that it says it provides; where it names none,
 * by those among its files. Without a rule to hold, nothing is read and nothing is asked.
 */
#include "held.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/held.h"
#include "modfetch/module-name.h"
#include "named.h"

struct holding {
	struct mf_context *ctx;
	const struct mf_rules *rules;
	struct mf_pool *pool;
};

/* What an installed package says of itself. */
struct said {
	struct mf_strings modules;  /* as kmod spells them */
	struct mf_strings provides; /* the same, as the package spells them */
	bool in_directory;	    /* it has files in the directory of a kernel */
	bool kernel;		    /* it is a kernel, or a part of one */
};

static void said_done(struct said *said)
{
	mf_strings_done(&said->modules);
	mf_strings_done(&said->provides);
}

static int held_on_provide(void *arg, const char *name, const char *evr)
{
	struct said *said = arg;
	char module[MF_MODULE_NAME_SIZE];
	size_t len;
	int r;

	(void)evr;
	if (!mf_dep_module(name, module, sizeof(module))) {
		said->in_directory |= mf_pool_marked_kernel(name, &len) != NULL;
		said->kernel |= mf_dep_is_uname_r(name);
		return 0;
	}
	r = mf_strings_add(&said->modules, module);
	return r < 0 ? r : mf_strings_add(&said->provides, name);
}

static int held_on_installed(void *arg, const struct mf_installed *package)
{
	const struct mf_rule **ret_rule = arg;

	*ret_rule = package->rule;
	return package->rule ? 1 : 0;
}

/*
 * The rule that holds an installed package of the pool; RET_RULE is NULL where there is none. SAID
 * is filled in. 0 or a recorded failure.
 */
static int find_rule(const struct holding *h, const struct mf_package *package, int id,
		     struct said *said, const struct mf_rule **ret_rule)
{
	const struct mf_facts facts = { .package = package->name };
	_cleanup_free_ char *label = NULL;
	int r = mf_pool_deps(h->pool, id, MF_PROVIDES, held_on_provide, said);

	if (r < 0)
		return mf_fail(h->ctx, MF_STAGE_RESOLVE, r, package->name, NULL);
	/* a driver is not its kernel: only a rule about packages holds that */
	if (said->kernel)
		mf_strings_done(&said->modules);
	*ret_rule = mf_rules_find_package(h->rules, MF_RULE_HOLD, &facts, &said->modules);
	if (*ret_rule || said->modules.n || said->kernel || !said->in_directory)
		return 0;
	label = mf_package_label(package);
	if (!label)
		return mf_fail(h->ctx, MF_STAGE_RESOLVE, -ENOMEM, package->name, NULL);
	r = mf_installed_find(h->ctx, h->rules, label, held_on_installed, (void *)ret_rule);
	return r < 0 ? r : 0;
}

static bool held_is_same(const struct mf_package *a, const struct mf_package *b)
{
	return !strcmp(a->name, b->name) && !strcmp(a->evr, b->evr) && !strcmp(a->arch, b->arch);
}

/* "it is held (hold package igb-kmp, 00-admin.conf line 1)"; NULL: no memory. */
static char *held_reason(const char *subject, const struct mf_rule *rule, bool with_way_out)
{
	_cleanup_free_ char *way_out = with_way_out ? mf_held_way_out(rule) : NULL;

	return mf_format("%s is held (%s, %s line %u)%s%s", subject, rule->text, rule->file,
			 rule->line, way_out ? "; to change it: " : "", way_out ? way_out : "");
}

/* ---- what may not come ---- */

struct refusing {
	struct holding h;
	struct mf_refusals *refusals;
	bool named; /* the user named packages */
};

static int on_side_by_side(void *arg, const char *name, const char *evr)
{
	(void)arg;
	(void)evr;
	return mf_dep_is_side_by_side(name);
}

/* Refuses the providers of PROVIDE but for the held package itself. 0 or a recorded failure. */
static int refuse_providers_of(struct refusing *f, const char *provide, const char *module,
			       const struct mf_package *held, bool of_other,
			       const struct mf_rule *rule)
{
	_cleanup_free_ char *subject = module ? mf_format("its module %s", module) : strdup("it");
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r = subject ? mf_pool_providers(f->h.pool, provide, NULL, &ids, &n) : -ENOMEM;

	for (size_t i = 0; !r && i < n; i++) {
		struct mf_package p;

		mf_pool_package(f->h.pool, ids[i], &p);
		if (p.origin < 0 || held_is_same(&p, held) ||
		    (!module && strcmp(p.name, held->name) != 0))
			continue;
		/* a version for this kernel comes beside the one for the other */
		if (of_other && mf_pool_deps(f->h.pool, ids[i], MF_PROVIDES, on_side_by_side, NULL))
			continue;
		r = mf_refusals_add(f->refusals, ids[i], -MFE_DENIED,
				    held_reason(subject, rule, f->named));
	}
	return r < 0 ? mf_fail(f->h.ctx, MF_STAGE_RESOLVE, r, held->name, NULL) : 0;
}

static int refuse_instead_of(struct refusing *f, int id)
{
	_cleanup_(said_done) struct said said = { 0 };
	const struct mf_rule *rule = NULL;
	struct mf_package held;
	bool of_other = mf_pool_is_of_other(f->h.pool, id);
	int r;

	mf_pool_package(f->h.pool, id, &held);
	r = find_rule(&f->h, &held, id, &said, &rule);
	if (r < 0 || !rule)
		return r;
	r = refuse_providers_of(f, held.name, NULL, &held, of_other, rule);
	/* the modules of another kernel are in another directory */
	for (size_t i = 0; !r && !of_other && i < said.modules.n; i++) {
		const struct mf_facts facts = { .package = held.name, .module = said.modules.v[i] };
		const struct mf_rule *why = mf_rules_find(f->h.rules, MF_RULE_HOLD, &facts);

		if (why)
			r = refuse_providers_of(f, said.provides.v[i], facts.module, &held, false,
						why);
	}
	return r;
}

/* ---- what may not go ---- */

/* Fails if the installed package is held. SUBJECT: the name to report. */
static int check_stays(const struct holding *h, const char *subject, int id)
{
	_cleanup_(said_done) struct said said = { 0 };
	_cleanup_free_ char *why = NULL;
	const struct mf_rule *rule = NULL;
	struct mf_package package;
	int r;

	mf_pool_package(h->pool, id, &package);
	r = find_rule(h, &package, id, &said, &rule);
	if (r < 0 || !rule)
		return r;
	why = held_reason("it", rule, true);
	return mf_fail(h->ctx, MF_STAGE_RESOLVE, why ? -MFE_DENIED : -ENOMEM, subject, "%s",
		       why ? why : "");
}

static int check_removal(const struct holding *h, const struct mf_selection *selection)
{
	const struct mf_strings *names = selection ? selection->remove : NULL;
	int r = 0;

	for (size_t i = 0; !r && names && i < names->n; i++) {
		_cleanup_free_ int *ids = NULL;
		size_t n = 0;

		r = resolve_find_named(h->ctx, h->pool, selection, names->v[i], &ids, &n);
		if (r < 0)
			return mf_fail(h->ctx, MF_STAGE_RESOLVE, r, names->v[i], NULL);
		for (size_t j = 0; !r && j < n; j++)
			r = check_stays(h, names->v[i], ids[j]);
	}
	return r;
}

/* Do the rules count for this plan? */
static bool held_counts(const struct mf_rules *rules, const struct mf_selection *selection)
{
	return mf_rules_any(rules, MF_RULE_HOLD) && !(selection && selection->held_too);
}

int mf_held_refuse(struct mf_context *ctx, const struct mf_rules *rules,
		   const struct mf_selection *selection, struct mf_refusals *refusals)
{
	struct refusing f = { .h = { ctx, rules, refusals->pool }, .refusals = refusals };
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r;

	if (!held_counts(rules, selection))
		return 0;
	f.named = selection && (selection->install || selection->again);
	r = check_removal(&f.h, selection);
	if (!r && mf_pool_list(refusals->pool, MF_POOL_INSTALLED, &ids, &n) < 0)
		r = mf_fail(ctx, MF_STAGE_RESOLVE, -ENOMEM, "plan", NULL);
	for (size_t i = 0; !r && i < n; i++)
		r = refuse_instead_of(&f, ids[i]);
	return r;
}

/* Is the same package installed once more? */
static bool comes_again(struct mf_pool *pool, const struct mf_solution *solution, int id)
{
	struct mf_package old;

	mf_pool_package(pool, id, &old);
	for (size_t i = 0; i < solution->n; i++) {
		struct mf_package new;

		mf_pool_package(pool, solution->steps[i].id, &new);
		if (!solution->steps[i].erase && held_is_same(&old, &new))
			return true;
	}
	return false;
}

int mf_held_check(struct mf_context *ctx, const struct mf_rules *rules,
		  const struct mf_selection *selection, struct mf_pool *pool,
		  const struct mf_solution *solution)
{
	const struct holding h = { ctx, rules, pool };
	int r = 0;

	if (!held_counts(rules, selection))
		return 0;
	for (size_t i = 0; !r && i < solution->n; i++) {
		const struct mf_step *step = &solution->steps[i];

		if (step->erase && !comes_again(pool, solution, step->id))
			r = check_stays(&h, mf_pool_name(pool, step->id), step->id);
	}
	return r;
}
