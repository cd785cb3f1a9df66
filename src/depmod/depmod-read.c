/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reading modules that are new or have changed, with all processors.
 *
 * Each thread turns modules into notes: strings with a letter in front, in the module's order. When
 * all are read, one pass over the notes builds a segment: symbols get numbers, then are sorted by
 * name so that numbers are in the order of names, which every later run profits from.
 *
 * A file that is no module is one that says nothing, as with depmod; it is told, and stays in the
 * indexes by its name.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/modinfo.h"
#include "src/depmod/depmod-parts.h"

#define SYMBOL_BUCKETS 2048
#define ALIAS_MAX      4095 /* bytes of a pattern that an index takes; the rest is cut off */

enum note {
	NOTE_EXPORT = 'E',
	NOTE_IMPORT = 'I',
	NOTE_WEAK = 'W',
	NOTE_ALIAS = 'A',
	NOTE_SOFTDEP = 'S',
	NOTE_WEAKDEP = 'K'
};

/* The growing parts of the segment, by index into dm_fresh's buffers. */
enum part { STRINGS, RECORDS, SYMBOLS, ALIASES, EXPORTS, IMPORTS, EXTRAS, ALIAS_OWNER };

struct reader {
	const struct dm_tree *tree;
	struct dm_module **wanted;
	struct dm_notes *notes;
	size_t n;
	struct dm_fresh *fresh;
	const struct dm_scan *scan;
	const struct dm_meanwhile *meanwhile;
	int meant; /* what it returned */
};

static void note(struct dm_buf *buf, enum note kind, const char *s)
{
	char c = (char)kind;

	dm_buf_add(buf, &c, 1);
	dm_buf_add(buf, s, strlen(s) + 1);
}

static void take_notes(const struct mf_modinfo *info, struct dm_buf *buf)
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
		note(buf, NOTE_EXPORT, info->exports[i].name);
	for (size_t i = 0; i < info->n_imports; i++) {
		const char *name = info->imports[i].name;

		/* on PowerPC the function foo is imported as .foo */
		note(buf, info->imports[i].weak ? NOTE_WEAK : NOTE_IMPORT, name + (*name == '.'));
	}
	for (size_t i = 0; i < info->n_fields; i++)
		for (size_t k = 0; k < sizeof(keys) / sizeof(*keys); k++)
			if (!strcmp(info->fields[i].key, keys[k].key))
				note(buf, keys[k].kind, info->fields[i].value);
}

/* The notes of a module that the recent part of the state knows. */
static void recall(const struct dm_segment *s, const struct dm_record *r, struct dm_buf *buf)
{
	for (uint32_t i = 0; i < r->n_exports; i++)
		note(buf, NOTE_EXPORT, s->strings + s->symbols[s->exports[r->exports + i]].name);
	for (uint32_t i = 0; i < r->n_imports; i++) {
		uint32_t symbol = s->imports[r->imports + i];

		note(buf, symbol & DM_WEAK ? NOTE_WEAK : NOTE_IMPORT,
		     s->strings + s->symbols[symbol & ~DM_WEAK].name);
	}
	for (uint32_t i = 0; i < r->n_aliases; i++)
		note(buf, NOTE_ALIAS, s->strings + s->aliases[r->aliases + i].raw);
	for (uint32_t i = 0; i < r->n_extras; i++) {
		const struct dm_extra *e = &s->extras[r->extras + i];

		note(buf, e->kind == DM_SOFTDEP_EXTRA ? NOTE_SOFTDEP : NOTE_WEAKDEP,
		     s->strings + e->text);
	}
}

static struct dm_notes keep_notes(const struct dm_buf *buf, struct mf_arena *arena)
{
	struct dm_notes notes = { mf_arena_copy(arena, buf->p, buf->len), buf->len, 0 };

	if (buf->failed || !notes.text)
		return (struct dm_notes){ .failed = -ENOMEM };
	return notes;
}

struct dm_notes dm_notes_read(const struct dm_tree *tree, const struct dm_file *file,
			      struct mf_arena *arena)
{
	_cleanup_(mf_modinfo_done) struct mf_modinfo info = { 0 };
	_cleanup_(dm_buf_done) struct dm_buf buf = { 0 };
	_cleanup_close_ int fd =
		dm_tree_at(tree, file->path, file->linked || file->external, O_RDONLY | O_NONBLOCK);
	int r = fd < 0 ? fd : mf_modinfo_scan(fd, &info);

	if (r < 0)
		return (struct dm_notes){ .failed = r };
	take_notes(&info, &buf);
	return keep_notes(&buf, arena);
}

