/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The adapter of libkmod.
 *
 * libkmod needs paths; all of them are below the context's root, modprobe.d included, so that an
 * image's own configuration applies to the image. A lookup of libkmod may return a module that
 * exists only as an install line; that is no module on disk and is left out here. The lines that
 * modfetch writes for modprobe and udev are not read: they list the missing modules and the modules
 * being loaded, which these lookups have to determine.
 *
 * Every name is checked again before it is passed to libkmod, although the callers check it too: a
 * '[' without its ']' overflows libkmod's stack.
 */
#include "modfetch/libkmod.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"
#include "libkmod-private.h"

static const char *const config_directories[] = { "/etc/modprobe.d", "/run/modprobe.d",
						  "/usr/local/lib/modprobe.d",
						  "/usr/lib/modprobe.d", "/lib/modprobe.d" };
#define N_DIRECTORIES (MF_ARRAY_SIZE(config_directories))

/* The files that modfetch writes. */
static const struct {
	const char *directory, *file;
} own_files[] = { { "/" MF_STUBS_DIRECTORY, MF_STUBS_FILE },
		  { "/" MF_PENDING_LOADS_DIRECTORY, MF_PENDING_LOADS_FILE },
		  { "/" MF_STUBS_DIRECTORY, MF_TRIALS_CONF } };

static void ignore_message(void *data, int priority, const char *file, int line, const char *fn,
			   const char *format, va_list args)
{
	/* errors are returned too, and a missing index is normal here */
}

/*
 * A directory as a path for libkmod. Below another root it is the path of a descriptor, which the
 * caller keeps open: an absolute link in an image would lead to this machine's directory. With a negative
 * DIRFD it leads nowhere. The caller frees the path. NULL: no memory.
 */
static char *path_for_kmod(const struct mf_context *ctx, const char *below, int dirfd)
{
	return *ctx->root ? mf_format("/proc/self/fd/%d", dirfd) : strdup(below);
}

/* Does modfetch write this file of a directory? FILE NULL: any file of it. */
static bool is_own(const char *directory, const char *file)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(own_files); i++)
		if (!strcmp(own_files[i].directory, directory) &&
		    (!file || !strcmp(own_files[i].file, file)))
			return true;
	return false;
}

/* Would kmod read this file of a directory? A file that is named to kmod is read in any case. */
static bool libkmod_is_config(const char *name)
{
	return *name != '.' && strlen(name) > 5 &&
	       (mf_ends_with(name, ".conf") || mf_ends_with(name, ".alias"));
}

/* Adds the files of DIRECTORY, which is at AT, except those that modfetch writes. */
static int libkmod_add_others(struct mf_strings *paths, const char *at, const char *directory)
{
	_cleanup_closedir_ DIR *dir = opendir(at);
	struct dirent *d;
	int r = 0;

	while (dir && !r && (d = readdir(dir))) {
		_cleanup_free_ char *path = NULL;

		if (!libkmod_is_config(d->d_name) || is_own(directory, d->d_name))
			continue;
		path = mf_format("%s/%s", at, d->d_name);
		if (!path)
			return -ENOMEM;
		r = mf_strings_add(paths, path);
	}
	return r;
}

/* libkmod's context for the modules' directory; it reads modprobe.d now. NULL: no memory. */
static struct kmod_ctx *new_context(const struct mf_context *ctx, const char *modules)
{
	_cleanup_(mf_strings_done) struct mf_strings paths = { 0 };
	struct kmod_ctx *kmod = NULL;
	int fds[N_DIRECTORIES];
	int r = 0;

