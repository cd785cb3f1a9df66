/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The context of a run: root, kernel, settings, log.
 *
 * Selects the kernel of a run when none is given. Opens and makes what is below the root; the module
 * directory of a kernel where this root has it (see modules-place.c).
 */
#include "modfetch/context.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"
#include "modules-place.h"
#include "root-open.h"

#define LOG_LINE_MAX 1023

static const struct mf_settings defaults = {
	.max_metadata = 512ULL << 20,
	.max_package = 1ULL << 30,
	.max_age_days = 14,
	.media_max_age_days = 365,
	.fetch_timeout = 600,
	.mirror_timeout = 20,
	.lock_timeout = 60,
	.bind_timeout = 5000,
	.keep_versions = MF_KEEP_DEFAULT,
	.max_transactions = 20,
};

int mf_context_open(const struct mf_context *ctx, const char *path, int flags)
{
	_cleanup_free_ char *instead = NULL;
	int r = modules_place_path(ctx, path, &instead);

	return r < 0 ? r : root_open(ctx, instead ? instead : path, flags);
}

int mf_context_mkdir(const struct mf_context *ctx, const char *path)
{
	_cleanup_free_ char *copy = NULL, *instead = NULL;
	_cleanup_close_ int fd = root_open(ctx, ".", O_PATH | O_DIRECTORY);
	char *save = NULL;

	if (modules_place_path(ctx, path, &instead) < 0)
		return -ENOMEM;
	path = instead ? instead : path;
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	if (fd < 0)
		return fd;
	for (char *end = copy;;) {
		char *name = strtok_r(end, "/", &save);
		_cleanup_free_ char *so_far = NULL;
		int next;

		end = NULL;
		if (!name)
			break;
		so_far = strndup(path, (size_t)(name - copy) + strlen(name));
		if (!so_far)
			return -ENOMEM;
		if (mkdirat(fd, name, 0755) < 0 && errno != EEXIST)
			return -errno;
		/* open the whole path: a link in it (/var/run) is followed inside the root */
		next = root_open(ctx, so_far, O_PATH | O_DIRECTORY);
		if (next < 0)
			return next;
		close(fd);
		fd = next;
	}
	return root_open(ctx, path, O_RDONLY | O_DIRECTORY);
}

const char *mf_context_machine(const struct mf_context *ctx, struct utsname *room)
{
	if (ctx->machine)
		return ctx->machine;
	return uname(room) < 0 ? "" : room->machine;
}

char *mf_context_path(const struct mf_context *ctx, const char *fmt, ...)
{
	_cleanup_free_ char *tail = NULL;
	va_list ap;

	va_start(ap, fmt);
	tail = mf_vformat(fmt, ap);
	va_end(ap);
	return tail ? mf_format("%s%s", ctx->root, tail) : NULL;
}

static int open_root(struct mf_context *ctx, const char *root)
{
	_cleanup_free_ char *real = NULL;

	/* an unset variable of a script expands to "": that must not select the running system */
	if (root && !*root)
		return mf_fail(ctx, MF_STAGE_ROOT, -MFE_USAGE, "--root",
			       "the name of a directory is missing");
	real = realpath(root ? root : "/", NULL);
	if (!real)
		return mf_fail(ctx, MF_STAGE_ROOT, -MFE_USAGE, root, "%s",
			       mf_error_sentence(-errno));
	ctx->root_fd = open(real, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (ctx->root_fd < 0)
		return mf_fail(ctx, MF_STAGE_ROOT, -MFE_USAGE, root, "%s",
			       mf_error_sentence(-errno));
	ctx->root = strdup(strcmp(real, "/") ? real : "");
	if (!ctx->root)
		return mf_fail(ctx, MF_STAGE_ROOT, -ENOMEM, root, NULL);
	modules_place_find(ctx);
	return 0;
}

char *mf_kernel_path(const char *kernel, const char *name)
{
	return name ? mf_format("lib/modules/%s/%s", kernel, name)
		    : mf_format("lib/modules/%s", kernel);
}

static bool has_kernel(const struct mf_context *ctx, const char *kernel)
{
	_cleanup_free_ char *path = mf_kernel_path(kernel, NULL);
	_cleanup_close_ int fd = path ? mf_context_open(ctx, path, O_PATH | O_DIRECTORY) : -ENOMEM;

	return fd >= 0;
}

/* The name of the only directory of lib/modules, the caller's to free. NULL: none, or several. */
static char *only_kernel(const struct mf_context *ctx)
{
	_cleanup_free_ char *found = NULL;
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *e;
	int fd = mf_context_open(ctx, "lib/modules", O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return NULL;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return NULL;
	}
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.' || !has_kernel(ctx, e->d_name))
			continue;
		if (found)
			return NULL;
		found = strdup(e->d_name);
	}
	return MF_STEAL(found);
}

