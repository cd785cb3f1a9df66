/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What filelists.xml adds to the packages of a list. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/solv.h"
#include "tests/primary.h"
#include "tests/filelists.h"

static const struct primary packages[] = {
	{ .name = "a", .evr = "1-1", .provides = "a", .requires = "/opt/tool" },
	{ .name = "bb", .evr = "1-1", .provides = "bb" },
};

static const struct filelist lists[] = {
	{ "bb", "/opt/tool /lib/modules/6/extra/x.ko" },
	{ "stranger", "/lib/modules/6/extra/evil.ko" },
};

static struct mf_pool *extended(void)
{
	struct mf_pool *pool = primary_pool(packages, N(packages));
	int fd = filelists_file(lists, N(lists));

	mf_pool_ready(pool);
	assert_int_equal(mf_pool_add_filelists(pool, fd, 0), 0);
	close(fd);
	return pool;
}

static int note(void *arg, const char *path)
{
	char *text = arg;

	snprintf(text + strlen(text), 200 - strlen(text), "%s;", path);
	return 0;
}

static int end_walk(void *arg, const char *path)
{
	return 7;
}

static void files_belong_to_the_package_of_that_digest(void **state)
{
	struct mf_pool *pool = extended();
	char text[200] = "";
	int *ids;
	size_t n;

	mf_pool_ready(pool);
	assert_int_equal(mf_pool_list(pool, 0, &ids, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(mf_pool_each_file(pool, primary_provider(pool, "a", NULL), note, text), 0);
	assert_string_equal(text, "");
	assert_int_equal(mf_pool_each_file(pool, primary_provider(pool, "bb", NULL), note, text),
			 0);
	assert_string_equal(text, "/opt/tool;/lib/modules/6/extra/x.ko;");
	assert_int_equal(
		mf_pool_each_file(pool, primary_provider(pool, "bb", NULL), end_walk, text), 7);
	free(ids);
	mf_pool_free(pool);
}

static void a_file_that_is_needed_becomes_a_provide(void **state)
{
	struct mf_pool *pool = primary_pool(packages, N(packages));

	mf_pool_ready(pool);
	assert_int_equal(primary_provider(pool, "/opt/tool", NULL), 0);
	mf_pool_free(pool);
	pool = extended();
	mf_pool_ready(pool);
	assert_int_equal(primary_provider(pool, "/opt/tool", NULL),
			 primary_provider(pool, "bb", NULL));
	assert_int_equal(primary_provider(pool, "/lib/modules/6/extra/x.ko", NULL), 0);
	mf_pool_free(pool);
}

static void a_provide_can_be_added(void **state)
{
	struct mf_pool *pool = extended();
	int id;

	mf_pool_ready(pool);
	id = primary_provider(pool, "bb", NULL);
	mf_pool_add_provide(pool, id, "kmod(x.ko)");
	mf_pool_add_provide(pool, id, "kmod(x.ko)");
	mf_pool_ready(pool);
	assert_int_equal(primary_provider(pool, "kmod(x.ko)", NULL), id);
	assert_int_equal(primary_provider(pool, "/opt/tool", NULL), id);
	mf_pool_free(pool);
}

static void a_damaged_list_is_an_error(void **state)
{
	struct mf_pool *pool = primary_pool(packages, N(packages));
	int fd = mf_memfile_new("filelists.xml");

	assert_int_equal(mf_file_write(fd, "<filelists><pack", 16), 0);
	assert_int_equal(mf_pool_add_filelists(pool, fd, 0), -EBADMSG);
	assert_int_equal(mf_pool_add_filelists(pool, fd, 3), -EBADMSG);
	close(fd);
	mf_pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(files_belong_to_the_package_of_that_digest),
		ROOTED(a_file_that_is_needed_becomes_a_provide),
		ROOTED(a_provide_can_be_added),
		ROOTED(a_damaged_list_is_an_error),
	};

	return UNIT_RUN(tests);
}
