/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The modules that a word means in one kernel. A word is the name of a module, a symbol or an
 * alias.
 *
 * softdep, weakdep and request_module() all name modules by words. The order is that of libkmod
 * (kmod_module_new_from_lookup): the module of that name, unless the word has a colon; then the
 * exporter of "symbol:NAME"; then every module with an alias that matches; then what is built in.
 * So a word that is both built in and an alias of modules means the modules, and "pre:
 * platform:idma64" means the driver of that device.
 *
 * Names and aliases are in one array, normalised as libkmod does ('-' becomes '_' outside of
 * brackets). Entries without wildcards, the most frequent ones in requests, are found through a
 * map; entries of the same text form a chain. Entries with wildcards are tried one after the other.
 */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include "model.h"

#define WORD_MAX 2049 /* modaliases of real devices reach 1,193 bytes */

struct pack_name {
	const char *text;
	size_t module;
	size_t next;	/* the next entry of the same text, or PACK_NONE */
	size_t literal; /* bytes before the first wildcard */
};

bool pack_name_normalise(const char *word, size_t len, char *ret_name, size_t size)
{
	bool in_brackets = false;

	if (len >= size)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (word[i] == '[')
			in_brackets = true;
		else if (word[i] == ']')
			in_brackets = false;
		ret_name[i] = word[i] == '-' && !in_brackets ? '_' : word[i];
	}
	ret_name[len] = '\0';
	return true;
}

static int names_add(struct pack_names *names, char **end, const char *word, size_t module)
{
	struct pack_name *name = &names->v[names->n];
	size_t len = strlen(word), first;

	if (len >= WORD_MAX || !pack_name_normalise(word, len, *end, len + 1))
		return 0;
	*name = (struct pack_name){ *end, module, PACK_NONE, strcspn(*end, "*?[") };
	*end += len + 1;
	names->n++;
	if (name->text[name->literal])
		return pack_list_add(&names->wild, names->n - 1);
	first = pack_map_get(&names->exact, name->text);
	if (first == PACK_NONE)
		return pack_map_set(&names->exact, name->text, names->n - 1);
	name->next = names->v[first].next;
	names->v[first].next = names->n - 1;
	return 0;
}

static int names_add_module(struct pack_names *names, char **end, size_t m)
{
	const struct pack_module *module = &names->kernel->modules[m];
	int r = names_add(names, end, module->name, m);

	for (size_t i = 0; r >= 0 && i < module->n_fields[PACK_ALIAS]; i++)
		r = names_add(names, end, module->fields[PACK_ALIAS][i], m);
	for (size_t i = 0; r >= 0 && i < module->n_exports; i++)
		if (pack_map_get(&names->symbols, module->exports[i].name) == PACK_NONE)
			r = pack_map_set(&names->symbols, module->exports[i].name, m);
	return r;
}

static int names_allocate(struct pack_names *names)
{
	size_t n = 0, size = 0;

	for (size_t m = 0; m < names->kernel->n_modules; m++) {
		const struct pack_module *module = &names->kernel->modules[m];

		n += module->n_fields[PACK_ALIAS] + 1;
		size += strlen(module->name) + 1;
		for (size_t i = 0; i < module->n_fields[PACK_ALIAS]; i++)
			size += strlen(module->fields[PACK_ALIAS][i]) + 1;
	}
	names->v = calloc(n ? n : 1, sizeof(*names->v));
	names->arena = malloc(size ? size : 1);
	return names->v && names->arena ? 0 : -ENOMEM;
}

int pack_names_init(struct pack_names *names, const struct pack_kernel *kernel)
{
	char *end;
	int r;

	*names = (struct pack_names){ .kernel = kernel };
	r = names_allocate(names);
	end = names->arena;
	for (size_t m = 0; r >= 0 && m < kernel->n_modules; m++)
		if (!kernel->modules[m].error)
			r = names_add_module(names, &end, m);
	return r;
}

void pack_names_done(struct pack_names *names)
{
	free(names->v);
	free(names->arena);
	pack_map_done(&names->exact);
	pack_map_done(&names->symbols);
	pack_list_done(&names->wild);
	*names = (struct pack_names){ 0 };
}

/* The module of that name, or the exporter of that symbol; PACK_NONE: neither. */
static size_t find_one(const struct pack_names *names, const char *word, const char *name)
{
	if (!strchr(name, ':'))
		return pack_map_get(&names->kernel->names, name);
	/* a symbol is not normalised */
	return mf_starts_with(word, "symbol:") ? pack_map_get(&names->symbols, word + 7)
					       : PACK_NONE;
}

static int add_exact(const struct pack_names *names, const char *name, struct pack_list *list)
{
	size_t i = pack_map_get(&names->exact, name);
	int r = 0;

	for (; r >= 0 && i != PACK_NONE; i = names->v[i].next)
		r = pack_list_add(list, names->v[i].module);
	return r;
}

static int add_wild(const struct pack_names *names, const char *name, struct pack_list *list)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < names->wild.n; i++) {
		const struct pack_name *wild = &names->v[names->wild.v[i]];

		if (!strncmp(wild->text, name, wild->literal) && !fnmatch(wild->text, name, 0))
			r = pack_list_add(list, wild->module);
	}
	return r;
}

int pack_names_lookup(const struct pack_names *names, const char *word, struct pack_list *list)
{
	char name[WORD_MAX];
	size_t one;
	int r;

	if (!*word || !pack_name_normalise(word, strlen(word), name, sizeof(name)))
		return 0;
	one = find_one(names, word, name);
	if (one != PACK_NONE)
		return pack_list_add(list, one);
	r = add_exact(names, name, list);
	return r < 0 ? r : add_wild(names, name, list);
}

int pack_names_request(const struct pack_names *names, const char *word, struct pack_list *list)
{
	char name[WORD_MAX];
	size_t one;

	if (!*word || !pack_name_normalise(word, strlen(word), name, sizeof(name)))
		return 0;
	one = find_one(names, word, name);
	if (one != PACK_NONE)
		return pack_list_add(list, one);
	if (mf_strings_sorted_has(&names->kernel->builtins, name) ||
	    mf_strings_sorted_has(&names->kernel->builtin_aliases, name))
		return 0;
	return add_exact(names, name, list);
}

int pack_names_fitting(const struct pack_names *names, const char *pattern,
		       bool fits(const char *pattern, const char *name), struct pack_list *list)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < names->n; i++) {
		const struct pack_name *name = &names->v[i];

		if (fits(pattern, name->text))
			r = pack_list_add(list, name->module);
	}
	return r;
}