static int select_kernel(struct mf_context *ctx, const char *kernel)
{
	struct utsname uts;

	if (uname(&uts) < 0)
		return mf_fail(ctx, MF_STAGE_KERNEL, -errno, "uname", NULL);
	if (kernel) {
		/* it becomes a directory name and a part of package names */
		if (!*kernel || *kernel == '.' || strchr(kernel, '/') || strlen(kernel) > 128)
			return mf_fail(ctx, MF_STAGE_KERNEL, -MFE_USAGE, kernel,
				       "not a kernel release");
		ctx->kernel = strdup(kernel);
	} else if (!*ctx->root || has_kernel(ctx, uts.release)) {
		ctx->kernel = strdup(uts.release);
	} else {
		ctx->kernel = only_kernel(ctx);
		if (!ctx->kernel)
			return mf_fail(ctx, MF_STAGE_KERNEL, -MFE_USAGE, ctx->root,
				       "lib/modules does not have exactly one kernel; select one "
				       "with --kernel");
	}
	if (!ctx->kernel)
		return mf_fail(ctx, MF_STAGE_KERNEL, -ENOMEM, "release", NULL);
	ctx->kernel_running = !*ctx->root && !strcmp(ctx->kernel, uts.release);
	return 0;
}

int mf_context_init(struct mf_context *ret_ctx, const char *root, const char *kernel)
{
	int r;

	*ret_ctx = (struct mf_context){
		.root_fd = -1,
		.helper = -1,
		.log_level = MF_LOG_INFO,
		.settings = defaults,
	};
	ret_ctx->settings.fetch_user = strdup("modfetch");
	ret_ctx->settings.module_signature = strdup("if-keys");
	ret_ctx->settings.regenerate_initrd = strdup("auto");
	ret_ctx->settings.auto_update = strdup("no");
	if (!ret_ctx->settings.fetch_user || !ret_ctx->settings.module_signature ||
	    !ret_ctx->settings.regenerate_initrd || !ret_ctx->settings.auto_update)
		return mf_fail(ret_ctx, MF_STAGE_ROOT, -ENOMEM, "settings", NULL);
	ret_ctx->looked_up = calloc(1, sizeof(*ret_ctx->looked_up));
	r = open_root(ret_ctx, root);
	return r < 0 ? r : select_kernel(ret_ctx, kernel);
}

struct mf_context mf_context_for_kernel(const struct mf_context *ctx, const char *kernel)
{
	struct mf_context other = *ctx;

	other.kernel = (char *)kernel;
	other.kernel_running = ctx->kernel_running && !strcmp(kernel, ctx->kernel);
	other.failure = (struct mf_failure){ 0 };
	return other;
}

void mf_context_done(struct mf_context *ctx)
{
	if (ctx->root_fd >= 0)
		close(ctx->root_fd);
	if (ctx->helper >= 0)
		close(ctx->helper);
	free(ctx->root);
	free(ctx->kernel);
	free(ctx->settings.rpmdb);
	free(ctx->settings.fetch_user);
	free(ctx->settings.proxy);
	free(ctx->settings.kernel_requests);
	free(ctx->settings.module_signature);
	free(ctx->settings.regenerate_initrd);
	free(ctx->settings.auto_update);
	free(ctx->settings.media_filesystems);
	if (ctx->looked_up) {
		free(ctx->looked_up->rpmdb);
		mf_strings_done(&ctx->looked_up->mounted);
	}
	free(ctx->looked_up);
	*ctx = (struct mf_context){ .root_fd = -1, .helper = -1 };
}

void mf_progress(const struct mf_context *ctx, const struct mf_progress *progress)
{
	if (ctx->display)
		ctx->display->progress(ctx->display, progress);
}

void mf_log(const struct mf_context *ctx, enum mf_log_level level, const char *fmt, ...)
{
	static const char *const levels[] = { "ERROR", "WARNING", "INFO", "DEBUG" };
	_cleanup_free_ char *line = NULL;
	va_list ap;

	if (level > ctx->log_level)
		return;
	va_start(ap, fmt);
	line = mf_vformat(fmt, ap);
	va_end(ap);
	if (!line)
		return;
	/* names and texts may come from untrusted sources: nothing may control a terminal */
	mf_secret_hide(line);
	if (strlen(line) > LOG_LINE_MAX)
		line[LOG_LINE_MAX] = '\0';
	mf_text_sanitize(line);
	if (ctx->display)
		ctx->display->hide(ctx->display);
	/* write the line in one call: several processes share this stream */
	if (ctx->stands_in_for)
		fprintf(stderr, "%s: %s: %s\n", ctx->stands_in_for, levels[level], line);
	else
		fprintf(stderr, "modfetch: %s\n", line);
	if (ctx->display)
		ctx->display->show(ctx->display);
}
