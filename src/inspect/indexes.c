/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Are the module indexes those that depmod would write now?
 *
 * The depmod stage makes them in memory. Equal bytes are right. Others are compared line by line as
 * sets, since the order of equal lines depends on the version of depmod; the binary ones entry by
 * entry, without priorities. A difference that another finding explains (a damaged or missing
 * module) is none.
 *
 * Of two modules of one name depmod takes one, as its configuration says: the other one, such as an
 * in-box module that "updates" overrides, is in no index, and that is no finding. A stale index is
 * one finding for the kernel, however many modules it concerns.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/depmod.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "modfetch/trie.h"
#include "indexes.h"
#include "inspection.h"

#define INDEX_MAX  ((size_t)256 << 20)
#define RUN_DEPMOD "run modfetch depmod"

struct indexes {
	struct index {
		const char *name; /* static */
		char *bytes;
		size_t len;
	} v[12];
	size_t n;
	struct mf_table names; /* of modules.dep */
	struct mf_arena arena;
};

static int indexes_on_made(void *arg, const char *name, const void *bytes, size_t len)
{
	struct indexes *indexes = arg;
	struct index *index = &indexes->v[indexes->n];

	if (indexes->n == MF_ARRAY_SIZE(indexes->v))
		return -EOVERFLOW;
	index->bytes = malloc(len + 1);
	if (!index->bytes)
		return -ENOMEM;
	memcpy(index->bytes, bytes, len);
	index->bytes[len] = '\0';
	index->name = name;
	index->len = len;
	indexes->n++;
	return 0;
}

static const struct index *index_named(const struct indexes *indexes, const char *name)
{
	for (size_t i = 0; indexes && i < indexes->n; i++)
		if (!strcmp(indexes->v[i].name, name))
			return &indexes->v[i];
	return NULL;
}

int inspect_each_path(const struct indexes *indexes, inspect_path_visit *visit, void *arg)
{
	const struct index *dep = index_named(indexes, "modules.dep");
	int r = 0;

	for (const char *line = dep ? dep->bytes : NULL; !r && line && *line;) {
		size_t len = strcspn(line, "\n"), path = strcspn(line, ":\n");

		/* a name may have a colon too: the path ends at one before a blank */
		while (path < len && line[path + 1] != ' ' && line[path + 1] != '\n')
			path += 1 + strcspn(line + path + 1, ":\n");

		if (path && path < len)
			r = visit(arg, line, path);
		line += len + (line[len] == '\n');
	}
	return r;
}

static int indexes_on_path(void *arg, const char *path, size_t len)
{
	struct indexes *indexes = arg;
	const char *slash = memrchr(path, '/', len), *base = slash ? slash + 1 : path;
	size_t base_len = len - (size_t)(base - path);
	char *name = mf_arena_alloc(&indexes->arena, base_len + 1);
	uint32_t *value;
	int r = name ? mf_table_put(&indexes->names, name, mf_module_spell(base, base_len, name), 0,
				    &value)
		     : -ENOMEM;

	return r < 0 ? r : 0;
}

bool inspect_index_has(const struct indexes *indexes, const char *name)
{
	return mf_table_get(&indexes->names, name, strlen(name));
}

int inspect_make_indexes(struct inspection *in)
{
	struct indexes *indexes = calloc(1, sizeof(*indexes));
	struct mf_context quiet = *in->ctx;
	const struct mf_depmod_options options = { .visit = indexes_on_made, .visit_arg = indexes };
	int r = indexes ? 0 : -ENOMEM;

	quiet.log_level = MF_LOG_ERROR;
	if (!r)
		r = mf_depmod(&quiet, &options, NULL);
	if (!r)
		r = inspect_each_path(indexes, indexes_on_path, indexes);
	if (!r) {
		in->indexes = indexes;
		return 0;
	}
	inspect_free_indexes(indexes);
	if (r == -ENOMEM)
		return r;
	r = inspect_find(in->machine, in, &(struct about){ .path = in->directory }, r,
			 "depmod cannot make the indexes: %s", quiet.failure.why);
	return r < 0 ? r : 0;
}

void inspect_free_indexes(struct indexes *indexes)
{
	if (!indexes)
		return;
	for (size_t i = 0; i < indexes->n; i++)
		free(indexes->v[i].bytes);
	mf_table_done(&indexes->names);
	mf_arena_done(&indexes->arena);
	free(indexes);
}

/* ---- one index ---- */

/* How the text indexes differ: in the order of importance. */
enum difference { ABSENT, GONE, CHANGED, N_DIFFERENCES };

struct comparison {
	struct inspection *in;
	const char *index; /* the file that is compared */
	const char *stale; /* the first one with another difference than ABSENT and GONE */
	struct mf_strings paths[N_DIFFERENCES]; /* CHANGED: names */
	bool explained;				/* this index differs, but other findings say why */
};

