/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CMD_UPDATE_H
#define CMD_UPDATE_H
/* Shared by the verbs about versions. */
#include "modfetch/update.h"
#include "cmd.h"

/* Prints a line for each update, or all as JSON. */
void cmd_print_updates(struct cmd *cmd, const struct mf_updates *updates);
/* Prints what trials came to, a line for each; nothing as JSON. */
void cmd_print_trials(const struct cmd *cmd, const struct mf_trial_results *results);

/* Prints a line for each update on trial and each version that was taken back. 0 or a recorded failure. */
int cmd_trials_print(struct cmd *cmd);
/* The same as "trials" and "taken_back" of an object. */
int cmd_trials_add(struct cmd *cmd, struct mf_json *object);

#endif
