/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The initrds that may have to be made again, between a transaction and the end of that work.
 *
 * A transaction writes a file for each kernel that has an initrd, called by its release, with the
 * names of the changed modules, one on each line; names of several transactions add up. It is
 * written before the transaction is final: without need it costs a comparison, and after a crash it
 * is still there. It is removed when the initrd is right, or its program failed; modfetch check finds
 * an outdated initrd by itself.
 *
 * A run of an admin does the work at its end. An unattended one leaves it to modfetch-initrd.path:
 * no device waits for it there, and the sandbox of the services does not permit writing to /boot.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/initrd.h"
#include "modfetch/module-name.h"
#include "image.h"
#include "outdated.h"
#include "rebuild.h"

#define PENDING_MAX ((size_t)4 << 20)

static int pending_on_line(void *arg, char *line)
{
	struct mf_strings *names = arg;

	return mf_is_plain_name(line) ? mf_strings_add(names, line) : 0;
}

/* The names that are in the file of a kernel; none if it is missing or damaged. */
static int pending_read(int directory, const char *kernel, struct mf_strings *names)
{
	_cleanup_close_ int fd =
		openat(directory, kernel, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int r = fd < 0 ? 0 : mf_file_each_line(fd, PENDING_MAX, pending_on_line, names);

	return r == -ENOMEM ? r : 0;
}

static int pending_write(int directory, const char *kernel, struct mf_strings *names)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_fclose_ FILE *f = NULL;
	size_t len = 0;

	mf_strings_sort(names);
	f = open_memstream(&text, &len);
	if (!f)
		return -ENOMEM;
	for (size_t i = 0; i < names->n; i++)
		if (!i || strcmp(names->v[i - 1], names->v[i]) != 0)
			fprintf(f, "%s\n", names->v[i]);
	if (fclose(MF_STEAL(f)))
		return -ENOMEM;
	return mf_file_publish(directory, kernel, 0644, text, len);
}

static int pending_add(const struct mf_context *ctx, const struct mf_strings *paths)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	_cleanup_close_ int directory = mf_context_mkdir(ctx, MF_INITRD_PENDING);
	char name[MF_MODULE_NAME_SIZE];
	int r = directory < 0 ? directory : pending_read(directory, ctx->kernel, &names);

	for (size_t i = 0; !r && i < paths->n; i++)
		if (mf_is_module(paths->v[i]) && mf_module_name(paths->v[i], name, sizeof(name)))
			r = mf_strings_add(&names, name);
	return r || !names.n ? r : pending_write(directory, ctx->kernel, &names);
}

void mf_initrd_note(struct mf_context *ctx, const char *kernel, const struct mf_strings *paths)
{
	_cleanup_free_ char *copy = strdup(kernel), *image = NULL;
	struct mf_context other;
	_cleanup_close_ int fd = -1;
	int r = -ENOMEM;

	if (copy) {
		other = mf_context_for_kernel(ctx, copy);
		fd = mf_image_open(&other, &image);
		if (fd == -ENOENT || !strcmp(ctx->settings.regenerate_initrd, "never"))
			return;
		r = pending_add(&other, paths);
	}
	if (r < 0)
		mf_log(ctx, MF_LOG_WARNING, "initrd: /" MF_INITRD_PENDING "/%s: %s", kernel,
		       mf_error_sentence(r));
}

/* Handles the initrd of one kernel. 0 or a recorded failure. */
static int pending_handle(struct mf_context *ctx, int directory, char *kernel)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	_cleanup_free_ char *why = NULL;
	struct mf_context other = mf_context_for_kernel(ctx, kernel);
	int r = pending_read(directory, kernel, &names);

	if (!r && mf_kernel_is_installed(&other, kernel))
		r = mf_initrd_outdated(&other, &names, &why);
	if (r > 0)
		r = mf_initrd_rebuild(&other, why);
	if (r < 0)
		ctx->failure = other.failure;
	/* an image is handled when it boots */
	if ((!*ctx->root || !why) && unlinkat(directory, kernel, 0) < 0 && errno != ENOENT &&
	    r >= 0)
		return mf_fail(ctx, MF_STAGE_INITRD, -errno, kernel, NULL);
	return r < 0 ? r : 0;
}

int mf_initrd_settle(struct mf_context *ctx)
{
	_cleanup_close_ int fd = mf_context_open(ctx, MF_INITRD_PENDING, O_RDONLY | O_DIRECTORY);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : mf_opendir(fd);
	_cleanup_(mf_strings_done) struct mf_strings kernels = { 0 };
	struct mf_failure first = { 0 };
	struct dirent *e;
	int r = 0;

	while (dir && !r && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			r = mf_strings_add(&kernels, e->d_name);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_INITRD, r, "initrd", NULL);
	for (size_t i = 0; i < kernels.n; i++)
		if (pending_handle(ctx, fd, kernels.v[i]) < 0 && !first.code)
			first = ctx->failure;
	if (first.code)
		ctx->failure = first;
	return first.code;
}

int mf_initrd_renew(struct mf_context *ctx, bool dry_run, char **ret_why)
{
	_cleanup_free_ char *why = NULL;
	int r = mf_initrd_outdated(ctx, NULL, &why);

	if (r > 0 && !dry_run)
		r = mf_initrd_rebuild(ctx, why);
	else if (r >= 0)
		r = !r;
	if (r >= 0)
		*ret_why = MF_STEAL(why);
	return r;
}
