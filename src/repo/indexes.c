/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From packages to alias and name indexes.
 *
 * A module's name comes from "kmod(x.ko)", its aliases from "modalias(kernel-…:bus:…)" supplements
 * and "kalias(tag:name)" provides; both are unescaped and spelt as kmod spells them. A package of
 * several modules does not say which alias is whose: each of them gets all, and after the
 * installation depmod's own index is exact. An alias no index can hold is left out: it can
 * come from no device.
 *
 * A module asks for those in the packages that its own recommends or suggests, whatever words it does
 * that with: the pool says who provides them. Only packages of the same kernel or of no particular one
 * count, and no more than a bounded number of pairs: what is left out is not fetched for the kernel.
 *
 * Where packages of one module or name differ in their aliases, a third index has the aliases of each of
 * them with "module name-evr.arch" as the value: only these packages serve a device with that alias. It lies
 * beside the alias index of the same label, and most repositories have none.
 */
#include "indexes.h"
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cache-names.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "modfetch/release.h"
#include "modfetch/solv.h"
#include "modfetch/strings.h"
#include "modfetch/symvers.h"
#include "modfetch/trie.h"
#include "differing.h"
#include "driver-files.h"

#define ALIAS_MAX    8192
#define REQUESTS_MAX (1U << 20) /* pairs of an index */

/* One alias index under construction: those of a kernel, of a flavor, or of any kernel. */
struct alias_index {
	char *label;
	struct mf_trie_builder *trie;
	struct mf_trie_builder *carriers; /* of aliases that not each package has; or NULL */
};

struct writing {
	struct mf_pool *pool;
	const char *tag; /* NULL: of no particular kernel */
	const struct mf_strings *tags;
	const char *built_for; /* the package at hand serves from another kernel: that one's tag */
	bool loose;	       /* the package at hand is of no particular kernel */
	struct alias_index *alias_indexes;
	size_t n_alias_indexes;
	const struct mf_indexes_source *source;
	struct mf_trie_builder *names, *requests;
	size_t n_requests;
	struct mf_strings modules; /* of the package at hand */
	struct repo_differing differing;
	char *differing_label; /* of the package at hand, if it is one of them */
	size_t n_aliases;      /* that it has, whatever file they are in */
	uint32_t priority;
};

static void writing_done(struct writing *w)
{
	for (size_t i = 0; i < w->n_alias_indexes; i++) {
		free(w->alias_indexes[i].label);
		mf_trie_builder_free(w->alias_indexes[i].trie);
		mf_trie_builder_free(w->alias_indexes[i].carriers);
	}
	free(w->alias_indexes);
	repo_differing_done(&w->differing);
	free(w->differing_label);
	mf_trie_builder_free(w->names);
	mf_trie_builder_free(w->requests);
	mf_strings_done(&w->modules);
}

static int alias_index_of(struct writing *w, const char *label, size_t len,
			  struct alias_index **ret)
{
	struct alias_index *v;
	int r;

