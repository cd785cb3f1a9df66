/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The symbol versions of a module, in file order and by name.
 *
 * A module has hundreds of imports and as many versions; an open hash table of 1 + index makes the
 * pairing linear. Trusts no byte: an entry whose name does not end in a NUL is skipped (no kernel
 * writes one), surplus names and CRCs are skipped, and of two entries with one name the first is
 * used, as by the kernel's loader.
 */
#include "versions.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"

#define ENTRY 64

static size_t hash_name(const char *name)
{
	size_t h = 5381;

	for (; *name; name++)
		h = h * 33 + (unsigned char)*name;
	return h ^ h >> 15;
}

/* The slot of NAME, or the empty slot for it. */
static uint32_t *find_slot(const struct mf_versions *versions, const char *name)
{
	size_t i = hash_name(name) & versions->mask;

	while (versions->slots[i] && strcmp(versions->v[versions->slots[i] - 1].name, name) != 0)
		i = (i + 1) & versions->mask;
	return &versions->slots[i];
}

struct mf_version *mf_versions_find(const struct mf_versions *versions, const char *name)
{
	uint32_t found = versions->n ? *find_slot(versions, name) : 0;

	return found ? &versions->v[found - 1] : NULL;
}

static void versions_add(struct mf_versions *versions, const char *name, uint64_t crc)
{
	uint32_t *slot = find_slot(versions, name);

	if (!*name || *slot)
		return;
	versions->v[versions->n] = (struct mf_version){ name, (uint32_t)crc, false };
	*slot = (uint32_t)++versions->n;
}

static void add_basic(struct mf_versions *versions, const struct mf_elf *elf, const uint8_t *p,
		      size_t len)
{
	size_t word = elf->is_64bit ? 8 : 4;

	for (; len >= ENTRY; p += ENTRY, len -= ENTRY)
		if (!p[ENTRY - 1])
			versions_add(versions, (const char *)p + word, mf_elf_uint(elf, p, word));
}

static void add_extended(struct mf_versions *versions, const struct mf_elf *elf,
			 const uint8_t *crcs, size_t n_crcs, const char *names, size_t len)
{
	for (size_t i = 0; i < n_crcs && len; i++) {
		size_t n = strnlen(names, len);

		if (n == len)
			return;
		versions_add(versions, names, mf_elf_uint(elf, crcs + 4 * i, 4));
		names += n + 1;
		len -= n + 1;
	}
}

int mf_versions_init(struct mf_versions *ret_versions, const struct mf_elf *elf, const void *basic,
		     size_t basic_len, const void *ext_crcs, size_t ext_crcs_len,
		     const void *ext_names, size_t ext_names_len)
{
	_cleanup_(mf_versions_done) struct mf_versions versions = { 0 };
	size_t n = basic_len / ENTRY + ext_crcs_len / 4, slots = 4;

	while (slots < 2 * n)
		slots *= 2;
	versions.v = calloc(n ? n : 1, sizeof(*versions.v));
	versions.slots = calloc(slots, sizeof(*versions.slots));
	versions.mask = slots - 1;
	if (!versions.v || !versions.slots)
		return -ENOMEM;
	add_basic(&versions, elf, basic, basic_len);
	add_extended(&versions, elf, ext_crcs, ext_crcs_len / 4, ext_names, ext_names_len);
	*ret_versions = versions;
	versions = (struct mf_versions){ 0 };
	return 0;
}

void mf_versions_done(struct mf_versions *versions)
{
	free(versions->v);
	free(versions->slots);
	*versions = (struct mf_versions){ 0 };
}
