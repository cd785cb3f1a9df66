/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which names may stand in a spec.
 *
 * rpm expands macros wherever a name is written, in %files twice, and "%(...)" runs a command, even
 * when a spec is only parsed; a dependency ends at a blank, a comma or an operator; and the spec's
 * %install is a shell script. Quoting differs from place to place and from rpm to rpm, so names that
 * would need it are left out of specs instead: what is called so is no driver anybody ships.
 *
 * Trusts nothing of a module tree, a symvers file or a firmware tree. Text for people (summaries,
 * descriptions) is describe.c's business, aliases are escaped (kmod/escape.c).
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
