/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The recipe that the values of a dkms.conf make for one kernel, as dkms(8) describes it.
 *
 * The values are not trusted, whether a file or a shell in the box said them. Names of modules have
 * the letters of a plain name and no dot, because kmod cuts the name at a dot. Locations and
 * patches are relative paths of plain words that do not leave the source. A value that is needed
 * here and has an expansion for a shell is refused.
 *
 * An array has as many modules as the longest of the three that describe them, as in dkms: a gap in
 * BUILT_MODULE_NAME is an error. One without a name is named after the package if it is the only
 * one. Of several MAKE[i], the last one whose MAKE_MATCH[i] matches wins; MAKE[0] without one is
 * the default.
 */
#include "recipe-make.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "directives.h"
#include "exclusive.h"
#include "modfetch/array.h"
#include "modfetch/cleanup.h"

#define MODULE_NAME_MAX 200

struct maker {
	struct mf_context *ctx;
	const char *file;
	const struct values *values;
	const struct mf_recipe_kernel *kernel;
	struct mf_recipe *recipe;
};

/* Refuses NAME[INDEX]. */
static int make_refuse(const struct maker *m, const char *name, unsigned int index, const char *why)
{
	const struct value *value = source_values_find(m->values, name, index);
	_cleanup_free_ char *what =
		value && value->line ? mf_format("%s:%u", m->file, value->line) : strdup(m->file);

	if (!what)
		return mf_fail(m->ctx, MF_STAGE_SOURCE, -ENOMEM, m->file, NULL);
	return mf_fail(m->ctx, MF_STAGE_SOURCE, -MFE_SOURCE, what, "%s[%u]=\"%.100s\": %s", name,
		       index, value ? value->text : "", why);
}

/* A path below the source, of words that need no quotes. */
static bool path_is_plain(const char *path)
{
	if (strlen(path) >= 1024 || *path == '/')
		return false;
	for (const char *p = path; *p;) {
		size_t len = strcspn(p, "/");

		if (len == 2 && p[0] == '.' && p[1] == '.')
			return false;
		if (len &&
		    (*p == '-' || strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					    "0123456789._+-@=,~") < len))
			return false;
		p += len;
		p += *p == '/';
	}
	return true;
}

/* The values that are read here must be known. */
static int check_known(const struct maker *m)
{
	for (size_t i = 0; i < m->values->n; i++) {
		const struct value *value = &m->values->v[i];

		for (size_t k = 0; value->shell && source_directives[k].name; k++)
			if (source_directives[k].use == IN_RECIPE &&
			    !strcmp(source_directives[k].name, value->name))
				return make_refuse(
					m, value->name, value->index,
					"only a shell can expand it; trust-dkms-conf=yes in "
					"modfetch.conf runs the file in the builder's box");
	}
	return 0;
}

static bool module_name_is_valid(const char *name)
{
	return mf_is_plain_name(name) && !strchr(name, '.') && strlen(name) <= MODULE_NAME_MAX;
}

/* STRIP[INDEX]; without a value it is as STRIP[0]. */
static bool module_is_stripped(const struct values *values, unsigned int index)
{
	const char *strip = source_values_text(values, "STRIP", index);

	if (!*strip && index)
		strip = source_values_text(values, "STRIP", 0);
	return *strip != 'n' && *strip != 'N';
}

/* The path of a built file, without a '/' at its beginning or "//" within. */
static char *built_path(const char *location, const char *name)
{
	_cleanup_(source_text_done) struct text text = { 0 };

	for (const char *p = location; *p;) {
		size_t len = strcspn(p, "/");

		if (len && !(len == 1 && *p == '.') &&
		    (source_text_add(&text, p, len) < 0 || source_text_add(&text, "/", 1) < 0))
			return NULL;
		p += len;
		p += *p == '/';
	}
	return source_text_add(&text, name, strlen(name)) < 0 ? NULL : MF_STEAL(text.v);
}

static int make_module(const struct maker *m, unsigned int index, bool only)
{
	struct mf_recipe *recipe = m->recipe;
	const char *built = source_values_text(m->values, "BUILT_MODULE_NAME", index);
	const char *location = source_values_text(m->values, "BUILT_MODULE_LOCATION", index);
	const char *name = source_values_text(m->values, "DEST_MODULE_NAME", index);
	struct mf_recipe_module *module;

	if (!*built && only)
		built = source_values_text(m->values, "PACKAGE_NAME", 0);
	if (!*name)
		name = built;
	if (!module_name_is_valid(built))
		return make_refuse(m, "BUILT_MODULE_NAME", index,
				   "it is not the name of a module, without \".ko\"");
	if (!module_name_is_valid(name))
		return make_refuse(m, "DEST_MODULE_NAME", index,
				   "it is not the name of a module, without \".ko\"");
	if (!path_is_plain(location))
		return make_refuse(m, "BUILT_MODULE_LOCATION", index,
				   "it is not a directory below the source");
	for (size_t i = 0; i < recipe->n; i++)
		if (!strcmp(recipe->modules[i].name, name))
			return make_refuse(m, "DEST_MODULE_NAME", index,
					   "two modules have this name");
	if (mf_array_reserve(&recipe->modules, &recipe->room, recipe->n + 1,
			     sizeof(*recipe->modules)) < 0)
		return mf_fail(m->ctx, MF_STAGE_SOURCE, -ENOMEM, m->file, NULL);
	module = &recipe->modules[recipe->n++];
	*module = (struct mf_recipe_module){ built_path(location, built), strdup(name),
					     module_is_stripped(m->values, index) };
	if (!module->built || !module->name)
		return mf_fail(m->ctx, MF_STAGE_SOURCE, -ENOMEM, m->file, NULL);
	return 0;
}

