/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_RELEASE_H
#define MODFETCH_RELEASE_H
/*
 * What a kernel release says about package names: "6.1.0-56-amd64" is flavor "amd64" of the ABI
 * "6.1.0_56". Pure.
 */
#include <stdbool.h>
#include <stddef.h>

#define MF_RELEASE_MAX 128 /* bytes of a release, with its NUL */

struct mf_release {
	char release[MF_RELEASE_MAX];
	char flavor[MF_RELEASE_MAX];
	char abi[MF_RELEASE_MAX];      /* never holds '-': that separates it from the flavor */
	char version[MF_RELEASE_MAX];  /* of the ABI, up to its first '_': "6.1.0" */
	char revision[MF_RELEASE_MAX]; /* of the ABI, behind it: "56"; "1" where there is none */
	/*
	 * The release as a version in dependencies, kernel-uname-r = …: rpmbuild allows one '-' in
	 * it, the others are written as '.': "6.1.0-56.amd64"
	 */
	char uname_r[MF_RELEASE_MAX];
};

/*
 * Takes a release apart. FLAVOR overrides what is read from it (NULL: read). 0, or -EINVAL for what
 * cannot be part of a package's name: other bytes than letters, digits and "._+~-", a first byte
 * that is no digit, or too long; for the flavor: no letter or digit first.
 */
int mf_release_parse(const char *release, const char *flavor, struct mf_release *ret_release);

/*
 * Is it what a kernel's packages end in, "<flavor>-<abi>", or a flavor alone? It becomes part of
 * file names: letters, digits and "._+~-" only, not beginning with a dot.
 */
bool mf_release_tag_valid(const char *tag, size_t len);

/* "<stem>-kmp-<flavor>-<abi>", the package of a module. Newly allocated; NULL: no memory. */
char *mf_release_kmp(const struct mf_release *release, const char *stem);

#endif
