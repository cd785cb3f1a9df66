/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is left of kernels that are gone?
 *
 * A package belongs to a gone kernel if it has modules, but none that an installed kernel has or
 * links to: weak-modules links to the modules of a package that was built for an older kernel, and
 * such a package is in use. What dkms installed for a kernel counts as a package of it.
 *
 * A directory of /lib/modules with files that nobody owns, and that no link of an installed kernel
 * leads to, is left over. Headers alone, which have links to their own files, are not. One finding
 * is made for a directory: that of its package, if there is one.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "inspection.h"

#define DEPTH_MAX 32

/* The files that depmod makes, ours included. */
static const char *const index_names[] = {
	"modules.alias",	   "modules.alias.bin",
	"modules.builtin.bin",	   "modules.dep",
	"modules.dep.bin",	   "modules.builtin.alias.bin",
	"modules.devname",	   "modules.softdep",
	"modules.symbols",	   "modules.symbols.bin",
	"modules.weakdep",	   "modules.modfetch",
	"modules.modfetch.recent",
};

struct leftovers {
	struct machine *machine;
	size_t files;  /* that nobody owns */
	size_t others; /* of them, those that are no indexes */
	bool in_use;   /* a link of an installed kernel leads to one of them */
	char *first;
};

static bool is_of_gone_kernel(const struct machine *machine, const char *path, char **ret_directory)
{
	size_t len;
	const char *kernel = owned_kernel(path, &len);
	_cleanup_free_ char *release = kernel ? strndup(kernel, len) : NULL;

	if (!release || mf_strings_has(&machine->kernels, release))
		return false;
	*ret_directory = mf_format("lib/modules/%s", release);
	return *ret_directory;
}

/* Is another package of this name installed? Of a kernel's package often one for each kernel. */
static bool has_other_versions(const struct machine *machine, const struct owner *owner)
{
	for (size_t i = 0; i < machine->ownership.n; i++) {
		const struct owner *other = machine->ownership.files[i].owner;

		if (other != owner && other->name && !strcmp(other->name, owner->name))
			return true;
	}
	return false;
}

/* A finding for each package. */
static int find_packages(struct machine *machine)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < machine->ownership.n; i++) {
		const struct owned *o = &machine->ownership.files[i];
		_cleanup_free_ char *directory = NULL, *path = NULL;
		struct about about = { .owner = o->owner, .subject = o->owner->name };

		/* headers have links only; dpkg does not say which of its paths are files */
		if (o->owner->used || !(mf_is_module(o->path) || S_ISREG(o->mode)) ||
		    !is_of_gone_kernel(machine, o->path, &directory))
			continue;
		/* several packages may belong to one kernel: each has a finding of its own */
		path = mf_table_get(&machine->findings, directory, strlen(directory))
			       ? strdup(o->path)
			       : strdup(directory);
		about.path = path;
		o->owner->used = 1;
		/* a removal by name would remove its other versions too */
		if (o->owner->name && !has_other_versions(machine, o->owner))
			about.remedy = MF_REMEDY_REMOVE;
		r = path ? inspect_find(
				   machine, NULL, &about, -MFE_KERNEL_GONE,
				   "the package %s is for the kernel %s, which is not installed",
				   o->owner->label, directory + strlen("lib/modules/"))
			 : -ENOMEM;
	}
	return r < 0 ? r : 0;
}

/* Is it "lib/modules/KVER/INDEX"? */
static bool is_index(const char *path)
{
	size_t len;
	const char *kernel = owned_kernel(path, &len);

	for (size_t i = 0; kernel && i < MF_ARRAY_SIZE(index_names); i++)
		if (!strcmp(kernel + len + 1, index_names[i]))
			return true;
	return false;
}

static int leftovers_add(struct leftovers *l, const char *path)
{
	l->in_use |= mf_table_get(&l->machine->targets, path, strlen(path)) != NULL;
	if (owned_find(&l->machine->ownership, path))
		return 0;
	l->files++;
	if (is_index(path))
		return 0;
	if (!l->others++)
		l->first = strdup(path);
	return l->first ? 0 : -ENOMEM;
}

