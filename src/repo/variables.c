/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * $NAME and ${NAME} in the values of .repo files; ${NAME:-WORD} is WORD if there is no such variable,
 * ${NAME:+WORD} is WORD if there is one.
 *
 * $kernel and $flavor are ours: of the kernel at hand. A file of the admin, /etc/dnf/vars/NAME,
 * /etc/yum/vars/NAME or /etc/zypp/vars.d/NAME below the root, gives its first line as the value, and the
 * first such file counts. Otherwise $arch is the machine, $basearch its family, and $releasever the
 * VERSION_ID of os-release, of which $releasever_major and $releasever_minor are the parts.
 *
 * Any other variable has no value. It must not stay in a URL: a server could have a directory of that
 * name. $kernel and $flavor stay where the kernel has none, since an image may be without a kernel.
 */
#include "variables.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/release.h"
#include "modfetch/repo.h"
#include "modfetch/strings.h"

#define FILE_MAX (64U << 10)

/* The first line of a file below the root, or NULL. */
static char *first_line(const struct mf_context *ctx, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(ctx, path, O_RDONLY);
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (fd < 0 || mf_file_read(fd, FILE_MAX, &text, &len) < 0)
		return NULL;
	len = strcspn(text, "\r\n");
	while (len && isspace((unsigned char)text[len - 1]))
		len--;
	return len ? strndup(text, len) : NULL;
}

static char *of_file(const struct mf_context *ctx, const char *name)
{
	static const char *const directories[] = { "etc/dnf/vars", "etc/yum/vars",
						   "etc/zypp/vars.d" };
	char *value = NULL;

	for (size_t i = 0; !value && i < MF_ARRAY_SIZE(directories); i++) {
		_cleanup_free_ char *path = mf_format("%s/%s", directories[i], name);

		value = path ? first_line(ctx, path) : NULL;
	}
	return value;
}

/* ---- what the system says ---- */

static char *system_version(const struct mf_context *ctx)
{
	static const char *const paths[] = { "etc/os-release", "usr/lib/os-release" };
	_cleanup_free_ char *text = NULL;
	char *save = NULL;
	size_t len;

	for (size_t i = 0; !text && i < MF_ARRAY_SIZE(paths); i++) {
		_cleanup_close_ int fd = mf_context_open(ctx, paths[i], O_RDONLY);

		if (fd >= 0)
			(void)mf_file_read(fd, FILE_MAX, &text, &len);
	}
	for (char *line = text ? strtok_r(text, "\n", &save) : NULL; line;
	     line = strtok_r(NULL, "\n", &save)) {
		if (!mf_starts_with(line, "VERSION_ID="))
			continue;
		line += strlen("VERSION_ID=");
		line += strspn(line, "\"'");
		return strndup(line, strcspn(line, "\"' \r"));
	}
	return NULL;
}

static char *release_version(const struct mf_context *ctx)
{
	char *value = of_file(ctx, "releasever");

	return value ? value : system_version(ctx);
}

static char *release_major(const struct mf_context *ctx)
{
	_cleanup_free_ char *version = release_version(ctx);

	return version ? strndup(version, strcspn(version, ".")) : NULL;
}

static char *release_minor(const struct mf_context *ctx)
{
	_cleanup_free_ char *version = release_version(ctx);
	const char *dot = version ? strchr(version, '.') : NULL;

	return version ? strdup(dot ? dot + 1 : "") : NULL;
}

static char *machine(const struct mf_context *ctx)
{
	struct utsname uts;

	return strdup(mf_context_machine(ctx, &uts));
}

static char *base_machine(const struct mf_context *ctx)
{
	static const struct {
		const char *machine, *base;
	} families[] = {
		{ "i486", "i386" },	{ "i586", "i386" },	{ "i686", "i386" },
		{ "armv7l", "armhfp" }, { "armv8l", "armhfp" }, { "armv6l", "arm" },
	};
	char *name = machine(ctx);

	for (size_t i = 0; name && i < MF_ARRAY_SIZE(families); i++)
		if (!strcmp(name, families[i].machine)) {
			free(name);
			return strdup(families[i].base);
		}
	return name;
}

