/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_PRIMARY_H
#define TESTS_PRIMARY_H
/*
 * Repository metadata for unit tests, written from a table. Dependencies are words separated by
 * blanks: "kmod(x.ko)" or "ksym(amd64:foo)=1f2e".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cache.h"
#include "modfetch/file.h"

struct primary {
	const char *name, *evr /* "1-1", or "2:1-1" */, *provides, *requires, *supplements,
		*recommends, *obsoletes, *suggests;
	const char *scripts; /* programs that its scriptlets need */
};

static inline void primary_escape(FILE *f, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (s[i] == '&')
			fputs("&amp;", f);
		else if (s[i] == '<')
			fputs("&lt;", f);
		else if (s[i] == '"')
			fputs("&quot;", f);
		else
			fputc(s[i], f);
	}
}

/* Needs of scriptlets have a mark. */
static inline void primary_requires(FILE *f, const char *scripts)
{
	const char *blank = scripts ? scripts : "";

	while (*(blank += strspn(blank, " "))) {
		size_t len = strcspn(blank, " ");

		fprintf(f, "<rpm:requires><rpm:entry name=\"%.*s\" pre=\"1\"/></rpm:requires>",
			(int)len, blank);
		blank += len;
	}
}

static inline void primary_deps(FILE *f, const char *kind, const char *deps)
{
	if (!deps)
		return;
	fprintf(f, "<rpm:%s>", kind);
	while (*(deps += strspn(deps, " "))) {
		size_t len = strcspn(deps, " "), name = 0;

		/* the '=' of a version comes after the bracket of the name */
		while (name < len && !(deps[name] == '=' &&
				       (!name || deps[name - 1] == ')' || !strchr(deps, '('))))
			name++;
		fputs("<rpm:entry name=\"", f);
		primary_escape(f, deps, name);
		if (name < len)
			fprintf(f, "\" flags=\"EQ\" epoch=\"0\" ver=\"%.*s", (int)(len - name - 1),
				deps + name + 1);
		fputs("\"/>", f);
		deps += len;
	}
	fprintf(f, "</rpm:%s>", kind);
}

static inline void primary_package(FILE *f, const struct primary *p)
{
	const char *colon = strchr(p->evr, ':'), *version = colon ? colon + 1 : p->evr;
	const char *dash = strchr(version, '-');

	fprintf(f, "<package type=\"rpm\"><name>%s</name><arch>x86_64</arch>", p->name);
	fprintf(f, "<version epoch=\"%.*s\" ver=\"%.*s\" rel=\"%s\"/>",
		colon ? (int)(colon - p->evr) : 1, colon ? p->evr : "0", (int)(dash - version),
		version, dash + 1);
	fprintf(f,
		"<checksum type=\"sha256\" pkgid=\"YES\">%064x</checksum><summary>of %s</summary>",
		(unsigned int)strlen(p->name), p->name);
	fprintf(f,
		"<size package=\"1000\" installed=\"5000\" archive=\"5000\"/><location "
		"href=\"x86_64/%s.rpm\"/><format>",
		p->name);
	primary_deps(f, "provides", p->provides);
	primary_deps(f, "requires", p->requires);
	primary_requires(f, p->scripts);
	primary_deps(f, "obsoletes", p->obsoletes);
	primary_deps(f, "recommends", p->recommends);
	primary_deps(f, "suggests", p->suggests);
	primary_deps(f, "supplements", p->supplements);
	/* every package provides itself */
	fputs("</format></package>", f);
}

/* A memory file with the primary.xml of N packages. */
static inline int primary_file(const struct primary *packages, size_t n)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int fd = mf_memfile_new("primary.xml");

	assert_non_null(f);
	assert_true(fd >= 0);
	fprintf(f,
		"<?xml version=\"1.0\"?><metadata xmlns=\"http://linux.duke.edu/metadata/common\" "
		"xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"%zu\">",
		n);
	for (size_t i = 0; i < n; i++)
		primary_package(f, &packages[i]);
	fputs("</metadata>", f);
	fclose(f);
	assert_int_equal(mf_file_write(fd, text, len), 0);
	free(text);
	return fd;
}

/* Builds the cache of a repository as refresh does; SEED determines the digest of the generation. */
static inline int primary_cache(struct mf_context *ctx, const char *id,
				const struct primary *packages, size_t n, unsigned char seed)
{
	struct mf_cache_source source = { .repomd = mf_memfile_new("repomd.xml"),
					  .primary = primary_file(packages, n) };
	struct mf_cache_content content = { 0 };
	int r;

	memset(source.digest, seed, sizeof(source.digest));
	assert_int_equal(mf_file_write(source.repomd, "<repomd/>", 9), 0);
	r = mf_cache_build(ctx, id, &source, &content);
	close(source.repomd);
	close(source.primary);
	if (!r)
		assert_int_equal(content.packages, n);
	return r;
}

/* A root with a repository "main" and the cache of these packages; a setup function calls it. */
static inline int primary_setup(void **state, const struct primary *packages, size_t n)
{
	struct root *r;

	if (root_setup(state))
		return -1;
	r = *state;
	root_write(r, "etc/modfetch/repos.d/a.repo", "[main]\nbaseurl=http://m\n");
	return primary_cache(&r->ctx, "main", packages, n, 1);
}

/* A pool of them, not ready yet. */
static inline struct mf_pool *primary_pool(const struct primary *packages, size_t n)
{
	struct mf_pool *pool;
	int fd = primary_file(packages, n);

	assert_int_equal(mf_pool_new("x86_64", &pool), 0);
	assert_int_equal(mf_pool_add_primary(pool, fd, 0), 0);
	close(fd);
	return pool;
}

/* The same pool, written as a cache and read again with this origin; not ready yet. */
static inline struct mf_pool *primary_cached_pool(const struct primary *packages, size_t n,
						  int origin)
{
	struct mf_pool *pool = primary_pool(packages, n), *again;
	int fd = mf_memfile_new("cache"), *ids;
	size_t n_ids;

	mf_pool_ready(pool);
	assert_int_equal(mf_pool_list(pool, 0, &ids, &n_ids), 0);
	assert_int_equal(mf_pool_write(pool, ids, n_ids, fd), 0);
	free(ids);
	mf_pool_free(pool);
	assert_int_equal(mf_pool_new("x86_64", &again), 0);
	assert_int_equal(mf_pool_add_cache(again, fd, origin, 99), 0);
	close(fd);
	return again;
}

/* The only provider of a dependency; 0: none. */
static inline int primary_provider(struct mf_pool *pool, const char *dep, const char *evr)
{
	int *ids = NULL, id;
	size_t n = 0;

	assert_int_equal(mf_pool_providers(pool, dep, evr, &ids, &n), 0);
	assert_true(n < 2);
	id = n ? ids[0] : 0;
	free(ids);
	return id;
}

#define N(array) (sizeof(array) / sizeof(*(array)))

#endif
