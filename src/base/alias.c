/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The spelling of aliases in kmod's indexes: a dash is an underscore there.
 *
 * kmod copies the bytes between a '[' and the next ']' unchanged, so that a range ("[A-F]") keeps
 * its dash; a second '[' in between is one of these bytes. It does so both in patterns and in the
 * names that it looks up, and fails for a ']' without its '[' or a '[' without its ']'.
 */
#include "modfetch/module-name.h"
#include <errno.h>
#include <stdbool.h>

int mf_alias_normalize(const char *alias, char *ret_alias, size_t size)
{
	bool bracket = false;
	size_t i;

	for (i = 0; alias[i]; i++) {
		char c = alias[i];

		if (i + 1 >= size)
			return -E2BIG;
		if (c == ']' && !bracket)
			return -EINVAL;
		if (c == '[')
			bracket = true;
		else if (c == ']')
			bracket = false;
		ret_alias[i] = c == '-' && !bracket ? '_' : c;
	}
	if (bracket || i >= size)
		return bracket ? -EINVAL : -E2BIG;
	ret_alias[i] = '\0';
	return (int)i;
}
