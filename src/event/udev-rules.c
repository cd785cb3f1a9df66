/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lines of udev's rules that load modules by name.
 *
 * Decides which files count and what their lines say, as udev(7) has it: files of all directories
 * in the order of their names, one file a name, an empty file or a link to /dev/null masks one; a
 * line is KEY{attribute}OP"value" pairs, '\' at its end joins the next one, '#' begins a comment,
 * e"" has C's escapes, GOTO jumps forward to a LABEL in the same file. Of all that only the load
 * lines are kept, and the GOTOs of their files. Nothing is assigned, run or imported.
 *
 * Trusts the files as udev does, which runs what they say as root, but not one that others than
 * root can write. Bounds what it reads all the same: a file to 1 MiB, a line to udev's 16 KiB.
 */
#include "modfetch/udev-device.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"
#include "modfetch/table.h"
#include "udev-pair.h"

enum { FILE_MAX = 1 << 20, LINE_MAX_BYTES = 16384, CONDITIONS_MAX = 64 };

/* In udev's order of precedence. */
static const char *const directories[] = {
	"etc/udev/rules.d",	"run/udev/rules.d", "usr/local/lib/udev/rules.d",
	"usr/lib/udev/rules.d", "lib/udev/rules.d",
};

struct mf_udev_rules {
	struct mf_udev_line *lines;
	size_t n;
	struct mf_arena arena; /* all strings and conditions */
};

struct mf_udev_rules *mf_udev_rules_new(void)
{
	return calloc(1, sizeof(struct mf_udev_rules));
}

static void truncate_lines(struct mf_udev_rules *rules, size_t n)
{
	while (rules->n > n)
		mf_strings_done(&rules->lines[--rules->n].modules);
}

void mf_udev_rules_free(struct mf_udev_rules *rules)
{
	if (!rules)
		return;
	truncate_lines(rules, 0);
	free(rules->lines);
	mf_arena_done(&rules->arena);
	free(rules);
}

const struct mf_udev_line *mf_udev_rules_lines(const struct mf_udev_rules *rules, size_t *ret_n)
{
	*ret_n = rules->n;
	return rules->lines;
}

/* ---- a line ---- */

enum braces { NONE, MAY, MUST };

static const struct {
	const char *word;
	enum mf_udev_key key;
	enum braces braces;
	bool assignable;
} keys[] = {
	{ "ACTION", MF_UDEV_ACTION, NONE, false },
	{ "DEVPATH", MF_UDEV_DEVPATH, NONE, false },
	{ "KERNEL", MF_UDEV_KERNEL, NONE, false },
	{ "SUBSYSTEM", MF_UDEV_SUBSYSTEM, NONE, false },
	{ "DRIVER", MF_UDEV_DRIVER, NONE, false },
	{ "ENV", MF_UDEV_ENV, MUST, true },
	{ "ATTR", MF_UDEV_ATTR, MUST, true },
	{ "TEST", MF_UDEV_TEST, MAY, false },
	{ "KERNELS", MF_UDEV_KERNELS, NONE, false },
	{ "SUBSYSTEMS", MF_UDEV_SUBSYSTEMS, NONE, false },
	{ "DRIVERS", MF_UDEV_DRIVERS, NONE, false },
	{ "ATTRS", MF_UDEV_ATTRS, MUST, false },
};

struct draft {
	struct mf_udev_condition conditions[CONDITIONS_MAX];
	size_t n;
	struct mf_strings modules;
	const char *label, *go_to;
	bool beyond_us; /* a condition or a name that only udev can fill in */
};

static bool substitutes(const char *s)
{
	return strpbrk(s, "$%") != NULL;
}

/* "kmod load NAME…"; any other builtin is nobody's affair here. */
static int draft_load(struct draft *draft, const char *command)
{
	_cleanup_(mf_strings_done) struct mf_strings words = { 0 };
	int r = mf_strings_split(&words, command);

	if (r < 0 || words.n < 3 || strcmp(words.v[0], "kmod") != 0 ||
	    strcmp(words.v[1], "load") != 0)
		return r;
	for (size_t i = 2; r == 0 && i < words.n; i++) {
		const char *name = words.v[i];

		if (substitutes(name) || *name == '-' || !mf_modalias_valid(name, strlen(name)))
			draft->beyond_us = true;
		else
			r = mf_strings_add_unique(&draft->modules, name);
	}
	return r;
}

static int draft_condition(struct draft *draft, const struct mf_udev_pair *pair,
			   enum mf_udev_key key)
{
	bool filled_in = key == MF_UDEV_TEST ? substitutes(pair->value)
					     : pair->attribute && key != MF_UDEV_ENV &&
						       substitutes(pair->attribute);

