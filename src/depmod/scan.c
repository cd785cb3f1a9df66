/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which module files are in a tree, and their numbers.
 *
 * The tree is walked a level of directories at a time: threads list them and stat the modules in
 * them, then the directories found on the way are the next level. The result is put together
 * afterwards in depmod's order: each directory's entries as the file system lists them, a
 * directory's contents in its place. That order decides between files of one name, so it must not
 * depend on threads.
 *
 * Links are followed, to files and to directories, as depmod does; a directory nested deeper than
 * any real one is not entered, since a link may lead back up. Entries that cannot be looked at are
 * reported and left out. The files' numbers are taken before the files are read: a change in
 * between shows as a difference in the next run.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"
#include "scan.h"

#define DEPTH_MAX  40
#define LIST_BYTES ((size_t)32 << 10)

/* An entry of a directory that matters: a module file, or a directory with its own entries. */
struct entry {
	struct directory *directory; /* NULL: a file */
	struct dm_file file;
};

struct directory {
	const char *path; /* relative to the tree, or absolute for an external one; "" the tree */
	size_t path_len;
	int depth;
	bool linked, loose;
	int failed; /* why it could not be listed */
	struct entry *entries;
	size_t n, room;
};

struct walk {
	struct mf_context *ctx;
	const struct dm_tree *tree;
	const struct dm_config *config;
	const struct dm_flavor *flavor;
	bool external;
	struct dm_scan *scan;
	struct directory **level; /* those being listed */
	size_t n;
};

bool dm_is_module_name(const struct dm_flavor *flavor, const char *name, size_t len)
{
	return flavor->endings >> mf_module_ending(name, len) & 1;
}

bool dm_is_excluded(const struct dm_config *config, const char *name)
{
	if (!strcmp(name, ".") || !strcmp(name, "..") || !strcmp(name, "build") ||
	    !strcmp(name, "source"))
		return true;
	return mf_strings_has(&config->excludes, name);
}

static struct entry *add_entry(struct directory *directory)
{
	if (mf_array_reserve(&directory->entries, &directory->room, directory->n + 1,
			     sizeof(*directory->entries)) < 0)
		return NULL;
	directory->entries[directory->n] = (struct entry){ 0 };
	return &directory->entries[directory->n++];
}

/* "<directory>/<name>" in the arena. */
static char *join(struct mf_arena *arena, const struct directory *directory, const char *name,
		  size_t len)
{
	size_t head = directory->path_len ? directory->path_len + 1 : 0;
	char *path = mf_arena_alloc(arena, head + len + 1);

	if (!path)
		return NULL;
	if (head) {
		memcpy(path, directory->path, directory->path_len);
		path[head - 1] = '/';
	}
	memcpy(path + head, name, len + 1);
	return path;
}

static int add_directory(struct directory *parent, struct mf_arena *arena, const char *name,
			 size_t len, bool linked)
{
	struct directory *directory = mf_arena_alloc(arena, sizeof(*directory));
	struct entry *e;

	parent->loose |= linked || parent->depth >= DEPTH_MAX;
	if (parent->depth >= DEPTH_MAX)
		return 0;
	if (!directory)
		return -ENOMEM;
	*directory = (struct directory){ .depth = parent->depth + 1,
					 .linked = parent->linked || linked };
	directory->path = join(arena, parent, name, len);
	if (!directory->path)
		return -ENOMEM;
	directory->path_len = strlen(directory->path);
	e = add_entry(parent);
	if (!e)
		return -ENOMEM;
	e->directory = directory;
	return 0;
}

static int add_file(const struct walk *walk, struct directory *directory, struct mf_arena *arena,
		    const char *name, size_t len, const struct stat *st, bool linked)
{
	struct entry *e = add_entry(directory);

	if (!e)
		return -ENOMEM;
	e->file.numbers = dm_numbers_of(st);
	e->file.path = join(arena, directory, name, len);
	if (!e->file.path)
		return -ENOMEM;
	e->file.path_len = (uint32_t)(directory->path_len ? directory->path_len + 1 + len : len);
	e->file.base = e->file.path_len - (uint32_t)len;
	e->file.external = walk->external;
	e->file.linked = directory->linked || linked;
	return 0;
}

/* What an entry is, and whether a link leads to it. 0 or -errno. */
static int stat_entry(const struct walk *walk, const struct directory *directory,
		      struct mf_arena *arena, int fd, const char *name, struct stat *ret_st)
{
	const char *path;

	if (fstatat(fd, name, ret_st, walk->tree->image ? AT_SYMLINK_NOFOLLOW : 0) < 0)
		return -errno;
	if (!S_ISLNK(ret_st->st_mode))
		return 0;
	path = join(arena, directory, name, strlen(name));
	return path ? dm_tree_stat(walk->tree, path, ret_st) : -ENOMEM;
}

static int look_at(const struct walk *walk, struct directory *directory, struct mf_arena *arena,
		   int fd, const char *name, unsigned char type)
{
	size_t len = strlen(name);
	bool module = dm_is_module_name(walk->flavor, name, len);
	struct stat st;
	int r;

	if (type == DT_DIR)
		return add_directory(directory, arena, name, len, false);
	if (type == DT_REG && !module)
		return 0;
	r = stat_entry(walk, directory, arena, fd, name, &st);
	if (r < 0) {
		mf_log(walk->ctx, MF_LOG_WARNING, "%s/%s: %s", directory->path, name, strerror(-r));
		directory->loose = true;
		return 0;
	}
	if (S_ISDIR(st.st_mode))
		return add_directory(directory, arena, name, len, true);
	if (!S_ISREG(st.st_mode) || !module) {
		directory->loose |= type != DT_REG;
		return 0;
	}
	return add_file(walk, directory, arena, name, len, &st, type != DT_REG);
}

