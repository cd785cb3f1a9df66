/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CMD_ALL_KERNELS_H
#define CMD_ALL_KERNELS_H
/* A verb for each installed kernel: --kernel all. */
#include "cmd.h"

struct all_kernels {
	/*
	 * Runs the verb for a kernel and prints its failure, if any. Returns the exit status; RET_FAILURE
	 * is the failure.
	 */
	int (*run)(void *arg, const char *kernel, struct mf_failure *ret_failure);
	void *arg;
	bool json;
	bool quiet; /* no line with the release before the results of each kernel */
};

/* Prints a failure as an object with "error", and the kernel unless that is NULL. No line end. */
void cmd_put_error(const char *kernel, const struct mf_failure *failure);

/* Returns the exit status, or a recorded failure. */
int cmd_for_all_kernels(struct mf_context *ctx, const struct all_kernels *all);

#endif
