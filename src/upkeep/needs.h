/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef UPKEEP_NEEDS_H
#define UPKEEP_NEEDS_H
/* What a kernel must have: wants for the pipeline, each with the reason. */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"
#include "modfetch/want.h"

struct need {
	char *wanted; /* a clause: "it is loaded now" */
	/* it is known that there is such a module: its absence is a gap. Else it is one only if a
	   repository has it */
	bool must;
};

/* Zeroed: empty. */
struct needs {
	struct mf_wants wants;
	struct need *v; /* one for each want */
	size_t n, room;
	struct mf_strings names; /* of packages and patterns that were asked for */
};
void upkeep_needs_done(struct needs *needs);

/*
 * Adds a want for a module or an alias, unless there is one for it; MUST then becomes true if this is
 * true. A name that is out of bounds is skipped. DEVICE: blacklists apply to it. 0 or -ENOMEM.
 */
int upkeep_needs_add(struct mf_context *ctx, struct needs *needs, const char *query, bool must,
		     bool device, const char *wanted);

/*
 * Adds a want, as upkeep_needs_add(). On success WANT is taken over, else the caller's. 0 or -ENOMEM.
 */
int upkeep_needs_take(struct needs *needs, struct mf_want *want, bool must, const char *wanted);

/* Collects all for the context's kernel. 0, or a recorded failure. */
int upkeep_collect(struct mf_context *ctx, struct needs *ret_needs);

/* ---- needs-files.c: the configuration below the root ---- */

/* File systems of /etc/fstab. 0 or -ENOMEM. */
int upkeep_needs_fstab(struct mf_context *ctx, struct needs *needs);
/* /etc/initramfs-tools/modules. 0 or -ENOMEM. */
int upkeep_needs_initramfs(struct mf_context *ctx, struct needs *needs);
/* /proc/modules. 0 or -ENOMEM. */
int upkeep_needs_loaded(struct mf_context *ctx, struct needs *needs);

#endif
