/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A medium, as modfetch-media(7) describes it: a repository at its root, or some in its first-level
 * directories. One that is refused costs itself alone and is named. The number of directories that are
 * looked at has a limit: the file system may be made to have millions.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "rescue.h"

#define MAX_NAMES 1000

void rescue_medium_done(struct rescue_medium *medium)
{
	for (size_t i = 0; i < medium->n; i++)
		rescue_repo_done(&medium->v[i]);
	free(medium->v);
	*medium = (struct rescue_medium){ 0 };
}

/* Opens one directory. 0 or a failure that ends the work; a refused repository is none. */
static int open_one(struct mf_context *ctx, int fd, const char *name, struct rescue_medium *medium)
{
	const struct mf_failure before = ctx->failure;
	struct rescue_repo *v = reallocarray(medium->v, medium->n + 1, sizeof(*v));
	const struct mf_failure *f = &ctx->failure;
	int r;

	if (!v)
		return mf_fail(ctx, MF_STAGE_FETCH, -ENOMEM, name, NULL);
	medium->v = v;
	r = rescue_repo_open(ctx, fd, name, &v[medium->n]);
	if (r == 0)
		medium->n++;
	if (r >= 0)
		return 0;
	if (r == -ENOMEM)
		return r;
	mf_log(ctx, MF_LOG_WARNING, "%s is not used: %s [%s]", f->what,
	       *f->why ? f->why : mf_error_sentence(r), mf_error_name(r));
	/* the first one is the failure of the whole if no other is opened */
	if (medium->refused++)
		ctx->failure = before;
	return 0;
}

static int open_each(struct mf_context *ctx, int fd, struct rescue_medium *medium)
{
	_cleanup_closedir_ DIR *dir = mf_opendir(fd);
	struct dirent *e;
	size_t n = 0;
	int r = open_one(ctx, fd, ".", medium);

	while (!r && dir && n++ < MAX_NAMES && (e = readdir(dir)))
		if (*e->d_name != '.' && (e->d_type == DT_DIR || e->d_type == DT_UNKNOWN))
			r = open_one(ctx, fd, e->d_name, medium);
	return r;
}

int rescue_medium_open(struct mf_context *ctx, const char *path, struct rescue_medium *ret_medium)
{
	_cleanup_(rescue_medium_done) struct rescue_medium medium = { 0 };
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = fd < 0 ? mf_fail(ctx, MF_STAGE_FETCH, -errno, path, NULL) : mf_settings_read(ctx);

	if (r == 0)
		r = open_each(ctx, fd, &medium);
	if (r < 0)
		return r;
	if (!medium.n && medium.refused)
		return ctx->failure.code;
	if (!medium.n)
		return mf_fail(ctx, MF_STAGE_FETCH, -MFE_NOT_FOUND, path,
			       "no repository is there (repodata/repomd.xml, at the root or in a "
			       "directory of it); name the directory that has it");
	*ret_medium = medium;
	medium = (struct rescue_medium){ 0 };
	return 0;
}
