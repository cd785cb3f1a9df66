/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes the initrd of a kernel again, with the program that made it.
 *
 * The programs write a new file and rename it, so that a failed one leaves the old initrd. They run
 * as root with an environment that has only PATH, and with signals at their defaults. Their output
 * goes to a file in memory; its last line is the reason of a failure.
 *
 * An image below --root is not entered: its programs would run with the rights of this machine. And
 * nothing is done in an initrd itself.
 */
#include "rebuild.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/process.h"
#include "generator.h"
#include "image.h"

#define REBUILD_SECONDS 900
#define OUTPUT_MAX	((size_t)16 << 20)

/* The last line that the program printed, new memory; NULL: none. */
static char *rebuild_last_line(int out)
{
	_cleanup_free_ char *text = NULL;
	const char *newline;
	size_t len;

	if (mf_file_read(out, OUTPUT_MAX, &text, &len) < 0)
		return NULL;
	while (len && (text[len - 1] == '\n' || text[len - 1] == ' '))
		text[--len] = '\0';
	newline = strrchr(text, '\n');
	return len ? strdup(newline ? newline + 1 : text) : NULL;
}

static int rebuild_run(struct mf_context *ctx, const char *const *argv)
{
	_cleanup_close_ int out = mf_memfile_new("initrd-output");
	_cleanup_free_ char *line = NULL;
	pid_t pid = 0;
	_cleanup_close_ int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int r = out < 0 ? out : in < 0 ? -errno : mf_process_start(argv, in, out, out, &pid);

	if (!r)
		r = mf_process_wait_for(pid, REBUILD_SECONDS);
	if (!r)
		return 0;
	line = r > 0 ? rebuild_last_line(out) : NULL;
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_INITRD, -MFE_INITRD, argv[0],
			       "it did not make the initrd of %s, the old one stays: %s",
			       ctx->kernel, mf_error_sentence(r));
	return mf_fail(ctx, MF_STAGE_INITRD, -MFE_INITRD, argv[0],
		       "it did not make the initrd of %s, the old one stays: %s %d%s%s",
		       ctx->kernel, WIFSIGNALED(r) ? "signal" : "exit status",
		       WIFSIGNALED(r) ? WTERMSIG(r) : WEXITSTATUS(r), line ? ": " : "",
		       line ? line : "");
}

/* 0: ARGV is set; 1: there is no program. */
static int rebuild_command(const struct mf_context *ctx, const char *image, const char **argv)
{
	const enum mf_generator generator = mf_generator_find(ctx);
	size_t n = 0;

	if (*ctx->settings.regenerate_initrd == '/') {
		argv[n++] = ctx->settings.regenerate_initrd;
		argv[n++] = ctx->kernel;
		return 0;
	}
	argv[n++] = mf_generator_program(generator);
	switch (generator) {
	case MF_GENERATOR_NONE:
		return 1;
	case MF_GENERATOR_INITRAMFS_TOOLS:
		argv[n++] = "-u";
		argv[n++] = "-k";
		argv[n++] = ctx->kernel;
		break;
	case MF_GENERATOR_DRACUT:
		argv[n++] = "--force";
		argv[n++] = image;
		argv[n++] = ctx->kernel;
		break;
	}
	return 0;
}

static bool rebuild_is_in_initrd(const struct mf_context *ctx)
{
	_cleanup_close_ int fd = mf_context_open(ctx, "etc/initrd-release", O_PATH);

	return fd >= 0;
}

int mf_initrd_rebuild(struct mf_context *ctx, const char *why)
{
	_cleanup_free_ char *below = NULL, *image = NULL;
	_cleanup_close_ int fd = mf_image_open(ctx, &below);
	const char *argv[6] = { NULL };
	int r;

	if (!strcmp(ctx->settings.regenerate_initrd, "never") || rebuild_is_in_initrd(ctx))
		return 1;
	image = fd < 0 ? NULL : mf_format("/%s", below);
	if (!image)
		return fd == -ENOENT ? 1 : mf_fail(ctx, MF_STAGE_INITRD, -ENOMEM, "initrd", NULL);
	if (*ctx->root) {
		mf_log(ctx, MF_LOG_WARNING, "initrd: %s%s: make it again in the image, %s",
		       ctx->root, image, why);
		return 1;
	}
	r = rebuild_command(ctx, image, argv);
	if (r) {
		mf_log(ctx, MF_LOG_WARNING,
		       "initrd: %s: neither update-initramfs nor dracut is installed to make it "
		       "again; %s",
		       image, why);
		return r;
	}
	mf_log(ctx, MF_LOG_INFO, "initrd: %s is made again: %s", image, why);
	return rebuild_run(ctx, argv);
}
