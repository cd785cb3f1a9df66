/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Prints the answers of libkmod on a full tree, for many queries in one process: the reference of
 * the exactness test. Usage: oracle MODULES-DIR CONFIG-DIR [needs] <queries
 *
 * Prints one line per query: the query, a tab, and the sorted names that `modprobe -R` would print.
 * With "needs" the names are those of the hard dependencies of a module of that name, itself
 * included. For a query that libkmod refuses the only name is REFUSED.
 */
#include <errno.h>
#include <libkmod.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 1024
#define REFUSED	  "(refused)"

struct names {
	char *v[NAMES_MAX];
	size_t n;
};

static void add(struct names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->v[i], name))
			return;
	if (names->n == NAMES_MAX || !(names->v[names->n++] = strdup(name)))
		abort();
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_list(struct names *names, struct kmod_list *list)
{
	struct kmod_list *it;

	kmod_list_foreach(it, list)
	{
		struct kmod_module *mod = kmod_module_get_module(it);

		add(names, kmod_module_get_name(mod));
		kmod_module_unref(mod);
	}
	kmod_module_unref_list(list);
}

static void answer(struct kmod_ctx *kmod, const char *query, struct names *names)
{
	struct kmod_list *list = NULL;
	int r = kmod_module_new_from_lookup(kmod, query, &list);

	if (r == -EINVAL)
		add(names, REFUSED);
	if (r >= 0)
		add_list(names, list);
}

static void answer_needs(struct kmod_ctx *kmod, const char *query, struct names *names)
{
	struct kmod_module *mod = NULL;

	if (kmod_module_new_from_name(kmod, query, &mod) < 0)
		return;
	add(names, kmod_module_get_name(mod));
	add_list(names, kmod_module_get_dependencies(mod));
	kmod_module_unref(mod);
}

int main(int argc, char **argv)
{
	const char *config[] = { argc > 2 ? argv[2] : NULL, NULL };
	struct kmod_ctx *kmod = argc > 2 ? kmod_new(argv[1], config) : NULL;
	bool needs = argc > 3 && !strcmp(argv[3], "needs");
	char *line = NULL;
	size_t room = 0;

	if (!kmod || kmod_load_resources(kmod) < 0) {
		fprintf(stderr, "oracle: needs MODULES-DIR with indexes and CONFIG-DIR\n");
		return 64;
	}
	while (getline(&line, &room, stdin) >= 0) {
		struct names names = { 0 };

		line[strcspn(line, "\n")] = '\0';
		(needs ? answer_needs : answer)(kmod, line, &names);
		qsort(names.v, names.n, sizeof(*names.v), compare);
		printf("%s\t", line);
		for (size_t i = 0; i < names.n; i++) {
			printf("%s%s", i ? " " : "", names.v[i]);
			free(names.v[i]);
		}
		putchar('\n');
	}
	free(line);
	kmod_unref(kmod);
	return 0;
}
