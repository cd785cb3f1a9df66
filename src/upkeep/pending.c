/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernels that wait for their drivers.
 *
 * A kernel is added before the work for it begins, and removed when the work is done: so it stays if
 * the run is killed. The file is replaced as a whole and synced. A line that is no entry is dropped
 * with the next change: the worst that its loss costs is one attempt.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/release.h"
#include "modfetch/upkeep.h"

#define DIRECTORY "var/lib/modfetch"
#define NAME	  "kernels-pending"
#define FILE_MAX  ((size_t)64 << 10)
#define CODE_MAX  32

static int pending_fail(struct mf_context *ctx, int r)
{
	return mf_fail(ctx, MF_STAGE_KERNEL, r, "/" MF_KERNELS_PENDING_FILE, NULL);
}

static bool is_release(const char *kernel)
{
	struct mf_release release;

	return *kernel != '.' && strlen(kernel) < MF_RELEASE_MAX && !strchr(kernel, '/') &&
	       (mf_is_plain_name(kernel) || mf_release_parse(kernel, NULL, &release) == 0);
}

/* Adds the entry of a line, unless it is none. 0 or -ENOMEM. */
static int pending_parse(char *line, struct mf_strings *kernels, struct mf_strings *codes)
{
	char *code = strchr(line, ' ');
	int r;

	if (!code)
		return 0;
	*code++ = '\0';
	if (!is_release(line) || !mf_is_word(code, strlen(code)) || strlen(code) > CODE_MAX ||
	    mf_strings_has(kernels, line))
		return 0;
	r = mf_strings_add(kernels, line);
	return r < 0 ? r : mf_strings_add(codes, code);
}

int mf_kernels_pending_read(struct mf_context *ctx, struct mf_strings *ret_kernels,
			    struct mf_strings *ret_codes)
{
	_cleanup_(mf_strings_done) struct mf_strings kernels = { 0 }, codes = { 0 };
	_cleanup_close_ int fd =
		mf_context_open(ctx, MF_KERNELS_PENDING_FILE, O_RDONLY | O_NOFOLLOW);
	_cleanup_free_ char *text = NULL;
	char *save = NULL;
	size_t len;
	int r = fd < 0 ? fd : mf_file_read(fd, FILE_MAX, &text, &len);

	if (r == -ENOENT)
		return 0;
	for (char *line = r < 0 ? NULL : strtok_r(text, "\n", &save); r >= 0 && line;
	     line = strtok_r(NULL, "\n", &save))
		r = pending_parse(line, &kernels, &codes);
	if (r < 0)
		return pending_fail(ctx, r);
	*ret_kernels = kernels;
	*ret_codes = codes;
	kernels = codes = (struct mf_strings){ 0 };
	return 0;
}

int mf_kernels_pending_set(struct mf_context *ctx, const char *kernel, const char *code)
{
	_cleanup_(mf_strings_done) struct mf_strings kernels = { 0 }, codes = { 0 };
	_cleanup_close_ int dirfd = -1;
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	FILE *f;
	int r = mf_kernels_pending_read(ctx, &kernels, &codes);

	if (r < 0 || (!code && !mf_strings_has(&kernels, kernel)))
		return r;
	f = open_memstream(&text, &len);
	if (!f)
		return pending_fail(ctx, -ENOMEM);
	for (size_t i = 0; i < kernels.n; i++)
		if (strcmp(kernels.v[i], kernel) != 0)
			fprintf(f, "%s %s\n", kernels.v[i], codes.v[i]);
	if (code)
		fprintf(f, "%s %s\n", kernel, code);
	if (fclose(f))
		return pending_fail(ctx, -ENOMEM);
	dirfd = mf_context_mkdir(ctx, DIRECTORY);
	r = dirfd < 0 ? dirfd : mf_file_publish(dirfd, NAME, 0644, text, len);
	return r < 0 ? pending_fail(ctx, r) : 0;
}
