/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DEPMOD_REPORT_H
#define DEPMOD_REPORT_H
#include "graph.h"

/* Do the options ask for anything that dm_report() does? */
bool dm_report_wanted(const struct mf_depmod_options *options);
/*
 * Reports what the options ask for, about modules whose graph is built. 0; -ENOMEM, or -errno if the
 * kernel's symbols cannot be read, recorded.
 */
int dm_report(struct mf_context *ctx, const struct mf_depmod_options *options,
	      const struct dm_tree *tree, const struct dm_modules *modules,
	      const struct dm_graph *graph);

#endif
