/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decides whether an initrd has to be made again.
 *
 * To make one takes up to a minute and replaces a file that the machine needs to boot, so it is done
 * only if the content changes: a copy in the initrd has other bytes than the file that modprobe
 * would load, its file is gone, or a module that the early boot needs is on disk only. Which other
 * modules a generator would copy is not guessed.
 *
 * An initrd that cannot be read counts as outdated if a module that the early boot needs has
 * changed.
 */
#include "outdated.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/fit.h"
#include "image.h"
#include "needs.h"

#define FILE_MAX_LEN ((size_t)64 << 20)

struct comparison {
	struct mf_context *ctx;
	struct mf_needs *needs;
	struct mf_image image;
	bool readable;
	struct mf_fit_kernel *index;
	int directory; /* of the kernel's modules */
};

static void comparison_done(struct comparison *c)
{
	mf_image_done(&c->image);
	mf_fit_kernel_free(c->index);
	if (c->directory >= 0)
		close(c->directory);
}

/* 1: the file on disk has other bytes than the copy; 0; or -errno. */
static int comparison_differs(const struct comparison *c, const char *path,
			      const struct mf_image_module *copy)
{
	struct mf_image_module disk = { 0 };
	_cleanup_free_ char *bytes = NULL;
	size_t len;
	int r;

	/* a link: the file it leads to is in the initrd under its own path */
	if (!copy->content)
		return 0;
	r = mf_file_read_at(c->directory, path, FILE_MAX_LEN, &bytes, &len);
	if (!r)
		r = mf_image_digest(bytes, len, &disk);
	if (r < 0)
		return r;
	return !disk.content || memcmp(disk.sha256, copy->sha256, sizeof(disk.sha256)) != 0;
}

/* 1: RET_WHY is the difference of this module; 0: none; or -errno. */
static int comparison_of(const struct comparison *c, const char *name, char **ret_why)
{
	const bool required = mf_strings_has(&c->needs->required, name);
	const char *path = mf_fit_kernel_path(c->index, name);
	const struct mf_image_module *copy = mf_image_find(&c->image, name);
	const char *why = NULL;
	int r;

	if (!c->readable) {
		why = required && path ? "it has changed, and the initrd cannot be read" : NULL;
	} else if (!copy) {
		why = required && path ? "the early boot needs it, and the initrd lacks it" : NULL;
	} else if (!path) {
		why = "the initrd has it, but it is not on disk any more";
	} else {
		r = comparison_differs(c, path, copy);
		if (r < 0)
			return r;
		why = r ? "the initrd has another copy of it" : NULL;
	}
	if (!why)
		return 0;
	*ret_why = mf_format("%s: %s", name, why);
	return *ret_why ? 1 : -ENOMEM;
}

static int comparison_prepare(struct comparison *c)
{
	_cleanup_free_ char *path = mf_kernel_path(c->ctx->kernel, NULL);
	int r = mf_image_read(c->ctx, &c->image);

	if (r == -MFE_BAD_INITRD)
		mf_log(c->ctx, MF_LOG_WARNING, "initrd: %s: %s", c->ctx->failure.what,
		       c->ctx->failure.why);
	c->readable = !r;
	if (r && r != -MFE_BAD_INITRD)
		return r;
	c->ctx->failure = (struct mf_failure){ 0 };
	c->directory = path ? mf_context_open(c->ctx, path, O_RDONLY | O_DIRECTORY) : -ENOMEM;
	if (c->directory < 0)
		return mf_fail(c->ctx, MF_STAGE_INITRD, c->directory, path ? path : "kernel", NULL);
	r = mf_kmod_new(c->ctx, &c->needs->kmod);
	if (!r)
		r = mf_needs_collect(c->needs);
	return r ? r : mf_fit_kernel_new(c->ctx, c->ctx->kernel, MF_FIT_QUICK, &c->index);
}

static int comparison_of_all(const struct comparison *c, char **ret_why)
{
	int r = 0;

	for (size_t i = 0; !r && i < c->image.n; i++)
		r = comparison_of(c, c->image.modules[i].name, ret_why);
	for (size_t i = 0; !r && i < c->needs->required.n; i++)
		r = comparison_of(c, c->needs->required.v[i], ret_why);
	return r;
}

int mf_initrd_outdated(struct mf_context *ctx, const struct mf_strings *names, char **ret_why)
{
	_cleanup_(mf_needs_done) struct mf_needs needs = { .ctx = ctx };
	_cleanup_(comparison_done) struct comparison c = { .ctx = ctx,
							   .needs = &needs,
							   .directory = -1 };
	int r = comparison_prepare(&c);

	/* there is no initrd */
	if (r)
		return r < 0 ? r : 0;
	if (!names)
		r = comparison_of_all(&c, ret_why);
	for (size_t i = 0; names && !r && i < names->n; i++)
		r = comparison_of(&c, names->v[i], ret_why);
	return r < 0 && ctx->failure.code != r
		       ? mf_fail(ctx, MF_STAGE_INITRD, r, c.image.path, NULL)
		       : r;
}
