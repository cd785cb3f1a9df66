/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starts the admin's programs after a driver was installed, or for a report.
 *
 * A hook is a program in /etc/modfetch/hooks.d. Names with a dot or a tilde are skipped, because
 * package managers and editors leave such copies. A hook runs with the rights of the run: in the
 * service that is root without most of root's capabilities. A hook that needs more can start a unit.
 *
 * A user who can write a hook becomes root. So only root (or our user) may own the directory and the
 * file or write to them; no package of a repository can install one there (confine.c). A hook gets
 * the run's record, or the report, on its standard input, and an environment with only PATH: no string from a device
 * or a repository is ever part of a command.
 */
#include "modfetch/hooks.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/error.h"
#include "modfetch/file.h"
#include "modfetch/process.h"
#include "modfetch/strings.h"

static bool hooks_is_ours_alone(const struct stat *st)
{
	return (st->st_uid == 0 || st->st_uid == geteuid()) && !(st->st_mode & 022);
}

/* The hooks' names, sorted. 0; 1: there is no directory; -EPERM: others can write to it; -errno. */
static int hooks_list(const struct mf_context *ctx, struct mf_strings *ret_names)
{
	int fd = mf_context_open(ctx, MF_HOOKS_DIRECTORY, O_RDONLY | O_DIRECTORY);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	struct stat st;
	int r = 0;

	if (fd < 0)
		return fd == -ENOENT ? 1 : fd;
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!hooks_is_ours_alone(&st))
		return -EPERM;
	while (!r && (e = readdir(dir)))
		if (!strpbrk(e->d_name, ".~"))
			r = mf_strings_add(ret_names, e->d_name);
	mf_strings_sort(ret_names);
	return r;
}

/* 0; 1: it is no program; -EPERM: another user could have written it; or another -errno. */
static int hooks_check(const struct mf_context *ctx, const char *name)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	struct stat st;

	path = mf_format(MF_HOOKS_DIRECTORY "/%s", name);
	if (!path)
		return -ENOMEM;
	fd = mf_context_open(ctx, path, O_PATH | O_NOFOLLOW);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		return 1;
	return hooks_is_ours_alone(&st) ? 0 : -EPERM;
}

static int hooks_execute(const struct mf_context *ctx, const char *name, const char *line,
			 unsigned int seconds)
{
	_cleanup_free_ char *path = mf_context_path(ctx, "/" MF_HOOKS_DIRECTORY "/%s", name);
	_cleanup_close_ int in = mf_memfile_new("modfetch-run");
	const char *const argv[] = { path, NULL };
	pid_t pid = 0;
	int r;

	if (!path || in < 0)
		return path ? in : -ENOMEM;
	r = mf_file_write(in, line, strlen(line));
	if (r >= 0)
		r = mf_file_write(in, "\n", 1);
	if (r >= 0 && lseek(in, 0, SEEK_SET) < 0)
		r = -errno;
	/* its output must not get into our results */
	if (r >= 0)
		r = mf_process_start(argv, in, STDERR_FILENO, STDERR_FILENO, &pid);
	return r < 0 ? r : mf_process_wait_for(pid, seconds);
}

/* Runs one hook and logs its failure. True if it ran and succeeded. */
static bool hooks_run_one(const struct mf_context *ctx, const char *name, const char *line,
			  unsigned int seconds)
{
	int r = hooks_check(ctx, name);

	if (r > 0)
		return false;
	if (r == 0)
		r = hooks_execute(ctx, name, line, seconds);
	if (r == -EPERM)
		mf_log(ctx, MF_LOG_WARNING,
		       "hooks: /" MF_HOOKS_DIRECTORY
		       "/%s: not run, because users other than root can write to it",
		       name);
	else if (r == -ETIMEDOUT)
		mf_log(ctx, MF_LOG_WARNING, "hooks: %s: killed, because it took more than %u s",
		       name, seconds);
	else if (r < 0)
		mf_log(ctx, MF_LOG_WARNING, "hooks: %s: %s", name, mf_error_sentence(r));
	else if (WIFSIGNALED(r))
		mf_log(ctx, MF_LOG_WARNING, "hooks: %s: killed by signal %d", name, WTERMSIG(r));
	else if (WEXITSTATUS(r))
		mf_log(ctx, MF_LOG_WARNING, "hooks: %s: failed with status %d", name,
		       WEXITSTATUS(r));
	return r == 0;
}

size_t mf_hooks_run(const struct mf_context *ctx, const char *line, unsigned int seconds)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	size_t succeeded = 0;
	int r = hooks_list(ctx, &names);

	if (r == -EPERM)
		mf_log(ctx, MF_LOG_WARNING,
		       "hooks: /" MF_HOOKS_DIRECTORY
		       ": no hook run, because users other than root can write to it");
	else if (r < 0)
		mf_log(ctx, MF_LOG_WARNING, "hooks: /" MF_HOOKS_DIRECTORY ": %s",
		       mf_error_sentence(r));
	for (size_t i = 0; r == 0 && i < names.n; i++)
		succeeded += hooks_run_one(ctx, names.v[i], line, seconds);
	return succeeded;
}
