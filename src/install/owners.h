/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_OWNERS_H
#define MODFETCH_OWNERS_H
/*
 * Whose is the file that lies where a package has one? A file is a package's own if the rpm
 * database says that the package brought it and it still is what the package brought. Any other
 * file belongs to somebody else (dpkg, dkms, an installer, an admin) and keeps its bytes.
 */
#include "modfetch/context.h"
#include "modfetch/rpm.h"
#include "modfetch/strings.h"

enum mf_lies {
	MF_LIES_NOTHING,
	MF_LIES_SAME,  /* type and bytes, or a link's target, are those of the package */
	MF_LIES_OTHER, /* anything else, also what is made at the path of a %ghost */
};
/*
 * What lies at the path of a package's file, links among its directories followed inside the root.
 * One of enum mf_lies or -errno; records nothing.
 */
int mf_owners_check_file(const struct mf_context *ctx, const struct mf_rpm_file *file);

/*
 * One transaction's question. First all packages that are to come, then all that are to go, then
 * mf_owners_decide(); nothing is changed. Headers are borrowed until mf_owners_free().
 */
struct mf_owners;
int mf_owners_new(struct mf_context *ctx, struct mf_owners **ret_owners); /* 0 or -ENOMEM */
void mf_owners_free(struct mf_owners *owners);
/*
 * 0; -MFE_FILE_EXISTS where something else than a directory is where one must be; -errno;
 * recorded.
 */
int mf_owners_arrives(struct mf_owners *owners, const char *nevra,
		      const struct mf_rpm_header *header);
/* 0; -MFE_ALTERED where a file of it is somebody else's by now; -errno; recorded. */
int mf_owners_leaves(struct mf_owners *owners, const struct mf_rpm_header *header);
/*
 * Decides about what lies in the way of the packages that come. What is the same as theirs stays,
 * and so do firmware and documentation: the package is to be installed without these files. 0;
 * -MFE_FILE_EXISTS for any other file, -errno, or a failure of the rpm database; recorded.
 */
int mf_owners_decide(struct mf_owners *owners);
/* After that: the paths that the package (counted from 0, as they came) is to be installed without.
 */
const struct mf_strings *mf_owners_kept(const struct mf_owners *owners, size_t package);

/*
 * Appends to GO those of the installed packages NAMES that may be removed, and warns of the others,
 * which have files that are somebody else's by now. 0 or a recorded failure.
 */
int mf_owners_removable(struct mf_context *ctx, const struct mf_strings *names,
			struct mf_strings *go);

#endif
