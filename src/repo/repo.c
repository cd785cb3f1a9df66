/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads repos.d into values that are checked once, here.
 *
 * What a .repo file says is the admin's word and is believed; a key that is not understood is
 * ignored as zypper and dnf do, but a value that is wrong (an id that is no folder's name,
 * trust=none for a network URL, no URL at all) is an error: a repository that silently means less
 * than it says would be a hole.
 */
#include "modfetch/repo.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/ini.h"
#include "modfetch/mirrors.h"
#include "modfetch/release.h"

#define REPO_FILE_MAX	 (64U << 10)
#define DEFAULT_PRIORITY 99

struct reading {
	struct mf_context *ctx;
	struct mf_repos *repos;
	const char *file;
};

static void repo_done(struct mf_repo *repo)
{
	free(repo->id);
	free(repo->name);
	free(repo->mirrorlist);
	mf_strings_done(&repo->baseurls);
	mf_strings_done(&repo->keys);
}

void mf_repos_done(struct mf_repos *repos)
{
	for (size_t i = 0; i < repos->n; i++)
		repo_done(&repos->v[i]);
	free(repos->v);
	*repos = (struct mf_repos){ 0 };
}

static bool id_valid(const char *id)
{
	if (!*id || *id == '.' || strlen(id) > 100)
		return false;
	for (; *id; id++)
		if (!isalnum((unsigned char)*id) && !strchr("-_.:+", *id))
			return false;
	return true;
}

static int bad(const struct reading *rd, const char *id, const char *why, const char *value)
{
	char what[192];

	snprintf(what, sizeof(what), "%s [%s]", rd->file, id);
	mf_fail(rd->ctx, "config", -MFE_CONFIG, what, "%s: %s", why, value);
	return -MFE_CONFIG;
}

static int repo_of(struct reading *rd, const char *id, struct mf_repo **ret_repo)
{
	struct mf_repos *repos = rd->repos;
	struct mf_repo *v;

	for (size_t i = 0; i < repos->n; i++) {
		if (!strcmp(repos->v[i].id, id)) {
			*ret_repo = &repos->v[i];
			return 0;
		}
	}
	if (!id_valid(id))
		return bad(rd, id, "not usable as a repository's id", id);
	v = reallocarray(repos->v, repos->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	repos->v = v;
	v[repos->n] = (struct mf_repo){
		.id = strdup(id),
		.enabled = true,
		.priority = DEFAULT_PRIORITY,
	};
	if (!v[repos->n].id)
		return -ENOMEM;
	*ret_repo = &v[repos->n++];
	return 0;
}

/* Replaces $basearch, $kernel and $flavor; new memory. */
static char *expand(const struct mf_context *ctx, const char *url)
{
	struct mf_release release;
	struct utsname uts;
	_cleanup_free_ char *out = NULL;
	size_t len = 0, room = 0;
	_cleanup_fclose_ FILE *f = open_memstream(&out, &room);
	const struct {
		const char *name, *value;
	} variables[] = {
		{ "$basearch", uts.machine },
		{ "$kernel", ctx->kernel },
		{ "$flavor", release.flavor },
	};

	if (!f || uname(&uts) < 0)
		return NULL;
	/* a release of another form has no flavor: then the word stays as it is */
	if (mf_release_parse(ctx->kernel, NULL, &release) < 0)
		release.flavor[0] = '\0';
	while (*url) {
		bool found = false;

		for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++) {
			if (!*variables[i].value || !mf_starts_with(url, variables[i].name))
				continue;
			fputs(variables[i].value, f);
			url += strlen(variables[i].name);
			found = true;
			break;
		}
		if (!found)
			fputc(*url++, f);
	}
	fflush(f);
	len = out ? strlen(out) : 0;
	while (len && out[len - 1] == '/')
		out[--len] = '\0';
	return out ? strdup(out) : NULL;
}

static bool is_url(const char *s)
{
	return mf_starts_with(s, "http://") || mf_starts_with(s, "https://") ||
	       mf_starts_with(s, "file:/");
}

static int add_url(struct reading *rd, struct mf_repo *repo, const char *value)
{
	_cleanup_(mf_strings_done) struct mf_strings words = { 0 };
	int r = mf_strings_split(&words, value);

	for (size_t i = 0; !r && i < words.n; i++) {
		_cleanup_free_ char *url = expand(rd->ctx, words.v[i]);

		if (!url)
			return -ENOMEM;
		if (!is_url(url))
			return bad(rd, repo->id, "neither http:, https: nor file:", url);
		r = mf_strings_add_unique(&repo->baseurls, url);
	}
	return r;
}

static int set_copy(char **where, const char *value)
{
	free(*where);
	*where = strdup(value);
	return *where ? 0 : -ENOMEM;
}

static int set_mirrorlist(struct reading *rd, struct mf_repo *repo, const char *value)
{
	free(repo->mirrorlist);
	repo->mirrorlist = expand(rd->ctx, value);
	return repo->mirrorlist ? 0 : -ENOMEM;
}

static int set_bool(struct reading *rd, struct mf_repo *repo, bool *where, const char *value)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {
		{ "1", true },	{ "yes", true }, { "true", true },   { "on", true },
		{ "0", false }, { "no", false }, { "false", false }, { "off", false },
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (!strcasecmp(value, words[i].word)) {
			*where = words[i].value;
			return 0;
		}
	}
	return bad(rd, repo->id, "neither yes nor no", value);
}

