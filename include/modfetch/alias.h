/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_ALIAS_H
#define MODFETCH_ALIAS_H
/*
 * Aliases as kmod's indexes spell them: '-' is '_', except between brackets. A pattern is
 * normalised before it goes into an index, a name before it is looked up. Pure.
 */
#include <stddef.h>

/*
 * Writes the normalised ALIAS into RET_ALIAS (SIZE bytes with the NUL). Returns the length; -EINVAL
 * for a bracket without its pair, as kmod; -E2BIG where it does not fit.
 */
int mf_alias_normalize(const char *alias, char *ret_alias, size_t size);

#endif
