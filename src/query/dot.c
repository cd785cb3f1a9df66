/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The plan as a graph.
 *
 * Nodes are named by their kind ("q:", "m:", "p:" and the name), so that two graphs can be compared
 * line by line; all output is in the order of the plan, which is the same every time. All needs
 * among the packages of the plan are drawn, not only the one that added a package; needs that the
 * kernel or an installed package provides are not, since those are not part of the plan. Dashed:
 * recommended, not needed. Names are data: each is quoted, whatever bytes it has.
 */
#include "modfetch/query.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"
#include "modfetch/solv.h"

struct drawing {
	FILE *out;
	const struct mf_run *run;
	struct mf_pool *pool;
	int *ids; /* of each plan item */
	/* of the package that is drawn */
	size_t from;
	size_t *count;
	char **label;
};

static void drawing_done(struct drawing *d)
{
	for (size_t i = 0; d->label && i < d->run->plan.n; i++)
		free(d->label[i]);
	free(d->label);
	free(d->count);
	free(d->ids);
}

/* Writes S inside quotes, where graphviz gives a meaning to quotes and to backslashes. */
static void dot_put(FILE *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fputc('\\', out);
		fputc(*s, out);
	}
}

static void dot_put_name(FILE *out, const char *kind, const char *name)
{
	fprintf(out, "\"%s:", kind);
	dot_put(out, name);
	fputc('"', out);
}

/* ---- queries ---- */

static const char *colour(const struct mf_match *match)
{
	if (match->on_disk || match->builtin)
		return "palegreen";
	return match->refused ? "salmon" : match->packages.n ? "lightblue" : "white";
}

static void draw_match(struct drawing *d, const struct mf_want *want, const struct mf_match *match)
{
	dot_put_name(d->out, "m", match->module);
	fputs(" [shape=box, style=filled, fillcolor=", d->out);
	fprintf(d->out, "%s, label=\"", colour(match));
	dot_put(d->out, match->module);
	fputs(match->on_disk   ? "\\non disk"
	      : match->builtin ? "\\nbuilt in"
	      : match->refused ? "\\nrefused"
			       : "",
	      d->out);
	fputs("\"];\n", d->out);
	dot_put_name(d->out, "q", want->query);
	fputs(" -> ", d->out);
	dot_put_name(d->out, "m", match->module);
	fputs(" [label=\"", d->out);
	dot_put(d->out, match->pattern ? match->pattern : "");
	fputs("\"];\n", d->out);
	for (size_t i = 0; mf_match_wanted(match) && i < match->packages.n; i++) {
		bool planned = false;

		for (size_t j = 0; j < d->run->plan.n; j++)
			planned |= !strcmp(d->run->plan.items[j].name, match->packages.v[i]);
		if (!planned)
			continue;
		dot_put_name(d->out, "m", match->module);
		fputs(" -> ", d->out);
		dot_put_name(d->out, "p", match->packages.v[i]);
		fputs(";\n", d->out);
	}
}

static void draw_want(struct drawing *d, const struct mf_want *want)
{
	dot_put_name(d->out, "q", want->query);
	fputs(" [shape=ellipse, label=\"", d->out);
	if (want->syspath) {
		dot_put(d->out, want->syspath);
		fputs("\\n", d->out);
	}
	dot_put(d->out, want->query);
	fprintf(d->out, "\\n%s\"];\n", mf_state_name(want->state));
	for (size_t i = 0; i < want->n_matches; i++)
		draw_match(d, want, &want->matches[i]);
}

/* ---- packages ---- */

