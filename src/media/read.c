/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decides what of a medium may be used.
 *
 * Each repository and each package file is judged alone: a refused one is listed with its reason, and
 * does not stop the others. A package file is copied into memory, and its OpenPGP signature is verified
 * before librpm parses anything of it. From then on it is known by the digest of that copy: each later
 * look at the medium is compared with it, since the medium may be another device that only says it is a
 * stick, with other bytes at the next look.
 *
 * Nothing is written before something is accepted.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/media.h"
#include "modfetch/mount.h"
#include "modfetch/repo.h"
#include "modfetch/verify.h"

void mf_media_done(struct mf_context *ctx, struct mf_media *media)
{
	if (media->packages)
		mf_local_forget_index(ctx);
	for (size_t i = 0; i < media->n_locals; i++)
		mf_local_done(&media->locals[i]);
	for (size_t i = 0; i < media->n_refusals; i++)
		free(media->refusals[i].path);
	free(media->locals);
	free(media->refusals);
	mf_media_found_done(&media->found);
	*media = (struct mf_media){ 0 };
}

/* Notes the recorded failure R as the reason why PATH is not used. 0 or -ENOMEM, recorded. */
static int media_refuse(struct mf_context *ctx, struct mf_media *media, const char *path)
{
	struct mf_media_refusal *v =
		reallocarray(media->refusals, media->n_refusals + 1, sizeof(*v));
	char *copy = strdup(path);

	if (v)
		media->refusals = v;
	if (!v || !copy) {
		free(copy);
		return mf_fail(ctx, MF_STAGE_MEDIA, -ENOMEM, path, NULL);
	}
	v[media->n_refusals++] = (struct mf_media_refusal){ copy, ctx->failure };
	mf_log(ctx, MF_LOG_WARNING, "media: not used: %s: %s [%s]", ctx->failure.what,
	       *ctx->failure.why ? ctx->failure.why : mf_error_sentence(ctx->failure.code),
	       mf_error_name(ctx->failure.code));
	ctx->failure = (struct mf_failure){ 0 };
	return 0;
}

/* A failure of this machine, and not of one thing on the medium. */
static bool ends_all(int r)
{
	return r == -ENOMEM || r == -EMFILE || r == -ENFILE || r == -MFE_NO_SQV;
}

/* A set at the end of the list, zeroed. NULL: no memory. */
static struct mf_local *add_local(struct mf_media *media)
{
	struct mf_local *v = reallocarray(media->locals, media->n_locals + 1, sizeof(*v));

	if (!v)
		return NULL;
	media->locals = v;
	v[media->n_locals] = (struct mf_local){ .id = MF_LOCAL_MEDIUM };
	return &v[media->n_locals++];
}

/* ---- repositories ---- */

static bool has_repository(const struct mf_media *media, const char *id)
{
	for (size_t i = 0; i < media->n_locals; i++)
		if (media->locals[i].repository && !strcmp(media->locals[i].repository, id))
			return true;
	return false;
}

static int media_take_repository(struct mf_context *ctx, const struct mf_repos *repos,
				 const char *directory, bool dry_run, struct mf_media *media)
{
	_cleanup_(mf_local_done) struct mf_local local = { 0 };
	struct mf_local *place;
	int r = mf_media_accept_repository(ctx, repos, directory, dry_run, &local);

	if (!r && has_repository(media, local.repository))
		r = mf_fail(ctx, MF_STAGE_MEDIA, -MFE_IDENTITY, directory,
			    "another directory of the medium is a copy of repository %s too; keep "
			    "one",
			    local.repository);
	if (r < 0)
		return ends_all(r) ? r : media_refuse(ctx, media, directory);
	place = add_local(media);
	if (!place)
		return mf_fail(ctx, MF_STAGE_MEDIA, -ENOMEM, directory, NULL);
	*place = local;
	local = (struct mf_local){ 0 };
	return 0;
}

/* ---- package files ---- */

