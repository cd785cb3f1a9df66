/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_RELEASE_H
#define MODFETCH_RELEASE_H
/*
 * The parts of a kernel release that package names contain: "6.1.0-56-amd64" is flavor "amd64" of
 * the ABI "6.1.0_56". Pure.
 */
#include <stdbool.h>
#include <stddef.h>

#define MF_RELEASE_MAX 128 /* bytes of a release, with its NUL */

struct mf_release {
	char release[MF_RELEASE_MAX];
	char flavor[MF_RELEASE_MAX];
	char abi[MF_RELEASE_MAX];      /* without '-', which separates it from the flavor */
	char version[MF_RELEASE_MAX];  /* the ABI up to its first '_': "6.1.0" */
	char revision[MF_RELEASE_MAX]; /* the ABI after that: "56"; "1" without a '_' */
	/*
	 * The release as a version in dependencies, kernel-uname-r = …: rpmbuild permits one '-' in
	 * it, so the others become '.': "6.1.0-56.amd64"
	 */
	char uname_r[MF_RELEASE_MAX];
};

/*
 * Splits a release. FLAVOR replaces the flavor in the release (NULL: use that). 0, or -EINVAL for a
 * release or flavor that cannot be part of a package's name: it is too long, has other bytes than
 * letters, digits and "._+~-", or does not begin with a digit (flavor: a letter or digit).
 */
int mf_release_parse(const char *release, const char *flavor, struct mf_release *ret_release);

/*
 * May TAG, the end of a kernel package's name ("<flavor>-<abi>" or a flavor), be part of a file
 * name? It has only letters, digits and "._+~-", and does not begin with a dot.
 */
bool mf_release_tag_valid(const char *tag, size_t len);

/* "<stem>-kmp-<flavor>-<abi>", the package of a module, the caller's to free. NULL: no memory. */
char *mf_release_kmp(const struct mf_release *release, const char *stem);

#endif
