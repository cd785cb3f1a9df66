/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Prints how the packer relates the modules of a tree, without making packages; and what libkmod
 * would load for each, to check the softdeps against.
 *
 *	relations TREE            a line for each relation: MODULE needs|wants|asks|may TARGET
 *	relations TREE INDEXED    a line for each module: MODULE, and the modules that
 *	                          `modprobe --show-depends` lists; INDEXED: the tree with indexes
 */
#include <libkmod.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "src/pack/model.h"

static void print_list(const struct pack_kernel *kernel, size_t m, const char *kind,
		       const struct pack_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		printf("%s %s %s\n", kernel->modules[m].name, kind,
		       kernel->modules[list->v[i]].name);
}

static void print_relations(const struct pack_kernel *kernel)
{
	for (size_t m = 0; m < kernel->n_modules; m++) {
		const struct pack_module *module = &kernel->modules[m];

		print_list(kernel, m, "needs", &module->needs);
		print_list(kernel, m, "wants", &module->wants);
		print_list(kernel, m, "asks", &module->requests);
		print_list(kernel, m, "may", &module->may_request);
	}
}

static void on_action(struct kmod_module *mod, bool install, const char *options)
{
	if (kmod_module_get_initstate(mod) != KMOD_MODULE_BUILTIN)
		printf(" %s", kmod_module_get_name(mod));
}

static int print_shown(const struct pack_kernel *kernel, const char *indexed)
{
	char softdeps[4096];
	const char *config[] = { softdeps, NULL }; /* not that of the machine */
	struct kmod_ctx *kmod;

	snprintf(softdeps, sizeof(softdeps), "%s/modules.softdep", indexed);
	kmod = kmod_new(indexed, config);
	if (!kmod || kmod_load_resources(kmod) < 0)
		return 1;
	for (size_t m = 0; m < kernel->n_modules; m++) {
		struct kmod_module *mod = NULL;

		printf("%s", kernel->modules[m].name);
		if (kmod_module_new_from_name(kmod, kernel->modules[m].name, &mod) < 0 ||
		    kmod_module_probe_insert_module(mod,
						    KMOD_PROBE_IGNORE_LOADED | KMOD_PROBE_DRY_RUN,
						    NULL, NULL, NULL, on_action) < 0)
			return 1;
		kmod_module_unref(mod);
		putchar('\n');
	}
	kmod_unref(kmod);
	return 0;
}

int main(int argc, char **argv)
{
	struct mf_pack_options options = { .jobs = 2 };
	struct pack_kernel kernel = { .tree_fd = -1 };
	struct mf_context ctx;
	struct pack pack = { .ctx = &ctx, .options = &options };
	int r;

	if (argc < 2 || mf_context_init(&ctx, "/", "6.1.0-56-amd64") < 0) {
		fprintf(stderr, "Usage: relations TREE [INDEXED]\n");
		return 64;
	}
	r = pack_kernel_open(&pack, argv[1], &kernel);
	if (r >= 0)
		r = pack_tree_read(&pack, &kernel);
	if (r >= 0)
		r = pack_exports_read(&pack, &kernel);
	if (r >= 0)
		r = pack_deps(&pack, &kernel);
	if (r >= 0 && argc > 2)
		r = print_shown(&kernel, argv[2]);
	else if (r >= 0)
		print_relations(&kernel);
	pack_kernel_done(&kernel);
	mf_context_done(&ctx);
	return r ? 1 : 0;
}
