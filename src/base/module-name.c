/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The only rules for "is this file a module" and "what is the module's name".
 *
 * Policy must judge a module by the name that kmod uses, or a driver is judged by one name and
 * loaded by another. kmod's rules, compared with libkmod and depmod in test-module-name.c and
 * road/judged.py:
 *	- a file is a module if its name ends in .ko, .ko.gz, .ko.xz or .ko.zst, in lower case, with
 *	  at least one byte before the ending; its content does not matter
 *	- its name is the file name up to the first dot, with '-' replaced by '_': "a.b.ko" is
 *	  module a, and so is "a.ko.xz.ko"; ".x.ko" has the empty name
 * A depmod ignores the compressions that it was built without (src/depmod/flavor.c). Here all of them
 * count: another kmod may read the tree later.
 */
#include "modfetch/module-name.h"
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/strings.h"

static const struct {
	const char *text;
	size_t len;
	enum mf_module_ending ending;
} endings[] = {
	{ ".ko", 3, MF_MODULE_KO },
	{ ".ko.gz", 6, MF_MODULE_KO_GZ },
	{ ".ko.xz", 6, MF_MODULE_KO_XZ },
	{ ".ko.zst", 7, MF_MODULE_KO_ZST },
};

static const char *name_base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* RET_STEM: the number of bytes before the ending. */
static enum mf_module_ending find_ending(const char *path, size_t len, size_t *ret_stem)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(endings); i++) {
		size_t stem = len - endings[i].len;

		if (len <= endings[i].len || path[stem - 1] == '/' ||
		    memcmp(path + stem, endings[i].text, endings[i].len))
			continue;
		*ret_stem = stem;
		return endings[i].ending;
	}
	return MF_NO_MODULE;
}

enum mf_module_ending mf_module_ending(const char *path, size_t len)
{
	size_t stem;

	return find_ending(path, len, &stem);
}

bool mf_is_module(const char *path)
{
	return mf_module_ending(path, strlen(path)) != MF_NO_MODULE;
}

size_t mf_module_spell(const char *file, size_t len, char *ret_name)
{
	size_t n = 0;

	for (; n < len && file[n] && file[n] != '.'; n++)
		ret_name[n] = file[n] == '-' ? '_' : file[n];
	ret_name[n] = '\0';
	return n;
}

bool mf_module_name(const char *path, char *ret_name, size_t size)
{
	const char *base = name_base_of(path);
	size_t len = strcspn(base, ".");

	if (len >= size || !mf_is_word(base, len))
		return false;
	mf_module_spell(base, len, ret_name);
	return true;
}

bool mf_module_name_is_cut(const char *path)
{
	const char *base = name_base_of(path);
	size_t stem;

	return find_ending(base, strlen(base), &stem) && strcspn(base, ".") < stem;
}
