/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keeps the metadata of a refresh for the medium.
 *
 * The refresh hands over each file after it was verified, byte for byte as it was published, so that the
 * signature is still valid where the medium is used, and exactly those files that a refresh there will
 * read. Two lists may lead to different metadata of one id, if its URL depends on the kernel: each gets
 * a directory of its own.
 */
#include "copies.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/mount.h"
#include "modfetch/strings.h"

#define REPOMD "repodata/repomd.xml"

/* ---- the keeper ---- */

/* FD is dup'ed: it stays sealed, and is read by position only. */
static int on_keep(struct mf_keeper *keeper, struct mf_context *ctx, const char *repo_id,
		   const char *path, int fd)
{
	struct travel_copies *c = (struct travel_copies *)keeper;
	struct travel_copy copy = { .repo = strdup(repo_id), .path = strdup(path) };

	copy.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	/* of the next mirror, in place of one whose files did not go together */
	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->v[i].repo, repo_id) && !strcmp(c->v[i].path, path) && copy.fd >= 0) {
			int before = c->v[i].fd;

			c->v[i].fd = mf_steal_fd(&copy.fd);
			close(before);
			free(copy.repo);
			free(copy.path);
			return 0;
		}
	if (copy.fd < 0 || !copy.repo || !copy.path ||
	    mf_array_reserve(&c->v, &c->room, c->n + 1, sizeof(*c->v)) < 0) {
		mf_cleanup_close(&copy.fd);
		free(copy.repo);
		free(copy.path);
		return mf_fail(ctx, MF_STAGE_LIST, copy.fd < 0 ? -EMFILE : -ENOMEM, path, NULL);
	}
	c->v[c->n++] = copy;
	return 0;
}

static const char *on_have(struct mf_keeper *keeper, const char *repo_id)
{
	struct travel_copies *c = (struct travel_copies *)keeper;
	_cleanup_free_ char *path = NULL;

	free(MF_STEAL(c->have));
	if (c->medium->dirfd >= 0)
		path = mf_format("%s/%s", c->medium->path, repo_id);
	if (path)
		c->have = mf_file_url(path);
	return c->have;
}

void travel_copies_init(struct travel_copies *ret_copies, const struct travel_medium *medium)
{
	*ret_copies = (struct travel_copies){ .keeper = { on_keep, on_have }, .medium = medium };
}

void travel_copies_reset(struct travel_copies *copies)
{
	for (size_t i = 0; i < copies->n; i++) {
		free(copies->v[i].repo);
		free(copies->v[i].path);
		close(copies->v[i].fd);
	}
	copies->n = 0;
}

void travel_copies_done(struct travel_copies *copies)
{
	travel_copies_reset(copies);
	free(copies->v);
	for (size_t i = 0; i < copies->n_places; i++) {
		free(copies->places[i].repo);
		free(copies->places[i].directory);
	}
	free(copies->places);
	free(copies->have);
	*copies = (struct travel_copies){ 0 };
}

/* ---- places ---- */

static const struct travel_copy *find_copy(const struct travel_copies *c, const char *repo,
					   const char *path)
{
	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->v[i].repo, repo) && !strcmp(c->v[i].path, path))
			return &c->v[i];
	return NULL;
}

static bool is_taken(const struct travel_copies *c, const char *directory)
{
	for (size_t i = 0; i < c->n_places; i++)
		if (!strcmp(c->places[i].directory, directory))
			return true;
	return false;
}

static const char *add_place(struct travel_copies *c, const char *repo, const uint8_t *digest)
{
	struct travel_place place = { .repo = strdup(repo), .directory = strdup(repo) };

	for (unsigned int n = 2; place.directory && is_taken(c, place.directory); n++) {
		free(place.directory);
		place.directory = mf_format("%s-%u", repo, n);
	}
	memcpy(place.digest, digest, sizeof(place.digest));
	if (!place.repo || !place.directory ||
	    mf_array_reserve(&c->places, &c->room_for_places, c->n_places + 1, sizeof(*c->places)) <
		    0) {
		free(place.repo);
		free(place.directory);
		return NULL;
	}
	c->places[c->n_places++] = place;
	return place.directory;
}

const char *travel_copies_place(struct travel_copies *copies, const char *repo_id)
{
	const struct travel_copy *repomd = find_copy(copies, repo_id, REPOMD);
	uint8_t digest[MF_SHA256_LEN];

	if (!repomd || mf_sha256_fd(repomd->fd, digest) < 0)
		return NULL;
	for (size_t i = 0; i < copies->n_places; i++)
		if (!strcmp(copies->places[i].repo, repo_id) &&
		    !memcmp(copies->places[i].digest, digest, sizeof(digest)))
			return copies->places[i].directory;
	return add_place(copies, repo_id, digest);
}

/* ---- writing ---- */

/* The signature goes before repomd.xml, and the files that this names before both. */
static int rank(const char *path)
{
	return !strcmp(path, REPOMD) ? 2 : mf_starts_with(path, REPOMD) ? 1 : 0;
}

static int write_copy(struct mf_context *ctx, const struct travel_copy *copy, const char *directory,
		      struct travel_medium *medium, bool dry_run)
{
	_cleanup_free_ char *path = mf_format("%s/%s", directory, copy->path);
	uint8_t digest[MF_SHA256_LEN];
	struct stat st = { 0 };
	int r = path ? mf_sha256_fd(copy->fd, digest) : -ENOMEM;

	if (!r && fstat(copy->fd, &st) < 0)
		r = -errno;
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_LIST, r, copy->path, NULL);
	r = travel_medium_expect(ctx, medium, path, (uint64_t)st.st_size, digest);
	if (r || dry_run)
		return r < 0 ? r : 0;
	return travel_medium_write(ctx, medium, path, copy->fd);
}

int travel_copies_write(struct mf_context *ctx, struct travel_copies *copies,
			struct travel_medium *medium, const char *repo_id, bool dry_run)
{
	const char *directory = travel_copies_place(copies, repo_id);
	int r = 0;

	if (!directory)
		return mf_fail(ctx, MF_STAGE_LIST, -ENOMEM, repo_id, NULL);
	for (int now = 0; now <= 2; now++)
		for (size_t i = 0; !r && i < copies->n; i++)
			if (!strcmp(copies->v[i].repo, repo_id) && rank(copies->v[i].path) == now)
				r = write_copy(ctx, &copies->v[i], directory, medium, dry_run);
	return r;
}
