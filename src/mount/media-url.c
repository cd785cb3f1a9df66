/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The base URLs of media, as zypper has them:
 *
 *	hd:/DIRECTORY?device=/dev/sda1&filesystem=ext4
 *	cd:/DIRECTORY?devices=/dev/sr0,/dev/sr1		(dvd: is the same)
 *	iso:/DIRECTORY?iso=FILE&url=dir:/srv/images	(or an hd: or cd: URL, which ends the URL)
 *
 * Slashes after the colon may be one or three. A device is an absolute path below /dev; without devices=
 * cd: is /dev/sr0 to /dev/sr3. %XX is decoded. The directory and the name of an image have no component
 * "..". What a URL says is the admin's word; what is on the medium is not (src/mount/mount.c).
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/mount.h"

static const struct scheme {
	const char *name;
	enum { HD, CD, ISO } kind;
} schemes[] = { { "hd:", HD }, { "cd:", CD }, { "dvd:", CD }, { "iso:", ISO } };

static const struct scheme *scheme_of(const char *url)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(schemes); i++)
		if (mf_starts_with(url, schemes[i].name))
			return &schemes[i];
	return NULL;
}

bool mf_media_url_is(const char *url)
{
	return scheme_of(url);
}

void mf_media_url_done(struct mf_media_url *url)
{
	free(url->path);
	mf_strings_done(&url->devices);
	free(url->filesystem);
	free(url->iso);
	free(url->outer);
	*url = (struct mf_media_url){ 0 };
}

/* A copy of LEN bytes with %XX decoded; NULL: no memory, or a byte that no name has. */
static char *decode(const char *text, size_t len)
{
	char *copy = calloc(1, len + 1), *out = copy;

	for (size_t i = 0; copy && i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '%' && len - i > 2 && mf_hex_digit(text[i + 1]) >= 0 &&
		    mf_hex_digit(text[i + 2]) >= 0) {
			c = (unsigned char)(mf_hex_digit(text[i + 1]) * 16 +
					    mf_hex_digit(text[i + 2]));
			i += 2;
		}
		if (c < 0x20 || c == 0x7f) {
			free(copy);
			return NULL;
		}
		*out++ = (char)c;
	}
	return copy;
}

static bool has_dot_dot(const char *path)
{
	for (const char *p = path; (p = strstr(p, "..")); p += 2)
		if ((p == path || p[-1] == '/') && (!p[2] || p[2] == '/'))
			return true;
	return false;
}

static bool is_device(const char *path)
{
	return mf_starts_with(path, "/dev/") && path[5] && !has_dot_dot(path);
}

/* ---- parameters ---- */

static const char *add_devices(struct mf_media_url *url, const char *list)
{
	size_t before = url->devices.n;

	if (mf_strings_split(&url->devices, list) < 0)
		return "there is no memory for it";
	for (size_t i = before; i < url->devices.n; i++)
		if (!is_device(url->devices.v[i]))
			return "a device is not a path below /dev";
	return url->devices.n > before ? NULL : "it names no device";
}

static const char *set_outer(struct mf_media_url *url, const char *outer)
{
	const char *rest = mf_starts_with(outer, "dir:")    ? outer + strlen("dir:")
			   : mf_starts_with(outer, "file:") ? outer + strlen("file:")
							    : NULL;

	if (!rest && (!mf_media_url_is(outer) || mf_starts_with(outer, "iso:")))
		return "url= is neither dir:, file:, hd: nor cd:";
	if (rest && (*rest != '/' || has_dot_dot(rest)))
		return "url= is not an absolute directory";
	while (rest && rest[0] == '/' && rest[1] == '/')
		rest++;
	free(url->outer);
	url->outer = rest ? mf_file_url(rest) : strdup(outer);
	return url->outer ? NULL : "there is no memory for it";
}

/* One NAME=VALUE, of which VALUE is decoded already. */
static const char *set_parameter(struct mf_media_url *url, int kind, const char *name, size_t len,
				 char *value)
{
	char **where = NULL;

	if (kind != ISO && ((len == 6 && !memcmp(name, "device", len)) ||
			    (len == 7 && !memcmp(name, "devices", len))))
		return add_devices(url, value);
	if (kind == HD && len == 10 && !memcmp(name, "filesystem", len)) {
		if (!strcmp(value, "auto"))
			return NULL;
		if (!mf_filesystem_known(value))
			return "filesystem= is not vfat, exfat, iso9660, udf or ext4";
		where = &url->filesystem;
	} else if (kind == ISO && len == 3 && !memcmp(name, "iso", len)) {
		if (!*value || has_dot_dot(value))
			return "iso= names no file";
		where = &url->iso;
	} else if (kind == ISO && len == 3 && !memcmp(name, "url", len)) {
		return set_outer(url, value);
	} else {
		return "it has an unknown parameter";
	}
	free(*where);
	*where = strdup(value);
	return *where ? NULL : "there is no memory for it";
}

static const char *parse_query(struct mf_media_url *url, int kind, const char *query)
{
	while (*query) {
		const char *equals = strchr(query, '=');
		/* the URL in a URL has parameters of its own */
		bool last = kind == ISO && mf_starts_with(query, "url=");
		size_t len = last ? strlen(query) : strcspn(query, "&");
		_cleanup_free_ char *value = NULL;
		const char *fault;

		if (!equals || equals > query + len)
			return "a parameter of it has no value";
		value = decode(equals + 1, (size_t)(query + len - equals - 1));
		if (!value)
			return "it has a control character";
		fault = set_parameter(url, kind, query, (size_t)(equals - query), value);
		if (fault)
			return fault;
		query += len + (query[len] == '&');
	}
	return NULL;
}

