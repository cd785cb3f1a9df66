/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One file for each module name, and the order of the modules.
 *
 * Files are compared two at a time, in the order they were found, and with the same oddities that
 * depmod 30 has, since the winner depends on them: in one search directory the file found later
 * wins, in the built-in part the one found first; an override names a path without its ending; and
 * each external directory takes a place of its own among the searches.
 *
 * The order is that of modules.order, whose lines name uncompressed paths. Modules that are not in
 * it come last, in the order of depmod's hash table: 512 buckets by Paul Hsieh's SuperFastHash, by
 * name within one. A modules.order whose last line is not terminated is not used.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"
#include "select.h"

#define BUCKETS	  512
#define LINE_MAX_ 4096 /* bytes depmod reads at a time, with a NUL */

/* One file as it is compared: its path up to the end of the module's name. */
struct rival {
	const char *full; /* as depmod would spell it */
	size_t full_len;
	const char *rel; /* below the tree, NULL: it is elsewhere */
	size_t rel_len;
};

struct picker {
	struct mf_context *ctx;
	const struct dm_tree *tree;
	const struct dm_config *config;
	size_t dirname_len;
	struct dm_modules *modules;
};

static uint32_t half(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

uint32_t dm_kmod_hash(const char *key, size_t len)
{
	const uint8_t *p = (const uint8_t *)key;
	uint32_t h = (uint32_t)len;

	for (; len >= 4; len -= 4, p += 4) {
		h += half(p);
		h = (h << 16) ^ (half(p + 2) << 11) ^ h;
		h += h >> 11;
	}
	if (len == 3) {
		h += half(p);
		h ^= h << 16;
		h ^= (uint32_t)p[2] << 18;
		h += h >> 11;
	} else if (len == 2) {
		h += half(p);
		h ^= h << 11;
		h += h >> 17;
	} else if (len == 1) {
		h += p[0];
		h ^= h << 10;
		h += h >> 1;
	}
	h ^= h << 3;
	h += h >> 5;
	h ^= h << 4;
	h += h >> 17;
	h ^= h << 25;
	return h + (h >> 6);
}

static int rival_of(const struct picker *p, const struct dm_file *file, uint32_t name_len,
		    struct rival *ret_rival)
{
	size_t len = file->base + name_len, head = p->dirname_len + 1;
	struct rival r = { .full = file->path, .full_len = len };
	char *path;

	if (!file->external) {
		path = mf_arena_alloc(&p->modules->arena, head + len + 1);
		if (!path)
			return -ENOMEM;
		snprintf(path, head + len + 1, "%s/%s", p->tree->dirname, file->path);
		r.full = path;
		r.full_len = head + len;
	}
	if (!strncmp(r.full, p->tree->dirname, p->dirname_len)) {
		r.rel = r.full + head;
		r.rel_len = r.full_len - head;
	}
	*ret_rival = r;
	return 0;
}

static bool is_override(const struct rival *r, const char *path)
{
	return r->rel && r->rel_len == strlen(path) && !memcmp(path, r->rel, r->rel_len);
}

/* Is it below the directory LEN bytes of DIRECTORY name? */
static bool is_in(const char *path, size_t path_len, const char *directory, size_t len)
{
	return path && path_len > len && path[len] == '/' && !memcmp(directory, path, len);
}

/* Where in the searches the two stand; -1: nowhere. The last place that fits counts. */
static void places(const struct picker *p, const struct rival *new, const struct rival *old,
		   int *new_place, int *old_place, int *builtin)
{
	int i = 0;

	for (size_t k = 0; k < p->config->n_searches; k++, i++) {
		const struct dm_search *s = &p->config->searches[k];

		switch (s->kind) {
		case DM_SEARCH_BUILTIN:
			*builtin = i;
			break;
		case DM_SEARCH_EXTERNAL:
			for (size_t e = 0; e < p->config->externals.n; e++, i++) {
				const char *external = p->config->externals.v[e];

				if (is_in(new->full, new->full_len, external, strlen(external)))
					*new_place = i;
				if (is_in(old->full, old->full_len, external, strlen(external)))
					*old_place = i;
			}
			break;
		case DM_SEARCH_DIRECTORY:
			/* a directory that has the new one is not asked about the old one */
			if (is_in(new->rel, new->rel_len, s->directory, s->len))
				*new_place = i;
			else if (is_in(old->rel, old->rel_len, s->directory, s->len))
				*old_place = i;
			break;
		}
	}
}

static bool old_wins(const struct picker *p, const struct rival *old, const struct rival *new)
{
	int new_place = -1, old_place = -1, builtin = -1;

	for (size_t i = 0; i < p->config->overrides.n; i++) {
		if (is_override(new, p->config->overrides.v[i]))
			return false;
		if (is_override(old, p->config->overrides.v[i]))
			return true;
	}
	places(p, new, old, &new_place, &old_place, &builtin);
	if (new_place < 0)
		new_place = builtin;
	if (old_place < 0)
		old_place = builtin;
	return new_place <= old_place;
}

static const char *name_of(struct mf_arena *arena, const struct dm_file *file, uint32_t *ret_len)
{
	const char *base = file->path + file->base;
	size_t len = file->path_len - file->base;
	char *name = mf_arena_alloc(arena, len + 1);

	if (name)
		*ret_len = (uint32_t)mf_module_spell(base, len, name);
	return name;
}

static int pick(struct picker *p, const struct dm_file *file)
{
	struct dm_module m = { .file = file, .line = INT32_MAX };
	struct dm_module *other;
	struct rival old, new;
	uint32_t *number;
	int r;

	m.name = name_of(&p->modules->arena, file, &m.name_len);
	if (!m.name)
		return -ENOMEM;
	r = mf_table_put(&p->modules->by_name, m.name, m.name_len, (uint32_t)p->modules->n,
			 &number);
	if (r < 0)
		return r;
	if (r > 0) {
		m.bucket = dm_kmod_hash(m.name, m.name_len) % BUCKETS;
		p->modules->v[p->modules->n++] = m;
		return 0;
	}
	other = &p->modules->v[*number];
	r = rival_of(p, other->file, m.name_len, &old);
	if (r >= 0)
		r = rival_of(p, file, m.name_len, &new);
	if (r >= 0 && !old_wins(p, &old, &new))
		other->file = file;
	return r;
}

int dm_select(struct mf_context *ctx, const struct dm_tree *tree, const struct dm_config *config,
	      const struct dm_scan *scan, struct dm_modules *ret_modules)
{
	_cleanup_(dm_modules_done) struct dm_modules modules = { 0 };
	struct picker p = {
		.ctx = ctx,
		.tree = tree,
		.config = config,
		.dirname_len = strlen(tree->dirname),
		.modules = &modules,
	};
	int r = mf_table_reserve(&modules.by_name, scan->n);

	modules.v = reallocarray(NULL, scan->n + 1, sizeof(*modules.v));
	if (!modules.v)
		r = -ENOMEM;
	for (size_t i = 0; i < scan->n && r >= 0; i++)
		r = pick(&p, &scan->files[i]);
	if (r < 0)
		return r;
	*ret_modules = modules;
	modules = (struct dm_modules){ 0 };
	return 0;
}

/* Is LINE the module's path without the ending of its compression? */
static bool is_line_of(const struct dm_module *m, const char *line, size_t len)
{
	const struct dm_file *f = m->file;

	/* depmod counts the name's length and ".ko" from the last slash on, whatever is there */
	return !f->external && len == f->base + m->name_len + 3 && len <= f->path_len &&
	       !memcmp(line, f->path, len);
}

static void take_line(const struct dm_flavor *flavor, struct dm_modules *modules, const char *line,
		      size_t len, int32_t number)
{
	const char *slash = memrchr(line, '/', len);
	const char *base = slash ? slash + 1 : line;
	size_t n = len - (size_t)(base - line);
	struct dm_module *m;
	uint32_t *found;
	char name[MF_MODULE_NAME_SIZE];

	/* a line says "snd-hda-intel"; no file's name is longer */
	if (n >= sizeof(name))
		return;
	n = mf_module_spell(base, n, name);
	found = mf_table_get(&modules->by_name, name, n);
	m = found ? &modules->v[*found] : NULL;
	if (!m || !is_line_of(m, line, len))
		return;
	if (m->line == INT32_MAX || !flavor->first_in_order)
		m->line = number;
}

/* Walks the lines as fgets(3) with depmod's buffer would; false: the file counts as none. */
static bool take_lines(const struct dm_flavor *flavor, struct dm_modules *modules,
		       const char *order, size_t len)
{
	int32_t number = 0;

	for (size_t at = 0; at < len; number++) {
		size_t room = len - at < LINE_MAX_ - 1 ? len - at : LINE_MAX_ - 1;
		const char *newline = memchr(order + at, '\n', room);
		size_t n = newline ? (size_t)(newline - (order + at)) : room;
		size_t shown = strnlen(order + at, n);

		if (!newline || (shown < n && shown))
			return false;
		if (shown == n)
			take_line(flavor, modules, order + at, n, number);
		at += n + 1;
	}
	return true;
}

static int compare(const void *va, const void *vb)
{
	const struct dm_module *a = va, *b = vb;

	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	if (a->bucket != b->bucket)
		return a->bucket < b->bucket ? -1 : 1;
	return strcmp(a->name, b->name);
}

int dm_sort(struct mf_context *ctx, const struct dm_flavor *flavor, const char *order, size_t len,
	    struct dm_modules *modules)
{
	if (!order || !take_lines(flavor, modules, order, len)) {
		mf_log(ctx, order ? MF_LOG_WARNING : MF_LOG_DEBUG, "modules.order: %s",
		       order ? "a line is not ended; not used" : "there is none");
		for (size_t i = 0; i < modules->n; i++)
			modules->v[i].line = INT32_MAX;
	}
	mf_table_done(&modules->by_name);
	if (modules->n > 1)
		qsort(modules->v, modules->n, sizeof(*modules->v), compare);
	return 0;
}

void dm_modules_done(struct dm_modules *modules)
{
	free(modules->v);
	mf_table_done(&modules->by_name);
	mf_arena_done(&modules->arena);
	*modules = (struct dm_modules){ 0 };
}
