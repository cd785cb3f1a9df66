/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What depmod reports on request, beside the indexes: unknown symbols, aliases that a module has
 * twice, and which module needs which one.
 *
 * A symbol is known if a module exports it, or if it is in the list of the kernel's own:
 *	Module.symvers	"0xCRC SYMBOL WHERE …", of which those of vmlinux count
 *	System.map	"ADDRESS TYPE __ksymtab_SYMBOL"
 * Two symbols are in no list: the loader makes them. The CRCs of modules are no part of the state,
 * since nothing else needs them: where they are to be compared, all modules are read, twice (first
 * what they export). The order of the lines is that of depmod: by module, then by its own order.
 */
#include "report.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/modinfo.h"
#include "modfetch/strings.h"

#define LIST_MAX ((size_t)64 << 20)
#define KSYMTAB	 "__ksymtab_"

struct known {
	struct mf_context *ctx;
	const struct mf_depmod_options *options;
	const struct dm_tree *tree;
	struct mf_table symbols; /* name → CRC */
	struct mf_arena arena;	 /* names that are in no text */
	char *text;		 /* of the kernel's list */
};

bool dm_report_wanted(const struct mf_depmod_options *options)
{
	return options->show || options->report_duplicates || options->symvers ||
	       options->system_map;
}

static const char *without_prefix(const struct known *known, const char *name)
{
	char prefix = known->options->symbol_prefix;

	return name + (prefix && *name == prefix);
}

/* Adds a symbol, or gives it another CRC. 0 or -ENOMEM. */
static int know(struct known *known, const char *name, uint32_t crc)
{
	uint32_t *value;
	int r = mf_table_put(&known->symbols, name, strlen(name), crc, &value);

	if (r >= 0)
		*value = crc;
	return r < 0 ? r : 0;
}

/* ---- the kernel's own symbols ---- */

static int on_symvers_line(struct known *known, char *line)
{
	char *save = NULL, *end;
	const char *crc = strtok_r(line, " \t", &save), *name = strtok_r(NULL, " \t", &save);
	const char *where = strtok_r(NULL, " \t", &save);
	unsigned long long value;

	if (!crc || !name || !where || strcmp(where, "vmlinux") != 0)
		return 0;
	value = strtoull(crc, &end, 16);
	return *end ? 0 : know(known, without_prefix(known, name), (uint32_t)value);
}

static int on_map_line(struct known *known, char *line)
{
	char *save = NULL;
	const char *name;

	if (!strtok_r(line, " ", &save) || !strtok_r(NULL, " ", &save))
		return 0;
	name = strtok_r(NULL, " ", &save);
	if (!name || !mf_starts_with(without_prefix(known, name), KSYMTAB))
		return 0;
	return know(known, without_prefix(known, name) + strlen(KSYMTAB), 0);
}

static int report_read_list(struct known *known)
{
	const char *path =
		known->options->symvers ? known->options->symvers : known->options->system_map;
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char *line, *save = NULL;
	size_t len;
	int r = fd < 0 ? -errno : mf_file_read(fd, LIST_MAX, &known->text, &len);

	if (r < 0)
		return mf_fail(known->ctx, MF_STAGE_DEPMOD, r, path, NULL);
	for (line = strtok_r(known->text, "\n", &save); r >= 0 && line;
	     line = strtok_r(NULL, "\n", &save))
		r = known->options->symvers ? on_symvers_line(known, line)
					    : on_map_line(known, line);
	if (r >= 0)
		r = know(known, "__this_module", 0);
	return r < 0 ? r : know(known, "_GLOBAL_OFFSET_TABLE_", 0);
}

/* ---- unknown symbols ---- */

/* "DIRECTORY/" of a file whose path does not begin with it. */
static const char *parent_of(const struct known *known, const struct dm_file *file)
{
	return file->external ? "" : known->tree->dirname;
}

static void report_unknown(const struct known *known, const struct dm_file *file, const char *name)
{
	mf_log(known->ctx, MF_LOG_WARNING, "%s%s%s needs unknown symbol %s", parent_of(known, file),
	       file->external ? "" : "/", file->path, name);
}

/* By what the graph knows: no module is read. */
static void find_unknown(const struct known *known, const struct dm_modules *modules,
			 const struct dm_graph *graph)
{
	for (size_t i = 0; i < modules->n; i++) {
		const struct dm_module *m = &modules->v[i];
		const uint32_t *imports = m->segment->imports + m->record->imports;

		for (uint32_t k = 0; k < m->record->n_imports; k++) {
			uint32_t symbol = imports[k] & ~DM_WEAK;
			uint32_t id = m->symbol_ids ? m->symbol_ids[symbol] : symbol;
			const struct dm_symbol *s = &m->segment->symbols[symbol];
			const char *name = m->segment->strings + s->name;

			if (!(imports[k] & DM_WEAK) && graph->owner[id] == DM_NONE &&
			    !mf_table_get(&known->symbols, name, s->len))
				report_unknown(known, m->file, name);
		}
	}
}

/* A module with CRCs. One that cannot be read says nothing, as elsewhere, and is reported there. */
static int report_read_module(const struct known *known, const struct dm_file *file,
			      struct mf_modinfo *ret_info)
{
	_cleanup_close_ int fd =
		dm_tree_at(known->tree, file->path, file->linked || file->external, O_RDONLY);
	_cleanup_free_ char *bytes = NULL;
	size_t len;
	int r = fd < 0 ? fd : mf_file_read(fd, MF_MODULE_FILE_MAX, &bytes, &len);

