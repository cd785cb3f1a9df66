/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Enables, disables and removes a repository, and gives it another key.
 *
 * The .repo file is changed first or last, such that a killed run leaves a repository that can be used or
 * none: a key is written before keys= names it, and removed after nothing names it.
 *
 * A removed repository leaves one file, the state of its metadata (/var/lib/modfetch/repos/ID.state). It
 * says how new the metadata was that each key signed. Without it, removing and adding a repository would
 * let a mirror go back to a driver with a known hole. Key files are removed only if their name begins
 * with the id and their first line is ours; any other is an admin's or a package's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/repo-file.h"
#include "modfetch/setup.h"
#include "setup-files.h"

#define KEYS_MAX 99 /* of one repository, as files that are named after it */

/* The entry of a repository; or a recorded failure. */
static int find_repo(struct mf_context *ctx, const struct mf_repos *repos, const char *id,
		     const struct mf_repo **ret_repo)
{
	*ret_repo = mf_repos_find(repos, id);
	return *ret_repo ? 0 : mf_repos_not_found(ctx, repos, id);
}

/* Takes the lock, and reads the repositories as they are under it. A descriptor or a recorded failure. */
static int begin_change(struct mf_context *ctx, struct mf_repos *ret_repos)
{
	_cleanup_close_ int lock = mf_lock(ctx);
	int r = lock < 0 ? lock : mf_repos_read(ctx, ret_repos);

	return r < 0 ? r : mf_steal_fd(&lock);
}

/* Sets one key in the entry of a repository. 0, or -MFE_CONFIG or -errno, recorded. */
static int change_entry(struct mf_context *ctx, const struct mf_repo *repo, const char *key,
			const char *value, bool append)
{
	_cleanup_free_ char *text = NULL, *changed = NULL;
	int r = setup_read_repo_file(ctx, repo->file, &text);

	if (r < 0)
		return r;
	r = mf_repo_text_set(text, repo->id, key, value, append, &changed);
	if (r == -EINVAL || r == -ENOENT)
		return mf_fail(
			ctx, MF_STAGE_CONFIG, -MFE_CONFIG, repo->file,
			"%s= of [%s] cannot be set to %s without changing more; edit the file", key,
			repo->id, value);
	return r < 0 ? mf_fail(ctx, MF_STAGE_CONFIG, r, repo->file, NULL)
		     : setup_write_repo_file(ctx, repo->file, changed);
}

int mf_repo_enable(struct mf_context *ctx, const char *id, bool enabled)
{
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	_cleanup_close_ int lock = begin_change(ctx, &repos);
	const struct mf_repo *repo;
	int r = lock < 0 ? lock : find_repo(ctx, &repos, id, &repo);

	if (r < 0)
		return r;
	return repo->enabled == enabled
		       ? 1
		       : change_entry(ctx, repo, "enabled", enabled ? "1" : "0", false);
}

/* ---- removing ---- */

static bool uses_file(int dirfd, const struct mf_repo *repo, const char *file)
{
	for (size_t i = 0; i < repo->keys.n; i++) {
		_cleanup_free_ char *found = mf_key_file_find(dirfd, repo->keys.v[i]);

		if (!found || !strcmp(found, file))
			return true;
	}
	return false;
}

/* May a key file go with its repository? */
static bool is_own_key(int dirfd, const struct mf_repos *repos, const struct mf_repo *repo,
		       const char *file)
{
	size_t len = strlen(repo->id);

	/* an entry that cannot be used may name it */
	if (strncmp(file, repo->id, len) != 0 || (file[len] != '.' && file[len] != '~') ||
	    repos->n_faults || !setup_has_mark(dirfd, file))
		return false;
	for (size_t i = 0; i < repos->n; i++)
		if (&repos->v[i] != repo && uses_file(dirfd, &repos->v[i], file))
			return false;
	return true;
}

