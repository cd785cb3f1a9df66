/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds and parses a kernel's symbol versions. The places are those of SUSE (in the directory of
 * the modules), of Fedora and RHEL (/boot), and of Debian's header packages, in this order; the
 * first file that exists is used and trusted, since only root can write it.
 */
#include "modfetch/symvers.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/inflate.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"

#define SYMVERS_MAX (64U << 20)

static const struct {
	const char *prefix, *suffix; /* of the kernel's release */
} places[] = {
	{ "lib/modules/", "/symvers" },
	{ "lib/modules/", "/symvers.gz" },
	{ "lib/modules/", "/symvers.xz" },
	{ "lib/modules/", "/symvers.zst" },
	{ "lib/modules/", "/build/Module.symvers" },
	{ "boot/symvers-", "" },
	{ "boot/symvers-", ".gz" },
	{ "boot/symvers-", ".xz" },
	{ "boot/symvers-", ".zst" },
	{ "usr/src/linux-headers-", "/Module.symvers" },
};

/* Returns the field at *TEXT, which ends at a tab or at the end of the line, and skips it. */
static char *field(char **text)
{
	char *start = *text;

	*text = strchrnul(start, '\t');
	if (**text)
		*(*text)++ = '\0';
	return start;
}

struct symvers {
	mf_symvers_visit *visit;
	void *arg;
	/* the lines of a module stand together */
	char file[MF_MODULE_NAME_SIZE], name[MF_MODULE_NAME_SIZE];
};

static int symvers_line(void *arg, char *line)
{
	struct symvers *symvers = arg;
	char *crc = field(&line), *symbol = field(&line), *module = field(&line);

	if (!mf_starts_with(crc, "0x") || !crc[2] || !*symbol)
		return 0;
	if (!*symvers->file || strcmp(module, symvers->file)) {
		symvers->file[0] = '\0';
		if (!mf_module_name(module, symvers->name, sizeof(symvers->name)))
			return 0;
		/* a longer one is compared in vain */
		snprintf(symvers->file, sizeof(symvers->file), "%s", module);
	}
	crc += 2;
	/* the last digit stays, as "0" */
	while (*crc == '0' && crc[1])
		crc++;
	return symvers->visit(symvers->arg, symbol, crc, symvers->name);
}

int mf_symvers_parse(char *text, mf_symvers_visit *visit, void *arg)
{
	struct symvers symvers = { visit, arg };
	int r = 0;

	while (!r && *text) {
		char *line = text, *end = strchrnul(text, '\n');

		text = *end ? end + 1 : end;
		*end = '\0';
		r = symvers_line(&symvers, line);
	}
	return r;
}

static int open_first(const struct mf_context *ctx, char **ret_path)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(places); i++) {
		_cleanup_free_ char *path =
			mf_format("%s%s%s", places[i].prefix, ctx->kernel, places[i].suffix);
		int fd;

		if (!path)
			return -ENOMEM;
		fd = mf_context_open(ctx, path, O_RDONLY);
		if (fd >= 0) {
			*ret_path = MF_STEAL(path);
			return fd;
		}
	}
	return -ENOENT;
}

/* Reads all of FD, inflated if it is compressed; RET_TEXT is the caller's. 0 or -errno. */
static int read_text(int fd, char **ret_text)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ void *inflated = NULL;
	size_t len;
	int r = mf_file_read(fd, SYMVERS_MAX, &text, &len);

	if (!r && mf_inflate_known(text, len))
		r = mf_inflate(text, len, SYMVERS_MAX, &inflated, &len);
	if (r < 0)
		return r;
	*ret_text = inflated ? MF_STEAL(inflated) : MF_STEAL(text);
	return 0;
}

int mf_symvers_text(struct mf_context *ctx, char **ret_text)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = open_first(ctx, &path);
	int r;

	if (fd == -ENOENT)
		return 1;
	if (fd < 0)
		return mf_fail(ctx, MF_STAGE_RESOLVE, fd, "symvers", NULL);
	r = read_text(fd, ret_text);
	return r < 0 ? mf_fail(ctx, MF_STAGE_RESOLVE, r, path, "cannot be read") : 0;
}

/* A compressed file is small, and is read whole. */
static int read_compressed(int fd, mf_symvers_visit *visit, void *arg)
{
	_cleanup_free_ char *text = NULL;
	int r = read_text(fd, &text);

	return r < 0 || !text ? r : mf_symvers_parse(text, visit, arg);
}

int mf_symvers_read(struct mf_context *ctx, mf_symvers_visit *visit, void *arg)
{
	struct symvers symvers = { visit, arg };
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	char magic[8];
	ssize_t n;
	int r;

	fd = open_first(ctx, &path);
	if (fd == -ENOENT)
		return 1;
	if (fd < 0)
		return mf_fail(ctx, MF_STAGE_RESOLVE, fd, "symvers", NULL);
	n = pread(fd, magic, sizeof(magic), 0);
	r = n > 0 && mf_inflate_known(magic, (size_t)n)
		    ? read_compressed(fd, visit, arg)
		    : mf_file_each_line(fd, SYMVERS_MAX, symvers_line, &symvers);
	return r < 0 ? mf_fail(ctx, MF_STAGE_RESOLVE, r, path, "cannot be read") : r;
}
