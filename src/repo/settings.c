/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /etc/modfetch/modfetch.conf: one section, [modfetch], over the built-in settings. Each key is a
 * row of a table with its bounds; an unknown key or a value out of bounds is an error, since a
 * typing error in a security setting must not go unnoticed.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/context.h"
#include "modfetch/file.h"
#include "modfetch/mount.h"
#include "modfetch/similar.h"
#include "modfetch/strings.h"
#include "ini.h"

#define CONF	 "etc/modfetch/modfetch.conf"
#define CONF_MAX (64U << 10)

enum { WORDS_MAX = 256, PEERS_MAX = 16 };

#define WORD(key, field)                                                                           \
	{                                                                                          \
		key, offsetof(struct mf_settings, field), 0, 0, 0, 's'                             \
	}
#define YES_NO(key, field)                                                                         \
	{                                                                                          \
		key, offsetof(struct mf_settings, field), 0, 0, 0, 'b'                             \
	}
#define COUNT(key, field, min, max)                                                                \
	{                                                                                          \
		key, offsetof(struct mf_settings, field), min, max, 1, 'u'                         \
	}
#define MEGABYTES(key, field, min, max)                                                            \
	{                                                                                          \
		key, offsetof(struct mf_settings, field), min, max, 1U << 20, 'q'                  \
	}

static const struct {
	const char *key;
	size_t offset;
	uint64_t min, max, unit;
	char type; /* s: string, b: bool, u: unsigned int, q: uint64_t */
} keys[] = {
	WORD("rpmdb", rpmdb),
	WORD("fetch-user", fetch_user),
	WORD("proxy", proxy),
	WORD("module-signature", module_signature),
	WORD("kernel-requests", kernel_requests),
	WORD("regenerate-initrd", regenerate_initrd),
	WORD("auto-update", auto_update),
	WORD("prefetch", prefetch),
	WORD("peers", peers),
	WORD("media-filesystems", media_filesystems),
	YES_NO("thorough", thorough),
	YES_NO("require-ready", require_ready),
	YES_NO("share-packages", share_packages),
	YES_NO("rescue", rescue),
	YES_NO("trust-dkms-conf", trust_dkms_conf),
	MEGABYTES("max-metadata", max_metadata, 1, 65536),
	MEGABYTES("max-package", max_package, 1, 65536),
	MEGABYTES("prefetch-size", prefetch_size, 1, 1048576),
	COUNT("max-age", max_age_days, 0, 3650),
	COUNT("media-max-age", media_max_age_days, 0, 36500),
	COUNT("fetch-timeout", fetch_timeout, 1, 86400),
	COUNT("mirror-timeout", mirror_timeout, 1, 3600),
	COUNT("lock-timeout", lock_timeout, 0, 3600),
	COUNT("bind-timeout", bind_timeout, 0, 600000),
	COUNT("keep-versions", keep_versions, 0, 100),
	COUNT("max-transactions", max_transactions, 1, 10000),
};

static int bad(struct mf_context *ctx, const char *key, const char *value, const char *why)
{
	return mf_fail(ctx, MF_STAGE_CONFIG, -MFE_CONFIG, "/" CONF, "%s=%s: %s", key, value, why);
}

/* A setting that does not exist. */
static int bad_key(struct mf_context *ctx, const char *key, const char *value)
{
	_cleanup_(mf_similar_done) struct mf_similar similar = { .word = key };
	_cleanup_free_ char *hint = NULL, *why = NULL;

	for (size_t i = 0; i < MF_ARRAY_SIZE(keys); i++)
		mf_similar_offer(&similar, keys[i].key);
	hint = mf_similar_text(&similar);
	why = hint ? mf_format("no such setting; %s", hint) : NULL;
	return bad(ctx, key, value, why ? why : "no such setting; see modfetch.conf(5)");
}

/* May the words become arguments, parts of lines, and texts in a list? */
static bool are_words(const char *value)
{
	_cleanup_(mf_strings_done) struct mf_strings words = { 0 };
	bool good = !mf_strings_split(&words, value) && words.n <= WORDS_MAX;

	for (size_t i = 0; good && i < words.n; i++)
		good = mf_is_word(words.v[i], strlen(words.v[i])) && *words.v[i] != '-';
	return good;
}

static bool are_peers(const char *value)
{
	_cleanup_(mf_strings_done) struct mf_strings urls = { 0 };
	bool good = !mf_strings_split(&urls, value) && urls.n <= PEERS_MAX;

	for (size_t i = 0; good && i < urls.n; i++)
		good = (mf_starts_with(urls.v[i], "http://") ||
			mf_starts_with(urls.v[i], "https://")) &&
		       !strpbrk(urls.v[i], "@?#") && mf_is_word(urls.v[i], strlen(urls.v[i]));
	return good;
}