static int compare_add(struct comparison *c, enum difference difference, const char *text)
{
	if (difference == CHANGED && !c->stale)
		c->stale = c->index;
	if (difference == CHANGED && mf_strings_has(&c->paths[CHANGED], text))
		return 0;
	return mf_strings_add(&c->paths[difference], text);
}

/*
 * A difference in what an index says of the module NAME. Of two modules that export a symbol the
 * index has one: a damaged one gives it to the other.
 */
static int compare_on_name(struct comparison *c, const char *name)
{
	if (inspect_is_excused(c->in, name) ||
	    (c->in->bad.n && !strcmp(c->index, "modules.symbols"))) {
		c->explained = true;
		return 0;
	}
	return compare_add(c, CHANGED, name);
}

static void name_of_path(const char *path, char name[MF_MODULE_NAME_SIZE])
{
	if (!mf_module_name(path, name, MF_MODULE_NAME_SIZE))
		name[0] = '\0';
}

static int compare_on_dep(void *arg, const char *path, const char *made, const char *found)
{
	struct comparison *c = arg;
	_cleanup_free_ char *below =
		mf_format("%s%s", *path == '/' ? "" : c->in->directory, path + (*path == '/'));
	_cleanup_close_ int fd = below ? mf_context_open(c->in->ctx, below, O_PATH) : -ENOMEM;
	char name[MF_MODULE_NAME_SIZE];

	if (!below)
		return -ENOMEM;
	name_of_path(path, name);
	if (inspect_is_excused(c->in, name)) {
		c->explained = true;
		return 0;
	}
	if (!found)
		return compare_add(c, ABSENT, below);
	if (!made && fd < 0)
		return inspect_excuse(c->in, name) < 0 ? -ENOMEM : compare_add(c, GONE, below);
	/* a module that was overridden since: the one that replaces it is absent */
	return made ? compare_add(c, CHANGED, name) : 0;
}

static int compare_on_line(void *arg, const char *line, const char *name, size_t name_len)
{
	struct comparison *c = arg;
	_cleanup_free_ char *copy = strndup(name, name_len);

	(void)line;
	return copy ? compare_on_name(c, copy) : -ENOMEM;
}

static bool dep_is_excused(void *arg, const char *path, size_t len)
{
	const struct comparison *c = arg;
	_cleanup_free_ char *copy = strndup(path, len);
	char name[MF_MODULE_NAME_SIZE];

	if (!copy)
		return true;
	name_of_path(copy, name);
	return inspect_is_excused(c->in, name);
}

/* The text of an index on disk, the caller's to free; NULL: it is missing or cannot be read. */
static char *index_read(const struct inspection *in, const char *name, size_t *ret_len)
{
	char *text = NULL;

	return mf_file_read_at(in->fd, name, INDEX_MAX, &text, ret_len) < 0 ? NULL : text;
}

/* Compares an index with the file. 1: they have the same meaning, or the finding says why not. */
static int compare_text(struct comparison *c, const struct index *made)
{
	size_t len = 0;
	_cleanup_free_ char *found = index_read(c->in, made->name, &len);
	int r;

	c->index = made->name;
	c->explained = false;
	if (found && len == made->len && !memcmp(found, made->bytes, len))
		return 0;
	if (!strcmp(made->name, "modules.dep"))
		r = inspect_compare_dep(made->bytes, found ? found : "", compare_on_dep,
					dep_is_excused, c);
	else
		r = inspect_compare_lines(made->bytes, found ? found : "", compare_on_line, c);
	return r;
}

static int compare_binary(struct comparison *c, const struct index *made)
{
	size_t len = 0;
	_cleanup_free_ char *found = index_read(c->in, made->name, &len);
	_cleanup_free_ char *path = mf_format("%s%s", c->in->directory, made->name);
	const struct about about = { .path = path, .remedy = MF_REMEDY_DEPMOD };
	int r;

	if (!path)
		return -ENOMEM;
	/* older versions of depmod do not write it */
	if (!found && !strcmp(made->name, "modules.builtin.alias.bin"))
		return 0;
	if (found && inspect_same_entries(made->bytes, made->len, found, len))
		return 0;
	r = inspect_find(c->in->machine, c->in, &about, -MFE_BAD_INDEX, "%s: " RUN_DEPMOD,
			 found ? "it does not say what the modules say" : "it is missing");
	return r < 0 ? r : 0;
}

/* ---- all indexes ---- */

