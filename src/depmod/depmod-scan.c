/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which module files are in a tree, and their numbers.
 *
 * Every folder is a job: it is opened, listed and its modules are stat'ed by whichever thread is
 * free; folders found on the way are new jobs. The result is put together afterwards in depmod's
 * order: each folder's entries as the file system lists them, a folder's contents in its place.
 * That order decides between files of one name, so it must not depend on threads.
 *
 * A folder's own numbers are taken before its entries are asked for, so that the next run can tell
 * whether they are still the same (depmod-known.c). That is remembered only where it is sure to
 * show: not over links, not on another file system than the tree's, not on one that is not known to
 * keep a folder's times, and not where the folder changed just now.
 *
 * Links are followed, to files and to folders, as depmod does; a folder nested deeper than any real
 * one ends the walk, since a link may lead back up. Entries that cannot be looked at are told and
 * left out. The files' numbers are taken before anybody reads the files: a change in between shows
 * as a difference in the next run.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"
#include "src/depmod/depmod-parts.h"

#define DEPTH_MAX  40
#define LIST_BYTES ((size_t)64 << 10)
#define FEW	   8

/* An entry of a folder that matters: a file, or a folder with its own entries. */
struct entry {
	struct folder *folder; /* NULL: a file */
	struct dm_file file;
};

struct folder {
	const char *path; /* relative to the tree, or absolute for an external one; "" the tree */
	size_t path_len;
	int depth;
	bool linked, loose;
	uint64_t inode;
	int64_t mtime, ctime;
	struct entry *entries;
	size_t n, room;
	struct folder *next; /* in the queue */
};

struct job {
	struct mf_context *ctx;
	const struct dm_tree *tree;
	const struct dm_config *config;
	const struct dm_flavour *flavour;
	bool external;
	const struct mf_table *known; /* folders that are not entered */
	struct mf_arena *arenas;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	struct folder *queue;
	size_t pending; /* folders queued or being listed */
	bool loose;	/* of any folder */
	int failed;	/* -ENOMEM, or why a top folder could not be listed */
};

bool dm_is_module_name(const struct dm_flavour *flavour, const char *name, size_t len)
{
	switch (mf_module_ending(name, len)) {
	case MF_NO_MODULE:
		return false;
	case MF_MODULE_KO:
		return true;
	case MF_MODULE_KO_GZ:
		return flavour->gz;
	case MF_MODULE_KO_XZ:
		return flavour->xz;
	case MF_MODULE_KO_ZST:
		return flavour->zst;
	}
	return false;
}

bool dm_is_excluded(const struct dm_config *config, const char *name)
{
	if (!strcmp(name, ".") || !strcmp(name, "..") || !strcmp(name, "build") ||
	    !strcmp(name, "source"))
		return true;
	return mf_strings_has(&config->excludes, name);
}

static struct entry *add_entry(struct folder *folder)
{
	if (folder->n == folder->room) {
		size_t room = folder->room ? folder->room * 2 : 16;
		struct entry *v = reallocarray(folder->entries, room, sizeof(*v));

		if (!v)
			return NULL;
		folder->entries = v;
		folder->room = room;
	}
	folder->entries[folder->n] = (struct entry){ 0 };
	return &folder->entries[folder->n++];
}

/* "<folder>/<name>" in the arena. */
static char *join(struct mf_arena *arena, const struct folder *folder, const char *name, size_t len)
{
	size_t head = folder->path_len ? folder->path_len + 1 : 0;
	char *path = mf_arena_alloc(arena, head + len + 1);

	if (!path)
		return NULL;
	if (head) {
		memcpy(path, folder->path, folder->path_len);
		path[head - 1] = '/';
	}
	memcpy(path + head, name, len + 1);
	return path;
}

