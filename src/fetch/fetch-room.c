/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checks that memory and descriptors suffice for the downloads of a run.
 *
 * Each package is a sealed memory file with a descriptor of its own until it is installed, so that
 * the verified bytes are the installed ones. A plan that needs more descriptors or memory than
 * available is refused before any download, instead of failing half-way.
 */
#include "fetch-private.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"

#define RESERVED_FILES 128 /* more than the rest of a run has open at a time */

/* Each file uses a descriptor until it is installed; the usual limit is 1,024. */
static int raise_file_limit(struct mf_context *ctx, size_t n)
{
	struct rlimit now, more;
	rlim_t need = n + RESERVED_FILES;

	if (getrlimit(RLIMIT_NOFILE, &now) < 0 || now.rlim_cur >= need)
		return 0;
	more = (struct rlimit){ need, now.rlim_max > need ? now.rlim_max : need };
	if (!setrlimit(RLIMIT_NOFILE, &more))
		return 0;
	return mf_fail(ctx, MF_STAGE_FETCH, -EMFILE, "downloads",
		       "%zu files at once need %llu open files, %llu are allowed: raise the limit "
		       "(ulimit -n, LimitNOFILE=), or install fewer at a time",
		       n, (unsigned long long)need, (unsigned long long)now.rlim_max);
}

/* MemAvailable of /proc/meminfo in bytes, or UINT64_MAX if unknown. */
static uint64_t memory_available(void)
{
	_cleanup_free_ char *text = NULL;
	unsigned long long kb;
	const char *line;
	size_t len;

	if (mf_file_read_at(AT_FDCWD, "/proc/meminfo", 65536, &text, &len) < 0)
		return UINT64_MAX;
	line = strstr(text, "MemAvailable:");
	return line && sscanf(line, "MemAvailable: %llu kB", &kb) == 1 ? kb << 10 : UINT64_MAX;
}

/*
 * The files stay in sealed memory until they are installed, so that nothing can change them before:
 * they may use half of the memory of the machine, and no more than is available.
 */
static int check_memory(struct mf_context *ctx, size_t n, uint64_t total)
{
	uint64_t available = memory_available(), half = UINT64_MAX;
	struct sysinfo info;

	if (!sysinfo(&info))
		half = (uint64_t)info.totalram * info.mem_unit / 2;
	if (half < available)
		available = half;
	if (total <= available)
		return 0;
	return mf_fail(
		ctx, MF_STAGE_FETCH, -ENOMEM, "downloads",
		"%zu files of %llu MB are kept in memory until they are installed, but %llu MB "
		"are available: install fewer at a time",
		n, (unsigned long long)total >> 20, (unsigned long long)available >> 20);
}

int fetch_room(struct mf_context *ctx, size_t n, uint64_t total)
{
	int r = raise_file_limit(ctx, n);

	return r < 0 ? r : check_memory(ctx, n, total);
}
