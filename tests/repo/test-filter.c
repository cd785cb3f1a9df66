/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which packages count as not there. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/catalog.h"
#include "tests/primary.h"

static const struct primary packages[] = {
	{ .name = "e1000e-kmp-" TAG,
	  .evr = "1-1",
	  .provides = "e1000e-kmp kmod(e1000e.ko)",
	  .supplements = "modalias(kernel-" TAG ":pci:v8086*)" },
	{ .name = "nic-kmp-" TAG,
	  .evr = "2:1.5-3",
	  .provides = "nic-kmp kmod(nic.ko)",
	  .supplements = "modalias(kernel-" TAG ":pci:v8086*)" },
	{ .name = "other-kmp", .evr = "1-1", .provides = "kmod(other.ko)" },
};

static int note(void *arg, const char *pattern, const char *value, size_t repo)
{
	char *text = arg;

	snprintf(text + strlen(text), 500 - strlen(text), "%s;", value);
	return 0;
}

/* The names in the pool, each with a final ';'. */
static void note_pool(struct root *r, struct mf_catalog *c, char text[500])
{
	_cleanup_free_ int *ids = NULL;
	struct mf_pool *pool;
	size_t n;

	assert_int_equal(mf_catalog_pool(&r->ctx, c, &pool), 0);
	assert_int_equal(mf_pool_list(pool, 0, &ids, &n), 0);
	*text = '\0';
	for (size_t i = 0; i < n; i++) {
		struct mf_package p;

		mf_pool_package(pool, ids[i], &p);
		snprintf(text + strlen(text), 500 - strlen(text), "%.5s;", p.name);
	}
}

static void excluded_packages_are_in_no_pool_and_no_index(void **state)
{
	static const struct {
		const char *lines, *pool, *aliases;
	} cases[] = {
		{ "", "e1000;nic-k;other;", "e1000e;nic;" },
		{ "excludepkgs=e1000e-kmp-*", "nic-k;other;", "nic;" },
		{ "exclude=foo, e1000e* other*", "nic-k;", "nic;" },
		{ "exclude=e1000e-kmp", "e1000;nic-k;other;", "e1000e;nic;" },
		{ "includepkgs=nic-kmp-*", "nic-k;", "nic;" },
		{ "includepkgs=*", "e1000;nic-k;other;", "e1000e;nic;" },
		{ "includepkgs=nic* other*\nexcludepkgs=nic*", "other;", "" },
		{ "includepkgs=nothing", "", "" },
		/* forms with a version, an architecture, an epoch: the indexes have names only */
		{ "excludepkgs=nic-kmp-" TAG "-1.5", "e1000;other;", "e1000e;nic;" },
		{ "excludepkgs=nic-kmp-" TAG "-1.5-3", "e1000;other;", "e1000e;nic;" },
		{ "excludepkgs=nic-kmp-" TAG "-2:1.5-3", "e1000;other;", "e1000e;nic;" },
		{ "excludepkgs=nic-kmp-" TAG "-1.6", "e1000;nic-k;other;", "e1000e;nic;" },
		{ "excludepkgs=nic*.x86_64", "e1000;other;", "e1000e;nic;" },
		{ "excludepkgs=e1000e*-0:1-1", "nic-k;other;", "e1000e;nic;" },
	};
	struct root *r = *state;

	root_write(r, "etc/modfetch/repos.d/a.repo", "[a]\nbaseurl=http://a\n");
	assert_int_equal(primary_cache(&r->ctx, "a", packages, N(packages), 1), 0);
	for (size_t i = 0; i < N(cases); i++) {
		_cleanup_free_ char *text = NULL;
		struct mf_catalog *c;
		char got[500] = "";

		assert_true(asprintf(&text, "[a]\nbaseurl=http://a\n%s\n", cases[i].lines) > 0);
		root_write(r, "etc/modfetch/repos.d/a.repo", text);
		assert_int_equal(mf_catalog_open(&r->ctx, &c), 0);
		assert_int_equal(mf_catalog_aliases(c, "pci:v8086d1234", note, got), 0);
		if (strcmp(got, cases[i].aliases))
			print_error("%s\n", cases[i].lines);
		assert_string_equal(got, cases[i].aliases);
		*got = '\0';
		assert_int_equal(mf_catalog_module(c, "e1000e", note, got), 0);
		assert_int_equal(!*got, !strstr(cases[i].aliases, "e1000e"));
		note_pool(r, c, got);
		if (strcmp(got, cases[i].pool))
			print_error("%s\n", cases[i].lines);
		assert_string_equal(got, cases[i].pool);
		mf_catalog_free(c);
	}
}

static void the_patterns_of_one_repository_do_not_reach_another(void **state)
{
	struct root *r = *state;
	struct mf_catalog *c;
	char got[500] = "";

	root_write(r, "etc/modfetch/repos.d/a.repo",
		   "[a]\nbaseurl=http://a\n[b]\nbaseurl=http://b\nexcludepkgs=*\n");
	assert_int_equal(primary_cache(&r->ctx, "a", packages, N(packages), 1), 0);
	assert_int_equal(primary_cache(&r->ctx, "b", packages, N(packages), 2), 0);
	assert_int_equal(mf_catalog_open(&r->ctx, &c), 0);
	assert_int_equal(mf_catalog_aliases(c, "pci:v8086d1234", note, got), 0);
	assert_string_equal(got, "e1000e;nic;");
	note_pool(r, c, got);
	assert_string_equal(got, "e1000;nic-k;other;");
	mf_catalog_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(excluded_packages_are_in_no_pool_and_no_index),
		ROOTED(the_patterns_of_one_repository_do_not_reach_another),
	};

	return UNIT_RUN(tests);
}
