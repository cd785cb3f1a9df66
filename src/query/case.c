/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A case for a bug report: the packages of the pool that are in scope, each with the provides that
 * others need; the exports of the kernel that they need; the modules on disk that are involved; and
 * all configuration that can refuse a module. Of the aliases, only the patterns that matched are
 * written.
 *
 * A case contains names, versions and dependencies of packages, and the admin's rules; nothing else
 * about the machine, and of the kernel command line only its blacklists. This form cannot
 * express a query with a blank; such a query is left out, with a comment.
 */
#include "modfetch/query.h"
#include "case-files.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/libkmod.h"
#include "modfetch/modinfo.h"
#include "modfetch/module-name.h"
#include "modfetch/release.h"
#include "modfetch/strings.h"
#include "modfetch/symvers.h"
#include "scope.h"

struct dump {
	struct mf_context *ctx;
	const struct mf_run *run;
	struct mf_pool *pool;
	struct mf_kmod *kmod;
	FILE *out;
	struct mf_scope scope;
	struct mf_strings modules; /* involved, and on disk */
	/* of the current package */
	struct mf_package package;
	struct mf_strings package_modules;
	bool heading;
};

static void dump_done(struct dump *d)
{
	mf_scope_done(&d->scope);
	mf_strings_done(&d->modules);
	mf_strings_done(&d->package_modules);
	mf_kmod_free(d->kmod);
}

/* ---- packages ---- */

static bool is_symbol_of(const struct dump *d, const char *name)
{
	size_t len;
	const char *symbol = mf_dep_symbol(name, &len);

	for (size_t i = 0; symbol && i < d->run->wants.n; i++) {
		const struct mf_want *want = &d->run->wants.v[i];

		if (want->kind == MF_WANT_SYMBOL && strlen(want->name) == len &&
		    !memcmp(want->name, symbol, len))
			return true;
	}
	return false;
}

/* Does a package need this provide, or do the indexes come from it? */
static bool is_relevant(const struct dump *d, const char *name)
{
	static const char *const always[] = { "kmod(", "kalias(", "modalias(", "kernel-" };

	for (size_t i = 0; i < MF_ARRAY_SIZE(always); i++)
		if (mf_starts_with(name, always[i]))
			return true;
	return mf_scope_needs(&d->scope, name) || is_symbol_of(d, name) ||
	       mf_pool_is_kernel_mark(name, d->package.name);
}

static int put_provide(void *arg, const char *name, const char *evr)
{
	struct dump *d = arg;
	size_t len = 0;
	const char *kernel = mf_pool_marked_kernel(name, &len);
	char module[256];
	int r = 0;

	/* the pool does not have the names of its files */
	if (kernel) {
		fprintf(d->out, "    file /lib/modules/%.*s/file\n", (int)len, kernel);
		return 0;
	}
	if (mf_dep_module(name, module, sizeof(module)))
		r = mf_strings_add(&d->package_modules, module);
	/* every package provides its own name */
	if (is_relevant(d, name) && strcmp(name, d->package.name))
		fprintf(d->out, "    provides %s%s%s\n", name, evr ? " = " : "", evr ? evr : "");
	return r;
}

struct need_context {
	struct dump *d;
	enum mf_dep_kind kind;
};

static int put_need(void *arg, const char *need, const int *ids, size_t n)
{
	struct need_context *p = arg;

	if (!mf_starts_with(need, "rpmlib("))
		fprintf(p->d->out, "    %s %s\n", mf_dep_kind_name(p->kind), need);
	return 0;
}

/* A package without kmod() has the modules for which a query found it. */
static bool is_module_of_package(const struct dump *d, const char *module)
{
	for (size_t i = 0; !d->package_modules.n && i < d->run->wants.n; i++)
		for (size_t j = 0; j < d->run->wants.v[i].n_matches; j++) {
			const struct mf_match *m = &d->run->wants.v[i].matches[j];

			if (!strcmp(m->module, module) &&
			    mf_strings_has(&m->packages, d->package.name))
				return true;
		}
	return mf_strings_has(&d->package_modules, module);
}

