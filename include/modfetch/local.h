/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_LOCAL_H
#define MODFETCH_LOCAL_H
/*
 * Package files of this machine as a repository beside those of the configuration: kept packages, and
 * files that the admin names. mf_catalog_open_local() takes them.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/repo.h"
#include "modfetch/solv.h"
#include "modfetch/strings.h"

#define MF_LOCAL_KEPT  "@kept"
#define MF_LOCAL_FILES "@files"
/* packages that were built on this machine */
#define MF_LOCAL_BUILT "@built"
/* package files of a medium, and the name of their indexes in the cache */
#define MF_LOCAL_MEDIUM "@medium"

struct mf_local_file {
	char *name; /* below the directory */
	uint64_t size;
	uint8_t sha256[MF_SHA256_LEN]; /* that a file must have to be installed */
};

/* Zeroed: none. */
struct mf_local {
	const char *id;	      /* MF_LOCAL_… */
	char *directory;      /* absolute, on the running system */
	bool signed_packages; /* each package must be signed by an OpenPGP key of the repositories */
	struct mf_local_file *v;
	size_t n, room;
	/*
	 * Not NULL: it is no set of files, but a copy of this configured repository on a medium, and takes the
	 * place of its mirrors. FILES are the locations of the packages that are there, NAMES their names;
	 * both sorted.
	 */
	char *repository;
	struct mf_strings names, files;
};
void mf_local_done(struct mf_local *local);

/*
 * Those of the packages LABELS ("name-evr.arch"; NULL: all) that are kept (modfetch/kept.h). The caller passes
 * RET_LOCAL to mf_local_done(). 0 or -errno, recorded.
 */
int mf_local_from_kept(struct mf_context *ctx, const struct mf_strings *labels,
		       struct mf_local *ret_local);
/*
 * Adds a package file. RET_LABEL: its "name-evr.arch", the caller's to free. 0; -MFE_BAD_PACKAGE,
 * -MFE_TOO_LARGE or -errno, recorded.
 */
int mf_local_add_file(struct mf_context *ctx, const char *path, struct mf_local *local,
		      char **ret_label);

/*
 * Adds a package file of a medium: PATH, absolute, was read into FD, a sealed memory file, and its signature
 * was verified. 0; -MFE_BAD_PACKAGE or -errno, recorded.
 */
int mf_local_add_verified(struct mf_context *ctx, const char *path, int fd, struct mf_local *local);
/*
 * A copy of the regular file PATH, which is no link, in a sealed memory file: its descriptor, -EFBIG beyond
 * CAP bytes, -MFE_BAD_PACKAGE (not a regular file) or another -errno. Records nothing.
 */
int mf_local_copy(const char *path, uint64_t cap);
/*
 * Makes indexes of its packages as if it were a repository, so that devices find them; the pool has its
 * packages then by the digests that they had when they were added. mf_local_forget_index() removes
 * them. 0; -MFE_BAD_METADATA or -errno, recorded.
 */
int mf_local_index(struct mf_context *ctx, const struct mf_local *local);
void mf_local_forget_index(const struct mf_context *ctx);
/*
 * A repository that stands for the package files of a medium: its packages must be signed by an OpenPGP key
 * of the repositories. The caller passes it to mf_repo_done(). 0; -MFE_NO_KEYS or -ENOMEM, recorded.
 */
int mf_local_medium_repo(struct mf_context *ctx, struct mf_repo *ret_repo);

/* How many of N are sets of files: those that mf_locals_as_repos() adds. */
size_t mf_locals_sets(const struct mf_local *locals, size_t n);

/*
 * Adds N of them to REPOS, those of the configuration, as repositories. With any of a medium, configured
 * repositories come from there, and those that are not on it are disabled. 0; -MFE_NO_KEYS: packages must
 * be signed and there is no key; -ENOMEM; recorded.
 */
int mf_locals_as_repos(struct mf_context *ctx, const struct mf_local *locals, size_t n,
		       struct mf_repos *repos);
/*
 * Adds the packages of N of them to a pool of whole lists, but for those with indexes; FIRST is the origin
 * of the first set. A file that cannot be read is left out with a warning. 0 or -ENOMEM, recorded.
 */
int mf_locals_add_to_pool(struct mf_context *ctx, const struct mf_local *locals, size_t n,
			  int first, struct mf_pool *pool);

#endif
