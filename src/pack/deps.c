/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How the modules of one kernel relate: who needs whom, who wants whom, and what is picked.
 *
 * A module NEEDS the module that exports a symbol it imports; of several exporters the one with the
 * right CRC, then the first by path. It WANTS what modprobe would load along with it or what should
 * be on disk: softdeps, weakdeps, the exporter of a weak symbol, and what a driver is known to ask
 * the kernel for. Names in softdeps are looked up as libkmod does: what is built in needs nothing,
 * a module of that name is the answer, and only else every module with such an alias. An import
 * that nobody exports, or exports with another CRC, is told once a module.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "src/pack/model.h"

/* An alias without a bus, normalised as names are. */
struct alias {
	char name[128];
	size_t module;
};

/* Who exports what. */
struct exports {
	struct pack_map vmlinux; /* to its place in kernel->vmlinux */
	struct pack_map modules; /* to the module that exports it, or the first of several */
	struct pack_map doubles; /* to a further one */
	struct alias *aliases;
	size_t n_aliases;
};

static void exports_done(struct exports *exports)
{
	pack_map_done(&exports->vmlinux);
	pack_map_done(&exports->modules);
	pack_map_done(&exports->doubles);
	free(exports->aliases);
}

static int note_symbols(const struct pack_kernel *kernel, struct exports *exports)
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
				r = pack_map_set(&exports->doubles, name, m);
		}
	}
	return r;
}

/* False: too long for a name anybody asks for. */
static bool normalise(const char *from, size_t len, char *to, size_t size)
{
	if (len >= size)
		return false;
	for (size_t i = 0; i < len; i++)
		to[i] = from[i] == '-' ? '_' : from[i];
	to[len] = '\0';
	return true;
}

static int note_aliases(const struct pack_kernel *kernel, struct exports *exports)
{
	size_t room = 0;

	for (size_t m = 0; m < kernel->n_modules; m++)
		room += kernel->modules[m].n_fields[PACK_ALIAS];
	exports->aliases = calloc(room ? room : 1, sizeof(*exports->aliases));
	if (!exports->aliases)
		return -ENOMEM;
	for (size_t m = 0; m < kernel->n_modules; m++) {
		const struct pack_module *module = &kernel->modules[m];

		for (size_t i = 0; !module->error && i < module->n_fields[PACK_ALIAS]; i++) {
			struct alias *alias = &exports->aliases[exports->n_aliases];
			const char *name = module->fields[PACK_ALIAS][i];

			if (strchr(name, ':') ||
			    !normalise(name, strlen(name), alias->name, sizeof(alias->name)))
				continue;
			alias->module = m;
			exports->n_aliases++;
		}
	}
	return 0;
}

static bool exports_with(const struct pack_module *module, const struct pack_symbol *wanted)
{
	for (size_t i = 0; i < module->n_exports; i++)
		if (!strcmp(module->exports[i].name, wanted->name))
			return !wanted->has_crc || !module->exports[i].has_crc ||
			       module->exports[i].crc == wanted->crc;
	return false;
}

