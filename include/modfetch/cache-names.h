/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_CACHE_NAMES_H
#define MODFETCH_CACHE_NAMES_H
/*
 * The names of the files in a repository's cache, for the directory that writes them (src/repo) and
 * for the small helpers that only read the indexes.
 *
 *	var/cache/modfetch/ID/current           the generation in use, a link
 *	var/cache/modfetch/ID/current/KIND-LABEL.bin    indexes in kmod's format
 *	var/cache/modfetch/ID/current/KIND-LABEL.solv   package lists in libsolv's format
 *
 * LABEL is a kernel's tag ("amd64-6.1.0_56"), a flavor, or one of the two words below.
 */
#define MF_CACHE_DIRECTORY "var/cache/modfetch"
#define MF_CACHE_CURRENT   "current"

/* The version of all these formats. Files of another version are made again from the metadata. */
#define MF_CACHE_VERSION "15"

#define MF_CACHE_INDEX	      "%s-%s.bin"    /* KIND, LABEL */
#define MF_CACHE_KERNEL_INDEX "%s-%s-%s.bin" /* KIND, and a tag as flavor and ABI */
#define MF_CACHE_ALIASES      "alias"	     /* alias to module */
#define MF_CACHE_CARRIERS     "carrier" /* alias to package, where not each of a module has it */
#define MF_CACHE_MODULES      "name"	/* module to package */
#define MF_CACHE_REQUESTS     "request" /* module to the modules that request it at run time */

#define MF_CACHE_LIST	  "%s-%s.solv" /* KIND, LABEL */
#define MF_CACHE_PACKAGES "packages"   /* all of a package's metadata */
#define MF_CACHE_PLAN	  "plan"       /* the form for planning (src/solv/solv-plan.c) */

#define MF_CACHE_ANY   "any"   /* aliases that name no kernel */
#define MF_CACHE_OTHER "other" /* packages that name no kernel */

#define MF_CACHE_KERNELS "kernels" /* the file of the kernels that packages name */

/* The list of advisories (src/repo/advisories.c), and the beginnings of its first and last line. */
#define MF_CACHE_ADVISORIES	 "advisories"
#define MF_CACHE_ADVISORIES_HEAD "modfetch-advisories 1\n"
#define MF_CACHE_ADVISORIES_END	 "end "

#endif