static int add_folder(const struct job *job, struct folder *parent, struct mf_arena *arena,
		      const char *name, size_t len, bool linked)
{
	struct folder *folder = mf_arena_alloc(arena, sizeof(*folder));
	struct entry *e;

	parent->loose |= linked || parent->depth >= DEPTH_MAX;
	if (parent->depth >= DEPTH_MAX)
		return 0;
	if (!folder)
		return -ENOMEM;
	*folder = (struct folder){ .depth = parent->depth + 1, .linked = parent->linked || linked };
	folder->path = join(arena, parent, name, len);
	if (!folder->path)
		return -ENOMEM;
	folder->path_len = strlen(folder->path);
	if (job->known && mf_table_get(job->known, folder->path, folder->path_len))
		return 0;
	e = add_entry(parent);
	if (!e)
		return -ENOMEM;
	e->folder = folder;
	return 0;
}

static int add_file(struct job *job, struct folder *folder, struct mf_arena *arena,
		    const char *name, size_t len, const struct stat *st, bool linked)
{
	struct entry *e = add_entry(folder);

	if (!e)
		return -ENOMEM;
	dm_take_numbers(st, &e->file);
	e->file.path = join(arena, folder, name, len);
	if (!e->file.path)
		return -ENOMEM;
	e->file.path_len = (uint32_t)(folder->path_len ? folder->path_len + 1 + len : len);
	e->file.base = e->file.path_len - (uint32_t)len;
	e->file.external = job->external;
	e->file.linked = folder->linked || linked;
	return 0;
}

/* What an entry is, and whether a link leads to it. 0 or -errno. */
static int stat_entry(const struct job *job, const struct folder *folder, struct mf_arena *arena,
		      int fd, const char *name, struct stat *ret_st)
{
	const char *path;

	if (fstatat(fd, name, ret_st, job->tree->image ? AT_SYMLINK_NOFOLLOW : 0) < 0)
		return -errno;
	if (!S_ISLNK(ret_st->st_mode))
		return 0;
	path = join(arena, folder, name, strlen(name));
	return path ? dm_tree_stat(job->tree, path, ret_st) : -ENOMEM;
}

static int look_at(struct job *job, struct folder *folder, struct mf_arena *arena, int fd,
		   const char *name, unsigned char type)
{
	size_t len = strlen(name);
	bool module = dm_is_module_name(job->flavour, name, len);
	struct stat st;
	int r;

	if (type == DT_DIR)
		return add_folder(job, folder, arena, name, len, false);
	if (type == DT_REG && !module)
		return 0;
	r = stat_entry(job, folder, arena, fd, name, &st);
	if (r < 0) {
		mf_log(job->ctx, MF_LOG_WARNING, "%s/%s: %s", folder->path, name, strerror(-r));
		folder->loose = true;
		return 0;
	}
	if (S_ISDIR(st.st_mode))
		return add_folder(job, folder, arena, name, len, true);
	if (!S_ISREG(st.st_mode) || !module) {
		folder->loose |= type != DT_REG;
		return 0;
	}
	return add_file(job, folder, arena, name, len, &st, type != DT_REG);
}

/* What getdents64(2) fills a buffer with. */
struct listed {
	uint64_t inode;
	int64_t offset;
	unsigned short size;
	unsigned char type;
	char name[];
};

/* Before the entries are read: a change in between then shows in the next run. */
static int take_folder_numbers(const struct job *job, struct folder *folder, int fd)
{
	const struct dm_tree *tree = job->tree;
	struct dm_file numbers;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	dm_take_numbers(&st, &numbers);
	folder->inode = numbers.inode;
	folder->mtime = numbers.mtime;
	folder->ctime = numbers.ctime;
	if (!tree->keeps_times || st.st_dev != tree->device || folder->linked ||
	    dm_is_racy(tree, folder->ctime, dm_now()))
		folder->ctime = DM_UNSURE;
	return 0;
}

