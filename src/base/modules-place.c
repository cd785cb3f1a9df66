/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a root has the directories of its kernels: below /lib/modules or /usr/lib/modules.
 *
 * Mostly these are one directory, and nothing is to be decided. Where they are not, or one is
 * missing, the directory of the root's own kmod counts: what lies in the other one is never found.
 * A root without /lib is one whose link to usr/lib is still to come: a directory in its place would
 * be in the way. A root without kmod (both may be an image that is being made) has each kernel
 * where its directory is, /lib/modules first; a kernel that is new comes to the others.
 *
 * All code says "lib/modules", and a package may say either. So this is decided in one place, for
 * every path that is opened or made below a root, and for the files of packages (src/install/).
 */
#include "modules-place.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/cleanup.h"
#include "modfetch/kmod-program.h"
#include "modfetch/strings.h"
#include "root-open.h"

#define MODULES "lib/modules"

static bool is_there(const struct mf_context *ctx, const char *path, struct stat *ret_st)
{
	_cleanup_close_ int fd = root_open(ctx, path, O_PATH | O_DIRECTORY);

	return fd >= 0 && !fstat(fd, ret_st);
}

static bool is_one_directory(const struct mf_context *ctx)
{
	static const char *const pairs[][2] = { { MODULES, "usr/" MODULES }, { "lib", "usr/lib" } };

	for (size_t i = 0; i < 2; i++) {
		struct stat a, b;

		if (is_there(ctx, pairs[i][0], &a) && is_there(ctx, pairs[i][1], &b) &&
		    a.st_dev == b.st_dev && a.st_ino == b.st_ino)
			return true;
	}
	return false;
}

void modules_place_find(struct mf_context *ctx)
{
	struct mf_kmod_program program;
	struct stat st;

	ctx->modules_place = MF_MODULES_MERGED;
	if (is_one_directory(ctx))
		return;
	if (!is_there(ctx, "lib", &st) && is_there(ctx, "usr/lib", &st))
		ctx->modules_place = MF_MODULES_ONLY_IN_USR;
	else if (mf_kmod_program_find(ctx, 0, &program) || program.lib == program.usr_lib)
		ctx->modules_place = MF_MODULES_WHERE_THEY_ARE;
	else
		ctx->modules_place = program.lib ? MF_MODULES_ONLY_IN_LIB : MF_MODULES_ONLY_IN_USR;
}

static bool has_kernel_in(const struct mf_context *ctx, const char *parent, const char *kernel)
{
	_cleanup_free_ char *path = mf_format("%s/%s", parent, kernel);
	struct stat st;

	return path && is_there(ctx, path, &st);
}

/* KERNEL "": the parent of all. */
static bool is_only_below_usr(const struct mf_context *ctx, const char *kernel)
{
	if (has_kernel_in(ctx, MODULES, kernel))
		return false;
	return has_kernel_in(ctx, "usr/" MODULES, kernel) ||
	       (*kernel && is_only_below_usr(ctx, ""));
}

bool mf_modules_below_usr(const struct mf_context *ctx, const char *kernel)
{
	switch (ctx->modules_place) {
	case MF_MODULES_MERGED:
	case MF_MODULES_ONLY_IN_LIB:
		return false;
	case MF_MODULES_ONLY_IN_USR:
		return true;
	case MF_MODULES_WHERE_THEY_ARE:
		return is_only_below_usr(ctx, kernel);
	}
	return false;
}

int modules_place_path(const struct mf_context *ctx, const char *path, char **ret_path)
{
	_cleanup_free_ char *kernel = NULL;
	const char *below = path + strspn(path, "/");
	bool usr = mf_starts_with(below, "usr/"), to_usr;

	if (ctx->modules_place == MF_MODULES_MERGED)
		return 0;
	below += usr ? strlen("usr/") : 0;
	if (!mf_starts_with(below, MODULES))
		return 0;
	below += strlen(MODULES);
	if (*below && *below != '/')
		return 0;
	kernel = strndup(below + strspn(below, "/"), strcspn(below + strspn(below, "/"), "/"));
	if (!kernel)
		return -ENOMEM;
	/* of a root without kmod both lists of kernels may be read */
	if (!*kernel && usr && ctx->modules_place == MF_MODULES_WHERE_THEY_ARE)
		return 0;
	to_usr = mf_modules_below_usr(ctx, kernel);
	if (to_usr == usr)
		return 0;
	*ret_path = mf_format("%s" MODULES "%s", to_usr ? "usr/" : "", below);
	return *ret_path ? 0 : -ENOMEM;
}