static void read_one(struct reader *reader, size_t i, unsigned int worker)
{
	const struct dm_module *m = reader->wanted[i];
	struct mf_arena *arena = &reader->fresh->arenas[worker];
	_cleanup_(dm_buf_done) struct dm_buf buf = { 0 };

	if (m->recalled) {
		recall(m->old_segment, m->old, &buf);
		reader->notes[i] = keep_notes(&buf, arena);
	} else if (m->file->notes) {
		reader->notes[i] = *m->file->notes;
	} else {
		reader->notes[i] = dm_notes_read(reader->tree, m->file, arena);
	}
}

static void read_or_mean(void *arg, size_t i, unsigned int worker)
{
	struct reader *reader = arg;

	if (i < reader->n)
		read_one(reader, i, worker);
	else
		reader->meant = reader->meanwhile->call(reader->meanwhile->arg, reader->scan, true);
}

/* Reads all that is wanted. With one file to read, the others would have nothing to do. */
static void read_all(struct reader *reader)
{
	size_t n_unread = 0;
	bool few;

	for (size_t i = 0; i < reader->n; i++)
		n_unread += !reader->wanted[i]->recalled && !reader->wanted[i]->file->notes;
	few = n_unread && n_unread <= DM_FEW;
	mf_workers_run(reader->tree->workers, reader->n + few, read_or_mean, reader);
}

static uint32_t count(const struct dm_fresh *fresh, enum part part, size_t size)
{
	return (uint32_t)(fresh->buffers[part].len / size);
}

static void add(struct dm_fresh *fresh, enum part part, const void *item, size_t size)
{
	dm_buf_add(&fresh->buffers[part], item, size);
}

/* Appends to the strings; where it begins. */
static uint32_t add_string(struct dm_fresh *fresh, const char *s, size_t len)
{
	uint32_t at = (uint32_t)fresh->buffers[STRINGS].len;

	dm_buf_add(&fresh->buffers[STRINGS], s, len + 1);
	return at;
}

