/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files of packages that dpkg installed, from its database, which is text:
 *	/var/lib/dpkg/info/NAME.list	the absolute path of each file and directory, one on a line
 *	/var/lib/dpkg/info/NAME.md5sums	"MD5  PATH", without the leading slash; not for conffiles
 *	/var/lib/dpkg/diversions	three lines each: path, where it is now, the package
 * Packages may list /lib/… or /usr/lib/… on a machine with a merged /usr. Some 2,000 lists are
 * searched for the few that have modules; a list that cannot be read owns nothing. MD5 is dpkg's
 * choice: it shows damage, not an attack.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"
#include "owned.h"

#define INFO	     "var/lib/dpkg/info"
#define LIST_MAX     ((size_t)256 << 20)
#define MODULES_PART "lib/modules/"

struct dpkg_reader {
	struct ownership *ownership;
	int dirfd; /* of INFO */
};

static int dpkg_read_diversions(struct mf_context *ctx, struct ownership *o)
{
	_cleanup_close_ int fd = mf_context_open(ctx, "var/lib/dpkg/diversions", O_RDONLY);
	_cleanup_free_ char *text = NULL;
	char *save = NULL;
	size_t len, n = 0;
	int r = 0;

	if (fd < 0 || mf_file_read(fd, LIST_MAX, &text, &len) < 0)
		return 0;
	for (char *line = strtok_r(text, "\n", &save); r >= 0 && line;
	     line = strtok_r(NULL, "\n", &save), n++) {
		const char *path = owned_path(line);
		uint32_t *place;
		char *copy;

		if (n % 3 || !owned_is_relevant(path))
			continue;
		copy = mf_arena_copy(&o->arena, path, strlen(path));
		r = copy ? mf_table_put(&o->diverted, copy, strlen(copy), 0, &place) : -ENOMEM;
	}
	return r < 0 ? r : 0;
}

/* Adds the digests of a package's modules. Lines in another form are skipped. */
static int dpkg_add_digests(struct dpkg_reader *d, const char *package)
{
	_cleanup_free_ char *name = mf_format("%s.md5sums", package), *text = NULL;
	char *save = NULL;
	size_t len;

	if (!name)
		return -ENOMEM;
	if (mf_file_read_at(d->dirfd, name, LIST_MAX, &text, &len) < 0)
		return 0;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		_cleanup_free_ char *absolute = NULL;
		struct owned *file;
		bool valid = strlen(line) > 34 && line[32] == ' ' && line[33] == ' ';

		if (!valid || !strstr(line, MODULES_PART))
			continue;
		absolute = mf_format("/%s", line + 34);
		file = absolute ? owned_find(d->ownership, owned_path(absolute)) : NULL;
		if (!file || file->owner->kind != MF_OWNER_DPKG ||
		    mf_table_get(&d->ownership->diverted, file->path, strlen(file->path)))
			continue;
		for (size_t i = 0; valid && i < MF_MD5_LEN; i++) {
			int high = mf_hex_digit(line[2 * i]), low = mf_hex_digit(line[2 * i + 1]);

			valid = high >= 0 && low >= 0;
			file->md5[i] = (uint8_t)(high * 16 + low);
		}
		file->has_md5 = valid;
	}
	return 0;
}

/* Adds the files of NAME, "PACKAGE.list" or "PACKAGE:ARCH.list". */
static int dpkg_on_list(void *arg, int dirfd, const char *name)
{
	struct dpkg_reader *d = arg;
	_cleanup_free_ char *package = NULL, *text = NULL;
	struct owner *owner = NULL;
	char *save = NULL;
	size_t len;

	if (!mf_ends_with(name, ".list") ||
	    mf_file_read_at(dirfd, name, LIST_MAX, &text, &len) < 0 ||
	    !memmem(text, len, MODULES_PART, strlen(MODULES_PART)))
		return 0;
	package = strndup(name, strlen(name) - strlen(".list"));
	if (!package)
		return -ENOMEM;
	d->dirfd = dirfd;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *path = owned_path(line), *kernel;

		kernel = owned_kernel(path, &len);
		if (!kernel || owned_find(d->ownership, path))
			continue;
		if (!owner)
			owner = owned_add_owner(d->ownership, MF_OWNER_DPKG, package);
		if (!owner || !owned_add(d->ownership, owner, path))
			return -ENOMEM;
	}
	return owner && owner->modules ? dpkg_add_digests(d, package) : 0;
}

int owned_read_dpkg(struct mf_context *ctx, struct ownership *ownership)
{
	struct dpkg_reader d = { .ownership = ownership };
	int r = dpkg_read_diversions(ctx, ownership);

	if (!r)
		r = owned_each_entry(ctx, INFO, dpkg_on_list, &d);
	return r < 0 ? mf_fail(ctx, MF_STAGE_CHECK, r, "/" INFO, NULL) : 0;
}
