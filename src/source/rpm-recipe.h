/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SOURCE_RPM_RECIPE_H
#define SOURCE_RPM_RECIPE_H
/* The recipe of a source rpm; see rpm-recipe.c. */
#include "modfetch/source.h"

/* Returns as mf_recipe_read(). */
int rpm_recipe(struct mf_context *ctx, const struct mf_source *source,
	       const struct mf_recipe_kernel *kernel, struct mf_recipe *ret_recipe);

#endif