static int make_modules(const struct maker *m)
{
	static const char *const arrays[] = { "BUILT_MODULE_NAME", "BUILT_MODULE_LOCATION",
					      "DEST_MODULE_NAME", "DEST_MODULE_LOCATION" };
	unsigned int n = 0;
	int r = 0;

	for (size_t i = 0; i < MF_ARRAY_SIZE(arrays); i++) {
		unsigned int count = source_values_count(m->values, arrays[i]);

		n = count > n ? count : n;
	}
	if (!n)
		return mf_fail(m->ctx, MF_STAGE_SOURCE, -MFE_SOURCE, m->file,
			       "it names no module: BUILT_MODULE_NAME[0] is missing");
	for (unsigned int i = 0; i < n && r == 0; i++)
		r = make_module(m, i, n == 1);
	return r;
}

/* Does NAME[INDEX], a pattern for the release, match? 1, 0, or a failure. */
static int make_match(const struct maker *m, const char *name, unsigned int index)
{
	bool matches;
	int r = source_pattern_matches(source_values_text(m->values, name, index),
				       m->kernel->release, &matches);

	if (r == -E2BIG)
		return make_refuse(m, name, index, "the expression is too large");
	if (r < 0)
		return mf_fail(m->ctx, MF_STAGE_SOURCE, r, m->file, NULL);
	return matches;
}

static int make_texts(const struct maker *m)
{
	/* an index without a value: the usual make */
	unsigned int chosen = *source_values_text(m->values, "MAKE_MATCH", 0) ? INDEX_MAX + 1 : 0;
	int r;

	for (unsigned int i = 0; i < source_values_count(m->values, "MAKE"); i++) {
		if (!*source_values_text(m->values, "MAKE", i) ||
		    !*source_values_text(m->values, "MAKE_MATCH", i))
			continue;
		r = make_match(m, "MAKE_MATCH", i);
		if (r < 0)
			return r;
		if (r > 0)
			chosen = i;
	}
	r = recipe_texts(m->values, m->kernel, chosen, m->recipe);
	return r < 0 ? mf_fail(m->ctx, MF_STAGE_SOURCE, r, m->file, NULL) : 0;
}

static int make_patches(const struct maker *m)
{
	for (unsigned int i = 0; i < source_values_count(m->values, "PATCH"); i++) {
		const char *patch = source_values_text(m->values, "PATCH", i);
		_cleanup_free_ char *path = NULL;
		int r = 1;

		if (!*patch)
			continue;
		if (*source_values_text(m->values, "PATCH_MATCH", i))
			r = make_match(m, "PATCH_MATCH", i);
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		if (!path_is_plain(patch))
			return make_refuse(m, "PATCH", i, "it is not a file below \"patches\"");
		path = mf_format("patches/%s", patch);
		if (!path || mf_strings_add(&m->recipe->patches, path) < 0)
			return mf_fail(m->ctx, MF_STAGE_SOURCE, -ENOMEM, m->file, NULL);
	}
	return 0;
}

/* What else the file says: conditions, other sources, and source_directives without effect. */
static int make_rest(const struct maker *m)
{
	struct mf_recipe *recipe = m->recipe;
	const char *bad = NULL;
	int r = source_exclusive_check(m->values, m->kernel, &recipe->excluded, &bad);

	if (r == -E2BIG)
		return make_refuse(m, bad, 0, "the expression is too large");
	for (size_t i = 0; i < m->values->n && r == 0; i++)
		if (!strcmp(m->values->v[i].name, "BUILD_DEPENDS"))
			r = mf_strings_split(&recipe->depends, m->values->v[i].text);
	for (size_t i = 0; source_directives[i].name && r == 0; i++) {
		_cleanup_free_ char *note = NULL;

		if (source_directives[i].use != IS_NOTED ||
		    !source_values_count(m->values, source_directives[i].name))
			continue;
		note = mf_format("%s has no effect: %s", source_directives[i].name,
				 source_directives[i].note);
		r = note ? mf_strings_add(&recipe->notes, note) : -ENOMEM;
	}
	recipe->autoinstall = *source_values_text(m->values, "AUTOINSTALL", 0);
	recipe->no_weak_modules = *source_values_text(m->values, "NO_WEAK_MODULES", 0);
	return r < 0 ? mf_fail(m->ctx, MF_STAGE_SOURCE, r, m->file, NULL) : 0;
}

int recipe_make(struct mf_context *ctx, const char *file, const struct mf_source *source,
		const struct mf_recipe_kernel *kernel, const struct values *values,
		struct mf_recipe *ret_recipe)
{
	_cleanup_(mf_recipe_done) struct mf_recipe recipe = { 0 };
	const struct maker m = { ctx, file, values, kernel, &recipe };
	int r = check_known(&m);

	if (r < 0)
		return r;
	recipe.place = mf_format("/var/lib/dkms/%s/%s/build", source->name, source->version);
	if (!recipe.place)
		return mf_fail(ctx, MF_STAGE_SOURCE, -ENOMEM, file, NULL);
	r = make_modules(&m);
	if (r == 0)
		r = make_texts(&m);
	if (r == 0)
		r = make_patches(&m);
	if (r == 0)
		r = make_rest(&m);
	if (r < 0)
		return r;
	*ret_recipe = recipe;
	recipe = (struct mf_recipe){ 0 };
	return 0;
}
