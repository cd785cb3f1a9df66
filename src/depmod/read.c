/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading modules that are new or have changed, with all processors.
 *
 * Each thread turns modules into notes: strings with a letter in front, in the module's order. What
 * the recent part of the state knows is turned into the same notes. Then one pass over them builds
 * this run's segment: symbols get numbers, and are sorted by name so that numbers are in the order
 * of names, which every later run profits from.
 *
 * A file that is no module is one that says nothing, as with depmod; it is reported, and stays in
 * the indexes by its name.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/modinfo.h"
#include "read.h"

#define ALIAS_MAX 4095 /* bytes of a pattern that an index takes; the rest is cut off */

enum note {
	NOTE_EXPORT = 'E',
	NOTE_IMPORT = 'I',
	NOTE_WEAK = 'W',
	NOTE_ALIAS = 'A',
	NOTE_SOFTDEP = 'S',
	NOTE_WEAKDEP = 'K'
};

/* What a module says: a letter and a string, again and again. */
struct notes {
	const char *text;
	size_t len;
	int failed; /* why it could not be read */
};

struct reader {
	const struct dm_tree *tree;
	const struct dm_flavor *flavor;
	struct dm_module **wanted;
	struct notes *notes;
	size_t n;
	struct dm_fresh *fresh;
};

static void read_note(struct dm_buf *buf, enum note kind, const char *s)
{
	char c = (char)kind;

	dm_buf_add(buf, &c, 1);
	dm_buf_add(buf, s, strlen(s) + 1);
}

static const char *without_prefix(const char *name, char prefix)
{
	return name + (prefix && *name == prefix);
}

static void take_notes(const struct mf_modinfo *info, char prefix, struct dm_buf *buf)
{
	static const struct {
		const char *key;
		enum note kind;
	} keys[] = {
		{ "alias", NOTE_ALIAS },
		{ "softdep", NOTE_SOFTDEP },
		{ "weakdep", NOTE_WEAKDEP },
	};

	for (size_t i = 0; i < info->n_exports; i++)
		read_note(buf, NOTE_EXPORT, without_prefix(info->exports[i].name, prefix));
	for (size_t i = 0; i < info->n_imports; i++) {
		const char *name = info->imports[i].name;

		/* on PowerPC the function foo is imported as .foo */
		read_note(buf, info->imports[i].weak ? NOTE_WEAK : NOTE_IMPORT,
			  without_prefix(name + (*name == '.'), prefix));
	}
	for (size_t i = 0; i < info->n_fields; i++)
		for (size_t k = 0; k < MF_ARRAY_SIZE(keys); k++)
			if (!strcmp(info->fields[i].key, keys[k].key))
				read_note(buf, keys[k].kind, info->fields[i].value);
}

/* The notes of a module that the state knows. */
static void read_recall(const struct dm_segment *s, const struct dm_record *r, struct dm_buf *buf)
{
	for (uint32_t i = 0; i < r->n_exports; i++)
		read_note(buf, NOTE_EXPORT,
			  s->strings + s->symbols[s->exports[r->exports + i]].name);
	for (uint32_t i = 0; i < r->n_imports; i++) {
		uint32_t symbol = s->imports[r->imports + i];

		read_note(buf, symbol & DM_WEAK ? NOTE_WEAK : NOTE_IMPORT,
			  s->strings + s->symbols[symbol & ~DM_WEAK].name);
	}
	for (uint32_t i = 0; i < r->n_aliases; i++)
		read_note(buf, NOTE_ALIAS, s->strings + s->aliases[r->aliases + i].raw);
	for (uint32_t i = 0; i < r->n_extras; i++) {
		const struct dm_extra *e = &s->extras[r->extras + i];

		read_note(buf, e->kind == DM_SOFTDEP_EXTRA ? NOTE_SOFTDEP : NOTE_WEAKDEP,
			  s->strings + e->text);
	}
}

static int read_notes(const struct reader *reader, const struct dm_file *file, struct dm_buf *buf)
{
	_cleanup_(mf_modinfo_done) struct mf_modinfo info = { 0 };
	_cleanup_close_ int fd = dm_tree_at(reader->tree, file->path,
					    file->linked || file->external, O_RDONLY | O_NONBLOCK);
	int r = fd;

	if (fd >= 0)
		r = reader->flavor->sized_zstd ? mf_modinfo_scan_sized(fd, &info)
					       : mf_modinfo_scan(fd, &info);
	if (r >= 0)
		take_notes(&info, reader->flavor->symbol_prefix, buf);
	return r;
}

