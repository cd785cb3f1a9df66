/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_FUZZ_ROOT_H
#define TESTS_FUZZ_ROOT_H
/* A root in memory, for targets whose input is a file of the configuration. */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/context.h"
#include "modfetch/file.h"

static struct mf_context *fuzz_root(void);

static void fuzz_root_remove(void)
{
	mf_tree_remove(AT_FDCWD, fuzz_root()->root);
}

static struct mf_context *fuzz_root(void)
{
	static struct mf_context ctx;
	char root[] = "/dev/shm/fuzz.XXXXXX", other[] = "/tmp/fuzz.XXXXXX", *made;

	if (!ctx.root) {
		made = mkdtemp(root);
		if (!made)
			made = mkdtemp(other);
		assert(made && !mf_context_init(&ctx, made, "6.1.0-56-amd64"));
		ctx.log_level = MF_LOG_ERROR;
		atexit(fuzz_root_remove);
	}
	/* remove the files of the previous input */
	ctx.failure = (struct mf_failure){ 0 };
	return &ctx;
}

static inline void fuzz_put(const struct mf_context *ctx, const char *folder, const char *name,
			    const uint8_t *data, size_t size)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(ctx, folder), fd = -1;

	assert(dirfd >= 0);
	fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert(fd >= 0 && !mf_file_write(fd, data, size));
}

#endif
