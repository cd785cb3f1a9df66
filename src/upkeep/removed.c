/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Removes what is there for a kernel that was removed.
 *
 * Only what modfetch brought goes: packages of its own form or of its history, whose modules are all in
 * the directory of this kernel. One that another kernel uses by a link stays. Then the links in
 * the directory, and, unless a module of another owner is left in it, the indexes, which are nothing
 * without modules, and the empty directories: the kernel's own package, or dpkg, finds it empty.
 *
 * The packages are removed by the pipeline, so a package that another one needs stays, with all
 * others if they cannot be removed together; then each is tried alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/inspect.h"
#include "modfetch/kept.h"
#include "modfetch/links.h"
#include "modfetch/machine.h"
#include "modfetch/module-name.h"
#include "modfetch/pipeline.h"
#include "modfetch/prefetched.h"
#include "modfetch/release.h"
#include "modfetch/undo.h"
#include "modfetch/upkeep.h"
#include "brought.h"

#define VERB	  "kernel-removed"
#define DEPTH_MAX 32

/* ---- packages ---- */

/* Is it named as the packages of this kernel that "modfetch pack" makes? */
static bool has_tag(const char *name, const struct mf_release *release)
{
	_cleanup_free_ char *tag = mf_format("-%s-%s", release->flavor, release->abi);

	return tag && mf_ends_with(name, tag);
}

/* The kernel that uses a module of the package by a link, or NULL. */
static const char *find_user(const struct brought_package *package,
			     const struct mf_strings *targets, const struct mf_strings *users)
{
	for (size_t i = 0; i < targets->n; i++)
		if (mf_strings_has(&package->files, targets->v[i]))
			return users->v[i];
	return NULL;
}

static bool is_of_kernel(const struct mf_context *ctx, const struct brought_package *package)
{
	struct mf_release release;
	bool tagged =
		!mf_release_parse(ctx->kernel, NULL, &release) && has_tag(package->name, &release);

	if (package->kernel || !(package->brought || tagged))
		return false;
	/* a pattern has no files */
	if (!package->files.n)
		return tagged;
	return package->kernels.n == 1 && !strcmp(package->kernels.v[0], ctx->kernel);
}

/* Collects the names of the packages to be removed. 0, or a recorded failure. */
static int collect_packages(struct mf_context *ctx, struct mf_strings *ret_names)
{
	_cleanup_(upkeep_brought_done) struct brought brought = { 0 };
	_cleanup_(mf_strings_done) struct mf_strings targets = { 0 }, users = { 0 };
	int r = upkeep_brought_read(ctx, &brought);

	if (!r)
		r = upkeep_link_targets(ctx, ctx->kernel, &targets, &users);
	for (size_t i = 0; !r && i < brought.n; i++) {
		const struct brought_package *package = &brought.v[i];
		const char *user;

		if (!is_of_kernel(ctx, package))
			continue;
		user = find_user(package, &targets, &users);
		if (user)
			mf_log(ctx, MF_LOG_INFO, "kernel: %s stays: kernel %s uses it by a link",
			       package->label, user);
		else if (mf_strings_add_unique(ret_names, package->name) < 0)
			r = mf_fail(ctx, MF_STAGE_KERNEL, -ENOMEM, package->name, NULL);
	}
	return r;
}

static int remove_names(struct mf_context *ctx, const struct mf_strings *names,
			struct mf_strings *done)
{
	_cleanup_(mf_run_done) struct mf_run run = {
		.verb = VERB, .selection.remove = names, .selection.held_too = true, .no_load = true
	};
	int r = mf_pipeline_run(ctx, &run);

	for (size_t i = 0; r >= 0 && i < run.plan.erase.n; i++) {
		_cleanup_free_ char *line =
			mf_format("removed the package %s", run.plan.erase.v[i]);

		if (!line || mf_strings_add(done, line) < 0)
			r = mf_fail(ctx, MF_STAGE_KERNEL, -ENOMEM, ctx->kernel, NULL);
	}
	return r < 0 ? r : 0;
}

/* Removes all in one transaction, or what can be removed. 0, or the last failure, recorded. */
static int remove_packages(struct mf_context *ctx, const struct mf_strings *names,
			   struct mf_strings *done)
{
	int r = names->n ? remove_names(ctx, names, done) : 0, failure = 0;

