/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_FETCH_H
#define MODFETCH_FETCH_H
/*
 * Stage fetch: names in, sealed memory files out. What the network is asked for is asked by another
 * process without rights (libexec/modfetch/fetch); this side spawns it, hands it URLs, and takes
 * back descriptors. The helper is not believed: what it returns is measured here, and judged by the
 * verify stage. file: repositories are read here, without a helper and without a socket.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"

struct mf_fetch_request {
	const struct mf_strings *mirrors; /* base URLs, tried in order; http:, https: or file: */
	const char *path;      /* below the base: checked by components, never leaves it */
	const char *label;     /* what a person knows it by: the package's name */
	uint64_t size;	       /* bytes, from signed metadata; 0: not known */
	const uint8_t *sha256; /* MF_SHA256_LEN bytes, from signed metadata; NULL: not known */
	uint64_t max_size;     /* bytes, never exceeded; 0: SIZE is the limit */
	unsigned int timeout; /* seconds; 0: settings.fetch_timeout. The longest of a call counts */
	const char *etag;     /* conditional request, or NULL */
	bool optional;	      /* that no mirror has it is an answer (fd -1), not a failure */
};

struct mf_fetched {
	int fd; /* sealed memory file, position 0; -1: not modified, or optional and absent */
	uint64_t size;	   /* bytes of it */
	char *etag;	   /* as the server gave it, or NULL */
	char *url;	   /* the mirror's URL that answered, without a password in it */
	bool not_modified; /* the condition held: what we have is current */
	int code;	   /* of a call that failed, for the request it failed for: the failure */
	bool absent;	   /* and: the server says that there is no such file */
};

/* Told as bytes arrive; DONE counts finished requests. Called at most ten times a second. */
typedef void mf_fetch_progress(void *arg, uint64_t bytes, uint64_t total, size_t done, size_t n);

/*
 * Fetches all N requests side by side, all or nothing. file: mirrors are asked before those on the
 * network. A transfer that breaks goes on where it was; a mirror that is dead, or whose bytes do
 * not have the size and digest known beforehand, costs the next mirror's turn and no more. That the
 * digest fits is no proof: the verify stage looks again, at the bytes that will be used.
 * The files stay in memory, with a descriptor each: more than there is room for are refused before
 * anything is asked for, and the limit of open files is raised where that is permitted.
 * RET_FETCHED is an array of N zeroed structs of the caller's, filled on success only, but for CODE
 * and ABSENT. Returns 0, -MFE_UNREACHABLE, -MFE_PORTAL, -MFE_HTTP_STATUS, -MFE_TOO_LARGE,
 * -MFE_TRUNCATED, -MFE_BAD_DIGEST, -MFE_TIMEOUT, -MFE_BAD_HREF, -MFE_FETCH_HELPER, -ENOMEM, -EMFILE
 * or another -errno, recorded with the URL.
 */
int mf_fetch(struct mf_context *ctx, const struct mf_fetch_request *requests, size_t n,
	     mf_fetch_progress *progress, void *arg, struct mf_fetched *ret_fetched);
void mf_fetched_done(struct mf_fetched *fetched);

/*
 * Has the service manager start a helper for the next mf_fetch() of this context, so that it stands
 * ready when that is known what to ask for. Where no manager does, nothing happens, and mf_fetch()
 * starts one itself.
 */
void mf_fetch_ready(struct mf_context *ctx);
/* Lets one go that was not needed. */
void mf_fetch_unready(struct mf_context *ctx);

/*
 * Names of files as metadata gives them (href, location), and what they become. Pure functions.
 */

#define MF_HREF_MAX 1024

/*
 * May this name a file of a repository? By components: no absolute name, no "." or "..", no empty
 * component, no scheme, no query or fragment, no backslash or control character, none of these in
 * encoded form, at most 1,024 bytes. 0 or -MFE_BAD_HREF.
 */
int mf_href_check(const char *href);

/*
 * Joins a repository's base URL (http:, https: or file:, without query or fragment) and a checked
 * name. Bytes a URL cannot hold are encoded. 0, -MFE_BAD_HREF or -ENOMEM; records nothing.
 */
int mf_href_join(const char *base, const char *href, char **ret_url);

/* The path that a file: URL or a checked name stands for, %XX decoded. 0, -MFE_BAD_HREF, -ENOMEM.
 */
int mf_href_decode(const char *href, char **ret_path);

#endif
