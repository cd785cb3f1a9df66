/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a package with the source of a driver may contain: NAME-kmod-source of version VERSION has
 * regular files and directories below /usr/src/NAME-VERSION and nothing else; no links, and no
 * scriptlets whatever its repository may have. No other package has files there.
 *
 * Such files are never run by root: the builder's box reads them. The name of the directory is
 * bound to name and version of the package, so that a package of one driver does not replace the
 * source of another one, or the headers of a kernel, which are in /usr/src too.
 */
#include "confine-source.h"
#include <string.h>
#include <sys/stat.h>
#include "modfetch/strings.h"

#define ENDING	"-kmod-source"
#define SOURCES "/usr/src/"

bool mf_confine_is_source(const char *package)
{
	return strlen(package) > strlen(ENDING) && mf_ends_with(package, ENDING);
}

/* The length of "/usr/src/NAME-VERSION" if PATH begins with it, else 0. */
static size_t source_directory(const struct mf_rpm_header *header, const char *package,
			       const char *path)
{
	size_t name = strlen(package) - strlen(ENDING), len;
	const char *version = header->evr ? header->evr : "", *colon = strchr(version, ':');
	const char *p = path + strlen(SOURCES);

	version = colon ? colon + 1 : version;
	len = strcspn(version, "-");
	if (!len || !mf_starts_with(path, SOURCES) || strncmp(p, package, name) != 0 ||
	    p[name] != '-' || strncmp(p + name + 1, version, len) != 0)
		return 0;
	p += name + 1 + len;
	return *p == '\0' || *p == '/' ? (size_t)(p - path) : 0;
}

const char *mf_confine_source(const struct mf_rpm_header *header, const char *package,
			      const struct mf_rpm_file *file)
{
	size_t len = source_directory(header, package, file->path);

	if (!S_ISREG(file->mode) && !S_ISDIR(file->mode))
		return "a package with a source has files and directories only";
	if (!len)
		return "a package NAME-kmod-source has its files below /usr/src/NAME-VERSION only";
	if (S_ISREG(file->mode) && !file->path[len])
		return "the source is not a directory";
	return NULL;
}
