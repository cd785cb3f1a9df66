/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * fit-driver ROOT KERNEL: judges each module whose path stands on a line of the input, and prints
 * "VERDICT SYMBOL PATH"; "-" for no symbol.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "modfetch/context.h"
#include "modfetch/error.h"
#include "modfetch/fit.h"

int main(int argc, char **argv)
{
	struct mf_context ctx;
	struct mf_fit_kernel *kernel;
	char path[4096];

	if (argc != 3 || mf_context_init(&ctx, argv[1], argv[2]) < 0 ||
	    mf_fit_kernel_new(&ctx, argv[2], MF_FIT_THOROUGH, &kernel) < 0)
		return 1;
	while (fgets(path, sizeof(path), stdin)) {
		struct mf_fit fit;
		int r;

		path[strcspn(path, "\n")] = '\0';
		r = mf_fit_file(kernel, AT_FDCWD, path, &fit);
		if (r < 0)
			printf("%s - %s\n", mf_error_name(r), path);
		else
			printf("%s %s %s\n", mf_fit_name(fit.verdict),
			       *fit.symbol ? fit.symbol : "-", path);
	}
	mf_fit_kernel_free(kernel);
	mf_context_done(&ctx);
	return 0;
}
