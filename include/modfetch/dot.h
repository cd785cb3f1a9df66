/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_DOT_H
#define MODFETCH_DOT_H
/*
 * A planned run as a graph in the language of graphviz: what was asked for → the modules that match
 * (by which pattern) → the packages that carry them → the packages those need, each edge labelled
 * with a symbol it is needed for, and with how many more.
 */
#include <stdio.h>
#include "modfetch/pipeline.h"

/*
 * Writes the graph of a run that went the road with dry_run and has a catalog. 0, or a recorded
 * error; what OUT could not take is for who closes it to find.
 */
int mf_dot_write(struct mf_context *ctx, const struct mf_run *run, FILE *out);

#endif
