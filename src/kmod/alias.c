/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The spelling of aliases in kmod's indexes: a dash is an underscore there. A range in brackets
 * ("[A-F]") keeps its dash; an unbalanced bracket is refused, since kmod's own readers do not
 * survive every one of them.
 */
#include "modfetch/alias.h"
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
		if (c == '[') {
			if (bracket)
				return -EINVAL;
			bracket = true;
		} else if (c == ']') {
			if (!bracket)
				return -EINVAL;
			bracket = false;
		}
		ret_alias[i] = c == '-' && !bracket ? '_' : c;
	}
	if (bracket || i >= size)
		return bracket ? -EINVAL : -E2BIG;
	ret_alias[i] = '\0';
	return (int)i;
}
