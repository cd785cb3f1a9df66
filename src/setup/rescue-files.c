/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The trust that an initrd with a rescue program gets (src/rescue): the keys of the running system.
 *
 *	etc/modfetch/keys/repo.d	the certificates of enabled repositories, and all revocation lists
 *	etc/modfetch/keys/deny.d	the deny list
 *	etc/modfetch/keys/module.d	the keys of modules
 *	etc/modfetch/keys/build.der	which of them is the machine's own; its private key stays out
 *	etc/modfetch/modfetch.conf	module-signature= alone
 *
 * Anyone can read an initrd, so the configuration of the repositories, with its passwords, stays out
 * of it. A key of a disabled repository, or of none, does not count there as it does not count here.
 * OpenPGP keys are left out: no program of an initrd verifies such a signature.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-keys.h"
#include "modfetch/setup.h"

#define KEYS	    "etc/modfetch/keys"
#define CONF	    "etc/modfetch/modfetch.conf"
#define FILE_MAX    ((size_t)4 << 20)
#define LIST_ENDING ".crl"

struct rescue_copy {
	struct mf_context *ctx;
	struct mf_context target; /* the new initrd as a root */
};

static int copy_file(const struct rescue_copy *c, int from, int to, const char *name)
{
	_cleanup_free_ char *buf = NULL;
	size_t len;
	int r = mf_file_read_at(from, name, FILE_MAX, &buf, &len);

	if (r == 0)
		r = mf_file_publish(to, name, 0644, buf, len);
	return r < 0 ? mf_fail(c->ctx, MF_STAGE_CONFIG, r, name, NULL) : 0;
}

/* Copies the files of a directory of keys whose names end with ENDING; "": all. */
static int copy_directory(const struct rescue_copy *c, const char *path, const char *ending)
{
	_cleanup_close_ int from = mf_context_open(c->ctx, path, O_RDONLY | O_DIRECTORY);
	_cleanup_close_ int to = from == -ENOENT ? -1 : mf_context_mkdir(&c->target, path);
	_cleanup_closedir_ DIR *dir = from < 0 ? NULL : mf_opendir(from);
	struct dirent *e;
	int r = 0;

	if (from == -ENOENT)
		return 0;
	if (!dir || to < 0)
		return mf_fail(c->ctx, MF_STAGE_CONFIG,
			       from < 0 ? from
			       : to < 0 ? to
					: -errno,
			       path, NULL);
	while (!r && (errno = 0, e = readdir(dir)))
		if (*e->d_name != '.' && mf_ends_with(e->d_name, ending))
			r = copy_file(c, from, to, e->d_name);
	return r ? r : errno ? mf_fail(c->ctx, MF_STAGE_CONFIG, -errno, path, NULL) : 0;
}

/* May this key verify metadata of an enabled repository? */
static bool key_counts(const struct mf_repos *repos, const struct mf_key_entry *key)
{
	if (key->why || key->keyring)
		return false;
	for (size_t i = 0; i < key->used_by.n; i++) {
		const struct mf_repo *repo = mf_repos_find(repos, key->used_by.v[i]);

		if (repo && repo->enabled && repo->trust == MF_TRUST_SIGNED)
			return true;
	}
	return false;
}

/* Copies the certificates. Their number, or a recorded failure. */
static int copy_certificates(const struct rescue_copy *c)
{
	_cleanup_(mf_key_list_done) struct mf_key_list list = { 0 };
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	_cleanup_close_ int from =
		mf_context_open(c->ctx, MF_KEY_DIRECTORY, O_RDONLY | O_DIRECTORY);
	_cleanup_close_ int to = mf_context_mkdir(&c->target, MF_KEY_DIRECTORY);
	int r = mf_repos_read(c->ctx, &repos), n = 0;

	if (!r)
		r = mf_keys_list(c->ctx, &repos, &list);
	if (!r && to < 0)
		r = mf_fail(c->ctx, MF_STAGE_CONFIG, to, MF_KEY_DIRECTORY, NULL);
	for (size_t i = 0; !r && i < list.n; i++)
		if (key_counts(&repos, &list.v[i])) {
			r = copy_file(c, from, to, list.v[i].file);
			n++;
		}
	return r < 0 ? r : n;
}

/* Before module.d: without it the machine's own certificate would count as a configured one. */
static int copy_own_certificate(const struct rescue_copy *c)
{
	_cleanup_close_ int from = mf_context_open(c->ctx, KEYS, O_RDONLY | O_DIRECTORY);
	_cleanup_close_ int to = mf_context_mkdir(&c->target, KEYS);
	const char *name = strrchr(MF_BUILD_CERTIFICATE, '/') + 1;

	if (from == -ENOENT || (from >= 0 && faccessat(from, name, F_OK, 0) < 0 && errno == ENOENT))
		return 0;
	if (from < 0 || to < 0)
		return mf_fail(c->ctx, MF_STAGE_CONFIG, from < 0 ? from : to, KEYS, NULL);
	return copy_file(c, from, to, name);
}

static int write_settings(const struct rescue_copy *c)
{
	_cleanup_free_ char *text =
		mf_format("[modfetch]\nmodule-signature=%s\n", c->ctx->settings.module_signature);
	_cleanup_close_ int to = mf_context_mkdir(&c->target, "etc/modfetch");
	int r = !text ? -ENOMEM : to < 0 ? to : 0;

	if (r == 0)
		r = mf_file_publish(to, strrchr(CONF, '/') + 1, 0644, text, strlen(text));
	return r < 0 ? mf_fail(c->ctx, MF_STAGE_CONFIG, r, CONF, NULL) : 0;
}

int mf_rescue_files(struct mf_context *ctx, const char *directory)
{
	_cleanup_free_ char *root = strdup(directory);
	_cleanup_close_ int fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const struct rescue_copy c = { ctx, { .root = root, .root_fd = fd } };
	int r, n;

	if (fd < 0 || !root)
		return mf_fail(ctx, MF_STAGE_CONFIG, fd < 0 ? -errno : -ENOMEM, directory, NULL);
	/* lists first: a key without the list that revokes it would be worse than none */
	r = copy_directory(&c, MF_KEY_DIRECTORY, LIST_ENDING);
	if (r == 0)
		r = copy_directory(&c, KEYS "/deny.d", "");
	if (r == 0)
		r = copy_own_certificate(&c);
	if (r == 0)
		r = copy_directory(&c, MF_MODULE_KEYS, "");
	if (r == 0)
		r = write_settings(&c);
	n = r < 0 ? r : copy_certificates(&c);
	if (n == 0)
		return mf_fail(ctx, MF_STAGE_CONFIG, -MFE_NO_KEYS, "/" MF_KEY_DIRECTORY,
			       "no enabled repository has a certificate, so modfetch media in an "
			       "initrd could verify no medium (OpenPGP keys do not count there); "
			       "to add one: modfetch key import ID FILE");
	return n < 0 ? n : 0;
}
