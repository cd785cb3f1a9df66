/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds and reads every module of a tree, and reports the modules that cannot be packed.
 *
 * Determines which files are packed (modules by their names; links are left to the owner of their
 * target), which of two files of one module name is packed (the one that depmod takes without
 * configuration: updates/ before the rest, then the first by path), and which belong to another
 * kernel (the release in vermagic) or to an unknown machine. A file that is refused here is in no
 * package; the run goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "modfetch/process.h"
#include "modfetch/strings.h"
#include "model.h"

static int tree_walk(struct pack *pack, int dirfd, const char *below, unsigned int depth,
		     struct mf_strings *found);

static int tree_visit(struct pack *pack, int dirfd, const char *path, const char *name,
		      unsigned int depth, struct mf_strings *found)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return mf_fail(pack->ctx, MF_STAGE_PACK, -errno, path, NULL);
	if (S_ISDIR(st.st_mode)) {
		_cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			return mf_fail(pack->ctx, MF_STAGE_PACK, -errno, path, NULL);
		return depth ? tree_walk(pack, fd, path, depth - 1, found)
			     : mf_fail(pack->ctx, MF_STAGE_PACK, -ELOOP, path, NULL);
	}
	if (!mf_is_module(name))
		return 0;
	if (!S_ISREG(st.st_mode)) {
		mf_log(pack->ctx, MF_LOG_WARNING,
		       "pack: %s: it is not a regular file and is not packed", path);
		return 0;
	}
	if (mf_strings_add(found, path) < 0)
		return mf_fail(pack->ctx, MF_STAGE_PACK, -ENOMEM, path, NULL);
	return 0;
}

static int tree_walk(struct pack *pack, int dirfd, const char *below, unsigned int depth,
		     struct mf_strings *found)
{
	_cleanup_closedir_ DIR *dir = mf_opendir(dirfd);
	struct dirent *e;

	if (!dir)
		return mf_fail(pack->ctx, MF_STAGE_PACK, -errno, below, NULL);
	while ((errno = 0, e = readdir(dir))) {
		_cleanup_free_ char *path = NULL;
		int r;

		if (e->d_name[0] == '.')
			continue;
		path = mf_format("%s%s%s", below, *below ? "/" : "", e->d_name);
		if (!path)
			return mf_fail(pack->ctx, MF_STAGE_PACK, -ENOMEM, below, NULL);
		r = tree_visit(pack, dirfd, path, e->d_name, depth, found);
		if (r < 0)
			return r;
	}
	return errno ? mf_fail(pack->ctx, MF_STAGE_PACK, -errno, below, NULL) : 0;
}

struct reading {
	struct pack *pack;
	int tree_fd;
	struct pack_module *modules;
	size_t n, done;
	pthread_mutex_t mutex; /* protects DONE and the progress callback */
};

static void tree_read_one(void *arg, size_t i, unsigned int worker)
{
	struct reading *reading = arg;

	pack_module_read(reading->tree_fd, &reading->modules[i]);
	pthread_mutex_lock(&reading->mutex);
	/* the end of the step is reported when the symbols are read too */
	if (++reading->done < reading->n)
		pack_progress(reading->pack, "reading", reading->done, reading->n);
	pthread_mutex_unlock(&reading->mutex);
}

/* The first symbol of the module that no dependency can contain, or NULL. */
static const char *find_unusable_symbol(const struct pack_module *module)
{
	const struct pack_symbol *lists[] = { module->exports, module->imports };
	const size_t n[] = { module->n_exports, module->n_imports };

	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < n[k]; i++)
			if (!pack_plain_symbol(lists[k][i].name))
				return lists[k][i].name;
	return NULL;
}

static bool matches_release(const struct pack_module *module, const char *release)
{
	size_t len = strlen(release);

	return !strncmp(module->vermagic, release, len) &&
	       (!module->vermagic[len] || module->vermagic[len] == ' ');
}

/* Reports why a module cannot be packed, and marks it. */
static void tree_check_module(struct pack *pack, const struct pack_kernel *kernel,
			      struct pack_module *module)
{
	const char *unusable;

	if (module->error == -EBADMSG) {
		module->error = -MFE_BAD_MODULE;
		pack_problem(pack, module->error, module->path,
			     "it is truncated, damaged or not a kernel module");
	} else if (module->error) {
		pack_problem(pack, module->error, module->path, NULL);
	} else if (!mf_module_name(module->path, module->name, sizeof(module->name)) ||
		   !pack_plain_name(module->name)) {
		module->error = -MFE_BAD_MODULE;
		pack_problem(pack, module->error, module->path,
			     "no package can have its name: only letters, digits and any of _+. "
			     "are allowed");
	} else if (mf_module_name_is_cut(module->path)) {
		module->error = -MFE_BAD_MODULE;
		pack_problem(pack, module->error, module->path,
			     "its name contains a dot: kmod reads it as module %s", module->name);
	} else if (!module->arch) {
		module->error = -MFE_BAD_MODULE;
		pack_problem(pack, module->error, module->path,
			     "it is for a machine that rpm has no name for");
	} else if (!module->vermagic) {
		module->error = -MFE_BAD_MODULE;
		pack_problem(pack, module->error, module->path,
			     "it has no vermagic, so its kernel is unknown");
	} else if (!matches_release(module, kernel->release.release)) {
		module->error = -MFE_WRONG_KERNEL;
		pack_problem(pack, module->error, module->path, "it was built for %.*s, not for %s",
			     (int)strcspn(module->vermagic, " "), module->vermagic,
			     kernel->release.release);
	} else if (!pack_plain_path(module->path)) {
		module->error = -MFE_BAD_MODULE;
		pack_problem(pack, module->error, module->path,
			     "no package can hold a file of that name");
	} else if (module->compression.fault) {
		module->error = -MFE_COMPRESSION;
		pack_problem(pack, module->error, module->path, "%s", module->compression.fault);
	} else if ((unusable = find_unusable_symbol(module))) {
		module->error = -MFE_BAD_MODULE;
		pack_problem(pack, module->error, module->path, "no package can name its symbol %s",
			     unusable);
	}
}