/* PATH is below the root, without a slash at its end. */
static int leftovers_walk(struct leftovers *l, const char *path, int depth)
{
	const struct mf_context *ctx = l->machine->ctx;
	_cleanup_close_ int fd = mf_context_open(ctx, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : mf_opendir(fd);
	struct dirent *d;
	int r = 0;

	while (!r && dir && (d = readdir(dir))) {
		_cleanup_free_ char *below = NULL;
		struct stat st;

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, "..") ||
		    fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		below = mf_format("%s/%s", path, d->d_name);
		if (!below)
			return -ENOMEM;
		if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
			r = leftovers_walk(l, below, depth + 1);
		} else if (S_ISLNK(st.st_mode)) {
			_cleanup_close_ int target = mf_context_open(ctx, below, O_PATH);

			r = target < 0 ? leftovers_add(l, below) : 0;
		} else if (!S_ISDIR(st.st_mode)) {
			r = leftovers_add(l, below);
		}
	}
	return r;
}

static int gone_on_directory(void *arg, int dirfd, const char *name)
{
	struct machine *machine = arg;
	_cleanup_free_ char *path = mf_format("lib/modules/%s", name);
	struct about about = { .path = path, .subject = name, .remedy = MF_REMEDY_CLEAN };
	struct leftovers l = { .machine = machine };
	_cleanup_free_ char *first = NULL;
	int r;

	(void)dirfd;
	if (!path)
		return -ENOMEM;
	if (*name == '.' || mf_strings_has(&machine->kernels, name) ||
	    mf_table_get(&machine->findings, path, strlen(path)))
		return 0;
	r = leftovers_walk(&l, path, 0);
	first = l.first;
	if (r < 0 || !l.files || l.in_use)
		return r;
	if (l.others) {
		about.remedy = MF_REMEDY_NONE;
		r = inspect_find(machine, NULL, &about, -MFE_KERNEL_GONE,
				 "the kernel %s is not installed, and %zu files in its directory "
				 "belong to no "
				 "package, such as /%s",
				 name, l.files, l.first);
	} else {
		r = inspect_find(
			machine, NULL, &about, -MFE_KERNEL_GONE,
			"the kernel %s is not installed, and %zu index files of it are left", name,
			l.files);
	}
	return r < 0 ? r : 0;
}

static void remove_empty(int dirfd, const char *name, int depth);

static void remove_empty_in(int fd, int depth)
{
	_cleanup_closedir_ DIR *dir = fd < 0 || depth > DEPTH_MAX ? NULL : mf_opendir(fd);
	struct dirent *d;

	while (dir && (d = readdir(dir)))
		if (strcmp(d->d_name, ".") && strcmp(d->d_name, ".."))
			remove_empty(fd, d->d_name, depth + 1);
}

/* Removes the empty directories in a directory, and itself if it is empty then. */
static void remove_empty(int dirfd, const char *name, int depth)
{
	_cleanup_close_ int fd =
		openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	remove_empty_in(fd, depth);
	if (fd >= 0)
		(void)unlinkat(dirfd, name, AT_REMOVEDIR);
}

void mf_empty_directories_remove(struct mf_context *ctx, const char *kernel)
{
	_cleanup_free_ char *directory = mf_kernel_path(kernel, NULL);
	_cleanup_close_ int fd =
		directory ? mf_context_open(ctx, directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
			  : -1;

	remove_empty_in(fd, 0);
}

int mf_indexes_remove(struct mf_context *ctx, const char *kernel)
{
	_cleanup_free_ char *directory = mf_format("lib/modules/%s", kernel);
	_cleanup_close_ int fd = -1, parent = -1;

	if (!directory)
		return mf_fail(ctx, MF_STAGE_CHECK, -ENOMEM, kernel, NULL);
	fd = mf_context_open(ctx, directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	parent = mf_context_open(ctx, "lib/modules", O_RDONLY | O_DIRECTORY);
	if (fd < 0 || parent < 0)
		return mf_fail(ctx, MF_STAGE_CHECK, fd < 0 ? fd : parent, directory, NULL);
	for (size_t i = 0; i < MF_ARRAY_SIZE(index_names); i++)
		if (unlinkat(fd, index_names[i], 0) < 0 && errno != ENOENT)
			return mf_fail(ctx, MF_STAGE_CHECK, -errno, directory,
				       "%s cannot be removed: %s", index_names[i],
				       mf_error_sentence(-errno));
	remove_empty(parent, kernel, 0);
	return 0;
}

int inspect_gone_kernels(struct machine *machine)
{
	int r = find_packages(machine);

	return r ? r : owned_each_entry(machine->ctx, "lib/modules", gone_on_directory, machine);
}
