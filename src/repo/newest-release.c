/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which kernels a cache has packages for.
 *
 * The packages of each kernel are in a file of their own, whose name has the tag of the kernel. Only
 * kernels of one flavor are compared, in the order of their versions.
 */
#include "newest-release.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cache-names.h"
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"

/* "packages-amd64-6.1.0_57.solv" as a release of this flavor, "6.1.0-57-amd64". NULL: of none. */
static char *release_of(const struct mf_release *release, const char *file)
{
	static const char prefix[] = MF_CACHE_PACKAGES "-", suffix[] = ".solv";
	size_t flavor = strlen(release->flavor);
	char *name;

	if (!mf_starts_with(file, prefix) || !mf_ends_with(file, suffix))
		return NULL;
	file += strlen(prefix);
	if (strncmp(file, release->flavor, flavor) || file[flavor] != '-' ||
	    strchr(file + flavor + 1, '-'))
		return NULL;
	file += flavor + 1;
	name = mf_format("%.*s-%s", (int)(strlen(file) - strlen(suffix)), file, release->flavor);
	for (char *p = name; p && *p; p++)
		if (*p == '_')
			*p = '-';
	return name;
}

char *repo_newest_release(int dirfd, const struct mf_release *release)
{
	struct dirent **names = NULL;
	char *newest = NULL;
	int n = scandirat(dirfd, ".", &names, NULL, versionsort);

	for (int i = 0; i < n; i++) {
		char *one = release_of(release, names[i]->d_name);

		if (one) {
			free(newest);
			newest = one;
		}
		free(names[i]);
	}
	free(names);
	return newest;
}
