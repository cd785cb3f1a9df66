/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CMD_REPO_H
#define CMD_REPO_H
/* The verb repo in two files: repo.c and repo-add.c. */
#include "cmd.h"

/* repo add: argv[0] is "add". Returns an exit status, or a recorded failure. */
int cmd_repo_add(struct cmd *cmd, int argc, char **argv);

#endif
