/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The place of the database of packages, and that no link leads out of the root. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/rpm.h"

/* As the next run of the program finds it. */
static void is_at(struct root *r, const char *directory, bool there)
{
	struct mf_looked_up *once = r->ctx.looked_up;
	bool is_there = !there;
	_cleanup_free_ char *found = NULL;

	free(once->rpmdb);
	*once = (struct mf_looked_up){ 0 };
	found = mf_rpmdb_directory(&r->ctx, false, &is_there);
	assert_non_null(found);
	assert_string_equal(found, directory);
	assert_int_equal(is_there, there);
}

static void it_is_where_one_is(void **state)
{
	struct root *r = *state;

	is_at(r, "/var/lib/rpm", false);
	/* an empty directory is where the distribution wants it */
	root_mkdir(r, "usr/share/rpm");
	is_at(r, "/usr/share/rpm", false);
	root_mkdir(r, "usr/lib/sysimage/rpm");
	is_at(r, "/usr/lib/sysimage/rpm", false);
	root_write(r, "usr/share/rpm/rpmdb.sqlite", "");
	is_at(r, "/usr/share/rpm", true);
	root_write(r, "var/lib/rpm/Packages", "");
	is_at(r, "/var/lib/rpm", true);
	root_write(r, "usr/lib/sysimage/rpm/rpmdb.sqlite", "");
	is_at(r, "/usr/lib/sysimage/rpm", true);
}

static void the_configuration_of_rpm_says_where_it_is(void **state)
{
	struct root *r = *state;

	root_write(r, "usr/lib/rpm/macros",
		   "%_dbpath_rebuild /wrong\n%_dbpath\t\t%{_var}/db/rpm \n");
	is_at(r, "/var/db/rpm", false);
	/* a database elsewhere is the one of the package manager */
	root_write(r, "var/lib/rpm/rpmdb.sqlite", "");
	is_at(r, "/var/lib/rpm", true);
	root_write(r, "var/db/rpm/Packages.db", "");
	is_at(r, "/var/db/rpm", true);
	/* a later file replaces an earlier one, but no file of an editor or package manager does */
	root_write(r, "etc/rpm/macros.local", "%_dbpath /srv/rpm\n");
	root_write(r, "etc/rpm/macros.local.rpmnew", "%_dbpath /srv/other\n");
	root_write(r, "srv/rpm/rpmdb.sqlite", "");
	root_write(r, "srv/other/rpmdb.sqlite", "");
	is_at(r, "/srv/rpm", true);
	/* as Debian's: it runs a program */
	root_write(r, "etc/rpm/macros", "%_dbpath %(bash -c 'echo ~/.rpmdb')\n");
	is_at(r, "/var/lib/rpm", true);
	root_write(r, "etc/rpm/macros", "%_dbpath /srv/../srv/rpm\n");
	is_at(r, "/var/lib/rpm", true);
}

static void the_configuration_is_read_once_a_run(void **state)
{
	struct root *r = *state;
	_cleanup_free_ char *again = NULL;
	bool there;

	root_write(r, "etc/rpm/macros", "%_dbpath /srv/rpm\n");
	is_at(r, "/srv/rpm", false);
	root_write(r, "etc/rpm/macros", "%_dbpath /srv/other\n");
	again = mf_rpmdb_directory(&r->ctx, false, &there);
	assert_string_equal(again, "/srv/rpm");
	is_at(r, "/srv/other", false);
}

static void a_database_has_a_format(void **state)
{
	struct root *r = *state;

	assert_null(mf_rpmdb_backend(&r->ctx, "/var/lib/rpm"));
	root_write(r, "var/lib/rpm/Packages", "");
	assert_string_equal(mf_rpmdb_backend(&r->ctx, "/var/lib/rpm"), "bdb_ro");
	root_write(r, "var/lib/rpm/Packages.db", "");
	assert_string_equal(mf_rpmdb_backend(&r->ctx, "/var/lib/rpm"), "ndb");
	root_write(r, "var/lib/rpm/rpmdb.sqlite", "");
	assert_string_equal(mf_rpmdb_backend(&r->ctx, "/var/lib/rpm"), "sqlite");
}

static void a_setting_decides(void **state)
{
	struct root *r = *state;

	root_write(r, "var/lib/rpm/rpmdb.sqlite", "");
	r->ctx.settings.rpmdb = strdup("/opt/packages");
	is_at(r, "/opt/packages", false);
	root_write(r, "opt/packages/Packages.db", "");
	is_at(r, "/opt/packages", true);
}

static void links_are_followed_below_the_root_and_none_is_left(void **state)
{
	char outside[] = "/tmp/test-rpmdb.XXXXXX", path[64];
	struct root *r = *state;

	root_write(r, "usr/lib/elsewhere/rpmdb.sqlite", "");
	root_mkdir(r, "var/lib");
	assert_int_equal(symlinkat("../../usr/lib/elsewhere", r->fd, "var/lib/rpm"), 0);
	is_at(r, "/usr/lib/elsewhere", true);
	assert_int_equal(unlinkat(r->fd, "var/lib/rpm", 0), 0);
	assert_int_equal(symlinkat("/usr/lib/elsewhere", r->fd, "var/lib/rpm"), 0);
	is_at(r, "/usr/lib/elsewhere", true);
	assert_int_equal(unlinkat(r->fd, "var/lib/rpm", 0), 0);
	/* it exists, but not below the root */
	assert_non_null(mkdtemp(outside));
	snprintf(path, sizeof(path), "%s/rpmdb.sqlite", outside);
	close(open(path, O_WRONLY | O_CREAT, 0644));
	assert_int_equal(symlinkat(outside, r->fd, "var/lib/rpm"), 0);
	is_at(r, "/var/lib/rpm", false);
	{
		bool there;

		/* no directory is created for a dangling link */
		assert_null(mf_rpmdb_directory(&r->ctx, true, &there));
	}
	assert_int_equal(mf_tree_remove(AT_FDCWD, outside), 0);
}

static void it_is_made_where_it_shall_be(void **state)
{
	struct root *r = *state;
	bool there = true;
	_cleanup_free_ char *directory = mf_rpmdb_directory(&r->ctx, true, &there);

	assert_string_equal(directory, "/var/lib/rpm");
	assert_false(there);
	assert_true(root_has(r, "var/lib/rpm"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(it_is_where_one_is),
		ROOTED(the_configuration_of_rpm_says_where_it_is),
		ROOTED(the_configuration_is_read_once_a_run),
		ROOTED(a_database_has_a_format),
		ROOTED(a_setting_decides),
		ROOTED(links_are_followed_below_the_root_and_none_is_left),
		ROOTED(it_is_made_where_it_shall_be),
	};

	return UNIT_RUN(tests);
}
