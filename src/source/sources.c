/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds the sources of drivers on this machine:
 *
 *	/usr/src/NAME-VERSION/dkms.conf		as packages install them for dkms
 *	/var/lib/dkms/NAME/VERSION/source	a link to such a directory, as "dkms add" makes it
 *	/usr/src/akmods/X.src.rpm, X.latest	source rpms of akmods, and links to the newest of each
 *
 * A name may have dashes, and so may a version. What the file says decides (PACKAGE_NAME,
 * PACKAGE_VERSION), if the directory is called so; else the version begins at the first dash before
 * a digit. Names and versions become parts of paths and of packages, so they are plain: letters,
 * digits, "._+~-", no leading '-' or '.'.
 *
 * Links are followed below the root. A source that two of these places lead to is listed once, by
 * name and version, and the first place counts.
 */
#include "modfetch/source.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "conf.h"
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/rpm.h"

#define SOURCES_MAX 4096

struct finder {
	struct mf_context *ctx;
	const char *name; /* NULL: all */
	struct mf_sources *sources;
};

void mf_sources_done(struct mf_sources *sources)
{
	for (size_t i = 0; i < sources->n; i++) {
		free(sources->v[i].name);
		free(sources->v[i].version);
		free(sources->v[i].path);
	}
	free(sources->v);
	*sources = (struct mf_sources){ 0 };
}

