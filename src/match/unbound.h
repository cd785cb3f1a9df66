/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MATCH_UNBOUND_H
#define MATCH_UNBOUND_H
/* Modules on disk that another version of them would be needed for. */
#include <stdbool.h>
#include "modfetch/catalog.h"
#include "modfetch/want.h"

/*
 * False: the module is on disk, but only the alias of another version, or of another package of it, matches,
 * so that the kernel would not load it for this want.
 */
bool match_is_bound(const struct mf_want *want, const struct mf_match *match);
/*
 * If nothing but such modules was found for a want: sets its state to unknown, and its reason, which says
 * which package has the alias. False: there is no such module, and nothing was set.
 */
bool match_explain_unbound(const struct mf_catalog *catalog, struct mf_want *want);

#endif
