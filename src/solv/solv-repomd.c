/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What repomd.xml says, by libsolv's parser: where primary.xml, updateinfo.xml and filelists.xml are and
 * what their digests must be, how far the repository has come, and which one it is. A primary without a SHA-256
 * is an error; whether a repository is used without its updateinfo is not decided here.
 *
 * The last is for a reader that knows a key and not a place: one key often signs several
 * repositories ("stable", "testing"), and a mirror of one could serve another. createrepo_c has
 * <tags> for it, with options to set them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/solv.h"
#include "modfetch/strings.h"
#include "solv-private.h"

void mf_repomd_done(struct mf_repomd *repomd)
{
	free(repomd->primary.location);
	free(repomd->updateinfo.location);
	free(repomd->filelists.location);
	free(repomd->identity);
	*repomd = (struct mf_repomd){ 0 };
}

/* The first file of a type. 0, also where there is none, or -ENOMEM. */
static int find_file(Pool *pool, Repo *repo, const char *type, struct mf_repomd_file *ret)
{
	Dataiterator di;
	int r = 0;

	dataiterator_init(&di, pool, repo, SOLVID_META, REPOSITORY_REPOMD_TYPE, type,
			  SEARCH_STRING);
	dataiterator_prepend_keyname(&di, REPOSITORY_REPOMD);
	if (dataiterator_step(&di)) {
		const unsigned char *sum;
		const char *location;
		Id kind = 0;

		dataiterator_setpos_parent(&di);
		location = pool_lookup_str(pool, SOLVID_POS, REPOSITORY_REPOMD_LOCATION);
		sum = pool_lookup_bin_checksum(pool, SOLVID_POS, REPOSITORY_REPOMD_CHECKSUM, &kind);
		ret->size = pool_lookup_num(pool, SOLVID_POS, REPOSITORY_REPOMD_SIZE, 0);
		ret->has_sha256 = sum && kind == REPOKEY_TYPE_SHA256;
		if (ret->has_sha256)
			memcpy(ret->sha256, sum, MF_SHA256_LEN);
		ret->location = location ? strdup(location) : NULL;
		r = location && !ret->location ? -ENOMEM : 0;
	}
	dataiterator_free(&di);
	return r;
}

static int find_files(Pool *pool, Repo *repo, struct mf_repomd *ret)
{
	int r = find_file(pool, repo, "primary", &ret->primary);

	if (!r && (!ret->primary.location || !ret->primary.has_sha256))
		r = -EBADMSG;
	if (!r)
		r = find_file(pool, repo, "updateinfo", &ret->updateinfo);
	return r ? r : find_file(pool, repo, "filelists", &ret->filelists);
}

/* All values of one kind of tag, a blank between them. */
static void gather_tags(Pool *pool, Repo *repo, Id array, Id key, char **text)
{
	Dataiterator di;

	dataiterator_init(&di, pool, repo, SOLVID_META, key, NULL, 0);
	if (array)
		dataiterator_prepend_keyname(&di, array);
	while (dataiterator_step(&di)) {
		const char *value =
			repodata_stringify(pool, di.data, di.key, &di.kv, 0) ? di.kv.str : NULL;
		char *longer = NULL;

		if (value && *value)
			longer = mf_format("%s%s%s", *text ? *text : "", *text ? " " : "", value);
		if (longer) {
			free(*text);
			*text = longer;
		}
	}
	dataiterator_free(&di);
}

static char *find_identity(Pool *pool, Repo *repo)
{
	const struct {
		Id array, key;
	} tags[] = {
		{ 0, REPOSITORY_REPOID },
		{ REPOSITORY_DISTROS, REPOSITORY_PRODUCT_CPEID },
		{ REPOSITORY_DISTROS, REPOSITORY_PRODUCT_LABEL },
		{ 0, REPOSITORY_KEYWORDS },
	};
	char *text = NULL;

	for (size_t i = 0; !text && i < MF_ARRAY_SIZE(tags); i++)
		gather_tags(pool, repo, tags[i].array, tags[i].key, &text);
	return text;
}

int mf_repomd_parse(int fd, struct mf_repomd *ret_repomd)
{
	Pool *pool = pool_create();
	Repo *repo = repo_create(pool, "repomd");
	struct mf_repomd found = { 0 };
	_cleanup_fclose_ FILE *f = mf_solv_stream(fd, "r");
	const char *revision;
	int r = -EBADMSG;

	if (f && !repo_add_repomdxml(repo, f, 0)) {
		r = find_files(pool, repo, &found);
		revision = repo_lookup_str(repo, SOLVID_META, REPOSITORY_REVISION);
		snprintf(found.revision, sizeof(found.revision), "%s", revision ? revision : "");
		found.identity = find_identity(pool, repo);
	}
	if (!r)
		*ret_repomd = found;
	else
		mf_repomd_done(&found);
	repo_free(repo, 0);
	pool_free(pool);
	return r;
}
