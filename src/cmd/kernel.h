/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CMD_KERNEL_H
#define CMD_KERNEL_H
/* Shared by ready, kernel-added and kernel-removed: kernel.c. */
#include "modfetch/upkeep.h"
#include "cmd.h"

/*
 * Makes a context for KERNEL, with the settings and options of the command. 0, or a failure that is recorded
 * in the context of the command. The caller passes it to mf_context_done() in any case.
 */
int cmd_kernel_context(struct cmd *cmd, const char *kernel, struct mf_context *ret_ctx);
/* The release that the arguments of VERB name. 0 or -MFE_USAGE, recorded. */
int cmd_kernel_argument(struct cmd *cmd, const char *verb, int argc, char **argv,
			const char **ret_kernel);
/* Prints the gaps of a kernel as JSON. */
void cmd_print_gaps(struct cmd *cmd, const char *kernel, const struct mf_gaps *gaps);
/* Prints that there is no gap, if there is none. */
void cmd_print_ready(const struct cmd *cmd, const char *kernel, const struct mf_gaps *gaps);

#endif
