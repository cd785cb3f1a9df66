/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a package may say in depmod.d: something about its own modules, in words that cost nothing.
 *
 *	override MODULE KERNEL DIRECTORY
 *		MODULE is one of the package's; DIRECTORY is where the package has it, or where a
 *		weak link to that would be: RHEL's driver packages carry such lines.
 *	search updates DIRECTORY…
 *		each DIRECTORY lies below updates or extra, and the package has modules in it.
 *		"updates" comes first, since the first search line anywhere ends depmod's default;
 *		where another file has one, this would move "updates" for all, and is refused.
 * "external" leads depmod out of the tree to files that nobody verified, "exclude" hides modules of
 * others, and a wider "search" moves the modules of all packages: these are for the admin to say.
 *
 * KERNEL is a regular expression that depmod compiles and runs, and so does modfetch; nested or
 * repeated ones end either. It is short here, of plain characters, and repeats little. As depmod
 * does, a backslash is taken away before anything else is read; one that joins lines is refused.
 *
 * Of two files of one name in two directories depmod reads one. So a package's file must not hide
 * one that is there: an empty /etc/depmod.d/dist.conf would undo the distribution's search order.
 */
#include "verify-conf.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"

#define FILE_MAX    ((size_t)64 << 10)
#define LINE_MAX_   512
#define LINES_MAX   1024
#define KERNEL_MAX  64
#define REPEATS_MAX 4

/* In depmod's order: of two files of one name it reads the earlier one. */
static const char *const directories[] = { "/etc/depmod.d/", "/run/depmod.d/",
					   "/usr/local/lib/depmod.d/", "/lib/depmod.d/",
					   "/usr/lib/depmod.d/" };

struct conf {
	struct mf_context *ctx;
	const struct mf_rpm_header *header;
	const char *path;
	unsigned int line;
};

static int conf_refuse(const struct conf *c, const char *why)
{
	if (!c->line)
		return mf_fail(c->ctx, "verify", -MFE_FORBIDDEN_FILE, c->header->name, "%s: %s",
			       c->path, why);
	return mf_fail(c->ctx, "verify", -MFE_FORBIDDEN_FILE, c->header->name, "%s:%u: %s", c->path,
		       c->line, why);
}

bool mf_is_depmod_conf(const char *path)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(directories); i++) {
		const char *name = path + strlen(directories[i]);

		if (mf_starts_with(path, directories[i]))
			return !strchr(name, '/') && mf_ends_with(name, ".conf");
	}
	return false;
}

/* /lib and /usr/lib are mostly one. */
static bool is_of_package(const struct mf_rpm_header *header, const char *path)
{
	for (size_t i = 0; i < header->n_files; i++)
		if (!strcmp(mf_without_usr(header->files[i].path), mf_without_usr(path)))
			return true;
	return false;
}

/* ---- the package's modules ---- */

/* In the directory itself; also below it; in the directory, or where links to it are made. */
enum match { IN, BELOW, WEAK };

/*
 * Weak links to modules in OWN are made in weak-updates/OWN (SUSE) or, without the first component
 * of OWN, in weak-updates (RHEL).
 */
static bool is_weak_place(const char *dir, const char *own, size_t own_len)
{
	static const char weak[] = "weak-updates";
	const char *slash = memchr(own, '/', own_len);
	size_t first = slash ? (size_t)(slash + 1 - own) : own_len, len;

	if (!mf_starts_with(dir, weak))
		return false;
	dir += strlen(weak);
	if (*dir && *dir++ != '/')
		return false;
	len = strlen(dir);
	return (len == own_len && !memcmp(dir, own, len)) ||
	       (len == own_len - first && !memcmp(dir, own + first, len));
}

static bool conf_matches(const char *dir, const char *own, size_t own_len, enum match match)
{
	size_t len = strlen(dir);

	if (len <= own_len && !memcmp(dir, own, len) &&
	    (len == own_len || (match == BELOW && own[len] == '/')))
		return true;
	return match == WEAK && is_weak_place(dir, own, own_len);
}

