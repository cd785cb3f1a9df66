/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Adds a repository of which an admin knows the URL.
 *
 * What is fetched before the key is known is of unknown origin: a .repo file, a certificate. Of the
 * .repo file the name is used, and the path of the repository on the same server; its id, trust=,
 * scriptlets=, priority= and all other keys are not, so it cannot lower a protection, take the place
 * of another repository or lead to another server. The id comes from the admin's own words, since rules
 * of policy.d give rights to ids. The file that is written is ours, with the few lines that are needed.
 *
 * The order is: key, metadata (verified by that key), and last the .repo file, whose rename makes the
 * repository exist. A run that fails before removes what it wrote; one that is killed leaves a key that
 * no repository names, and the next run takes it if it is the same.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cache.h"
#include "modfetch/cleanup.h"
#include "modfetch/fetch.h"
#include "modfetch/file.h"
#include "modfetch/pack.h"
#include "modfetch/repo-file.h"
#include "modfetch/setup.h"
#include "setup-files.h"

#define REPO_FILE_MAX (64U << 10)
#define FILE_SECONDS  30
#define URL_MAX	      1024

void mf_repo_new_done(struct mf_repo_new *repo)
{
	free(repo->id);
	free(repo->name);
	free(repo->baseurl);
	mf_key_offer_done(&repo->key);
	*repo = (struct mf_repo_new){ 0 };
}

/* ---- URLs ---- */

/* The part of URL after "scheme://", or after "file:"; NULL: it has no scheme that we know. */
static const char *after_scheme(const char *url)
{
	static const char *const schemes[] = { "http://", "https://", "file:" };

	for (size_t i = 0; i < MF_ARRAY_SIZE(schemes); i++)
		if (mf_starts_with(url, schemes[i]))
			return url + strlen(schemes[i]);
	return NULL;
}

/* Why it cannot be a base URL in a .repo file, as a clause; NULL: it can. */
static const char *url_fault(const char *url)
{
	const char *rest = after_scheme(url);

	if (!rest)
		return "it is no URL that begins with http:, https: or file:";
	if (!*rest || (!mf_starts_with(url, "file:") && *rest == '/'))
		return "it has no host";
	if (mf_starts_with(url, "file:") && *rest != '/')
		return "its path is not absolute: file:///srv/drivers";
	if (strlen(url) > URL_MAX)
		return "it is longer than 1,024 bytes";
	if (strchr(url, '?'))
		return "a query string would be in the list of processes; write it to a .repo "
		       "file, "
		       "see modfetch-repo(5)";
	for (const char *p = url; *p; p++)
		if ((unsigned char)*p <= 0x20 || *p == 0x7f || strchr("?#\\,;\"<>", *p))
			return "it has a byte that a base URL cannot have: a blank, a comma or one "
			       "of "
			       "?#\\;\"<>";
	return NULL;
}

/* The length of scheme, user, password, host and port. */
static size_t authority_length(const char *url)
{
	const char *rest = after_scheme(url);

	return mf_starts_with(url, "file:") ? strlen("file:")
					    : (size_t)(strchrnul(rest, '/') - url);
}

/* The host and port of a URL, whose authority ends at END. */
static const char *host_of(const char *url, const char *end)
{
	const char *rest = after_scheme(url), *at = memrchr(rest, '@', (size_t)(end - rest));

	return at ? at + 1 : rest;
}

static bool is_same_server(const char *a, const char *b)
{
	const char *rest_a = after_scheme(a), *rest_b = after_scheme(b);
	const char *end_a = a + authority_length(a), *end_b = b + authority_length(b);
	const char *host_a = host_of(a, end_a), *host_b = host_of(b, end_b);

	if (rest_a - a != rest_b - b || strncmp(a, b, (size_t)(rest_a - a)) != 0)
		return false;
	return end_a - host_a == end_b - host_b &&
	       !strncasecmp(host_a, host_b, (size_t)(end_a - host_a));
}

static char *without_slashes(const char *url, size_t len)
{
	while (len && url[len - 1] == '/')
		len--;
	return strndup(url, len);
}

