/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_PAGE_H
#define TESTS_PAGE_H
/* Shared by the tests of src/page: the tables as text, and a repository of a few packages. */
#include "modfetch/json.h"
#include "src/page/model.h"

/* All records as "KEY VALUE" lines, in their order; the caller frees it. */
static inline char *records_text(const struct page_records *records)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (size_t i = 0; i < records->n; i++)
		fprintf(out, "%s %s\n", records->v[i].key,
			mf_json_text(records->v[i].value, false));
	assert_int_equal(fclose(out), 0);
	return text;
}

/* Adds a package with one module, for these kernels. */
static inline struct page_package *page_add(struct page_repo *repo, const char *name,
					    const char *module, uint64_t kernels)
{
	struct page_package *package;

	repo->packages = realloc(repo->packages, (repo->n_packages + 1) * sizeof(*package));
	assert_non_null(repo->packages);
	package = &repo->packages[repo->n_packages++];
	*package = (struct page_package){ .name = name,
					  .arch = "x86_64",
					  .href = "x86_64/file.rpm",
					  .summary = "A driver",
					  .version = strdup("1-2"),
					  .size = 1000,
					  .installed = 2000,
					  .kernels = kernels };
	assert_int_equal(mf_strings_add(&package->modules, module), 0);
	return package;
}

static inline void page_add_pattern(struct page_package *package, const char *pattern)
{
	assert_int_equal(mf_strings_add(&package->patterns, pattern), 0);
}

#endif