static const struct {
	const char *name;
	char *(*value)(const struct mf_context *ctx);
} known[] = {
	{ "arch", machine },
	{ "basearch", base_machine },
	{ "releasever", system_version },
	{ "releasever_major", release_major },
	{ "releasever_minor", release_minor },
};

/* The value of a variable that is not about the kernel; new memory, or NULL. */
static char *variable_of_system(const struct mf_context *ctx, const char *name)
{
	char *value = of_file(ctx, name);

	for (size_t i = 0; !value && i < MF_ARRAY_SIZE(known); i++)
		if (!strcmp(name, known[i].name))
			value = known[i].value(ctx);
	return value;
}

/* RET_KEEP: it is one of the kernel's and has no value, so that the text stays. */
static char *variable_value(const struct mf_context *ctx, const char *name, bool *ret_keep)
{
	struct mf_release release;
	bool is_kernel = !strcmp(name, "kernel"), is_flavor = !strcmp(name, "flavor");

	*ret_keep = is_kernel || is_flavor;
	if (is_kernel)
		return ctx->kernel ? strdup(ctx->kernel) : NULL;
	if (is_flavor)
		return ctx->kernel && !mf_release_parse(ctx->kernel, NULL, &release) &&
				       *release.flavor
			       ? strdup(release.flavor)
			       : NULL;
	return variable_of_system(ctx, name);
}

/* ---- a text ---- */

struct expanding {
	const struct mf_context *ctx;
	FILE *out;
	char *unknown;
};

static size_t name_length(const char *text)
{
	size_t len = 0;

	while (isalnum((unsigned char)text[len]) || text[len] == '_')
		len++;
	return len;
}

/* TEXT begins with '$'. Returns the number of bytes that were replaced; 0: it is no variable. */
static size_t expand_one(struct expanding *x, const char *text)
{
	bool braces = text[1] == '{', keep;
	const char *begin = text + 1 + braces, *end, *word = NULL;
	size_t len = name_length(begin);
	_cleanup_free_ char *name = strndup(begin, len), *value = NULL;

	end = begin + len;
	if (braces && (*end == ':') && (end[1] == '-' || end[1] == '+')) {
		word = end + 1;
		end = strchr(word, '}');
	}
	if (!len || !name || !end || (braces && *end != '}'))
		return 0;
	value = variable_value(x->ctx, name, &keep);
	if (word && (*word == '+') == !!value)
		fprintf(x->out, "%.*s", (int)(end - word - 1), word + 1);
	else if (value && (!word || *word == '-'))
		fputs(value, x->out);
	else if (!word && keep)
		fprintf(x->out, "%.*s", (int)(end + braces - text), text);
	else if (!word && !x->unknown)
		x->unknown = mf_format("$%s", name);
	return (size_t)(end + braces - text);
}

int repo_variables_expand(const struct mf_context *ctx, const char *text, char **ret_text,
			  char **ret_unknown)
{
	struct expanding x = { .ctx = ctx };
	_cleanup_free_ char *out = NULL;
	size_t len = 0, room = 0, n;

	x.out = open_memstream(&out, &room);
	if (!x.out)
		return -ENOMEM;
	while (*text) {
		n = *text == '$' ? expand_one(&x, text) : 0;
		if (!n)
			fputc(*text, x.out);
		text += n ? n : 1;
	}
	if (fclose(x.out) || !out) {
		free(x.unknown);
		return -ENOMEM;
	}
	if (x.unknown) {
		*ret_unknown = x.unknown;
		return 1;
	}
	/* a query may end with one */
	len = strchr(out, '?') ? 0 : strlen(out);
	while (len && out[len - 1] == '/')
		out[--len] = '\0';
	*ret_text = MF_STEAL(out);
	return 0;
}

char *mf_repo_url_expand(const struct mf_context *ctx, const char *url)
{
	_cleanup_free_ char *unknown = NULL;
	char *text = NULL;
	int r = repo_variables_expand(ctx, url, &text, &unknown);

	/* the entry that is made of it is refused with the reason when it is read */
	return r > 0 ? strdup(url) : r < 0 ? NULL : text;
}
