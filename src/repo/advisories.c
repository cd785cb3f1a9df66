/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From updateinfo.xml to the list of advisories of a generation; advisory.c reads it.
 *
 * Advisories for a package whose name the repository does not have are left out: most of a
 * distribution's are about other programs. Names, versions and architectures are taken as they are, or
 * the entry is left out; in texts for people a byte that is not printable ASCII becomes '_'. What is
 * wrong with an entry affects that entry only, and what is wrong with the file its advisories only: the
 * packages of the repository are used all the same.
 *
 * On disk: "advisories", sorted by name and architecture; the last line has the hash of all before
 * it, so that half of a file or a changed byte is noticed:
 *
 *	modfetch-advisories 1
 *	NAME ARCH EVR TYPE SEVERITY ID
 *	end 0123456789abcdef
 */
#include "advisories.h"
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cache-names.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"
#include "modfetch/table.h"

#define WORD_MAX    128
#define ENTRIES_MAX (1U << 20) /* of a repository; more are not a list of repairs */

struct advisories_writing {
	struct mf_table names; /* of the repository's packages; keys are the pool's */
	struct mf_strings lines;
};

static void advisories_done(struct advisories_writing *w)
{
	mf_table_done(&w->names);
	mf_strings_done(&w->lines);
}

/* A text for people as one word of a line; LOWER: in lower case. NULL or empty: "-". */
static void advisories_word(const char *text, bool lower, char ret[WORD_MAX + 1])
{
	size_t n = 0;

	for (; text && text[n] && n < WORD_MAX; n++) {
		char c = lower ? (char)tolower((unsigned char)text[n]) : text[n];

		ret[n] = c;
		if (!mf_is_word(&c, 1))
			ret[n] = '_';
	}
	if (!n)
		ret[n++] = '-';
	ret[n] = '\0';
}

static bool advisories_is_relevant(const struct advisories_writing *w,
				   const struct mf_updateinfo *entry)
{
	return mf_table_get(&w->names, entry->name, strlen(entry->name)) &&
	       mf_is_word(entry->evr, strlen(entry->evr)) &&
	       mf_is_word(entry->arch, strlen(entry->arch)) && strcmp(entry->arch, "src") != 0 &&
	       strcmp(entry->arch, "nosrc") != 0;
}

static int advisories_on_entry(void *arg, const struct mf_updateinfo *entry)
{
	struct advisories_writing *w = arg;
	char type[WORD_MAX + 1], severity[WORD_MAX + 1], id[WORD_MAX + 1];
	_cleanup_free_ char *line = NULL;

	if (!advisories_is_relevant(w, entry))
		return 0;
	if (w->lines.n >= ENTRIES_MAX)
		return -E2BIG;
	advisories_word(entry->type, true, type);
	advisories_word(entry->severity, true, severity);
	advisories_word(entry->id, false, id);
	line = mf_format("%s %s %s %s %s %s", entry->name, entry->arch, entry->evr, type, severity,
			 id);
	return line ? mf_strings_add(&w->lines, line) : -ENOMEM;
}

/* The file's text, new memory, or NULL: no memory. A line that is there twice is written once. */
static char *advisories_format(const struct mf_strings *lines, size_t *ret_len)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	fputs(MF_CACHE_ADVISORIES_HEAD, f);
	for (size_t i = 0; i < lines->n; i++)
		if (!i || strcmp(lines->v[i], lines->v[i - 1]) != 0)
			fprintf(f, "%s\n", lines->v[i]);
	if (!fflush(f))
		fprintf(f, MF_CACHE_ADVISORIES_END "%016" PRIx64 "\n", mf_hash(text, len));
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	*ret_len = len;
	return text;
}

static int advisories_publish(struct mf_strings *lines, int dirfd)
{
	_cleanup_free_ char *text = NULL;
	size_t len = 0;

	mf_strings_sort(lines);
	text = advisories_format(lines, &len);
	return text ? mf_file_publish(dirfd, MF_CACHE_ADVISORIES, 0644, text, len) : -ENOMEM;
}

int mf_advisories_write(const struct mf_context *ctx, const char *repo_id, struct mf_pool *pool,
			const int *ids, size_t n, int updateinfo, int dirfd)
{
	_cleanup_(advisories_done) struct advisories_writing w = { 0 };
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++) {
		const char *name = mf_pool_name(pool, ids[i]);
		uint32_t *value;

		r = mf_table_put(&w.names, name, strlen(name), 0, &value);
	}
	if (r >= 0)
		r = mf_updateinfo_parse(updateinfo, advisories_on_entry, &w);
	if (r == -EBADMSG || r == -E2BIG) {
		mf_log(ctx, MF_LOG_WARNING,
		       "refresh: %s: its advisories are not used, because updateinfo.xml %s",
		       repo_id, r == -E2BIG ? "names too many packages" : "cannot be parsed");
		return 0;
	}
	return r || !w.lines.n ? r : advisories_publish(&w.lines, dirfd);
}
