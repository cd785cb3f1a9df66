/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the install lines for modprobe were written for.
 *
 * Other programs change the disk too: a package manager removes a kernel's modules, an admin adds a
 * file to modprobe.d. So a run that has changed nothing itself compares this state with the one in
 * the file. Files count by their identity (inode, size and times), not by their content: all that
 * write these files, except an editor, replace them. The state is the sum of the hashes of these
 * lines:
 *	what the program would write: the version of the format, the helper's path
 *	the kernel, whether it runs, kernel-requests=
 *	files of repos.d, and each repository's current generation
 *	the indexes of the kernel's modules
 *	files of modprobe.d
 * The modules in the kernel are not in it: they change with each load, and matter only for a module
 * that is loaded and not on disk.
 */
#include "stubs-state.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "config.h"
#include "modfetch/array.h"
#include "modfetch/cache-names.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/libkmod.h"
#include "modfetch/strings.h"
#include "modfetch/table.h"

/* Increase it when the lines for the same state change. */
#define STATE_FORMAT 1

static const char *const index_files[] = {
	"modules.dep.bin",	   "modules.alias.bin",		"modules.symbols.bin",
	"modules.builtin.bin",	   "modules.builtin.alias.bin", "modules.builtin",
	"modules.builtin.modinfo",
};

/*
 * Adds to a sum, which does not depend on the order of a directory. An accident is to be noticed, no
 * attack: only root and signed packages write these files, and OpenSSL's digests take a millisecond
 * to start.
 */
static int state_add(uint64_t *state, const char *line)
{
	if (!line)
		return -ENOMEM;
	*state += mf_hash(line, strlen(line));
	return 0;
}

static int state_add_file(uint64_t *state, const char *directory, const char *file,
			  const struct stat *st)
{
	_cleanup_free_ char *line = NULL;

	line = mf_format("%s/%s %llx-%llx-%llx-%llx.%lx-%llx.%lx", directory, file,
			 (unsigned long long)st->st_dev, (unsigned long long)st->st_ino,
			 (unsigned long long)st->st_size, (unsigned long long)st->st_mtim.tv_sec,
			 (unsigned long)st->st_mtim.tv_nsec, (unsigned long long)st->st_ctim.tv_sec,
			 (unsigned long)st->st_ctim.tv_nsec);
	return state_add(state, line);
}

static int on_config_file(void *arg, const char *directory, const char *file, const struct stat *st)
{
	return state_add_file(arg, directory, file, st);
}

static int state_add_settings(const struct mf_context *ctx, uint64_t *state)
{
	_cleanup_free_ char *line = NULL;

	line = mf_format("%d " MF_LIBEXECDIR " %s %d %s", STATE_FORMAT, ctx->kernel,
			 ctx->kernel_running,
			 ctx->settings.kernel_requests ? ctx->settings.kernel_requests : "");
	return state_add(state, line);
}

/*
 * The files of a directory; with LINK, the link of that name in each of its directories, and not
 * the directory that it leads to.
 */
static int state_add_directory(const struct mf_context *ctx, const char *directory,
			       const char *link, uint64_t *state)
{
	int fd = mf_context_open(ctx, directory, O_RDONLY | O_DIRECTORY), r = 0;
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;

	if (fd >= 0 && !dir)
		close(fd);
	while (dir && !r && (d = readdir(dir))) {
		_cleanup_free_ char *file = NULL;
		struct stat st;

		if (*d->d_name == '.')
			continue;
		file = mf_format("%s%s%s", d->d_name, link ? "/" : "", link ? link : "");
		if (!file)
			return -ENOMEM;
		r = fstatat(fd, file, &st, link ? AT_SYMLINK_NOFOLLOW : 0) < 0
			    ? 0
			    : state_add_file(state, directory, file, &st);
	}
	return r;
}

static int state_add_indexes(const struct mf_context *ctx, uint64_t *state)
{
	_cleanup_free_ char *directory = mf_kernel_path(ctx->kernel, NULL);
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r = 0;

	if (!directory)
		return -ENOMEM;
	fd = mf_context_open(ctx, directory, O_PATH | O_DIRECTORY);
	for (size_t i = 0; fd >= 0 && !r && i < MF_ARRAY_SIZE(index_files); i++)
		if (!fstatat(fd, index_files[i], &st, 0))
			r = state_add_file(state, directory, index_files[i], &st);
	return r;
}

int mf_stubs_state(const struct mf_context *ctx, uint64_t *ret_state)
{
	uint64_t state = 0;
	int r = state_add_settings(ctx, &state);

	if (!r)
		r = state_add_directory(ctx, "etc/modfetch/repos.d", NULL, &state);
	if (!r)
		r = state_add_directory(ctx, MF_CACHE_DIRECTORY, MF_CACHE_CURRENT, &state);
	if (!r)
		r = state_add_indexes(ctx, &state);
	if (!r)
		r = mf_kmod_config_files(ctx, on_config_file, &state);
	if (!r)
		*ret_state = state;
	return r;
}
