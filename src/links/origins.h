/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef LINKS_ORIGINS_H
#define LINKS_ORIGINS_H
/* Modules of packages, which links may lead to; see origins.c. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/rpm.h"
#include "modfetch/strings.h"
#include "modfetch/table.h"

struct links_origin {
	const char *path;    /* "/lib/modules/K/updates/x.ko", without /usr */
	const char *kernel;  /* K */
	const char *below;   /* "updates/x.ko" */
	const char *module;  /* as kmod spells it */
	const char *package; /* name of the package */
	struct mf_checksum checksum;
};

/* Zeroed: empty. */
struct links_origins {
	struct links_origin *v;
	size_t n, room;
	struct mf_arena texts;
};

/* Adds the modules of a package: regular files in the directory of a kernel. 0 or -ENOMEM. */
int links_origins_add(struct links_origins *origins, const struct mf_rpm_header *header);
/* Adds those of the installed packages with these NAMES, or of all (NULL). 0, or a recorded failure. */
int links_origins_installed(struct mf_context *ctx, const struct mf_strings *names,
			    struct links_origins *origins);
/* The first for a module of exactly this kernel, or NULL. */
const struct links_origin *links_origins_find(const struct links_origins *origins,
					      const char *kernel, const char *module);
/* Is it in the directory of the kernel's own modules? */
bool links_origin_in_box(const struct links_origin *origin);
void links_origins_done(struct links_origins *origins);

#endif
