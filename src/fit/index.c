/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The index of a kernel: for each module the file that modprobe would load, and what it exports.
 *
 * depmod decides which file of several with one name counts; so an override in updates/ speaks for
 * its module, not the file in kernel/ that it hides. A module is read when a symbol of it is asked
 * for, once. A file that cannot be read exports nothing.
 */
#include "index.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"

#define TEXT_MAX ((size_t)64 << 20)

/* Of "kernel/x.ko: kernel/y.ko" the path before the colon is a module's. Cuts the text in place. */
static int index_lines(struct fit_index *index)
{
	char *line = index->dep;

	while (line && *line) {
		char *end = strchrnul(line, '\n'), *colon = memchr(line, ':', (size_t)(end - line));
		char name[MF_MODULE_NAME_SIZE], *copy;
		uint32_t *place;

		if (colon)
			*colon = '\0';
		if (colon && mf_module_name(line, name, sizeof(name))) {
			copy = mf_arena_copy(&index->texts, name, strlen(name));
			if (!copy || mf_table_put(&index->paths, copy, strlen(copy),
						  (uint32_t)(line - index->dep), &place) < 0)
				return -ENOMEM;
		}
		line = *end ? end + 1 : end;
	}
	return 0;
}

int fit_index_open(const struct fit_index *index, const char *path)
{
	_cleanup_free_ char *full = NULL;

	if (!index->directory)
		return -ENOENT;
	full = mf_format("%s/%s", index->directory, path);
	return full ? mf_context_open(index->ctx, full, O_RDONLY) : -ENOMEM;
}

/* Reads a file whole; the caller frees the text. 0 or -errno. */
static int read_whole(const struct fit_index *index, const char *path, size_t max, char **ret_buf,
		      size_t *ret_len)
{
	_cleanup_close_ int fd = fit_index_open(index, path);

	return fd < 0 ? fd : mf_file_read(fd, max, ret_buf, ret_len);
}

int fit_index_init(struct fit_index *ret_index, const struct mf_context *ctx, const char *directory)
{
	_cleanup_(fit_index_done) struct fit_index index = { .ctx = ctx };
	size_t len;
	int r = 0;

	if (directory) {
		index.directory = strdup(directory);
		r = index.directory ? read_whole(&index, "modules.dep", TEXT_MAX, &index.dep, &len)
				    : -ENOMEM;
	}
	if (!r)
		r = index_lines(&index);
	if (r < 0 && r != -ENOENT)
		return r;
	*ret_index = index;
	index = (struct fit_index){ 0 };
	return 0;
}

void fit_index_done(struct fit_index *index)
{
	free(index->directory);
	free(index->dep);
	free(index->symbols);
	mf_table_done(&index->paths);
	mf_table_done(&index->exporters);
	mf_table_done(&index->read);
	fit_exports_done(&index->exports);
	mf_arena_done(&index->texts);
	*index = (struct fit_index){ 0 };
}

const char *fit_index_path(const struct fit_index *index, const char *module)
{
	const uint32_t *place = mf_table_get(&index->paths, module, strlen(module));

	return place ? index->dep + *place : NULL;
}

static bool is_in_box(const char *path)
{
	return mf_starts_with(path, "kernel/");
}

bool fit_index_in_box(const struct fit_index *index, const char *module)
{
	const char *path = fit_index_path(index, module);

	return path && is_in_box(path);
}

int fit_index_each_in_box(const struct fit_index *index, fit_index_visit *visit, void *arg)
{
	const char *path = index->dep;
	int r = 0;

	/* each line is a path, a NUL in place of its colon, and the paths that it depends on */
	while (!r && path && *path) {
		const char *rest = path + strlen(path);

		if (is_in_box(path))
			r = visit(arg, path);
		path = strchrnul(rest + 1, '\n');
		path += *path != '\0';
	}
	return r;
}

/* ---- exports ---- */

struct exporting {
	struct fit_index *index;
	const struct mf_modinfo *module;
	const char *name;
};