	if (draft->n == CONDITIONS_MAX)
		return -EBADMSG;
	if (filled_in)
		key = MF_UDEV_OTHER;
	draft->beyond_us |= key == MF_UDEV_OTHER;
	draft->conditions[draft->n++] = (struct mf_udev_condition){
		.key = key,
		.negated = pair->negated,
		.ignore_case = pair->ignore_case,
		.attribute = pair->attribute,
		.value = pair->value,
	};
	return 0;
}

static int draft_pair(struct draft *draft, const struct mf_udev_pair *pair)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(keys); i++) {
		bool has = pair->attribute && *pair->attribute;

		if (strcmp(pair->key, keys[i].word) != 0)
			continue;
		if ((keys[i].braces == MUST && !has) ||
		    (keys[i].braces == NONE && pair->attribute) ||
		    (!pair->match && !keys[i].assignable))
			return -EBADMSG;
		return pair->match ? draft_condition(draft, pair, keys[i].key) : 0;
	}
	/* these two decide whether the rest applies, whatever their operator */
	if (pair->match || !strcmp(pair->key, "PROGRAM") || !strcmp(pair->key, "IMPORT"))
		return draft_condition(draft, pair, MF_UDEV_OTHER);
	if (!strcmp(pair->key, "GOTO"))
		draft->go_to = pair->value;
	if (!strcmp(pair->key, "LABEL"))
		draft->label = pair->value;
	if (!strcmp(pair->key, "RUN") && pair->attribute && !strcmp(pair->attribute, "builtin"))
		return draft_load(draft, pair->value);
	return 0;
}

/* ---- a file ---- */

struct place {
	const char *label;
	size_t at; /* the first line behind it */
};

struct file {
	const struct mf_context *ctx;
	struct mf_udev_rules *rules;
	const char *name;
	unsigned int number;
	size_t first;	     /* of its lines */
	struct place *jumps; /* a line, and the label it goes to */
	size_t n_jumps;
	struct place *labels;
	size_t n_labels;
};

static void file_done(struct file *file)
{
	free(file->jumps);
	free(file->labels);
}

static int add_place(struct place **places, size_t *n, const char *label, size_t at)
{
	struct place *more = reallocarray(*places, *n + 1, sizeof(*more));

	if (!more)
		return -ENOMEM;
	*places = more;
	more[(*n)++] = (struct place){ label, at };
	return 0;
}

static int keep_line(struct file *file, struct draft *draft)
{
	struct mf_udev_rules *rules = file->rules;
	size_t size = draft->n * sizeof(*draft->conditions);
	void *conditions = mf_arena_alloc(&rules->arena, size ? size : 1);
	struct mf_udev_line *lines = reallocarray(rules->lines, rules->n + 1, sizeof(*lines));

	if (lines)
		rules->lines = lines;
	if (!lines || !conditions)
		return -ENOMEM;
	memcpy(conditions, draft->conditions, size);
	lines[rules->n++] = (struct mf_udev_line){
		.file = file->name,
		.number = file->number,
		.conditions = conditions,
		.n_conditions = draft->n,
		.modules = draft->modules,
	};
	draft->modules = (struct mf_strings){ 0 };
	return 0;
}

static int use_draft(struct file *file, struct draft *draft)
{
	int r = 0;

	if (draft->label)
		r = add_place(&file->labels, &file->n_labels, draft->label, file->rules->n);
	if (!r && draft->beyond_us && draft->modules.n) {
		mf_log(file->ctx, MF_LOG_DEBUG,
		       "event: %s, line %u: only udev can judge this rule, not looked at",
		       file->name, file->number);
		mf_strings_done(&draft->modules);
	}
	if (r < 0 || (!draft->modules.n && !draft->go_to))
		return r;
	if (draft->go_to)
		r = add_place(&file->jumps, &file->n_jumps, draft->go_to, file->rules->n);
	return r < 0 ? r : keep_line(file, draft);
}

static int udev_rules_parse_line(struct file *file, const char *text, size_t len)
{
	char *line = mf_arena_copy(&file->rules->arena, text, len);
	struct draft draft = { .n = 0 };
	struct mf_udev_pair pair;
	int r = line ? 1 : -ENOMEM;

	while (r > 0 && (r = mf_udev_pair_next(&line, &pair)) > 0) {
		r = draft_pair(&draft, &pair);
		r = r < 0 ? r : 1;
	}
	if (r == 0)
		r = use_draft(file, &draft);
	mf_strings_done(&draft.modules);
	if (r == -EBADMSG)
		mf_log(file->ctx, MF_LOG_DEBUG, "event: %s, line %u: not a rule, ignored",
		       file->name, file->number);
	return r == -ENOMEM ? r : 0;
}

