/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a package says to people, and who has what it needs. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/solv.h"
#include "tests/primary.h"

static const struct primary packages[] = {
	{ .name = "user-kmp",
	  .evr = "1-1",
	  .provides = "user-kmp",
	  .requires = "ksym(amd64:a)=12 ksym(amd64:b)=34 ksym(amd64:a)=99",
	  .recommends = "extra-kmp" },
	{ .name = "giver-kmp", .evr = "1-1", .provides = "giver-kmp ksym(amd64:a)=12" },
	{ .name = "other-kmp", .evr = "1-1", .provides = "other-kmp ksym(amd64:a)=12" },
	{ .name = "extra-kmp", .evr = "1-1", .provides = "extra-kmp" },
};

struct seen {
	struct mf_pool *pool;
	char text[500];
};

static int note(void *arg, const char *need, const int *ids, size_t n)
{
	struct seen *seen = arg;
	size_t len = strlen(seen->text);

	len += (size_t)snprintf(seen->text + len, sizeof(seen->text) - len, "%s:", need);
	for (size_t i = 0; i < n; i++) {
		struct mf_package p;

		mf_pool_package(seen->pool, ids[i], &p);
		len += (size_t)snprintf(seen->text + len, sizeof(seen->text) - len, " %s", p.name);
	}
	snprintf(seen->text + len, sizeof(seen->text) - len, ";");
	return 0;
}

static int end_walk(void *arg, const char *need, const int *ids, size_t n)
{
	return 7;
}

static void each_need_is_told_with_all_who_have_it(void **state)
{
	struct seen seen = { primary_pool(packages, N(packages)), "" };
	int id;

	mf_pool_ready(seen.pool);
	id = primary_provider(seen.pool, "user-kmp", NULL);
	assert_int_equal(mf_pool_needs(seen.pool, id, MF_REQUIRES, note, &seen), 0);
	assert_string_equal(seen.text, "ksym(amd64:a) = 12: giver-kmp other-kmp;"
				       "ksym(amd64:b) = 34:;ksym(amd64:a) = 99:;");
	*seen.text = '\0';
	assert_int_equal(mf_pool_needs(seen.pool, id, MF_RECOMMENDS, note, &seen), 0);
	assert_string_equal(seen.text, "extra-kmp: extra-kmp;");
	assert_int_equal(mf_pool_needs(seen.pool, id, MF_REQUIRES, end_walk, NULL), 7);
	mf_pool_free(seen.pool);
}

static void a_cache_keeps_license_and_description(void **state)
{
	static const char xml[] =
		"<?xml version=\"1.0\"?><metadata xmlns=\"http://linux.duke.edu/metadata/common\" "
		"xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\" packages=\"1\">"
		"<package type=\"rpm\"><name>x</name><arch>noarch</arch>"
		"<version epoch=\"0\" ver=\"1\" rel=\"1\"/><description>It drives.</description>"
		"<format><rpm:license>GPL v2</rpm:license><rpm:provides>"
		"<rpm:entry name=\"x\"/></rpm:provides></format></package></metadata>";
	int from = mf_memfile_new("primary.xml"), to = mf_memfile_new("cache"), id;
	struct mf_pool *pool, *again;
	struct mf_text text;

	assert_int_equal(mf_file_write(from, xml, strlen(xml)), 0);
	assert_int_equal(mf_pool_new("x86_64", &pool), 0);
	assert_int_equal(mf_pool_add_primary(pool, from, 0), 0);
	mf_pool_ready(pool);
	id = primary_provider(pool, "x", NULL);
	assert_int_equal(mf_pool_write(pool, &id, 1, to), 0);
	assert_int_equal(mf_pool_new("x86_64", &again), 0);
	assert_int_equal(mf_pool_add_cache(again, to, 0, 99), 0);
	close(to);
	mf_pool_ready(again);
	mf_pool_text(again, primary_provider(again, "x", NULL), &text);
	assert_string_equal(text.license, "GPL v2");
	assert_string_equal(text.description, "It drives.");
	mf_pool_free(again);
	mf_pool_free(pool);
	close(from);
}

/* In each form that a plan is made with. */
static void scriptlets_show_in_what_they_need(void **state)
{
	static const struct primary scripted[] = {
		{ .name = "post",
		  .evr = "1-1",
		  .provides = "post",
		  .requires = "ksym(amd64:a)=1 ksym(amd64:b)=2",
		  .scripts = "/usr/sbin/depmod /bin/sh" },
		{ .name = "plain",
		  .evr = "1-1",
		  .provides = "plain",
		  .requires = "/bin/sh ksym(amd64:a)=1 ksym(amd64:b)=2" },
		{ .name = "tool",
		  .evr = "1-1",
		  .provides = "tool",
		  .scripts = "/usr/sbin/depmod sh kernel" },
	};
	struct mf_pool *pools[3] = { primary_pool(scripted, N(scripted)),
				     primary_cached_pool(scripted, N(scripted), 0) };
	struct mf_pool *source = primary_pool(scripted, N(scripted));
	int fd = mf_memfile_new("plan"), *ids;
	size_t n;

	mf_pool_ready(source);
	assert_int_equal(mf_pool_list(source, 0, &ids, &n), 0);
	assert_int_equal(mf_pool_write_plan(source, ids, n, fd), 0);
	free(ids);
	mf_pool_free(source);
	assert_int_equal(mf_pool_new("x86_64", &pools[2]), 0);
	assert_int_equal(mf_pool_add_plan(pools[2], fd, 0, 99), 0);
	for (size_t i = 0; i < N(pools); i++) {
		mf_pool_ready(pools[i]);
		assert_string_equal(
			mf_pool_interpreter(pools[i], primary_provider(pools[i], "post", NULL)),
			"/bin/sh");
		assert_null(
			mf_pool_interpreter(pools[i], primary_provider(pools[i], "plain", NULL)));
		assert_null(
			mf_pool_interpreter(pools[i], primary_provider(pools[i], "tool", NULL)));
		mf_pool_free(pools[i]);
	}
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_need_is_told_with_all_who_have_it),
		cmocka_unit_test(a_cache_keeps_license_and_description),
		cmocka_unit_test(scriptlets_show_in_what_they_need),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