static int find_ids(struct drawing *d)
{
	for (size_t i = 0; i < d->run->plan.n; i++) {
		const struct mf_plan_item *item = &d->run->plan.items[i];
		_cleanup_free_ int *ids = NULL;
		size_t n = 0;
		int r = mf_pool_providers(d->pool, item->name, NULL, &ids, &n);

		for (size_t j = 0; !r && j < n; j++) {
			struct mf_package p;

			mf_pool_package(d->pool, ids[j], &p);
			if (p.origin == (int)item->repo && !strcmp(p.name, item->name) &&
			    !strcmp(p.evr, item->evr))
				d->ids[i] = ids[j];
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static int dot_on_need(void *arg, const char *need, const int *ids, size_t n)
{
	struct drawing *d = arg;
	size_t len;
	const char *symbol = mf_dep_symbol(need, &len);

	for (size_t i = 0; i < d->run->plan.n; i++) {
		bool provides = false;

		for (size_t j = 0; j < n; j++)
			provides |= ids[j] == d->ids[i];
		if (!provides || i == d->from)
			continue;
		d->count[i] += symbol || !d->count[i];
		/* a symbol is a better label than the name of the package */
		if (d->label[i] && (!symbol || mf_starts_with(d->label[i], "symbol ")))
			continue;
		free(d->label[i]);
		d->label[i] = symbol ? mf_format("symbol %.*s", (int)len, symbol) : strdup(need);
		if (!d->label[i])
			return -ENOMEM;
	}
	return 0;
}

static int draw_needs(struct drawing *d, size_t from, enum mf_dep_kind kind)
{
	const struct mf_plan *plan = &d->run->plan;
	int r;

	d->from = from;
	for (size_t i = 0; i < plan->n; i++) {
		free(d->label[i]);
		d->label[i] = NULL;
		d->count[i] = 0;
	}
	r = mf_pool_needs(d->pool, d->ids[from], kind, dot_on_need, d);
	for (size_t i = 0; !r && i < plan->n; i++) {
		if (!d->label[i])
			continue;
		dot_put_name(d->out, "p", plan->items[from].name);
		fputs(" -> ", d->out);
		dot_put_name(d->out, "p", plan->items[i].name);
		fputs(" [label=\"", d->out);
		dot_put(d->out, d->label[i]);
		if (d->count[i] > 1)
			fprintf(d->out, " and %zu more", d->count[i] - 1);
		fprintf(d->out, "\"%s];\n", kind == MF_RECOMMENDS ? ", style=dashed" : "");
	}
	return r;
}

static int draw_package(struct drawing *d, size_t i)
{
	const struct mf_plan_item *item = &d->run->plan.items[i];
	int r;

	dot_put_name(d->out, "p", item->name);
	fputs(" [shape=component, label=\"", d->out);
	dot_put(d->out, item->name);
	fputs("\\n", d->out);
	dot_put(d->out, item->evr);
	fputs(", ", d->out);
	dot_put(d->out, mf_catalog_repos(d->run->catalog)->v[item->repo].id);
	fprintf(d->out, ", %llu kB\"%s];\n", (unsigned long long)((item->size + 999) / 1000),
		item->asked ? ", style=bold" : "");
	r = draw_needs(d, i, MF_REQUIRES);
	return r < 0 ? r : draw_needs(d, i, MF_RECOMMENDS);
}

int mf_dot_write(struct mf_context *ctx, const struct mf_run *run, FILE *out)
{
	_cleanup_(drawing_done) struct drawing d = { .out = out, .run = run };
	int r = mf_catalog_pool_whole(ctx, run->catalog, &d.pool);

	if (r < 0)
		return r;
	d.ids = calloc(run->plan.n + 1, sizeof(*d.ids));
	d.count = calloc(run->plan.n + 1, sizeof(*d.count));
	d.label = calloc(run->plan.n + 1, sizeof(char *));
	r = d.ids && d.count && d.label ? find_ids(&d) : -ENOMEM;
	fputs("digraph modfetch {\nrankdir=LR;\nnode [fontname=\"sans-serif\"];\n", out);
	for (size_t i = 0; i < run->wants.n; i++)
		draw_want(&d, &run->wants.v[i]);
	for (size_t i = 0; !r && i < run->plan.n; i++)
		r = draw_package(&d, i);
	for (size_t i = 0; i < run->plan.erase.n; i++) {
		dot_put_name(out, "p", run->plan.erase.v[i]);
		fputs(" [shape=component, style=dotted];\n", out);
	}
	fputs("}\n", out);
	return r < 0 ? mf_fail(ctx, MF_STAGE_RESOLVE, r, "graph", NULL) : 0;
}
