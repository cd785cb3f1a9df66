/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The relations between the modules of one kernel (needs, wants), and the selection of the modules
 * to pack.
 *
 * A module NEEDS the module that exports a symbol it imports; of several exporters the one with the
 * right CRC, then the first by path. It WANTS the modules that modprobe would load with it or that
 * should be on disk: softdeps, weakdeps, and the exporter of a weak symbol; names.c finds the
 * modules that these words mean. requests.c finds the modules that it REQUESTS while it runs.
 * Imports without an exporter, or only exported with another CRC, are reported once for each
 * module.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"
#include "model.h"

/* The exporters of all symbols. */
struct exports {
	struct pack_map vmlinux;    /* each symbol to its place in kernel->vmlinux */
	struct pack_map modules;    /* each symbol to its exporter, the first of several */
	struct pack_map duplicates; /* each symbol with several exporters to a further one */
};

static void exports_done(struct exports *exports)
{
	pack_map_done(&exports->vmlinux);
	pack_map_done(&exports->modules);
	pack_map_done(&exports->duplicates);
}

static int index_symbols(const struct pack_kernel *kernel, struct exports *exports)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < kernel->n_vmlinux; i++)
		r = pack_map_set(&exports->vmlinux, kernel->vmlinux[i].name, i);
	for (size_t m = 0; r >= 0 && m < kernel->n_modules; m++) {
		const struct pack_module *module = &kernel->modules[m];

		for (size_t i = 0; r >= 0 && !module->error && i < module->n_exports; i++) {
			const char *name = module->exports[i].name;

			if (pack_map_get(&exports->modules, name) == PACK_NONE)
				r = pack_map_set(&exports->modules, name, m);
			else
				r = pack_map_set(&exports->duplicates, name, m);
		}
	}
	return r;
}

/* Does MODULE export WANTED, with its CRC if both have one? */
static bool exports_symbol(const struct pack_module *module, const struct pack_symbol *wanted)
{
	for (size_t i = 0; i < module->n_exports; i++)
		if (!strcmp(module->exports[i].name, wanted->name))
			return !wanted->has_crc || !module->exports[i].has_crc ||
			       module->exports[i].crc == wanted->crc;
	return false;
}

/*
 * The module that exports SYMBOL. PACK_NONE: no module does, or (RET_WRONG) only with another CRC.
 */
static size_t find_exporter(const struct pack_kernel *kernel, const struct exports *exports,
			    const struct pack_symbol *symbol, bool *ret_wrong)
{
	size_t first = pack_map_get(&exports->modules, symbol->name), other;

	if (first == PACK_NONE)
		return PACK_NONE;
	if (exports_symbol(&kernel->modules[first], symbol))
		return first;
	other = pack_map_get(&exports->duplicates, symbol->name);
	if (other != PACK_NONE && exports_symbol(&kernel->modules[other], symbol))
		return other;
	*ret_wrong = true;
	return PACK_NONE;
}

static bool vmlinux_exports(const struct pack_kernel *kernel, const struct exports *exports,
			    const struct pack_symbol *symbol, bool *ret_wrong)
{
	size_t at = pack_map_get(&exports->vmlinux, symbol->name);

	if (at == PACK_NONE)
		return false;
	if (symbol->has_crc && kernel->vmlinux[at].has_crc &&
	    symbol->crc != kernel->vmlinux[at].crc)
		*ret_wrong = true;
	return !*ret_wrong;
}

static int relate_symbols(struct pack *pack, struct pack_kernel *kernel,
			  const struct exports *exports, size_t m)
{
	struct pack_module *module = &kernel->modules[m];
	const struct pack_symbol *missing = NULL;
	size_t n_missing = 0;
	bool wrong_crc = false;

	for (size_t i = 0; i < module->n_imports; i++) {
		const struct pack_symbol *symbol = &module->imports[i];
		bool wrong = false, of_module = false;
		/* modules first: with the option "drivers", the kernel may have the same module */
		size_t exporter = find_exporter(kernel, exports, symbol, &of_module);
		int r;

		if (exporter == PACK_NONE && vmlinux_exports(kernel, exports, symbol, &wrong))
			continue;
		wrong |= of_module;
		if (exporter == m)
			continue;
		if (exporter != PACK_NONE) {
			r = pack_list_add(symbol->weak ? &module->wants : &module->needs, exporter);
			if (r < 0)
				return r;
			continue;
		}
		if (symbol->weak && !wrong)
			continue;
		if (!n_missing++) {
			missing = symbol;
			wrong_crc = wrong;
		}
	}
	if (missing)
		pack_problem(pack, -MFE_NO_SYMBOL, module->path,
			     wrong_crc ? "it needs %s with another CRC (%x) than this kernel "
					 "exports it with; symbols without an exporter: %zu"
				       : "it needs %s (CRC %x), which nothing exports; symbols "
					 "without an exporter: %zu",
			     missing->name, missing->crc, n_missing);
	return 0;
}

