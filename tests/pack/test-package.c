/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The fingerprint of a package: the members that change it, and those that must not. */
#include "tests/unit.h"
#include "tests/packs.h"

static char *fingerprint(const struct pack_package *package)
{
	struct pack_package copy = *package;

	pack_package_set_fingerprint(&copy);
	assert_int_equal(strlen(copy.fingerprint), 64);
	return strdup(copy.fingerprint);
}

/* The fingerprint with one text changed; the text is restored. */
static void check_changes(struct pack_package *package, char **text, bool changes)
{
	char *before = fingerprint(package), *kept = *text, *after;
	char other[] = "something else";

	*text = other;
	after = fingerprint(package);
	assert_int_equal(strcmp(before, after) != 0, changes);
	*text = kept;
	free(before);
	free(after);
}

static void every_text_counts_but_version_and_revision(void **state)
{
	struct packs *p = packs_new();
	struct pack_package *package = packs_package(p, "x-kmp", "x86_64");

	check_changes(package, &package->name, true);
	check_changes(package, &package->summary, true);
	check_changes(package, &package->license, true);
	check_changes(package, &package->description, true);
	check_changes(package, &package->relations, true);
	check_changes(package, &package->version, false);
	check_changes(package, &package->revision, false);
	packs_free(p);
}

static void a_file_counts_by_its_bytes_and_its_place(void **state)
{
	struct packs *p = packs_new();
	char *prints[3];

	packs_write(p, "a", "one");
	packs_write(p, "b", "one");
	packs_write(p, "c", "two");
	for (size_t i = 0; i < 3; i++) {
		struct pack_package *package = packs_package(p, "x", "noarch");
		const char source[] = { (char)('a' + i), '\0' };

		assert_int_equal(pack_package_file(package, p->dir, source, "/lib/x", NULL, 0), 0);
		assert_int_equal(package->size, 3);
		prints[i] = fingerprint(package);
	}
	assert_string_equal(prints[0], prints[1]);
	assert_string_not_equal(prints[0], prints[2]);
	for (size_t i = 0; i < 3; i++)
		free(prints[i]);
	packs_free(p);
}

static void a_file_that_is_not_there_is_an_error(void **state)
{
	struct packs *p = packs_new();
	struct pack_package *package = packs_package(p, "x", "noarch");

	assert_int_equal(pack_package_file(package, p->dir, "absent", "/x", NULL, 0), -ENOENT);
	assert_int_equal(package->n_files, 0);
	packs_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(every_text_counts_but_version_and_revision),
		UNIT(a_file_counts_by_its_bytes_and_its_place),
		UNIT(a_file_that_is_not_there_is_an_error),
	};

	return UNIT_RUN(tests);
}
