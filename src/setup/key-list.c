/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The keys of the repositories: every file of keys/repo.d, and every name in keys= without a file.
 *
 * A name is searched as the verify stage does: as a keyring first, with its own ending or one of the
 * table. A file that cannot be used is listed with the reason; an admin must see why a key does not
 * count. OpenPGP keyrings are not parsed here: the digest of the file says which one it is.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/setup.h"

/* In the order in which a name without an ending is searched. */
static const struct {
	const char *ending;
	bool keyring;
} endings[] = {
	{ ".asc", true },  { ".gpg", true },  { ".pgp", true },	 { ".pem", false },
	{ ".crt", false }, { ".cer", false }, { ".der", false },
};

/* The kind of file that this name means: an index of the table; the number of them: none. */
static size_t kind_of(const char *file)
{
	size_t i = 0;

	while (i < MF_ARRAY_SIZE(endings) && !mf_ends_with(file, endings[i].ending))
		i++;
	return i;
}

char *mf_key_file_find(int dirfd, const char *name)
{
	if (dirfd < 0 || *name == '.' || strchr(name, '/'))
		return NULL;
	if (kind_of(name) < MF_ARRAY_SIZE(endings) && !faccessat(dirfd, name, F_OK, 0))
		return strdup(name);
	for (size_t i = 0; i < MF_ARRAY_SIZE(endings); i++) {
		_cleanup_free_ char *file = mf_format("%s%s", name, endings[i].ending);

		if (file && !faccessat(dirfd, file, F_OK, 0))
			return MF_STEAL(file);
	}
	return NULL;
}

void mf_key_list_done(struct mf_key_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->v[i].file);
		free(list->v[i].why);
		mf_strings_done(&list->v[i].used_by);
	}
	free(list->v);
	*list = (struct mf_key_list){ 0 };
}

/* A new entry of the list; NULL: no memory. */
static struct mf_key_entry *list_add(struct mf_key_list *list, const char *file)
{
	struct mf_key_entry *v = reallocarray(list->v, list->n + 1, sizeof(*v));

	if (!v)
		return NULL;
	list->v = v;
	v += list->n++;
	*v = (struct mf_key_entry){ .file = strdup(file) };
	mf_text_sanitize(v->file ? v->file : (char[1]){ 0 });
	return v->file ? v : NULL;
}

static int list_add_fault(struct mf_key_list *list, const char *file, const char *why)
{
	struct mf_key_entry *entry = list_add(list, file);

	if (entry)
		entry->why = strdup(why);
	return entry && entry->why ? 0 : -ENOMEM;
}

/* Which repositories name this file? 0 or -ENOMEM. */
static int find_users(int dirfd, const struct mf_repos *repos, const char *file,
		      struct mf_strings *ret_ids)
{
	int r = 0;

	for (size_t i = 0; !r && i < repos->n; i++)
		for (size_t k = 0; !r && k < repos->v[i].keys.n; k++) {
			_cleanup_free_ char *found = mf_key_file_find(dirfd, repos->v[i].keys.v[k]);

			if (found && !strcmp(found, file))
				r = mf_strings_add_unique(ret_ids, repos->v[i].id);
		}
	return r;
}

/* Lists the keys of one file, which cost the file alone. 0 or -ENOMEM. */
static int list_file(struct mf_context *ctx, int dirfd, const char *file, bool keyring,
		     struct mf_key_list *list)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved = mf_failure_save(ctx);
	_cleanup_(mf_key_offer_done) struct mf_key_offer offer = { 0 };
	_cleanup_free_ char *path = mf_format("/proc/self/fd/%d/%s", dirfd, file);
	int r = path ? mf_key_offer_read(ctx, path, &offer) : -ENOMEM;

	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return list_add_fault(list, file, ctx->failure.why);
	if (offer.keyring != keyring)
		return list_add_fault(
			list, file,
			keyring ? "its ending is of an OpenPGP keyring, which it is not"
				: "it is an OpenPGP keyring, whose ending is .asc or "
				  ".gpg");
	for (size_t i = 0; i < offer.n; i++) {
		struct mf_key_entry *entry = list_add(list, file);

		if (!entry)
			return -ENOMEM;
		entry->keyring = keyring;
		entry->certificate = offer.v[i];
	}
	return 0;
}

static int list_directory(struct mf_context *ctx, int dirfd, const struct mf_repos *repos,
			  struct mf_key_list *list)
{
	struct dirent **names = NULL;
	int n = scandirat(dirfd, ".", &names, NULL, alphasort), r = 0;

	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		const char *file = names[i]->d_name;
		size_t kind = kind_of(file), from = list->n;

		if (!r && *file != '.' && kind < MF_ARRAY_SIZE(endings))
			r = list_file(ctx, dirfd, file, endings[kind].keyring, list);
		for (size_t k = from; !r && k < list->n; k++)
			r = find_users(dirfd, repos, file, &list->v[k].used_by);
		free(names[i]);
	}
	free(names);
	return r;
}

static int list_missing(int dirfd, const struct mf_repos *repos, struct mf_key_list *list)
{
	int r = 0;

	for (size_t i = 0; !r && i < repos->n; i++)
		for (size_t k = 0; !r && k < repos->v[i].keys.n; k++) {
			const char *name = repos->v[i].keys.v[k];
			_cleanup_free_ char *found = mf_key_file_find(dirfd, name);

			if (found)
				continue;
			r = list_add_fault(list, name,
					   dirfd >= 0 && !strchr(name, '/') &&
							   !faccessat(dirfd, name, F_OK, 0)
						   ? "its suffix is unknown"
						   : "there is no such file");
			if (!r)
				r = mf_strings_add(&list->v[list->n - 1].used_by, repos->v[i].id);
		}
	return r;
}

int mf_keys_list(struct mf_context *ctx, const struct mf_repos *repos, struct mf_key_list *ret_list)
{
	_cleanup_close_ int dirfd = mf_context_open(ctx, MF_KEY_DIRECTORY, O_RDONLY | O_DIRECTORY);
	_cleanup_(mf_key_list_done) struct mf_key_list list = { 0 };
	int r = dirfd < 0 && dirfd != -ENOENT ? dirfd : 0;

	if (!r && dirfd >= 0)
		r = list_directory(ctx, dirfd, repos, &list);
	if (!r)
		r = list_missing(dirfd, repos, &list);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_CONFIG, r, "/" MF_KEY_DIRECTORY, NULL);
	*ret_list = list;
	list = (struct mf_key_list){ 0 };
	return 0;
}