/*
 * Adds the modules of a softdep or weakdep: "pre: a b post: c", commas allowed. Only "pre:" and
 * "post:" are labels: "platform:idma64" is an alias.
 */
static int relate_words(const struct pack_names *names, struct pack_list *wants, const char *words)
{
	_cleanup_(mf_strings_done) struct mf_strings list = { 0 };
	int r = mf_strings_split(&list, words);

	for (size_t i = 0; r >= 0 && i < list.n; i++)
		if (strcmp(list.v[i], "pre:") && strcmp(list.v[i], "post:"))
			r = pack_names_lookup(names, list.v[i], wants);
	return r;
}

static int relate_fields(const struct pack_names *names, struct pack_kernel *kernel, size_t m)
{
	static const enum pack_field fields[] = { PACK_SOFTDEP, PACK_WEAKDEP };
	struct pack_module *module = &kernel->modules[m];

	for (size_t f = 0; f < MF_ARRAY_SIZE(fields); f++)
		for (size_t i = 0; i < module->n_fields[fields[f]]; i++) {
			int r = relate_words(names, &module->wants, module->fields[fields[f]][i]);

			if (r < 0)
				return r;
		}
	return 0;
}

static void remove_self(struct pack_list *list, size_t m)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->n; i++)
		if (list->v[i] != m)
			list->v[kept++] = list->v[i];
	list->n = kept;
}

/* Requests are related last: a module need not request what it needs. */
static int relate_all(struct pack *pack, struct pack_kernel *kernel, const struct exports *exports,
		      const struct pack_names *names)
{
	int r = 0;

	for (size_t m = 0; r >= 0 && m < kernel->n_modules; m++) {
		struct pack_module *module = &kernel->modules[m];

		if (module->error)
			continue;
		r = relate_symbols(pack, kernel, exports, m);
		if (r >= 0)
			r = relate_fields(names, kernel, m);
		remove_self(&module->wants, m);
		pack_list_unique(&module->needs);
		pack_list_unique(&module->wants);
	}
	for (size_t m = 0; r >= 0 && m < kernel->n_modules; m++)
		if (!kernel->modules[m].error)
			r = pack_requests_relate(names, kernel, m);
	return r;
}

int pack_deps(struct pack *pack, struct pack_kernel *kernel)
{
	_cleanup_(exports_done) struct exports exports = { 0 };
	_cleanup_(pack_names_done) struct pack_names names = { 0 };
	int r = index_symbols(kernel, &exports);

	if (r >= 0)
		r = pack_names_init(&names, kernel);
	if (r >= 0)
		r = relate_all(pack, kernel, &exports, &names);
	return r < 0 ? mf_fail(pack->ctx, MF_STAGE_PACK, r, kernel->tree, NULL) : 0;
}

/* Adds the modules whose name matches PATTERN (fnmatch). Returns their number or -ENOMEM. */
static int pick_matching(const struct pack_kernel *kernel, const char *pattern,
			 struct pack_list *ret_named)
{
	int found = 0;

	for (size_t m = 0; m < kernel->n_modules; m++) {
		const struct pack_module *module = &kernel->modules[m];

		if (module->error || fnmatch(pattern, module->name, 0))
			continue;
		if (pack_list_add(ret_named, m) < 0)
			return -ENOMEM;
		found++;
	}
	return found;
}

static int pick_named(struct pack *pack, struct pack_kernel *kernel, struct pack_list *ret_named)
{
	const struct mf_strings *only = pack->options->only;

	for (size_t i = 0; i < only->n; i++) {
		char name[128];
		int found = 0;

		if (mf_module_name(only->v[i], name, sizeof(name)))
			found = pick_matching(kernel, name, ret_named);
		if (found < 0)
			return mf_fail(pack->ctx, MF_STAGE_PACK, found, only->v[i], NULL);
		if (!found && !mf_strings_sorted_has(&kernel->builtins, name))
			return mf_fail(pack->ctx, MF_STAGE_PACK, -MFE_NOT_FOUND, only->v[i],
				       "there is no such module in %s", kernel->tree);
	}
	return 0;
}

int pack_deps_pick(struct pack *pack, struct pack_kernel *kernel)
{
	_cleanup_(pack_list_done) struct pack_list named = { 0 }, closure = { 0 };
	int r;

	if ((!pack->options->only || !pack->options->only->n) && !pack->options->subset) {
		for (size_t m = 0; m < kernel->n_modules; m++)
			kernel->modules[m].picked = !kernel->modules[m].error;
		return 0;
	}
	r = pack->options->only ? pick_named(pack, kernel, &named) : 0;
	if (r >= 0 && pack->options->subset)
		r = pack_subset_pick(pack, kernel, &named);
	if (r < 0)
		return r;
	r = pack_closure(kernel, &named, true, &closure);
	if (r < 0)
		return mf_fail(pack->ctx, MF_STAGE_PACK, r, kernel->tree, NULL);
	for (size_t i = 0; i < closure.n; i++)
		kernel->modules[closure.v[i]].picked = true;
	return 0;
}
