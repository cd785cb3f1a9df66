/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_ADVISORY_H
#define MODFETCH_ADVISORY_H
/*
 * The advisories of a repository: which version of a package repairs a security problem or another
 * one. They come from the updateinfo.xml that its signed repomd.xml names, and are part of the
 * generation that was made of it (modfetch/cache.h).
 *
 * The advisories of a repository are about its own packages: an update that another repository
 * offers is asked about there.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"

/* An advisory and one of the packages that it names. The set owns the strings. */
struct mf_advisory {
	const char *name, *arch, *evr; /* of the package that has the repair */
	const char *type; /* "security", "bugfix", "enhancement", …, in lower case; "-": not said */
	const char *severity; /* "critical", "important", …, in lower case; "-": not said */
	const char *id;	      /* "VENDOR-2026:0042" */
};

/* Is its type "security"? */
bool mf_advisory_is_security(const struct mf_advisory *advisory);

struct mf_advisories;

/*
 * Reads the advisories of a repository, which the caller frees. 0, also where the repository has none
 * or no metadata; -MFE_BAD_INDEX (the file is damaged; mf_refresh() with MF_REFRESH_FORCE makes it
 * again), -ENOMEM or another -errno, recorded.
 */
int mf_advisories_read(struct mf_context *ctx, const char *repo_id,
		       struct mf_advisories **ret_advisories);
/* NULL: does nothing. */
void mf_advisories_free(struct mf_advisories *advisories);

/* The number of advisories that name a package of the repository. */
size_t mf_advisories_count(const struct mf_advisories *advisories);

/*
 * What an update of a package brings: the most severe advisory for NAME and ARCH whose version is
 * newer than FROM_EVR and not newer than TO_EVR, so that a repair counts that came with a version
 * between the two. FROM_EVR NULL: the package is not installed, and all up to TO_EVR count. Versions
 * are compared as rpm does, "[EPOCH:]VERSION-RELEASE". "security" is more severe than any other type;
 * of one type the severity decides ("critical" to "low"), then the newer version. Borrowed; NULL:
 * none.
 */
const struct mf_advisory *mf_advisories_find(const struct mf_advisories *advisories,
					     const char *name, const char *arch,
					     const char *from_evr, const char *to_evr);

/*
 * Checks an updateinfo.xml, inflated, before it is published. RET_PACKAGES: how many packages its
 * advisories name. 0, -MFE_BAD_METADATA or -errno; records nothing.
 */
int mf_advisories_check(int fd, size_t *ret_packages);

#endif
