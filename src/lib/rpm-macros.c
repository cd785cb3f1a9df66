/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The value of one macro in rpm's configuration files, without librpm.
 *
 * librpm reads the files of the machine that it runs on; of a system below --root only its own files
 * tell where its database is. They are read in rpm's order, and the last line "%NAME VALUE" counts:
 *	/usr/lib/rpm/macros, macros.d/macros.*, VENDOR/macros, /etc/rpm/macros.*, /etc/rpm/macros
 * A value is used if it is a path made of words and of the directories in the table below. One that runs
 * a program, as Debian's does for the database of a user, is no answer.
 */
#include "rpm-macros.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"

#define MACROS_MAX (1U << 20)

struct search {
	const struct mf_context *ctx;
	const char *name; /* "%_dbpath" */
	char *value;	  /* of the last line so far, or NULL */
};

/* Directories, as every distribution has them. */
static const struct {
	const char *macro, *path;
} directories[] = {
	{ "%{_localstatedir}", "/var" }, { "%{_sysconfdir}", "/etc" }, { "%{_prefix}", "/usr" },
	{ "%{_var}", "/var" },		 { "%{_usr}", "/usr" },
};

/* The path that a value means, in new memory. NULL: it has another macro, or is no absolute path. */
static char *expand(const char *value)
{
	_cleanup_free_ char *out = NULL;
	size_t room = 0;
	FILE *f = open_memstream(&out, &room);

	if (!f)
		return NULL;
	while (*value) {
		size_t i = 0;

		while (i < MF_ARRAY_SIZE(directories) &&
		       !mf_starts_with(value, directories[i].macro))
			i++;
		if (i == MF_ARRAY_SIZE(directories)) {
			fputc(*value++, f);
			continue;
		}
		fputs(directories[i].path, f);
		value += strlen(directories[i].macro);
	}
	if (fclose(f) || *out != '/' || strpbrk(out, "% \t") || strstr(out, "/../"))
		return NULL;
	return MF_STEAL(out);
}

static int macros_on_line(void *arg, char *line)
{
	struct search *s = arg;
	size_t len = strlen(s->name);
	char *end = line + strlen(line);

	if (strncmp(line, s->name, len) || (line[len] != ' ' && line[len] != '\t'))
		return 0;
	while (end > line && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	line += len + strspn(line + len, " \t");
	free(s->value);
	/* without memory it is not known, as if no file had it */
	s->value = strdup(line);
	return 0;
}

/* A file that is missing, or cannot be read, defines nothing. */
static void read_macros(struct search *s, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(s->ctx, path, O_RDONLY);

	if (fd >= 0)
		(void)mf_file_each_line(fd, MACROS_MAX, macros_on_line, s);
}

static int only_macros(const struct dirent *entry)
{
	const char *name = entry->d_name;

	/* as rpm leaves out what package managers and editors put beside a file */
	return mf_starts_with(name, "macros.") && !mf_ends_with(name, "~") &&
	       !mf_ends_with(name, ".rpmnew") && !mf_ends_with(name, ".rpmsave") &&
	       !mf_ends_with(name, ".rpmorig");
}

static int only_directories(const struct dirent *entry)
{
	return *entry->d_name != '.' && strcmp(entry->d_name, "macros.d") != 0;
}

/* Reads the files that FILTER takes of a directory, or below each entry the file AFTER ("/macros"). */
static void read_directory(struct search *s, const char *directory,
			   int (*filter)(const struct dirent *entry), const char *after)
{
	_cleanup_close_ int dirfd = mf_context_open(s->ctx, directory, O_RDONLY | O_DIRECTORY);
	struct dirent **entries;
	int n = dirfd < 0 ? -1 : scandirat(dirfd, ".", &entries, filter, alphasort);

	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *path =
			mf_format("%s/%s%s", directory, entries[i]->d_name, after);

		if (path)
			read_macros(s, path);
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

char *mf_rpm_macro_path(const struct mf_context *ctx, const char *name)
{
	_cleanup_free_ char *line_name = mf_format("%%%s", name), *value = NULL;
	struct search s = { .ctx = ctx, .name = line_name };

	if (!line_name)
		return NULL;
	read_macros(&s, "/usr/lib/rpm/macros");
	read_directory(&s, "/usr/lib/rpm/macros.d", only_macros, "");
	read_directory(&s, "/usr/lib/rpm", only_directories, "/macros");
	read_directory(&s, "/etc/rpm", only_macros, "");
	read_macros(&s, "/etc/rpm/macros");
	value = s.value;
	return value ? expand(value) : NULL;
}