static int set_priority(struct reading *rd, struct mf_repo *repo, const char *value)
{
	char *end;
	long n = strtol(value, &end, 10);

	if (*end || end == value || n < 1 || n > 200)
		return bad(rd, repo->id, "priority is not a number from 1 to 200", value);
	repo->priority = (int)n;
	return 0;
}

static int set_trust(struct reading *rd, struct mf_repo *repo, const char *value)
{
	if (!strcmp(value, "signed"))
		repo->trust = MF_TRUST_SIGNED;
	else if (!strcmp(value, "none"))
		repo->trust = MF_TRUST_NONE;
	else
		return bad(rd, repo->id, "trust is neither signed nor none", value);
	return 0;
}

static int entry(void *arg, const char *section, const char *key, const char *value)
{
	struct reading *rd = arg;
	struct mf_repo *repo = NULL;
	int r = repo_of(rd, section, &repo);

	if (r < 0)
		return r;
	if (!strcmp(key, "name"))
		return set_copy(&repo->name, value);
	if (!strcmp(key, "baseurl"))
		return add_url(rd, repo, value);
	if (!strcmp(key, "mirrorlist"))
		return set_mirrorlist(rd, repo, value);
	if (!strcmp(key, "enabled"))
		return set_bool(rd, repo, &repo->enabled, value);
	if (!strcmp(key, "gpgcheck"))
		return set_bool(rd, repo, &repo->gpgcheck, value);
	if (!strcmp(key, "scriptlets"))
		return set_bool(rd, repo, &repo->scriptlets, value);
	if (!strcmp(key, "priority"))
		return set_priority(rd, repo, value);
	if (!strcmp(key, "trust"))
		return set_trust(rd, repo, value);
	if (!strcmp(key, "keys"))
		return mf_strings_split(&repo->keys, value);
	return 0;
}

static int check(struct reading *rd, struct mf_repo *repo)
{
	const char *list = repo->mirrorlist;

	if (list && (!is_url(list) || strchr(list, '?') || mf_starts_with(list, "file:")))
		return bad(rd, repo->id, "mirrorlist is no plain http: or https: URL", list);
	if (list && mf_mirrors_read(rd->ctx, repo->id, &repo->baseurls) < 0)
		return -ENOMEM;
	if (!repo->baseurls.n && !repo->mirrorlist)
		return bad(rd, repo->id, "no baseurl", "a repository needs one");
	if (repo->trust == MF_TRUST_SIGNED)
		return 0;
	if (repo->mirrorlist)
		return bad(rd, repo->id, "trust=none is for file: only", repo->mirrorlist);
	for (size_t i = 0; i < repo->baseurls.n; i++)
		if (!mf_starts_with(repo->baseurls.v[i], "file:"))
			return bad(rd, repo->id, "trust=none is for file: only",
				   repo->baseurls.v[i]);
	return 0;
}

static int read_file(struct reading *rd, int dirfd)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	unsigned int line = 0;
	int r;

	r = mf_file_read_at(dirfd, rd->file, REPO_FILE_MAX, &text, &len);
	if (r < 0)
		return mf_fail(rd->ctx, "config", r, rd->file, NULL);
	if (strlen(text) != len)
		return mf_fail(rd->ctx, "config", -MFE_CONFIG, rd->file, "it holds a NUL byte");
	r = mf_ini_parse(text, entry, rd, &line);
	if (r == -EBADMSG)
		return mf_fail(rd->ctx, "config", -MFE_CONFIG, rd->file,
			       "line %u is no ini line, or longer than 198 bytes", line);
	if (r == -ENOMEM)
		return mf_fail(rd->ctx, "config", r, rd->file, NULL);
	/* all of them: a section may add to what another file began */
	for (size_t i = 0; !r && i < rd->repos->n; i++)
		r = check(rd, &rd->repos->v[i]);
	return r;
}

static int by_priority(const void *a, const void *b)
{
	const struct mf_repo *x = a, *y = b;

	return x->priority != y->priority
		       ? (x->priority > y->priority) - (x->priority < y->priority)
		       : strcmp(x->id, y->id);
}

static int is_repo_file(const struct dirent *e)
{
	return e->d_name[0] != '.' && mf_ends_with(e->d_name, ".repo");
}

int mf_repos_read(struct mf_context *ctx, struct mf_repos *ret_repos)
{
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	_cleanup_close_ int dirfd =
		mf_context_open(ctx, "etc/modfetch/repos.d", O_RDONLY | O_DIRECTORY);
	struct dirent **names = NULL;
	int n, r = 0;

	if (dirfd < 0 && dirfd != -ENOENT)
		return mf_fail(ctx, "config", dirfd, "/etc/modfetch/repos.d", NULL);
	n = dirfd < 0 ? 0 : scandirat(dirfd, ".", &names, is_repo_file, alphasort);
	if (n < 0)
		return mf_fail(ctx, "config", -errno, "/etc/modfetch/repos.d", NULL);
	for (int i = 0; i < n; i++) {
		struct reading rd = { ctx, &repos, names[i]->d_name };

		if (!r)
			r = read_file(&rd, dirfd);
		free(names[i]);
	}
	free(names);
	if (r < 0)
		return r;
	if (repos.n)
		qsort(repos.v, repos.n, sizeof(*repos.v), by_priority);
	*ret_repos = repos;
	repos = (struct mf_repos){ 0 };
	return 0;
}

const struct mf_repo *mf_repos_find(const struct mf_repos *repos, const char *id)
{
	for (size_t i = 0; i < repos->n; i++)
		if (!strcmp(repos->v[i].id, id))
			return &repos->v[i];
	return NULL;
}