static bool takes_precedence(const char *path, const char *over)
{
	return mf_starts_with(path, "updates/") && !mf_starts_with(over, "updates/");
}

/*
 * Enters each module into the names of the kernel; of two files of one module name, marks the one
 * that is not packed.
 */
static int resolve_duplicates(struct pack *pack, struct pack_kernel *kernel)
{
	for (size_t i = 0; i < kernel->n_modules; i++) {
		struct pack_module *module = &kernel->modules[i], *other, *loser = module;
		size_t at;

		if (module->error)
			continue;
		at = pack_map_get(&kernel->names, module->name);
		if (at != PACK_NONE) {
			other = &kernel->modules[at];
			if (takes_precedence(module->path, other->path))
				loser = other;
			loser->error = -MFE_PACK;
			pack_problem(
				pack, loser->error, loser->path,
				"there is a second file of module %s, %s, and that one is packed",
				module->name, loser == module ? other->path : module->path);
			if (loser == module)
				continue;
		}
		if (pack_map_set(&kernel->names, module->name, i) < 0)
			return mf_fail(pack->ctx, MF_STAGE_PACK, -ENOMEM, kernel->tree, NULL);
	}
	return 0;
}

/*
 * Sets the machine of the kernel, that of most modules; a module of another machine is for another
 * kernel.
 */
static void set_arch(struct pack *pack, struct pack_kernel *kernel)
{
	size_t votes = 0;

	for (size_t i = 0; i < kernel->n_modules; i++) { /* Boyer and Moore's vote */
		const struct pack_module *module = &kernel->modules[i];

		if (module->error)
			continue;
		if (!votes)
			kernel->arch = module->arch;
		votes += strcmp(kernel->arch, module->arch) ? -(size_t)1 : 1;
	}
	for (size_t i = 0; i < kernel->n_modules; i++) {
		struct pack_module *module = &kernel->modules[i];

		if (module->error || !strcmp(kernel->arch, module->arch))
			continue;
		module->error = -MFE_WRONG_KERNEL;
		pack_problem(pack, module->error, module->path, "it is for %s, the kernel for %s",
			     module->arch, kernel->arch);
	}
}

int pack_tree_read(struct pack *pack, struct pack_kernel *kernel)
{
	_cleanup_(mf_strings_done) struct mf_strings found = { 0 };
	struct reading reading = { .pack = pack, .tree_fd = kernel->tree_fd };
	struct mf_workers *workers;
	int r = tree_walk(pack, kernel->tree_fd, "", 32, &found);

	if (r < 0)
		return r;
	if (!found.n)
		return mf_fail(pack->ctx, MF_STAGE_PACK, -MFE_USAGE, kernel->tree,
			       "there is no module in it");
	mf_strings_sort(&found);
	kernel->modules = calloc(found.n, sizeof(*kernel->modules));
	if (!kernel->modules)
		return mf_fail(pack->ctx, MF_STAGE_PACK, -ENOMEM, kernel->tree, NULL);
	for (; kernel->n_modules < found.n; kernel->n_modules++)
		kernel->modules[kernel->n_modules].path = MF_STEAL(found.v[kernel->n_modules]);
	reading.modules = kernel->modules;
	reading.n = kernel->n_modules;
	r = mf_workers_new(pack->options->jobs, &workers);
	if (r < 0)
		return mf_fail(pack->ctx, MF_STAGE_PACK, r, kernel->tree, NULL);
	pthread_mutex_init(&reading.mutex, NULL);
	mf_workers_run(workers, kernel->n_modules, tree_read_one, &reading);
	pthread_mutex_destroy(&reading.mutex);
	mf_workers_free(workers);
	for (size_t i = 0; i < kernel->n_modules; i++)
		tree_check_module(pack, kernel, &kernel->modules[i]);
	pack->result.modules += kernel->n_modules;
	set_arch(pack, kernel);
	if (!kernel->arch)
		return mf_fail(pack->ctx, MF_STAGE_PACK, -MFE_BAD_MODULE, kernel->tree,
			       "none of its files is a module of this kernel");
	return resolve_duplicates(pack, kernel);
}
