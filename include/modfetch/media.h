/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_MEDIA_H
#define MODFETCH_MEDIA_H
/*
 * Driver media: what is on a stick or disc, and which of it may be used. modfetch-media(7) describes the
 * layouts.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/local.h"
#include "modfetch/strings.h"

/* ---- what is there: scan.c ---- */

/* The layouts that are known; flags. */
enum mf_layout {
	MF_LAYOUT_REPOSITORY = 1, /* repodata with a signature */
	MF_LAYOUT_PACKAGES = 2,	  /* directories of package files */
	MF_LAYOUT_RHDD = 4,	  /* a driver disk of RHEL: rhdd3 */
	MF_LAYOUT_DUD = 8,	  /* a driver update disk of SUSE: linux/suse */
};
/* "driver-disk"; static. */
const char *mf_layout_name(enum mf_layout layout);

/* Paths are absolute; only directories and regular files, never links. */
struct mf_media_found {
	unsigned int layouts;	       /* of enum mf_layout */
	struct mf_strings directories; /* repositories with a signature */
	struct mf_strings packages;    /* package files outside of these */
	struct mf_strings images;      /* .iso files at the root */
	size_t modules; /* of a driver update disk that are in no package, which are not used */
	bool cut;	/* there is more than is looked at */
};

/*
 * Looks at the medium in the directory PATH and adds to FOUND. IMAGES: also lists its images. Names with
 * control characters are passed over. 0; -MFE_MEDIUM (it cannot be read) or -ENOMEM, recorded.
 */
int mf_media_scan(struct mf_context *ctx, const char *path, bool images,
		  struct mf_media_found *found);
void mf_media_found_done(struct mf_media_found *found);

/* ---- what may be used: accept.c ---- */

/* A directory or package that is not used. */
struct mf_media_refusal {
	char *path;
	struct mf_failure why;
};

struct mf_media {
	struct mf_media_found found;
	struct mf_local *locals; /* for mf_run.locals */
	size_t n_locals;
	size_t packages; /* package files among them */
	struct mf_media_refusal *refusals;
	size_t n_refusals;
};

/*
 * Looks at the medium in the directory PATH, absolute, and at the images on it, and decides what of it may
 * be used. A repository on it must be signed by a key of one configured repository, whose metadata it
 * updates if it is newer; its packages are used as far as the accepted metadata lists them. A package
 * file must be signed by an OpenPGP key of the repositories. What is refused is listed with its reason.
 * 0; -MFE_NOT_FOUND: there is no known layout; the first refusal, if nothing may be used; -MFE_MEDIUM or
 * another failure; recorded. DRY_RUN: no metadata is accepted. The caller passes the result to mf_media_done().
 */
int mf_media_read(struct mf_context *ctx, const char *path, bool dry_run,
		  struct mf_media *ret_media);
/* Also removes the indexes of its packages. */
void mf_media_done(struct mf_context *ctx, struct mf_media *media);

/* ---- shared by the sources ---- */

/*
 * Which configured repository DIRECTORY, absolute, is a copy of; its metadata is accepted as by a refresh.
 * RET_LOCAL is for mf_run.locals. DRY_RUN: accepts nothing, the metadata before counts. 0 or a recorded failure.
 */
int mf_media_accept_repository(struct mf_context *ctx, const struct mf_repos *repos,
			       const char *directory, bool dry_run, struct mf_local *ret_local);

#endif