static int check_package(struct mf_context *ctx, const struct mf_repo *keys, const char *path,
			 struct mf_local *local)
{
	_cleanup_close_ int fd = mf_local_copy(path, ctx->settings.max_package);
	int r;

	if (fd == -EFBIG)
		return mf_fail(ctx, MF_STAGE_MEDIA, -MFE_TOO_LARGE, path,
			       "larger than max-package of modfetch.conf");
	if (fd < 0)
		return mf_fail(ctx, MF_STAGE_MEDIA, fd <= -MFE_FIRST ? fd : -MFE_MEDIUM, path,
			       "%s; was the medium removed? insert it again",
			       mf_error_sentence(fd));
	r = mf_verify_signature(ctx, keys, path, fd);
	return r < 0 ? r : mf_local_add_verified(ctx, path, fd, local);
}

static int take_packages(struct mf_context *ctx, struct mf_media *media)
{
	_cleanup_(mf_repo_done) struct mf_repo keys = { 0 };
	const struct mf_strings *files = &media->found.packages;
	struct mf_local *local;
	int r;

	if (!files->n)
		return 0;
	r = mf_local_medium_repo(ctx, &keys);
	if (r < 0)
		return ends_all(r) ? r : media_refuse(ctx, media, files->v[0]);
	local = add_local(media);
	if (!local)
		return mf_fail(ctx, MF_STAGE_MEDIA, -ENOMEM, "medium", NULL);
	for (size_t i = 0; !r && i < files->n; i++) {
		r = check_package(ctx, &keys, files->v[i], local);
		if (r < 0 && !ends_all(r))
			r = media_refuse(ctx, media, files->v[i]);
	}
	media->packages = local->n;
	if (!local->n) {
		mf_local_done(local);
		media->n_locals--;
		return r;
	}
	return r ? r : mf_local_index(ctx, local);
}

/* ---- all of it ---- */

static int scan_all(struct mf_context *ctx, const char *path, struct mf_media *media)
{
	struct mf_media_found *found = &media->found;
	int r = mf_media_scan(ctx, path, true, found);

	for (size_t i = 0; !r && i < found->images.n; i++) {
		_cleanup_free_ char *place = NULL;

		r = mf_mount_image(ctx, found->images.v[i], &place);
		r = r < 0 ? (ends_all(r) ? r : media_refuse(ctx, media, found->images.v[i]))
			  : mf_media_scan(ctx, place, false, found);
	}
	if (found->cut)
		mf_log(ctx, MF_LOG_WARNING,
		       "media: %s has more files than a driver medium may have; the rest is not "
		       "looked at",
		       path);
	if (found->modules)
		mf_log(ctx, MF_LOG_WARNING,
		       "media: %s: %zu modules of its driver update are in no package and are not "
		       "used; ask the vendor for packages",
		       path, found->modules);
	return r;
}

int mf_media_read(struct mf_context *ctx, const char *path, bool dry_run,
		  struct mf_media *ret_media)
{
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	struct mf_media *media = ret_media;
	const struct mf_media_found *found = &media->found;
	int r = scan_all(ctx, path, media);

	if (!r && !found->directories.n && !found->packages.n && !media->n_refusals)
		r = mf_fail(ctx, MF_STAGE_MEDIA, -MFE_NOT_FOUND, path,
			    found->modules
				    ? "it has modules and no packages, and modules alone are not "
				      "taken; ask the vendor for packages"
				    : "it has neither a repository nor packages where they are "
				      "looked for; modfetch-media(7) describes the layouts");
	if (!r && found->directories.n)
		r = mf_repos_read(ctx, &repos);
	for (size_t i = 0; !r && i < found->directories.n; i++)
		r = media_take_repository(ctx, &repos, found->directories.v[i], dry_run, media);
	if (!r)
		r = take_packages(ctx, media);
	if (r < 0 || media->n_locals)
		return r;
	ctx->failure = media->refusals[0].why;
	return ctx->failure.code;
}