/* The number of a symbol, for now in the order they are met. */
static uint32_t add_symbol(struct dm_fresh *fresh, const char *name, size_t len)
{
	uint32_t next = count(fresh, SYMBOLS, sizeof(struct dm_symbol)), *number;
	int r = mf_table_put(&fresh->symbols, name, len, next, &number);

	if (r < 0) {
		fresh->buffers[SYMBOLS].failed = true;
		return 0;
	}
	if (r > 0) {
		struct dm_symbol symbol = {
			.name = add_string(fresh, name, len),
			.len = (uint32_t)len,
			.bucket = dm_kmod_hash(name, len) % SYMBOL_BUCKETS,
		};

		add(fresh, SYMBOLS, &symbol, sizeof(symbol));
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

static void add_alias(struct dm_fresh *fresh, const char *text, size_t len)
{
	uint32_t owner = count(fresh, RECORDS, sizeof(struct dm_record));
	struct dm_alias alias = { .raw_len = (uint32_t)len, .norm_len = DM_NONE };
	_cleanup_free_ char *norm = malloc(len + 1);
	int64_t norm_len;

	if (!norm) {
		fresh->buffers[ALIASES].failed = true;
		return;
	}
	alias.raw = alias.norm = add_string(fresh, text, len);
	norm_len = dm_alias_normalise(text, len, norm);
	if (norm_len >= 0) {
		alias.norm_len = (uint32_t)norm_len;
		norm[norm_len] = '\0';
		if (memcmp(norm, text, (size_t)norm_len) != 0)
			alias.norm = add_string(fresh, norm, (size_t)norm_len);
	}
	add(fresh, ALIASES, &alias, sizeof(alias));
	add(fresh, ALIAS_OWNER, &owner, sizeof(owner));
}

static void add_extra(struct dm_fresh *fresh, enum dm_extra_kind kind, const char *text, size_t len)
{
	struct dm_extra extra = { kind, add_string(fresh, text, len), (uint32_t)len };

	add(fresh, EXTRAS, &extra, sizeof(extra));
}

static void add_note(struct dm_fresh *fresh, enum note kind, const char *text, size_t len)
{
	uint32_t symbol;

	switch (kind) {
	case NOTE_EXPORT:
		symbol = add_symbol(fresh, text, len);
		add(fresh, EXPORTS, &symbol, sizeof(symbol));
		break;
	case NOTE_IMPORT:
	case NOTE_WEAK:
		symbol = add_symbol(fresh, text, len) | (kind == NOTE_WEAK ? DM_WEAK : 0);
		add(fresh, IMPORTS, &symbol, sizeof(symbol));
		break;
	case NOTE_ALIAS:
		add_alias(fresh, text, len);
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
		       const struct dm_notes *notes, uint32_t flags)
{
	struct dm_record record = {
		.size = file->size,
		.inode = file->inode,
		.mtime = file->mtime,
		.ctime = file->ctime,
		.path = add_string(fresh, file->path, file->path_len),
		.path_len = file->path_len,
		.exports = count(fresh, EXPORTS, sizeof(uint32_t)),
		.imports = count(fresh, IMPORTS, sizeof(uint32_t)),
		.aliases = count(fresh, ALIASES, sizeof(struct dm_alias)),
		.extras = count(fresh, EXTRAS, sizeof(struct dm_extra)),
		.flags =
			flags | (file->external ? DM_EXTERNAL : 0) | (file->linked ? DM_LINKED : 0),
	};

	for (size_t at = 0; at < notes->len;) {
		size_t len = strlen(notes->text + at + 1);

		add_note(fresh, (enum note)notes->text[at], notes->text + at + 1, len);
		at += 1 + len + 1;
	}
	record.n_exports = count(fresh, EXPORTS, sizeof(uint32_t)) - record.exports;
	record.n_imports = count(fresh, IMPORTS, sizeof(uint32_t)) - record.imports;
	record.n_aliases = count(fresh, ALIASES, sizeof(struct dm_alias)) - record.aliases;
	record.n_extras = count(fresh, EXTRAS, sizeof(struct dm_extra)) - record.extras;
	add(fresh, RECORDS, &record, sizeof(record));
}

static int by_name(const void *va, const void *vb, void *strings)
{
	const struct dm_symbol *a = va, *b = vb;

	return strcmp((const char *)strings + a->name, (const char *)strings + b->name);
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
	struct dm_symbol *symbols = (struct dm_symbol *)(void *)fresh->buffers[SYMBOLS].p;
	size_t n = count(fresh, SYMBOLS, sizeof(*symbols));
	_cleanup_free_ uint32_t *rank = reallocarray(NULL, n + 1, sizeof(*rank));
	_cleanup_free_ uint32_t *bucket = reallocarray(NULL, n + 1, sizeof(*bucket));

	if (!rank || !bucket)
		return -ENOMEM;
	/* the old number rides along in the bucket's place */
	for (size_t i = 0; i < n; i++) {
		bucket[i] = symbols[i].bucket;
		symbols[i].bucket = (uint32_t)i;
	}
	if (n > 1)
		qsort_r(symbols, n, sizeof(*symbols), by_name, fresh->buffers[STRINGS].p);
	for (size_t i = 0; i < n; i++) {
		rank[symbols[i].bucket] = (uint32_t)i;
		symbols[i].bucket = bucket[symbols[i].bucket];
	}
	renumber(&fresh->buffers[EXPORTS], rank);
	renumber(&fresh->buffers[IMPORTS], rank);
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

static int sort_aliases(struct dm_fresh *fresh, struct dm_segment *s)
{
	uint32_t *order = mf_arena_alloc(&fresh->arenas[0], (s->n_aliases + 1) * sizeof(*order));

	if (!order)
		return -ENOMEM;
	for (uint32_t i = 0; i < s->n_aliases; i++)
		if (s->aliases[i].norm_len != DM_NONE)
			order[s->n_alias_order++] = i;
	if (s->n_alias_order > 1)
		qsort_r(order, s->n_alias_order, sizeof(*order), by_norm, s);
	s->alias_order = order;
	return 0;
}

/* Makes the buffers a segment. */
static int finish(struct dm_fresh *fresh)
{
	struct dm_segment *s = &fresh->segment;
	int r;

	for (size_t i = 0; i < sizeof(fresh->buffers) / sizeof(*fresh->buffers); i++)
		if (fresh->buffers[i].failed || fresh->buffers[i].len > UINT32_MAX)
			return -ENOMEM;
	r = sort_symbols(fresh);
	if (r < 0)
		return r;
	s->strings = fresh->buffers[STRINGS].p;
	s->n_strings = (uint32_t)fresh->buffers[STRINGS].len;
	s->records = (void *)fresh->buffers[RECORDS].p;
	s->n_records = count(fresh, RECORDS, sizeof(*s->records));
	s->symbols = (void *)fresh->buffers[SYMBOLS].p;
	s->n_symbols = count(fresh, SYMBOLS, sizeof(*s->symbols));
	s->aliases = (void *)fresh->buffers[ALIASES].p;
	s->n_aliases = count(fresh, ALIASES, sizeof(*s->aliases));
	s->exports = (void *)fresh->buffers[EXPORTS].p;
	s->n_exports = count(fresh, EXPORTS, sizeof(*s->exports));
	s->imports = (void *)fresh->buffers[IMPORTS].p;
	s->n_imports = count(fresh, IMPORTS, sizeof(*s->imports));
	s->extras = (void *)fresh->buffers[EXTRAS].p;
	s->n_extras = count(fresh, EXTRAS, sizeof(*s->extras));
	s->alias_owner = (void *)fresh->buffers[ALIAS_OWNER].p;
	return sort_aliases(fresh, s);
}

static uint32_t flags_of(const struct dm_tree *tree, const struct dm_module *m,
			 const struct dm_notes *notes, int64_t now)
{
	if (m->recalled)
		return m->old->flags;
	return DM_READ | (notes->failed < 0 ? DM_UNREADABLE : 0) |
	       (dm_is_racy(tree, m->file->ctime, now) ? DM_RACY : 0);
}

/* Files that are no module's, and that the base does not know. */
static int add_others(struct dm_fresh *fresh, const struct dm_scan *scan,
		      const struct dm_match *match, uint32_t n_base,
		      const struct dm_modules *modules)
{
	_cleanup_free_ uint8_t *is_module = calloc(scan->n + 1, 1);
	const struct dm_notes nothing = { 0 };

	if (!is_module)
		return -ENOMEM;
	for (size_t i = 0; i < modules->n; i++)
		is_module[modules->v[i].file - scan->files] = 1;
	for (size_t i = 0; i < scan->n; i++)
		if (!is_module[i] && match->by_file[i] >= n_base)
			add_record(fresh, &scan->files[i], &nothing, 0);
	return 0;
}

static int add_modules(struct mf_context *ctx, const struct reader *reader)
{
	int64_t now = dm_now();

	for (size_t i = 0; i < reader->n; i++) {
		const struct dm_notes *notes = &reader->notes[i];
		const struct dm_module *m = reader->wanted[i];

		if (notes->failed == -ENOMEM)
			return -ENOMEM;
		if (notes->failed < 0)
			mf_log(ctx, MF_LOG_WARNING, "%s: %s", m->file->path,
			       mf_error_sentence(notes->failed == -EBADMSG ? -MFE_BAD_MODULE
									   : notes->failed));
		add_record(reader->fresh, m->file, notes, flags_of(reader->tree, m, notes, now));
	}
	return 0;
}

int dm_read(struct mf_context *ctx, const struct dm_tree *tree, const struct dm_scan *scan,
	    const struct dm_match *match, uint32_t n_base, const struct dm_meanwhile *meanwhile,
	    struct dm_modules *modules, struct dm_fresh *ret_fresh)
{
	_cleanup_free_ struct dm_module **wanted =
		reallocarray(NULL, modules->n + 1, sizeof(struct dm_module *));
	_cleanup_free_ struct dm_notes *notes = calloc(modules->n + 1, sizeof(*notes));
	struct reader reader = {
		.tree = tree,
		.wanted = wanted,
		.notes = notes,
		.fresh = ret_fresh,
		.scan = scan,
		.meanwhile = meanwhile,
	};
	int r;

	if (!wanted || !notes)
		return -ENOMEM;
	for (size_t i = 0; i < modules->n; i++)
		if (!modules->v[i].record)
			wanted[reader.n++] = &modules->v[i];
	read_all(&reader);
	r = reader.meant < 0 ? reader.meant : add_modules(ctx, &reader);
	if (r >= 0)
		r = add_others(ret_fresh, scan, match, n_base, modules);
	if (r >= 0)
		r = finish(ret_fresh);
	for (size_t i = 0; i < reader.n && r >= 0; i++) {
		wanted[i]->segment = &ret_fresh->segment;
		wanted[i]->record = &ret_fresh->segment.records[i];
	}
	return r;
}

void dm_fresh_done(struct dm_fresh *fresh)
{
	for (size_t i = 0; i < sizeof(fresh->buffers) / sizeof(*fresh->buffers); i++)
		dm_buf_done(&fresh->buffers[i]);
	for (size_t i = 0; i < sizeof(fresh->arenas) / sizeof(*fresh->arenas); i++)
		mf_arena_done(&fresh->arenas[i]);
	mf_table_done(&fresh->symbols);
	free(fresh->symbol_ids);
	*fresh = (struct dm_fresh){ 0 };
}
