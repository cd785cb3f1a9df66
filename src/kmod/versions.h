/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_VERSIONS_H
#define MODFETCH_VERSIONS_H
/*
 * The symbol versions of a module's imports: __versions (64 bytes per entry: a word with the CRC,
 * then the name), or since 6.14 __version_ext_crcs and __version_ext_names (32 bits per CRC, and
 * NUL-terminated names). Names point into the sections' bytes.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "elf.h"

struct mf_version {
	const char *name;
	uint32_t crc;
	bool used; /* set by the caller */
};

/* Zeroed: empty. */
struct mf_versions {
	struct mf_version *v; /* in file order, __versions first, each name once */
	size_t n;
	uint32_t *slots;
	size_t mask;
};

/* Reads the three sections, which may be empty, in ELF's byte order and word size. 0 or -ENOMEM. */
int mf_versions_init(struct mf_versions *ret_versions, const struct mf_elf *elf, const void *basic,
		     size_t basic_len, const void *ext_crcs, size_t ext_crcs_len,
		     const void *ext_names, size_t ext_names_len);
/* The version of a name, or NULL. */
struct mf_version *mf_versions_find(const struct mf_versions *versions, const char *name);
void mf_versions_done(struct mf_versions *versions);

#endif
