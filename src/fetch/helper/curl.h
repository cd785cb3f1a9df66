/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_CURL_H
#define MODFETCH_CURL_H
/*
 * HTTP exchanges side by side, each from one URL into one file, by libcurl. Used by the download
 * helper alone. Which URL, how often and for how long is the caller's to decide.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mf_curl;

#define MF_ETAG_MAX 256

/* One exchange. The caller's while it is not running; it must stay where it is while it runs. */
struct mf_exchange {
	/* what is wanted */
	const char *url;
	const char *if_none_match; /* etag of what we have, or NULL */
	int fd;			   /* written to; holds OFFSET bytes already */
	uint64_t offset;	   /* > 0: go on from there, if the server agrees */
	uint64_t cap;		   /* the file never grows beyond this */
	uint64_t connect_ms;	   /* how long a connection may take to stand */

	/* what came of it */
	int code; /* 0, -MFE_UNREACHABLE, _HTTP_STATUS, _TOO_LARGE, _TRUNCATED, _TIMEOUT, -errno */
	long status;		/* of the last response, 0: none */
	uint64_t size;		/* bytes in the file */
	bool not_modified;	/* status 304: nothing was written */
	bool page;		/* the server calls its answer a web page */
	char etag[MF_ETAG_MAX]; /* printable; "": none */
	char why[256];

	struct mf_exchange_private *priv;
};

/* 0 or -ENOMEM. */
int mf_curl_new(struct mf_curl **ret_curl);
void mf_curl_free(struct mf_curl *curl);

/* 0 or -ENOMEM. */
int mf_curl_start(struct mf_curl *curl, struct mf_exchange *exchange);
/* Ends a running exchange without an outcome. What it wrote stays, exchange->size tells how much.
 */
void mf_curl_stop(struct mf_curl *curl, struct mf_exchange *exchange);
/*
 * Moves bytes for at most MS milliseconds, or until something happened or FD can be read. 0 or
 * -errno.
 */
int mf_curl_run(struct mf_curl *curl, int fd, int ms);
/* An exchange that has ended, its outcome filled in, or NULL. */
struct mf_exchange *mf_curl_finished(struct mf_curl *curl);

#endif
