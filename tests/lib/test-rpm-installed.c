/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which of the installed packages are read, from a real database. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/array.h"
#include "modfetch/rpm.h"
#include "tests/rpms.h"

enum { ONE, TWO, NEWER, N_PACKAGES };

static const struct {
	struct rpm_spec spec;
	const char *nevra;
} packages[N_PACKAGES] = {
	[ONE] = { { .name = "one-kmp", .version = "1", .files = "/one" }, "one-kmp-1-1.x86_64" },
	[TWO] = { { .name = "two-kmp", .version = "1", .files = "/two" }, "two-kmp-1-1.x86_64" },
	[NEWER] = { { .name = "one-kmp", .version = "2", .files = "/one" }, "one-kmp-2-1.x86_64" },
};

static void install(struct root *r, size_t which)
{
	static int fds[N_PACKAGES];
	struct mf_rpm_install item = { .nevra = packages[which].nevra };

	/* building one takes a moment */
	if (!fds[which]) {
		char directory[] = "/tmp/modfetch-rpms.XXXXXX";

		assert_non_null(mkdtemp(directory));
		fds[which] = rpm_build(directory, &packages[which].spec);
		assert_int_equal(mf_tree_remove(AT_FDCWD, directory), 0);
	}
	item.fd = fds[which];
	assert_int_equal(mf_rpm_transaction(&r->ctx, &item, 1, NULL), 0);
}

struct seen {
	char known[8][41];
	size_t n_known, n_asked, n_read;
	char names[100];
	int result;
};

static bool is_known(void *arg, const char *digest)
{
	struct seen *seen = arg;

	seen->n_asked++;
	for (size_t i = 0; i < seen->n_known; i++)
		if (!strcmp(seen->known[i], digest))
			return true;
	return false;
}

static int on_package(void *arg, void *header, const char *digest)
{
	struct seen *seen = arg;
	struct mf_rpm_header h;

	assert_int_equal(mf_rpm_header(header, &h), 0);
	strcat(strcat(seen->names, " "), h.name);
	mf_rpm_header_done(&h);
	assert_non_null(digest);
	assert_int_equal(strlen(digest), 40);
	strcpy(seen->known[seen->n_known++], digest);
	seen->n_read++;
	return seen->result;
}

static int read_unknown(struct root *r, struct seen *seen)
{
	seen->n_asked = seen->n_read = 0;
	seen->names[0] = '\0';
	return mf_rpm_each_unknown(&r->ctx, is_known, on_package, seen);
}

static void only_what_is_not_known_is_read(void **state)
{
	struct root *r = *state;
	struct seen seen = { 0 };

	/* without a database there is nothing */
	assert_int_equal(read_unknown(r, &seen), 0);
	assert_int_equal(seen.n_asked + seen.n_read, 0);
	install(r, ONE);
	install(r, TWO);
	assert_int_equal(read_unknown(r, &seen), 0);
	assert_string_equal(seen.names, " one-kmp two-kmp");
	assert_int_equal(read_unknown(r, &seen), 0);
	assert_int_equal(seen.n_asked, 2);
	assert_int_equal(seen.n_read, 0);
	/* another version is another header */
	install(r, NEWER);
	assert_int_equal(read_unknown(r, &seen), 0);
	assert_int_equal(seen.n_asked, 2);
	assert_string_equal(seen.names, " one-kmp");
	seen.n_known = 0;
	seen.result = 7;
	assert_int_equal(read_unknown(r, &seen), 7);
	assert_int_equal(seen.n_read, 1);
}

static void a_database_that_is_none_is_a_failure(void **state)
{
	struct root *r = *state;
	struct seen seen = { 0 };

	root_write(r, "var/lib/rpm/rpmdb.sqlite",
		   "this is no database at all, not even a small one");
	assert_int_equal(read_unknown(r, &seen), -MFE_INSTALL);
	assert_int_equal(seen.n_asked + seen.n_read, 0);
}

/* A librpm that knows ndb makes an empty database of such a file, and its index beside it. */
static void a_database_of_another_format_is_never_an_empty_one(void **state)
{
	static const char *const names[] = { "var/lib/rpm/Packages.db", "var/lib/rpm/Packages" };
	struct root *r = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(names); i++) {
		struct seen seen = { 0 };

		root_write(r, names[i], "this is no database at all, not even a small one");
		if (read_unknown(r, &seen) != -MFE_INSTALL)
			assert_true(i == 0 && root_has(r, "var/lib/rpm/Index.db"));
		assert_false(root_has(r, "var/lib/rpm/rpmdb.sqlite"));
		assert_int_equal(unlinkat(r->fd, names[i], 0), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(only_what_is_not_known_is_read),
		ROOTED(a_database_that_is_none_is_a_failure),
		ROOTED(a_database_of_another_format_is_never_an_empty_one),
	};

	return UNIT_RUN(tests);
}
