/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef PIPELINE_REFRESH_FILE_H
#define PIPELINE_REFRESH_FILE_H
/* The data files of a refresh, and the keeper of the context. */
#include "modfetch/context.h"
#include "modfetch/fetch.h"
#include "modfetch/repo.h"
#include "modfetch/solv.h"

/*
 * Fetches a file that repomd.xml names, from where the keeper has it or from the mirrors of the
 * repository, verifies it and passes it to the keeper. 0 or a recorded failure.
 */
int mf_refresh_file(struct mf_context *ctx, const struct mf_repo *repo,
		    const struct mf_repomd_file *file, struct mf_fetched *ret_fetched);

/*
 * Passes the file PATH of a repository to the keeper, if there is one; FD below 0: there is no such
 * file. 0 or a recorded failure.
 */
int mf_refresh_keep(struct mf_context *ctx, const struct mf_repo *repo, const char *path, int fd);

#endif
