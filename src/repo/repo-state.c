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
 *	signed 1763697600            what was accepted last
 *	digest <64 hexadecimal digits>
 *	keys <64 hexadecimal digits>
 *	key <fingerprint>
 *	signer CN = example
 *	published 1763697600         the same of what is in use
 *	used-digest, used-keys, used-key, used-signer
 *	mark <fingerprint> <revision> <signing time> <digest of the keyring, or "-">
 *	identity <text>              (where the metadata has one)
 *	url https://mirror.example/repo      (these two where the server gave an etag)
 *	etag "5f3-62"
 *
 * A mark is kept for each key: what a key has signed counts as long as the key itself.
 */
#include "modfetch/cache.h"
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

#define DIRECTORY "var/lib/modfetch/repos"
#define FORMAT	  "modfetch-state 1"
#define STATE_MAX 8192

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

/* A fingerprint: it becomes a word of a mark's line. */
static bool copy_key(const char *value, char *ret, size_t size)
{
	return mf_is_word(value, strlen(value)) && copy_text(value, ret, size);
}

static bool parse_time(const char *value, int64_t *ret_time)
{
	uint64_t number;

	if (!parse_number(value, &number) || number > INT64_MAX)
		return false;
	*ret_time = (int64_t)number;
	return true;
}

static bool parse_mark(char *value, struct mf_repo_state *state)
{
	struct mf_repo_mark mark = { 0 };
	char *save = NULL;
	const char *key = strtok_r(value, " ", &save), *revision = strtok_r(NULL, " ", &save),
		   *at = strtok_r(NULL, " ", &save), *keyring = strtok_r(NULL, " ", &save);

	if (!keyring || state->n_marks == MF_REPO_MARKS ||
	    !copy_key(key, mark.key, sizeof(mark.key)) || !parse_number(revision, &mark.revision) ||
	    !parse_time(at, &mark.signing_time) ||
	    (strcmp(keyring, "-") && !mf_sha256_parse(keyring, mark.keyring)))
		return false;
	state->marks[state->n_marks++] = mark;
	return true;
}

/* A key of metadata that was seen. -1: it is none. */
static int parse_seen(const char *key, const char *value, struct mf_repo_seen *seen)
{
	if (!strcmp(key, "digest"))
		return mf_sha256_parse(value, seen->digest);
	if (!strcmp(key, "keys"))
		return mf_sha256_parse(value, seen->keys);
	if (!strcmp(key, "key"))
		return copy_key(value, seen->key, sizeof(seen->key));
	if (!strcmp(key, "signer"))
		return copy_text(value, seen->signer, sizeof(seen->signer));
	return -1;
}

/* False for a value that makes no sense; a key from the future is passed over. */
static bool repo_state_parse_line(char *line, struct mf_repo_state *state)
{
	char *value = strchr(line, ' ');
	int r;

	if (!value)
		return false;
	*value++ = '\0';
	r = mf_starts_with(line, "used-") ? parse_seen(line + 5, value, &state->used)
					  : parse_seen(line, value, &state->accepted);
	if (r >= 0)
		return r;
	if (!strcmp(line, "revision"))
		return parse_number(value, &state->revision);
	if (!strcmp(line, "signed"))
		return parse_time(value, &state->accepted.signing_time);
	if (!strcmp(line, "published"))
		return parse_time(value, &state->used.signing_time);
	if (!strcmp(line, "mark"))
		return parse_mark(value, state);
	if (!strcmp(line, "identity"))
		return copy_text(value, state->identity, sizeof(state->identity));
	if (!strcmp(line, "url"))
		return copy_text(value, state->url, sizeof(state->url));
	if (!strcmp(line, "etag"))
		return copy_text(value, state->etag, sizeof(state->etag));
	return true;
}

/*
 * A file that an older version wrote has neither marks nor what is said of the metadata in use:
 * that was the accepted one, or it is not known.
 */