	if (r >= 0)
		r = mf_modinfo_parse(bytes, len, MF_MODULE_FILE_MAX, ret_info);
	return r == -ENOMEM ? r : r < 0;
}

static int note_exports(struct known *known, const struct mf_modinfo *info)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < info->n_exports; i++) {
		const char *name = without_prefix(known, info->exports[i].name);
		const char *copy = mf_arena_copy(&known->arena, name, strlen(name));

		r = copy ? know(known, copy, info->exports[i].crc) : -ENOMEM;
	}
	return r;
}

static int compare_imports(struct known *known, const struct dm_file *file,
			   const struct mf_modinfo *info)
{
	for (size_t i = 0; i < info->n_imports; i++) {
		const struct mf_symbol *import = &info->imports[i];
		const char *name = without_prefix(known, import->name + (*import->name == '.'));
		const uint32_t *crc = mf_table_get(&known->symbols, name, strlen(name));

		if (import->weak)
			continue;
		if (!crc)
			report_unknown(known, file, import->name);
		else if (*crc != import->crc)
			mf_log(known->ctx, MF_LOG_WARNING,
			       "%s%s%s disagrees about version of symbol %s",
			       parent_of(known, file), file->external ? "" : "/", file->path,
			       import->name);
	}
	return 0;
}

static int compare_crcs(struct known *known, const struct dm_modules *modules)
{
	int r = 0;

	for (unsigned int pass = 0; pass < 2; pass++)
		for (size_t i = 0; r >= 0 && i < modules->n; i++) {
			_cleanup_(mf_modinfo_done) struct mf_modinfo info = { 0 };
			const struct dm_file *file = modules->v[i].file;

			r = report_read_module(known, file, &info);
			if (!r)
				r = pass ? compare_imports(known, file, &info)
					 : note_exports(known, &info);
		}
	return r < 0 ? r : 0;
}

/* ---- the rest ---- */

static bool is_same_alias(const struct dm_segment *s, const struct dm_alias *a,
			  const struct dm_alias *b)
{
	return a->norm_len != DM_NONE && a->norm_len == b->norm_len &&
	       !memcmp(s->strings + a->norm, s->strings + b->norm, a->norm_len);
}

static void find_duplicates(struct mf_context *ctx, const struct dm_module *m)
{
	const struct dm_segment *s = m->segment;
	const struct dm_alias *aliases = s->aliases + m->record->aliases;

	for (uint32_t k = 1; k < m->record->n_aliases; k++)
		for (uint32_t j = 0; j < k; j++)
			if (is_same_alias(s, &aliases[j], &aliases[k])) {
				mf_log(ctx, MF_LOG_WARNING, "duplicate module alias: %.*s %s",
				       (int)aliases[k].norm_len, s->strings + aliases[k].norm,
				       m->name);
				break;
			}
}

static int show_needs(const struct known *known, const struct dm_modules *modules,
		      const struct dm_graph *graph)
{
	_cleanup_free_ uint32_t *seen = reallocarray(NULL, modules->n + 1, sizeof(*seen));

	if (!seen)
		return -ENOMEM;
	memset(seen, 0xff, modules->n * sizeof(*seen));
	for (uint32_t i = 0; i < modules->n; i++) {
		const struct dm_module *m = &modules->v[i];
		const uint32_t *imports = m->segment->imports + m->record->imports;

		for (uint32_t k = 0; k < m->record->n_imports; k++) {
			uint32_t symbol = imports[k] & ~DM_WEAK;
			uint32_t id = m->symbol_ids ? m->symbol_ids[symbol] : symbol;
			uint32_t owner = graph->owner[id];
			const struct dm_file *file;

			if (owner == DM_NONE || seen[owner] == i)
				continue;
			seen[owner] = i;
			file = modules->v[owner].file;
			fprintf(known->options->show, "%s%s%s needs \"%s\": %s%s%s\n",
				parent_of(known, m->file), m->file->external ? "" : "/",
				m->file->path,
				m->segment->strings + m->segment->symbols[symbol].name,
				parent_of(known, file), file->external ? "" : "/", file->path);
		}
	}
	return 0;
}

static void known_done(struct known *known)
{
	mf_table_done(&known->symbols);
	mf_arena_done(&known->arena);
	free(known->text);
}

int dm_report(struct mf_context *ctx, const struct mf_depmod_options *options,
	      const struct dm_tree *tree, const struct dm_modules *modules,
	      const struct dm_graph *graph)
{
	_cleanup_(known_done) struct known known = { .ctx = ctx, .options = options, .tree = tree };
	int r = 0;

	if (options->symvers || options->system_map)
		r = report_read_list(&known);
	if (!r && options->show)
		r = show_needs(&known, modules, graph);
	if (!r && options->report_unknown && options->symvers)
		r = compare_crcs(&known, modules);
	else if (!r && options->report_unknown && options->system_map)
		find_unknown(&known, modules, graph);
	for (size_t i = 0; !r && options->report_duplicates && i < modules->n; i++)
		find_duplicates(ctx, &modules->v[i]);
	return r == -ENOMEM ? mf_fail(ctx, MF_STAGE_DEPMOD, r, tree->dirname, NULL) : r;
}