char *mf_repo_base_of_file(const char *url, const char *offered)
{
	const char *slash = strrchr(url, '/');
	_cleanup_free_ char *path = NULL;

	if (url_fault(url))
		return NULL;
	if (!offered)
		return slash ? without_slashes(url, (size_t)(slash - url)) : NULL;
	if (url_fault(offered) || !is_same_server(url, offered))
		return NULL;
	offered += authority_length(offered);
	path = without_slashes(offered, strlen(offered));
	return path ? mf_format("%.*s%s", (int)authority_length(url), url, path) : NULL;
}

char *mf_repo_id_of_url(const char *url)
{
	const char *path, *host, *end = url + strlen(url);

	if (url_fault(url))
		return NULL;
	path = url + authority_length(url);
	host = host_of(url, path);
	if (mf_ends_with(url, ".repo"))
		end -= strlen(".repo");
	while (end > path) {
		const char *begin = memrchr(path, '/', (size_t)(end - path));
		_cleanup_free_ char *part = NULL;

		begin = begin ? begin + 1 : path;
		part = strndup(begin, (size_t)(end - begin));
		/* the fixed name of the file says nothing about the repository */
		if (part && strcmp(part, "modfetch") != 0 && mf_repo_id_valid(part))
			return MF_STEAL(part);
		end = begin > path ? begin - 1 : path;
	}
	if (!mf_starts_with(url, "file:")) {
		_cleanup_free_ char *name = strndup(host, strcspn(host, ":/"));

		if (name && mf_repo_id_valid(name))
			return MF_STEAL(name);
	}
	return NULL;
}

/* ---- what is published there ---- */

static int fetch_repo_file(struct mf_context *ctx, const char *url, struct mf_repo_new *repo)
{
	_cleanup_(mf_fetched_done) struct mf_fetched fetched = { .fd = -1 };
	_cleanup_(mf_strings_done) struct mf_strings base = { 0 };
	_cleanup_(mf_repo_offer_done) struct mf_repo_offer offer = { 0 };
	_cleanup_free_ char *text = NULL;
	const char *slash = strrchr(url, '/'), *offered;
	size_t len;
	int r = mf_strings_addn(&base, url, (size_t)(slash - url));

	if (!r)
		r = mf_fetch(ctx,
			     &(struct mf_fetch_request){ .mirrors = &base,
							 .path = slash + 1,
							 .label = repo->id,
							 .max_size = REPO_FILE_MAX,
							 .timeout = FILE_SECONDS },
			     1, &fetched);
	if (r < 0)
		return r;
	r = mf_file_read(fetched.fd, REPO_FILE_MAX, &text, &len);
	if (!r)
		r = mf_repo_text_offer(text, &offer);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_CONFIG, r, url, NULL);
	if (!offer.n_sections || strlen(text) != len)
		return mf_fail(ctx, MF_STAGE_CONFIG, -MFE_CONFIG, url, "it is no .repo file");
	offered = offer.baseurls.n ? offer.baseurls.v[0] : NULL;
	repo->name = MF_STEAL(offer.name);
	repo->baseurl = mf_repo_base_of_file(url, offered);
	if (!repo->baseurl)
		return mf_fail(
			ctx, MF_STAGE_CONFIG, -MFE_DENIED, url,
			"its baseurl is on another server, %s; if that is the one: modfetch repo "
			"add with that URL",
			offered);
	return 0;
}

/* The URL of the certificate: beside the .repo file, or in the root of the repository. */
static char *certificate_url(struct mf_context *ctx, const char *url,
			     const struct mf_repo_new *repo)
{
	const char *slash = strrchr(url, '/');
	_cleanup_free_ char *base = mf_ends_with(url, ".repo")
					    ? strndup(url, (size_t)(slash - url))
					    : mf_repo_url_expand(ctx, repo->baseurl);

	return base ? mf_format("%s/" MF_PACK_CERTIFICATE, base) : NULL;
}

static int get_key(struct mf_context *ctx, const char *url, const char *path,
		   struct mf_repo_new *repo)
{
	_cleanup_free_ char *key_url = NULL;
	int r;

