/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds the modules of which the initrd has certainly another build than the disk.
 *
 * A generator may strip symbols and signatures, so other bytes alone prove nothing; other fields,
 * imports or exports do. The copy is older if the initrd was written before the file on disk got its
 * present content or place.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/fit.h"
#include "modfetch/initrd.h"
#include "image.h"

#define COPY_MAX ((size_t)64 << 20)

struct copies {
	struct mf_image image;
	struct mf_fit_kernel *index;
	int directory;
	mf_initrd_copy_visit *visit;
	void *arg;
};

static void copies_done(struct copies *c)
{
	mf_image_done(&c->image);
	mf_fit_kernel_free(c->index);
	if (c->directory >= 0)
		close(c->directory);
}

static bool copies_is_older(const struct stat *image, const struct stat *file)
{
	const struct timespec *made = &image->st_mtim, *changed = &file->st_ctim;

	return made->tv_sec < changed->tv_sec ||
	       (made->tv_sec == changed->tv_sec && made->tv_nsec < changed->tv_nsec);
}

static int copies_compare(const struct copies *c, const struct mf_image_module *module)
{
	const char *path = mf_fit_kernel_path(c->index, module->name);
	_cleanup_close_ int fd =
		path && module->content ? openat(c->directory, path, O_RDONLY | O_CLOEXEC) : -1;
	struct mf_image_module disk = { 0 };
	_cleanup_free_ char *bytes = NULL;
	struct stat st;
	size_t len;
	int r;

	/* what is wrong with a file on disk is for other questions */
	if (fd < 0 || fstat(fd, &st) < 0 || mf_file_read(fd, COPY_MAX, &bytes, &len) < 0)
		return 0;
	r = mf_image_digest(bytes, len, &disk);
	if (r < 0 || !disk.content || !memcmp(disk.sha256, module->sha256, MF_SHA256_LEN) ||
	    !memcmp(disk.facts, module->facts, MF_SHA256_LEN))
		return r;
	return c->visit(c->arg, c->image.path, path, copies_is_older(&c->image.st, &st));
}

int mf_initrd_each_other_copy(struct mf_context *ctx, mf_initrd_copy_visit *visit, void *arg)
{
	_cleanup_(copies_done) struct copies c = { .visit = visit, .arg = arg, .directory = -1 };
	_cleanup_free_ char *path = mf_kernel_path(ctx->kernel, NULL);
	int r = path ? mf_image_read(ctx, &c.image) : -ENOMEM;

	if (r)
		return r < 0 ? r : 0;
	c.directory = mf_context_open(ctx, path, O_RDONLY | O_DIRECTORY);
	r = c.directory < 0 ? c.directory
			    : mf_fit_kernel_new(ctx, ctx->kernel, MF_FIT_QUICK, &c.index);
	for (size_t i = 0; !r && i < c.image.n; i++)
		r = copies_compare(&c, &c.image.modules[i]);
	return r < 0 && ctx->failure.code != r ? mf_fail(ctx, MF_STAGE_INITRD, r, path, NULL) : r;
}
