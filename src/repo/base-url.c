/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The URLs of an entry: baseurl=, mirrorlist=, metalink= and path=.
 *
 * The URLs of media are those of zypper: dir: is file:, and hd:, cd:, dvd: and iso: are parsed when they are
 * used (src/mount/media-url.c). media=LABEL is the hd: URL of a device with that label.
 *
 * A URL may have variables, and a query with a secret: that is kept separately, since only the
 * server may see it (see modfetch/access.h). mirrorlist= and metalink= both name a list of mirrors, whose
 * content decides its form; where both are there, metalink= is used, as dnf does.
 */
#include "base-url.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/mount.h"
#include "modfetch/strings.h"
#include "variables.h"

static bool is_url(const char *s)
{
	return mf_starts_with(s, "http://") || mf_starts_with(s, "https://") ||
	       mf_starts_with(s, "file:/") || mf_starts_with(s, "dir:/") || mf_media_url_is(s);
}

/* 0; 1: a variable is unknown, so the entry cannot be used; or -ENOMEM. */
static int expand(const struct reading *rd, struct draft *d, const char *value, char **ret_text)
{
	_cleanup_free_ char *unknown = NULL;
	int r = repo_variables_expand(rd->ctx, value, ret_text, &unknown);

	if (r > 0 && repo_spoil(rd, d,
				"the value of this variable is not known; write it to "
				"/etc/dnf/vars/NAME",
				unknown) < 0)
		return -ENOMEM;
	return r;
}

#define QUERY_MAX 2048 /* bytes */

/* What is wrong with a query, or NULL. A '?' in a password that is not encoded looks like one. */
static const char *query_fault(const char *url, const char *query)
{
	if (mf_starts_with(url, "file:"))
		return "= with file: has no query string; write %3F for a '?' in a name";
	if (strchr(query, '@') || strchr(query, '#'))
		return "= has an '@' or a '#' after a '?'; write %40 and %23 in a query string or "
		       "password, and %3F for a '?' in a password";
	if (!*query || strlen(query) > QUERY_MAX)
		return "= has an empty query string, or one of more than 2,048 bytes";
	for (const char *p = query; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return "= has a control character";
	return NULL;
}

/* A copy in which bytes that a URL cannot have are encoded; what is encoded stays. NULL: no memory. */
static char *encode_query(const char *query)
{
	char *copy = malloc(3 * strlen(query) + 1), *out = copy;

	for (const char *p = query; copy && *p; p++) {
		if (*p > 0x20 && *p < 0x7f && !strchr("\"<>\\^`{|}", *p))
			*out++ = *p;
		else
			out += sprintf(out, "%%%02X", (unsigned int)(unsigned char)*p);
	}
	if (copy)
		*out = '\0';
	return copy;
}

/* Adds a base URL and, separately, its query, since only the server may see that. */
static int add_url(const struct reading *rd, struct draft *d, struct mf_strings *urls, char *url)
{
	struct mf_strings *queries = &d->repo.access.queries;
	char *mark = strchr(url, '?');
	_cleanup_free_ char *query = encode_query(mark ? mark + 1 : "");
	const char *fault = mark ? query_fault(url, mark + 1) : NULL;
	int r;

	if (fault)
		return repo_spoil_key(rd, d, fault);
	if (!query)
		return -ENOMEM;
	if (mark)
		*mark = '\0';
	for (size_t len = strlen(url); mark && len && url[len - 1] == '/'; len--)
		url[len - 1] = '\0';
	for (size_t i = 0; i < urls->n; i++)
		if (!strcmp(urls->v[i], url))
			return !strcmp(queries->v[i], query)
				       ? 0
				       : repo_spoil(rd, d, "there twice, with two query strings",
						    url);
	r = mf_strings_add(urls, url);
	return r ? r : mf_strings_add(queries, query);
}

/* Adds the URL of a medium, whose parameters are no secret of a server and stay in it. */
static int add_media_url(const struct reading *rd, struct draft *d, struct mf_strings *urls,
			 const char *text)
{
	_cleanup_(mf_media_url_done) struct mf_media_url url = { 0 };
	const char *fault = mf_media_url_parse(text, &url);
	int r;

	if (fault)
		return repo_spoil(rd, d, fault, text);
	if (mf_strings_has(urls, text))
		return 0;
	r = mf_strings_add(urls, text);
	return r ? r : mf_strings_add(&d->repo.access.queries, "");
}

/* "dir:" of zypper is "file:". */
static int dir_to_file(char **url)
{
	char *file = mf_format("file:%s", *url + strlen("dir:"));

	if (!file)
		return -ENOMEM;
	free(*url);
	*url = file;
	return 0;
}

/* "cd:/?devices=/dev/sr0,/dev/sr1" was split at its comma: joins the words again. 0 or -ENOMEM. */
static int join_devices(struct mf_strings *words)
{
	size_t kept = 0, n = words->n;
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		char *word = words->v[i], *joined;
		char *last = kept ? words->v[kept - 1] : NULL;

		if (!last || !mf_starts_with(word, "/dev/") || !mf_media_url_is(last)) {
			words->v[kept++] = word;
			continue;
		}
		joined = mf_format("%s,%s", last, word);
		r = joined ? r : -ENOMEM;
		free(word);
		if (joined) {
			free(last);
			words->v[kept - 1] = joined;
		}
	}
	words->n = kept;
	if (words->v)
		words->v[kept] = NULL;
	return r;
}

