/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Prints the recipe of a dkms.conf for tests/source/oracle.py, one "NAME=value" for each field,
 * each ended by a NUL: recipe-driver ROOT PATH NAME VERSION RELEASE ARCH HEADERS CONFIG|- [VALUES]
 * With VALUES, a file, the recipe is made from what the builder's box has written; "-shell" prints
 * the text for the box instead.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/source.h"

static void print_field(const char *name, const char *value)
{
	if (value)
		printf("%s=%s%c", name, value, '\0');
}

static void print_recipe(const struct mf_recipe *recipe)
{
	print_field("make", recipe->make);
	print_field("clean", recipe->clean);
	print_field("pre_build", recipe->pre_build);
	print_field("post_build", recipe->post_build);
	print_field("excluded", recipe->excluded);
	for (size_t i = 0; i < recipe->patches.n; i++)
		print_field("patch", recipe->patches.v[i]);
	for (size_t i = 0; i < recipe->n; i++) {
		print_field("built", recipe->modules[i].built);
		print_field("name", recipe->modules[i].name);
		print_field("strip", recipe->modules[i].strip ? "yes" : "no");
	}
	for (size_t i = 0; i < recipe->depends.n; i++)
		print_field("depends", recipe->depends.v[i]);
	for (size_t i = 0; i < recipe->notes.n; i++)
		print_field("note", recipe->notes.v[i]);
	print_field("autoinstall", recipe->autoinstall ? "yes" : "no");
	print_field("no_weak_modules", recipe->no_weak_modules ? "yes" : "no");
}

int main(int argc, char **argv)
{
	_cleanup_(mf_context_done) struct mf_context ctx = { 0 };
	_cleanup_(mf_recipe_done) struct mf_recipe recipe = { 0 };
	_cleanup_free_ char *config = NULL, *values = NULL, *text = NULL;
	struct mf_source source = { MF_SOURCE_DKMS, argv[3], argv[4], argv[2] };
	struct mf_recipe_kernel kernel = { argv[5], argv[6], argv[7], NULL, 2 };
	size_t len;
	int r;

	if (argc < 9 || mf_context_init(&ctx, argv[1], argv[5]) < 0)
		return 64;
	if (strcmp(argv[8], "-") &&
	    mf_file_read_at(AT_FDCWD, argv[8], (size_t)16 << 20, &config, &len) < 0)
		return 64;
	kernel.config = config;
	if (argc > 9 && !strcmp(argv[9], "-shell")) {
		text = mf_recipe_shell(&source, &kernel, "values");
		fputs(text, stdout);
		return 0;
	}
	if (argc > 9) {
		if (mf_file_read_at(AT_FDCWD, argv[9], (size_t)16 << 20, &values, &len) < 0)
			return 64;
		r = mf_recipe_from_values(&ctx, &source, &kernel, values, len, &recipe);
	} else {
		r = mf_recipe_read(&ctx, &source, &kernel, &recipe);
	}
	if (r < 0) {
		fprintf(stderr, "%s: %s [%s]\n", ctx.failure.what, ctx.failure.why,
			mf_error_name(ctx.failure.code));
		return 1;
	}
	print_recipe(&recipe);
	return 0;
}