static void complete(struct mf_repo_state *state)
{
	struct mf_repo_mark *mark = &state->marks[0];

	if (!*state->used.key && state->used.signing_time) {
		bool same = state->used.signing_time == state->accepted.signing_time;

		state->used = same ? state->accepted : (struct mf_repo_seen){ 0 };
	}
	if (state->n_marks || !*state->accepted.key)
		return;
	*mark = (struct mf_repo_mark){ .revision = state->revision,
				       .signing_time = state->accepted.signing_time };
	strcpy(mark->key, state->accepted.key);
	state->n_marks = 1;
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
		if (!repo_state_parse_line(line, &state))
			return false;
	if (!state.accepted.signing_time)
		return false;
	complete(&state);
	*ret_state = state;
	return true;
}

int mf_repo_state_read(struct mf_context *ctx, const char *repo_id, struct mf_repo_state *ret_state)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	_cleanup_close_ int fd = -1;
	size_t len;
	int r;

	path = mf_format(DIRECTORY "/%s.state", repo_id);
	if (!path)
		return mf_fail(ctx, MF_STAGE_VERIFY, -ENOMEM, repo_id, NULL);
	fd = mf_context_open(ctx, path, O_RDONLY | O_NOFOLLOW);
	if (fd == -ENOENT) {
		*ret_state = (struct mf_repo_state){ 0 };
		return 0;
	}
	r = fd < 0 ? fd : mf_file_read(fd, STATE_MAX, &text, &len);
	if (r < 0 || !parse(text, len, ret_state))
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_ROLLBACK, repo_id,
			       "what was accepted before is not known: /%s is damaged; modfetch "
			       "refresh --accept-older %s forgets it",
			       path, repo_id);
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

static void print_digest(FILE *f, const char *key, const uint8_t digest[MF_SHA256_LEN])
{
	char hex[MF_SHA256_HEX];

	mf_sha256_hex(digest, hex);
	fprintf(f, "%s %s\n", key, hex);
}

static void print_mark(FILE *f, const struct mf_repo_mark *mark)
{
	static const uint8_t none[MF_SHA256_LEN];
	char hex[MF_SHA256_HEX] = "-";

	if (memcmp(mark->keyring, none, sizeof(none)))
		mf_sha256_hex(mark->keyring, hex);
	fprintf(f, "mark %s %" PRIu64 " %" PRId64 " %s\n", mark->key, mark->revision,
		mark->signing_time, hex);
}

static void print_state(FILE *f, const struct mf_repo_state *state)
{
	_cleanup_free_ char *url = mf_secret_hide_copy(state->url);
	const struct mf_repo_seen *accepted = &state->accepted, *used = &state->used;

	fprintf(f, FORMAT "\nrevision %" PRIu64 "\nsigned %" PRId64 "\npublished %" PRId64 "\n",
		state->revision, accepted->signing_time, used->signing_time);
	print_digest(f, "digest", accepted->digest);
	print_digest(f, "keys", accepted->keys);
	print_text(f, "key", accepted->key);
	print_text(f, "signer", accepted->signer);
	if (used->signing_time) {
		print_digest(f, "used-digest", used->digest);
		print_digest(f, "used-keys", used->keys);
		print_text(f, "used-key", used->key);
		print_text(f, "used-signer", used->signer);
	}
	for (size_t i = 0; i < state->n_marks; i++)
		print_mark(f, &state->marks[i]);
	print_text(f, "identity", state->identity);
	print_text(f, "url", url ? url : "");
	print_text(f, "etag", state->etag);
}

int mf_repo_state_write(struct mf_context *ctx, const char *repo_id,
			const struct mf_repo_state *state)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(ctx, DIRECTORY);
	_cleanup_free_ char *name = NULL, *text = NULL;
	size_t len = 0;
	FILE *f;
	int r;

	if (dirfd < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, dirfd, "/" DIRECTORY, NULL);
	name = mf_format("%s.state", repo_id);
	f = name ? open_memstream(&text, &len) : NULL;
	if (!f)
		return mf_fail(ctx, MF_STAGE_VERIFY, -ENOMEM, repo_id, NULL);
	print_state(f, state);
	r = fclose(f) ? -ENOMEM : mf_file_publish(dirfd, name, 0644, text, len);
	return r < 0 ? mf_fail(ctx, MF_STAGE_VERIFY, r, repo_id,
			       "what was accepted cannot be written "
			       "down: %s",
			       mf_error_sentence(r))
		     : 0;
}
