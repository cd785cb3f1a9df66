/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_FETCH_H
#define MODFETCH_FETCH_H
/*
 * Stage fetch: downloads files by name into sealed memory files. A separate process without rights
 * (libexec/modfetch/fetch) talks to the network; this side starts it, sends it URLs, and receives
 * descriptors. The helper is not trusted: what it returns is measured here and checked by the
 * verify stage. Repositories with a file: URL are read here, without a helper and without a socket.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/access.h"
#include "modfetch/context.h"
#include "modfetch/strings.h"

struct mf_fetch_request {
	/* base URLs, in order: http:, https:, file:, or of a medium (modfetch/mount.h) */
	const struct mf_strings *mirrors;
	const char *path;      /* below the base; checked by components, cannot leave it */
	const char *label;     /* the name for the user: that of the package */
	uint64_t size;	       /* bytes, from signed metadata; 0: unknown */
	const uint8_t *sha256; /* MF_SHA256_LEN bytes, from signed metadata; NULL: unknown */
	uint64_t max_size;     /* limit in bytes; 0: SIZE is the limit */
	unsigned int timeout;  /* seconds, the longest of a call; 0: settings.fetch_timeout */
	const char *etag;      /* makes the request conditional, or NULL */
	const struct mf_access *access; /* how to reach the mirrors, or NULL */
	bool optional; /* a file that no mirror has is a result (fd -1), not a failure */
};

struct mf_fetched {
	int fd; /* sealed memory file, position 0; -1: not modified, or optional and absent */
	uint64_t size;	   /* of the file, in bytes */
	char *etag;	   /* as the server sent it, or NULL */
	char *url;	   /* the URL that the file came from, without a password */
	bool not_modified; /* the etag still holds: the cached file is current */
	int code;	   /* if the call failed because of this request: the failure */
	bool absent;	   /* and: the server reports that there is no such file */
};

/*
 * Fetches all N requests in parallel; all succeed or the call fails. While it waits, it reports to the
 * context's display at most ten times a second. Mirrors with a file: URL are
 * tried before those on the network. An interrupted transfer is resumed; a mirror that is dead, or
 * whose bytes do not have the known size and digest, is followed by the next mirror. A matching
 * digest is no proof: the verify stage checks the bytes that will be used again.
 *
 * The files stay in memory, with one descriptor each: a request that exceeds memory or descriptors
 * is refused before any download, and the limit of open files is raised if permitted. RET_FETCHED
 * is an array of N zeroed structs of the caller's; it is filled on success only, except CODE and
 * ABSENT. Returns 0, -MFE_UNREACHABLE, -MFE_PORTAL, -MFE_HTTP_STATUS, -MFE_TOO_LARGE,
 * -MFE_TRUNCATED, -MFE_BAD_DIGEST, -MFE_TIMEOUT, -MFE_BAD_HREF, -MFE_FETCH_HELPER, -ENOMEM, -EMFILE
 * or another -errno, recorded with the URL.
 */
int mf_fetch(struct mf_context *ctx, const struct mf_fetch_request *requests, size_t n,
	     struct mf_fetched *ret_fetched);
void mf_fetched_done(struct mf_fetched *fetched);

/*
 * Lets the service manager start a helper for the next mf_fetch() of this context early, so that it
 * is ready when the requests are known. Without a service manager it does nothing, and mf_fetch()
 * starts the helper itself.
 */
void mf_fetch_start_helper(struct mf_context *ctx);
/* Stops a helper that was started early and not used. */
void mf_fetch_stop_helper(struct mf_context *ctx);

/*
 * File names as in metadata (href, location), and the URLs and paths they stand for. Pure
 * functions.
 */

#define MF_HREF_MAX 1024

/*
 * Checks, component by component, that a name stays inside its repository: no absolute name, no "."
 * or "..", no empty component, no scheme, no query or fragment, no backslash or control character,
 * none of these in encoded form, at most 1,024 bytes. 0 or -MFE_BAD_HREF.
 */
int mf_href_check(const char *href);

/*
 * Joins the base URL of a repository (http:, https: or file:, without query or fragment) and a
 * checked name. Bytes that a URL cannot hold are encoded. RET_URL is the caller's to free. 0,
 * -MFE_BAD_HREF or -ENOMEM; records nothing.
 */
int mf_href_join(const char *base, const char *href, char **ret_url);

/*
 * May metadata of a repository with the URLs MIRRORS name BASE as another place of its files? The rule
 * is that of a redirect: an absolute http: or https: URL, the latter only if any of MIRRORS is https:,
 * without a user, a query or a fragment. A file: URL only if all of MIRRORS are. NULL: it may; or why
 * not, as a clause.
 */
const char *mf_base_fault(const char *base, const struct mf_strings *mirrors);

/*
 * The path that a file: URL or a checked name stands for, with %XX decoded. RET_PATH is the
 * caller's to free. 0, -MFE_BAD_HREF or -ENOMEM; records nothing.
 */
int mf_href_decode(const char *href, char **ret_path);

#endif
