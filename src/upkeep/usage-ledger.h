/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef UPKEEP_USAGE_LEDGER_H
#define UPKEEP_USAGE_LEDGER_H
/* The ledger of used drivers: modfetch/usage.h. */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/module-name.h"

/* Days since 1970; -1: never. */
struct usage_entry {
	char module[MF_MODULE_NAME_SIZE];
	long first, loaded, bound;
	bool packaged; /* not in the file: a package has it now */
};

/* Zeroed: empty. */
struct usage_ledger {
	struct usage_entry *v;
	size_t n, room;
	size_t sorted; /* so many were read; those that were added follow, sorted too */
	bool changed;
};
void usage_ledger_done(struct usage_ledger *ledger);

/* Reads it; lines that are no entries are logged and left out. 0 (also without a file) or -errno, recorded. */
int usage_ledger_read(struct mf_context *ctx, struct usage_ledger *ret_ledger);
/* The entry of a module, valid until one is added; NULL: none. */
struct usage_entry *usage_ledger_find(const struct usage_ledger *ledger, const char *module);
/*
 * The entry of a module; a new one has TODAY as its first day. To be called in the order of the names.
 * RET_ENTRY: NULL: the ledger is full. 0 or -ENOMEM.
 */
int usage_ledger_add(struct usage_ledger *ledger, const char *module, long today,
		     struct usage_entry **ret_entry);
/* Notes that the module is loaded, and bound to a device, on a day. A day never moves back. */
void usage_ledger_note(struct usage_ledger *ledger, struct usage_entry *entry, long today,
		       bool bound);
/* Drops the entries without a package that were not used within MF_USAGE_DAYS before TODAY. */
void usage_ledger_expire(struct usage_ledger *ledger, long today);
/* Writes it if it has changed. 0 or -errno, recorded. */
int usage_ledger_write(struct mf_context *ctx, struct usage_ledger *ledger);

#endif
