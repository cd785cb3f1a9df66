/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef ROAD_FETCH_PRIVATE_H
#define ROAD_FETCH_PRIVATE_H
/* Between the parts of the fetch stage: fetch.c (the whole), fetch-file.c, fetch-helper.c,
 * fetch-room.c. */
#include <sys/types.h>
#include "modfetch/fetch.h"

/* ---- fetch-file.c ---- */

bool fetch_is_file_url(const char *url);
/*
 * Reads one file of a repository on disk into a sealed memory file. 0; -MFE_UNREACHABLE (no such
 * repository), -MFE_HTTP_STATUS (no such file), -MFE_TOO_LARGE, -MFE_TRUNCATED, -MFE_BAD_HREF or
 * -errno; records nothing.
 */
int fetch_file(const struct mf_fetch_request *request, const char *base, uint64_t cap,
	       struct mf_fetched *ret_fetched);

/* ---- fetch-helper.c ---- */

struct fetch_helper {
	int sock;
	pid_t pid; /* 0: a service manager's, which is not ours to wait for */
};
#define FETCH_HELPER_INIT                                                                          \
	{                                                                                          \
		-1, 0                                                                              \
	}

/* Starts one, or reaches the service manager's. 0 or -MFE_FETCH_HELPER, recorded. */
int fetch_helper_start(struct mf_context *ctx, struct fetch_helper *ret_helper);
/* Ends it and waits until it has ended. What it died of, if of anything, as a clause, into WHY. */
void fetch_helper_stop(struct fetch_helper *helper, char *why, size_t size);

/* ---- fetch-room.c ---- */

/*
 * Is there room for N files of TOTAL bytes? Raises the limit of open files where that is permitted.
 * 0; -EMFILE or -ENOMEM, recorded with the way out.
 */
int fetch_room(struct mf_context *ctx, size_t n, uint64_t total);

#endif
