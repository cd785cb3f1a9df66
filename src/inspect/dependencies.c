/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Are the modules there that others cannot be loaded without?
 *
 * The kernel's build writes the names of the modules whose symbols a module uses into its field
 * "depends". Each of them must be on disk or built in; soft dependencies need not. However many
 * modules need a missing one, it is one finding, about the first of them. A symbol that nobody
 * exports is a finding only where no missing module, damaged module or stale index explains it.
 */
#include <errno.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/builtin.h"
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"
#include "inspection.h"

/* Gets the name of each module that a module needs. Non-zero ends the walk. */
typedef int depends_visit(void *arg, struct entry *user, const char *name);

/* A module that is not on disk. */
struct missing {
	const char *name;
	struct entry *user; /* the first module that needs it */
	size_t users;
};

struct dependencies {
	struct inspection *in;
	struct mf_builtins builtins;
	struct mf_table present; /* names of built-in modules */
	struct mf_table by_name; /* to places in MISSING */
	struct missing *missing;
	size_t n, room;
};

static void dependencies_done(struct dependencies *d)
{
	mf_builtins_done(&d->builtins);
	mf_table_done(&d->present);
	mf_table_done(&d->by_name);
	free(d->missing);
}

static int read_builtins(struct dependencies *d)
{
	int r = mf_builtins_read_names(d->in->fd, &d->builtins);

	for (size_t i = 0; r >= 0 && i < d->builtins.names.n; i++) {
		const char *name = d->builtins.names.v[i];
		uint32_t *value;

		r = mf_table_put(&d->present, name, strlen(name), 0, &value);
	}
	return r < 0 ? r : 0;
}

static int dependency_missing(struct dependencies *d, struct entry *user, const char *name)
{
	uint32_t *place;
	char *copy;
	int r;

	place = mf_table_get(&d->by_name, name, strlen(name));
	if (place) {
		d->missing[*place].users++;
		return 0;
	}
	copy = mf_arena_copy(&d->in->arena, name, strlen(name));
	if (!copy || mf_array_reserve(&d->missing, &d->room, d->n + 1, sizeof(*d->missing)) < 0)
		return -ENOMEM;
	r = mf_table_put(&d->by_name, copy, strlen(copy), (uint32_t)d->n, &place);
	d->missing[d->n++] = (struct missing){ copy, user, 1 };
	return r < 0 ? r : 0;
}

static int each_depends(struct entry *user, depends_visit *visit, void *arg)
{
	int r = 0;

	for (const char *p = user->depends; !r && p && *p;) {
		size_t len = strcspn(p, ",");
		char name[MF_MODULE_NAME_SIZE];

		if (len && len < sizeof(name)) {
			name[mf_module_spell(p, len, name)] = '\0';
			r = visit(arg, user, name);
		}
		p += len + (p[len] == ',');
	}
	return r;
}

static int check_depends(void *arg, struct entry *user, const char *name)
{
	struct dependencies *d = arg;

	return mf_table_get(&d->in->by_name, name, strlen(name)) ||
			       mf_table_get(&d->present, name, strlen(name)) ||
			       inspect_is_excused(d->in, name)
		       ? 0
		       : dependency_missing(d, user, name);
}

/* Does a finding about a module, or its absence, explain a missing symbol? */
static int explains(void *arg, struct entry *user, const char *name)
{
	const struct dependencies *d = arg;

	(void)user;
	return inspect_is_excused(d->in, name) ||
	       mf_table_get(&d->by_name, name, strlen(name)) != NULL;
}

static int dependencies_report(struct dependencies *d, const struct missing *m)
{
	const struct about about = {
		.path = m->user->path,
		.target = m->user->target,
		.owner = m->user->owned ? m->user->owned->owner : NULL,
		.subject = m->name,
		.remedy = MF_REMEDY_INSTALL,
	};
	int r;

	if (m->users == 1)
		r = inspect_find(d->in->machine, d->in, &about, -MFE_NO_DEPENDENCY,
				 "it needs the module %s, which is not on disk", m->name);
	else
		r = inspect_find(
			d->in->machine, d->in, &about, -MFE_NO_DEPENDENCY,
			"it and %zu other modules need the module %s, which is not on disk",
			m->users - 1, m->name);
	return r < 0 ? r : 0;
}

int inspect_dependencies(struct inspection *in)
{
	_cleanup_(dependencies_done) struct dependencies d = { .in = in };
	int r;

	/* drivers that other kernels have as links: what they depend on is asked there */
	if (!mf_kernel_can_boot(in->ctx, in->ctx->kernel))
		return 0;
	r = read_builtins(&d);
	for (size_t i = 0; !r && i < in->n_entries; i++)
		r = each_depends(&in->entries[i], check_depends, &d);
	for (size_t i = 0; !r && i < d.n; i++)
		r = dependencies_report(&d, &d.missing[i]);
	for (size_t i = 0; r >= 0 && !in->stale && i < in->n_entries; i++) {
		struct entry *e = &in->entries[i];

		if (e->no_symbol && !e->found && !each_depends(e, explains, &d))
			r = inspect_find_entry(in, e, -MFE_NO_SYMBOL, "%s", e->no_symbol);
	}
	return r < 0 ? r : 0;
}
