/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which packages of a repository are drivers, and their modules where primary.xml does not name them.
 *
 * ELRepo's packages for el8 and el9 and those of RPM Fusion have neither kmod() nor modalias(): only
 * the list of their files names their modules. That list is of all packages and often ten times as
 * large as primary.xml, so it is fetched only for a repository with such a package, or with a driver
 * that needs a file of which nothing else says who has it. What it says becomes provides, so that the
 * stages after this one need not know where they come from; whether a package has the modules is
 * found out again from its own header, after the download.
 */
#include "driver-files.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"

#define TOOLS "kmod" /* the source package of depmod and modprobe: kmod-libs is no driver */

static int on_kernel_need(void *arg, const char *name, const char *evr)
{
	return mf_dep_is_uname_r(name);
}

static int on_module_provide(void *arg, const char *name, const char *evr)
{
	char module[MF_MODULE_NAME_SIZE];

	return mf_dep_module(name, module, sizeof(module));
}

bool mf_is_driver_package(struct mf_pool *pool, int id)
{
	const char *name = mf_pool_name(pool, id), *source = mf_pool_source(pool, id);
	struct mf_package package;

	if (mf_starts_with(name, "kernel") || (source && !strcmp(source, TOOLS)))
		return false;
	/* kmodtool's kmod-NAME only needs the package of the newest kernel */
	mf_pool_package(pool, id, &package);
	if (!package.install_size)
		return false;
	return mf_starts_with(name, "kmod-") || strstr(name, "-kmp-") ||
	       mf_pool_deps(pool, id, MF_REQUIRES, on_kernel_need, NULL) ||
	       mf_pool_deps(pool, id, MF_PROVIDES, on_module_provide, NULL);
}

struct need {
	const struct mf_context *ctx;
	struct mf_pool *pool;
};

/* 1: it is a file that neither a package nor this machine has. */
static int on_need(void *arg, const char *name, const char *evr)
{
	const struct need *need = arg;
	_cleanup_close_ int fd = -1;
	_cleanup_free_ int *ids = NULL;
	size_t n = 0;
	int r;

	if (*name != '/' || strlen(name) >= PATH_MAX)
		return 0;
	r = mf_pool_providers(need->pool, name, NULL, &ids, &n);
	if (r < 0 || n)
		return r;
	fd = mf_context_open(need->ctx, name, O_PATH);
	return fd < 0;
}

/* 1: yes; 0 or -ENOMEM. */
static int says_too_little(const struct mf_context *ctx, struct mf_pool *pool, int id)
{
	struct need need = { ctx, pool };

	if (!mf_is_driver_package(pool, id))
		return 0;
	if (!mf_pool_deps(pool, id, MF_PROVIDES, on_module_provide, NULL))
		return 1;
	return mf_pool_deps(pool, id, MF_REQUIRES, on_need, &need);
}

int mf_driver_files_note(void *arg, const char *path)
{
	struct mf_strings *provides = arg;
	char module[MF_MODULE_NAME_SIZE];
	_cleanup_free_ char *provide = NULL;

	if ((!mf_starts_with(path, "/lib/modules/") &&
	     !mf_starts_with(path, "/usr/lib/modules/")) ||
	    !mf_is_module(path) || !mf_module_name(path, module, sizeof(module)))
		return 0;
	provide = mf_format("kmod(%s.ko)", module);
	return provide ? mf_strings_add_unique(provides, provide) : -ENOMEM;
}

bool mf_driver_names_modules(struct mf_pool *pool, int id)
{
	return mf_pool_deps(pool, id, MF_PROVIDES, on_module_provide, NULL);
}

/* Adds the provides of a package that names no module. 0 or -ENOMEM. */
static int driver_files_derive(struct mf_pool *pool, int id)
{
	_cleanup_(mf_strings_done) struct mf_strings provides = { 0 };
	int r;

	if (!mf_is_driver_package(pool, id) || mf_driver_names_modules(pool, id))
		return 0;
	r = mf_pool_each_file(pool, id, mf_driver_files_note, &provides);
	for (size_t i = 0; !r && i < provides.n; i++)
		mf_pool_add_provide(pool, id, provides.v[i]);
	if (!r && provides.n)
		mf_pool_add_provide(pool, id, MF_FROM_FILES);
	return r;
}

int mf_driver_files_add(struct mf_context *ctx, const char *repo_id, struct mf_pool *pool,
			const int *ids, size_t n, const struct mf_cache_source *source)
{
	_cleanup_close_ int fd = -1;
	int r = 0;

	for (size_t i = 0; !r && i < n; i++)
		r = says_too_little(ctx, pool, ids[i]);
	if (r <= 0 || (!source->fetch_filelists && !source->fill))
		return r < 0 ? r : 0;
	/* packages that came with their headers have their files already */
	r = source->fill ? 0 : source->fetch_filelists(source->arg, &fd);
	if (r < 0 || (fd < 0 && !source->fill))
		return r;
	if (fd >= 0 && mf_pool_add_filelists(pool, fd, 0) < 0) {
		mf_log(ctx, MF_LOG_WARNING,
		       "refresh: %s: its filelists.xml cannot be parsed, so drivers that are named "
		       "only there are not found; the publisher of the repository must repair it",
		       repo_id);
		return 0;
	}
	for (size_t i = 0; !r && i < n; i++)
		r = driver_files_derive(pool, ids[i]);
	mf_pool_ready(pool);
	return r;
}
