/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The modules that are built into a kernel, read before the first depmod has run.
 *
 * Two files of the kernel's build (Documentation/kbuild/kbuild.rst), both in its package:
 *	modules.builtin
 *		one line per module, the path that its file would have: kernel/fs/ext4/ext4.ko
 *	modules.builtin.modinfo
 *		NUL-terminated strings NAME.KEY=VALUE, the .modinfo sections of all built-in
 *		modules, each with the module's name and a dot in front: ext4.alias=fs-ext4
 * depmod converts them into modules.builtin.bin and modules.builtin.alias.bin, and libkmod reads
 * only these. A kernel that was just unpacked has only the text files.
 *
 * Trusts the files like those of any kernel: their size is bounded, and lines without a valid
 * module name or alias are skipped. A kernel has about two hundred names, so lists are enough.
 */
#include "modfetch/builtin.h"
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"

#define FILE_MAX  (16U << 20)
#define ALIAS_MAX 4096
#define ALIAS_KEY "alias="
#define ALIAS_LEN (sizeof(ALIAS_KEY) - 1)

/* 1: read; 0: there is no such file; or -errno. */
static int builtin_read_text(int dirfd, const char *name, char **ret_text, size_t *ret_len)
{
	int r = mf_file_read_at(dirfd, name, FILE_MAX, ret_text, ret_len);

	return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

int mf_builtins_read_names(int dirfd, struct mf_builtins *builtins)
{
	_cleanup_free_ char *text = NULL;
	char name[MF_MODULE_NAME_SIZE], *save = NULL;
	size_t len;
	int r = builtin_read_text(dirfd, "modules.builtin", &text, &len);

	if (r <= 0)
		return r;
	r = 0;
	for (char *line = strtok_r(text, "\r\n", &save); line && r >= 0;
	     line = strtok_r(NULL, "\r\n", &save))
		if (mf_module_name(line, name, sizeof(name)))
			r = mf_strings_add(&builtins->names, name);
	return r;
}

/* Adds "ext4.alias=fs-ext4"; other keys are skipped. */
static int builtin_add_alias(struct mf_builtins *builtins, char *string)
{
	char *dot = strchr(string, '.'), name[MF_MODULE_NAME_SIZE], pattern[ALIAS_MAX];
	int r;

	if (!dot || strncmp(dot + 1, ALIAS_KEY, ALIAS_LEN) != 0)
		return 0;
	*dot = '\0';
	if (!mf_module_name(string, name, sizeof(name)) ||
	    mf_alias_normalize(dot + 1 + ALIAS_LEN, pattern, sizeof(pattern)) <= 0)
		return 0;
	r = mf_strings_add(&builtins->patterns, pattern);
	return r < 0 ? r : mf_strings_add(&builtins->modules, name);
}

int mf_builtins_read_aliases(int dirfd, struct mf_builtins *builtins)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = builtin_read_text(dirfd, "modules.builtin.modinfo", &text, &len);

	if (r <= 0)
		return r;
	r = 0;
	/* mf_file_read_at() adds a NUL, so the last string is terminated in any case */
	for (size_t at = 0; at < len && r >= 0; at++) {
		size_t n = strlen(text + at);

		r = builtin_add_alias(builtins, text + at);
		at += n;
	}
	return r;
}

int mf_builtins_lookup(const struct mf_builtins *builtins, const char *name,
		       mf_builtins_visit *visit, void *arg)
{
	int r = 0;

	if (mf_strings_has(&builtins->names, name))
		return visit(arg, name);
	for (size_t i = 0; !r && i < builtins->patterns.n; i++)
		if (!fnmatch(builtins->patterns.v[i], name, 0))
			r = visit(arg, builtins->modules.v[i]);
	return r;
}

void mf_builtins_done(struct mf_builtins *builtins)
{
	mf_strings_done(&builtins->names);
	mf_strings_done(&builtins->patterns);
	mf_strings_done(&builtins->modules);
}
