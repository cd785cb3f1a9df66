/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * depmod.d: the search order, overrides, external directories and excluded names.
 *
 * Files end in .conf and are read in the order of their names, whatever directory they are in; of
 * two with one name the one in the earlier directory counts. As with depmod, a line that ends in a
 * backslash continues in the next, a '#' begins a comment only in the first column, and a line read
 * later is looked at earlier: hence the reversed lists. A bad line is reported and ignored. Without
 * any search line "updates" is searched first, and the rest has no order.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"
#include "conf.h"

#define FILE_MAX ((size_t)1 << 20)

static const char *const directories[] = {
	"/etc/depmod.d", "/run/depmod.d",     "/usr/local/lib/depmod.d",
	"/lib/depmod.d", "/usr/lib/depmod.d", /* the latter two are mostly one */
};

struct parser {
	struct mf_context *ctx;
	const char *kernel;
	const char *file;
	struct dm_config *config;
};

static int add_search(struct parser *p, const char *word)
{
	struct dm_config *c = p->config;
	struct dm_search *v = reallocarray(c->searches, c->n_searches + 1, sizeof(*v));
	struct dm_search s = { DM_SEARCH_DIRECTORY, NULL, strlen(word) };

	if (!v)
		return -ENOMEM;
	c->searches = v;
	if (!strcmp(word, "built-in"))
		s.kind = DM_SEARCH_BUILTIN;
	else if (!strcmp(word, "external"))
		s.kind = DM_SEARCH_EXTERNAL;
	s.directory = mf_arena_copy(&c->arena, word, s.len);
	if (!s.directory)
		return -ENOMEM;
	v[c->n_searches++] = s;
	return 0;
}

static bool kernel_matches(const struct parser *p, const char *pattern)
{
	regex_t re;
	bool matches;

	if (!strcmp(pattern, "*"))
		return true;
	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB))
		return false;
	matches = !regexec(&re, p->kernel, 0, NULL, 0);
	regfree(&re);
	return matches;
}

