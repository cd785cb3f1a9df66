/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_CACHE_H
#define MODFETCH_CACHE_H
/*
 * What is kept of a repository between runs: /var/cache/modfetch/ID/, where the link "current"
 * names the generation in use, a directory called after the digest of its repomd.xml:
 *   repomd.xml          as verified
 *   packages-TAG.solv   the packages of one kernel; TAG is "flavor-ABI", or "other" for the rest
 *   plan-TAG.solv       the same for planning
 *   alias-TAG.bin       kmod trie: alias pattern → module; TAG also "flavor" and "any"
 *   name-TAG.bin        kmod trie: module → package
 *   request-TAG.bin     kmod trie: module → module that asks for it by name; TAG also "other"
 *   kernels             releases of the kernels that the repository serves
 *   advisories          what updates repair; only if some advisory is about its packages
 *   stamp               format version and digest, written last
 *
 * A generation is built aside and published by renaming the link: a reader sees the old or the new.
 */
#include <stdbool.h>
#include <stdint.h>
#include "modfetch/cache-names.h"
#include "modfetch/context.h"
#include "modfetch/crypto.h"
#include "modfetch/repo.h"
#include "modfetch/solv.h"
#include "modfetch/strings.h"

/*
 * Opens the current generation of a repository: a descriptor of its directory, or -ENOENT where there
 * is none, or none of this format. Records nothing. RET_DIGEST may be NULL.
 */
int mf_cache_open(const struct mf_context *ctx, const char *repo_id,
		  uint8_t ret_digest[MF_SHA256_LEN]);

struct mf_cache_source {
	int repomd;		       /* descriptor of the verified repomd.xml */
	int primary;		       /* descriptor of the verified, inflated primary.xml */
	int updateinfo;		       /* the same of updateinfo.xml; 0 or below: there is none */
	uint8_t digest[MF_SHA256_LEN]; /* of repomd.xml */
	/*
	 * Gets the verified, inflated filelists.xml, which only some repositories need. RET_FD: its
	 * descriptor, the caller's, or -1: there is none. 0 or a recorded failure. NULL: there is none.
	 */
	int (*fetch_filelists)(void *arg, int *ret_fd);
	/*
	 * Not NULL: there are no files of metadata, REPOMD is -1, and this adds the packages with their files to
	 * POOL, with origin 0. 0 or a recorded failure.
	 */
	int (*fill)(void *arg, struct mf_pool *pool);
	void *arg;
};
/* What a generation holds. */
struct mf_cache_content {
	size_t packages;
	size_t hidden; /* driver packages that no alias leads to, so no device finds them */
	char hidden_first[128]; /* the name of the first one */
};
/*
 * Builds and publishes a generation; older ones go. A list of advisories or files that cannot be
 * parsed is reported by a warning. 0, -MFE_BAD_METADATA, -errno or a failure of fetch_filelists,
 * recorded.
 */
int mf_cache_build(struct mf_context *ctx, const char *repo_id,
		   const struct mf_cache_source *source, struct mf_cache_content *ret_content);

/* Which kernels the drivers of a repository are for, by their names and dependencies; releases. */
struct mf_served {
	struct mf_strings kernels; /* that packages are for, and for no other */
	struct mf_strings builds;  /* that packages were built for, which may fit others too */
	bool loose;		   /* there are drivers that name no kernel */
};
/* Notes the kernels of packages IDS in a new generation. 0 or -errno. */
int mf_served_write(struct mf_pool *pool, const int *ids, size_t n, int dirfd);
/*
 * Reads them from a generation that mf_cache_open() has opened. The caller passes the result to
 * mf_served_done(). 0 or -errno, with a result without kernels.
 */
int mf_served_read(int dirfd, struct mf_served *ret_served);
void mf_served_done(struct mf_served *served);
/* Has the repository packages for this very kernel? */
bool mf_served_has(const struct mf_served *served, const char *kernel);
/* May it have packages that fit this kernel, though none is for it alone? */
bool mf_served_may_fit(const struct mf_served *served, const char *kernel);
/* "6.1.0-56-amd64, 6.1.0-57-amd64 and 3 more", or "none"; new memory, or NULL: no memory. */
char *mf_served_describe(const struct mf_served *served);

/*
 * What was accepted of a repository last: the state that its metadata never falls back from.
 * /var/lib/modfetch/repos/ID.state, lines of "key value", replaced as a whole and synced.
 */

/* Metadata with a valid signature. */
struct mf_repo_seen {
	int64_t signing_time;	       /* seconds since 1970; 0: none */
	uint8_t digest[MF_SHA256_LEN]; /* of repomd.xml */
	uint8_t keys[MF_SHA256_LEN];   /* a word for the keys that could have signed it then */
	char key[129];		       /* fingerprint of the one that did */
	char signer[192];	       /* for people */
};

/* The newest metadata that one key has signed. */
struct mf_repo_mark {
	char key[129];
	uint64_t revision;
	int64_t signing_time;
	uint8_t keyring[MF_SHA256_LEN]; /* OpenPGP: the file that had the key; else all zero */
};

#define MF_REPO_MARKS 8

struct mf_repo_state {
	uint64_t revision; /* of what was accepted last; 0: it has none that can be compared */
	struct mf_repo_seen accepted; /* last */
	struct mf_repo_seen used;     /* what the cache holds */
	struct mf_repo_mark marks[MF_REPO_MARKS];
	size_t n_marks;
	char identity[256]; /* which repository its metadata says it is; "": nothing */
	char url[512];	    /* the mirror it came from, "": not to be asked conditionally */
	char etag[256];	    /* what that mirror called it */
};

/*
 * 0, also where nothing was accepted yet (an all-zero state); -MFE_ROLLBACK for a state that cannot
 * be read: then it is not known what may be accepted. Recorded.
 */
int mf_repo_state_read(struct mf_context *ctx, const char *repo_id,
		       struct mf_repo_state *ret_state);
/* 0 or -errno, recorded. On return 0 the disk has it. No password of a URL is written. */
int mf_repo_state_write(struct mf_context *ctx, const char *repo_id,
			const struct mf_repo_state *state);

#endif
