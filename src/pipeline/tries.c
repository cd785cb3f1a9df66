/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tries of spool entries, in a file with one "NAME N" per line; NAME is the entry's file name.
 *
 * The file is replaced by rename and is in /run beside the spool, so a boot clears both. One process
 * at a time drains the spool and writes here. A line that does not parse counts as no try: a damaged
 * file costs one more crash, but never loses a device.
 */
#include "tries.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"

enum { FILE_MAX = 4 << 20, HEX = MF_SPOOL_NAME - 1 };

static int tries_compare(const void *a, const void *b)
{
	return strncmp(*(const char *const *)a, *(const char *const *)b, HEX);
}

/* Is it "NAME N" with one digit? */
static bool is_line(const char *line)
{
	return strspn(line, "0123456789abcdef") == HEX && line[HEX] == ' ' && line[HEX + 1] > '0' &&
	       line[HEX + 1] <= '9' && !line[HEX + 2];
}

void mf_tries_read(const struct mf_context *ctx, struct mf_spool_entry *entries, size_t n)
{
	_cleanup_close_ int fd = mf_context_open(ctx, MF_TRIES_FILE, O_RDONLY | O_NOFOLLOW);
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ char **lines = NULL;
	size_t len, count = 0;
	char *save = NULL;

	for (size_t i = 0; i < n; i++)
		entries[i].tries = 0;
	if (fd < 0 || mf_file_read(fd, FILE_MAX, &text, &len) < 0)
		return;
	lines = calloc(len / HEX + 1, sizeof(*lines));
	if (!lines)
		return;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (is_line(line))
			lines[count++] = line;
	qsort(lines, count, sizeof(*lines), tries_compare);
	for (size_t i = 0; i < n; i++) {
		const char *name = entries[i].name;
		char **found = bsearch(&name, lines, count, sizeof(*lines), tries_compare);

		if (found)
			entries[i].tries = (unsigned int)((*found)[HEX + 1] - '0');
	}
}

int mf_tries_write(const struct mf_context *ctx, const struct mf_spool_entry *entries, size_t n)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(ctx, "run/modfetch");
	const char *file = strrchr(MF_TRIES_FILE, '/') + 1;
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	FILE *f;

	if (dirfd < 0)
		return dirfd;
	f = open_memstream(&text, &len);
	if (!f)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		if (entries[i].tries)
			fprintf(f, "%s %u\n", entries[i].name,
				entries[i].tries < 9 ? entries[i].tries : 9);
	if (fclose(f))
		return -ENOMEM;
	if (len)
		return mf_file_publish(dirfd, file, 0600, text, len);
	return unlinkat(dirfd, file, 0) < 0 && errno != ENOENT ? -errno : 0;
}