/* Writes an alias that a query matched, as the package provides it. */
static int case_put_alias(void *arg, const char *pattern, const char *module, size_t repo)
{
	struct dump *d = arg;
	_cleanup_free_ char *text = NULL;

	if ((size_t)d->package.origin != repo || !is_module_of_package(d, module))
		return 0;
	text = mf_alias_escape(MF_ESCAPE_MODALIAS, pattern);
	if (!text)
		return -ENOMEM;
	fprintf(d->out, "    supplements modalias(kernel-%s:%s)\n", mf_catalog_tag(d->run->catalog),
		text);
	return 0;
}

static int case_put_package(struct dump *d, int id)
{
	static const enum mf_dep_kind kinds[] = { MF_REQUIRES, MF_RECOMMENDS, MF_CONFLICTS,
						  MF_OBSOLETES };
	int r;

	mf_strings_done(&d->package_modules);
	fprintf(d->out, "  package %s %s %s\n", d->package.name, d->package.evr, d->package.arch);
	r = mf_pool_deps(d->pool, id, MF_PROVIDES, put_provide, d);
	for (size_t i = 0; !r && i < MF_ARRAY_SIZE(kinds); i++)
		r = mf_pool_needs(d->pool, id, kinds[i], put_need,
				  &(struct need_context){ d, kinds[i] });
	for (size_t i = 0; !r && d->package.origin >= 0 && i < d->run->wants.n; i++)
		if (d->run->wants.v[i].kind != MF_WANT_SYMBOL)
			r = mf_catalog_aliases(d->run->catalog, d->run->wants.v[i].name,
					       case_put_alias, d);
	for (size_t i = 0; !r && i < d->package_modules.n; i++)
		if (mf_kmod_presence(d->kmod, d->package_modules.v[i]) == MF_ON_DISK)
			r = mf_strings_add_unique(&d->modules, d->package_modules.v[i]);
	return r;
}

static int case_put_packages(struct dump *d, int origin)
{
	int r = 0;

	for (size_t i = 0; !r && i < d->scope.n; i++) {
		mf_pool_package(d->pool, d->scope.ids[i], &d->package);
		if (d->package.origin == origin)
			r = case_put_package(d, d->scope.ids[i]);
	}
	return r;
}

static int put_all_packages(struct dump *d)
{
	const struct mf_repos *repos = mf_catalog_repos(d->run->catalog);
	int r = 0;

	for (size_t i = 0; !r && i < repos->n; i++) {
		if (!repos->v[i].enabled)
			continue;
		fprintf(d->out, "repository %s priority=%d%s\n", repos->v[i].id,
			repos->v[i].priority, repos->v[i].prefer ? " prefer=yes" : "");
		r = case_put_packages(d, (int)i);
	}
	if (r < 0)
		return r;
	fputs("installed\n", d->out);
	return case_put_packages(d, MF_POOL_INSTALLED);
}

/* ---- the kernel and its modules ---- */

/* Is the symbol needed, in any of the forms in which packages require it? */
static bool needs_symbol(const struct dump *d, const char *symbol)
{
	struct mf_release release;
	char name[512];

	if (mf_release_parse(d->ctx->kernel, NULL, &release) < 0)
		return false;
	for (int form = 0; form < 3; form++) {
		if (!form)
			snprintf(name, sizeof(name), "ksym(%s:%s)", release.flavor, symbol);
		else
			snprintf(name, sizeof(name), "%s(%s)", form == 1 ? "kernel" : "ksym",
				 symbol);
		if (mf_scope_needs(&d->scope, name) || is_symbol_of(d, name))
			return true;
	}
	return false;
}

static int put_symbol(void *arg, const char *symbol, const char *crc, const char *module)
{
	struct dump *d = arg;

	if (!d->heading)
		fputs("symvers\n", d->out);
	d->heading = true;
	if (needs_symbol(d, symbol))
		fprintf(d->out, "  %s %s %s\n", symbol, crc, module);
	return 0;
}