	if (r >= 0 || !mf_fault_is_of_package(r) || names->n == 1)
		return r;
	for (size_t i = 0; i < names->n; i++) {
		const struct mf_strings one = { &names->v[i], 1, 0 };

		r = remove_names(ctx, &one, done);
		if (r < 0)
			mf_log(ctx, MF_LOG_WARNING, "kernel: %s stays: %s: %s [%s]", names->v[i],
			       ctx->failure.what, ctx->failure.why, mf_error_name(r));
		failure = r < 0 ? r : failure;
	}
	return failure;
}

/* ---- the directory ---- */

/* Is a module left, or a file that is no index? Links count if they lead to a module by their name. */
static bool has_module(int dirfd, int depth)
{
	_cleanup_closedir_ DIR *dir = mf_opendir(dirfd);
	bool found = false;
	struct dirent *d;

	while (dir && !found && (d = readdir(dir))) {
		struct stat st;

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..") ||
		    fstatat(dirfd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
			_cleanup_close_ int child = openat(
				dirfd, d->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

			found = child >= 0 && has_module(child, depth + 1);
		} else {
			found = !S_ISDIR(st.st_mode) && mf_is_module(d->d_name);
		}
	}
	return found;
}

static int remove_rest(struct mf_context *ctx, struct mf_strings *done)
{
	_cleanup_free_ char *path = mf_kernel_path(ctx->kernel, NULL), *line = NULL;
	_cleanup_close_ int fd =
		path ? mf_context_open(ctx, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) : -ENOMEM;
	int r;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return mf_fail(ctx, MF_STAGE_KERNEL, fd, ctx->kernel, NULL);
	if (has_module(fd, 0)) {
		mf_log(ctx, MF_LOG_INFO, "kernel: /%s has modules of others, and stays", path);
		return 0;
	}
	r = mf_indexes_remove(ctx, ctx->kernel);
	if (r < 0)
		return r;
	line = mf_format("removed the indexes of kernel %s", ctx->kernel);
	return line && !mf_strings_add(done, line)
		       ? 0
		       : mf_fail(ctx, MF_STAGE_KERNEL, -ENOMEM, ctx->kernel, NULL);
}

/* Links, indexes and the list of pending kernels, with the lock held. */
static int remove_files(struct mf_context *ctx, struct mf_strings *done)
{
	_cleanup_close_ int lock = mf_lock(ctx);
	int r = lock < 0 ? lock : mf_undo_recover(ctx);

	/* dpkg could not remove a directory that had files of ours */
	if (!r)
		mf_empty_directories_remove(ctx, ctx->kernel);
	if (!r)
		r = mf_links_remove(ctx);
	if (!r)
		r = remove_rest(ctx, done);
	return r < 0 ? r : mf_kernels_pending_set(ctx, ctx->kernel, NULL);
}

/* A kernel that is gone needs no version to go back to, and no driver that may come. */
static int drop_kept(struct mf_context *ctx)
{
	_cleanup_close_ int lock = mf_lock(ctx);

	int r = lock < 0 ? lock : mf_kept_drop_kernel(ctx, ctx->kernel);

	return r < 0 ? r : mf_prefetched_drop_kernel(ctx, ctx->kernel);
}

int mf_kernel_removed(struct mf_context *ctx, struct mf_strings *ret_done)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	struct mf_saved_failure saved;
	int r, files;

	/* a chroot or a container with the same release does not run it */
	if (ctx->kernel_running && mf_machine_has_devices(ctx))
		return mf_fail(ctx, MF_STAGE_KERNEL, -MFE_DENIED, ctx->kernel,
			       "the machine runs this kernel; boot another one first");
	r = collect_packages(ctx, &names);
	if (!r)
		r = remove_packages(ctx, &names, ret_done);
	/* what is left goes in any case; the first failure is the one to report */
	saved = mf_failure_save(ctx);
	files = remove_files(ctx, ret_done);
	if (!files)
		files = drop_kept(ctx);
	if (r >= 0)
		return files;
	mf_failure_restore(&saved);
	return r;
}
