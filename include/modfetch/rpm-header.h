/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_RPM_HEADER_H
#define MODFETCH_RPM_HEADER_H
/* What the header of a package says, of a file or of an installed one. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/crypto.h"
#include "modfetch/strings.h"

struct mf_rpm_file {
	char *path;
	char *link;	 /* target of a symbolic link, or "" */
	bool has_sha256; /* false for what is no regular file */
	uint8_t sha256[MF_SHA256_LEN];
	uint64_t size;
	uint32_t mode; /* type and permissions, as st_mode */
	char *user, *group;
	bool has_caps;	/* file capabilities */
	uint32_t links; /* names that the package gives this file; more than 1: hard links */
	uint32_t mtime; /* seconds; rpm gives it to the file */
	bool ghost;	/* listed, but not in the package: it may be made later, by anybody */
	bool left_out;	/* of an installed package: rpm does not count the file as brought by it */
};

struct mf_rpm_header {
	char *name, *evr, *arch; /* evr as libsolv writes it: epoch only where it is not 0 */
	struct mf_rpm_file *files;
	size_t n_files;
	struct mf_strings scriptlets; /* tags present: "%post", "%triggerin", "%pre -p <lua>" … */
	struct mf_strings obsoletes;  /* names */
	struct mf_strings
		uname_r; /* versions of "kernel-uname-r" it provides: a kernel's package */
};

/*
 * Reads a librpm Header, as mf_rpm_each_installed() hands it out. 0, -MFE_BAD_PACKAGE or -ENOMEM;
 * records nothing.
 */
int mf_rpm_header(void *header, struct mf_rpm_header *ret_header);
void mf_rpm_header_done(struct mf_rpm_header *header);

#endif
