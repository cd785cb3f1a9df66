/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_FETCH_PRIVATE_H
#define MODFETCH_FETCH_PRIVATE_H
/*
 * Shared by the files of the fetch stage: fetch.c (the main part), fetch-file.c, fetch-helper.c,
 * fetch-room.c and fetch-service.c.
 */
#include <sys/types.h>
#include "modfetch/fetch.h"
#include "fetch-wire.h"

/* ---- fetch.c ---- */

/* mf_fetch() for mirrors that are http:, https: or file: URLs. */
int fetch_from_urls(struct mf_context *ctx, const struct mf_fetch_request *requests, size_t n,
		    struct mf_fetched *ret_fetched);

/* ---- fetch-file.c ---- */

bool fetch_is_file_url(const char *url);
/*
 * Reads one file of a repository on disk into a sealed memory file. 0; -MFE_UNREACHABLE (no such
 * repository), -MFE_HTTP_STATUS (no such file), -MFE_TOO_LARGE, -MFE_TRUNCATED, -MFE_BAD_HREF or
 * -errno; records nothing.
 */
int fetch_file(const struct mf_fetch_request *request, const char *base, uint64_t cap,
	       struct mf_fetched *ret_fetched);

/* ---- fetch-service.c ---- */

/* The directory of the helper that tests use, from the environment; NULL: the installed one. */
const char *fetch_build_directory(void);

/* ---- fetch-helper.c ---- */

struct fetch_helper {
	int sock;
	pid_t pid; /* 0: started by a service manager, not a child process */
};
#define FETCH_HELPER_INIT                                                                          \
	{                                                                                          \
		-1, 0                                                                              \
	}

/* Starts a helper, or connects to the service manager. 0 or -MFE_FETCH_HELPER, recorded. */
int fetch_helper_start(struct mf_context *ctx, struct fetch_helper *ret_helper);
/*
 * Stops the helper and waits for its end. Writes the cause of its death, if there is one, as a
 * clause into WHY (SIZE bytes; 0: not wanted).
 */
void fetch_helper_stop(struct fetch_helper *helper, char *why, size_t size);

/* ---- fetch-access.c ---- */

/*
 * Sends the variables that name proxies: of the settings, or of the environment. 0 or -errno, as
 * mf_wire_send().
 */
int fetch_access_send_variables(const struct mf_context *ctx, int sock, uint64_t deadline);
/*
 * Sends ACCESS and its options. 0; -MFE_CONFIG, recorded: a file cannot be read; or -errno as
 * mf_wire_send().
 */
int fetch_access_send(struct mf_context *ctx, const struct mf_access *access, int sock,
		      uint64_t deadline);

/* The number of the base URL in the configuration, from 1; 0: it is none of ACCESS, or that is NULL. */
size_t fetch_access_own(const struct mf_access *access, const char *base);
/* The query of the base URL with number OWN, or "": it has none, or OWN is 0. */
const char *fetch_access_query(const struct mf_access *access, size_t own);
/*
 * Sends a packet with URL and, after a '?', QUERY, if it is not empty. Both have at most MF_WIRE_TEXT
 * bytes together. 0 or -errno, as mf_wire_send().
 */
int fetch_access_send_url(int sock, const struct mf_wire *packet, const char *url,
			  const char *query, uint64_t deadline);

/* ---- fetch-room.c ---- */

/*
 * Checks that memory and descriptors suffice for N files of TOTAL bytes. Raises the limit of open
 * files if permitted. 0; -EMFILE or -ENOMEM, recorded with a remedy.
 */
int fetch_room(struct mf_context *ctx, size_t n, uint64_t total);

#endif