static int remove_keys(struct mf_context *ctx, const struct mf_repos *repos,
		       const struct mf_repo *repo, struct mf_strings *kept)
{
	_cleanup_close_ int dirfd = mf_context_open(ctx, MF_KEY_DIRECTORY, O_RDONLY | O_DIRECTORY);
	int r = 0;

	for (size_t i = 0; dirfd >= 0 && !r && i < repo->keys.n; i++) {
		_cleanup_free_ char *file = mf_key_file_find(dirfd, repo->keys.v[i]), *path = NULL;

		if (!file)
			continue;
		if (is_own_key(dirfd, repos, repo, file)) {
			setup_remove_file(ctx, MF_KEY_DIRECTORY, file, "");
			continue;
		}
		path = mf_format("/" MF_KEY_DIRECTORY "/%s", file);
		r = path ? mf_strings_add_unique(kept, path) : -ENOMEM;
	}
	return r;
}

static int remove_entry(struct mf_context *ctx, const struct mf_repo *repo)
{
	_cleanup_close_ int dirfd = mf_context_open(ctx, SETUP_REPOS, O_RDONLY | O_DIRECTORY);
	_cleanup_free_ char *text = NULL, *changed = NULL;
	bool last = false;
	int r = setup_read_repo_file(ctx, repo->file, &text);

	if (r < 0)
		return r;
	r = mf_repo_text_remove(text, repo->id, &changed, &last);
	if (!r && !last)
		return setup_write_repo_file(ctx, repo->file, changed);
	if (!r && (unlinkat(dirfd, repo->file, 0) < 0 || fsync(dirfd) < 0))
		r = -errno;
	return r < 0 ? mf_fail(ctx, MF_STAGE_CONFIG, r, repo->file, NULL) : 0;
}

int mf_repo_remove(struct mf_context *ctx, const char *id, struct mf_strings *ret_kept)
{
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	_cleanup_close_ int lock = begin_change(ctx, &repos);
	const struct mf_repo *repo;
	int r = lock < 0 ? lock : find_repo(ctx, &repos, id, &repo);

	if (!r)
		r = remove_entry(ctx, repo);
	if (r < 0)
		return r;
	setup_remove_cache(ctx, id);
	r = remove_keys(ctx, &repos, repo, ret_kept);
	return r < 0 ? mf_fail(ctx, MF_STAGE_CONFIG, r, id, NULL) : 0;
}

/* ---- another key ---- */

/* Writes the offer under the first name that is free: ID.pem, ID~2.pem, … As setup_write_key(). */
static int write_next_key(struct mf_context *ctx, const char *id, const struct mf_key_offer *offer,
			  char **ret_file)
{
	int r = -EEXIST;

	for (unsigned int n = 1; r == -EEXIST && n <= KEYS_MAX; n++) {
		_cleanup_free_ char *file = n == 1 ? mf_format("%s%s", id, offer->ending)
						   : mf_format("%s~%u%s", id, n, offer->ending);

		if (!file)
			return mf_fail(ctx, MF_STAGE_CONFIG, -ENOMEM, id, NULL);
		r = setup_write_key(ctx, file, offer);
		if (r >= 0)
			*ret_file = MF_STEAL(file);
	}
	return r;
}

int mf_repo_add_key(struct mf_context *ctx, const char *id, const struct mf_key_offer *offer,
		    char **ret_file)
{
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	_cleanup_close_ int lock = begin_change(ctx, &repos), dirfd = -1;
	_cleanup_free_ char *file = NULL;
	const struct mf_repo *repo;
	int r = lock < 0 ? lock : find_repo(ctx, &repos, id, &repo), written;

	if (r < 0)
		return r;
	written = write_next_key(ctx, id, offer, &file);
	if (written < 0)
		return written;
	dirfd = mf_context_open(ctx, MF_KEY_DIRECTORY, O_RDONLY | O_DIRECTORY);
	for (size_t i = 0; written == 1 && dirfd >= 0 && !r && i < repo->keys.n; i++) {
		_cleanup_free_ char *used = mf_key_file_find(dirfd, repo->keys.v[i]);

		r = used && file && !strcmp(used, file);
	}
	if (!r)
		r = change_entry(ctx, repo, "keys", file, true);
	if (r < 0 && !written)
		setup_remove_file(ctx, MF_KEY_DIRECTORY, file, "");
	if (r < 0)
		return r;
	*ret_file = MF_STEAL(file);
	return r;
}