	for (size_t i = 0; i < w->n_alias_indexes; i++) {
		if (strlen(w->alias_indexes[i].label) == len &&
		    !memcmp(w->alias_indexes[i].label, label, len)) {
			*ret = &w->alias_indexes[i];
			return 0;
		}
	}
	v = reallocarray(w->alias_indexes, w->n_alias_indexes + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	w->alias_indexes = v;
	v[w->n_alias_indexes] = (struct alias_index){ .label = strndup(label, len) };
	r = v[w->n_alias_indexes].label ? mf_trie_builder_new(&v[w->n_alias_indexes].trie)
					: -ENOMEM;
	if (r < 0) {
		free(v[w->n_alias_indexes].label);
		return r;
	}
	*ret = &v[w->n_alias_indexes++];
	return 0;
}

/* -EINVAL: an index cannot hold it, and a device cannot have it. */
static int add_to_trie(struct mf_trie_builder *trie, const char *key, const char *value,
		       uint32_t priority)
{
	int r = mf_trie_builder_add(trie, key, value, priority);

	return r == -EINVAL ? 0 : r;
}

/* The value "MODULE LABEL" of an alias, for every module of a package that differs from others. */
static int note_carrier(const struct writing *w, struct alias_index *index, const char *key)
{
	int r = index->carriers ? 0 : mf_trie_builder_new(&index->carriers);

	for (size_t i = 0; !r && i < w->modules.n; i++) {
		_cleanup_free_ char *value =
			mf_format("%s %s", w->modules.v[i], w->differing_label);

		r = value ? add_to_trie(index->carriers, key, value, w->priority) : -ENOMEM;
	}
	return r;
}

/*
 * The file an alias belongs in; LABEL is what its prefix names ("any" without one). NULL: in none
 * that is being written. Each file is written once: what a package of no particular kernel says of
 * this very kernel goes into that kernel's file, and what a kernel's package says of another
 * kernel is ignored. A package that serves from another kernel says of that one what is meant here.
 */
static const char *place(const struct writing *w, const char *label, size_t *len)
{
	size_t n = w->tag ? strlen(w->tag) : 0;
	const char *dash = w->tag ? strrchr(w->tag, '-') : NULL;

	if (!w->tag) {
		for (size_t i = 0; i < w->tags->n; i++)
			if (strlen(w->tags->v[i]) == *len && !memcmp(w->tags->v[i], label, *len))
				return NULL;
		return label;
	}
	if ((*len == n && !memcmp(w->tag, label, n)) ||
	    (w->built_for && *len == strlen(w->built_for) && !memcmp(w->built_for, label, *len)) ||
	    (!w->loose && ((*len == 3 && !memcmp(label, "any", 3)) ||
			   (*len == (size_t)(dash - w->tag) && !memcmp(w->tag, label, *len))))) {
		*len = n;
		return w->tag;
	}
	return NULL;
}

/* An escaped alias, in the file of LABEL, for every module of the package. */
static int indexes_add_alias(struct writing *w, const char *label, size_t label_len,
			     const char *alias, size_t len)
{
	struct alias_index *index;
	char plain[ALIAS_MAX], key[ALIAS_MAX];
	int r;

	w->n_aliases += len > 0;
	label = len ? place(w, label, &label_len) : NULL;
	if (!label)
		return 0;
	if (mf_alias_unescape(alias, len, plain, sizeof(plain)) < 0 ||
	    mf_alias_normalize(plain, key, sizeof(key)) < 0)
		return 0;
	r = alias_index_of(w, label, label_len, &index);
	for (size_t i = 0; !r && i < w->modules.n; i++)
		r = add_to_trie(index->trie, key, w->modules.v[i], w->priority);
	return !r && w->differing_label ? note_carrier(w, index, key) : r;
}

/* "kernel-amd64-6.1.0_56:pci:…", "kernel-default:usb:…" or "pci:…" */
static int add_supplement(void *arg, const char *text, const char *evr)
{
	struct writing *w = arg;
	const char *colon = strchr(text, ':');
	size_t len;

	if (!mf_starts_with(text, "kernel-") || !colon)
		return indexes_add_alias(w, MF_CACHE_ANY, strlen(MF_CACHE_ANY), text, strlen(text));
	text += strlen("kernel-");
	len = (size_t)(colon - text);
	if (!mf_release_tag_valid(text, len))
		return 0;
	return indexes_add_alias(w, text, len, colon + 1, strlen(colon + 1));
}

/*
 * RHEL's generator writes '_' for every byte it does not like, so a '_' stands for any byte: an alias
 * too many is better than one too few, and the kernel's own index has the last word when the module
 * is there. A class with a '_' is one byte as well, but for the class "[-_]", which authors of modules
 * write. Writes at most LEN bytes and the NUL.
 */
static size_t unmangle(const char *text, size_t len, char *ret_pattern)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		const char *end = text[i] == '[' ? memchr(text + i, ']', len - i) : NULL;
		size_t class = end ? (size_t)(end + 1 - (text + i)) : 0;

		if (!class) {
			ret_pattern[n++] = text[i] == '_' ? '?' : text[i];
			continue;
		}
		if (memchr(text + i, '_', class) && strncmp(text + i, "[-_]", class) &&
		    strncmp(text + i, "[_-]", class)) {
			ret_pattern[n++] = '?';
		} else {
			memcpy(ret_pattern + n, text + i, class);
			n += class;
		}
		i += class - 1;
	}
	ret_pattern[n] = '\0';
	return n;
}

/* RHEL's "modalias(pci:v*…) = 1.2" and "modalias(fs-xfs)", of any kernel. */
static int add_provided_modalias(void *arg, const char *name, const char *evr)
{
	struct writing *w = arg;
	char pattern[ALIAS_MAX];
	size_t len = strcspn(name, ")");

	if (!mf_starts_with(name, "modalias(") || name[len] != ')' || len >= sizeof(pattern))
		return 0;
	name += strlen("modalias(");
	len = unmangle(name, len - strlen("modalias("), pattern);
	return indexes_add_alias(w, MF_CACHE_ANY, strlen(MF_CACHE_ANY), pattern, len);
}

