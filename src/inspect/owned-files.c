/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files of all packages below /lib/modules and /lib/firmware.
 *
 * Three managers put modules on a machine: rpm, dpkg, and dkms, which builds them here and informs no
 * package manager. akmods builds too, but makes rpms. Paths are compared as text without a leading
 * /usr, since a package may be built for either layout. The module that dkms installed is found by
 * kernel and name: its place depends on the distribution and on the source's own configuration.
 *
 * The databases are trusted: a user who can write them can write the modules.
 */
#include "owned.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"

#define MODULES "lib/modules/"

const char *mf_owner_name(enum mf_owner owner)
{
	static const char *const names[MF_N_OWNERS] = {
		[MF_OWNER_NOBODY] = "nobody", [MF_OWNER_RPM] = "rpm",
		[MF_OWNER_DPKG] = "dpkg",     [MF_OWNER_DKMS] = "dkms",
		[MF_OWNER_AKMODS] = "akmods",
	};

	return names[owner];
}

const char *owned_path(const char *path)
{
	path = mf_without_usr(path);
	return path + (*path == '/');
}

bool owned_is_relevant(const char *path)
{
	return mf_starts_with(path, MODULES) || mf_starts_with(path, "lib/firmware/");
}

const char *owned_kernel(const char *path, size_t *ret_len)
{
	const char *kernel = mf_starts_with(path, MODULES) ? path + strlen(MODULES) : NULL;
	size_t len = kernel ? strcspn(kernel, "/") : 0;

	*ret_len = len;
	return len && kernel[len] ? kernel : NULL;
}

struct owner *owned_add_owner(struct ownership *ownership, enum mf_owner kind, const char *label)
{
	struct owner *owner = mf_arena_alloc(&ownership->arena, sizeof(*owner));

	if (!owner)
		return NULL;
	*owner = (struct owner){ .kind = kind,
				 .label = mf_arena_copy(&ownership->arena, label, strlen(label)) };
	return owner->label ? owner : NULL;
}

struct owned *owned_add(struct ownership *o, struct owner *owner, const char *path)
{
	struct owned *file;
	uint32_t *place;

	if (mf_array_reserve(&o->files, &o->room, o->n + 1, sizeof(*file)) < 0)
		return NULL;
	file = &o->files[o->n];
	*file = (struct owned){ .path = mf_arena_copy(&o->arena, path, strlen(path)),
				.owner = owner };
	if (!file->path ||
	    mf_table_put(&o->by_path, file->path, strlen(file->path), (uint32_t)o->n, &place) < 0)
		return NULL;
	o->n++;
	owner->modules += mf_is_module(path);
	return file;
}

/* "KVER/NAME.ko" of a module's path, without the ending of its compression; in BUF. */
static size_t build_key(const char *path, char *buf, size_t size)
{
	size_t kernel_len, len;
	const char *kernel = owned_kernel(path, &kernel_len), *slash = strrchr(path, '/');
	const char *ko = slash ? strstr(slash, ".ko") : NULL;

	if (!kernel || !ko)
		return 0;
	len = (size_t)(ko + 3 - slash);
	if (kernel_len + len >= size)
		return 0;
	memcpy(buf, kernel, kernel_len);
	memcpy(buf + kernel_len, slash, len);
	return kernel_len + len;
}

struct owned *owned_find(const struct ownership *o, const char *path)
{
	const uint32_t *place = mf_table_get(&o->by_path, path, strlen(path));
	char key[512];
	size_t len;

	if (place)
		return &o->files[*place];
	len = o->by_build.n ? build_key(path, key, sizeof(key)) : 0;
	place = len ? mf_table_get(&o->by_build, key, len) : NULL;
	return place ? &o->files[*place] : NULL;
}

int owned_each_entry(const struct mf_context *ctx, const char *directory, owned_entry_visit *visit,
		     void *arg)
{
	_cleanup_closedir_ DIR *dir = NULL;
	_cleanup_close_ int fd = mf_context_open(ctx, directory, O_RDONLY | O_DIRECTORY);
	struct dirent *d;
	int r = 0;

	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR ? 0 : fd;
	dir = mf_opendir(fd);
	if (!dir)
		return -errno;
	while (!r && (errno = 0, d = readdir(dir)))
		if (strcmp(d->d_name, ".") && strcmp(d->d_name, ".."))
			r = visit(arg, fd, d->d_name);
	return r ? r : -errno;
}

void owned_done(struct ownership *o)
{
	free(o->files);
	mf_table_done(&o->by_path);
	mf_table_done(&o->by_build);
	mf_table_done(&o->diverted);
	mf_arena_done(&o->arena);
	*o = (struct ownership){ 0 };
}