/* Joins what belongs to one line; comments vanish, also between the parts of one. */
static int parse_lines(struct file *file, const char *text, size_t len)
{
	char whole[LINE_MAX_BYTES];
	const char *end = text + len;
	size_t used = 0;
	bool too_long = false;
	int r = 0;

	while (r == 0 && text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		const char *next = stop ? stop + 1 : end;
		bool more;

		stop = stop ? stop : end;
		file->number++;
		while (text < stop && strchr(" \t\r\n", *text))
			text++;
		if (text < stop && *text == '#') {
			text = next;
			continue;
		}
		more = text < stop && stop[-1] == '\\';
		len = (size_t)(stop - text) - more;
		too_long |= used + len >= sizeof(whole);
		if (!too_long) {
			memcpy(whole + used, text, len);
			used += len;
		}
		text = next;
		if (more)
			continue;
		if (!too_long && used)
			r = udev_rules_parse_line(file, whole, used);
		used = 0;
		too_long = false;
	}
	return r;
}

/* A GOTO without its LABEL further down is none. */
static void resolve_jumps(struct file *file)
{
	for (size_t i = 0; i < file->n_jumps; i++) {
		const struct place *jump = &file->jumps[i];

		for (size_t k = 0; k < file->n_labels; k++) {
			const struct place *label = &file->labels[k];

			if (label->at > jump->at && !strcmp(label->label, jump->label)) {
				file->rules->lines[jump->at].go_to = label->at;
				break;
			}
		}
	}
}

int mf_udev_rules_parse(const struct mf_context *ctx, struct mf_udev_rules *rules, const char *name,
			const char *text, size_t len)
{
	_cleanup_(file_done) struct file file = { .ctx = ctx, .rules = rules, .first = rules->n };
	bool loads = false;
	int r;

	/* most files have no such line: these cost a search and no more */
	if (memchr(text, '\0', len) || !memmem(text, len, "kmod", 4))
		return 0;
	file.name = mf_arena_copy(&rules->arena, name, strlen(name));
	r = file.name ? parse_lines(&file, text, len) : -ENOMEM;
	if (r < 0)
		return r;
	resolve_jumps(&file);
	for (size_t i = file.first; i < rules->n; i++)
		loads |= rules->lines[i].modules.n > 0;
	if (!loads)
		truncate_lines(rules, file.first);
	return 0;
}

/* ---- the directories ---- */

static bool udev_rules_is_ours_alone(const struct stat *st)
{
	return (st->st_uid == 0 || st->st_uid == geteuid()) && !(st->st_mode & 022);
}

static int udev_rules_list_names(const struct mf_context *ctx, struct mf_strings *ret_names)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < MF_ARRAY_SIZE(directories); i++) {
		int fd = mf_context_open(ctx, directories[i], O_RDONLY | O_DIRECTORY);
		_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
		struct dirent *e;

		if (fd >= 0 && !dir)
			close(fd);
		while (dir && r == 0 && (e = readdir(dir)))
			if (mf_ends_with(e->d_name, ".rules"))
				r = mf_strings_add(ret_names, e->d_name);
	}
	mf_strings_sort(ret_names);
	return r;
}

/* The first directory that has the name decides, even by a link that leads nowhere: a mask. */
static int udev_rules_read_one(const struct mf_context *ctx, struct mf_udev_rules *rules,
			       const char *name)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(directories); i++) {
		_cleanup_free_ char *path = NULL, *text = NULL;
		_cleanup_close_ int fd = -1, there = -1;
		struct stat st;
		size_t len;

		path = mf_format("%s/%s", directories[i], name);
		if (!path)
			return -ENOMEM;
		there = mf_context_open(ctx, path, O_PATH | O_NOFOLLOW);
		if (there < 0)
			continue;
		fd = mf_context_open(ctx, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
		if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
			return 0;
		if (!udev_rules_is_ours_alone(&st)) {
			mf_log(ctx, MF_LOG_WARNING, "event: /%s: ignored: others could write it",
			       path);
			return 0;
		}
		if (mf_file_read(fd, FILE_MAX, &text, &len) < 0)
			return 0;
		return mf_udev_rules_parse(ctx, rules, name, text, len);
	}
	return 0;
}

static void rules_cleanup(struct mf_udev_rules **rules)
{
	mf_udev_rules_free(*rules);
}

int mf_udev_rules_read(const struct mf_context *ctx, struct mf_udev_rules **ret_rules)
{
	_cleanup_(rules_cleanup) struct mf_udev_rules *rules = mf_udev_rules_new();
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	int r = rules ? udev_rules_list_names(ctx, &names) : -ENOMEM;

	for (size_t i = 0; r == 0 && i < names.n; i++)
		if (!i || strcmp(names.v[i - 1], names.v[i]) != 0)
			r = udev_rules_read_one(ctx, rules, names.v[i]);
	if (r == 0)
		*ret_rules = MF_STEAL(rules);
	return r;
}
