/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The names whose fetch failed, in a file with one "SECONDS NAME" per line: CLOCK_BOOTTIME, and the
 * name as kmod spells it. The file is replaced by rename and is in /run, so that a reboot clears
 * it. Two concurrent writers may lose one name, which costs one more attempt. Invalid lines are
 * dropped.
 */
#include "modfetch/spool.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"

enum { NAME_BYTES = 256, LINE_BYTES = NAME_BYTES + 24 };

struct failed {
	uint64_t at; /* seconds */
	char name[NAME_BYTES];
};

static uint64_t boot_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec;
}

static bool normalize(const char *name, char ret_name[NAME_BYTES])
{
	size_t len = strlen(name);

	return len && len < NAME_BYTES && mf_modalias_valid(name, len) && !strpbrk(name, " \t\n") &&
	       mf_alias_normalize(name, ret_name, NAME_BYTES) >= 0;
}

static bool failed_parse_line(const char *line, uint64_t now, struct failed *ret)
{
	char *end;

	if (*line < '0' || *line > '9')
		return false;
	errno = 0;
	ret->at = strtoull(line, &end, 10);
	return !errno && *end == ' ' && ret->at <= now && now - ret->at < MF_FAILED_SECONDS &&
	       normalize(end + 1, ret->name);
}

/* Reads the names that have not expired, oldest first. Returns their number. */
static size_t failed_read_all(const struct mf_context *ctx, uint64_t now, struct failed *ret)
{
	_cleanup_close_ int fd = mf_context_open(ctx, MF_FAILED_FILE, O_RDONLY | O_NOFOLLOW);
	_cleanup_free_ char *text = NULL;
	char *save = NULL;
	size_t len, n = 0;

	if (fd < 0 || mf_file_read(fd, (size_t)MF_FAILED_NAMES * LINE_BYTES, &text, &len) < 0)
		return 0;
	for (char *line = strtok_r(text, "\n", &save); line && n < MF_FAILED_NAMES;
	     line = strtok_r(NULL, "\n", &save))
		n += failed_parse_line(line, now, &ret[n]);
	return n;
}

bool mf_failed_recently(const struct mf_context *ctx, const char *name)
{
	_cleanup_free_ struct failed *all = calloc(MF_FAILED_NAMES, sizeof(*all));
	char spelled[NAME_BYTES];
	size_t n = all && normalize(name, spelled) ? failed_read_all(ctx, boot_seconds(), all) : 0;

	for (size_t i = 0; i < n; i++)
		if (!strcmp(all[i].name, spelled))
			return true;
	return false;
}

int mf_failed_note(const struct mf_context *ctx, const char *name)
{
	_cleanup_free_ struct failed *all = calloc(MF_FAILED_NAMES, sizeof(*all));
	_cleanup_close_ int dirfd = mf_context_mkdir(ctx, "run/modfetch");
	_cleanup_free_ char *text = NULL;
	char spelled[NAME_BYTES];
	uint64_t now = boot_seconds();
	size_t len = 0, kept = 0, n;
	FILE *f;

	if (!all || dirfd < 0)
		return all ? dirfd : -ENOMEM;
	if (!normalize(name, spelled))
		return -EINVAL;
	n = failed_read_all(ctx, now, all);
	for (size_t i = 0; i < n; i++)
		if (strcmp(all[i].name, spelled) != 0)
			all[kept++] = all[i];
	f = open_memstream(&text, &len);
	if (!f)
		return -ENOMEM;
	for (size_t i = kept == MF_FAILED_NAMES; i < kept; i++)
		fprintf(f, "%" PRIu64 " %s\n", all[i].at, all[i].name);
	fprintf(f, "%" PRIu64 " %s\n", now, spelled);
	if (fclose(f))
		return -ENOMEM;
	return mf_file_publish(dirfd, strrchr(MF_FAILED_FILE, '/') + 1, 0600, text, len);
}
