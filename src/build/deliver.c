/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keeps the packages of a build, and installs them through the pipeline, as package files that the admin names.
 *
 * The pipeline verifies, installs, indexes, and links the modules into all other kernels that they fit. Nothing is loaded: as with
 * every installation in advance, the driver is there when a device or an admin asks for it. A module whose older version is in use stays
 * in the kernel until the next boot.
 *
 * The files are kept in /var/lib/modfetch/build/packages/KVER/NAME/, one build of each: to install them again needs no compiler.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "builder.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/local.h"
#include "modfetch/pipeline.h"

#define PACKAGES BUILD_DIRECTORY "/packages"

static char *kept_directory(const char *kernel, const char *name)
{
	return mf_format(PACKAGES "/%s/%s", kernel, name);
}

static int keep_drop(const struct mf_context *ctx, const char *name)
{
	_cleanup_free_ char *path = mf_format(PACKAGES "/%s", ctx->kernel);
	_cleanup_close_ int dirfd =
		path ? mf_context_open(ctx, path, O_RDONLY | O_DIRECTORY) : -ENOMEM;

	if (dirfd < 0)
		return dirfd == -ENOENT ? 0 : dirfd;
	return mf_tree_remove(dirfd, name);
}

int build_keep(struct builder *b, const struct build_job *job, const struct build_tree *tree)
{
	_cleanup_free_ char *path = kept_directory(b->ctx->kernel, job->source->name);
	_cleanup_close_ int from = open(tree->packages, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int to = -1;
	int r = from < 0 ? -errno : path ? keep_drop(b->ctx, job->source->name) : -ENOMEM;

	if (!r) {
		to = mf_context_mkdir(b->ctx, path);
		r = to < 0 ? to : 0;
	}
	for (size_t i = 0; !r && i < tree->files.n; i++) {
		const char *file = tree->files.v[i], *slash = strrchr(file, '/');

		if (renameat(from, file, to, slash ? slash + 1 : file) < 0)
			r = -errno;
	}
	return r < 0 ? mf_fail(b->ctx, MF_STAGE_BUILD, r, "/" PACKAGES, NULL) : 0;
}

bool build_is_kept(const struct mf_context *ctx, const char *kernel, const char *name,
		   const char *label)
{
	_cleanup_free_ char *directory = kept_directory(kernel, name);
	_cleanup_free_ char *path = directory ? mf_format("%s/%s.rpm", directory, label) : NULL;

	return path && mf_context_exists(ctx, path);
}

/* ---- the pipeline ---- */

struct kept {
	struct mf_context *ctx;
	const char *directory; /* absolute */
	struct mf_local local;
	struct mf_strings labels;
};

static int on_file(void *arg, const char *name)
{
	struct kept *kept = arg;
	_cleanup_free_ char *label = NULL, *path = mf_format("%s/%s", kept->directory, name);
	int r = path ? mf_local_add_file(kept->ctx, path, &kept->local, &label) : -ENOMEM;

	return r < 0 ? r : mf_strings_add(&kept->labels, label);
}

/* The kept packages as files of this machine, with their labels. 0 or a recorded failure. */
static int read_kept(struct kept *kept, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(kept->ctx, path, O_RDONLY | O_DIRECTORY);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : mf_opendir(fd);
	struct dirent *e;
	int r = fd < 0 ? fd : dir ? 0 : -EIO;

	while (!r && dir && (e = readdir(dir)))
		if (mf_ends_with(e->d_name, ".rpm"))
			r = on_file(kept, e->d_name);
	if (r < 0 && !kept->ctx->failure.code)
		return mf_fail(kept->ctx, MF_STAGE_BUILD, r, path, NULL);
	return r;
}

static int install(struct kept *kept, const char *source)
{
	_cleanup_free_ struct mf_version *versions = calloc(kept->labels.n + 1, sizeof(*versions));
	_cleanup_free_ char *reason = mf_format("built from %s", source);
	_cleanup_(mf_run_done) struct mf_run run = { .verb = "build",
						     .reason = reason,
						     .locals = &kept->local,
						     .n_locals = 1,
						     .no_load = true };
	int r;

	if (!versions || !reason)
		return mf_fail(kept->ctx, MF_STAGE_BUILD, -ENOMEM, source, NULL);
	for (size_t i = 0; i < kept->labels.n; i++)
		versions[i] = (struct mf_version){ kept->labels.v[i], MF_LOCAL_BUILT };
	run.selection.versions = versions;
	run.selection.n_versions = kept->labels.n;
	r = mf_pipeline_run(kept->ctx, &run);
	return r < 0 ? r : 0;
}

int build_install_kept(struct mf_context *ctx, const struct mf_source *source,
		       struct mf_strings *labels)
{
	_cleanup_free_ char *path = kept_directory(ctx->kernel, source->name);
	_cleanup_free_ char *directory = path ? mf_context_path(ctx, "/%s", path) : NULL;
	struct kept kept = { .ctx = ctx, .directory = directory };
	int r = directory ? read_kept(&kept, path) : -ENOMEM;

	/* this process, or root's before it, has made the packages and signed their modules */
	kept.local.id = MF_LOCAL_BUILT;
	kept.local.signed_packages = false;
	if (!r)
		r = install(&kept, source->name);
	if (!r)
		r = mf_strings_add_all(labels, &kept.labels);
	else
		(void)keep_drop(ctx, source->name);
	mf_local_done(&kept.local);
	mf_strings_done(&kept.labels);
	return r == -ENOMEM ? mf_fail(ctx, MF_STAGE_BUILD, r, source->name, NULL) : r;
}
