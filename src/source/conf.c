/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The parser of dkms.conf, which is a script for bash that dkms runs as root. Nothing is run here:
 * a file is accepted if it consists of assignments,
 *
 *	NAME=value  NAME[0]=value  NAME+=value    separated by blanks, newlines or ';'
 *
 * and comments. A value is one word (word.c). Everything else (if, case, a command, an array in
 * parentheses, a sum as index) stops the parser at its line, as its effect cannot be known without
 * a shell.
 *
 * The file is not trusted: it has at most 64 KiB without a NUL, an index is at most 1023, and
 * numbers and bytes of the values are bounded. No function calls itself.
 *
 * A shell makes the assignments again whose expansions are left to it, and each variable once: so
 * one that is assigned again after such an expansion is refused.
 */
#include "conf.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "expansion.h"
#include "modfetch/cleanup.h"
#include "modfetch/error.h"
#include "modfetch/strings.h"
#include "word.h"

struct conf {
	struct cursor cursor;
	struct values *values;
	struct conf_fault *fault;
	bool shell; /* an expansion was left to a shell */
};

struct target {
	const char *at;
	unsigned int line;
	char name[64];
	unsigned int index;
	bool append;
};

static int conf_refuse(const struct conf *conf, unsigned int line, const char *at, const char *why)
{
	size_t len = strcspn(at, "\n");

	if (len >= sizeof(conf->fault->text))
		len = sizeof(conf->fault->text) - 1;
	conf->fault->line = line;
	conf->fault->why = why;
	memcpy(conf->fault->text, at, len);
	conf->fault->text[len] = '\0';
	mf_text_sanitize(conf->fault->text);
	return -MFE_SOURCE;
}

/* Skips blanks, separators, comments and joined lines. False: the file ends. */
static bool conf_next(struct cursor *c)
{
	while (c->p < c->end) {
		if (*c->p == '#') {
			while (c->p < c->end && *c->p != '\n')
				c->p++;
		} else if (*c->p == '\\' && c->end - c->p > 1 && c->p[1] == '\n') {
			c->line++;
			c->p += 2;
		} else if (strchr(" \t\n;", *c->p)) {
			c->line += *c->p++ == '\n';
		} else {
			return true;
		}
	}
	return false;
}

/* "[12]" at S: its length, and the number. 0: it is none. */
static size_t index_read(const char *s, size_t len, unsigned int *ret_index)
{
	size_t i = 1;
	unsigned int index = 0;

	for (; i < len && s[i] >= '0' && s[i] <= '9' && index <= INDEX_MAX; i++)
		index = index * 10 + (unsigned int)(s[i] - '0');
	/* bash takes 010 for eight */
	if (i == 1 || i >= len || s[i] != ']' || index > INDEX_MAX || (s[1] == '0' && i > 2))
		return 0;
	*ret_index = index;
	return i + 1;
}

/* Reads "NAME[0]+=". */
static int target_read(const struct conf *conf, struct cursor *c, struct target *ret_target)
{
	size_t left = (size_t)(c->end - c->p), n = source_variable_length(c->p, left), more;

	*ret_target = (struct target){ .at = c->p, .line = c->line };
	if (!n || n >= sizeof(ret_target->name) || n == left || !strchr("=+[", c->p[n]))
		return conf_refuse(conf, c->line, c->p, "only a shell can run it");
	memcpy(ret_target->name, c->p, n);
	if (c->p[n] == '[') {
		more = index_read(c->p + n, left - n, &ret_target->index);
		if (!more)
			return conf_refuse(conf, c->line, c->p,
					   "its index is not a number from 0 to 1023");
		n += more;
	}
	ret_target->append = n < left && c->p[n] == '+';
	n += ret_target->append;
	if (n >= left || c->p[n] != '=')
		return conf_refuse(conf, c->line, c->p, "only a shell can run it");
	c->p += n + 1;
	if (c->p < c->end && *c->p == '(')
		return conf_refuse(conf, ret_target->line, ret_target->at,
				   "arrays are read as NAME[0]=value, not in parentheses");
	return 0;
}

/* The word after the value that the variable has, for "+=". */
static int word_append(struct word *word, const struct value *before)
{
	_cleanup_(source_text_done) struct text text = { 0 };
	struct text swap;
	bool shell = word->shell || before->shell;
	int r = shell && !before->shell
			? source_text_add_escaped(&text, before->text, strlen(before->text))
			: source_text_add(&text, before->text, strlen(before->text));

	if (r == 0)
		r = shell && !word->shell
			    ? source_text_add_escaped(&text, word->text.v, word->text.n)
			    : source_text_add(&text, word->text.v, word->text.n);
	swap = word->text;
	word->text = text;
	text = swap;
	word->shell = shell;
	return r;
}

static int conf_assign(struct conf *conf, const struct target *target)
{
	_cleanup_(source_word_done) struct word word = { 0 };
	const struct value *before = source_values_find(conf->values, target->name, target->index);
	const char *why = NULL;
	int r = source_word_read(&conf->cursor, conf->values, &word, &why);

	if (r == -MFE_SOURCE)
		return conf_refuse(conf, target->line, target->at, why);
	if (r == 0 && conf->shell && before)
		return conf_refuse(
			conf, target->line, target->at,
			"it changes a variable after an expansion that only a shell can do");
	if (r == 0 && before && target->append)
		r = word_append(&word, before);
	conf->shell |= word.shell;
	if (r == 0)
		r = source_values_set(conf->values, target->name, target->index,
				      MF_STEAL(word.text.v), word.shell, target->line);
	if (r == -E2BIG)
		return conf_refuse(conf, target->line, target->at,
				   "the file has too many values, or too long ones");
	return r;
}

int source_conf_parse(const char *buf, size_t len, struct values *values,
		      struct conf_fault *ret_fault)
{
	struct conf conf = { { buf, buf + len, 1 }, values, ret_fault, false };
	int r = 0;

	if (len > CONF_MAX)
		return conf_refuse(&conf, 0, "", "the file has more than 64 KiB");
	if (memchr(buf, '\0', len))
		return conf_refuse(&conf, 0, "", "the file has a NUL byte");
	while (r == 0 && conf_next(&conf.cursor)) {
		struct target target;

		r = target_read(&conf, &conf.cursor, &target);
		if (r == 0)
			r = conf_assign(&conf, &target);
	}
	return r;
}