/* What getdents64(2) fills a buffer with. */
struct listed {
	uint64_t inode;
	int64_t offset;
	unsigned short size;
	unsigned char type;
	char name[];
};

static int list(const struct walk *walk, struct directory *directory, struct mf_arena *arena)
{
	_Alignas(struct listed) char buf[LIST_BYTES];
	_cleanup_close_ int fd =
		dm_tree_at(walk->tree, directory->path_len ? directory->path : ".",
			   walk->external || directory->linked, O_RDONLY | O_DIRECTORY);
	int r = 0;

	if (fd < 0)
		return fd;
	for (;;) {
		long got = syscall(SYS_getdents64, fd, buf, sizeof(buf));

		if (got < 0)
			return -errno;
		if (!got)
			return 0;
		for (char *p = buf; p < buf + got;) {
			const struct listed *e = (const struct listed *)(const void *)p;

			p += e->size;
			if (!dm_is_excluded(walk->config, e->name))
				r = look_at(walk, directory, arena, fd, e->name, e->type);
			if (r < 0)
				return r;
		}
	}
}

static void list_one(void *arg, size_t i, unsigned int worker)
{
	const struct walk *walk = arg;

	walk->level[i]->failed = list(walk, walk->level[i], &walk->scan->arenas[worker]);
}

/* What was found out about a directory that was listed. A top one has to be there. */
static int scan_finish(const struct walk *walk, const struct directory *directory)
{
	int r = directory->failed;

	walk->scan->loose |= directory->loose || r < 0;
	if (r == -ENOMEM || (r < 0 && !directory->depth))
		return r;
	if (r < 0)
		mf_log(walk->ctx, MF_LOG_WARNING, "%s: %s", directory->path, mf_error_sentence(r));
	return 0;
}

/* Lists the directories of the level, and goes on to those below. 0 or a negative code. */
static int list_level(struct walk *walk)
{
	_cleanup_free_ struct directory **level = walk->level;
	size_t n = 0, n_listed = walk->n;

	mf_workers_run(walk->tree->workers, n_listed, list_one, walk);
	walk->level = NULL;
	for (size_t i = 0; i < n_listed; i++) {
		int r = scan_finish(walk, level[i]);

		if (r < 0)
			return r;
		n += level[i]->n;
	}
	walk->level = reallocarray(NULL, n + 1, sizeof(struct directory *));
	walk->n = 0;
	if (!walk->level)
		return -ENOMEM;
	for (size_t i = 0; i < n_listed; i++)
		for (size_t k = 0; k < level[i]->n; k++)
			if (level[i]->entries[k].directory)
				walk->level[walk->n++] = level[i]->entries[k].directory;
	return 0;
}

static int add_to_scan(struct dm_scan *scan, const struct dm_file *file)
{
	int r = mf_array_reserve(&scan->files, &scan->room, scan->n + 1, sizeof(*scan->files));

	if (r < 0)
		return r;
	scan->files[scan->n++] = *file;
	return 0;
}

/* Frees the entries of a directory, after adding their files to the scan if R is no failure. */
static int flatten(struct directory *directory, struct dm_scan *scan, int r)
{
	for (size_t i = 0; i < directory->n; i++) {
		struct entry *e = &directory->entries[i];

		if (e->directory)
			r = flatten(e->directory, scan, r);
		else if (r >= 0)
			r = add_to_scan(scan, &e->file);
	}
	free(directory->entries);
	return r;
}

/* Adds the files below a top directory to the scan. */
static int scan_top(struct walk *walk, const char *path)
{
	struct directory top = { .path = path, .path_len = strlen(path) };
	int r = 0;

	walk->level = malloc(sizeof(*walk->level));
	if (!walk->level)
		return -ENOMEM;
	walk->level[0] = &top;
	walk->n = 1;
	while (walk->n && r >= 0)
		r = list_level(walk);
	free(walk->level);
	return flatten(&top, walk->scan, r);
}

static int scan_external(struct walk *walk, const char *path)
{
	int r;

	walk->external = true;
	r = scan_top(walk, path);
	if (r == -ENOENT || r >= 0 || r == -ENOMEM)
		return r == -ENOENT ? 0 : r;
	mf_log(walk->ctx, MF_LOG_WARNING, "%s: %s", path, mf_error_sentence(r));
	return 0;
}

int dm_scan(struct mf_context *ctx, const struct dm_tree *tree, const struct dm_config *config,
	    const struct dm_flavor *flavor, struct dm_scan *ret_scan)
{
	_cleanup_(dm_scan_done) struct dm_scan scan = { 0 };
	struct walk walk = {
		.ctx = ctx,
		.tree = tree,
		.config = config,
		.flavor = flavor,
		.scan = &scan,
	};
	int r = scan_top(&walk, "");

	for (size_t i = 0; i < config->externals.n && r >= 0; i++)
		r = scan_external(&walk, config->externals.v[i]);
	if (r < 0)
		return r;
	*ret_scan = scan;
	scan = (struct dm_scan){ 0 };
	return 0;
}

void dm_scan_done(struct dm_scan *scan)
{
	free(scan->files);
	for (size_t i = 0; i < MF_ARRAY_SIZE(scan->arenas); i++)
		mf_arena_done(&scan->arenas[i]);
	*scan = (struct dm_scan){ 0 };
}
