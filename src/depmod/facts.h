/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DEPMOD_FACTS_H
#define DEPMOD_FACTS_H
/* What modules say, in the form that the state file keeps and the indexes are made from. */
#include "buf.h"
#include "tree.h"

#define DM_NONE UINT32_MAX

/* Offsets are into the segment's strings. */
struct dm_symbol {
	uint32_t name, len;
};

struct dm_alias {
	uint32_t raw, raw_len;	 /* as the module has it */
	uint32_t norm, norm_len; /* as the index has it; norm_len DM_NONE: it cannot have it */
};

enum dm_extra_kind { DM_SOFTDEP_EXTRA, DM_WEAKDEP_EXTRA };

struct dm_extra {
	uint32_t kind, text, len;
};

#define DM_WEAK 0x80000000u /* in an import: the symbol may be missing */

enum dm_record_flag {
	DM_READ = 1,   /* the facts are there; otherwise the file is only known to exist */
	DM_RACY = 2,   /* the file may change without its times changing: read it again */
	DM_LINKED = 4, /* a link leads to it */
};

/* One file, and which of its segment's items are its own. */
struct dm_record {
	struct dm_numbers numbers;
	uint64_t said; /* digest of all facts as the file has them */
	uint32_t path, path_len;
	uint32_t exports, n_exports;
	uint32_t imports, n_imports;
	uint32_t aliases, n_aliases;
	uint32_t extras, n_extras;
	uint32_t flags, reserved;
};

/* The arrays of a segment, and one that only a state file has. */
enum dm_part {
	DM_PART_RECORDS,
	DM_PART_SYMBOLS,
	DM_PART_ALIASES,
	DM_PART_EXPORTS,
	DM_PART_IMPORTS,
	DM_PART_EXTRAS,
	DM_PART_ALIAS_ORDER,
	DM_PART_GONE,
	DM_PART_STRINGS,
	DM_N_PARTS
};

struct dm_segment {
	const char *strings;
	const struct dm_record *records;
	const struct dm_symbol *symbols; /* sorted by name, each once */
	const struct dm_alias *aliases;	 /* those of a record together, in its order */
	const uint32_t *exports;	 /* symbols, in the order of the module */
	const uint32_t *imports;	 /* symbols, maybe with DM_WEAK; likewise */
	const struct dm_extra *extras;
	const uint32_t *alias_order; /* aliases that an index can have, sorted by norm */
	uint32_t n_strings, n_records, n_symbols, n_aliases, n_exports, n_imports, n_extras,
		n_alias_order;
};

/* Bytes of one item. */
static inline size_t dm_part_size(enum dm_part part)
{
	static const uint8_t sizes[DM_N_PARTS] = {
		[DM_PART_RECORDS] = sizeof(struct dm_record),
		[DM_PART_SYMBOLS] = sizeof(struct dm_symbol),
		[DM_PART_ALIASES] = sizeof(struct dm_alias),
		[DM_PART_EXPORTS] = sizeof(uint32_t),
		[DM_PART_IMPORTS] = sizeof(uint32_t),
		[DM_PART_EXTRAS] = sizeof(struct dm_extra),
		[DM_PART_ALIAS_ORDER] = sizeof(uint32_t),
		[DM_PART_GONE] = sizeof(uint32_t),
		[DM_PART_STRINGS] = 1,
	};

	return sizes[part];
}

/* The segment whose arrays begin at PARTS and have COUNTS items. */
static inline struct dm_segment dm_segment_of(const void *const parts[DM_N_PARTS],
					      const uint32_t counts[DM_N_PARTS])
{
	return (struct dm_segment){
		.strings = parts[DM_PART_STRINGS],
		.n_strings = counts[DM_PART_STRINGS],
		.records = parts[DM_PART_RECORDS],
		.n_records = counts[DM_PART_RECORDS],
		.symbols = parts[DM_PART_SYMBOLS],
		.n_symbols = counts[DM_PART_SYMBOLS],
		.aliases = parts[DM_PART_ALIASES],
		.n_aliases = counts[DM_PART_ALIASES],
		.exports = parts[DM_PART_EXPORTS],
		.n_exports = counts[DM_PART_EXPORTS],
		.imports = parts[DM_PART_IMPORTS],
		.n_imports = counts[DM_PART_IMPORTS],
		.extras = parts[DM_PART_EXTRAS],
		.n_extras = counts[DM_PART_EXTRAS],
		.alias_order = parts[DM_PART_ALIAS_ORDER],
		.n_alias_order = counts[DM_PART_ALIAS_ORDER],
	};
}

#endif