static int list(struct job *job, struct folder *folder, struct mf_arena *arena, char *buf)
{
	_cleanup_close_ int fd =
		dm_tree_at(job->tree, folder->path_len ? folder->path : ".",
			   job->external || folder->linked, O_RDONLY | O_DIRECTORY);
	int r;

	if (fd < 0)
		return fd;
	r = take_folder_numbers(job, folder, fd);
	if (r < 0)
		return r;
	for (;;) {
		long got = syscall(SYS_getdents64, fd, buf, LIST_BYTES);

		if (got < 0)
			return -errno;
		if (!got)
			return 0;
		for (char *p = buf; p < buf + got;) {
			const struct listed *e = (const struct listed *)(const void *)p;

			p += e->size;
			if (!dm_is_excluded(job->config, e->name))
				r = look_at(job, folder, arena, fd, e->name, e->type);
			if (r < 0)
				return r;
		}
	}
}

/* Called with the mutex held. */
static void queue_children(struct job *job, const struct folder *folder)
{
	for (size_t i = 0; i < folder->n; i++) {
		struct folder *child = folder->entries[i].folder;

		if (!child)
			continue;
		child->next = job->queue;
		job->queue = child;
		job->pending++;
	}
}

static void list_and_queue(struct job *job, struct folder *folder, unsigned int worker, char *buf)
{
	int r = list(job, folder, &job->arenas[worker], buf);

	if (r < 0 && r != -ENOMEM && folder->depth)
		mf_log(job->ctx, MF_LOG_WARNING, "%s: %s", folder->path, mf_error_sentence(r));
	pthread_mutex_lock(&job->mutex);
	if (r == -ENOMEM || (r < 0 && !folder->depth))
		job->failed = r;
	job->loose |= folder->loose || r < 0;
	queue_children(job, folder);
	job->pending--;
	pthread_cond_broadcast(&job->cond);
	pthread_mutex_unlock(&job->mutex);
}

static void walk(void *arg, size_t i, unsigned int worker)
{
	struct job *job = arg;
	_cleanup_free_ char *buf = malloc(LIST_BYTES);

	for (;;) {
		struct folder *folder;

		pthread_mutex_lock(&job->mutex);
		if (!buf)
			job->failed = -ENOMEM;
		while (!job->queue && job->pending && !job->failed)
			pthread_cond_wait(&job->cond, &job->mutex);
		folder = job->failed ? NULL : job->queue;
		if (folder)
			job->queue = folder->next;
		else
			pthread_cond_broadcast(&job->cond);
		pthread_mutex_unlock(&job->mutex);
		if (!folder)
			return;
		list_and_queue(job, folder, worker, buf);
	}
}

static void count(const struct folder *folder, size_t *n_files, size_t *n_folders)
{
	++*n_folders;
	for (size_t i = 0; i < folder->n; i++)
		if (folder->entries[i].folder)
			count(folder->entries[i].folder, n_files, n_folders);
		else
			++*n_files;
}

static void flatten(const struct job *job, struct folder *folder, struct dm_scan *scan)
{
	if (!job->external)
		scan->folders[scan->n_folders++] = (struct dm_folder){
			folder->path,  (uint32_t)folder->path_len, folder->inode, folder->mtime,
			folder->ctime,
		};
	for (size_t i = 0; i < folder->n; i++) {
		struct entry *e = &folder->entries[i];

		if (e->folder)
			flatten(job, e->folder, scan);
		else
			scan->files[scan->n++] = e->file;
	}
}

static void free_entries(struct folder *folder)
{
	for (size_t i = 0; i < folder->n; i++)
		if (folder->entries[i].folder)
			free_entries(folder->entries[i].folder);
	free(folder->entries);
}

/* Room for what is below the tops. */
static int make_room(const struct folder *tops, size_t n, struct dm_scan *scan)
{
	size_t n_files = scan->n + 1, n_folders = scan->n_folders + 1;
	struct dm_folder *folders;
	struct dm_file *files;

	for (size_t i = 0; i < n; i++)
		count(&tops[i], &n_files, &n_folders);
	files = reallocarray(scan->files, n_files, sizeof(*files));
	if (!files)
		return -ENOMEM;
	scan->files = files;
	folders = reallocarray(scan->folders, n_folders, sizeof(*folders));
	if (!folders)
		return -ENOMEM;
	scan->folders = folders;
	return 0;
}