	for (size_t i = 0; i < N_DIRECTORIES; i++)
		fds[i] = -1;
	for (size_t i = 0; !r && i < N_DIRECTORIES; i++) {
		_cleanup_free_ char *path = NULL;

		if (*ctx->root)
			fds[i] = mf_context_open(ctx, config_directories[i], O_PATH | O_DIRECTORY);
		path = path_for_kmod(ctx, config_directories[i], fds[i]);
		r = path ? 0 : -ENOMEM;
		if (!r)
			r = is_own(config_directories[i], NULL)
				    ? libkmod_add_others(&paths, path, config_directories[i])
				    : mf_strings_add(&paths, path);
	}
	if (!r)
		kmod = kmod_new(modules, (const char *const *)paths.v);
	for (size_t i = 0; i < N_DIRECTORIES; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	return kmod;
}

/* The kernel's directory, of which libkmod gets the path. NULL: no memory. */
static char *modules_of(const struct mf_context *ctx, int *ret_dirfd)
{
	char *below = mf_format("%s/lib/modules/%s",
				mf_modules_below_usr(ctx, ctx->kernel) ? "/usr" : "", ctx->kernel);

	if (below)
		*ret_dirfd = mf_context_open(ctx, below, O_PATH | O_DIRECTORY);
	return below;
}

/* Reads the text files for which depmod has not written an index yet. */
static int libkmod_read_builtins(struct mf_kmod *k, int dirfd)
{
	int r = 0;

	if (dirfd < 0)
		return 0;
	if (faccessat(dirfd, "modules.builtin.bin", F_OK, 0) < 0)
		r = mf_builtins_read_names(dirfd, &k->builtins);
	if (!r && faccessat(dirfd, "modules.builtin.alias.bin", F_OK, 0) < 0)
		r = mf_builtins_read_aliases(dirfd, &k->builtins);
	return r;
}

int mf_kmod_new(struct mf_context *ctx, struct mf_kmod **ret_kmod)
{
	_cleanup_close_ int dirfd = -1;
	struct mf_kmod *k = calloc(1, sizeof(*k));
	_cleanup_free_ char *below = modules_of(ctx, &dirfd), *modules = NULL;
	int r;

	modules = below ? path_for_kmod(ctx, below, dirfd) : NULL;
	if (k)
		k->directory = -1;
	if (k && modules)
		k->kmod = new_context(ctx, modules);
	if (!k || !k->kmod) {
		free(k);
		return mf_fail(ctx, MF_STAGE_MATCH, -ENOMEM, "libkmod", NULL);
	}
	r = libkmod_read_builtins(k, dirfd);
	if (r < 0) {
		mf_kmod_free(k);
		return mf_fail(ctx, MF_STAGE_MATCH, r, below, "modules.builtin: %s",
			       mf_error_sentence(r));
	}
	kmod_set_log_fn(k->kmod, ignore_message, NULL);
	/* fails if depmod never ran; lookups then find nothing, which is correct */
	(void)kmod_load_resources(k->kmod);
	k->directory = mf_steal_fd(&dirfd);
	*ret_kmod = k;
	return 0;
}

void mf_kmod_free(struct mf_kmod *kmod)
{
	if (!kmod)
		return;
	kmod_unref(kmod->kmod);
	if (kmod->directory >= 0)
		close(kmod->directory);
	mf_builtins_done(&kmod->builtins);
	free(kmod);
}

int mf_kmod_directory(const struct mf_kmod *kmod)
{
	return kmod->directory;
}

static int visit_config_of(int dirfd, const char *directory, mf_kmod_config_visit *visit, void *arg)
{
	_cleanup_closedir_ DIR *dir = fdopendir(dirfd);
	const struct dirent *d;
	struct stat st;
	int r = 0;

	if (!dir) {
		r = -errno;
		close(dirfd);
	}
	while (dir && !r && (d = readdir(dir)))
		if (libkmod_is_config(d->d_name) && !is_own(directory, d->d_name) &&
		    !fstatat(dirfd, d->d_name, &st, 0))
			r = visit(arg, directory, d->d_name, &st);
	return r;
}

int mf_kmod_config_files(const struct mf_context *ctx, mf_kmod_config_visit *visit, void *arg)
{
	int r = 0;

	for (size_t i = 0; !r && i < N_DIRECTORIES; i++) {
		int fd = mf_context_open(ctx, config_directories[i], O_RDONLY | O_DIRECTORY);

		if (fd >= 0)
			r = visit_config_of(fd, config_directories[i], visit, arg);
	}
	return r;
}

/*
 * kmod_module_get_initstate() reads /sys/module for every name that is not built in, which would
 * happen for each device of a machine. So ask the indexes first, which are in memory: a name that
 * none of them has is not built in.
 */
static bool is_builtin(struct mf_kmod *kmod, struct kmod_module *mod)
{
	struct kmod_list *list = NULL;
	bool is_unknown =
		!kmod_module_new_from_lookup(kmod->kmod, kmod_module_get_name(mod), &list) && !list;

	kmod_module_unref_list(list);
	return !is_unknown && kmod_module_get_initstate(mod) == KMOD_MODULE_BUILTIN;
}

static enum mf_presence presence_of(struct mf_kmod *kmod, struct kmod_module *mod)
{
	if (kmod_module_get_path(mod))
		return MF_ON_DISK;
	return is_builtin(kmod, mod) ? MF_BUILTIN : MF_ABSENT;
}

enum mf_presence mf_kmod_presence(struct mf_kmod *kmod, const char *name)
{
	struct kmod_module *mod = NULL;
	enum mf_presence presence = MF_ABSENT;

