/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds and parses a kernel's symbol versions. The places are those of SUSE (in the directory of
 * the modules), of Fedora and RHEL (/boot), and of Debian's header packages, in this order; the
 * first file that exists is used and trusted, since only root can write it.
 */
#include "modfetch/symvers.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
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

/* Returns the field at *LINE, and skips it and the tab that ends it. */
static char *field(char **line)
{
	char *start = *line, *tab = strchr(start, '\t');

	*line = tab ? tab + 1 : start + strlen(start);
	if (tab)
		*tab = '\0';
	return start;
}

/* The module of the last line: most lines have the module of the line before. */
struct last_module {
	const char *path; /* NULL: none */
	bool valid;
	char name[MF_MODULE_NAME_SIZE];
};

static const char *name_of(struct last_module *last, const char *path)
{
	if (!last->path || strcmp(last->path, path) != 0) {
		last->path = path;
		last->valid = mf_module_name(path, last->name, sizeof(last->name));
	}
	return last->valid ? last->name : NULL;
}

int mf_symvers_parse(char *text, mf_symvers_visit *visit, void *arg)
{
	struct last_module last = { 0 };
	int r = 0;

	while (!r && *text) {
		char *line = text, *end = strchrnul(text, '\n');
		const char *crc, *symbol, *name;

		text = *end ? end + 1 : end;
		*end = '\0';
		crc = field(&line);
		symbol = field(&line);
		name = name_of(&last, field(&line));
		if (!mf_starts_with(crc, "0x") || !crc[2] || !*symbol || !name)
			continue;
		crc += 2;
		/* the last digit stays, as "0" */
		while (*crc == '0' && crc[1])
			crc++;
		r = visit(arg, symbol, crc, name);
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

int mf_symvers_text(struct mf_context *ctx, char **ret_text)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	_cleanup_free_ void *inflated = NULL;
	_cleanup_close_ int fd = -1;
	size_t len;
	int r;

	fd = open_first(ctx, &path);
	if (fd == -ENOENT)
		return 1;
	if (fd < 0)
		return mf_fail(ctx, MF_STAGE_RESOLVE, fd, "symvers", NULL);
	r = mf_file_read(fd, SYMVERS_MAX, &text, &len);
	if (!r && mf_inflate_known(text, len))
		r = mf_inflate(text, len, SYMVERS_MAX, &inflated, &len);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_RESOLVE, r, path, "cannot be read");
	if (inflated) {
		free(text);
		text = MF_STEAL(inflated);
	}
	*ret_text = MF_STEAL(text);
	return 0;
}

int mf_symvers_read(struct mf_context *ctx, mf_symvers_visit *visit, void *arg)
{
	_cleanup_free_ char *text = NULL;
	int r = mf_symvers_text(ctx, &text);

	return text ? mf_symvers_parse(text, visit, arg) : r;
}
