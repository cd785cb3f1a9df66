/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which files of a kernel can depmod find?
 *
 * All with the name of a module in the kernel's directory, hidden directories included and "build"
 * and "source" left out; and all that the index would have: files below linked directories, and
 * those of depmod.d's "external" directories. A link is an entry of its own, unless its target is a
 * module of the same tree, which has an entry already. A link that leads nowhere is a finding.
 *
 * A directory that others may write is a finding: write access to it is enough to run code in the
 * kernel. Links are never followed by the walk itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "inspection.h"

#define DEPTH_MAX 32

const char *inspect_mode_fault(const struct stat *st, const struct owned *owned)
{
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return "users other than its owner may write it";
	if (st->st_uid && st->st_uid != geteuid())
		return "it belongs neither to root nor to the user of this command";
	return owned && owned->mode && S_ISREG(st->st_mode) &&
			       (st->st_mode & 07777) != (owned->mode & 07777)
		       ? "its permissions are not those of its package"
		       : NULL;
}

/* The path of an open file below the root, without /usr; new memory. NULL: unknown. */
static char *path_of_fd(const struct inspection *in, int fd)
{
	size_t root = strlen(in->ctx->root);
	char link[64], real[PATH_MAX];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, real, sizeof(real) - 1);
	if (len <= (ssize_t)root || strncmp(real, in->ctx->root, root) != 0)
		return NULL;
	real[len] = '\0';
	return strdup(owned_path(real + root));
}

static struct entry *entry_add(struct inspection *in, const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	char *name = mf_arena_alloc(&in->arena, strlen(base) + 1);
	struct entry *e;

	if (!name || mf_array_reserve(&in->entries, &in->room, in->n_entries + 1, sizeof(*e)) < 0)
		return NULL;
	name[mf_module_spell(base, strlen(base), name)] = '\0';
	e = &in->entries[in->n_entries];
	*e = (struct entry){ .path = mf_arena_copy(&in->arena, path, strlen(path)), .name = name };
	if (!e->path)
		return NULL;
	in->n_entries++;
	return e;
}

/* Remembers that the path needs no (further) entry. 0 or -ENOMEM. */
static int path_known(struct inspection *in, const char *path, uint32_t place)
{
	char *copy = mf_arena_copy(&in->arena, path, strlen(path));
	uint32_t *value;
	int r = copy ? mf_table_put(&in->by_path, copy, strlen(copy), place, &value) : -ENOMEM;

	return r < 0 ? r : 0;
}

static int entry_add_file(struct inspection *in, const char *path)
{
	struct entry *e = entry_add(in, path);

	if (!e)
		return -ENOMEM;
	e->owned = owned_find(&in->machine->ownership, path);
	if (e->owned)
		e->owned->seen = true;
	return path_known(in, path, 1);
}

/* Is it a link of our ledger? */
static bool is_ours(const struct inspection *in, const char *path)
{
	const struct mf_links *links = &in->machine->links;

	if (!mf_starts_with(path, in->directory))
		return false;
	for (size_t i = 0; i < links->n; i++)
		if (!strcmp(links->v[i].kernel, in->ctx->kernel) &&
		    !strcmp(links->v[i].path, path + strlen(in->directory)))
			return true;
	return false;
}

/* Reports a link that is no module, and that its name needs no other finding. 0 or -ENOMEM. */
static int entry_report_link(struct inspection *in, const char *path, struct owned *owned, int code,
			     const char *reason)
{
	const struct about about = {
		.path = path,
		.owner = owned ? owned->owner : NULL,
		.remedy = owned && owned->owner->kind == MF_OWNER_RPM ? MF_REMEDY_REINSTALL
			  : is_ours(in, path)			      ? MF_REMEDY_LINKS
								      : MF_REMEDY_NONE,
	};
	char name[MF_MODULE_NAME_SIZE];
	int r = inspect_find(in->machine, in, &about, code, "%s", reason);

	if (owned)
		owned->seen = true;
	if (r > 0 && mf_module_name(path, name, sizeof(name)))
		r = inspect_excuse(in, name);
	return r < 0 ? r : path_known(in, path, 0);
}

/* Is the file itself a link? Others lie below a linked directory. */
static bool is_link(const struct inspection *in, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(in->ctx, path, O_PATH | O_NOFOLLOW);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode);
}