static void read_one(void *arg, size_t i, unsigned int worker)
{
	struct reader *reader = arg;
	const struct dm_module *m = reader->wanted[i];
	struct notes *notes = &reader->notes[i];
	_cleanup_(dm_buf_done) struct dm_buf buf = { 0 };

	if (m->recalled)
		read_recall(m->old_segment, m->old, &buf);
	else
		notes->failed = read_notes(reader, m->file, &buf);
	notes->text = mf_arena_copy(&reader->fresh->arenas[worker], buf.p ? buf.p : "", buf.len);
	notes->len = buf.len;
	if (buf.failed || !notes->text)
		*notes = (struct notes){ .failed = -ENOMEM };
}

static uint32_t count(const struct dm_fresh *fresh, enum dm_part part)
{
	return (uint32_t)(fresh->parts[part].len / dm_part_size(part));
}

static void read_add(struct dm_fresh *fresh, enum dm_part part, const void *item)
{
	dm_buf_add(&fresh->parts[part], item, dm_part_size(part));
}

/* Appends to the strings; returns where it begins. */
static uint32_t read_add_string(struct dm_fresh *fresh, const char *s, size_t len)
{
	uint32_t at = count(fresh, DM_PART_STRINGS);

	dm_buf_add(&fresh->parts[DM_PART_STRINGS], s, len + 1);
	return at;
}

/* The number of a symbol, for now in the order they are met. */
static uint32_t add_symbol(struct dm_fresh *fresh, const char *name, size_t len)
{
	uint32_t *number;
	int r = mf_table_put(&fresh->symbols, name, len, count(fresh, DM_PART_SYMBOLS), &number);

	if (r < 0) {
		fresh->parts[DM_PART_SYMBOLS].failed = true;
		return 0;
	}
	if (r > 0) {
		struct dm_symbol symbol = { read_add_string(fresh, name, len), (uint32_t)len };

		read_add(fresh, DM_PART_SYMBOLS, &symbol);
	}
	return *number;
}

int64_t dm_alias_normalise(const char *alias, size_t len, char *norm)
{
	size_t i;

	for (i = 0; i < len && i < ALIAS_MAX; i++) {
		if ((unsigned char)alias[i] > 127 || alias[i] == ']')
			return -EINVAL;
		norm[i] = alias[i] == '-' ? '_' : alias[i];
		if (alias[i] == '[') {
			const char *end = memchr(alias + i, ']', len - i);

			if (!end)
				return -EINVAL;
			for (; alias + i < end; i++)
				norm[i] = alias[i];
			norm[i] = ']';
		}
	}
	/* a bracket may have led over the limit */
	return i > ALIAS_MAX ? -EINVAL : (int64_t)i;
}

static void read_add_alias(struct dm_fresh *fresh, const char *text, size_t len)
{
	struct dm_alias alias = { .raw_len = (uint32_t)len, .norm_len = DM_NONE };
	_cleanup_free_ char *norm = malloc(len + 1);
	int64_t norm_len;

	if (!norm) {
		fresh->parts[DM_PART_ALIASES].failed = true;
		return;
	}
	alias.raw = alias.norm = read_add_string(fresh, text, len);
	norm_len = dm_alias_normalise(text, len, norm);
	if (norm_len >= 0) {
		alias.norm_len = (uint32_t)norm_len;
		norm[norm_len] = '\0';
		if (memcmp(norm, text, (size_t)norm_len) != 0)
			alias.norm = read_add_string(fresh, norm, (size_t)norm_len);
	}
	read_add(fresh, DM_PART_ALIASES, &alias);
}

static void add_extra(struct dm_fresh *fresh, enum dm_extra_kind kind, const char *text, size_t len)
{
	struct dm_extra extra = { kind, read_add_string(fresh, text, len), (uint32_t)len };

	read_add(fresh, DM_PART_EXTRAS, &extra);
}

static void add_note(struct dm_fresh *fresh, enum note kind, const char *text, size_t len)
{
	uint32_t symbol;

	switch (kind) {
	case NOTE_EXPORT:
		symbol = add_symbol(fresh, text, len);
		read_add(fresh, DM_PART_EXPORTS, &symbol);
		break;
	case NOTE_IMPORT:
	case NOTE_WEAK:
		symbol = add_symbol(fresh, text, len) | (kind == NOTE_WEAK ? DM_WEAK : 0);
		read_add(fresh, DM_PART_IMPORTS, &symbol);
		break;
	case NOTE_ALIAS:
		read_add_alias(fresh, text, len);
		break;
	case NOTE_SOFTDEP:
		add_extra(fresh, DM_SOFTDEP_EXTRA, text, len);
		break;
	case NOTE_WEAKDEP:
		add_extra(fresh, DM_WEAKDEP_EXTRA, text, len);
		break;
	}
}