/* May it be a part of a path, and of the name or version of a package? */
static bool name_is_valid(const char *name, size_t len)
{
	return len && len < 128 && *name != '-' && *name != '.' &&
	       strspn(name,
		      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+~-") >= len;
}

/* Is NAME/VERSION what was asked for? */
static bool finder_wants(const struct finder *f, const char *name, const char *version)
{
	size_t len = strlen(name);

	if (!f->name)
		return true;
	return !strncmp(f->name, name, len) &&
	       (!f->name[len] || (f->name[len] == '/' && !strcmp(f->name + len + 1, version)));
}

/* Adds a source; PATH is taken over. 0 or -ENOMEM. */
static int source_add(const struct finder *f, enum mf_source_kind kind, const char *name,
		      const char *version, char *path)
{
	struct mf_sources *sources = f->sources;
	_cleanup_free_ char *owned = path;
	struct mf_source source;

	if (!owned)
		return -ENOMEM;
	if (!name_is_valid(name, strlen(name)) || !name_is_valid(version, strlen(version))) {
		_cleanup_free_ char *shown = strdup(path);

		if (shown) {
			mf_text_sanitize(shown);
			mf_log(f->ctx, MF_LOG_WARNING,
			       "source: %s: no source has such a name or version; it is left out",
			       shown);
		}
		return 0;
	}
	if (!finder_wants(f, name, version) || sources->n == SOURCES_MAX)
		return 0;
	for (size_t i = 0; i < sources->n; i++)
		if (!strcmp(sources->v[i].name, name) && !strcmp(sources->v[i].version, version))
			return 0;
	if (mf_array_reserve(&sources->v, &sources->room, sources->n + 1, sizeof(*sources->v)) < 0)
		return -ENOMEM;
	source = (struct mf_source){ kind, strdup(name), strdup(version), MF_STEAL(owned) };
	sources->v[sources->n++] = source;
	return source.name && source.version ? 0 : -ENOMEM;
}

/*
 * A directory "NAME-VERSION" whose dkms.conf says NAME: the place of the dash. NULL: it says
 * something else.
 */
static const char *dash_by_conf(const char *entry, const char *conf, size_t len)
{
	_cleanup_(source_values_done) struct values values = { 0 };
	struct conf_fault fault;
	const char *name;
	size_t n;

	/* the values before a fault are enough */
	if (source_conf_parse(conf, len, &values, &fault) == -ENOMEM)
		return NULL;
	name = source_values_text(&values, "PACKAGE_NAME", 0);
	n = strlen(name);
	return n && !strncmp(entry, name, n) && entry[n] == '-' && entry[n + 1] ? entry + n : NULL;
}

static const char *dash_before_digit(const char *entry)
{
	for (const char *p = strchr(entry, '-'); p; p = strchr(p + 1, '-'))
		if (p[1] >= '0' && p[1] <= '9')
			return p;
	return NULL;
}

/*
 * Is there a regular dkms.conf? Reads at most 64 KiB of it; a longer one is refused when it is
 * read.
 */
static int conf_open(const struct finder *f, const char *directory, char **ret_conf,
		     size_t *ret_len)
{
	_cleanup_free_ char *path = mf_format("%s/dkms.conf", directory);
	_cleanup_close_ int fd = path ? mf_context_open(f->ctx, path, O_RDONLY) : -ENOMEM;
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -ENOENT;
	return mf_file_read(fd, CONF_MAX, ret_conf, ret_len);
}

static int on_usr_src(const struct finder *f, const char *directory, const char *entry)
{
	_cleanup_free_ char *path = mf_format("%s/%s", directory, entry), *conf = NULL,
			    *name = NULL;
	const char *dash = NULL;
	size_t len = 0;
	int r;

	if (!path)
		return -ENOMEM;
	r = conf_open(f, path, &conf, &len);
	if (r < 0 && r != -EFBIG)
		return r == -ENOMEM ? r : 0;
	if (r == 0)
		dash = dash_by_conf(entry, conf, len);
	if (!dash)
		dash = dash_before_digit(entry);
	if (!dash)
		return 0;
	name = strndup(entry, (size_t)(dash - entry));
	return name ? source_add(f, MF_SOURCE_DKMS, name, dash + 1, MF_STEAL(path)) : -ENOMEM;
}

typedef int on_entry(const struct finder *f, const char *directory, const char *entry);

/* Calls ON for the entries of a directory below the root, which may be missing; sorted. */
static int each_entry(const struct finder *f, const char *directory, on_entry *on)
{
	_cleanup_close_ int fd = mf_context_open(f->ctx, directory, O_RDONLY | O_DIRECTORY);
	_cleanup_closedir_ DIR *dir = fd >= 0 ? mf_opendir(fd) : NULL;
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	const struct dirent *entry;
	int r = 0;

	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0;
	if (!dir)
		return mf_fail(f->ctx, MF_STAGE_SOURCE, fd < 0 ? fd : -errno, directory, NULL);
	while (r == 0 && names.n < SOURCES_MAX && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			r = mf_strings_add(&names, entry->d_name);
	mf_strings_sort(&names);
	for (size_t i = 0; i < names.n && r == 0; i++)
		r = on(f, directory, names.v[i]);
	return r;
}

/* /var/lib/dkms/NAME/VERSION/source; DIRECTORY ends in NAME. */
static int on_dkms_version(const struct finder *f, const char *directory, const char *entry)
{
	_cleanup_free_ char *path = mf_format("%s/%s/source", directory, entry), *conf = NULL;
	size_t len;
	int r = path ? conf_open(f, path, &conf, &len) : -ENOMEM;

	/* kernel-VERSION-ARCH is a link to a built one, and has no source */
	if (r < 0 && r != -EFBIG)
		return r == -ENOMEM ? r : 0;
	return source_add(f, MF_SOURCE_DKMS, strrchr(directory, '/') + 1, entry, MF_STEAL(path));
}

static int on_dkms_name(const struct finder *f, const char *directory, const char *entry)
{
	_cleanup_free_ char *path = mf_format("%s/%s", directory, entry);

	return path ? each_entry(f, path, on_dkms_version) : -ENOMEM;
}

static int on_akmods(const struct finder *f, const char *directory, const char *entry)
{
	_cleanup_(mf_rpm_header_done) struct mf_rpm_header header = { 0 };
	_cleanup_free_ char *path = mf_format("%s/%s", directory, entry);
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (!mf_ends_with(entry, ".src.rpm") && !mf_ends_with(entry, ".latest"))
		return 0;
	fd = path ? mf_context_open(f->ctx, path, O_RDONLY) : -ENOMEM;
	if (fd == -ENOMEM)
		return fd;
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || mf_rpm_read(fd, &header) < 0) {
		mf_text_sanitize(path);
		mf_log(f->ctx, MF_LOG_WARNING, "source: %s: it is no source rpm; it is left out",
		       path);
		return 0;
	}
	/* an epoch is not in the version of a source, which is a part of paths */
	return source_add(f, MF_SOURCE_RPM, header.name,
			  strchr(header.evr, ':') ? strchr(header.evr, ':') + 1 : header.evr,
			  MF_STEAL(path));
}

static int by_name_newest_first(const void *a, const void *b)
{
	const struct mf_source *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r ? r : strverscmp(y->version, x->version);
}

int mf_sources_find(struct mf_context *ctx, const char *name, struct mf_sources *ret_sources)
{
	static const struct {
		const char *directory;
		on_entry *on;
	} places[] = { { "usr/src", on_usr_src },
		       { "var/lib/dkms", on_dkms_name },
		       { "usr/src/akmods", on_akmods } };
	_cleanup_(mf_sources_done) struct mf_sources sources = { 0 };
	const struct finder f = { ctx, name, &sources };

	for (size_t i = 0; i < MF_ARRAY_SIZE(places); i++) {
		int r = each_entry(&f, places[i].directory, places[i].on);

		if (r == -ENOMEM)
			return mf_fail(ctx, MF_STAGE_SOURCE, r, places[i].directory, NULL);
		if (r < 0)
			return r;
	}
	if (sources.n)
		qsort(sources.v, sources.n, sizeof(*sources.v), by_name_newest_first);
	*ret_sources = sources;
	sources = (struct mf_sources){ 0 };
	return 0;
}
