/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which sources are found, and under which name and version. Source rpms: test-rpm-recipe.c. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/source.h"

/* The found ones as "NAME VERSION PATH;". */
static void finds(struct root *r, const char *name, const char *expected)
{
	struct mf_sources sources = { 0 };
	char text[2048] = "";

	assert_int_equal(mf_sources_find(&r->ctx, name, &sources), 0);
	for (size_t i = 0; i < sources.n; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s %s %s;",
			 sources.v[i].name, sources.v[i].version, sources.v[i].path);
	assert_string_equal(text, expected);
	mf_sources_done(&sources);
}

static void trees_are_found_by_name_the_newest_first(void **state)
{
	struct root *r = *state;

	finds(r, NULL, "");
	root_write(r, "usr/src/a-1.9/dkms.conf", "PACKAGE_NAME=a\n");
	root_write(r, "usr/src/a-1.10/dkms.conf", "PACKAGE_NAME=a\n");
	root_write(r, "usr/src/ab-2/dkms.conf", "PACKAGE_NAME=ab\n");
	root_write(r, "usr/src/linux-headers-6.1/Makefile", "");
	root_write(r, "usr/src/file", "");
	finds(r, NULL, "a 1.10 usr/src/a-1.10;a 1.9 usr/src/a-1.9;ab 2 usr/src/ab-2;");
	finds(r, "a", "a 1.10 usr/src/a-1.10;a 1.9 usr/src/a-1.9;");
	finds(r, "a/1.9", "a 1.9 usr/src/a-1.9;");
	finds(r, "a/1.1", "");
	finds(r, "b", "");
}

static void the_file_says_where_the_version_begins(void **state)
{
	struct root *r = *state;

	root_write(r, "usr/src/a-b-1.0-2/dkms.conf", "PACKAGE_NAME=a-b\nPACKAGE_VERSION=1.0-2\n");
	root_write(r, "usr/src/c-3-git/dkms.conf", "if x; then\nPACKAGE_NAME=no\n");
	root_write(r, "usr/src/d-git-r1/dkms.conf", "PACKAGE_NAME=d\nif x; then\n");
	root_write(r, "usr/src/e-f-1/dkms.conf", "PACKAGE_NAME=other\n");
	root_write(r, "usr/src/none/dkms.conf", "PACKAGE_NAME=none\n");
	finds(r, NULL,
	      "a-b 1.0-2 usr/src/a-b-1.0-2;c 3-git usr/src/c-3-git;d git-r1 usr/src/d-git-r1;"
	      "e-f 1 usr/src/e-f-1;");
}

static void what_dkms_has_added_is_found_once(void **state)
{
	struct root *r = *state;

	root_write(r, "usr/src/a-1/dkms.conf", "");
	root_write(r, "opt/b/dkms.conf", "");
	root_mkdir(r, "var/lib/dkms/a/1");
	root_mkdir(r, "var/lib/dkms/b/2");
	root_link(r, "/usr/src/a-1", "var/lib/dkms/a/1/source");
	root_link(r, "/opt/b", "var/lib/dkms/b/2/source");
	root_link(r, "1/" KERNEL "/x86_64", "var/lib/dkms/a/kernel-" KERNEL "-x86_64");
	root_write(r, "var/lib/dkms/dkms_dbversion", "2.0.0");
	finds(r, NULL, "a 1 usr/src/a-1;b 2 var/lib/dkms/b/2/source;");
}

static void links_and_names_do_not_lead_out(void **state)
{
	struct root *r = *state;

	root_mkdir(r, "usr/src");
	root_link(r, "../../../../../../../etc", "usr/src/out-1");
	root_write(r, "usr/src/a%{x}-1/dkms.conf", "");
	root_write(r, "usr/src/a b-1/dkms.conf", "");
	root_write(r, "usr/src/a-1\n/dkms.conf", "");
	root_write(r, "usr/src/-1/dkms.conf", "");
	root_mkdir(r, "usr/src/pipe-1");
	assert_int_equal(mkfifoat(r->fd, "usr/src/pipe-1/dkms.conf", 0644), 0);
	root_mkdir(r, "usr/src/directory-1/dkms.conf");
	root_write(r, "usr/src/akmods/x.src.rpm", "no package");
	finds(r, NULL, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(trees_are_found_by_name_the_newest_first),
		ROOTED(the_file_says_where_the_version_begins),
		ROOTED(what_dkms_has_added_is_found_once),
		ROOTED(links_and_names_do_not_lead_out),
	};

	return UNIT_RUN(tests);
}
