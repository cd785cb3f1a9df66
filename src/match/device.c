/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads from sysfs the modalias and the driver of one device, and whether it can be unplugged.
 *
 * The modalias is in a file of that name, or (auxiliary, mdio and other buses) only in a line of
 * "uevent". Only regular files are read, each at most a page, and links are not followed: a
 * recorded tree may be untrusted. Nothing but the size is checked here.
 */
#include "modfetch/want.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"

#define ATTRIBUTE_MAX 4096 /* a page: the largest value of a sysfs attribute */
#define MODALIAS_KEY  "MODALIAS="

/* Reads a regular file of at most a page. 0, -ENOENT (also for another kind of file) or -errno. */
static int device_read_attribute(int dirfd, const char *name, char **ret_text)
{
	_cleanup_close_ int fd =
		openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	size_t len;

	if (fd < 0)
		return errno == ELOOP ? -ENOENT : -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? mf_file_read(fd, ATTRIBUTE_MAX, ret_text, &len) : -ENOENT;
}

/* The text after "MODALIAS=" at the beginning of a line, or NULL. */
static char *device_find_modalias(char *uevent)
{
	char *save = NULL;

	for (char *line = strtok_r(uevent, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (mf_starts_with(line, MODALIAS_KEY))
			return line + strlen(MODALIAS_KEY);
	return NULL;
}

int mf_device_modalias(int dirfd, char **ret_modalias)
{
	_cleanup_free_ char *text = NULL;
	char *modalias;
	int r = device_read_attribute(dirfd, "modalias", &text);

	if (!r && text) {
		text[strcspn(text, "\n")] = '\0';
		*ret_modalias = MF_STEAL(text);
		return 0;
	}
	if (r == -ENOENT)
		r = device_read_attribute(dirfd, "uevent", &text);
	if (r < 0)
		return r == -ENOENT ? 1 : r;
	modalias = text ? device_find_modalias(text) : NULL;
	if (!modalias)
		return 1;
	*ret_modalias = strdup(modalias);
	return *ret_modalias ? 0 : -ENOMEM;
}

char *mf_device_driver(const struct mf_context *ctx, const char *syspath)
{
	char target[PATH_MAX];
	_cleanup_close_ int fd = mf_context_open(ctx, syspath, O_PATH | O_DIRECTORY);
	ssize_t len = fd < 0 ? -1 : readlinkat(fd, "driver", target, sizeof(target) - 1);
	const char *slash;

	if (len <= 0)
		return NULL;
	target[len] = '\0';
	slash = strrchr(target, '/');
	return strdup(slash ? slash + 1 : target);
}

/* The value of the nearest "removable" attribute at PATH or above it. */
static enum mf_removable device_find_removable(const struct mf_context *tree, const char *device)
{
	static const struct {
		const char *word;
		enum mf_removable value;
	} words[] = { { "removable", MF_REMOVABLE }, { "fixed", MF_FIXED } };
	_cleanup_free_ char *path = strdup(device);
	char *slash;

	for (; path && (slash = strrchr(path, '/')); *slash = '\0') {
		_cleanup_free_ char *attribute = NULL, *text = NULL;
		_cleanup_close_ int fd = -1;
		size_t len;

		attribute = mf_format("%s/removable", path);
		if (!attribute)
			break;
		fd = mf_context_open(tree, attribute, O_RDONLY);
		if (fd >= 0 && !mf_file_read(fd, 64, &text, &len))
			for (size_t i = 0; i < MF_ARRAY_SIZE(words); i++)
				if (mf_starts_with(text, words[i].word))
					return words[i].value;
	}
	return MF_REMOVABLE_UNKNOWN;
}

int mf_device_describe(const struct mf_context *tree, const char *path, struct mf_want *want)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *modalias = NULL;
	char spelled[MF_MODALIAS_MAX + 1];
	int r;

	want->device = true;
	want->removable = device_find_removable(tree, path);
	if (want->kind == MF_WANT_BAD)
		return 0;
	fd = mf_context_open(tree, path, O_RDONLY | O_DIRECTORY);
	r = fd < 0 ? fd : mf_device_modalias(fd, &modalias);
	if (r == -ENOMEM)
		return r;
	if (r || !*modalias || !mf_modalias_valid(modalias, strlen(modalias)) ||
	    mf_alias_normalize(modalias, spelled, sizeof(spelled)) < 0 ||
	    !strcmp(spelled, want->name))
		return 0;
	want->modalias = strdup(spelled);
	return want->modalias ? 0 : -ENOMEM;
}
