/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Remembers what was accepted of a repository, over power cuts.
 *
 * The file is text, one "key value" a line, published by fsync and rename: a reader sees the state
 * of before or of after. A file that is there but makes no sense is an error and not the same as
 * none: taking it for none would let old metadata in again.
 *
 *	modfetch-state 1
 *	revision 1763697600
 *	signed 1763697600
 *	published 1763697600
 *	digest <64 hexadecimal digits>
 *	keys <64 hexadecimal digits>
 *	key <fingerprint>
 *	signer CN = example
 *	url https://mirror.example/repo      (these two where the server gave an etag)
 *	etag "5f3-62"
 */
#include "modfetch/repo-state.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"

#define FOLDER	  "var/lib/modfetch/repos"
#define FORMAT	  "modfetch-state 1"
#define STATE_MAX 4096

static bool parse_number(const char *value, uint64_t *ret_number)
{
	char *end;

	errno = 0;
	*ret_number = strtoumax(value, &end, 10);
	return *value >= '0' && *value <= '9' && !*end && !errno;
}

static bool copy_text(const char *value, char *ret, size_t size)
{
	if (strlen(value) >= size)
		return false;
	strcpy(ret, value);
	return true;
}

/* False for a value that makes no sense; a key from the future is passed over. */
static bool parse_line(char *line, struct mf_repo_state *state)
{
	char *value = strchr(line, ' ');
	uint64_t number;

	if (!value)
		return false;
	*value++ = '\0';
	if (!strcmp(line, "revision"))
		return parse_number(value, &state->revision);
	if (!strcmp(line, "signed") || !strcmp(line, "published")) {
		if (!parse_number(value, &number) || number > INT64_MAX)
			return false;
		*(*line == 's' ? &state->signing_time : &state->published) = (int64_t)number;
		return true;
	}
	if (!strcmp(line, "digest"))
		return mf_sha256_parse(value, state->digest);
	if (!strcmp(line, "keys"))
		return mf_sha256_parse(value, state->keys);
	if (!strcmp(line, "key"))
		return copy_text(value, state->key, sizeof(state->key));
	if (!strcmp(line, "signer"))
		return copy_text(value, state->signer, sizeof(state->signer));
	if (!strcmp(line, "url"))
		return copy_text(value, state->url, sizeof(state->url));
	if (!strcmp(line, "etag"))
		return copy_text(value, state->etag, sizeof(state->etag));
	return true;
}

static bool parse(char *text, size_t len, struct mf_repo_state *ret_state)
{
	struct mf_repo_state state = { 0 };
	char *save = NULL, *line;

	/* a file cut short has lost its last newline */
	if (!len || text[len - 1] != '\n' || strlen(text) != len)
		return false;
	line = strtok_r(text, "\n", &save);
	if (!line || strcmp(line, FORMAT))
		return false;
	while ((line = strtok_r(NULL, "\n", &save)))
		if (!parse_line(line, &state))
			return false;
	if (!state.signing_time)
		return false;
	*ret_state = state;
	return true;
}

int mf_repo_state_read(struct mf_context *ctx, const char *repo_id, struct mf_repo_state *ret_state)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	_cleanup_close_ int fd = -1;
	size_t len;
	int r;

	if (asprintf(&path, FOLDER "/%s.state", repo_id) < 0) {
		path = NULL;
		return mf_fail(ctx, "verify", -ENOMEM, repo_id, NULL);
	}
	fd = mf_context_open(ctx, path, O_RDONLY | O_NOFOLLOW);
	if (fd == -ENOENT) {
		*ret_state = (struct mf_repo_state){ 0 };
		return 0;
	}
	r = fd < 0 ? fd : mf_file_read(fd, STATE_MAX, &text, &len);
	if (r < 0 || !parse(text, len, ret_state))
		return mf_fail(ctx, "verify", -MFE_ROLLBACK, repo_id,
			       "what was accepted before is not known: /%s is damaged", path);
	return 0;
}

/* One line's worth of a text that came from elsewhere. */
static void print_text(FILE *f, const char *key, const char *text)
{
	if (!*text)
		return;
	fprintf(f, "%s ", key);
	for (; *text; text++)
		fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, f);
	fputc('\n', f);
}

int mf_repo_state_write(struct mf_context *ctx, const char *repo_id,
			const struct mf_repo_state *state)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(ctx, FOLDER);
	_cleanup_free_ char *name = NULL, *text = NULL;
	char hex[MF_SHA256_HEX];
	size_t len = 0;
	FILE *f;
	int r;

	if (dirfd < 0)
		return mf_fail(ctx, "verify", dirfd, "/" FOLDER, NULL);
	f = open_memstream(&text, &len);
	if (!f || asprintf(&name, "%s.state", repo_id) < 0) {
		name = NULL;
		if (f)
			fclose(f);
		return mf_fail(ctx, "verify", -ENOMEM, repo_id, NULL);
	}
	mf_sha256_hex(state->digest, hex);
	fprintf(f, FORMAT "\nrevision %" PRIu64 "\nsigned %" PRId64 "\npublished %" PRId64 "\n",
		state->revision, state->signing_time, state->published);
	fprintf(f, "digest %s\n", hex);
	mf_sha256_hex(state->keys, hex);
	fprintf(f, "keys %s\n", hex);
	print_text(f, "key", state->key);
	print_text(f, "signer", state->signer);
	print_text(f, "url", state->url);
	print_text(f, "etag", state->etag);
	r = fclose(f) ? -ENOMEM : mf_file_publish(dirfd, name, 0644, text, len);
	return r < 0 ? mf_fail(ctx, "verify", r, repo_id,
			       "what was accepted cannot be written "
			       "down: %s",
			       mf_error_sentence(r))
		     : 0;
}
