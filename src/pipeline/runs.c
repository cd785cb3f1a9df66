/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The runs of the last hour, in a file with one decimal number (seconds of CLOCK_BOOTTIME) per
 * line. It limits the number of runs that a device can start by coming and going all day.
 *
 * Attempts are counted, not successes: a failing package costs a download each time, and a crashing
 * run would be repeated forever if runs were counted at their end. So the time is written before
 * the run begins. A line that does not parse, or has a time in the future, is ignored. The file is
 * in /run and replaced by rename; two writers at the same time may lose one run.
 */
#include "modfetch/drain.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"

enum { RUNS_MAX = 1024 };

static uint64_t now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec;
}

/* The times of the runs within the window, oldest first; returns how many. */
static size_t read_runs(const struct mf_context *ctx, uint64_t now, uint64_t runs[RUNS_MAX])
{
	_cleanup_close_ int fd = mf_context_open(ctx, MF_RUNS_FILE, O_RDONLY);
	_cleanup_free_ char *text = NULL;
	char *save = NULL;
	size_t len, n = 0;

	if (fd < 0 || mf_file_read(fd, (size_t)RUNS_MAX * 21, &text, &len) < 0)
		return 0;
	for (char *line = strtok_r(text, "\n", &save); line && n < RUNS_MAX;
	     line = strtok_r(NULL, "\n", &save)) {
		char *end;
		uint64_t at = strtoull(line, &end, 10);

		if (end != line && !*end && at <= now && now - at < MF_RUNS_WINDOW)
			runs[n++] = at;
	}
	return n;
}

static int write_runs(const struct mf_context *ctx, const uint64_t *runs, size_t n)
{
	_cleanup_close_ int dir = mf_context_mkdir(ctx, "run/modfetch");
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		fprintf(f, "%" PRIu64 "\n", runs[i]);
	if (fclose(f))
		return -ENOMEM;
	return dir < 0 ? dir : mf_file_publish(dir, "runs", 0600, text, len);
}

int mf_runs_count(const struct mf_context *ctx, uint64_t *ret_at)
{
	uint64_t now = now_s(), runs[RUNS_MAX + 1];
	size_t n = read_runs(ctx, now, runs), first = n == RUNS_MAX;

	runs[n++] = now;
	if (ret_at)
		*ret_at = now;
	return write_runs(ctx, runs + first, n - first);
}

int mf_runs_uncount(const struct mf_context *ctx, uint64_t at)
{
	uint64_t runs[RUNS_MAX];
	size_t n = read_runs(ctx, now_s(), runs), i = n;

	while (i && runs[i - 1] != at)
		i--;
	if (!i)
		return 0;
	memmove(&runs[i - 1], &runs[i], (n - i) * sizeof(*runs));
	return write_runs(ctx, runs, n - 1);
}

unsigned int mf_runs_wait(const struct mf_context *ctx, unsigned int max)
{
	uint64_t now = now_s(), runs[RUNS_MAX];
	size_t n = read_runs(ctx, now, runs);

	if (n < max || !max)
		return 0;
	return (unsigned int)(runs[n - max] + MF_RUNS_WINDOW - now);
}

bool mf_runs_kernel_allowed(const struct mf_context *ctx)
{
	return !mf_runs_wait(ctx, (ctx->settings.max_transactions + 1) / 2);
}