static void add_record(struct dm_fresh *fresh, const struct dm_file *file,
		       const struct notes *notes, uint64_t said, uint32_t flags)
{
	struct dm_record record = {
		.numbers = file->numbers,
		.said = said,
		.path = read_add_string(fresh, file->path, file->path_len),
		.path_len = file->path_len,
		.exports = count(fresh, DM_PART_EXPORTS),
		.imports = count(fresh, DM_PART_IMPORTS),
		.aliases = count(fresh, DM_PART_ALIASES),
		.extras = count(fresh, DM_PART_EXTRAS),
		.flags = flags | (file->linked ? DM_LINKED : 0),
	};

	for (size_t at = 0; at < notes->len;) {
		size_t len = strlen(notes->text + at + 1);

		add_note(fresh, (enum note)notes->text[at], notes->text + at + 1, len);
		at += 1 + len + 1;
	}
	record.n_exports = count(fresh, DM_PART_EXPORTS) - record.exports;
	record.n_imports = count(fresh, DM_PART_IMPORTS) - record.imports;
	record.n_aliases = count(fresh, DM_PART_ALIASES) - record.aliases;
	record.n_extras = count(fresh, DM_PART_EXTRAS) - record.extras;
	read_add(fresh, DM_PART_RECORDS, &record);
}

/* A symbol while the symbols are sorted. */
struct ranked {
	struct dm_symbol symbol;
	uint32_t number;
};

static int read_by_name(const void *va, const void *vb, void *strings)
{
	const struct ranked *a = va, *b = vb;

	return strcmp((const char *)strings + a->symbol.name,
		      (const char *)strings + b->symbol.name);
}

static void renumber(struct dm_buf *buf, const uint32_t *rank)
{
	uint32_t *v = (uint32_t *)(void *)buf->p;

	for (size_t i = 0; i < buf->len / sizeof(*v); i++)
		v[i] = rank[v[i] & ~DM_WEAK] | (v[i] & DM_WEAK);
}

/* Sorts the symbols by name and gives exports and imports the new numbers. */
static int sort_symbols(struct dm_fresh *fresh)
{
	struct dm_symbol *symbols = (struct dm_symbol *)(void *)fresh->parts[DM_PART_SYMBOLS].p;
	uint32_t n = count(fresh, DM_PART_SYMBOLS);
	_cleanup_free_ struct ranked *ranked = reallocarray(NULL, n + 1, sizeof(*ranked));
	_cleanup_free_ uint32_t *rank = reallocarray(NULL, n + 1, sizeof(*rank));

	if (!ranked || !rank)
		return -ENOMEM;
	for (uint32_t i = 0; i < n; i++)
		ranked[i] = (struct ranked){ symbols[i], i };
	if (n > 1)
		qsort_r(ranked, n, sizeof(*ranked), read_by_name, fresh->parts[DM_PART_STRINGS].p);
	for (uint32_t i = 0; i < n; i++) {
		rank[ranked[i].number] = i;
		symbols[i] = ranked[i].symbol;
	}
	renumber(&fresh->parts[DM_PART_EXPORTS], rank);
	renumber(&fresh->parts[DM_PART_IMPORTS], rank);
	return 0;
}

static int by_norm(const void *va, const void *vb, void *arg)
{
	const struct dm_segment *s = arg;
	const struct dm_alias *a = &s->aliases[*(const uint32_t *)va];
	const struct dm_alias *b = &s->aliases[*(const uint32_t *)vb];
	uint32_t n = a->norm_len < b->norm_len ? a->norm_len : b->norm_len;
	int c = memcmp(s->strings + a->norm, s->strings + b->norm, n);

	return c ? c : a->norm_len < b->norm_len ? -1 : a->norm_len > b->norm_len;
}

static int sort_aliases(struct dm_fresh *fresh, const struct dm_segment *s)
{
	struct dm_buf *buf = &fresh->parts[DM_PART_ALIAS_ORDER];
	uint32_t *order =
		(uint32_t *)(void *)dm_buf_reserve(buf, s->n_aliases * sizeof(uint32_t) + 1);
	size_t n = 0;

	if (!order)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->n_aliases; i++)
		if (s->aliases[i].norm_len != DM_NONE)
			order[n++] = i;
	if (n > 1)
		qsort_r(order, n, sizeof(*order), by_norm, (void *)(uintptr_t)s);
	buf->len = n * sizeof(*order);
	return 0;
}

static struct dm_segment segment_of(const struct dm_fresh *fresh)
{
	const void *parts[DM_N_PARTS];
	uint32_t counts[DM_N_PARTS];

