/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SOURCE_DIRECTIVES_H
#define SOURCE_DIRECTIVES_H
/*
 * The source_directives of dkms.conf, and the variables that it may use; see source_directives.c.
 */
#include "modfetch/source.h"
#include "values.h"

enum directive_use {
	IN_RECIPE, /* read here: a shell's expansion in it is refused */
	IN_BOX,	   /* a text for the box */
	IS_NOTED,  /* has no effect, which the recipe says */
	IS_IGNORED,
};

struct directive {
	const char *name;
	enum directive_use use;
	const char *note; /* why it has none */
};

/* All source_directives, ended by a name that is NULL. */
extern const struct directive source_directives[];

/* Sets the variables that dkms sets for a file. 0, -E2BIG or -ENOMEM. */
int source_directives_preset(struct values *values, const struct mf_source *source,
			     const struct mf_recipe_kernel *kernel);
/* Is NAME one of the source_directives? */
bool source_directive_is(const char *name);

#endif
