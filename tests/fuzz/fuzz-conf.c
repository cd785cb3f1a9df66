/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A dkms.conf of any bytes: an accepted one has a recipe whose names stay in the source and in one word. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "fuzz-root.h"
#include "modfetch/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct mf_recipe_kernel kernel = { "6.1.0-57-amd64", "x86_64",
						"/lib/modules/6.1.0-57-amd64/build",
						"CONFIG_PCI=y\n", 2 };

static void check_path(const char *path)
{
	assert(*path && *path != '/' && !strstr(path, "../") && strcmp(path, ".."));
	for (; *path; path++)
		assert(!strchr("%$`'\"\\*?[]{}()<>|&;!# \t\n", *path) &&
		       (unsigned char)*path > ' ' && (unsigned char)*path < 0x7f);
}

static void check_recipe(const struct mf_recipe *recipe)
{
	assert(recipe->make && recipe->n);
	for (size_t i = 0; i < recipe->n; i++) {
		check_path(recipe->modules[i].built);
		check_path(recipe->modules[i].name);
		assert(!strpbrk(recipe->modules[i].name, "/."));
	}
	for (size_t i = 0; i < recipe->patches.n; i++)
		check_path(recipe->patches.v[i]);
	for (const char *p = recipe->excluded; p && *p; p++)
		assert((unsigned char)*p >= ' ');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char name[] = "name", version[] = "1", path[] = "usr/src/name-1";
	const struct mf_source source = { MF_SOURCE_DKMS, name, version, path };
	struct mf_context *ctx = fuzz_root();
	_cleanup_(mf_recipe_done) struct mf_recipe recipe = { 0 }, values = { 0 };
	int r;

	fuzz_put(ctx, source.path, "dkms.conf", data, size);
	r = mf_recipe_read(ctx, &source, &kernel, &recipe);
	assert(r == 0 || (r == -MFE_SOURCE && ctx->failure.code == r));
	if (r == 0)
		check_recipe(&recipe);
	/* the same bytes as what a box has written */
	r = mf_recipe_from_values(ctx, &source, &kernel, data, size, &values);
	assert(r == 0 || r == -MFE_SOURCE);
	if (r == 0)
		check_recipe(&values);
	return 0;
}
