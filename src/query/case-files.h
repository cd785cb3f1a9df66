/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_CASE_FILES_H
#define MODFETCH_CASE_FILES_H
/* The part of a resolver case that is files: what the admin and the devices say. */
#include <stdio.h>
#include "modfetch/pipeline.h"

/* Writes a section "file" for each that can refuse something. 0 or -ENOMEM. */
int mf_case_files(struct mf_context *ctx, const struct mf_run *run, FILE *out);

#endif
