/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_CURL_H
#define MODFETCH_CURL_H
/*
 * Parallel HTTP exchanges by libcurl, each from one URL into one file. Used by the download helper
 * only. The caller chooses the URL, the number of tries and the time.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../fetch-wire.h"

struct mf_curl;

struct mf_curl_file {
	void *data;
	size_t len;
};

/* How to reach servers; the members are indexed by enum mf_wire_option, each from its first one. */
struct mf_curl_access {
	char *texts[MF_WIRE_N_TEXTS];				 /* NULL: not set */
	struct mf_curl_file files[MF_WIRE_N_FILES - MF_WIRE_CA]; /* PEM; data NULL: not set */
	uint64_t numbers[MF_WIRE_N_OPTIONS - MF_WIRE_TIMEOUT];	 /* 0: not set */
};

#define MF_ETAG_MAX 256

/* One exchange. While it is running, it belongs to the mf_curl, and must not be moved. */
struct mf_exchange {
	/* the request */
	const char *url;
	const char *if_none_match;	     /* etag of the cached file, or NULL */
	int fd;				     /* written to; has OFFSET bytes already */
	uint64_t offset;		     /* > 0: resume there, if the server agrees */
	uint64_t cap;			     /* limit of the file in bytes */
	uint64_t connect_ms;		     /* timeout of the connection */
	const struct mf_curl_access *access; /* NULL: nothing special */
	bool own; /* the server gets the user's password and certificate */

	/* the result */
	int code; /* 0, -MFE_UNREACHABLE, _HTTP_STATUS, _TOO_LARGE, _TRUNCATED, _TIMEOUT, -errno */
	long status;		/* of the last response; 0: none */
	uint64_t size;		/* bytes in the file */
	bool not_modified;	/* status 304: nothing was written */
	uint64_t retry_after;	/* seconds that the server asks to wait; 0: it does not */
	bool dropped;		/* the connection was made, and ended before the response did */
	bool page;		/* the content type is that of a web page */
	char etag[MF_ETAG_MAX]; /* printable; "": none */
	char why[256];

	struct mf_exchange_private *priv;
};

/* 0 or -ENOMEM. */
int mf_curl_new(struct mf_curl **ret_curl);
void mf_curl_free(struct mf_curl *curl);

/* 0 or -ENOMEM. */
int mf_curl_start(struct mf_curl *curl, struct mf_exchange *exchange);
/* Stops a running exchange without a result. The bytes written stay; exchange->size counts them. */
void mf_curl_stop(struct mf_curl *curl, struct mf_exchange *exchange);
/*
 * Transfers for at most MS milliseconds, or until something happened or FD is readable. 0 or
 * -errno.
 */
int mf_curl_run(struct mf_curl *curl, int fd, int ms);
/* The next finished exchange, with its result filled in, or NULL. */
struct mf_exchange *mf_curl_finished(struct mf_curl *curl);

#endif
