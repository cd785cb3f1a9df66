/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Parses lists of what machines need.
 *
 * A list comes from a stick, so nothing in it is trusted: its size, the number of lists and the length
 * of a line are bounded; each value has the form of its kind before any other code reads it. Modaliases and
 * names have the bounds of those from the kernel (modalias.c), releases those of package names, and
 * paths can only name files below their directory. A message never repeats a line, only its number.
 *
 * The format is in list-write.c and in modfetch-list(5). A text may have several lists, as from
 * `modfetch want --kernel all` or from cat(1); each is complete in itself.
 */
#include "modfetch/list.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "modfetch/release.h"

#define FIRST_WORD     "modfetch-list"
#define FIRST_LINE     FIRST_WORD " 1"
#define LINE_MAX_BYTES (MF_MODALIAS_MAX + 32)
/* Values of a kind: of what becomes a want, and of what is only looked up. */
#define WANTS_MAX  16384
#define VALUES_MAX 65536
#define PATH_BYTES 512
#define CRC_DIGITS 8

static const char *const words[MF_N_LIST_KINDS] = {
	[MF_LIST_DEVICE] = "device",	 [MF_LIST_MISSING] = "missing",
	[MF_LIST_BOOT] = "boot",	 [MF_LIST_NAME] = "name",
	[MF_LIST_BUILTIN] = "builtin",	 [MF_LIST_PRESENT] = "present",
	[MF_LIST_FIRMWARE] = "firmware", [MF_LIST_FILE] = "file",
	[MF_LIST_EXPORT] = "export",
};

const char *mf_list_word(enum mf_list_kind kind)
{
	return words[kind];
}

void mf_list_done(struct mf_list *list)
{
	free(list->kernel);
	free(list->machine);
	free(list->releasever);
	for (size_t i = 0; i < MF_N_LIST_KINDS; i++)
		mf_strings_done(&list->lines[i]);
	*list = (struct mf_list){ 0 };
}

void mf_lists_done(struct mf_lists *lists)
{
	for (size_t i = 0; i < lists->n; i++)
		mf_list_done(&lists->v[i]);
	free(lists->v);
	*lists = (struct mf_lists){ 0 };
}

/* ---- values ---- */

static bool value_is_alias(const char *value)
{
	return mf_modalias_valid(value, strlen(value));
}

/* The name of a module as kmod spells it: it becomes the name of a file. */
static bool value_is_module(const char *value)
{
	char name[MF_MODULE_NAME_SIZE];

	return mf_module_name(value, name, sizeof(name)) && !strcmp(name, value);
}

/* Below a directory: no component is empty, "." or "..". */
static bool value_is_relative(const char *path)
{
	if (!mf_is_word(path, strlen(path)) || strlen(path) > PATH_BYTES)
		return false;
	for (const char *part = path;; part++) {
		size_t len = strcspn(part, "/");

		if (!len || len > NAME_MAX || (len == 1 && *part == '.') ||
		    (len == 2 && !strncmp(part, "..", 2)))
			return false;
		part += len;
		if (!*part)
			return true;
	}
}

static bool value_is_program(const char *path)
{
	static const char *const directories[] = { "/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/",
						   "/usr/lib/module-init-tools/" };

	for (size_t i = 0; i < MF_ARRAY_SIZE(directories); i++)
		if (mf_starts_with(path, directories[i]))
			return value_is_relative(path + 1);
	return false;
}

/* "1a2b SYMBOL MODULE" */
static bool value_is_export(const char *value)
{
	size_t digits = strspn(value, "0123456789abcdef");
	const char *symbol = value + digits + 1, *module;

	if (!digits || digits > CRC_DIGITS || value[digits] != ' ')
		return false;
	module = strchr(symbol, ' ');
	return module && module - symbol < 256 && mf_is_word(symbol, (size_t)(module - symbol)) &&
	       value_is_module(module + 1);
}