/* The finding about stale text indexes. 1: there is one. */
static int report_stale(const struct comparison *c)
{
	static const struct {
		const char *one, *many;
	} texts[N_DIFFERENCES] = {
		[ABSENT] = { "it is not in modules.dep", "modules are missing in it" },
		[GONE] = { "it is in modules.dep, but the file is missing",
			   "of its files are missing" },
		[CHANGED] = { NULL, "modules are not described as they are now" },
	};
	enum difference d = ABSENT;
	const struct mf_strings *list;
	_cleanup_free_ char *path = NULL;
	struct about about = { .remedy = MF_REMEDY_DEPMOD };
	bool is_one;

	while (d < N_DIFFERENCES && !c->paths[d].n)
		d++;
	if (d == N_DIFFERENCES)
		return 0;
	list = &c->paths[d];
	is_one = list->n == 1 && d != CHANGED;
	path = is_one ? strdup(list->v[0])
		      : mf_format("%s%s", c->in->directory,
				  d == CHANGED ? c->stale : "modules.dep");
	if (!path)
		return -ENOMEM;
	about.path = path;
	if (is_one) {
		const struct owned *owned = owned_find(&c->in->machine->ownership, path);

		about.owner = owned ? owned->owner : NULL;
		return inspect_find(c->in->machine, c->in, &about, -MFE_BAD_INDEX,
				    "%s: " RUN_DEPMOD, texts[d].one);
	}
	return inspect_find(c->in->machine, c->in, &about, -MFE_BAD_INDEX,
			    "%zu %s, such as %s: " RUN_DEPMOD, list->n, texts[d].many, list->v[0]);
}

/* Reports a modules.dep that is missing altogether. 1: there is a finding. */
static int report_missing(struct inspection *in)
{
	_cleanup_free_ char *path = mf_format("%smodules.dep", in->directory);
	const struct about about = { .path = path, .remedy = MF_REMEDY_DEPMOD };

	if (!path)
		return -ENOMEM;
	if (!in->indexes->names.n || faccessat(in->fd, "modules.dep", F_OK, 0) == 0)
		return 0;
	in->stale = true;
	return inspect_find(in->machine, in, &about, -MFE_BAD_INDEX,
			    "there is none, so modprobe finds no module: " RUN_DEPMOD);
}

static int compare_all(struct comparison *c)
{
	static const struct {
		const char *text, *binary;
	} pairs[] = {
		{ "modules.dep", "modules.dep.bin" },
		{ "modules.alias", "modules.alias.bin" },
		{ "modules.symbols", "modules.symbols.bin" },
		{ "modules.softdep", NULL },
		{ "modules.weakdep", NULL },
		{ "modules.devname", NULL },
		{ NULL, "modules.builtin.bin" },
		{ NULL, "modules.builtin.alias.bin" },
	};
	bool explained[MF_ARRAY_SIZE(pairs)] = { false };
	int r = 0;

	for (size_t i = 0; !r && i < MF_ARRAY_SIZE(pairs); i++) {
		const struct index *made =
			pairs[i].text ? index_named(c->in->indexes, pairs[i].text) : NULL;

		r = made ? compare_text(c, made) : 0;
		explained[i] = c->explained;
	}
	if (!r)
		r = report_stale(c);
	c->in->stale = r > 0;
	for (size_t i = 0; !r && i < MF_ARRAY_SIZE(pairs); i++) {
		const struct index *made =
			pairs[i].binary ? index_named(c->in->indexes, pairs[i].binary) : NULL;

		r = made && !explained[i] ? compare_binary(c, made) : 0;
	}
	return r < 0 ? r : 0;
}

struct ending {
	const char *text;
	size_t len;
	bool indexed;
};

static int ending_on_path(void *arg, const char *path, size_t len)
{
	struct ending *e = arg;

	e->indexed |= len > e->len && !memcmp(path + len - e->len, e->text, e->len);
	return 0;
}

/* Has the index any module with the ending of PATH? */
static bool ending_is_indexed(const struct inspection *in, const char *path)
{
	struct ending e = { .text = strrchr(path, '.') };

	e.len = strlen(e.text);
	(void)inspect_each_path(in->indexes, ending_on_path, &e);
	return e.indexed;
}

/* A compressed module that depmod does not read: this kmod was built without the format. */
static int report_unread(struct inspection *in)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < in->n_entries; i++) {
		struct entry *e = &in->entries[i];

		if (e->found || mf_ends_with(e->path, ".ko") ||
		    inspect_index_has(in->indexes, e->name) || ending_is_indexed(in, e->path))
			continue;
		r = inspect_find_entry(
			in, e, -MFE_COMPRESSION,
			"depmod does not read it: kmod on this machine was built without "
			"this kind of compression");
	}
	return r < 0 ? r : 0;
}

int inspect_indexes(struct inspection *in)
{
	struct comparison c = { .in = in };
	int r;

	if (!in->indexes)
		return 0;
	r = report_unread(in);
	if (!r)
		r = report_missing(in);
	if (!r && (in->indexes->names.n || faccessat(in->fd, "modules.dep", F_OK, 0) == 0))
		r = compare_all(&c);
	for (size_t i = 0; i < N_DIFFERENCES; i++)
		mf_strings_done(&c.paths[i]);
	return r < 0 ? r : 0;
}
