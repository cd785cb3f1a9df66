/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef RESOLVE_SCRIPTS_H
#define RESOLVE_SCRIPTS_H
/* The packages with scriptlets of repositories that may have none, refused before the download. */
#include "modfetch/resolve.h"
#include "solver-problem.h"

/*
 * 1: package ID is one of them, and RET_WHY (the caller's) is a clause with the setting that allows it;
 * 0; -ENOMEM.
 */
int resolve_scripts_judge(const struct mf_judge *judge, int id, char **ret_why);
/* Refuses all of them in the pool. 0 or -ENOMEM. */
int resolve_scripts_refuse(const struct mf_judge *judge, struct mf_refusals *refusals);

#endif