bool mf_list_value_valid(enum mf_list_kind kind, const char *value)
{
	static bool (*const tests[MF_N_LIST_KINDS])(const char *) = {
		[MF_LIST_DEVICE] = value_is_alias,	[MF_LIST_MISSING] = value_is_alias,
		[MF_LIST_BOOT] = value_is_alias,	[MF_LIST_NAME] = value_is_alias,
		[MF_LIST_BUILTIN] = value_is_module,	[MF_LIST_PRESENT] = value_is_module,
		[MF_LIST_FIRMWARE] = value_is_relative, [MF_LIST_FILE] = value_is_program,
		[MF_LIST_EXPORT] = value_is_export,
	};

	return tests[kind](value);
}

static bool value_is_release(const char *value)
{
	struct mf_release release;

	return !mf_release_parse(value, NULL, &release);
}

static bool value_is_plain(const char *value)
{
	return mf_is_plain_name(value) && strlen(value) <= 32;
}

/* ---- lines ---- */

struct parse {
	struct mf_context *ctx;
	const char *source;
	struct mf_lists *lists;
	size_t room;
	struct mf_list *list; /* the one that is being read; NULL: none */
	size_t line;	      /* its number in the text, from 1 */
	size_t n;	      /* lines of the list so far */
};

static int list_fault(const struct parse *p, const char *why)
{
	return mf_fail(p->ctx, MF_STAGE_LIST, -MFE_BAD_LIST, p->source,
		       "line %zu: %s; make it again with modfetch want", p->line, why);
}

static int list_begin(struct parse *p, const char *line)
{
	if (strcmp(line, FIRST_LINE) != 0)
		return list_fault(p, mf_starts_with(line, FIRST_WORD " ")
					     ? "the list is of another version of modfetch"
					     : "it is not \"" FIRST_LINE "\", which begins a list");
	if (p->lists->n >= MF_LISTS_MAX)
		return list_fault(p, "it begins more than 64 lists");
	if (mf_array_reserve(&p->lists->v, &p->room, p->lists->n + 1, sizeof(*p->lists->v)) < 0)
		return mf_fail(p->ctx, MF_STAGE_LIST, -ENOMEM, p->source, NULL);
	p->list = &p->lists->v[p->lists->n++];
	*p->list = (struct mf_list){ 0 };
	p->n = 0;
	return 0;
}

static int list_end(struct parse *p, const char *value)
{
	_cleanup_free_ char *number = mf_format("%zu", p->n);

	if (!number)
		return mf_fail(p->ctx, MF_STAGE_LIST, -ENOMEM, p->source, NULL);
	/* a list that was edited by hand has no number */
	if (*value && strcmp(value, number) != 0)
		return list_fault(p, "lines of the list are missing");
	if (!p->list->kernel || !p->list->machine)
		return list_fault(p, "the list names no kernel or no machine");
	p->list = NULL;
	return 0;
}

/* A line that a list has once. 1: it is another line. */
static int take_field(struct parse *p, const char *word, const char *value)
{
	const struct {
		const char *word;
		char **to;
		bool (*is_valid)(const char *value);
	} fields[] = {
		{ "kernel", &p->list->kernel, value_is_release },
		{ "machine", &p->list->machine, value_is_plain },
		{ "releasever", &p->list->releasever, value_is_plain },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(fields); i++) {
		if (strcmp(word, fields[i].word) != 0)
			continue;
		if (*fields[i].to || !fields[i].is_valid(value))
			return list_fault(p, *fields[i].to ? "it stands twice"
							   : "its value is not valid");
		*fields[i].to = strdup(value);
		return *fields[i].to ? 0 : mf_fail(p->ctx, MF_STAGE_LIST, -ENOMEM, p->source, NULL);
	}
	return 1;
}

