/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The adapter of json-c. Strings from outside (a modalias, a server's message) are converted to
 * valid UTF-8 when they are added, so that every reader of --json or of the history accepts them.
 * Characters that could control a terminal are written as escapes, which a reader decodes to the
 * same characters. Without memory the process aborts: half an answer could be taken for a whole
 * one.
 */
#include "modfetch/json.h"
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"

#define DEPTH 32

static struct json_object *inner(struct mf_json *value)
{
	return (struct json_object *)value;
}

static void *need(void *p)
{
	if (!p) {
		fputs("modfetch: out of memory\n", stderr);
		abort();
	}
	return p;
}

struct mf_json *mf_json_object(void)
{
	return need(json_object_new_object());
}

struct mf_json *mf_json_array(void)
{
	return need(json_object_new_array());
}

void mf_json_free(struct mf_json *value)
{
	json_object_put(inner(value));
}

static struct json_object *new_string(const char *s)
{
	_cleanup_free_ char *clean = NULL;

	if (!s)
		return NULL;
	clean = need(strdup(s));
	for (char *p = clean; *p;) {
		uint32_t c;
		size_t n = mf_text_char(p, &c);

		if (!n)
			*p = '?';
		p += n ? n : 1;
	}
	return need(json_object_new_string(clean));
}

static void json_set(struct mf_json *object, const char *key, struct json_object *value)
{
	if (json_object_object_add(inner(object), key, value) < 0)
		need(NULL);
}

void mf_json_set(struct mf_json *object, const char *key, struct mf_json *value)
{
	json_set(object, key, inner(value));
}

void mf_json_set_string(struct mf_json *object, const char *key, const char *s)
{
	json_set(object, key, new_string(s));
}

void mf_json_set_int(struct mf_json *object, const char *key, int64_t n)
{
	json_set(object, key, need(json_object_new_int64(n)));
}

void mf_json_set_bool(struct mf_json *object, const char *key, bool b)
{
	json_set(object, key, need(json_object_new_boolean(b)));
}

void mf_json_add(struct mf_json *array, struct mf_json *value)
{
	if (json_object_array_add(inner(array), inner(value)) < 0)
		need(NULL);
}

void mf_json_add_string(struct mf_json *array, const char *s)
{
	mf_json_add(array, (struct mf_json *)new_string(s));
}

struct mf_json *mf_json_int(int64_t n)
{
	return need(json_object_new_int64(n));
}

void mf_json_set_strings(struct mf_json *object, const char *key, const struct mf_strings *list)
{
	struct mf_json *array = mf_json_array();

	for (size_t i = 0; i < list->n; i++)
		mf_json_add_string(array, list->v[i]);
	mf_json_set(object, key, array);
}

/* ---- as text ---- */

/* Is there a character that json-c does not escape and that must not be printed on a terminal? */
static bool needs_escape(const char *s)
{
	uint32_t c;

	for (size_t n; *s; s += n ? n : 1) {
		n = mf_text_char(s, &c);
		if (!n || (c >= 0x7f && !mf_text_is_printable(c)))
			return true;
	}
	return false;
}

/* TEXT with \\u escapes (or surrogate pairs) for these characters; the caller's to free. */
static char *escape(const char *text)
{
	char *escaped = NULL;
	size_t size = 0;
	FILE *f = need(open_memstream(&escaped, &size));

	for (size_t n; *text; text += n) {
		uint32_t c;

		n = mf_text_char(text, &c);
		if (!n) { /* only in a parsed record that another program wrote */
			fputc('?', f);
			n = 1;
		} else if (c < 0x7f || mf_text_is_printable(c)) {
			fwrite(text, 1, n, f);
		} else if (c < 0x10000) {
			fprintf(f, "\\u%04x", c);
		} else {
			fprintf(f, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
				0xdc00 + ((c - 0x10000) & 0x3ff));
		}
	}
	if (fclose(f))
		need(NULL);
	return escaped;
}

const char *mf_json_text(struct mf_json *value, bool pretty)
{
	int flags = JSON_C_TO_STRING_NOSLASHESCAPE |
		    (pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED
			    : JSON_C_TO_STRING_PLAIN);
	const char *text = need((void *)json_object_to_json_string_ext(inner(value), flags));
	_cleanup_free_ char *escaped = NULL;

	if (!needs_escape(text))
		return text;
	/* Such characters are only in strings and keys, so the whole text can be escaped. The value
	 * keeps a copy in its buffer; it must not own user data, which json-c 0.19 frees twice. */
	escaped = escape(text);
	json_object_set_serializer(inner(value), json_object_userdata_to_json_string, escaped,
				   NULL);
	text = need((void *)json_object_to_json_string_ext(inner(value), flags));
	json_object_set_serializer(inner(value), NULL, NULL, NULL);
	return text;
}

struct mf_json *mf_json_parse(const char *text)
{
	struct json_tokener *tok = need(json_tokener_new_ex(DEPTH));
	struct json_object *o = json_tokener_parse_ex(tok, text, -1);
	enum json_tokener_error e = json_tokener_get_error(tok);
	size_t end = json_tokener_get_parse_end(tok);

	json_tokener_free(tok);
	if (e != json_tokener_success || text[end + strspn(text + end, " \t\r\n")] ||
	    (!json_object_is_type(o, json_type_object) &&
	     !json_object_is_type(o, json_type_array))) {
		json_object_put(o);
		return NULL;
	}
	return (struct mf_json *)o;
}

struct mf_json *mf_json_get(struct mf_json *object, const char *key)
{
	struct json_object *o = NULL;

	if (!json_object_object_get_ex(inner(object), key, &o))
		return NULL;
	return (struct mf_json *)o;
}

const char *mf_json_get_string(struct mf_json *object, const char *key)
{
	struct json_object *o = inner(mf_json_get(object, key));

	return json_object_is_type(o, json_type_string) ? json_object_get_string(o) : NULL;
}

int64_t mf_json_get_int(struct mf_json *object, const char *key)
{
	struct json_object *o = inner(mf_json_get(object, key));

	return json_object_is_type(o, json_type_int) ? json_object_get_int64(o) : 0;
}

size_t mf_json_length(struct mf_json *array)
{
	struct json_object *o = inner(array);

	return json_object_is_type(o, json_type_array) ? json_object_array_length(o) : 0;
}

struct mf_json *mf_json_at(struct mf_json *array, size_t i)
{
	return (struct mf_json *)json_object_array_get_idx(inner(array), i);
}

const char *mf_json_string_at(struct mf_json *array, size_t i)
{
	struct json_object *o = inner(mf_json_at(array, i));

	return json_object_is_type(o, json_type_string) ? json_object_get_string(o) : NULL;
}
