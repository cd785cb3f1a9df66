/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_CASE_FILES_H
#define MODFETCH_CASE_FILES_H
/* The files of a resolver case: configuration of the admin and attributes of devices. */
#include <stdio.h>
#include "modfetch/pipeline.h"

/* Writes a section "file" for each file that can refuse a module. 0 or -ENOMEM. */
int mf_case_files(struct mf_context *ctx, const struct mf_run *run, FILE *out);

#endif
