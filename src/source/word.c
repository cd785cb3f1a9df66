/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One word of a shell, the value of an assignment: bytes, quotes, backslashes and expansions.
 *
 * Known variables, those that dkms sets and those that the file has assigned before, are replaced
 * by their values. All other expansions ($(command), `command`, ${name:-word}, a variable without a
 * known value) stay as they are, and the word becomes the inside of double quotes (see values.c):
 * an assignment splits no words, so A=$(x) and A="$(x)" are the same.
 *
 * They are not the same for the text in ${name:-'x'} and `echo \"x\"`, whose quotes mean something
 * else between double quotes: these are refused outside of quotes. So are the words that only a
 * shell can understand at all: $'...', $"...", a leading '~', redirections, pipes, parentheses.
 */
#include "word.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "expansion.h"
#include "modfetch/error.h"

struct reader {
	struct cursor *cursor;
	const struct values *values;
	struct word *word;
	const char **ret_why;
};

void source_word_done(struct word *word)
{
	source_text_done(&word->text);
}

static int word_refuse(const struct reader *r, const char *why)
{
	*r->ret_why = why;
	return -MFE_SOURCE;
}

static int word_fault(const struct reader *r, int code)
{
	return code == -E2BIG ? word_refuse(r, "its values are too long") : code;
}

static void word_step(struct cursor *c, size_t n)
{
	for (; n; n--)
		c->line += *c->p++ == '\n';
}

/* Adds bytes that stand for themselves. */
static int word_add(const struct reader *r, const char *s, size_t len)
{
	return word_fault(r, r->word->shell ? source_text_add_escaped(&r->word->text, s, len)
					    : source_text_add(&r->word->text, s, len));
}

/* Adds text for a shell as it is. */
static int word_add_shell(const struct reader *r, const char *s, size_t len)
{
	struct word *word = r->word;

	if (!word->shell) {
		struct text escaped = { 0 };
		int code = source_text_add_escaped(&escaped, word->text.v ? word->text.v : "",
						   word->text.n);

		source_text_done(&word->text);
		word->text = escaped;
		word->shell = true;
		if (code < 0)
			return word_fault(r, code);
	}
	return word_fault(r, source_text_add(&word->text, s, len));
}

/* Adds the value of the variable NAME[0]. */
static int word_add_variable(const struct reader *r, const char *name, size_t len)
{
	char copy[64];
	const struct value *value = NULL;
	int code;

	if (len < sizeof(copy)) {
		memcpy(copy, name, len);
		copy[len] = '\0';
		value = source_values_find(r->values, copy, 0);
	}
	if (value && !value->shell)
		return word_add(r, value->text, strlen(value->text));
	/* with braces, as the quotes that separate it from the next byte are gone */
	code = word_add_shell(r, "${", 2);
	if (code == 0)
		code = word_add_shell(r, name, len);
	return code ? code : word_add_shell(r, "}", 1);
}

/* Text for a shell that means the same within double quotes and without. */
static bool means_the_same(const char *s, size_t len)
{
	if (s[0] == '$' && s[1] == '(')
		return true;
	for (size_t i = 1; i + 1 < len; i++)
		if (s[i] == '\\' || (*s == '$' && (s[i] == '\'' || s[i] == '"')))
			return false;
	return true;
}

static int word_expand(const struct reader *r, bool quoted)
{
	struct cursor *c = r->cursor;
	const char *s = c->p;
	size_t len = (size_t)(c->end - s), name, whole;
	int code;

	if (*s == '$') {
		name = source_variable_length(s + 1, len - 1);
		whole = name + 1;
		if (name) {
			code = word_add_variable(r, s + 1, name);
			word_step(c, whole);
			return code;
		}
		if (len < 2 || !strchr("({0123456789?#@*!$-'\"", s[1])) {
			word_step(c, 1);
			return word_add(r, "$", 1);
		}
		if ((s[1] == '\'' || s[1] == '"') && quoted) {
			word_step(c, 1);
			return word_add(r, "$", 1);
		}
		if (s[1] != '(' && s[1] != '{')
			return word_refuse(r, "only a shell can expand it");
	}
	whole = source_expansion_length(s, len);
	if (!whole)
		return word_refuse(r, "an expansion has no end, or is nested too deeply");
	name = *s == '$' && s[1] == '{' ? source_variable_length(s + 2, whole - 3) : 0;
	if (name && name == whole - 3)
		code = word_add_variable(r, s + 2, name);
	else if (!quoted && !means_the_same(s, whole))
		return word_refuse(r, "it has quotes in an expansion without quotes");
	else
		code = word_add_shell(r, s, whole);
	word_step(c, whole);
	return code;
}

static int word_single(const struct reader *r)
{
	struct cursor *c = r->cursor;
	const char *end = memchr(c->p + 1, '\'', (size_t)(c->end - c->p - 1));
	int code;

	if (!end)
		return word_refuse(r, "a quote has no end");
	code = word_add(r, c->p + 1, (size_t)(end - c->p - 1));
	word_step(c, (size_t)(end - c->p + 1));
	return code;
}

/* A backslash and the byte after it. */
static int word_backslash(const struct reader *r, bool quoted)
{
	struct cursor *c = r->cursor;
	const char *s = c->p;

	if (c->end - s < 2)
		return word_refuse(r, "it ends with a backslash");
	word_step(c, 2);
	if (s[1] == '\n')
		return 0;
	if (quoted && !strchr("$`\"\\", s[1]))
		return word_add(r, s, 2);
	return word_add(r, s + 1, 1);
}

static int word_double(const struct reader *r)
{
	struct cursor *c = r->cursor;
	int code = 0;

	word_step(c, 1);
	while (code == 0 && c->p < c->end && *c->p != '"') {
		if (*c->p == '\\') {
			code = word_backslash(r, true);
		} else if (*c->p == '$' || *c->p == '`') {
			code = word_expand(r, true);
		} else {
			code = word_add(r, c->p, 1);
			word_step(c, 1);
		}
	}
	if (code == 0 && c->p == c->end)
		return word_refuse(r, "a quote has no end");
	if (code == 0)
		word_step(c, 1);
	return code;
}

int source_word_read(struct cursor *cursor, const struct values *values, struct word *ret_word,
		     const char **ret_why)
{
	struct reader r = { cursor, values, ret_word, ret_why };
	int code = word_fault(&r, source_text_add(&ret_word->text, "", 0));

	if (code == 0 && cursor->p < cursor->end && *cursor->p == '~')
		return word_refuse(&r, "only a shell can expand it");
	while (code == 0 && cursor->p < cursor->end && !strchr(" \t\n;", *cursor->p)) {
		switch (*cursor->p) {
		case '\'':
			code = word_single(&r);
			break;
		case '"':
			code = word_double(&r);
			break;
		case '\\':
			code = word_backslash(&r, false);
			break;
		case '$':
		case '`':
			code = word_expand(&r, false);
			break;
		case '&':
		case '|':
		case '<':
		case '>':
		case '(':
		case ')':
			return word_refuse(&r, "only a shell can run it");
		default:
			code = word_add(&r, cursor->p, 1);
			word_step(cursor, 1);
		}
	}
	return code;
}
