/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DEPMOD_STATE_H
#define DEPMOD_STATE_H
/* The head of the state file, for its reader and its builder; described in depmod-state.c. */
#include "src/depmod/depmod-parts.h"

#define DM_STATE_MAGIC	    "modfetch depmod"
#define DM_STATE_VERSION    3u
#define DM_STATE_BYTE_ORDER 0x01020304u

enum part {
	RECORDS,
	SYMBOLS,
	ALIASES,
	EXPORTS,
	IMPORTS,
	EXTRAS,
	ALIAS_ORDER,
	ALIAS_OWNER,
	GONE,
	FOLDERS,
	FOLDER_PATHS,
	STRINGS,
	N_PARTS
};

struct head {
	char magic[16];
	uint32_t version, byte_order;
	uint64_t len;
	uint64_t digest; /* of everything behind the head */
	uint32_t counts[N_PARTS];
	uint64_t base; /* digest of the base this adds to; 0: it is one */
	uint64_t flavour_id;
	uint32_t flavour_version, flags;
	uint64_t inputs, scan_rules;
	struct dm_output outputs[DM_N_OUTPUTS];
	uint64_t head_digest; /* of all above */
};

/* Bytes of one item. */
static inline size_t part_size(enum part part)
{
	static const uint8_t sizes[N_PARTS] = {
		[RECORDS] = sizeof(struct dm_record),
		[SYMBOLS] = sizeof(struct dm_symbol),
		[ALIASES] = sizeof(struct dm_alias),
		[EXPORTS] = sizeof(uint32_t),
		[IMPORTS] = sizeof(uint32_t),
		[EXTRAS] = sizeof(struct dm_extra),
		[ALIAS_ORDER] = sizeof(uint32_t),
		[ALIAS_OWNER] = sizeof(uint32_t),
		[GONE] = sizeof(uint32_t),
		[FOLDERS] = sizeof(struct dm_folder_record),
		[FOLDER_PATHS] = 1,
		[STRINGS] = 1,
	};

	return sizes[part];
}

static inline uint64_t part_bytes(const struct head *head, enum part part)
{
	return ((uint64_t)head->counts[part] * part_size(part) + 7) / 8 * 8;
}

/* Where a part begins; of N_PARTS: where the file ends. */
static inline uint64_t part_at(const struct head *head, enum part part)
{
	uint64_t at = sizeof(*head);

	for (enum part p = RECORDS; p < part; p++)
		at += part_bytes(head, p);
	return at;
}

/* Puts the parts behind a head whose other half dm_state_seal() fills in. 0 or -ENOMEM. */
int dm_state_assemble(const struct dm_buf parts[N_PARTS], struct dm_buf *ret_state);

#endif
