/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads the list of packages of other kernels that serve a kernel.
 *
 * The list is signed with the rest of the metadata. A package counts only with the digest that the
 * list states: if the other kernel was packed again since, what it has now may not fit. A list can
 * name packages of its own repository only.
 */
#include "shared.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/release.h"
#include "modfetch/strings.h"

#define LIST_NAME  "kernel-shared-driver-"
#define PROVIDE	   "shared-kmp("
#define DIGEST_MIN 16 /* hexadecimal digits */

const char *mf_shared_tag(const char *name)
{
	const char *tag = name + strlen(LIST_NAME), *dash;

	if (!mf_starts_with(name, LIST_NAME))
		return NULL;
	dash = strrchr(tag, '-');
	return dash && isdigit((unsigned char)dash[1]) && mf_release_tag_valid(tag, strlen(tag))
		       ? tag
		       : NULL;
}

struct reading {
	struct mf_pool *pool;
	struct mf_strings names, digests;
};

static void reading_done(struct reading *reading)
{
	mf_strings_done(&reading->names);
	mf_strings_done(&reading->digests);
}

/* "shared-kmp(NAME)", with the digest as its version */
static int shared_on_provide(void *arg, const char *name, const char *evr)
{
	struct reading *reading = arg;
	size_t len = strlen(name);
	int r;

	if (!mf_starts_with(name, PROVIDE) || name[len - 1] != ')' || !evr ||
	    strlen(evr) < DIGEST_MIN || strlen(evr) >= MF_SHA256_HEX)
		return 0;
	name += strlen(PROVIDE);
	r = mf_strings_addn(&reading->names, name, strlen(name) - 1);
	return r < 0 ? r : mf_strings_add(&reading->digests, evr);
}

static bool shared_matches(struct mf_pool *pool, int id, const char *name, const char *digest)
{
	struct mf_package package;
	char hex[MF_SHA256_HEX];

	mf_pool_package(pool, id, &package);
	if (strcmp(package.name, name) != 0 || !package.has_sha256)
		return false;
	mf_sha256_hex(package.sha256, hex);
	return !strncmp(hex, digest, strlen(digest));
}

int mf_shared_packages(struct mf_pool *pool, int list, int **ret_ids, size_t *ret_n)
{
	_cleanup_(reading_done) struct reading reading = { .pool = pool };
	_cleanup_free_ int *found = NULL;
	size_t n = 0, room = 0;
	int r = mf_pool_deps(pool, list, MF_PROVIDES, shared_on_provide, &reading);

	for (size_t i = 0; !r && i < reading.names.n; i++) {
		_cleanup_free_ int *ids = NULL;
		size_t n_ids = 0;

		r = mf_pool_providers(pool, reading.names.v[i], NULL, &ids, &n_ids);
		for (size_t k = 0; !r && k < n_ids; k++) {
			if (!shared_matches(pool, ids[k], reading.names.v[i], reading.digests.v[i]))
				continue;
			r = mf_array_reserve(&found, &room, n + 1, sizeof(*found));
			if (!r)
				found[n++] = ids[k];
		}
	}
	if (r < 0)
		return r;
	*ret_ids = MF_STEAL(found);
	*ret_n = n;
	return 0;
}
