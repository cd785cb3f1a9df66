/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Repeats the requests by name that a boot made before anything could be fetched.
 *
 * There are two sources: the table of the requests of systemd itself, and the administrator's own
 * list, modules-load.d(5). Its files end in .conf; of two files with the same name the one in the
 * earlier directory is used, and a link to /dev/null hides the later ones. A line is a name, unless
 * it is empty or begins with '#' or ';'. Only regular files are read, each up to a size limit: the
 * root may be an untrusted image.
 */
#include "modfetch/want.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/boot-requests.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"

#define LIST_MAX ((size_t)64 << 10)

static const char *const directories[] = { "etc/modules-load.d", "run/modules-load.d",
					   "usr/local/lib/modules-load.d",
					   "usr/lib/modules-load.d" };

static int boot_add_name(struct mf_context *ctx, struct mf_wants *wants, const char *name,
			 const char *source)
{
	struct mf_want want;
	int r;

	if (!mf_modalias_valid(name, strlen(name))) {
		mf_log(ctx, MF_LOG_DEBUG, "event: /%s: a line is not a module name", source);
		return 0;
	}
	r = mf_want_init(ctx, name, NULL, &want);
	if (r < 0)
		return r;
	/* "modprobe -b" and systemd itself apply blacklists to names too */
	want.device = true;
	r = mf_wants_add(wants, &want);
	if (r < 0)
		mf_want_done(&want);
	return r;
}

/* ---- the table ---- */

static int boot_add_table(struct mf_context *ctx, struct mf_wants *wants)
{
	size_t n;
	const struct mf_boot_request *requests = mf_boot_requests(&n);
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++) {
		const struct mf_boot_request *request = &requests[i];

		if (mf_context_exists(ctx, request->asker) &&
		    (!request->needs || mf_context_exists(ctx, request->needs)))
			r = boot_add_name(ctx, wants, request->name, request->asker);
	}
	return r;
}

/* ---- modules-load.d ---- */

static char *boot_read_list(struct mf_context *ctx, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(ctx, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	char *text = NULL;
	size_t len;
	int r = fd < 0 ? fd : fstat(fd, &st) < 0 ? -errno : 0;

	if (!r && !S_ISREG(st.st_mode))
		return NULL;
	if (!r)
		r = mf_file_read(fd, LIST_MAX, &text, &len);
	if (r < 0) {
		mf_log(ctx, MF_LOG_WARNING, "event: /%s: %s; its modules are not asked for", path,
		       strerror(-r));
		return NULL;
	}
	return text;
}

static int boot_add_list(struct mf_context *ctx, struct mf_wants *wants, const char *path)
{
	_cleanup_free_ char *text = boot_read_list(ctx, path);
	char *save = NULL;
	int r = 0;

	for (char *line = text ? strtok_r(text, "\r\n", &save) : NULL; r >= 0 && line;
	     line = strtok_r(NULL, "\r\n", &save)) {
		size_t len;

		line += strspn(line, " \t");
		len = strlen(line);
		while (len && strchr(" \t", line[len - 1]))
			line[--len] = '\0';
		if (len && *line != '#' && *line != ';')
			r = boot_add_name(ctx, wants, line, path);
	}
	return r;
}

static int boot_is_conf(const struct dirent *e)
{
	return e->d_name[0] != '.' && mf_ends_with(e->d_name, ".conf");
}

static int boot_add_directory(struct mf_context *ctx, struct mf_wants *wants, const char *directory,
			      struct mf_strings *seen)
{
	_cleanup_close_ int fd = mf_context_open(ctx, directory, O_RDONLY | O_DIRECTORY);
	struct dirent **names = NULL;
	int n = fd < 0 ? 0 : scandirat(fd, ".", &names, boot_is_conf, alphasort), r = 0;

	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *path = NULL;

		if (r >= 0 && !mf_strings_has(seen, names[i]->d_name)) {
			r = mf_strings_add(seen, names[i]->d_name);
			path = r < 0 ? NULL : mf_format("%s/%s", directory, names[i]->d_name);
			r = path ? boot_add_list(ctx, wants, path) : -ENOMEM;
		}
		free(names[i]);
	}
	free(names);
	return r;
}

int mf_boot_wants(struct mf_context *ctx, struct mf_wants *wants)
{
	_cleanup_(mf_strings_done) struct mf_strings seen = { 0 };
	int r = boot_add_table(ctx, wants);

	for (size_t i = 0; r >= 0 && i < MF_ARRAY_SIZE(directories); i++)
		r = boot_add_directory(ctx, wants, directories[i], &seen);
	return r < 0 ? mf_fail(ctx, MF_STAGE_EVENT, r, "modules-load.d", NULL) : 0;
}
