/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lines that a package may have in depmod.d: only about its own modules, and cheap to evaluate.
 *
 *	override MODULE KERNEL DIRECTORY
 *		MODULE is a module of the package; DIRECTORY is the one with the package's file, or
 *		the one for a weak link to it: RHEL's driver packages have such lines.
 *	search updates DIRECTORY…
 *		each DIRECTORY is below updates or extra, and the package has modules in it.
 *		"updates" must be first, since the first search line in any file ends depmod's
 *		default. If another file has a search line, this one would change the order of
 *		"updates" for all modules, and is refused.
 * "external" makes depmod read unverified files outside the tree, "exclude" hides modules of other
 * packages, and a wider "search" changes the order for all packages: only the admin may use these.
 *
 * KERNEL is a regular expression that depmod and modfetch compile and run; nested or repeated
 * operators can exhaust either program. So it must be short, with plain characters and few
 * repeats. As in depmod, backslashes are removed first; one that joins lines is refused.
 *
 * Of two files with one name in two directories depmod reads one. So a package's file must not hide
 * an existing one: an empty /etc/depmod.d/dist.conf would undo the distribution's search order.
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
#include "modfetch/verify.h"

#define FILE_MAX    ((size_t)64 << 10)
#define LINE_MAX_   512
#define LINES_MAX   1024
#define KERNEL_MAX  64
#define REPEATS_MAX 4

/* In depmod's order: of two files with one name it reads the one in the earlier directory. */
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
		return mf_fail(c->ctx, MF_STAGE_VERIFY, -MFE_FORBIDDEN_FILE, c->header->name,
			       "%s: %s", c->path, why);
	return mf_fail(c->ctx, MF_STAGE_VERIFY, -MFE_FORBIDDEN_FILE, c->header->name, "%s:%u: %s",
		       c->path, c->line, why);
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

/* Compares without /usr: /lib and /usr/lib are usually the same directory. */
static bool is_of_package(const struct mf_rpm_header *header, const char *path)
{
	for (size_t i = 0; i < header->n_files; i++)
		if (!strcmp(mf_without_usr(header->files[i].path), mf_without_usr(path)))
			return true;
	return false;
}

/* ---- the package's modules ---- */

/* In the directory itself; also below it; in the directory, or in the one for weak links to it. */
enum match { IN, BELOW, WEAK };

/*
 * The scripts make weak links to modules in OWN in weak-updates/OWN (SUSE) or, without the first
 * component of OWN, in weak-updates (RHEL).
 */
static bool is_weak_directory(const char *dir, const char *own, size_t own_len)
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

static bool directory_matches(const char *dir, const char *own, size_t own_len, enum match match)
{
	size_t len = strlen(dir);

	if (len <= own_len && !memcmp(dir, own, len) &&
	    (len == own_len || (match == BELOW && own[len] == '/')))
		return true;
	return match == WEAK && is_weak_directory(dir, own, own_len);
}

/* Has the package MODULE (NULL: any) of some kernel, in DIR (NULL: anywhere)? */
static bool has_module(const struct mf_rpm_header *header, const char *module, const char *dir,
		       enum match match)
{
	char name[MF_MODULE_NAME_SIZE];

	for (size_t i = 0; i < header->n_files; i++) {
		const char *path = header->files[i].path, *own, *base;
		const char *kernel = mf_kernel_tree_path(path);

		if (S_ISDIR(header->files[i].mode) || !mf_is_module(path) || !kernel ||
		    !mf_module_name(path, name, sizeof(name)) || (module && strcmp(name, module)))
			continue;
		own = strchr(kernel, '/');
		base = strrchr(path, '/');
		if (!dir || (own && own < base &&
			     directory_matches(dir, own + 1, (size_t)(base - own - 1), match)))
			return true;
	}
	return false;
}

/* A relative directory: components with slashes between them, none with a leading dot. */
static bool is_plain_directory(const char *dir)
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
	/* the characters of releases, and '^', '$', '*', '+', '?' */
	static const char bytes[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789._-~^$*+?";
	unsigned int repeats = 0;

	if (strlen(pattern) > KERNEL_MAX)
		return "the expression for kernels is too long";
	if (pattern[strspn(pattern, bytes)])
		return "the expression for kernels has other than plain characters and repeats";
	for (const char *p = pattern; (p = strpbrk(p, "*+?")); p++)
		repeats++;
	return repeats > REPEATS_MAX ? "the expression for kernels has too many repeats" : NULL;
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
		return "the package has no such module, and may override only its own";
	why = judge_kernel(kernel);
	if (why)
		return why;
	if (!is_plain_directory(dir) || !has_module(c->header, name, dir, WEAK))
		return "it is neither the directory with the package's module, nor the one for a "
		       "weak link to it";
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

/* Does a file on this machine, other than the package's own, have a search line? */
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
		/* a file that cannot be read may have one */
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
		if (!is_plain_directory(dir) ||
		    (!mf_starts_with(dir, "updates/") && !mf_starts_with(dir, "extra/")) ||
		    !has_module(c->header, NULL, dir, BELOW))
			return "a package may search only directories of its own below updates or "
			       "extra; the admin may set another order in /etc/depmod.d";
	for (size_t i = 0; i < MF_ARRAY_SIZE(directories); i++)
		if (machine_has_search(c, directories[i]))
			return "the machine has a search order already, and this line would change "
			       "it for all modules; the admin may set it in /etc/depmod.d";
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
	return "a package may have only override and search lines; the admin may set others in "
	       "/etc/depmod.d";
}

/* Copies a line without its backslashes. */
static const char *conf_unescape_line(const char *text, size_t len, char line[LINE_MAX_])
{
	size_t n = 0;

	if (len >= LINE_MAX_)
		return "the line is too long";
	for (size_t i = 0; i < len; i++) {
		if (((unsigned char)text[i] < ' ' && text[i] != '\t') || text[i] == 0x7f)
			return "the line has a control character";
		if (text[i] == '\\' && ++i == len)
			return "a package's line may not continue in the next one";
		line[n++] = text[i];
	}
	line[n] = '\0';
	return NULL;
}

/* ---- the file ---- */

static int conf_check_name(const struct conf *c)
{
	const char *name = strrchr(c->path, '/') + 1;
	bool after = false;

	for (size_t i = 0; i < MF_ARRAY_SIZE(directories); i++) {
		_cleanup_close_ int fd = -1;
		char other[512];

		/* a file in an earlier directory hides the package's: the admin may refuse it so */
		if (!after) {
			after = mf_starts_with(c->path, directories[i]);
			continue;
		}
		if (snprintf(other, sizeof(other), "%s%s", directories[i], name) >=
		    (int)sizeof(other))
			return conf_refuse(c, "its name is too long");
		/* also the file itself, from before an update */
		if (is_of_package(c->header, other))
			continue;
		fd = mf_context_open(c->ctx, other, O_PATH | O_NOFOLLOW);
		if (fd >= 0)
			return mf_fail(c->ctx, MF_STAGE_VERIFY, -MFE_FORBIDDEN_FILE,
				       c->header->name,
				       "%s: depmod would read it instead of %s, which exists",
				       c->path, other);
	}
	return 0;
}

int mf_verify_conf(struct mf_context *ctx, const struct mf_rpm_header *header, const char *path,
		   const char *text, size_t len)
{
	struct conf c = { ctx, header, path, 0 };
	int r = conf_check_name(&c);

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
					 : conf_unescape_line(text + at, n, line);
		if (!why)
			why = conf_judge_line(&c, line);
		if (why)
			return conf_refuse(&c, why);
		at += n + 1;
	}
	return 0;
}