/* Is each word of the list a file system that media may have? */
static bool are_filesystems(const char *list)
{
	_cleanup_(mf_strings_done) struct mf_strings words = { 0 };
	bool known = !mf_strings_split(&words, list);

	for (size_t i = 0; i < words.n; i++)
		known &= mf_filesystem_known(words.v[i]);
	return known;
}

static int set_word(struct mf_context *ctx, void *where, const char *key, const char *value)
{
	char *copy;

	if (!strcmp(key, "media-filesystems") && !are_filesystems(value))
		return bad(ctx, key, value, "not of vfat, exfat, iso9660, udf and ext4");

	if (!strcmp(key, "rpmdb") && (*value != '/' || strstr(value, "/..")))
		return bad(ctx, key, value, "not an absolute path");
	if (!strcmp(key, "proxy") && !mf_starts_with(value, "http://") &&
	    !mf_starts_with(value, "https://") && !mf_starts_with(value, "socks5"))
		return bad(ctx, key, value, "not the URL of a proxy, as http://proxy:3128 is one");
	if (!strcmp(key, "module-signature") && strcmp(value, "require") &&
	    strcmp(value, "if-keys") && strcmp(value, "kernel"))
		return bad(ctx, key, value, "neither require, if-keys nor kernel");
	if (!strcmp(key, "regenerate-initrd") && strcmp(value, "auto") && strcmp(value, "never") &&
	    (*value != '/' || strstr(value, "/..")))
		return bad(ctx, key, value, "neither auto, never nor an absolute path");
	if (!strcmp(key, "auto-update") && strcmp(value, "no") && strcmp(value, "security") &&
	    strcmp(value, "all"))
		return bad(ctx, key, value, "neither no, security nor all");
	if (!strcmp(key, "peers") && !are_peers(value))
		return bad(ctx, key, value,
			   "not URLs of web servers, as http://server/packages is one, "
			   "without user "
			   "and query");
	if (!strcmp(key, "prefetch") && !are_words(value))
		return bad(ctx, key, value,
			   "it has bytes that no name has, or more than 256 words");
	copy = strdup(value);
	if (!copy)
		return mf_fail(ctx, MF_STAGE_CONFIG, -ENOMEM, "/" CONF, NULL);
	free(*(char **)where);
	*(char **)where = copy;
	return 0;
}

static int set_bool(struct mf_context *ctx, bool *where, const char *key, const char *value)
{
	*where = !strcmp(value, "yes");
	return *where || !strcmp(value, "no") ? 0 : bad(ctx, key, value, "neither yes nor no");
}

static int entry(void *arg, const struct mf_ini_line *line)
{
	const char *key = line->key, *value = line->value;
	struct mf_context *ctx = arg;

	if (line->wrong)
		return mf_fail(ctx, MF_STAGE_CONFIG, -MFE_CONFIG, "/" CONF,
			       "line %u is neither a section nor KEY=VALUE: %s", line->number,
			       line->wrong);
	if (!key)
		return 0;
	if (strcmp(line->section, "modfetch"))
		return bad(ctx, key, value, "it must be in the section [modfetch]");
	for (size_t i = 0; i < MF_ARRAY_SIZE(keys); i++) {
		void *where = (char *)&ctx->settings + keys[i].offset;
		uint64_t n;
		char *end;

		if (strcmp(key, keys[i].key))
			continue;
		if (keys[i].type == 's')
			return set_word(ctx, where, key, value);
		if (keys[i].type == 'b')
			return set_bool(ctx, where, key, value);
		n = strtoull(value, &end, 10);
		if (*end || end == value || *value == '-' || n < keys[i].min || n > keys[i].max)
			return mf_fail(ctx, MF_STAGE_CONFIG, -MFE_CONFIG, "/" CONF,
				       "%s=%s: not a number from %" PRIu64 " to %" PRIu64, key,
				       value, keys[i].min, keys[i].max);
		if (keys[i].type == 'u')
			*(unsigned int *)where = (unsigned int)n;
		else
			*(uint64_t *)where = n * keys[i].unit;
		return 0;
	}
	return bad_key(ctx, key, value);
}

struct stat mf_settings_stat(const struct mf_context *ctx)
{
	_cleanup_close_ int fd = mf_context_open(ctx, CONF, O_PATH);
	struct stat st;

	return fd < 0 || fstat(fd, &st) < 0 ? (struct stat){ 0 } : st;
}

int mf_settings_read(struct mf_context *ctx)
{
	_cleanup_close_ int fd = mf_context_open(ctx, CONF, O_RDONLY);
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r;

	if (fd == -ENOENT)
		return 0;
	r = fd < 0 ? fd : mf_file_read(fd, CONF_MAX, &text, &len);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_CONFIG, r, "/" CONF, NULL);
	if (strlen(text) != len)
		return mf_fail(ctx, MF_STAGE_CONFIG, -MFE_CONFIG, "/" CONF, "it holds a NUL byte");
	r = mf_ini_parse(text, entry, ctx);
	return r == -ENOMEM ? mf_fail(ctx, MF_STAGE_CONFIG, r, "/" CONF, NULL) : r;
}