	if (path)
		return mf_key_offer_read(ctx, path, &repo->key);
	key_url = certificate_url(ctx, url, repo);
	if (!key_url)
		return mf_fail(ctx, MF_STAGE_CONFIG, -ENOMEM, url, NULL);
	r = mf_key_offer_fetch(ctx, key_url, repo->id, &repo->key);
	if (r == -MFE_HTTP_STATUS)
		return mf_fail(
			ctx, MF_STAGE_CONFIG, -MFE_NO_KEYS, key_url,
			"the repository publishes no certificate there (%s); get its key from "
			"the publisher and add --key FILE",
			ctx->failure.why);
	return r;
}

/* Is the id free, as an id and as the name of a file? 0, -EEXIST or another code, recorded. */
static int check_free(struct mf_context *ctx, const char *id)
{
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *path = mf_format(SETUP_REPOS "/%s.repo", id);
	int r = path ? mf_repos_read(ctx, &repos) : -ENOMEM;
	bool used = false;

	if (r < 0)
		return path ? r : mf_fail(ctx, MF_STAGE_CONFIG, r, id, NULL);
	used = mf_repos_find(&repos, id) != NULL;
	for (size_t i = 0; i < repos.n_faults; i++)
		used |= repos.faults[i].id && !strcmp(repos.faults[i].id, id);
	fd = mf_context_open(ctx, path, O_PATH | O_NOFOLLOW);
	if (used || fd != -ENOENT)
		return mf_fail(
			ctx, MF_STAGE_CONFIG, -EEXIST, id,
			"a repository of this id, or a file /%s, exists; choose another id with "
			"--id, or first: modfetch repo remove %s",
			path, id);
	return 0;
}

int mf_repo_new_prepare(struct mf_context *ctx, const char *url, const char *id, const char *key,
			struct mf_repo_new *ret_repo)
{
	_cleanup_(mf_repo_new_done) struct mf_repo_new repo = { 0 };
	_cleanup_free_ char *plain = without_slashes(url, strlen(url));
	const char *fault = plain ? url_fault(plain) : NULL;
	int r;

	if (fault)
		return mf_fail(ctx, MF_STAGE_CONFIG, -MFE_USAGE, url, "%s", fault);
	repo.id = !plain ? NULL : id ? strdup(id) : mf_repo_id_of_url(plain);
	if (!plain || (id && !repo.id))
		return mf_fail(ctx, MF_STAGE_CONFIG, -ENOMEM, url, NULL);
	if (!repo.id || !mf_repo_id_valid(repo.id))
		return mf_fail(
			ctx, MF_STAGE_CONFIG, -MFE_USAGE, id ? id : url,
			"an id has at most 128 letters, digits and bytes of -_.:+, and does not "
			"begin with a dot; choose one with --id");
	r = check_free(ctx, repo.id);
	if (r < 0)
		return r;
	if (mf_ends_with(plain, ".repo"))
		r = fetch_repo_file(ctx, plain, &repo);
	else
		repo.baseurl = strdup(plain);
	if (!r && !repo.baseurl)
		r = mf_fail(ctx, MF_STAGE_CONFIG, -ENOMEM, url, NULL);
	if (!r)
		r = get_key(ctx, plain, key, &repo);
	if (r < 0)
		return r;
	*ret_repo = repo;
	repo = (struct mf_repo_new){ 0 };
	return 0;
}

/* ---- writing it ---- */

/* What this run has written, and removes if it fails. */
struct writing {
	struct mf_context *ctx;
	const struct mf_repo_new *repo;
	char *key_file; /* NULL: none, or it was there before */
	bool had_state;
	bool done;
};

static void writing_end(const struct writing *w)
{
	if (!w->done) {
		_cleanup_(mf_failure_restore) const struct mf_saved_failure saved =
			mf_failure_save(w->ctx);

		setup_remove_cache(w->ctx, w->repo->id);
		if (!w->had_state)
			setup_remove_file(w->ctx, SETUP_STATES, w->repo->id, ".state");
		if (w->key_file)
			setup_remove_file(w->ctx, MF_KEY_DIRECTORY, w->key_file, "");
	}
	free(w->key_file);
}

/*
 * A key that this id had before and has no longer takes its state with it: another publisher may use
 * the id. With a key that it had, the state counts.
 */