/* Writes the queries that match the module other than by its name. */
static void put_queries(const struct dump *d, const char *module, const char *prefix)
{
	for (size_t i = 0; i < d->run->wants.n; i++) {
		const struct mf_want *want = &d->run->wants.v[i];

		if (want->kind == MF_WANT_SYMBOL || !strcmp(want->name, module) ||
		    strchr(want->name, ' '))
			continue;
		for (size_t j = 0; j < want->n_matches; j++)
			if (!strcmp(want->matches[j].module, module))
				fprintf(d->out, " %s%s", prefix, want->name);
	}
}

static int put_module(struct dump *d, int tree, const char *path, const char *name)
{
	char release[MF_RELEASE_MAX];
	struct mf_modinfo info;
	int r = mf_modinfo_read_at(tree, path, &info);

	fprintf(d->out, "  %s", name);
	if (mf_kernel_of_link(tree, path, release, sizeof(release)))
		fprintf(d->out, " link=/lib/modules/%s/updates/%s.ko", release, name);
	put_queries(d, name, "alias=");
	for (size_t i = 0; !r && i < info.n_exports; i++)
		if (info.exports[i].has_crc && needs_symbol(d, info.exports[i].name))
			fprintf(d->out, " export=%s:%x", info.exports[i].name, info.exports[i].crc);
	fputc('\n', d->out);
	if (!r)
		mf_modinfo_done(&info);
	return r == -ENOMEM ? r : 0;
}

static int on_exporter(void *arg, const char *name, enum mf_presence presence)
{
	struct dump *d = arg;

	return presence == MF_ON_DISK ? mf_strings_add_unique(&d->modules, name) : 0;
}

/*
 * Finds the modules on disk that match a query or export a needed symbol, with or without a
 * package.
 */
static int find_modules(struct dump *d)
{
	int r = 0;

	for (size_t i = 0; !r && i < d->run->wants.n; i++)
		for (size_t j = 0; !r && j < d->run->wants.v[i].n_matches; j++)
			if (d->run->wants.v[i].matches[j].on_disk)
				r = mf_strings_add_unique(&d->modules,
							  d->run->wants.v[i].matches[j].module);
	for (size_t i = 0; !r && i < d->scope.needs.n; i++) {
		_cleanup_free_ char *query = NULL;
		size_t len;
		const char *symbol = mf_dep_symbol(d->scope.needs.v[i], &len);

		if (!symbol || (i && !strcmp(d->scope.needs.v[i - 1], d->scope.needs.v[i])))
			continue;
		query = mf_format("symbol:%.*s", (int)len, symbol);
		if (!query)
			return -ENOMEM;
		r = mf_kmod_lookup(d->kmod, query, on_exporter, d);
	}
	return r;
}

static int put_present(struct dump *d)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	_cleanup_close_ int tree = -1;
	char *save = NULL;
	size_t len;
	int r = 0;

	path = mf_kernel_path(d->ctx->kernel, NULL);
	if (!path)
		return -ENOMEM;
	tree = mf_context_open(d->ctx, path, O_RDONLY | O_DIRECTORY);
	if (tree < 0 || mf_file_read_at(tree, "modules.dep", (size_t)64 << 20, &text, &len) < 0)
		return 0;
	fputs("present\n", d->out);
	for (char *line = strtok_r(text, "\n", &save); !r && line;
	     line = strtok_r(NULL, "\n", &save)) {
		char name[256];

		line[strcspn(line, ":")] = '\0';
		if (mf_module_name(line, name, sizeof(name)) && mf_strings_has(&d->modules, name))
			r = put_module(d, tree, line, name);
	}
	return r;
}

