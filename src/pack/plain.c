/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The names that may stand in a spec: those that need no quoting.
 *
 * rpm expands macros wherever a name is written, in %files twice, and "%(...)" runs a command even
 * when a spec is only parsed; a dependency ends at a blank, a comma or an operator; and the
 * %install of the spec is a shell script. Quoting differs from place to place and from rpm to rpm,
 * so names that would need it are left out of specs: no distributed driver has such a name.
 *
 * Trusts nothing of a module tree, a symvers file or a firmware tree. describe.c sanitizes text for
 * people (summaries, descriptions), kmod/escape.c escapes aliases.
 */
#include <string.h>
#include "model.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

static bool consists_of(const char *s, const char *bytes)
{
	return *s && !s[strspn(s, bytes)];
}

bool pack_plain_name(const char *name)
{
	return consists_of(name, LETTERS "_+.") && *name != '.' && *name != '+';
}

bool pack_plain_source(const char *name)
{
	return consists_of(name, LETTERS "_+.-") && *name != '.' && *name != '+' && *name != '-';
}

char *mf_pack_version(const char *version)
{
	char *copy = strdup(version);

	for (char *c = copy; c && *c; c++)
		if (!strchr(LETTERS "._+~", *c))
			*c = '_';
	return copy;
}

bool pack_plain_symbol(const char *symbol)
{
	return consists_of(symbol, LETTERS "_.");
}

bool pack_plain_path(const char *path)
{
	for (const char *p = path; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f || *p == '%')
			return false;
	return *path;
}

bool pack_plain_base(const char *path)
{
	return consists_of(path, LETTERS "_+.,@=:~/ -");
}
