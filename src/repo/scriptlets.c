/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The list of packages that were refused for their scriptlets, a line for each:
 *	SHA256 KINDS
 * Without it each event of a device would download the package again to refuse it again. It is never
 * trusted to allow anything: an entry can only refuse, and only where the repository has no permission.
 */
#include "modfetch/scriptlets.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/error.h"
#include "modfetch/file.h"

#define DIRECTORY   "var/lib/modfetch"
#define NAME	    "scriptlets"
#define FILE_MAX    ((size_t)1 << 20)
#define ENTRIES_MAX 500

void mf_scriptlets_done(struct mf_scriptlets *list)
{
	mf_strings_done(&list->digests);
	mf_strings_done(&list->kinds);
}

static int scriptlets_append(struct mf_scriptlets *list, const char *digest, const char *kinds)
{
	int r = mf_strings_add(&list->digests, digest);

	return r < 0 ? r : mf_strings_add(&list->kinds, kinds);
}

static int scriptlets_on_line(void *arg, char *line)
{
	char *blank = strchr(line, ' ');
	uint8_t digest[MF_SHA256_LEN];

	if (!blank || !blank[1])
		return 0;
	*blank = '\0';
	return mf_sha256_parse(line, digest) ? scriptlets_append(arg, line, blank + 1) : 0;
}

int mf_scriptlets_read(struct mf_context *ctx, struct mf_scriptlets *ret_list)
{
	_cleanup_(mf_scriptlets_done) struct mf_scriptlets list = { 0 };
	int r = mf_file_each_line_of(ctx, DIRECTORY "/" NAME, FILE_MAX, scriptlets_on_line, &list);

	if (r < 0)
		return mf_fail(ctx, MF_STAGE_RESOLVE, r, "/" DIRECTORY "/" NAME, NULL);
	*ret_list = list;
	list = (struct mf_scriptlets){ 0 };
	return 0;
}

const char *mf_scriptlets_find(const struct mf_scriptlets *list,
			       const uint8_t sha256[MF_SHA256_LEN])
{
	char hex[MF_SHA256_HEX];

	if (!list->digests.n)
		return NULL;
	mf_sha256_hex(sha256, hex);
	for (size_t i = 0; i < list->digests.n; i++)
		if (!strcmp(list->digests.v[i], hex))
			return list->kinds.v[i];
	return NULL;
}

static int scriptlets_write(struct mf_context *ctx, const struct mf_scriptlets *list)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(ctx, DIRECTORY);
	_cleanup_free_ char *text = NULL;
	size_t n = list->digests.n, len = 0;
	FILE *f = dirfd < 0 ? NULL : open_memstream(&text, &len);

	if (!f)
		return dirfd < 0 ? dirfd : -ENOMEM;
	for (size_t i = n > ENTRIES_MAX ? n - ENTRIES_MAX : 0; i < n; i++)
		fprintf(f, "%s %s\n", list->digests.v[i], list->kinds.v[i]);
	if (fclose(f))
		return -ENOMEM;
	return mf_file_publish(dirfd, NAME, 0644, text, len);
}

void mf_scriptlets_note(struct mf_context *ctx, const uint8_t sha256[MF_SHA256_LEN],
			const char *kinds)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved = mf_failure_save(ctx);
	_cleanup_(mf_scriptlets_done) struct mf_scriptlets list = { 0 };
	char hex[MF_SHA256_HEX];
	int r = mf_scriptlets_read(ctx, &list);

	mf_sha256_hex(sha256, hex);
	if (r < 0 || mf_scriptlets_find(&list, sha256))
		return;
	r = scriptlets_append(&list, hex, kinds);
	if (!r)
		r = scriptlets_write(ctx, &list);
	if (r < 0)
		mf_log(ctx, MF_LOG_INFO, "/" DIRECTORY "/" NAME " cannot be written: %s",
		       mf_error_sentence(r));
}

char *mf_scriptlets_describe(const struct mf_strings *scriptlets)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	for (size_t i = 0; f && i < scriptlets->n; i++)
		if (!strstr(scriptlets->v[i], " -p"))
			fprintf(f, "%s%s", ftell(f) > 0 ? ", " : "", scriptlets->v[i]);
	/* a program without a text is one too: "%post -p /sbin/ldconfig" */
	for (size_t i = 0; f && i < scriptlets->n && ftell(f) <= 0; i++)
		fputs(scriptlets->v[i], f);
	if (f && fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}