/* "kalias(amd64-6.1.0_56:fs-xfs)" */
static int add_kalias(void *arg, const char *name, const char *evr)
{
	struct writing *w = arg;
	const char *colon;

	if (!mf_starts_with(name, "kalias(") || !mf_ends_with(name, ")"))
		return 0;
	name += strlen("kalias(");
	colon = strchr(name, ':');
	if (!colon || !mf_release_tag_valid(name, (size_t)(colon - name)))
		return 0;
	return indexes_add_alias(w, name, (size_t)(colon - name), colon + 1, strlen(colon + 1) - 1);
}

static int indexes_add_module(void *arg, const char *name, const char *evr)
{
	struct writing *w = arg;
	char module[256];

	if (!mf_dep_module(name, module, sizeof(module)))
		return 0;
	return mf_strings_add_unique(&w->modules, module);
}

/*
 * SUSE's drivers of before 2018 have no kmod(). Such a package has a module of its own name most
 * times, and other ones are found by the aliases once they are on disk.
 */
static int indexes_guess_module(struct writing *w, const char *package)
{
	const char *kmp = strstr(package, "-kmp-");
	_cleanup_free_ char *stem = kmp ? strndup(package, (size_t)(kmp - package)) : NULL;
	char module[256];

	if (w->modules.n || !kmp)
		return 0;
	if (!stem)
		return -ENOMEM;
	return mf_module_name(stem, module, sizeof(module)) ? mf_strings_add(&w->modules, module)
							    : 0;
}

/* ---- who asks for whom ---- */

static bool is_one_of(int id, const int *ids, size_t n)
{
	for (size_t low = 0; n; n /= 2) {
		size_t middle = low + n / 2;

		if (ids[middle] == id)
			return true;
		if (ids[middle] < id) {
			low = middle + 1;
			n--;
		}
	}
	return false;
}