/* Has the package MODULE (NULL: any) of some kernel, in DIR (NULL: anywhere)? */
static bool has_module(const struct mf_rpm_header *header, const char *module, const char *dir,
		       enum match match)
{
	static const char trees[] = "/lib/modules/";
	char name[MF_MODULE_NAME_SIZE];

	for (size_t i = 0; i < header->n_files; i++) {
		const char *path = mf_without_usr(header->files[i].path), *own, *base;

		if (S_ISDIR(header->files[i].mode) || !mf_is_module(path) ||
		    !mf_starts_with(path, trees) || !mf_module_name(path, name, sizeof(name)) ||
		    (module && strcmp(name, module)))
			continue;
		own = strchr(path + strlen(trees), '/');
		base = strrchr(path, '/');
		if (!dir || (own && own < base &&
			     conf_matches(dir, own + 1, (size_t)(base - own - 1), match)))
			return true;
	}
	return false;
}

/* A directory below the kernel's: words with slashes between them, none of them dots. */
static bool is_place(const char *dir)
{
	for (const char *word = dir;; word++) {
		size_t len = strcspn(word, "/");

		if (!len || *word == '.')
			return false;
		word += len;
		if (!*word)
			return true;
	}
}

/* ---- the lines ---- */

static const char *judge_kernel(const char *pattern)
{
	/* what releases have, and '^', '$', '*', '+', '?' */
	static const char bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789._-~^$*+?";
	unsigned int repeats = 0;

	if (strlen(pattern) > KERNEL_MAX)
		return "the expression for kernels is too long";
	if (pattern[strspn(pattern, bytes)])
		return "the expression for kernels has more than plain characters and repeats";
	for (const char *p = pattern; (p = strpbrk(p, "*+?")); p++)
		repeats++;
	return repeats > REPEATS_MAX ? "the expression for kernels repeats too much" : NULL;
}

static const char *judge_override(const struct conf *c, char **save)
{
	const char *module = strtok_r(NULL, " \t", save);
	const char *kernel = module ? strtok_r(NULL, " \t", save) : NULL;
	const char *dir = kernel ? strtok_r(NULL, " \t", save) : NULL;
	char name[MF_MODULE_NAME_SIZE];
	const char *why;

	if (!dir || strtok_r(NULL, " \t", save))
		return "override takes a module, a kernel and a directory";
	if (strpbrk(module, "./") || !mf_module_name(module, name, sizeof(name)) ||
	    !has_module(c->header, name, NULL, IN))
		return "the package has no such module: it can override for its own alone";
	why = judge_kernel(kernel);
	if (why)
		return why;
	if (!is_place(dir) || !has_module(c->header, name, dir, WEAK))
		return "the directory is neither where the package has the module, nor where a "
		       "weak link to that would be";
	return NULL;
}

static bool has_search(const char *text)
{
	while (text && *text) {
		text += strspn(text, " \t");
		if (mf_starts_with(text, "search") && strchr(" \t", text[6]))
			return true;
		text = strchr(text, '\n');
		text += text ? 1 : 0;
	}
	return false;
}

/* Has a file of this machine, but for the package's own, a search line? */
static bool machine_has_search(const struct conf *c, const char *directory)
{
	int fd = mf_context_open(c->ctx, directory, O_RDONLY | O_DIRECTORY);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;

	while (dir && (d = readdir(dir))) {
		_cleanup_free_ char *text = NULL;
		char path[512];
		size_t len;

		if (snprintf(path, sizeof(path), "%s%s", directory, d->d_name) >=
			    (int)sizeof(path) ||
		    !mf_is_depmod_conf(path) || is_of_package(c->header, path))
			continue;
		/* what cannot be looked through may have one */
		if (mf_file_read_at(fd, d->d_name, FILE_MAX, &text, &len) < 0 || has_search(text))
			return true;
	}
	return false;
}

