/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Metadata on its way to a medium: one directory for each repository, repomd.xml last. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/strings.h"
#include "src/travel/copies.h"

static void keep(struct root *r, struct travel_copies *c, const char *repo, const char *path,
		 const char *text)
{
	int fd = mf_memfile_new("test");

	assert_int_equal(mf_file_write(fd, text, strlen(text)), 0);
	assert_int_equal(c->keeper.keep(&c->keeper, &r->ctx, repo, path, fd), 0);
	close(fd);
}

static void the_files_are_written_as_they_were_published(void **state)
{
	struct root *r = *state;
	struct travel_medium medium;
	struct travel_copies c;
	char path[128], *text;

	snprintf(path, sizeof(path), "%s/a stick", r->path);
	assert_int_equal(travel_medium_open(&r->ctx, path, false, &medium), 0);
	travel_copies_init(&c, &medium);
	assert_non_null(strstr(c.keeper.have(&c.keeper, "t"), "/a%20stick/t"));
	/* a mirror whose files did not go together, and the next one */
	keep(r, &c, "t", "repodata/repomd.xml", "old");
	keep(r, &c, "t", "repodata/repomd.xml", "new");
	keep(r, &c, "t", "repodata/primary.xml", "data");
	keep(r, &c, "u", "repodata/repomd.xml", "other");
	assert_string_equal(travel_copies_place(&c, "t"), "t");
	assert_int_equal(travel_copies_write(&r->ctx, &c, &medium, "t", false), 0);
	assert_int_equal(medium.written, 2);
	assert_string_equal(medium.now.v[1].path, "t/repodata/repomd.xml");
	text = root_read(r, "a stick/t/repodata/repomd.xml");
	assert_string_equal(text, "new");
	free(text);
	assert_false(root_has(r, "a stick/u"));
	assert_null(travel_copies_place(&c, "none"));
	travel_copies_done(&c);
	travel_medium_done(&medium);
}

static void other_metadata_of_an_id_has_its_own_directory(void **state)
{
	struct root *r = *state;
	struct travel_medium medium = { .dirfd = -1 };
	struct travel_copies c;

	travel_copies_init(&c, &medium);
	assert_null(c.keeper.have(&c.keeper, "t"));
	keep(r, &c, "t", "repodata/repomd.xml", "one");
	assert_string_equal(travel_copies_place(&c, "t"), "t");
	travel_copies_reset(&c);
	keep(r, &c, "t", "repodata/repomd.xml", "two");
	assert_string_equal(travel_copies_place(&c, "t"), "t-2");
	travel_copies_reset(&c);
	keep(r, &c, "t", "repodata/repomd.xml", "one");
	assert_string_equal(travel_copies_place(&c, "t"), "t");
	travel_copies_done(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(the_files_are_written_as_they_were_published),
		ROOTED(other_metadata_of_an_id_has_its_own_directory),
	};

	return UNIT_RUN(tests);
}