/* Adds the files below some top folders to the scan. */
static int scan_tops(struct job *job, struct folder *tops, size_t n, struct dm_scan *scan)
{
	/* to wake the others costs as much as to list some folders */
	unsigned int threads = job->known && n <= FEW ? 1 : mf_threads();
	int r;

	job->pending = n;
	job->queue = n ? tops : NULL;
	job->failed = 0;
	for (size_t i = 0; i + 1 < n; i++)
		tops[i].next = &tops[i + 1];
	mf_workers_run(job->tree->workers, threads, walk, job);
	r = job->failed < 0 ? job->failed : make_room(tops, n, scan);
	for (size_t i = 0; i < n; i++) {
		if (r >= 0)
			flatten(job, &tops[i], scan);
		free_entries(&tops[i]);
	}
	return r;
}

static struct job job_of(struct mf_context *ctx, const struct dm_tree *tree,
			 const struct dm_config *config, const struct dm_flavour *flavour,
			 struct dm_scan *scan)
{
	return (struct job){
		.ctx = ctx,
		.tree = tree,
		.config = config,
		.flavour = flavour,
		.arenas = scan->arenas,
		.mutex = PTHREAD_MUTEX_INITIALIZER,
		.cond = PTHREAD_COND_INITIALIZER,
	};
}

int dm_scan_folders(struct mf_context *ctx, const struct dm_tree *tree,
		    const struct dm_config *config, const struct dm_flavour *flavour,
		    const struct dm_folder *tops, size_t n, const struct mf_table *known,
		    struct dm_scan *scan)
{
	_cleanup_free_ struct folder *folders = calloc(n + 1, sizeof(*folders));
	struct job job = job_of(ctx, tree, config, flavour, scan);
	int r;

	if (!folders)
		return -ENOMEM;
	job.known = known;
	for (size_t i = 0; i < n; i++) {
		folders[i].path = tops[i].path;
		folders[i].path_len = tops[i].path_len;
		folders[i].depth = tops[i].path_len > 0;
		for (const char *p = tops[i].path; *p; p++)
			folders[i].depth += *p == '/';
	}
	r = scan_tops(&job, folders, n, scan);
	scan->loose |= job.loose;
	return r;
}

static int scan_external(struct job *job, const char *path, struct dm_scan *scan)
{
	struct folder top = { .path = path, .path_len = strlen(path) };
	int r;

	job->external = true;
	r = scan_tops(job, &top, 1, scan);
	if (r == -ENOENT || r >= 0 || r == -ENOMEM)
		return r == -ENOENT ? 0 : r;
	mf_log(job->ctx, MF_LOG_WARNING, "%s: %s", path, mf_error_sentence(r));
	return 0;
}

int dm_scan(struct mf_context *ctx, const struct dm_tree *tree, const struct dm_config *config,
	    const struct dm_flavour *flavour, struct dm_scan *ret_scan)
{
	_cleanup_(dm_scan_done) struct dm_scan scan = { 0 };
	struct job job = job_of(ctx, tree, config, flavour, &scan);
	struct folder top = { .path = "" };
	int r = scan_tops(&job, &top, 1, &scan);

	for (size_t i = 0; i < config->externals.n && r >= 0; i++)
		r = scan_external(&job, config->externals.v[i], &scan);
	if (r < 0)
		return r;
	scan.loose = job.loose;
	*ret_scan = scan;
	scan = (struct dm_scan){ 0 };
	return 0;
}

void dm_scan_done(struct dm_scan *scan)
{
	free(scan->files);
	free(scan->folders);
	for (size_t i = 0; i < sizeof(scan->arenas) / sizeof(*scan->arenas); i++)
		mf_arena_done(&scan->arenas[i]);
	*scan = (struct dm_scan){ 0 };
}