int repo_add_media(const struct reading *rd, struct draft *d, void *where, const char *label)
{
	_cleanup_free_ char *url = mf_format("hd:/?device=/dev/disk/by-label/%s", label);

	if (!url)
		return -ENOMEM;
	for (const char *p = label; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("-_.", *p))
			return repo_spoil(rd, d, "not the label of a medium", label);
	return add_media_url(rd, d, where, url);
}

int repo_add_urls(const struct reading *rd, struct draft *d, void *where, const char *value)
{
	struct mf_strings *urls = where;
	_cleanup_(mf_strings_done) struct mf_strings words = { 0 };
	int r = mf_strings_split(&words, value);

	if (!r)
		r = join_devices(&words);
	for (size_t i = 0; !r && i < words.n; i++) {
		_cleanup_free_ char *url = NULL;

		r = expand(rd, d, words.v[i], &url);
		if (r)
			return r < 0 ? r : 0;
		/* after a comma or a blank in a query, this is a part of its secret */
		if (!is_url(url))
			return repo_spoil(rd, d,
					  "neither http:, https:, file:, dir:, hd:, cd: nor iso:",
					  strchr(value, '?') ? "" : url);
		if (mf_starts_with(url, "dir:"))
			r = dir_to_file(&url);
		if (!r)
			r = mf_media_url_is(url) ? add_media_url(rd, d, urls, url)
						 : add_url(rd, d, urls, url);
	}
	return r;
}

int repo_set_url(const struct reading *rd, struct draft *d, void *where, const char *value)
{
	char **url = where, *expanded;
	int r = expand(rd, d, value, &expanded);

	if (r)
		return r < 0 ? r : 0;
	free(*url);
	*url = expanded;
	return 0;
}

/* path= is below each base URL, as for zypper. */
static int append_path(struct mf_repo *repo)
{
	const char *path = repo->path ? repo->path + strspn(repo->path, "/") : "";
	size_t len = strlen(path);

	while (len && path[len - 1] == '/')
		len--;
	for (size_t i = 0; len && i < repo->baseurls.n; i++) {
		const char *base = repo->baseurls.v[i];
		/* the query of a medium's URL is a part of it */
		size_t before = strcspn(base, "?"), end = before;
		char *url;

		while (end && base[end - 1] == '/')
			end--;
		url = mf_format("%.*s/%.*s%s", (int)end, base, (int)len, path, base + before);

		if (!url)
			return -ENOMEM;
		free(repo->baseurls.v[i]);
		repo->baseurls.v[i] = url;
	}
	return 0;
}

/* Takes the query off a list's URL; the entry's own URLs and their queries are in the same order. */
static int take_list(const struct reading *rd, struct draft *d)
{
	struct mf_access *access = &d->repo.access;
	char *list = d->repo.mirrorlist, *mark = strchr(list, '?'), *slash;
	_cleanup_free_ char *query = NULL;
	const char *fault = mark ? query_fault(list, mark + 1) : NULL;
	int r;

	if (!is_url(list) || mf_starts_with(list, "file:"))
		return repo_spoil(rd, d, "the list of mirrors has no http: or https: URL", list);
	if (fault)
		return repo_spoil(rd, d, fault, "mirrorlist");
	query = encode_query(mark ? mark + 1 : "");
	if (!query)
		return -ENOMEM;
	if (mark)
		*mark = '\0';
	slash = strrchr(list, '/');
	r = mf_strings_addn(&access->own, list, (size_t)(slash - list));
	return r ? r : mf_strings_add(&access->queries, query);
}

int repo_check_urls(const struct reading *rd, struct draft *d)
{
	struct mf_repo *repo = &d->repo;

	if (repo->metalink) {
		free(repo->mirrorlist);
		repo->mirrorlist = MF_STEAL(repo->metalink);
	}
	if (!repo->baseurls.n && !repo->mirrorlist)
		return repo_spoil(rd, d, "no baseurl: a repository needs one", "");
	if (append_path(repo) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < repo->baseurls.n; i++)
		if (mf_strings_add(&repo->access.own, repo->baseurls.v[i]) < 0)
			return -ENOMEM;
	return repo->mirrorlist ? take_list(rd, d) : 0;
}