static const char *judge_search(const struct conf *c, char **save)
{
	const char *dir = strtok_r(NULL, " \t", save);

	if (!dir || strcmp(dir, "updates"))
		return "a package's search must begin with updates, as depmod's own does";
	while ((dir = strtok_r(NULL, " \t", save)))
		if (!is_place(dir) ||
		    (!mf_starts_with(dir, "updates/") && !mf_starts_with(dir, "extra/")) ||
		    !has_module(c->header, NULL, dir, BELOW))
			return "a package may search directories of its own below updates or extra "
			       "alone; another order is for an admin's file in /etc/depmod.d";
	for (size_t i = 0; i < MF_ARRAY_SIZE(directories); i++)
		if (machine_has_search(c, directories[i]))
			return "the machine has a search order already, and this would change it "
			       "for all modules; an admin's file in /etc/depmod.d may say so";
	return NULL;
}

static const char *conf_judge_line(const struct conf *c, char *line)
{
	static const struct {
		const char *command;
		const char *(*judge)(const struct conf *c, char **save);
	} commands[] = { { "override", judge_override }, { "search", judge_search } };
	char *save = NULL;
	const char *word;

	if (*line == '#')
		return NULL;
	word = strtok_r(line, " \t", &save);
	if (!word)
		return NULL;
	for (size_t i = 0; i < MF_ARRAY_SIZE(commands); i++)
		if (!strcmp(word, commands[i].command))
			return commands[i].judge(c, &save);
	return "a package may say override and search alone; another line is for an admin's file "
	       "in "
	       "/etc/depmod.d";
}

/* Copies a line without its backslashes. */
static const char *conf_take_line(const char *text, size_t len, char line[LINE_MAX_])
{
	size_t n = 0;

	if (len >= LINE_MAX_)
		return "the line is too long";
	for (size_t i = 0; i < len; i++) {
		if (((unsigned char)text[i] < ' ' && text[i] != '\t') || text[i] == 0x7f)
			return "there is a control character in it";
		if (text[i] == '\\' && ++i == len)
			return "a line that goes on in the next one is not taken from a package";
		line[n++] = text[i];
	}
	line[n] = '\0';
	return NULL;
}

/* ---- the file ---- */

static int judge_name(const struct conf *c)
{
	const char *name = strrchr(c->path, '/') + 1;
	bool after = false;

	for (size_t i = 0; i < MF_ARRAY_SIZE(directories); i++) {
		_cleanup_close_ int fd = -1;
		char other[512];

		/* a file before it hides the package's, which is an admin's way to say no */
		if (!after) {
			after = mf_starts_with(c->path, directories[i]);
			continue;
		}
		if (snprintf(other, sizeof(other), "%s%s", directories[i], name) >=
		    (int)sizeof(other))
			return conf_refuse(c, "its name is too long");
		/* the file itself too, as it was before an update */
		if (is_of_package(c->header, other))
			continue;
		fd = mf_context_open(c->ctx, other, O_PATH | O_NOFOLLOW);
		if (fd >= 0)
			return mf_fail(c->ctx, "verify", -MFE_FORBIDDEN_FILE, c->header->name,
				       "%s: depmod would read it in place of %s, which is there",
				       c->path, other);
	}
	return 0;
}

int mf_verify_conf(struct mf_context *ctx, const struct mf_rpm_header *header, const char *path,
		   const char *text, size_t len)
{
	struct conf c = { ctx, header, path, 0 };
	int r = judge_name(&c);

	if (r < 0)
		return r;
	if (len > FILE_MAX)
		return conf_refuse(&c, "the file is too long");
	for (size_t at = 0; at < len;) {
		const char *newline = memchr(text + at, '\n', len - at);
		size_t n = newline ? (size_t)(newline - (text + at)) : len - at;
		char line[LINE_MAX_];
		const char *why;

		c.line++;
		why = c.line > LINES_MAX ? "the file has too many lines"
					 : conf_take_line(text + at, n, line);
		if (!why)
			why = conf_judge_line(&c, line);
		if (why)
			return conf_refuse(&c, why);
		at += n + 1;
	}
	return 0;
}
