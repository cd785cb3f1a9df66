/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_INSTALL_H
#define TESTS_INSTALL_H
/* A whole transaction for tests, which the pipeline does in two steps. */
#include "modfetch/install.h"

static inline int install_all(struct mf_context *ctx, struct mf_proof *const *proofs, size_t n,
			      const struct mf_strings *erase, struct mf_receipt *ret_receipt)
{
	struct mf_installation *installation;
	int r = mf_install_begin(ctx, proofs, n, erase, &installation);

	return r < 0 ? r : mf_install_finish(installation, ret_receipt);
}

#endif