/* The shared packages are sorted too. */
static bool is_shared(int id, const struct mf_indexes_source *source)
{
	size_t low = 0, high = source->n_shared;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (source->shared[middle].id == id)
			return true;
		if (source->shared[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static int add_requested(void *arg, const char *name, const char *evr)
{
	struct writing *w = arg;
	char module[256];
	int r = 0;

	if (!mf_dep_module(name, module, sizeof(module)))
		return 0;
	for (size_t i = 0; !r && i < w->modules.n && w->n_requests < REQUESTS_MAX; i++) {
		if (!strcmp(module, w->modules.v[i]))
			continue;
		w->n_requests++;
		r = add_to_trie(w->requests, module, w->modules.v[i], w->priority);
	}
	return r;
}

static int add_need(void *arg, const char *need, const int *ids, size_t n)
{
	struct writing *w = arg;
	int r = 0;

	for (size_t i = 0; !r && i < n; i++)
		if (is_one_of(ids[i], w->source->ids, w->source->n) ||
		    is_one_of(ids[i], w->source->loose, w->source->n_loose) ||
		    is_shared(ids[i], w->source))
			r = mf_pool_deps(w->pool, ids[i], MF_PROVIDES, add_requested, w);
	return r;
}

static int add_requests(struct writing *w, int id)
{
	int r = w->modules.n ? mf_pool_needs(w->pool, id, MF_RECOMMENDS, add_need, w) : 0;

	if (!r && w->modules.n)
		r = mf_pool_needs(w->pool, id, MF_SUGGESTS, add_need, w);
	return r;
}

/* Notes a driver package of no particular kernel: does an alias lead to it? */
static int note_if_hidden(const struct writing *w, int id, const char *name)
{
	struct mf_strings *list = w->n_aliases ? w->source->found : w->source->hidden;

	return w->tag || !list || !mf_is_driver_package(w->pool, id)
		       ? 0
		       : mf_strings_add_unique(list, name);
}

/* Starts with the package ID. 0 or -ENOMEM. */
static int begin_package(struct writing *w, int id, struct mf_package *package)
{
	mf_strings_done(&w->modules);
	free(MF_STEAL(w->differing_label));
	w->n_aliases = 0;
	w->priority++;
	mf_pool_package(w->pool, id, package);
	if (repo_differing_has(&w->differing, id))
		w->differing_label = mf_package_label(package);
	return repo_differing_has(&w->differing, id) && !w->differing_label ? -ENOMEM : 0;
}

static int add_package(struct writing *w, int id)
{
	struct mf_package package;
	int r = begin_package(w, id, &package);

	if (r < 0)
		return r;
	/* the kernel itself provides kmod() of what is built in: that is not to be fetched */
	if (mf_starts_with(package.name, "kernel-") && strstr(package.name, "-image"))
		return 0;
	r = mf_pool_deps(w->pool, id, MF_PROVIDES, indexes_add_module, w);
	/* packages of a kernel are our own, which name their modules */
	if (!r && (w->loose || !w->tag))
		r = indexes_guess_module(w, package.name);
	for (size_t i = 0; !r && !w->loose && i < w->modules.n; i++)
		r = mf_trie_builder_add(w->names, w->modules.v[i], package.name, w->priority);
	if (!r)
		r = mf_pool_deps(w->pool, id, MF_SUPPLEMENTS, add_supplement, w);
	if (!r)
		r = mf_pool_deps(w->pool, id, MF_PROVIDES, add_kalias, w);
	if (!r && !w->tag)
		r = mf_pool_deps(w->pool, id, MF_PROVIDES, add_provided_modalias, w);
	if (!r)
		r = note_if_hidden(w, id, package.name);
	return r ? r : add_requests(w, id);
}

static int indexes_publish(struct mf_trie_builder *trie, int dirfd, const char *kind,
			   const char *label)
{
	_cleanup_free_ char *name = NULL;
	_cleanup_free_ void *buf = NULL;
	size_t len;
	int r;

	name = mf_format(MF_CACHE_INDEX, kind, label);
	if (!name)
		return -ENOMEM;
	r = mf_trie_builder_finish(trie, &buf, &len);
	return r < 0 ? r : mf_file_publish(dirfd, name, 0644, buf, len);
}

/* Of all packages that the indexes are made from. 0 or -ENOMEM. */
static int find_differing(struct writing *w)
{
	const struct mf_indexes_source *source = w->source;
	_cleanup_free_ int *ids =
		calloc(source->n + source->n_loose + source->n_shared + 1, sizeof(*ids));
	size_t n = 0;

	for (size_t i = 0; ids && i < source->n; i++)
		ids[n++] = source->ids[i];
	for (size_t i = 0; ids && source->tag && i < source->n_loose; i++)
		ids[n++] = source->loose[i];
	for (size_t i = 0; ids && i < source->n_shared; i++)
		ids[n++] = source->shared[i].id;
	return ids ? repo_differing_find(w->pool, ids, n, &w->differing) : -ENOMEM;
}

static int publish_all(const struct writing *w, int dirfd)
{
	const char *label = w->tag ? w->tag : MF_CACHE_OTHER;
	int r = indexes_publish(w->names, dirfd, MF_CACHE_MODULES, label);

	if (!r && w->n_requests)
		r = indexes_publish(w->requests, dirfd, MF_CACHE_REQUESTS, label);
	for (size_t i = 0; !r && i < w->n_alias_indexes; i++) {
		const struct alias_index *index = &w->alias_indexes[i];

		r = indexes_publish(index->trie, dirfd, MF_CACHE_ALIASES, index->label);
		if (!r && index->carriers)
			r = indexes_publish(index->carriers, dirfd, MF_CACHE_CARRIERS,
					    index->label);
	}
	return r;
}

int mf_indexes_write(struct mf_pool *pool, const struct mf_indexes_source *source, int dirfd)
{
	_cleanup_(writing_done) struct writing w = {
		.pool = pool, .source = source, .tag = source->tag, .tags = source->tags
	};
	int r = mf_trie_builder_new(&w.names);

	/* writing package lists has made it forget who provides what */
	mf_pool_ready(pool);
	if (!r)
		r = mf_trie_builder_new(&w.requests);
	if (!r)
		r = find_differing(&w);
	for (size_t i = 0; !r && i < source->n; i++)
		r = add_package(&w, source->ids[i]);
	for (size_t i = 0; !r && i < source->n_shared; i++) {
		w.built_for = source->shared[i].tag;
		r = add_package(&w, source->shared[i].id);
	}
	w.built_for = NULL;
	w.loose = true;
	for (size_t i = 0; !r && source->tag && i < source->n_loose; i++)
		r = add_package(&w, source->loose[i]);
	return r ? r : publish_all(&w, dirfd);
}
