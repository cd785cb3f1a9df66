/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which repositories need filelists.xml, and the modules that it names. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/trie.h"
#include "tests/primary.h"
#include "tests/filelists.h"
#include "src/repo/driver-files.h"

struct source {
	const struct filelist *lists;
	size_t n;
	int r;
	unsigned int calls;
};

static int fetch(void *arg, int *ret_fd)
{
	struct source *s = arg;

	s->calls++;
	if (!s->r && s->n)
		*ret_fd = filelists_file(s->lists, s->n);
	return s->r;
}

/* Builds the cache of these packages. Returns how often filelists.xml was fetched, or the failure. */
static int build(struct root *r, const struct primary *packages, size_t n, struct source *s,
		 struct mf_cache_content *content)
{
	struct mf_cache_source source = { .repomd = mf_memfile_new("repomd.xml"),
					  .primary = primary_file(packages, n),
					  .fetch_filelists = fetch,
					  .arg = s };
	int ret = mf_cache_build(&r->ctx, "test", &source, content);

	close(source.repomd);
	close(source.primary);
	return ret < 0 ? ret : (int)s->calls;
}

static int note(void *arg, const char *key, const char *value, uint32_t priority)
{
	char *text = arg;

	snprintf(text + strlen(text), 500 - strlen(text), "%s=%s;", key, value);
	return 0;
}

static const char *names(struct root *r)
{
	static char text[500];
	int dirfd = mf_cache_open(&r->ctx, "test", NULL);
	struct mf_trie *trie;

	*text = '\0';
	assert_int_equal(mf_trie_open_at(dirfd, "name-other.bin", &trie), 0);
	close(dirfd);
	assert_int_equal(mf_trie_walk(trie, note, text), 0);
	mf_trie_free(trie);
	return text;
}

#define DEEP "/lib/modules/4.18.0-513.el8.x86_64/extra/ath-old/"

static const struct filelist files[] = {
	{ "kmod-ath-old", DEEP "ath-core.ko.xz " DEEP "ath9.ko " DEEP "x.ko.txt /opt/y.ko "
			       "/usr/share/doc/lib/modules/z.ko" },
	{ "nv-kmod-5.14.0", "/usr/lib/modules/5.14.0/extra/nv/nv.ko.xz" },
	{ "kmod-named1", "/lib/modules/5/extra/other.ko" },
};

static void modules_come_from_files_where_no_provide_names_them(void **state)
{
	static const struct primary packages[] = {
		{ .name = "kmod-ath-old", .evr = "1-1" },
		{ .name = "nv-kmod-5.14.0", .evr = "1-1", .requires = "kernel-uname-r=5.14.0-1" },
		{ .name = "kmod-named1", .evr = "1-1", .provides = "kmod(named.ko)" },
	};
	struct source s = { files, N(files), 0, 0 };
	struct mf_cache_content content;
	struct root *r = *state;

	assert_int_equal(build(r, packages, N(packages), &s, &content), 1);
	assert_string_equal(names(r), "ath9=kmod-ath-old;ath_core=kmod-ath-old;named=kmod-named1;"
				      "nv=nv-kmod-5.14.0;");
	/* none has an alias */
	assert_int_equal(content.hidden, 3);
	assert_string_equal(content.hidden_first, "kmod-ath-old");
}

static void a_derived_name_is_marked_in_the_cache(void **state)
{
	static const struct primary packages[] = {
		{ .name = "kmod-ath-old", .evr = "1-1", .provides = "kmod-ath-old" },
		{ .name = "kmod-named1", .evr = "1-1", .provides = "kmod(named.ko)" },
	};
	struct source s = { files, N(files), 0, 0 };
	struct mf_cache_content content;
	struct root *r = *state;
	struct mf_pool *pool;
	int dirfd, fd;

	assert_int_equal(build(r, packages, N(packages), &s, &content), 1);
	dirfd = mf_cache_open(&r->ctx, "test", NULL);
	fd = openat(dirfd, "packages-other.solv", O_RDONLY | O_CLOEXEC);
	assert_int_equal(mf_pool_new("x86_64", &pool), 0);
	assert_int_equal(mf_pool_add_cache(pool, fd, 0, 99), 0);
	mf_pool_ready(pool);
	assert_int_equal(primary_provider(pool, MF_FROM_FILES, NULL),
			 primary_provider(pool, "kmod(ath_core.ko)", NULL));
	close(fd);
	close(dirfd);
	mf_pool_free(pool);
}