	for (enum dm_part p = DM_PART_RECORDS; p < DM_N_PARTS; p++) {
		parts[p] = fresh->parts[p].p;
		counts[p] = count(fresh, p);
	}
	return dm_segment_of(parts, counts);
}

/* Makes the buffers a segment. */
static int read_finish(struct dm_fresh *fresh)
{
	int r;

	for (enum dm_part p = DM_PART_RECORDS; p < DM_N_PARTS; p++)
		if (fresh->parts[p].failed || fresh->parts[p].len > UINT32_MAX)
			return -ENOMEM;
	r = sort_symbols(fresh);
	fresh->segment = segment_of(fresh);
	if (r >= 0)
		r = sort_aliases(fresh, &fresh->segment);
	fresh->segment = segment_of(fresh);
	return r;
}

static int read_add_module(struct mf_context *ctx, const struct reader *reader, size_t i,
			   int64_t now)
{
	const struct notes *notes = &reader->notes[i];
	const struct dm_module *m = reader->wanted[i];
	uint32_t flags = DM_READ;

	if (notes->failed == -ENOMEM)
		return -ENOMEM;
	if (m->recalled) {
		add_record(reader->fresh, m->file, notes, m->old->said, m->old->flags);
		return 0;
	}
	if (notes->failed < 0)
		mf_log(ctx, MF_LOG_WARNING, "%s: %s", m->file->path,
		       mf_error_sentence(notes->failed == -EBADMSG ? -MFE_BAD_MODULE
								   : notes->failed));
	if (dm_is_racy(reader->tree, m->file->numbers.ctime, now))
		flags |= DM_RACY;
	add_record(reader->fresh, m->file, notes, mf_hash(notes->text, notes->len), flags);
	return 0;
}

static int add_modules(struct mf_context *ctx, const struct reader *reader)
{
	int64_t now = dm_now();
	int r = 0;

	for (size_t i = 0; i < reader->n && r >= 0; i++)
		r = read_add_module(ctx, reader, i, now);
	return r;
}

/* Files that are no module's, and that the base does not have. */
static int add_others(struct dm_fresh *fresh, const struct dm_scan *scan, uint32_t n_base,
		      const struct dm_modules *modules)
{
	_cleanup_free_ uint8_t *is_module = calloc(scan->n + 1, 1);
	const struct notes nothing = { 0 };

	if (!is_module)
		return -ENOMEM;
	for (size_t i = 0; i < modules->n; i++)
		is_module[modules->v[i].file - scan->files] = 1;
	for (size_t i = 0; i < scan->n; i++)
		if (!is_module[i] && scan->files[i].record >= n_base)
			add_record(fresh, &scan->files[i], &nothing, 0, 0);
	return 0;
}

int dm_read(struct mf_context *ctx, const struct dm_tree *tree, const struct dm_flavor *flavor,
	    const struct dm_scan *scan, uint32_t n_base, struct dm_modules *modules,
	    struct dm_fresh *ret_fresh)
{
	_cleanup_free_ struct dm_module **wanted =
		reallocarray(NULL, modules->n + 1, sizeof(struct dm_module *));
	_cleanup_free_ struct notes *notes = calloc(modules->n + 1, sizeof(*notes));
	struct reader reader = {
		.tree = tree, .flavor = flavor, .wanted = wanted, .notes = notes, .fresh = ret_fresh
	};
	int r;

	if (!wanted || !notes)
		return -ENOMEM;
	for (size_t i = 0; i < modules->n; i++)
		if (!modules->v[i].record)
			wanted[reader.n++] = &modules->v[i];
	mf_workers_run(tree->workers, reader.n, read_one, &reader);
	r = add_modules(ctx, &reader);
	if (r >= 0)
		r = add_others(ret_fresh, scan, n_base, modules);
	if (r >= 0)
		r = read_finish(ret_fresh);
	for (size_t i = 0; i < reader.n && r >= 0; i++) {
		wanted[i]->segment = &ret_fresh->segment;
		wanted[i]->record = &ret_fresh->segment.records[i];
	}
	return r;
}

void dm_fresh_done(struct dm_fresh *fresh)
{
	for (enum dm_part p = DM_PART_RECORDS; p < DM_N_PARTS; p++)
		dm_buf_done(&fresh->parts[p]);
	for (size_t i = 0; i < MF_ARRAY_SIZE(fresh->arenas); i++)
		mf_arena_done(&fresh->arenas[i]);
	mf_table_done(&fresh->symbols);
	*fresh = (struct dm_fresh){ 0 };
}