/* Each returns 0, 1 for a line that makes no sense, or -ENOMEM. */
static int parse_search(struct parser *p, char **save)
{
	char *word;

	while ((word = strtok_r(NULL, "\t ", save))) {
		int r = add_search(p, word);

		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_override(struct parser *p, char **save)
{
	const char *name = strtok_r(NULL, "\t ", save);
	const char *kernel = name ? strtok_r(NULL, "\t ", save) : NULL;
	const char *directory = kernel ? strtok_r(NULL, "\t ", save) : NULL;
	_cleanup_free_ char *path = NULL;

	if (!directory)
		return 1;
	if (!kernel_matches(p, kernel))
		return 0;
	path = mf_format("%s/%s", directory, name);
	if (!path)
		return -ENOMEM;
	return mf_strings_add(&p->config->overrides, path);
}

static int parse_external(struct parser *p, char **save)
{
	const char *kernel = strtok_r(NULL, "\t ", save);
	const char *directory = kernel ? strtok_r(NULL, "\t ", save) : NULL;

	if (!directory)
		return 1;
	return kernel_matches(p, kernel) ? mf_strings_add(&p->config->externals, directory) : 0;
}

static int parse_exclude(struct parser *p, char **save)
{
	char *word;

	while ((word = strtok_r(NULL, "\t ", save))) {
		int r = mf_strings_add(&p->config->excludes, word);

		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_nothing(struct parser *p, char **save)
{
	return 0;
}

static const struct command {
	const char *name;
	int (*parse)(struct parser *p, char **save);
} commands[] = {
	{ "search", parse_search },	{ "override", parse_override },
	{ "external", parse_external }, { "exclude", parse_exclude },
	{ "include", parse_nothing },	{ "make_map_files", parse_nothing }, /* of old, no effect */
};

static int conf_parse_line(struct parser *p, char *line)
{
	char *save = NULL, *word;
	int r = 1;

	if (!*line || *line == '#')
		return 0;
	word = strtok_r(line, "\t ", &save);
	if (!word)
		return 0;
	for (size_t i = 0; i < MF_ARRAY_SIZE(commands); i++)
		if (!strcmp(commands[i].name, word))
			r = commands[i].parse(p, &save);
	if (r > 0)
		mf_log(p->ctx, MF_LOG_WARNING, "%s: ignoring a bad line that begins with '%s'",
		       p->file, word);
	return r < 0 ? r : 0;
}

/* Splits at ends of line, after taking out backslashes as depmod does. */
static int parse_text(struct parser *p, const char *text, size_t len)
{
	_cleanup_free_ char *line = malloc(len + 1);
	size_t n = 0;

	if (!line)
		return -ENOMEM;
	for (size_t i = 0; i <= len; i++) {
		char c = i < len ? text[i] : '\n';
		int r;

		if (c == '\\' && i + 1 < len) {
			c = text[++i];
			if (c != '\n')
				line[n++] = c;
			continue;
		}
		if (c != '\n') {
			line[n++] = c;
			continue;
		}
		line[n] = '\0';
		n = 0;
		r = conf_parse_line(p, line);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A configuration file, to be put in order by its last component. */
struct conf {
	const char *path, *name;
};

struct confs {
	struct mf_context *ctx;
	bool named; /* on the command line */
	struct conf *v;
	size_t n;
	struct mf_arena *arena;
};

static int add_conf(struct confs *confs, const char *directory, const char *name)
{
	struct conf *v;
	size_t at, len = strlen(directory) + 1 + strlen(name);
	char *path;

	for (at = 0; at < confs->n; at++) {
		int c = strcmp(name, confs->v[at].name);

		if (!c)
			return 0;
		if (c < 0)
			break;
	}
	v = reallocarray(confs->v, confs->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	confs->v = v;
	path = mf_arena_alloc(confs->arena, len + 1);
	if (!path)
		return -ENOMEM;
	snprintf(path, len + 1, "%s%s%s", directory, *directory ? "/" : "", name);
	memmove(v + at + 1, v + at, (confs->n - at) * sizeof(*v));
	v[at] = (struct conf){ path, path + len - strlen(name) };
	confs->n++;
	return 0;
}

static bool is_conf(const char *name)
{
	return *name != '.' && strlen(name) > 5 && mf_ends_with(name, ".conf");
}

/*
 * depmod's own directories are the root's: in an image no link leads out of it. Others are named on
 * the command line. A descriptor or -errno.
 */
static int open_path(const struct confs *confs, const char *path)
{
	int flags = O_RDONLY | O_NONBLOCK, fd;

	if (!confs->named)
		return mf_context_open(confs->ctx, path, flags);
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* PATH is a directory of files or one file; one that is not there is no error. */
static int list_path(struct confs *confs, const char *path)
{
	_cleanup_close_ int fd = open_path(confs, path);
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *e;
	struct stat st;

	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0) {
		mf_log(confs->ctx, MF_LOG_WARNING, "%s: %s", path,
		       mf_error_sentence(fd < 0 ? fd : -errno));
		return 0;
	}
	if (!S_ISDIR(st.st_mode)) {
		const char *slash = strrchr(path, '/');
		_cleanup_free_ char *directory = strndup(path, slash ? (size_t)(slash - path) : 0);

		if (!directory)
			return -ENOMEM;
		return add_conf(confs, directory, slash ? slash + 1 : path);
	}
	dir = fdopendir(fd);
	if (!dir)
		return -ENOMEM;
	mf_steal_fd(&fd);
	while ((e = readdir(dir))) {
		int r = is_conf(e->d_name) ? add_conf(confs, path, e->d_name) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static void reverse_strings(struct mf_strings *list)
{
	for (size_t i = 0; i < list->n / 2; i++) {
		char *s = list->v[i];

		list->v[i] = list->v[list->n - 1 - i];
		list->v[list->n - 1 - i] = s;
	}
}

static void reverse(struct dm_config *c)
{
	for (size_t i = 0; i < c->n_searches / 2; i++) {
		struct dm_search s = c->searches[i];

		c->searches[i] = c->searches[c->n_searches - 1 - i];
		c->searches[c->n_searches - 1 - i] = s;
	}
	reverse_strings(&c->overrides);
	reverse_strings(&c->externals);
}

static int parse_files(struct parser *p, const struct confs *confs)
{
	for (size_t i = 0; i < confs->n; i++) {
		_cleanup_close_ int fd = open_path(confs, confs->v[i].path);
		_cleanup_free_ char *text = NULL;
		size_t len;
		int r = fd < 0 ? fd : mf_file_read(fd, FILE_MAX, &text, &len);

		if (r == -EISDIR)
			continue;
		if (r < 0) {
			mf_log(p->ctx, MF_LOG_WARNING, "%s: %s", confs->v[i].path,
			       mf_error_sentence(r));
			continue;
		}
		p->file = confs->v[i].path;
		r = parse_text(p, text, len);
		if (r < 0)
			return r;
	}
	return p->config->n_searches ? 0 : add_search(p, "updates");
}

int dm_config_read(struct mf_context *ctx, const struct mf_strings *paths, const char *kernel,
		   struct dm_config *ret_config)
{
	_cleanup_(dm_config_done) struct dm_config config = { 0 };
	struct parser p = { .ctx = ctx, .kernel = kernel, .config = &config };
	struct confs confs = { .ctx = ctx, .named = paths, .arena = &config.arena };
	size_t n = paths ? paths->n : MF_ARRAY_SIZE(directories);
	int r = 0;

	for (size_t i = 0; i < n && r >= 0; i++)
		r = list_path(&confs, paths ? paths->v[i] : directories[i]);
	if (r >= 0)
		r = parse_files(&p, &confs);
	free(confs.v);
	if (r < 0)
		return r;
	reverse(&config);
	*ret_config = config;
	config = (struct dm_config){ 0 };
	return 0;
}

void dm_config_done(struct dm_config *config)
{
	free(config->searches);
	mf_strings_done(&config->overrides);
	mf_strings_done(&config->externals);
	mf_strings_done(&config->excludes);
	mf_arena_done(&config->arena);
	*config = (struct dm_config){ 0 };
}
