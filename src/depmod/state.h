/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DEPMOD_STATE_H
#define DEPMOD_STATE_H
/* The state files; their format is described in state.c. */
#include "facts.h"
#include "flavor.h"

#define DM_N_OUTPUTS   11
#define DM_STATE_NAME  "modules.modfetch"
#define DM_RECENT_NAME "modules.modfetch.recent"

#define DM_STATE_MAGIC	    "modfetch depmod"
#define DM_STATE_VERSION    4u
#define DM_STATE_BYTE_ORDER 0x01020304u

/* One index as it was published. */
struct dm_output {
	struct dm_numbers numbers;
	uint64_t digest;
};

/* What the last run did. */
struct dm_done {
	struct dm_flavor flavor;
	uint64_t inputs;     /* digest of all that the indexes came from except the facts */
	uint64_t scan_rules; /* digest of what decided which files were found */
	uint64_t loose;	     /* as the scan's */
	struct dm_output outputs[DM_N_OUTPUTS];
};

struct dm_state_head {
	char magic[16];
	uint32_t version, byte_order;
	uint64_t len;
	uint64_t digest; /* of everything after the head */
	uint32_t counts[DM_N_PARTS], reserved;
	uint64_t base; /* digest of the base that this adds to; 0: it is one */
	struct dm_done done;
	uint64_t head_digest; /* of all above */
};

/* One of the two files. */
struct dm_state_file {
	const struct dm_state_head *head;
	struct dm_segment segment;
	const uint32_t *gone; /* records of the base that are out of use */
	uint32_t n_gone;
};

struct dm_state {
	struct dm_segment base, recent;
	const uint32_t *gone;
	uint32_t n_gone;
	uint64_t id; /* of the base */
	struct dm_done done;
	struct {
		void *p;
		size_t len;
	} maps[2];
};

/* 0; 1: there is none that can be used, RET_STATE is empty. */
int dm_state_read(int dirfd, struct dm_state *ret_state);
/* Either file, from bytes (aligned as malloc's) that must outlive it. 0; 1: it cannot be used. */
int dm_state_parse(const void *buf, size_t len, struct dm_state_file *ret_file);
void dm_state_done(struct dm_state *state);
/*
 * The bytes of a file with these parts, to be completed by dm_state_seal(). 0 or -ENOMEM. An empty
 * part may have a NULL pointer.
 */
int dm_state_build(const struct dm_buf parts[DM_N_PARTS], struct dm_buf *ret_state);
/* BASE: the id of the base that it adds to; 0: it is one itself. */
void dm_state_seal(struct dm_buf *state, const struct dm_done *done, uint64_t base);
/* Replaces the file of this name. 0 or -errno; then there may be none. */
int dm_state_write(int dirfd, const char *name, const struct dm_buf *state);

#endif
