/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_CACHE_H
#define MODFETCH_CACHE_H
/*
 * What is kept of a repository between runs: /var/cache/modfetch/ID/, where the link "current"
 * names the generation in use, a folder called after the digest of its repomd.xml:
 *   repomd.xml          as verified
 *   packages-TAG.solv   the packages of one kernel; TAG is "flavor-ABI", or "other" for the rest
 *   plan-TAG.solv       the same for planning
 *   alias-TAG.bin       kmod trie: alias pattern → module; TAG also "flavor" and "any"
 *   name-TAG.bin        kmod trie: module → package
 *   request-TAG.bin     kmod trie: module → module that asks for it by name; TAG also "other"
 *   stamp               format version and digest, written last
 *
 * A generation is built aside and published by renaming the link: a reader sees the old or the new.
 */
#include <stdbool.h>
#include "modfetch/context.h"
#include "modfetch/crypto.h"
#include "modfetch/repo.h"
#include "modfetch/solv.h"

#define MF_CACHE_FOLDER "var/cache/modfetch"

/*
 * Opens the current generation of a repository: a descriptor of its folder, or -ENOENT where there
 * is none, or none of this format. Records nothing. RET_DIGEST may be NULL.
 */
int mf_cache_open(const struct mf_context *ctx, const char *repo_id,
		  uint8_t ret_digest[MF_SHA256_LEN]);

struct mf_cache_source {
	int repomd;		       /* descriptor of the verified repomd.xml */
	int primary;		       /* descriptor of the verified, inflated primary.xml */
	uint8_t digest[MF_SHA256_LEN]; /* of repomd.xml */
};
/*
 * Builds and publishes a generation; older ones go. RET_PACKAGES gets the number of packages. 0,
 * -MFE_BAD_METADATA or -errno, recorded.
 */
int mf_cache_build(struct mf_context *ctx, const char *repo_id,
		   const struct mf_cache_source *source, size_t *ret_packages);

#endif
