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
 * Adds N of them to REPOS, those of the configuration, as repositories. 0; -MFE_NO_KEYS: packages must
 * be signed and there is no key; -ENOMEM; recorded.
 */
int mf_locals_as_repos(struct mf_context *ctx, const struct mf_local *locals, size_t n,
		       struct mf_repos *repos);
/*
 * Adds the packages to a pool of whole lists. A file that cannot be read is left out with a warning.
 * 0 or -ENOMEM, recorded.
 */
int mf_local_add_to_pool(struct mf_context *ctx, const struct mf_local *local, int origin,
			 struct mf_pool *pool);

#endif
