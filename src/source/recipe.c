/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The recipe of a source: from its dkms.conf, from the values that a shell in the box has read, or
 * for a source rpm.
 *
 * The file is opened below the root, is a regular file, and is read by a parser that runs nothing
 * (conf.c). What it cannot read is refused with its line. The administrator may then permit
 * (trust-dkms-conf=yes) that bash runs the file in the builder's box, where it writes its values as
 * "NAME[0]=value", each ended by a NUL. That list is not trusted either: it passes the same checks,
 * and its texts are run nowhere but in the box.
 */
#include "modfetch/source.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "conf.h"
#include "directives.h"
#include "expansion.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "recipe-make.h"
#include "rpm-recipe.h"

/* Reads the file; a directory or a pipe of that name is none. */
static int conf_read(const struct mf_context *ctx, const char *path, char **ret_buf,
		     size_t *ret_len)
{
	_cleanup_close_ int fd = mf_context_open(ctx, path, O_RDONLY);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? mf_file_read(fd, CONF_MAX, ret_buf, ret_len) : -EINVAL;
}

static int conf_fail(struct mf_context *ctx, const char *path, const struct conf_fault *fault)
{
	_cleanup_free_ char *what =
		fault->line ? mf_format("%s:%u", path, fault->line) : strdup(path);

	if (!what)
		return mf_fail(ctx, MF_STAGE_SOURCE, -ENOMEM, path, NULL);
	return mf_fail(ctx, MF_STAGE_SOURCE, -MFE_SOURCE, what,
		       "\"%s\": %s; trust-dkms-conf=yes in modfetch.conf runs the file in the "
		       "builder's box",
		       fault->text, fault->why);
}

int mf_recipe_read(struct mf_context *ctx, const struct mf_source *source,
		   const struct mf_recipe_kernel *kernel, struct mf_recipe *ret_recipe)
{
	_cleanup_(source_values_done) struct values values = { 0 };
	_cleanup_free_ char *path = NULL, *buf = NULL;
	struct conf_fault fault = { 0 };
	size_t len = 0;
	int r;

	if (source->kind == MF_SOURCE_RPM)
		return rpm_recipe(ctx, source, kernel, ret_recipe);
	path = mf_format("%s/dkms.conf", source->path);
	r = path ? conf_read(ctx, path, &buf, &len) : -ENOMEM;
	if (r == -EFBIG)
		return mf_fail(ctx, MF_STAGE_SOURCE, -MFE_SOURCE, path, "it has more than 64 KiB");
	if (r == 0)
		r = source_directives_preset(&values, source, kernel);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_SOURCE, r, path ? path : source->path, NULL);
	r = source_conf_parse(buf, len, &values, &fault);
	if (r == -MFE_SOURCE)
		return conf_fail(ctx, path, &fault);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_SOURCE, r, path, NULL);
	return recipe_make(ctx, path, source, kernel, &values, ret_recipe);
}

/* "NAME[12]=value": sets a directive. 0, -EBADMSG, -E2BIG or -ENOMEM. */
static int value_read(const char *entry, struct values *values)
{
	size_t n = source_variable_length(entry, strlen(entry)),
	       digits = strspn(entry + n + (entry[n] == '['), "0123456789");
	_cleanup_free_ char *name = strndup(entry, n), *text = NULL;
	const char *end = entry + n + 1 + digits;

	if (!name)
		return -ENOMEM;
	if (entry[n] != '[' || !digits || digits > 4 || end[0] != ']' || end[1] != '=')
		return -EBADMSG;
	if (!source_directive_is(name) || strtoul(entry + n + 1, NULL, 10) > INDEX_MAX)
		return -EBADMSG;
	text = strdup(end + 2);
	return text ? source_values_set(values, name,
					(unsigned int)strtoul(entry + n + 1, NULL, 10),
					MF_STEAL(text), false, 0)
		    : -ENOMEM;
}

int mf_recipe_from_values(struct mf_context *ctx, const struct mf_source *source,
			  const struct mf_recipe_kernel *kernel, const void *buf, size_t len,
			  struct mf_recipe *ret_recipe)
{
	_cleanup_(source_values_done) struct values values = { 0 };
	_cleanup_free_ char *path = mf_format("%s/dkms.conf", source->path);
	const char *p = buf, *end = p + len;
	int r = path ? source_directives_preset(&values, source, kernel) : -ENOMEM;

	while (r == 0 && p < end) {
		const char *nul = memchr(p, '\0', (size_t)(end - p));

		r = nul ? value_read(p, &values) : -EBADMSG;
		p = nul ? nul + 1 : end;
	}
	if (r == -EBADMSG || r == -E2BIG)
		return mf_fail(ctx, MF_STAGE_SOURCE, -MFE_SOURCE, path,
			       "the values that it has in the builder's box are not valid");
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_SOURCE, r, source->path, NULL);
	return recipe_make(ctx, path, source, kernel, &values, ret_recipe);
}

/* Adds a piece of the text; false: no memory. */
static bool shell_add(struct text *text, const char *s)
{
	return source_text_add(text, s, strlen(s)) == 0;
}

char *mf_recipe_shell(const struct mf_source *source, const struct mf_recipe_kernel *kernel,
		      const char *file)
{
	_cleanup_(source_values_done) struct values values = { 0 };
	_cleanup_(source_text_done) struct text text = { 0 };
	bool done = source_directives_preset(&values, source, kernel) == 0;

	for (size_t i = 0; i < values.n && done; i++)
		done = shell_add(&text, values.v[i].name) && shell_add(&text, "=") &&
		       source_text_add_quoted(&text, values.v[i].text) == 0 &&
		       shell_add(&text, "\n");
	done = done && shell_add(&text, "unset");
	for (size_t i = 0; source_directives[i].name && done; i++)
		done = shell_add(&text, " ") && shell_add(&text, source_directives[i].name);
	done = done && shell_add(&text, "\n. ./dkms.conf >&2\nfor modfetch_name in");
	for (size_t i = 0; source_directives[i].name && done; i++)
		done = shell_add(&text, " ") && shell_add(&text, source_directives[i].name);
	done = done &&
	       shell_add(&text, "; do\n"
				"declare -n modfetch_array=$modfetch_name\n"
				"for modfetch_index in \"${!modfetch_array[@]}\"; do\n"
				"printf '%s[%s]=%s\\0' \"$modfetch_name\" \"$modfetch_index\" "
				"\"${modfetch_array[$modfetch_index]}\"\n"
				"done\n"
				"unset -n modfetch_array\n"
				"done >") &&
	       source_text_add_quoted(&text, file) == 0 && shell_add(&text, "\n");
	return done ? MF_STEAL(text.v) : NULL;
}
