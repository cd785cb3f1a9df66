/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists of mirrors. A list comes unsigned from a network: it may only add places to ask, never a
 * file: URL, and what those places answer is verified like anything else. What is no URL in it is
 * passed over, and so is a URL with a password: what is kept is for everybody to read.
 */
#include "modfetch/repo.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include "modfetch/cache-names.h"
#include "modfetch/cache.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"

#define LIST_MAX (64U << 10)
#define URL_MAX	 512

static bool has_secret(const char *line, size_t len)
{
	_cleanup_free_ char *url = strndup(line, len);

	if (url)
		mf_secret_hide(url);
	return !url || strlen(url) != len;
}

static int add_url(const char *line, size_t len, struct mf_strings *urls)
{
	while (len && strchr(" \t\r/", line[len - 1]))
		len--;
	/* the slashes of "http://" are final ones too where nothing follows */
	if (len < strlen("http://x") || len > URL_MAX ||
	    (!mf_starts_with(line, "http://") && !mf_starts_with(line, "https://")) ||
	    has_secret(line, len))
		return 0;
	for (size_t i = 0; i < urls->n; i++)
		if (strlen(urls->v[i]) == len && !memcmp(urls->v[i], line, len))
			return 0;
	return mf_strings_addn(urls, line, len);
}

int mf_mirrors_parse(const char *text, struct mf_strings *urls)
{
	size_t limit = urls->n + MF_MIRRORS_MAX;
	int r = 0;

	while (!r && *text && urls->n < limit) {
		size_t len = strcspn(text, "\n");

		r = add_url(text, len, urls);
		text += len + (text[len] == '\n');
	}
	return r;
}

static char *list_name(const char *repo_id)
{
	return mf_format("%s.mirrors", repo_id);
}

int mf_mirrors_read(const struct mf_context *ctx, const char *repo_id, struct mf_strings *urls)
{
	_cleanup_close_ int dirfd =
		mf_context_open(ctx, MF_CACHE_DIRECTORY, O_RDONLY | O_DIRECTORY);
	_cleanup_free_ char *name = list_name(repo_id), *text = NULL;
	size_t len;

	if (!name)
		return -ENOMEM;
	if (dirfd < 0 || mf_file_read_at(dirfd, name, LIST_MAX, &text, &len) < 0)
		return 0;
	return mf_mirrors_parse(text, urls);
}

int mf_mirrors_keep(const struct mf_context *ctx, const char *repo_id, const char *text)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(ctx, MF_CACHE_DIRECTORY);
	_cleanup_free_ char *name = list_name(repo_id), *list = NULL;
	_cleanup_(mf_strings_done) struct mf_strings urls = { 0 };
	size_t len = 0;
	FILE *f;

	if (dirfd < 0 || !name || mf_mirrors_parse(text, &urls) < 0)
		return dirfd < 0 ? dirfd : -ENOMEM;
	f = open_memstream(&list, &len);
	if (!f)
		return -ENOMEM;
	for (size_t i = 0; i < urls.n; i++)
		fprintf(f, "%s\n", urls.v[i]);
	return fclose(f) ? -ENOMEM : mf_file_publish(dirfd, name, 0644, list, len);
}
