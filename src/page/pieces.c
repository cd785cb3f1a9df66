/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files of a page, named by their digest: DIGEST.ENDING, with the first 32 digits of the SHA-256.
 *
 * A table is an object of records, cut where it is in order: a reader that knows the first key of each
 * piece fetches only the piece that has, or could have, a key. PIECE_SIZE is a compromise: a small piece
 * is less to fetch, but there are more of them, whose list each reader has to fetch. Server and mirror need
 * not compress. A file whose name is there already has the right content, unless another process changed it; it is
 * compared and written again if so. A name never has another content, so caches may keep it for ever.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/file.h"
#include "modfetch/json.h"
#include "model.h"

#define PIECE_SIZE 20000 /* bytes; a piece of one record may be larger */
#define DIGITS	   32

static bool has_content(const struct page_files *files, const char *name, const char *text,
			size_t len)
{
	_cleanup_close_ int fd =
		openat(files->dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd >= 0 && mf_file_equals(fd, text, len);
}

/* Writes a file that is synced with all others, before index.html names it. */
static int write_new(const struct page_files *files, const char *name, const char *text, size_t len)
{
	_cleanup_(mf_staged_done) struct mf_staged staged = MF_STAGED_INIT;
	int r = mf_staged_init(&staged, files->dirfd, name, 0644);

	if (!r)
		r = mf_file_write(staged.fd, text, len);
	return r ? r : mf_staged_publish_volatile(&staged);
}

int page_file_write(struct page_files *files, const char *ending, const char *text, size_t len,
		    char ret_name[PAGE_FILE_SIZE])
{
	uint8_t digest[MF_SHA256_LEN];
	char hex[MF_SHA256_HEX], name[PAGE_FILE_SIZE];
	int r = mf_sha256(text, len, digest);

	if (!r) {
		mf_sha256_hex(digest, hex);
		snprintf(name, sizeof(name), "%.*s.%s", DIGITS, hex, ending);
		r = mf_strings_add(&files->names, name);
	}
	if (!r && !has_content(files, name, text, len))
		r = write_new(files, name, text, len);
	if (r < 0)
		return mf_fail(files->ctx, MF_STAGE_PACK, r, "page", NULL);
	memcpy(ret_name, name, sizeof(name));
	return 0;
}

bool page_file_is_ours(const char *name)
{
	return strspn(name, "0123456789abcdef") == DIGITS &&
	       (!strcmp(name + DIGITS, ".json") || !strcmp(name + DIGITS, ".css") ||
		!strcmp(name + DIGITS, ".js"));
}

static int compare_records(const void *a, const void *b)
{
	return strcmp(((const struct page_record *)a)->key, ((const struct page_record *)b)->key);
}

/* How many of the records from FIRST on are in a piece. */
static size_t piece_length(const struct page_records *records, size_t first)
{
	size_t size = 0, i = first;

	for (; i < records->n; i++) {
		size_t more = strlen(records->v[i].key) +
			      strlen(mf_json_text(records->v[i].value, false)) + strlen("\"\":,");

		if (i > first && size + more > PIECE_SIZE)
			break;
		size += more;
	}
	return i - first;
}

static void records_free_piece(struct mf_json **piece)
{
	mf_json_free(*piece);
}

/* Writes N records from FIRST on, whose values are gone afterwards. */
static int write_piece(struct page_files *files, struct page_records *records, size_t first,
		       size_t n, struct mf_json *pieces)
{
	_cleanup_(records_free_piece) struct mf_json *piece = mf_json_object();
	struct mf_json *entry;
	char name[PAGE_FILE_SIZE];
	const char *text;
	int r;

	for (size_t i = first; i < first + n; i++)
		mf_json_set(piece, records->v[i].key, MF_STEAL(records->v[i].value));
	text = mf_json_text(piece, false);
	r = page_file_write(files, "json", text, strlen(text), name);
	if (r < 0)
		return r;
	entry = mf_json_array();
	mf_json_add_string(entry, records->v[first].key);
	mf_json_add_string(entry, name);
	mf_json_add(pieces, entry);
	return 0;
}

int page_pieces_write(struct page_files *files, struct page_records *records,
		      struct mf_json **ret_pieces)
{
	_cleanup_(records_free_piece) struct mf_json *pieces = mf_json_array();
	int r = 0;

	if (records->n)
		qsort(records->v, records->n, sizeof(*records->v), compare_records);
	for (size_t i = 0; !r && i < records->n;) {
		size_t n = piece_length(records, i);

		r = write_piece(files, records, i, n, pieces);
		i += n;
	}
	if (!r)
		*ret_pieces = MF_STEAL(pieces);
	return r;
}
