/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef INITRD_IMAGE_H
#define INITRD_IMAGE_H
/* The initrd of a kernel, and the modules of that kernel in it. */
#include <stdbool.h>
#include <sys/stat.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"
#include "cpio.h"

struct mf_image_module {
	char *name;		       /* as kmod spells it */
	bool content;		       /* false: a link, or damaged: the digests are not set */
	uint8_t sha256[MF_SHA256_LEN]; /* of the module without its compression */
	uint8_t facts[MF_SHA256_LEN];  /* of what it states: equal for a stripped copy */
};

struct mf_image {
	char *path; /* below the root, without a leading slash */
	struct stat st;
	struct mf_image_module *modules; /* sorted by name */
	size_t n, room;
};

/*
 * Reads the initrd of the context's kernel. 0: RET_IMAGE is the caller's, for mf_image_done(); 1:
 * the kernel has no initrd; -MFE_BAD_INITRD (damaged, of an unknown format, too large), recorded, or
 * another recorded failure.
 */
int mf_image_read(struct mf_context *ctx, struct mf_image *ret_image);
void mf_image_done(struct mf_image *image);
/* A module of this name, or NULL. */
const struct mf_image_module *mf_image_find(const struct mf_image *image, const char *name);

/* Opens the initrd. The descriptor, RET_PATH is new memory; -ENOENT: there is none; or -errno. */
int mf_image_open(const struct mf_context *ctx, char **ret_path);

/*
 * Passes the archives in LEN bytes of an initrd, plain or compressed, to the reader. 0; -EBADMSG,
 * -EINVAL (an unknown compression), -EFBIG, or a visitor's -errno.
 */
int mf_image_parse(struct mf_cpio *cpio, const char *bytes, size_t len);

/* Sets both digests from the bytes of a module file. 0 (also if it is no module) or -ENOMEM. */
int mf_image_digest(const void *bytes, size_t len, struct mf_image_module *module);

#endif
