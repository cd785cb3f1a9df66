/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef DEPMOD_SELECT_H
#define DEPMOD_SELECT_H
#include "facts.h"
#include "scan.h"

struct dm_module {
	const struct dm_file *file;
	const char *name;
	uint32_t name_len, bucket;
	int32_t line;			  /* of modules.order; INT32_MAX: not there */
	const struct dm_segment *segment; /* where its facts are */
	const struct dm_record *record;	  /* NULL: still to be read */
	const struct dm_segment *old_segment;
	const struct dm_record *old; /* what the state knows of it, or NULL */
	bool recalled;		     /* the facts come from OLD, not from the file */
	const uint32_t *symbol_ids;  /* of the segment's symbols in the graph; NULL: the same */
	uint32_t *deps;		     /* numbers of the modules that it needs itself */
	uint32_t n_deps;
	uint32_t users;
	uint32_t rank; /* in dependency order: a module's dependencies have higher ones */
};

/* The modules in their order: an index into it is a module's number and its priority. */
struct dm_modules {
	struct dm_module *v;
	size_t n;
	struct mf_table by_name; /* until they are sorted */
	struct mf_arena arena;
};

/* One file for each module name. 0 or -ENOMEM. */
int dm_select(struct mf_context *ctx, const struct dm_tree *tree, const struct dm_config *config,
	      const struct dm_scan *scan, struct dm_modules *ret_modules);
/* Puts them in order. ORDER: the bytes of modules.order, or NULL. 0 or -ENOMEM. */
int dm_sort(struct mf_context *ctx, const struct dm_flavor *flavor, const char *order, size_t len,
	    struct dm_modules *modules);
void dm_modules_done(struct dm_modules *modules);
/* depmod's hash, which orders what has no other order. */
uint32_t dm_kmod_hash(const char *key, size_t len);

#endif