/* The module that exports SYMBOL; PACK_NONE: none does, or (RET_WRONG) with another CRC only. */
static size_t find_exporter(const struct pack_kernel *kernel, const struct exports *exports,
			    const struct pack_symbol *symbol, bool *ret_wrong)
{
	size_t first = pack_map_get(&exports->modules, symbol->name), other;

	if (first == PACK_NONE)
		return PACK_NONE;
	if (exports_with(&kernel->modules[first], symbol))
		return first;
	other = pack_map_get(&exports->doubles, symbol->name);
	if (other != PACK_NONE && exports_with(&kernel->modules[other], symbol))
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
		bool wrong = false;
		size_t exporter;
		int r;

		if (vmlinux_exports(kernel, exports, symbol, &wrong))
			continue;
		exporter = find_exporter(kernel, exports, symbol, &wrong);
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

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_builtin(const struct pack_kernel *kernel, const char *name)
{
	return kernel->builtins.n && bsearch(&name, kernel->builtins.v, kernel->builtins.n,
					     sizeof(*kernel->builtins.v), compare_names);
}

static int want_name(const struct pack_kernel *kernel, const struct exports *exports, size_t m,
		     const char *name)
{
	struct pack_list *wants = &kernel->modules[m].wants;
	size_t at = pack_map_get(&kernel->names, name);

	if (is_builtin(kernel, name))
		return 0;
	if (at != PACK_NONE)
		return at == m ? 0 : pack_list_add(wants, at);
	for (size_t i = 0; i < exports->n_aliases; i++) {
		const struct alias *alias = &exports->aliases[i];
		int r;

		if (alias->module == m || fnmatch(alias->name, name, 0))
			continue;
		r = pack_list_add(wants, alias->module);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Words of a softdep or weakdep: "pre: a b post: c", commas allowed; a word that ends in ':' is a
 * mark. */
static int relate_words(const struct pack_kernel *kernel, const struct exports *exports, size_t m,
			const char *words)
{
	static const char separators[] = " \t\n,";

	for (;;) {
		char name[128];
		size_t len;
		int r;

		words += strspn(words, separators);
		len = strcspn(words, separators);
		if (!len)
			return 0;
		if (words[len - 1] != ':' && normalise(words, len, name, sizeof(name))) {
			r = want_name(kernel, exports, m, name);
			if (r < 0)
				return r;
		}
		words += len;
	}
}

static int relate_fields(const struct pack_kernel *kernel, const struct exports *exports, size_t m)
{
	static const enum pack_field fields[] = { PACK_SOFTDEP, PACK_WEAKDEP };
	const struct pack_module *module = &kernel->modules[m];

	for (size_t f = 0; f < sizeof(fields) / sizeof(*fields); f++)
		for (size_t i = 0; i < module->n_fields[fields[f]]; i++) {
			int r = relate_words(kernel, exports, m, module->fields[fields[f]][i]);

			if (r < 0)
				return r;
		}
	return 0;
}

/*
 * What a driver asks the kernel to load by a name of its own (request_module) while it probes, and
 * fails without. The kernel's word starts no download, so it has to be on disk beforehand; no field
 * of .modinfo says so, where newer kernels might have a weakdep.
 */
static const struct {
	const char *module, *asks_for;
} requests[] = {
	{ "snd_hda_codec", "snd_hda_codec_generic" }, /* for a codec that nobody knows by its id */
	{ "crc64_rocksoft",
	  "crc64_rocksoft_generic" }, /* the algorithm it looks up while it loads */
	{ "ipmi_si", "acpi_ipmi" },   /* the firmware's own way to the controller */
	{ "ipmi_ssif", "acpi_ipmi" },
};

static int relate_requests(const struct pack_kernel *kernel, const struct exports *exports)
{
	for (size_t i = 0; i < sizeof(requests) / sizeof(*requests); i++) {
		size_t m = pack_map_get(&kernel->names, requests[i].module);
		int r = m == PACK_NONE ? 0 : want_name(kernel, exports, m, requests[i].asks_for);

		if (r < 0)
			return r;
	}
	return 0;
}

int pack_deps(struct pack *pack, struct pack_kernel *kernel)
{
	_cleanup_(exports_done) struct exports exports = { 0 };
	int r = note_symbols(kernel, &exports);

	if (r >= 0)
		r = note_aliases(kernel, &exports);
	if (r >= 0)
		r = relate_requests(kernel, &exports);
	for (size_t m = 0; r >= 0 && m < kernel->n_modules; m++) {
		struct pack_module *module = &kernel->modules[m];

		if (module->error)
			continue;
		r = relate_symbols(pack, kernel, &exports, m);
		if (r >= 0)
			r = relate_fields(kernel, &exports, m);
		pack_list_unique(&module->needs);
		pack_list_unique(&module->wants);
	}
	return r < 0 ? mf_fail(pack->ctx, "pack", r, kernel->tree, NULL) : 0;
}

/* Adds to LIST what its members need (and want) until nothing is new; SEEN marks the members. */
static int grow_closure(const struct pack_kernel *kernel, bool wants_too, struct pack_list *list,
			bool *seen)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct pack_module *module = &kernel->modules[list->v[i]];
		const struct pack_list *next[] = { &module->needs,
						   wants_too ? &module->wants : NULL };

		for (size_t k = 0; k < 2; k++)
			for (size_t j = 0; next[k] && j < next[k]->n; j++) {
				int r;

				if (seen[next[k]->v[j]])
					continue;
				seen[next[k]->v[j]] = true;
				r = pack_list_add(list, next[k]->v[j]);
				if (r < 0)
					return r;
			}
	}
	return 0;
}

static int close_over(const struct pack_kernel *kernel, const struct pack_list *start,
		      bool wants_too, struct pack_list *ret_closure)
{
	_cleanup_(pack_list_done) struct pack_list list = { 0 };
	_cleanup_free_ bool *seen = calloc(kernel->n_modules, sizeof(*seen));
	int r = 0;

	if (!seen)
		return -ENOMEM;
	for (size_t i = 0; r >= 0 && i < start->n; i++) {
		seen[start->v[i]] = true;
		r = pack_list_add(&list, start->v[i]);
	}
	if (r >= 0)
		r = grow_closure(kernel, wants_too, &list, seen);
	if (r < 0)
		return r;
	pack_list_unique(&list);
	*ret_closure = list;
	list = (struct pack_list){ 0 };
	return 0;
}

int pack_deps_closure(const struct pack_kernel *kernel, const struct pack_list *start,
		      struct pack_list *ret_closure)
{
	return close_over(kernel, start, false, ret_closure);
}

/* Adds the modules whose name matches PATTERN, as fnmatch(3) does. Returns their number or -ENOMEM.
 */
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
			return mf_fail(pack->ctx, "pack", found, only->v[i], NULL);
		if (!found && !is_builtin(kernel, name))
			return mf_fail(pack->ctx, "pack", -MFE_NOT_FOUND, only->v[i],
				       "%s has no such module", kernel->tree);
	}
	return 0;
}

int pack_deps_pick(struct pack *pack, struct pack_kernel *kernel)
{
	_cleanup_(pack_list_done) struct pack_list named = { 0 }, closure = { 0 };
	int r;

	if (!pack->options->only || !pack->options->only->n) {
		for (size_t m = 0; m < kernel->n_modules; m++)
			kernel->modules[m].picked = !kernel->modules[m].error;
		return 0;
	}
	r = pick_named(pack, kernel, &named);
	if (r < 0)
		return r;
	r = close_over(kernel, &named, true, &closure);
	if (r < 0)
		return mf_fail(pack->ctx, "pack", r, kernel->tree, NULL);
	for (size_t i = 0; i < closure.n; i++)
		kernel->modules[closure.v[i]].picked = true;
	return 0;
}
