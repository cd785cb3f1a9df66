/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FIT_TERMS_H
#define FIT_TERMS_H
/* To whom symbols are exported; see terms.c. */
#include <stdbool.h>
#include "modfetch/modinfo.h"

/* May the module use what is exported to GPL modules only? */
bool fit_has_gpl_license(const struct mf_modinfo *module);
/* May the module NAME, as kmod spells it, use what is exported in the namespace NS? */
bool fit_imports_namespace(const struct mf_modinfo *module, const char *name, const char *ns);

#endif
