/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_ROOT_H
#define TESTS_ROOT_H
/*
 * A machine in a directory for unit tests: a root with lib/modules/KERNEL and a context on it. Tests
 * of a whole machine, with a real kernel and an rpm database, use tests/root.py.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/context.h"
#include "modfetch/file.h"

#define KERNEL "6.1.0-56-amd64"
#define TAG    "amd64-6.1.0_56"

struct root {
	struct mf_context ctx;
	char path[64];
	int fd;
};

/* Makes the directory of a path below the root, and its parents. */
static inline void root_mkdir(const struct root *root, const char *path)
{
	char copy[512];

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *p = copy; (p = strchr(p, '/')); *p++ = '/') {
		*p = '\0';
		assert_true(!mkdirat(root->fd, copy, 0755) || errno == EEXIST);
	}
	assert_true(!mkdirat(root->fd, copy, 0755) || errno == EEXIST);
}

static inline void root_write_bytes(const struct root *root, const char *path, const void *bytes,
				    size_t len)
{
	const char *slash = strrchr(path, '/');
	char directory[512];
	int fd;

	if (slash) {
		snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path), path);
		root_mkdir(root, directory);
	}
	fd = openat(root->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(mf_file_write(fd, bytes, len), 0);
	close(fd);
}

static inline void root_write(const struct root *root, const char *path, const char *text)
{
	root_write_bytes(root, path, text, strlen(text));
}

/* The content of a file; the caller frees it. */
static inline char *root_read(const struct root *root, const char *path)
{
	char *text = NULL;
	size_t len;

	assert_int_equal(mf_file_read_at(root->fd, path, 64 << 20, &text, &len), 0);
	return text;
}

static inline bool root_has(const struct root *root, const char *path)
{
	return !faccessat(root->fd, path, F_OK, AT_SYMLINK_NOFOLLOW);
}

static inline void root_link(const struct root *root, const char *target, const char *path)
{
	assert_int_equal(symlinkat(target, root->fd, path), 0);
}

static inline void root_init(struct root *root)
{
	*root = (struct root){ .fd = -1 };
	snprintf(root->path, sizeof(root->path), "/tmp/modfetch-unit.XXXXXX");
	assert_non_null(mkdtemp(root->path));
	root->fd = open(root->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(root->fd >= 0);
	root_mkdir(root, "lib/modules/" KERNEL);
	assert_int_equal(mf_context_init(&root->ctx, root->path, KERNEL), 0);
	root->ctx.log_level = MF_LOG_ERROR;
}

static inline void root_done(struct root *root)
{
	mf_context_done(&root->ctx);
	close(root->fd);
	assert_int_equal(mf_tree_remove(AT_FDCWD, root->path), 0);
}

/* As cmocka's setup and teardown. */
static inline int root_setup(void **state)
{
	struct root *root = malloc(sizeof(*root));

	assert_non_null(root);
	root_init(root);
	*state = root;
	return 0;
}

static inline int root_teardown(void **state)
{
	root_done(*state);
	free(*state);
	return 0;
}

#define ROOTED(f) cmocka_unit_test_setup_teardown(f, root_setup, root_teardown)

#endif
