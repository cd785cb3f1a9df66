/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads the lines of udev's rules that load modules by name.
 *
 * Decides which files are used and parses their lines, as described in udev(7): files of all
 * directories in the order of their names, one file per name, an empty file or a link to /dev/null
 * masks one; a line is a list of KEY{attribute}OP"value" pairs, '\' at its end joins the next one,
 * '#' begins a comment, e"" has C's escapes, GOTO jumps forward to a LABEL in the same file. Only
 * the lines that load modules are kept, and the GOTOs of their files. Nothing is assigned, run or
 * imported.
 *
 * Trusts the files as udev does, which runs their commands as root, but not a file that another
 * user than root can write. Limits a file to 1 MiB and a line to udev's 16 KiB nevertheless.
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
	size_t n, room;
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
	bool needs_udev; /* only udev can evaluate a condition or substitute a name */
};

static bool has_substitution(const char *s)
{
	return strpbrk(s, "$%") != NULL;
}

/* Adds the modules of "kmod load NAME…"; other builtin commands are ignored. */
static int draft_load(struct draft *draft, const char *command)
{
	_cleanup_(mf_strings_done) struct mf_strings words = { 0 };
	int r = mf_strings_split(&words, command);

	if (r < 0 || words.n < 3 || strcmp(words.v[0], "kmod") != 0 ||
	    strcmp(words.v[1], "load") != 0)
		return r;
	for (size_t i = 2; r == 0 && i < words.n; i++) {
		const char *name = words.v[i];

		if (has_substitution(name) || *name == '-' ||
		    !mf_modalias_valid(name, strlen(name)))
			draft->needs_udev = true;
		else
			r = mf_strings_add_unique(&draft->modules, name);
	}
	return r;
}

static int draft_condition(struct draft *draft, const struct mf_udev_pair *pair,
			   enum mf_udev_key key)
{
	bool substituted = key == MF_UDEV_TEST ? has_substitution(pair->value)
					       : pair->attribute && key != MF_UDEV_ENV &&
							 has_substitution(pair->attribute);

	if (draft->n == CONDITIONS_MAX)
		return -EBADMSG;
	if (substituted)
		key = MF_UDEV_OTHER;
	draft->needs_udev |= key == MF_UDEV_OTHER;
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
	/* PROGRAM and IMPORT are conditions with any operator */
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
	size_t at; /* index of the jump's line, or of the first line after the label */
};

struct file {
	const struct mf_context *ctx;
	struct mf_udev_rules *rules;
	const char *name;
	unsigned int number;
	size_t first; /* index of its first line in the rules */
	struct place *jumps;
	size_t n_jumps, jumps_room;
	struct place *labels;
	size_t n_labels, labels_room;
};

static void file_done(struct file *file)
{
	free(file->jumps);
	free(file->labels);
}

static int add_place(struct place **places, size_t *n, size_t *room, const char *label, size_t at)
{
	int r = mf_array_reserve(places, room, *n + 1, sizeof(**places));

	if (r == 0)
		(*places)[(*n)++] = (struct place){ label, at };
	return r;
}

static int keep_line(struct file *file, struct draft *draft)
{
	struct mf_udev_rules *rules = file->rules;
	size_t size = draft->n * sizeof(*draft->conditions);
	void *conditions = mf_arena_alloc(&rules->arena, size ? size : 1);

	if (!conditions ||
	    mf_array_reserve(&rules->lines, &rules->room, rules->n + 1, sizeof(*rules->lines)) < 0)
		return -ENOMEM;
	memcpy(conditions, draft->conditions, size);
	rules->lines[rules->n++] = (struct mf_udev_line){
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
		r = add_place(&file->labels, &file->n_labels, &file->labels_room, draft->label,
			      file->rules->n);
	if (!r && draft->needs_udev && draft->modules.n) {
		mf_log(file->ctx, MF_LOG_DEBUG,
		       "event: %s, line %u: ignored: only udev can evaluate this rule", file->name,
		       file->number);
		mf_strings_done(&draft->modules);
	}
	if (r < 0 || (!draft->modules.n && !draft->go_to))
		return r;
	if (draft->go_to)
		r = add_place(&file->jumps, &file->n_jumps, &file->jumps_room, draft->go_to,
			      file->rules->n);
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
		mf_log(file->ctx, MF_LOG_DEBUG, "event: %s, line %u: ignored: not a valid rule",
		       file->name, file->number);
	return r == -ENOMEM ? r : 0;
}

/* Joins continued lines, removes comments (also between parts of a line), parses each line. */
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

/* Sets the targets of GOTOs; one without its LABEL further down has no effect. */
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

	/* most files have no such line, and one search is enough */
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

static bool only_root_can_write(const struct stat *st)
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

/* Reads the file of the first directory that has NAME; a dangling link there masks the others. */
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
		if (!only_root_can_write(&st)) {
			mf_log(ctx, MF_LOG_WARNING,
			       "event: /%s: ignored: other users than root can write it", path);
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
