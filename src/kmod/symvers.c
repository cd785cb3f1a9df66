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

/* Returns the field at *TEXT, which ends at a tab or at the end of the line, and skips it. */
static char *field(char **text)
{
	char *start = *text;

	*text += strcspn(*text, "\t\n");
	if (**text == '\t')
		*(*text)++ = '\0';
	return start;
}

int mf_symvers_parse(char *text, mf_symvers_visit *visit, void *arg)
{
	int r = 0;

	while (!r && *text) {
		char *line = text, *end = text + strcspn(text, "\n");
		char *crc, *symbol, *module, name[MF_MODULE_NAME_SIZE];

		text = *end ? end + 1 : end;
		*end = '\0';
		crc = field(&line);
		symbol = field(&line);
		module = field(&line);
		if (!mf_starts_with(crc, "0x") || !*symbol ||
		    !mf_module_name(module, name, sizeof(name)))
			continue;
		crc += 2;
		crc += strspn(crc, "0");
		r = visit(arg, symbol, *crc ? crc : "0", name);
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

int mf_symvers_read(struct mf_context *ctx, mf_symvers_visit *visit, void *arg)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	_cleanup_close_ int fd = -1, plain = -1;
	size_t len;
	int r;

	fd = open_first(ctx, &path);
	if (fd == -ENOENT)
		return 1;
	if (fd < 0)
		return mf_fail(ctx, MF_STAGE_RESOLVE, fd, "symvers", NULL);
	plain = mf_inflate_fd(fd, SYMVERS_MAX);
	r = plain < 0 ? plain : mf_file_read(plain, SYMVERS_MAX, &text, &len);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_RESOLVE, r, path, "cannot be read");
	return mf_symvers_parse(text, visit, arg);
}