static void a_list_is_fetched_only_for_drivers_that_need_it(void **state)
{
	static const struct primary none[] = {
		{ .name = "bash", .evr = "1-1", .requires = "/opt/nothing" },
		{ .name = "kernel-core", .evr = "1-1", .requires = "kernel-uname-r=1-1" },
		{ .name = "kmod-a", .evr = "1-1", .provides = "kmod(a.ko)", .requires = "/tool" },
		{ .name = "b-kmp-" TAG, .evr = "1-1", .provides = "kmod(b.ko)" },
	};
	static const struct primary file[] = {
		{ .name = "kmod-a", .evr = "1-1", .provides = "kmod(a.ko)", .requires = "/gone" },
	};
	static const struct primary known[] = {
		{ .name = "kmod-a", .evr = "1-1", .provides = "kmod(a.ko)", .requires = "/gone" },
		{ .name = "owner-of-it", .evr = "1-1", .provides = "/gone" },
	};
	struct source s = { files, N(files), 0, 0 };
	struct mf_cache_content content;
	struct root *r = *state;

	root_write(r, "tool", "x");
	assert_int_equal(build(r, none, N(none), &s, &content), 0);
	assert_int_equal(content.hidden, 1);
	assert_int_equal(build(r, known, N(known), &s, &content), 0);
	assert_int_equal(build(r, file, N(file), &s, &content), 1);
}

static void an_alias_of_any_version_makes_a_driver_found(void **state)
{
	static const struct primary packages[] = {
		{ .name = "kmod-a", .evr = "1-1", .provides = "kmod(a.ko)" },
		{ .name = "kmod-a", .evr = "2-1", .provides = "kmod(a.ko) modalias(pci:x*)=1" },
		{ .name = "kmod-b",
		  .evr = "2-1",
		  .provides = "kmod(b.ko)",
		  .supplements = "modalias(kernel-default:pci:x*)" },
		{ .name = "kmod-c", .evr = "2-1", .provides = "kmod(c.ko)" },
		{ .name = "tool", .evr = "2-1", .provides = "tool" },
	};
	struct source s = { 0 };
	struct mf_cache_content content;

	assert_int_equal(build(*state, packages, N(packages), &s, &content), 0);
	assert_int_equal(content.hidden, 1);
	assert_string_equal(content.hidden_first, "kmod-c");
}

static void without_a_list_the_repository_is_used_as_it_is(void **state)
{
	static const struct primary packages[] = { { .name = "kmod-ath-old", .evr = "1-1" } };
	struct source s = { 0 }, bad = { .r = -MFE_UNREACHABLE };
	struct mf_cache_content content;
	struct root *r = *state;

	assert_int_equal(build(r, packages, 1, &s, &content), 1);
	assert_string_equal(names(r), "");
	mf_fail(&r->ctx, MF_STAGE_FETCH, -MFE_UNREACHABLE, "x", "y");
	assert_int_equal(build(r, packages, 1, &bad, &content), -MFE_UNREACHABLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(modules_come_from_files_where_no_provide_names_them),
		ROOTED(a_derived_name_is_marked_in_the_cache),
		ROOTED(a_list_is_fetched_only_for_drivers_that_need_it),
		ROOTED(an_alias_of_any_version_makes_a_driver_found),
		ROOTED(without_a_list_the_repository_is_used_as_it_is),
	};

	return UNIT_RUN(tests);
}
