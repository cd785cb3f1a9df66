/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_KEPT_H
#define MODFETCH_KEPT_H
/*
 * The packages that modfetch installed, kept on disk, so that an older version can come back without
 * network: /var/lib/modfetch/packages/NAME-EVR.ARCH.rpm, and a list of them. A kept package is no
 * more trusted than a download: its digest is that of the list, and the verify stage checks the file
 * as any other.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/rpm.h"
#include "modfetch/strings.h"

#define MF_KEPT_DIRECTORY "var/lib/modfetch/packages"
#define MF_KEPT_DAYS	  90 /* a package that is not installed any more is dropped after them */

struct mf_kept_package {
	uint8_t sha256[MF_SHA256_LEN];
	uint64_t size; /* bytes */
	long day;      /* since 1970: when it was installed last */
	char *repo;    /* the id of the repository that it came from */
	char *kernels; /* the releases that it is for, with commas; "-": none */
	char *name;    /* of the package */
	char *label;   /* name-evr.arch */
	char *words;   /* of a prefetched package (modfetch/prefetched.h), with commas; or NULL */
};

/* Zeroed: empty. The package that was installed last comes last. */
struct mf_kept {
	struct mf_kept_package *v;
	size_t n, room;
};

/*
 * Reads the list; a line that is no entry is skipped with a warning. A missing list is empty, and so is, for
 * another user than root, one that only root can read, which is logged. 0 or
 * -errno, recorded.
 */
int mf_kept_read(struct mf_context *ctx, struct mf_kept *ret_kept);
void mf_kept_done(struct mf_kept *kept);
/* The entry of a label, or NULL. Borrowed. */
const struct mf_kept_package *mf_kept_find(const struct mf_kept *kept, const char *label);
/* The name of its file in MF_KEPT_DIRECTORY; the caller's to free. NULL: no memory. */
char *mf_kept_file_name(const struct mf_kept_package *package);
/*
 * Is the file of a package there, with its size? Its digest is not read. PACKAGE need not be an entry: name,
 * label, size and digest are enough, as a plan has them.
 */
bool mf_kept_is_there(const struct mf_context *ctx, const struct mf_kept_package *package);
/* And has it the digest of PACKAGE too? Reads all of it. */
bool mf_kept_is_intact(const struct mf_context *ctx, const struct mf_kept_package *package);
/*
 * A sealed copy of that file in memory, with the digest of PACKAGE. The descriptor, which is the caller's;
 * -ENOENT: there is none of that size; -MFE_BAD_DIGEST: it is damaged; or another -errno. Records nothing.
 */
int mf_kept_open(const struct mf_context *ctx, const struct mf_kept_package *package);

/* A package to be kept; all borrowed. */
struct mf_kept_new {
	int fd; /* the sealed file */
	const char *label, *repo;
	const uint8_t *sha256;
	const struct mf_rpm_header *header;
};
/*
 * Keeps N packages, and drops what exceeds settings.keep_versions: of each name and its kernels,
 * that many versions stay beside the newest entry. With keep_versions 0 nothing is kept and all is
 * dropped. A package that is not installed any more is dropped after MF_KEPT_DAYS. A package of a kernel
 * itself is not kept. Only with the lock held. 0, -errno, or a failure of the rpm database, recorded:
 * then the list is as it was.
 */
int mf_kept_add(struct mf_context *ctx, const struct mf_kept_new *packages, size_t n);
/* Drops the packages that are for this kernel only, which is gone. 0 or -errno, recorded. */
int mf_kept_drop_kernel(struct mf_context *ctx, const char *kernel);

#endif