	if (!libkmod_is_safe_name(name))
		return MF_ABSENT;
	if (kmod_module_new_from_name(kmod->kmod, name, &mod) == 0)
		presence = presence_of(kmod, mod);
	if (mod)
		kmod_module_unref(mod);
	if (presence == MF_ABSENT && mf_strings_has(&kmod->builtins.names, name))
		presence = MF_BUILTIN;
	return presence;
}

struct lookup {
	struct mf_kmod *kmod;
	bool presence; /* find out the presence, and leave out absent modules */
	mf_kmod_visit *visit;
	void *arg;
};

/* MOD is NULL for a name from the text files of built-in modules. */
static int on_lookup(const struct lookup *l, const char *name, struct kmod_module *mod)
{
	enum mf_presence presence = MF_ABSENT;

	if (l->presence)
		presence = mod ? presence_of(l->kmod, mod) : MF_BUILTIN;
	return l->presence && presence == MF_ABSENT ? 0 : l->visit(l->arg, name, presence);
}

static int on_builtin(void *arg, const char *module)
{
	return on_lookup(arg, module, NULL);
}

static int lookup(struct lookup *l, const char *name)
{
	struct kmod_list *list = NULL, *it;
	int r = libkmod_is_safe_name(name) ? kmod_module_new_from_lookup(l->kmod->kmod, name, &list)
					   : -ENOENT;

	/* -ENOSYS: there is no index */
	if (r == -ENOSYS || r == -ENOENT)
		r = 0;
	if (r >= 0 && !list)
		r = mf_builtins_lookup(&l->kmod->builtins, name, on_builtin, l);
	kmod_list_foreach(it, list)
	{
		struct kmod_module *mod = kmod_module_get_module(it);

		if (!r)
			r = on_lookup(l, kmod_module_get_name(mod), mod);
		kmod_module_unref(mod);
	}
	kmod_module_unref_list(list);
	return r;
}

int mf_kmod_lookup(struct mf_kmod *kmod, const char *name, mf_kmod_visit *visit, void *arg)
{
	return lookup(&(struct lookup){ kmod, true, visit, arg }, name);
}

struct name_visit {
	mf_kmod_name_visit *visit;
	void *arg;
};

static int on_lookup_name(void *arg, const char *name, enum mf_presence presence)
{
	const struct name_visit *v = arg;

	return v->visit(v->arg, name);
}

int mf_kmod_lookup_names(struct mf_kmod *kmod, const char *name, mf_kmod_name_visit *visit,
			 void *arg)
{
	return lookup(
		&(struct lookup){ kmod, false, on_lookup_name, &(struct name_visit){ visit, arg } },
		name);
}

/* Adds the path of a module, below DIRECTORY, unless it is in the kernel already. */
static int add_unloaded(const struct kmod_module *mod, const char *directory,
			struct mf_strings *paths)
{
	const char *path = kmod_module_get_path(mod);
	int state = kmod_module_get_initstate(mod);

	if (!path || state == KMOD_MODULE_LIVE || state == KMOD_MODULE_BUILTIN)
		return 0;
	if (mf_starts_with(path, directory))
		path += strlen(directory);
	return mf_strings_add(paths, path + strspn(path, "/"));
}

/* Calls the watcher with the files that will be loaded. Its return, or 0. */
static int call_before(struct kmod_module *mod, const char *directory,
		       const struct mf_kmod_watch *watch)
{
	_cleanup_(mf_strings_done) struct mf_strings paths = { 0 };
	struct kmod_list *needs = kmod_module_get_dependencies(mod), *it;
	int r = 0;

	kmod_list_foreach(it, needs)
	{
		struct kmod_module *need = kmod_module_get_module(it);

		if (!r)
			r = add_unloaded(need, directory, &paths);
		kmod_module_unref(need);
	}
	kmod_module_unref_list(needs);
	if (!r)
		r = add_unloaded(mod, directory, &paths);
	return r < 0 || !paths.n ? r : watch->before(watch->arg, &paths);
}

static int load_one(struct mf_kmod *kmod, struct kmod_module *mod, bool device,
		    const struct mf_kmod_watch *watch)
{
	unsigned int flags =
		device ? KMOD_PROBE_APPLY_BLACKLIST : KMOD_PROBE_APPLY_BLACKLIST_ALIAS_ONLY;
	int r;

	if (presence_of(kmod, mod) != MF_ON_DISK)
		return 0;
	r = call_before(mod, kmod_get_dirname(kmod->kmod), watch);
	if (r < 0)
		return r;
	/* an admin's install line may start modprobe, which runs modfetch's lines: do not fetch */
	if (setenv("MODFETCH_LOADING", "1", 1) < 0)
		return -ENOMEM;
	r = kmod_module_probe_insert_module(mod, flags, NULL, NULL, NULL, NULL);
	if (r > 0)
		return -EPERM;
	if (!r)
		watch->loaded(watch->arg, kmod_module_get_name(mod));
	return r;
}

int mf_kmod_load(struct mf_kmod *kmod, const char *name, bool device,
		 const struct mf_kmod_watch *watch)
{
	struct kmod_list *list = NULL, *it;
	int r = libkmod_is_safe_name(name) ? kmod_module_new_from_lookup(kmod->kmod, name, &list)
					   : 0;
	int worst = 0;

	if (r < 0 || !list)
		return r < 0 ? r : 1;
	/* try all matches, as udev does: after one finds no hardware the next may find it */
	kmod_list_foreach(it, list)
	{
		struct kmod_module *mod = kmod_module_get_module(it);

		r = load_one(kmod, mod, device, watch);
		if (r < 0)
			worst = r;
		kmod_module_unref(mod);
	}
	kmod_module_unref_list(list);
	return worst;
}

bool mf_kmod_live(struct mf_kmod *kmod, const char *name)
{
	struct kmod_module *mod = NULL;
	bool live = false;

	if (libkmod_is_safe_name(name) && kmod_module_new_from_name(kmod->kmod, name, &mod) == 0) {
		int state = kmod_module_get_initstate(mod);

		live = state == KMOD_MODULE_LIVE || state == KMOD_MODULE_BUILTIN;
	}
	if (mod)
		kmod_module_unref(mod);
	return live;
}