/* What else the module says of an export whose CRC is known already. */
static int on_export_terms(void *arg, const struct mf_ksym *symbol)
{
	const struct exporting *e = arg;
	const struct fit_export *known = fit_exports_get(&e->index->exports, symbol->name);
	struct mf_ksym all = *symbol;

	if (!known || !known->module || strcmp(known->module, e->name) != 0)
		return 0;
	all.crc = known->crc;
	all.has_crc = known->has_crc;
	return fit_exports_add(&e->index->exports, &all, e->name, true);
}

int fit_index_add(struct fit_index *index, const char *name, const struct mf_modinfo *module)
{
	char *copy = mf_arena_copy(&index->texts, name, strlen(name));
	struct exporting e = { index, module, copy };
	uint32_t *value;
	int r = copy ? mf_table_put(&index->read, copy, strlen(copy), 1, &value) : -ENOMEM;

	for (size_t i = 0; r >= 0 && i < module->n_exports; i++) {
		const struct mf_symbol *s = &module->exports[i];
		const struct mf_ksym symbol = {
			.name = s->name, .ns = "", .crc = s->crc, .has_crc = s->has_crc
		};

		r = fit_exports_add(&index->exports, &symbol, copy, true);
	}
	if (r >= 0 && module->n_exports && module->data)
		r = mf_ksymtab_module(module->data, module->elf_len, on_export_terms, &e);
	return r == -ENOMEM ? r : 0;
}

/* 0 or -ENOMEM; a module that is not in the index, or cannot be read, exports nothing. */
static int read_module(struct fit_index *index, const char *module)
{
	const char *path = fit_index_path(index, module);
	_cleanup_free_ char *buf = NULL;
	struct mf_modinfo info = { 0 };
	size_t len;
	int r;

	if (!path || mf_table_get(&index->read, module, strlen(module)))
		return 0;
	r = read_whole(index, path, MF_MODULE_FILE_MAX, &buf, &len);
	if (!r)
		r = mf_modinfo_parse(buf, len, MF_MODULE_FILE_MAX, &info);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	r = fit_index_add(index, module, &info);
	mf_modinfo_done(&info);
	return r;
}

/* Of a line "alias symbol:NAME MODULE" keeps the place of MODULE. Cuts the text in place. */
static int index_symbol(struct fit_index *index, char *line)
{
	static const char prefix[] = "alias symbol:";
	char *symbol, *space;
	uint32_t *place;

	if (!mf_starts_with(line, prefix))
		return 0;
	symbol = line + strlen(prefix);
	space = strchr(symbol, ' ');
	if (!space)
		return 0;
	*space = '\0';
	return mf_table_put(&index->exporters, symbol, strlen(symbol),
			    (uint32_t)(space + 1 - index->symbols), &place) < 0
		       ? -ENOMEM
		       : 0;
}

static int read_symbols(struct fit_index *index)
{
	size_t len;
	int r;

	if (index->symbols || !index->directory)
		return 0;
	r = read_whole(index, "modules.symbols", TEXT_MAX, &index->symbols, &len);
	if (r < 0) {
		index->symbols = strdup("");
		return r == -ENOMEM || !index->symbols ? -ENOMEM : 0;
	}
	for (char *line = index->symbols; !r && *line;) {
		char *end = strchrnul(line, '\n');
		bool last = !*end;

		*end = '\0';
		r = index_symbol(index, line);
		line = last ? end : end + 1;
	}
	return r;
}

int fit_index_export(struct fit_index *index, const char *symbol, const char *module,
		     const struct fit_export **ret_export)
{
	const struct fit_export *found = fit_exports_get(&index->exports, symbol);
	char name[MF_MODULE_NAME_SIZE];
	int r = 0;

	if (!found && !module) {
		const uint32_t *place;

		r = read_symbols(index);
		place = mf_table_get(&index->exporters, symbol, strlen(symbol));
		if (place && mf_module_name(index->symbols + *place, name, sizeof(name)))
			module = name;
	}
	if (!r && !found && module) {
		r = read_module(index, module);
		found = fit_exports_get(&index->exports, symbol);
	}
	if (!r)
		*ret_export = found;
	return r;
}
