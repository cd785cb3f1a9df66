/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Links and attributes of sysfs, below the root of the context.
 *
 * sysfs names each device by one directory below sys/devices, and has relative links from all other
 * places. A path here has no links: a link is read as text, and its text is applied to the path of
 * its directory. So a path can be cut at a slash to get the device above, and a link in a copied
 * sysfs cannot leave it.
 */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "needs.h"

#define SYSFS_ATTRIBUTE_MAX 4096

/* Applies the components of TARGET to PATH, which has room for them. False: it leaves sysfs. */
static bool sysfs_apply(char *path, char *target)
{
	char *save = NULL;

	if (*target == '/')
		return false;
	for (char *part = strtok_r(target, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
		char *slash = strrchr(path, '/');

		if (!strcmp(part, ".."))
			*(slash ? slash : path) = '\0';
		else if (strcmp(part, ".") != 0)
			strcat(strcat(path, "/"), part);
	}
	return mf_starts_with(path, "sys/");
}

char *mf_sysfs_follow(const struct mf_context *ctx, const char *directory, const char *link)
{
	_cleanup_close_ int fd = mf_context_open(ctx, directory, O_PATH | O_DIRECTORY);
	_cleanup_free_ char *path = NULL;
	char target[PATH_MAX];
	ssize_t len = fd < 0 ? -1 : readlinkat(fd, link, target, sizeof(target) - 1);

	if (len <= 0)
		return NULL;
	target[len] = '\0';
	path = malloc(strlen(directory) + (size_t)len + 2);
	if (!path)
		return NULL;
	strcpy(path, directory);
	return sysfs_apply(path, target) ? MF_STEAL(path) : NULL;
}

char *mf_sysfs_read(const struct mf_context *ctx, const char *directory, const char *attribute)
{
	_cleanup_free_ char *path = mf_format("%s/%s", directory, attribute);
	_cleanup_close_ int fd = path ? mf_context_open(ctx, path, O_RDONLY) : -1;
	char *text = NULL;
	size_t len;

	if (fd < 0 || mf_file_read(fd, SYSFS_ATTRIBUTE_MAX, &text, &len) < 0)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return text;
}
