/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The history file /var/lib/modfetch/history: one JSON object per line, appended. It grows by some
 * hundred bytes per run; beyond 4 MiB the older half is dropped, in whole lines, so that years of
 * replugged devices do not fill the disk. Readers skip a line that is not JSON. A record's id is one
 * more than that of the record before it, so that it stays the same when older ones are dropped.
 */
#include "modfetch/history.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"

#define DIRECTORY "var/lib/modfetch"
#define NAME	  "history"
#define MAX	  ((size_t)4 << 20)

static int drop_older_half(int dirfd)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	const char *half;
	int r = mf_file_read_at(dirfd, NAME, 4 * MAX, &text, &len);

	if (r < 0)
		return r;
	half = strchr(text + len / 2, '\n');
	return half ? mf_file_publish(dirfd, NAME, 0644, half + 1, len - (size_t)(half + 1 - text))
		    : 0;
}

/* A power cut may have left half a line; the next one must not be appended to it. */
static bool is_torn(int fd, off_t size)
{
	char last;

	return size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}

static int history_append(int dirfd, const char *line)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	ssize_t put;
	size_t len = strlen(line);
	int r;

	if (!fstatat(dirfd, NAME, &st, 0) && st.st_size > (off_t)MAX) {
		r = drop_older_half(dirfd);
		if (r < 0)
			return r;
	}
	fd = openat(dirfd, NAME, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (is_torn(fd, st.st_size) && write(fd, "\n", 1) != 1)
		return -errno;
	put = write(fd, line, len);
	if (put == (ssize_t)len && !fdatasync(fd))
		return 0;
	r = put < 0 || put == (ssize_t)len ? -errno : -ENOSPC;
	/* half a line is worse than none */
	(void)!ftruncate(fd, st.st_size);
	return r;
}

/* ---- ids ---- */

#define TAIL ((off_t)64 << 10)

/* The id of the last line of TEXT that is a record with one; 0: none. */
static int64_t last_id_in(char *text)
{
	int64_t id = 0;

	while (!id && *text) {
		char *newline = strrchr(text, '\n'), *line = newline ? newline + 1 : text;
		struct mf_json *record = mf_json_parse(line);

		id = record ? mf_json_get_int(record, "id") : 0;
		mf_json_free(record);
		*(newline ? newline : text) = '\0';
	}
	return id;
}

/* The id of the last record; 0: there is none. A record may be longer than a tail: then reads more. */
static int history_last_id(int dirfd, int64_t *ret_id)
{
	_cleanup_close_ int fd = openat(dirfd, NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	*ret_id = 0;
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	for (off_t len = TAIL;; len *= 8) {
		off_t from = st.st_size > len ? st.st_size - len : 0;
		size_t size = (size_t)(st.st_size - from);
		_cleanup_free_ char *text = malloc(size + 1);
		ssize_t got = text ? pread(fd, text, size, from) : -1;

		if (got < 0)
			return text ? -errno : -ENOMEM;
		text[got] = '\0';
		*ret_id = last_id_in(text);
		if (*ret_id || !from)
			return 0;
	}
}

int mf_history_add(struct mf_context *ctx, struct mf_json *record, int64_t *ret_id)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(ctx, DIRECTORY);
	_cleanup_free_ char *line = NULL;
	int64_t id = 0;
	int r = dirfd < 0 ? dirfd : history_last_id(dirfd, &id);

	if (!r) {
		*ret_id = id + 1;
		mf_json_set_int(record, "id", *ret_id);
		line = mf_format("%s\n", mf_json_text(record, false));
		r = line ? history_append(dirfd, line) : -ENOMEM;
	}
	return r < 0 ? mf_fail(ctx, MF_STAGE_HISTORY, r, "/" DIRECTORY "/" NAME, NULL) : 0;
}

struct finding {
	int64_t id;
	char *text;
};

static int history_on_record(void *arg, struct mf_json *record)
{
	struct finding *f = arg;

	if (mf_json_get_int(record, "id") != f->id)
		return 0;
	f->text = strdup(mf_json_text(record, false));
	return f->text ? 1 : -ENOMEM;
}

int mf_history_find(struct mf_context *ctx, int64_t id, struct mf_json **ret_record)
{
	struct finding f = { .id = id };
	int r = mf_history_read(ctx, history_on_record, &f);

	if (r < 0)
		return r;
	*ret_record = f.text ? mf_json_parse(f.text) : NULL;
	free(f.text);
	return *ret_record ? 0
			   : mf_fail(ctx, MF_STAGE_HISTORY, -MFE_NOT_FOUND, "history",
				     "there is no run %" PRId64 "; see: modfetch history", id);
}

int mf_history_read(struct mf_context *ctx, mf_history_visit *visit, void *arg)
{
	_cleanup_close_ int fd = mf_context_open(ctx, DIRECTORY "/" NAME, O_RDONLY);
	_cleanup_free_ char *text = NULL;
	char *save = NULL;
	size_t len;
	int r;

	if (fd == -ENOENT)
		return 0;
	r = fd < 0 ? fd : mf_file_read(fd, 4 * MAX, &text, &len);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_HISTORY, r, "/" DIRECTORY "/" NAME, NULL);
	for (char *line = strtok_r(text, "\n", &save); !r && line;
	     line = strtok_r(NULL, "\n", &save)) {
		struct mf_json *record = mf_json_parse(line);

		if (record)
			r = visit(arg, record);
		mf_json_free(record);
	}
	return r;
}
