/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes one line or one section of a .repo file.
 *
 * The file is an admin's or a vendor's: comments, order, blanks, line ends and other sections stay as
 * they are, byte for byte. So the text is never written again from its values. ini.c says what each
 * line is, and here bytes of these lines are replaced. The result is read once more: if it does not
 * say what was wanted, the change is refused, and the admin edits the file.
 */
#include "modfetch/repo-file.h"
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "ini.h"

#define NAME_SHOWN 128 /* bytes of a name from elsewhere that are kept */

/* Where a section is, and one of its keys: line numbers from 1; 0: it is not there. */
struct places {
	const char *id, *key;
	unsigned int header, next_header, key_line;
	unsigned int n_headers;	    /* of all sections */
	unsigned int n_own_headers; /* of sections of this name */
	char *value;		    /* of the key, as the last line has it */
};

static void places_done(struct places *places)
{
	free(places->value);
}

static int on_place(void *arg, const struct mf_ini_line *line)
{
	struct places *p = arg;
	bool own = !strcmp(line->section, p->id);

	if (!line->key && (!line->wrong || !*line->section)) {
		if (p->header && !p->next_header)
			p->next_header = line->number;
		p->n_headers++;
		p->n_own_headers += own;
		if (own && !p->header)
			p->header = line->number;
		return 0;
	}
	if (!own || !line->key || strcmp(line->key, p->key) != 0)
		return 0;
	free(p->value);
	p->value = strdup(line->value);
	if (!line->continued)
		p->key_line = line->number;
	return p->value ? 0 : -ENOMEM;
}

/* The first byte of line NUMBER, or the end of the text. */
static const char *line_start(const char *text, unsigned int number)
{
	while (--number && *text) {
		const char *end = strchrnul(text, '\n');

		text = end + (*end == '\n');
	}
	return text;
}

/* ---- one key ---- */

/* The bytes of the value in a line "key = value ; comment". */
static void find_value(const char *line, const char **ret_begin, const char **ret_end)
{
	const char *end = line + strcspn(line, "\n"), *begin = strpbrk(line, "=:") + 1;

	while (begin < end && isspace((unsigned char)*begin))
		begin++;
	for (const char *p = begin; p < end; p++)
		if (*p == ';' && isspace((unsigned char)p[-1]))
			end = p;
	if (begin < end && *begin == ';')
		end = begin;
	while (end > begin && isspace((unsigned char)end[-1]))
		end--;
	*ret_begin = begin;
	*ret_end = end;
}

static char *replace_value(const char *text, unsigned int number, const char *value, bool append)
{
	const char *begin, *end;

	find_value(line_start(text, number), &begin, &end);
	if (append)
		begin = end;
	return mf_format("%.*s%s%s%s", (int)(begin - text), text, append ? " " : "", value, end);
}

/* Adds a line after the header, with the header's line end. */
static char *add_line(const char *text, unsigned int header, const char *key, const char *value)
{
	const char *line = line_start(text, header), *end = strchrnul(line, '\n');
	const char *rest = end + (*end == '\n');
	const char *eol = end > line && end[-1] == '\r' ? "\r\n" : "\n";

	return mf_format("%.*s%s%s=%s%s%s", (int)(rest - text), text, *end ? "" : eol, key, value,
			 eol, rest);
}

int mf_repo_text_set(const char *text, const char *id, const char *key, const char *value,
		     bool append, char **ret_text)
{
	_cleanup_(places_done) struct places before = { .id = id, .key = key };
	_cleanup_(places_done) struct places after = { .id = id, .key = key };
	_cleanup_free_ char *changed = NULL;
	int r = mf_ini_parse(text, on_place, &before);

	if (r < 0)
		return r;
	if (!before.header)
		return -ENOENT;
	changed = before.key_line ? replace_value(text, before.key_line, value, append)
				  : add_line(text, before.header, key, value);
	if (!changed)
		return -ENOMEM;
	r = mf_ini_parse(changed, on_place, &after);
	if (r < 0)
		return r;
	if (after.n_own_headers != 1 || !after.value ||
	    (!append && strcmp(after.value, value) != 0))
		return -EINVAL;
	*ret_text = MF_STEAL(changed);
	return 0;
}

/* ---- a section ---- */

static bool is_comment(const char *line)
{
	while (*line != '\n' && isspace((unsigned char)*line))
		line++;
	return *line == '#' || *line == ';';
}

int mf_repo_text_remove(const char *text, const char *id, char **ret_text, bool *ret_last)
{
	_cleanup_(places_done) struct places places = { .id = id, .key = "" };
	const char *begin, *end;
	unsigned int next;
	char *changed;
	int r = mf_ini_parse(text, on_place, &places);

	if (r < 0)
		return r;
	if (!places.header)
		return -ENOENT;
	next = places.next_header;
	while (next > places.header + 1 && is_comment(line_start(text, next - 1)))
		next--;
	begin = line_start(text, places.header);
	end = next ? line_start(text, next) : text + strlen(text);
	changed = mf_format("%.*s%s", (int)(begin - text), text, end);
	if (!changed)
		return -ENOMEM;
	*ret_last = places.n_headers == 1;
	*ret_text = changed;
	return 0;
}

/* ---- a file from elsewhere ---- */

static int on_offer(void *arg, const struct mf_ini_line *line)
{
	struct mf_repo_offer *offer = arg;

	if (line->wrong)
		return 0;
	if (!line->key) {
		offer->n_sections++;
		return 0;
	}
	if (offer->n_sections != 1)
		return 0;
	if (!strcmp(line->key, "baseurl"))
		return mf_strings_split(&offer->baseurls, line->value);
	if (strcmp(line->key, "name") != 0 || offer->name || !*line->value)
		return 0;
	offer->name = strndup(line->value, NAME_SHOWN);
	if (!offer->name)
		return -ENOMEM;
	mf_text_sanitize(offer->name);
	return 0;
}

int mf_repo_text_offer(const char *text, struct mf_repo_offer *ret_offer)
{
	struct mf_repo_offer offer = { 0 };
	int r = mf_ini_parse(text, on_offer, &offer);

	if (r < 0) {
		mf_repo_offer_done(&offer);
		return r;
	}
	*ret_offer = offer;
	return 0;
}

void mf_repo_offer_done(struct mf_repo_offer *offer)
{
	free(offer->name);
	mf_strings_done(&offer->baseurls);
	*offer = (struct mf_repo_offer){ 0 };
}
