/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel-added: builds for the new kernel what is built without being asked for, by calling "modfetch build".
 *
 * That verb is in a module of its own, whose package most machines lack, and a build must not hold what this process holds. Its messages
 * go to the log of the package manager that installs the kernel; a failed build is one line there and never fails the kernel. It is not
 * called at boot: a kernel that waits for packages does not wait for a compiler.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "cmd.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/process.h"

enum { BUILD_SECONDS = 4 * 3600 };

/* Is there a source that no other tool builds? */
static bool has_source(const struct mf_context *ctx)
{
	_cleanup_close_ int fd = mf_context_open(ctx, "usr/src", O_RDONLY | O_DIRECTORY);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : mf_opendir(fd);
	struct dirent *e;

	if (mf_context_exists(ctx, "usr/sbin/dkms"))
		return false;
	while (dir && (e = readdir(dir))) {
		_cleanup_free_ char *conf = mf_format("%s/dkms.conf", e->d_name);

		if (conf && *e->d_name != '.' && !faccessat(fd, conf, F_OK, AT_SYMLINK_NOFOLLOW))
			return true;
	}
	return false;
}

bool cmd_build_kernel(struct cmd *cmd, const char *kernel)
{
	const struct mf_context *ctx = &cmd->ctx;
	char program[PATH_MAX];
	const char *const argv[] = { program,
				     "--unattended",
				     "--detailed-exit",
				     "--root",
				     *ctx->root ? ctx->root : "/",
				     "--kernel",
				     kernel,
				     "build",
				     NULL };
	_cleanup_close_ int null = -1;
	pid_t pid;
	int r;

	if (!mf_context_exists(ctx, "var/lib/modfetch/build/ledger") && !has_source(ctx))
		return false;
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	r = null < 0 ? -1 : mf_process_program(program, NULL);
	if (!r)
		r = mf_process_start(argv, null, STDERR_FILENO, STDERR_FILENO, &pid);
	if (!r)
		r = mf_process_wait_for(pid, BUILD_SECONDS);
	if (r < 0)
		mf_log(ctx, MF_LOG_WARNING, "build: modfetch build for %s did not end: %s", kernel,
		       mf_error_sentence(r));
	return !r;
}