/* Adds an entry for a path that leads over a link, or is EXTERNAL to the tree. */
static int entry_add_linked(struct inspection *in, const char *path, bool external)
{
	_cleanup_close_ int fd = mf_context_open(in->ctx, path, O_PATH);
	_cleanup_free_ char *target = fd < 0 ? NULL : path_of_fd(in, fd);
	struct owned *instead = owned_find(&in->machine->ownership, path);
	struct entry *e;
	struct stat st;
	uint32_t *value;

	if (instead && (S_ISREG(instead->mode) || instead->has_md5) && is_link(in, path))
		return entry_report_link(in, path, instead, -MFE_ALTERED,
					 "it was replaced by a link");
	if (fd < 0 && !is_link(in, path))
		return 0;
	if (fd == -ENOENT)
		return entry_report_link(in, path, instead, -MFE_DEAD_LINK,
					 "it is a link to a file that does not exist");
	if (fd == -ELOOP)
		return entry_report_link(in, path, instead, -MFE_DEAD_LINK,
					 "it is a link that leads to itself");
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	if (target && mf_starts_with(target, in->directory) && mf_is_module(target))
		return path_known(in, path, 0);
	e = entry_add(in, path);
	if (!e)
		return -ENOMEM;
	e->link = !external;
	e->external = external;
	/* an external file is not reached over a link */
	e->target = target && strcmp(target, path)
			    ? mf_arena_copy(&in->machine->arena, target, strlen(target))
			    : NULL;
	e->owned = owned_find(&in->machine->ownership, target ? target : path);
	if (e->owned)
		e->owned->seen = true;
	if (e->target &&
	    mf_table_put(&in->machine->targets, e->target, strlen(e->target), 0, &value) < 0)
		return -ENOMEM;
	return path_known(in, path, 1);
}

/* Does depmod enter or read an entry of this name? */
static bool depmod_enters(const char *name)
{
	static const char *const passed[] = { ".", "..", "build", "source" };

	for (size_t i = 0; i < MF_ARRAY_SIZE(passed); i++)
		if (!strcmp(name, passed[i]))
			return false;
	return true;
}

static int entries_walk(struct inspection *in, int fd, const char *path, int depth);

static int walk_directory(struct inspection *in, int dirfd, const char *name, const char *path,
			  int depth)
{
	_cleanup_close_ int sub =
		openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	const char *fault;
	struct stat st = { 0 };
	int r = sub < 0 || fstat(sub, &st) < 0 ? -errno : 0;

	if (r < 0) {
		r = inspect_find(in->machine, in, &(struct about){ .path = path }, r, "%s",
				 mf_error_sentence(r));
		return r < 0 ? r : 0;
	}
	fault = st.st_mode & S_ISVTX ? NULL : inspect_mode_fault(&st, NULL);
	if (fault)
		r = inspect_find(in->machine, in, &(struct about){ .path = path }, -MFE_ALTERED,
				 "%s", fault);
	return r < 0 ? r : entries_walk(in, sub, path, depth + 1);
}

/* Finds the module files of a directory recursively; PATH ends with a slash. */
static int entries_walk(struct inspection *in, int fd, const char *path, int depth)
{
	_cleanup_closedir_ DIR *dir = mf_opendir(fd);
	struct dirent *d;
	int r = 0;

	if (!dir)
		return -errno;
	while (!r && (errno = 0, d = readdir(dir))) {
		_cleanup_free_ char *below = NULL;
		unsigned char type = d->d_type;
		struct stat st;

		if (!depmod_enters(d->d_name))
			continue;
		if (type == DT_UNKNOWN) {
			if (fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
				continue;
			type = (unsigned char)IFTODT(st.st_mode);
		}
		if (type != DT_DIR && !mf_is_module(d->d_name))
			continue;
		below = mf_format("%s%s%s", path, d->d_name, type == DT_DIR ? "/" : "");
		if (!below)
			return -ENOMEM;
		if (type == DT_REG)
			r = entry_add_file(in, below);
		else if (type == DT_LNK)
			r = entry_add_linked(in, below, false);
		else if (type == DT_DIR && depth < DEPTH_MAX)
			r = walk_directory(in, fd, d->d_name, below, depth);
	}
	return r ? r : -errno;
}

/* Adds a file of the index that the walk did not find. */
static int entries_on_indexed(void *arg, const char *key, size_t len)
{
	struct inspection *in = arg;
	bool external = *key == '/';
	_cleanup_free_ char *path = mf_format("%s%.*s", external ? "" : in->directory,
					      (int)len - external, key + external);

	if (!path)
		return -ENOMEM;
	return mf_table_get(&in->by_path, path, strlen(path))
		       ? 0
		       : entry_add_linked(in, path, external);
}

static int entry_compare(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->path, ((const struct entry *)b)->path);
}

static int entries_count(struct inspection *in)
{
	for (size_t i = 0; i < in->n_entries; i++) {
		const struct entry *e = &in->entries[i];
		struct owner *owner = e->owned ? e->owned->owner : NULL;
		uint32_t *value;

		in->kernel->modules++;
		in->kernel->links += e->link;
		in->kernel->owners[owner ? owner->kind : MF_OWNER_NOBODY]++;
		if (owner)
			owner->used++;
		if (mf_table_put(&in->by_name, e->name, strlen(e->name), (uint32_t)i, &value) < 0)
			return -ENOMEM;
	}
	return 0;
}

int inspect_read_entries(struct inspection *in)
{
	int r = entries_walk(in, in->fd, in->directory, 0);

	if (!r && in->indexes)
		r = inspect_each_path(in->indexes, entries_on_indexed, in);
	if (r < 0)
		return r;
	if (in->n_entries)
		qsort(in->entries, in->n_entries, sizeof(*in->entries), entry_compare);
	return entries_count(in);
}