static int refresh_flags(struct mf_context *ctx, const struct mf_repo_new *repo,
			 unsigned int *ret_flags)
{
	struct mf_repo_state state;
	char hex[MF_SHA256_HEX];
	int r = mf_repo_state_read(ctx, repo->id, &state);

	*ret_flags = MF_REFRESH_IDENTITY;
	for (size_t m = 0; !r && m < state.n_marks; m++) {
		mf_sha256_hex(state.marks[m].keyring, hex);
		for (size_t i = 0; i < repo->key.n; i++)
			if (!strcasecmp(state.marks[m].key, repo->key.v[i].fingerprint) ||
			    !strcmp(hex, repo->key.v[i].fingerprint))
				*ret_flags = 0;
	}
	return r;
}

static int refresh_new(struct mf_context *ctx, const struct mf_repo_new *repo, char *key_name,
		       struct mf_refresh_result *ret_result)
{
	_cleanup_free_ char *url = mf_repo_url_expand(ctx, repo->baseurl);
	struct mf_repo probe = {
		.id = repo->id,
		.name = repo->name,
		.baseurls = { &url, 1, 0 },
		.enabled = true,
		.priority = MF_REPO_PRIORITY,
		.trust = MF_TRUST_SIGNED,
		.keys = { &key_name, 1, 0 },
	};
	unsigned int flags;
	int r = refresh_flags(ctx, repo, &flags);

	if (!url)
		return mf_fail(ctx, MF_STAGE_CONFIG, -ENOMEM, repo->id, NULL);
	if (!r)
		r = mf_refresh(ctx, &probe, flags, ret_result);
	/* it is not configured, so the way out that refresh names is none */
	if (r == -MFE_ROLLBACK)
		return mf_fail(ctx, MF_STAGE_CONFIG, r, repo->id,
			       "newer metadata of this id was used before; to use this one all the "
			       "same, choose another id with --id");
	if (r == -MFE_IDENTITY)
		return mf_fail(ctx, MF_STAGE_CONFIG, r, repo->id,
			       "metadata with another identity was used before for this id; to use "
			       "this one all the same, choose another id with --id");
	return r < 0 ? r : 0;
}

static int write_repo_file(struct mf_context *ctx, const struct mf_repo_new *repo,
			   const char *key_name)
{
	_cleanup_free_ char *file = mf_format("%s.repo", repo->id), *text = NULL;
	_cleanup_free_ char *public = mf_secret_hide_copy(repo->baseurl);
	_cleanup_close_ int dirfd = mf_context_mkdir(ctx, SETUP_REPOS);
	int r = dirfd;

	text = mf_format("# Written by modfetch repo add.\n[%s]\nname=%s\nbaseurl=%s\nenabled=1\n"
			 "keys=%s\n",
			 repo->id, repo->name ? repo->name : repo->id, repo->baseurl, key_name);
	if (!file || !text || !public)
		r = -ENOMEM;
	if (r >= 0)
		/* a password is for root only */
		r = mf_file_publish(dirfd, file, strcmp(public, repo->baseurl) ? 0600 : 0644, text,
				    strlen(text));
	return r < 0 ? mf_fail(ctx, MF_STAGE_CONFIG, r, "/" SETUP_REPOS, NULL) : 0;
}

int mf_repo_new_add(struct mf_context *ctx, const struct mf_repo_new *repo,
		    struct mf_refresh_result *ret_result)
{
	struct mf_refresh_result result = { 0 };
	_cleanup_(writing_end) struct writing w = { .ctx = ctx, .repo = repo };
	_cleanup_close_ int lock = -1;
	_cleanup_free_ char *key_name = mf_format("%s%s", repo->id, repo->key.ending);
	int r;

	if (!key_name)
		return mf_fail(ctx, MF_STAGE_CONFIG, -ENOMEM, repo->id, NULL);
	lock = mf_lock(ctx);
	r = lock < 0 ? lock : check_free(ctx, repo->id);
	w.done = r < 0;
	if (r < 0)
		return r;
	w.had_state = setup_has_file(ctx, SETUP_STATES, repo->id, ".state");
	r = setup_write_key(ctx, key_name, &repo->key);
	if (r == 0)
		w.key_file = strdup(key_name);
	w.done = r < 0;
	if (r < 0)
		return r;
	r = refresh_new(ctx, repo, key_name, &result);
	if (!r)
		r = write_repo_file(ctx, repo, key_name);
	if (r < 0)
		return r;
	w.done = true;
	*ret_result = result;
	return 0;
}