/* ---- the URL ---- */

static const char *parse_path(struct mf_media_url *url, const char *text)
{
	size_t len = strcspn(text, "?");

	if ((len && *text != '/') || mf_starts_with(text, "//") != mf_starts_with(text, "///"))
		return "there is no '/' after its scheme";
	while (len > 1 && text[0] == '/' && text[1] == '/') {
		text++;
		len--;
	}
	while (len && text[len - 1] == '/')
		len--;
	url->path = decode(text, len);
	if (!url->path)
		return "it has a control character";
	return has_dot_dot(url->path) ? "its directory has a '..'" : NULL;
}

/* What is missing, or filled in. */
static const char *complete(struct mf_media_url *url, int kind)
{
	if (kind == HD && url->devices.n != 1)
		return "it needs one device=";
	if (kind == ISO && (!url->iso || !url->outer))
		return "it needs iso= and url=";
	if (kind == CD && !url->devices.n)
		return add_devices(url, "/dev/sr0 /dev/sr1 /dev/sr2 /dev/sr3");
	return NULL;
}

const char *mf_media_url_parse(const char *text, struct mf_media_url *ret_url)
{
	_cleanup_(mf_media_url_done) struct mf_media_url url = { 0 };
	const struct scheme *scheme = scheme_of(text);
	const char *query = strchr(text, '?'), *fault;

	if (!scheme)
		return "it is neither hd:, cd:, dvd: nor iso:";
	fault = parse_path(&url, text + strlen(scheme->name));
	if (!fault && query)
		fault = parse_query(&url, scheme->kind, query + 1);
	if (!fault)
		fault = complete(&url, scheme->kind);
	if (fault)
		return fault;
	*ret_url = url;
	url = (struct mf_media_url){ 0 };
	return NULL;
}

/* ---- mounting ---- */

/* The directory of a file: URL that set_outer() has made. */
static char *outer_directory(const char *url)
{
	url += strlen("file://");
	return decode(url, strlen(url));
}

/* The first device that has a medium. 0 or the failure of the last one. */
static int mount_any(struct mf_context *ctx, const struct mf_media_url *url, char **ret_path)
{
	const struct mf_saved_failure before = mf_failure_save(ctx);
	int r = -MFE_MEDIUM;

	for (size_t i = 0; r == -MFE_MEDIUM && i < url->devices.n; i++)
		r = mf_mount_device(ctx, url->devices.v[i], url->filesystem, ret_path);
	if (!r)
		mf_failure_restore(&before);
	return r;
}

/* Of one that is not iso:. */
static int mount_plain(struct mf_context *ctx, const char *text, char **ret_path)
{
	_cleanup_(mf_media_url_done) struct mf_media_url url = { 0 };
	_cleanup_free_ char *place = NULL;
	const char *fault = mf_media_url_parse(text, &url);
	int r;

	if (fault)
		return mf_fail(ctx, MF_STAGE_MEDIA, -MFE_MEDIUM, text, "%s; correct the URL",
			       fault);
	r = mount_any(ctx, &url, &place);
	if (r < 0)
		return r;
	*ret_path = mf_format("%s%s", place, url.path);
	return *ret_path ? 0 : mf_fail(ctx, MF_STAGE_MEDIA, -ENOMEM, text, NULL);
}

static int mount_iso(struct mf_context *ctx, const struct mf_media_url *url, char **ret_path)
{
	_cleanup_free_ char *outer = NULL, *image = NULL, *place = NULL;
	int r = 0;

	if (mf_starts_with(url->outer, "file:"))
		outer = outer_directory(url->outer);
	else
		r = mount_plain(ctx, url->outer, &outer);
	if (r < 0)
		return r;
	image = outer ? mf_format("%s/%s", outer, url->iso) : NULL;
	if (!image)
		return mf_fail(ctx, MF_STAGE_MEDIA, -ENOMEM, url->iso, NULL);
	r = mf_mount_image(ctx, image, &place);
	if (r < 0)
		return r;
	*ret_path = mf_format("%s%s", place, url->path);
	return *ret_path ? 0 : mf_fail(ctx, MF_STAGE_MEDIA, -ENOMEM, url->iso, NULL);
}

int mf_mount_url(struct mf_context *ctx, const char *text, char **ret_path)
{
	_cleanup_(mf_media_url_done) struct mf_media_url url = { 0 };
	const char *fault = mf_media_url_parse(text, &url);

	if (fault)
		return mf_fail(ctx, MF_STAGE_MEDIA, -MFE_MEDIUM, text, "%s; correct the URL",
			       fault);
	return url.iso ? mount_iso(ctx, &url, ret_path) : mount_plain(ctx, text, ret_path);
}

char *mf_file_url(const char *path)
{
	char *url = malloc(strlen("file://") + 3 * strlen(path) + 1), *out = url;

	if (!url)
		return NULL;
	out = stpcpy(out, "file://");
	for (; *path; path++) {
		if (isalnum((unsigned char)*path) || strchr("/-_.~+", *path))
			*out++ = *path;
		else
			out += sprintf(out, "%%%02X", (unsigned int)(unsigned char)*path);
	}
	*out = '\0';
	return url;
}
