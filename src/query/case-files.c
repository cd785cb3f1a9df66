/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The configuration in a case: modprobe.d and policy.d without comments, the blacklists of the
 * kernel command line, and for each device that a query names its modalias and whether it is
 * removable.
 *
 * The rest of the command line and all other files are private and left out. A file that cannot be
 * read is left out too: the run could not read it either.
 */
#include "case-files.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/libkmod.h"
#include "modfetch/rules.h"
#include "modfetch/strings.h"

#define FILE_MAX ((size_t)1 << 20)

static const char *const directories[] = { "etc/modprobe.d",	       "run/modprobe.d",
					   "usr/local/lib/modprobe.d", "usr/lib/modprobe.d",
					   "lib/modprobe.d",	       MF_RULES_DIRECTORY };

/*
 * Writes the lines that are neither empty nor comments, indented under one heading. Modifies TEXT.
 */
static void case_files_put(FILE *out, const char *path, char *text)
{
	bool heading = false;
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		line += strspn(line, " \t");
		if (!*line || *line == '#')
			continue;
		if (!heading)
			fprintf(out, "file %s\n", path);
		heading = true;
		fprintf(out, "  %s\n", line);
	}
}

/*
 * Lookups read neither of our two files of modprobe.d: the stubs follow from the rest of the case,
 * and the other is for udev only.
 */
static int case_files_is_config(const struct dirent *e)
{
	return mf_ends_with(e->d_name, ".conf") && strcmp(e->d_name, MF_STUBS_FILE) &&
	       strcmp(e->d_name, MF_PENDING_LOADS_FILE);
}

static int put_directory(struct mf_context *ctx, const char *directory, FILE *out)
{
	_cleanup_close_ int dirfd = mf_context_open(ctx, directory, O_RDONLY | O_DIRECTORY);
	struct dirent **names = NULL;
	int n = dirfd < 0 ? 0 : scandirat(dirfd, ".", &names, case_files_is_config, alphasort),
	    r = 0;

	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *path = NULL, *text = NULL;
		size_t len;

		path = mf_format("%s/%s", directory, names[i]->d_name);
		if (!path)
			r = -ENOMEM;
		else if (!mf_file_read_at(dirfd, names[i]->d_name, FILE_MAX, &text, &len)) {
			case_files_put(out, path, text);
		}
		free(names[i]);
	}
	free(names);
	return r;
}

static char *case_files_read_file(struct mf_context *ctx, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(ctx, path, O_RDONLY);
	char *text = NULL;
	size_t len;

	return fd >= 0 && !mf_file_read(fd, FILE_MAX, &text, &len) ? text : NULL;
}

static void case_files_put_kernel(struct mf_context *ctx, FILE *out)
{
	_cleanup_free_ char *disabled =
		case_files_read_file(ctx, "proc/sys/kernel/modules_disabled");
	_cleanup_free_ char *line = case_files_read_file(ctx, "proc/cmdline");
	bool heading = false;
	char *save = NULL;

	if (disabled && *disabled == '1')
		case_files_put(out, "proc/sys/kernel/modules_disabled", disabled);
	for (char *word = line ? strtok_r(line, " \t\n", &save) : NULL; word;
	     word = strtok_r(NULL, " \t\n", &save)) {
		if (!strstr(word, "blacklist="))
			continue;
		fprintf(out, "%s%s", heading ? " " : "file proc/cmdline\n  ", word);
		heading = true;
	}
	if (heading)
		fputc('\n', out);
}

/* Writes a device's modalias, and "removable" of it and of all its parents. */
static int put_device(struct mf_context *ctx, const char *syspath, FILE *out)
{
	_cleanup_free_ char *directory = strdup(syspath + 1);
	const char *name = "modalias";
	char *slash;

	while (directory && (slash = strrchr(directory, '/'))) {
		_cleanup_free_ char *path = NULL, *text = NULL;

		path = mf_format("%s/%s", directory, name);
		if (!path)
			return -ENOMEM;
		text = case_files_read_file(ctx, path);
		if (text)
			case_files_put(out, path, text);
		if (strcmp(name, "removable"))
			name = "removable";
		else
			*slash = '\0';
	}
	return directory ? 0 : -ENOMEM;
}

int mf_case_files(struct mf_context *ctx, const struct mf_run *run, FILE *out)
{
	int r = 0;

	for (size_t i = 0; !r && i < MF_ARRAY_SIZE(directories); i++)
		r = put_directory(ctx, directories[i], out);
	case_files_put_kernel(ctx, out);
	for (size_t i = 0; !r && i < run->wants.n; i++)
		if (run->wants.v[i].syspath)
			r = put_device(ctx, run->wants.v[i].syspath, out);
	return r;
}
