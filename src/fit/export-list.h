/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef FIT_EXPORT_LIST_H
#define FIT_EXPORT_LIST_H
/* Exported symbols by name; see export-list.c. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/ksymtab.h"
#include "modfetch/table.h"

struct fit_export {
	const char *module; /* as kmod spells it; NULL: the kernel itself */
	const char *ns;	    /* its namespace, or "" */
	uint32_t crc;
	bool has_crc, gpl_only;
};

/* Zeroed: empty. */
struct fit_exports {
	struct fit_export *v;
	size_t n, room;
	struct mf_table by_name; /* symbols to places in V */
	struct mf_arena texts;
	bool complete;	/* a symbol that is missing here is not exported by the kernel itself */
	char *vermagic; /* of the image, or NULL */
	char *text;	/* that borrowed strings are in, owned; or NULL */
};

/*
 * Adds an export, or replaces the one of that name if REPLACE. MODULE may be NULL. 0 or -ENOMEM.
 */
int fit_exports_add(struct fit_exports *exports, const struct mf_ksym *symbol, const char *module,
		    bool replace);
/* The same without copies, for strings that live as long as the list; an export of that name stays. */
int fit_exports_borrow(struct fit_exports *exports, const struct mf_ksym *symbol,
		       const char *module);
/* NULL: it is not known to be exported. Valid until the next fit_exports_add(). */
const struct fit_export *fit_exports_get(const struct fit_exports *exports, const char *symbol);
void fit_exports_done(struct fit_exports *exports);

#endif