static int take_line(struct parse *p, char *line)
{
	size_t len = strcspn(line, " ");
	const char *value = line[len] ? line + len + 1 : line + len;
	int r;

	line[len] = '\0';
	if (!strcmp(line, "end"))
		return list_end(p, value);
	p->n++;
	r = take_field(p, line, value);
	for (size_t kind = 0; r > 0 && kind < MF_N_LIST_KINDS; kind++) {
		if (strcmp(line, words[kind]) != 0)
			continue;
		if (!mf_list_value_valid((enum mf_list_kind)kind, value))
			return list_fault(p, "its value is not valid");
		if (p->list->lines[kind].n >= (kind <= MF_LIST_NAME ? WANTS_MAX : VALUES_MAX))
			return list_fault(p, "there are too many of its kind");
		r = mf_strings_add(&p->list->lines[kind], value);
		if (r < 0)
			return mf_fail(p->ctx, MF_STAGE_LIST, r, p->source, NULL);
	}
	return r < 0 ? r : 0;
}

/* Files that were on a stick may have the line ends of another system. */
static size_t without_return(const char *line, size_t len)
{
	return len && line[len - 1] == '\r' ? len - 1 : len;
}

static int parse_line(struct parse *p, const char *text, size_t len)
{
	char line[LINE_MAX_BYTES + 1];

	len = without_return(text, len);
	if (!len || *text == '#')
		return 0;
	if (len > LINE_MAX_BYTES)
		return list_fault(p, "it is too long");
	for (size_t i = 0; i < len; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return list_fault(p, "it has a byte that is not printable ASCII");
	memcpy(line, text, len);
	line[len] = '\0';
	return p->list ? take_line(p, line) : list_begin(p, line);
}

int mf_lists_parse(struct mf_context *ctx, const char *source, const char *text, size_t len,
		   struct mf_lists *ret_lists)
{
	_cleanup_(mf_lists_done) struct mf_lists lists = { 0 };
	struct parse p = { .ctx = ctx, .source = source, .lists = &lists };
	int r = 0;

	while (!r && len) {
		const char *end = memchr(text, '\n', len);
		size_t line = end ? (size_t)(end - text) : len;

		p.line++;
		r = parse_line(&p, text, line);
		line += end != NULL;
		text += line;
		len -= line;
	}
	if (!r && (p.list || !lists.n))
		r = mf_fail(ctx, MF_STAGE_LIST, -MFE_BAD_LIST, source,
			    lists.n ? "it ends before its last line, \"end\"; copy it again"
				    : "it is empty; make it with modfetch want");
	if (r < 0)
		return r;
	*ret_lists = lists;
	lists = (struct mf_lists){ 0 };
	return 0;
}

static int lists_append(struct mf_lists *lists, struct mf_lists *more)
{
	struct mf_list *v;

	if (!more->v)
		return 0;
	v = reallocarray(lists->v, lists->n + more->n, sizeof(*v));
	if (!v)
		return -ENOMEM;
	memcpy(v + lists->n, more->v, more->n * sizeof(*v));
	lists->v = v;
	lists->n += more->n;
	free(more->v);
	*more = (struct mf_lists){ 0 };
	return 0;
}

int mf_lists_read(struct mf_context *ctx, const char *path, struct mf_lists *lists)
{
	bool is_stdin = !strcmp(path, "-");
	_cleanup_close_ int fd =
		is_stdin ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	_cleanup_(mf_lists_done) struct mf_lists more = { 0 };
	const char *source = is_stdin ? "standard input" : path;
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	int r = fd < 0 ? -errno : mf_file_read(fd, MF_LIST_SIZE_MAX, &text, &len);

	if (r == -EFBIG)
		return mf_fail(ctx, MF_STAGE_LIST, -MFE_BAD_LIST, source,
			       "it has more than 16 MiB; make it again with modfetch want");
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_LIST, r, source, NULL);
	r = mf_lists_parse(ctx, source, text, len, &more);
	if (!r && lists_append(lists, &more) < 0)
		r = mf_fail(ctx, MF_STAGE_LIST, -ENOMEM, source, NULL);
	return r;
}
