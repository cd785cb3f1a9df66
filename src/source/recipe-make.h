/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SOURCE_RECIPE_MAKE_H
#define SOURCE_RECIPE_MAKE_H
/* A recipe from the values of a dkms.conf; see recipe-make.c and recipe-text.c. */
#include "modfetch/source.h"
#include "values.h"

/*
 * Makes the recipe of a source for KERNEL. FILE names the file in messages. Returns as
 * mf_recipe_read().
 */
int recipe_make(struct mf_context *ctx, const char *file, const struct mf_source *source,
		const struct mf_recipe_kernel *kernel, const struct values *values,
		struct mf_recipe *ret_recipe);

/*
 * The texts for the box: MAKE (the value MAKE[INDEX], or dkms' default if it is not set), and those
 * of CLEAN, PRE_BUILD and POST_BUILD. 0, -E2BIG or -ENOMEM.
 */
int recipe_texts(const struct values *values, const struct mf_recipe_kernel *kernel,
		 unsigned int index, struct mf_recipe *recipe);

#endif