static void put_builtin(const struct dump *d)
{
	_cleanup_(mf_strings_done) struct mf_strings written = { 0 };

	for (size_t i = 0; i < d->run->wants.n; i++)
		for (size_t j = 0; j < d->run->wants.v[i].n_matches; j++) {
			const struct mf_match *m = &d->run->wants.v[i].matches[j];

			if (!m->builtin || mf_strings_has(&written, m->module))
				continue;
			fprintf(d->out, "%s  %s", written.n ? "" : "builtin\n", m->module);
			put_queries(d, m->module, "");
			fputc('\n', d->out);
			if (mf_strings_add(&written, m->module) < 0)
				return;
		}
}

static int case_put_kernel(struct dump *d)
{
	int r = mf_symvers_read(d->ctx, put_symbol, d);

	if (r >= 0)
		r = find_modules(d);
	if (!r)
		r = put_present(d);
	put_builtin(d);
	return r;
}

/* ---- the result ---- */

static void put_expect(const struct dump *d, const struct mf_failure *failure)
{
	const struct mf_repos *repos = mf_catalog_repos(d->run->catalog);

	fputs("expect\n", d->out);
	for (size_t i = 0; i < d->run->wants.n; i++) {
		const struct mf_want *want = &d->run->wants.v[i];

		if (strchr(want->query, ' ') || want->kind == MF_WANT_BAD)
			continue;
		fprintf(d->out, "  %s is %s", want->query, mf_state_name(want->state));
		for (size_t j = 0; j < want->n_matches; j++)
			fprintf(d->out, " %s", want->matches[j].module);
		fputc('\n', d->out);
	}
	for (size_t i = 0; i < d->run->plan.n; i++) {
		const struct mf_plan_item *item = &d->run->plan.items[i];

		fprintf(d->out, "  install %s-%s from %s\n", item->name, item->evr,
			repos->v[item->repo].id);
	}
	for (size_t i = 0; i < d->run->plan.erase.n; i++)
		fprintf(d->out, "  remove %s\n", d->run->plan.erase.v[i]);
	if (failure)
		fprintf(d->out, "  fails %s\n", mf_error_name(failure->code));
}

static void put_wants(const struct dump *d)
{
	for (size_t i = 0; i < d->run->wants.n; i++) {
		const struct mf_want *want = &d->run->wants.v[i];

		if (want->kind == MF_WANT_BAD)
			fprintf(d->out, "# left out, %s: %s\n", want->reason, want->query);
		else if (strchr(want->query, ' '))
			fprintf(d->out, "# left out, it has a blank: %s\n", want->query);
		else if (want->syspath)
			fprintf(d->out, "query --device %s\n", want->syspath);
		else
			fprintf(d->out, "query %s\n", want->query);
	}
}

int mf_case_write(struct mf_context *ctx, const struct mf_run *run,
		  const struct mf_failure *failure, FILE *out)
{
	_cleanup_(dump_done) struct dump d = { .ctx = ctx, .run = run, .out = out };
	_cleanup_free_ char *image = NULL;
	struct mf_release release;
	/* also the installed packages of other kernels: the report may be about them */
	int r = mf_catalog_pool_removal(ctx, run->catalog, &d.pool);

	if (!r)
		r = mf_kmod_new(ctx, &d.kmod);
	if (r < 0)
		return r;
	if (!mf_release_parse(ctx->kernel, NULL, &release))
		image = mf_format("kernel-%s-image-%s", release.flavor, release.abi);
	if (!image)
		return mf_fail(ctx, MF_STAGE_RESOLVE, -ENOMEM, "case", NULL);
	r = mf_scope_find(d.pool, run, image, &d.scope);
	fprintf(out, "# modfetch lookup --case\nkernel %s\n", ctx->kernel);
	if (!r)
		r = put_all_packages(&d);
	if (!r)
		r = case_put_kernel(&d);
	if (!r)
		r = mf_case_files(ctx, run, out);
	put_wants(&d);
	put_expect(&d, failure);
	if (r < 0)
		return ctx->failure.code ? r : mf_fail(ctx, MF_STAGE_RESOLVE, r, "case", NULL);
	return 0;
}
