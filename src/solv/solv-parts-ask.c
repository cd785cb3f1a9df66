/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The adapter of libsolv: what a list in parts (solv-parts.h) says of the packages that are in the
 * pool, and of what the kernel's image exports.
 *
 * The image's exports are not in the pool. What packages need of them is one word (solv-write.c),
 * which the system has if it has each export, and that is asked of the file.
 */
#include <string.h>
#include "solv-parts.h"

bool mf_solv_is_part(const struct mf_pool *pool, Id id)
{
	return pool->parts && pool_id2solvable(pool->pool, id)->repo == pool->parts->repo;
}

static Id known_string(struct mf_parts *parts, uint32_t string)
{
	if (!string || string >= parts->head->n_strings)
		return 0;
	if (!parts->ids[string])
		parts->ids[string] = pool_str2id(
			parts->repo->pool, mf_parts_text_at(parts, parts->strings[string].text), 0);
	return parts->ids[string];
}

/* The pool's number of a string, or of a relation of two; 0: it has none. */
static Id known_id(struct mf_parts *parts, uint32_t dep)
{
	uint32_t i = dep & ~MF_PARTS_REL;
	const struct mf_parts_rel *rel;
	Id name, evr;

	if (!(dep & MF_PARTS_REL))
		return known_string(parts, dep);
	if (i >= parts->head->n_rels)
		return 0;
	rel = &parts->rels[i];
	if (parts->rel_ids[i])
		return parts->rel_ids[i];
	name = known_string(parts, rel->name);
	evr = name ? known_string(parts, rel->evr) : 0;
	return evr ? pool_rel2id(parts->repo->pool, name, evr, (int)(rel->flags & MF_PARTS_FLAGS),
				 0)
		   : 0;
}

void mf_parts_package(const struct mf_pool *pool, Id id, struct mf_package *package)
{
	struct mf_parts *parts = pool->parts;
	const struct mf_parts_package *p = &parts->packages[id - parts->start];

	package->size = p->size;
	package->install_size = p->install_size;
	package->location = p->location ? mf_parts_text_at(parts, p->location) : NULL;
	package->has_sha256 = p->has_sha256;
	memcpy(package->sha256, p->sha256, sizeof(package->sha256));
}

/* Nobody needs the others: of an installed package libsolv passes over what is not there. */
void mf_parts_copy_exports(struct mf_pool *pool, const char *skip, Queue *to)
{
	struct mf_parts *parts = pool->parts;
	uint32_t n;
	const uint32_t *v = mf_parts_list_at(parts, parts->head->exports, &n);

	parts->granted = !skip;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t name = v[i], rel = v[i] & ~MF_PARTS_REL;
		const char *text;

		if (v[i] & MF_PARTS_REL)
			name = rel < parts->head->n_rels ? parts->rels[rel].name : UINT32_MAX;
		if (name >= parts->head->n_strings) {
			parts->damaged = true;
			continue;
		}
		text = mf_parts_text_at(parts, parts->strings[name].text);
		if ((parts->ids[name] || (parts->others && pool_str2id(pool->pool, text, 0))) &&
		    (!skip || !mf_starts_with(text, skip)))
			queue_push(to, mf_parts_dep_id(parts, v[i]));
	}
}

/* Is the symbol, with its CRC, in HERE? What is no symbol need not be. */
static bool is_here(struct mf_parts *parts, uint32_t dep, const Map *here)
{
	uint32_t i = dep & ~MF_PARTS_REL;
	Id id;

	if (!(dep & MF_PARTS_REL))
		return true;
	if (i >= parts->head->n_rels)
		return false;
	if (!(parts->rels[i].flags & MF_PARTS_SYMBOL))
		return true;
	id = known_id(parts, dep);
	return id && MAPTST(here, GETRELID(id));
}

bool mf_parts_are_here(const struct mf_pool *pool, const Map *here)
{
	struct mf_parts *parts = pool->parts;
	uint32_t n;
	const uint32_t *v = mf_parts_list_at(parts, parts->head->exports, &n);

	for (uint32_t i = 0; !parts->granted && i < n; i++)
		if (!is_here(parts, v[i], here))
			return false;
	return true;
}
