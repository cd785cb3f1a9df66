/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One link on disk: made, recognized, removed; nothing of others is touched. */
#include "tests/unit.h"
#include "tests/root.h"
#include "src/links/place.h"

#define OTHER "6.1.0-55-amd64"
#define PATH  "weak-updates/updates/x.ko"
#define LINK  "lib/modules/" KERNEL "/" PATH

static const struct mf_link link_ = { (char *)KERNEL, (char *)PATH,
				      (char *)"/lib/modules/" OTHER "/updates/x.ko", (char *)"p" };

static void prepare(struct root *r)
{
	root_write(r, "lib/modules/" KERNEL "/modules.order", "");
	root_write(r, "lib/modules/" OTHER "/updates/x.ko", "module");
}

static void it_is_made_with_its_directories_and_goes_with_them(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_strings_done) struct mf_strings directories = { 0 };
	char text[200] = "";

	prepare(r);
	assert_int_equal(links_place_look(&r->ctx, &link_), LINKS_FREE);
	assert_int_equal(links_place_missing(&r->ctx, &link_, &directories), 0);
	assert_int_equal(directories.n, 2);
	assert_string_equal(directories.v[0], KERNEL "/weak-updates");
	assert_int_equal(links_place_make(&r->ctx, &link_), 0);
	assert_int_equal(links_place_make(&r->ctx, &link_), 0);
	assert_int_equal(links_place_look(&r->ctx, &link_), LINKS_OURS);
	assert_true(readlinkat(r->fd, LINK, text, sizeof(text) - 1) > 0);
	assert_string_equal(text, "../../../" OTHER "/updates/x.ko");
	assert_int_equal(links_place_remove(&r->ctx, &link_, &directories), 0);
	assert_false(root_has(r, "lib/modules/" KERNEL "/weak-updates"));
	assert_int_equal(directories.n, 0);
	assert_int_equal(links_place_remove(&r->ctx, &link_, &directories), 0);
}

static void a_directory_of_others_stays(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_strings_done) struct mf_strings directories = { 0 };

	prepare(r);
	root_mkdir(r, "lib/modules/" KERNEL "/weak-updates");
	assert_int_equal(links_place_missing(&r->ctx, &link_, &directories), 0);
	assert_int_equal(directories.n, 1);
	assert_int_equal(links_place_make(&r->ctx, &link_), 0);
	assert_int_equal(links_place_remove(&r->ctx, &link_, &directories), 0);
	assert_true(root_has(r, "lib/modules/" KERNEL "/weak-updates"));
	assert_false(root_has(r, "lib/modules/" KERNEL "/weak-updates/updates"));
}

static void without_module_or_kernel_it_is_dead(void **state)
{
	struct root *r = *state;

	prepare(r);
	assert_int_equal(links_place_make(&r->ctx, &link_), 0);
	assert_int_equal(unlinkat(r->fd, "lib/modules/" KERNEL "/modules.order", 0), 0);
	assert_int_equal(links_place_look(&r->ctx, &link_), LINKS_DEAD);
	root_write(r, "lib/modules/" KERNEL "/modules.order", "");
	assert_int_equal(unlinkat(r->fd, "lib/modules/" OTHER "/updates/x.ko", 0), 0);
	assert_int_equal(links_place_look(&r->ctx, &link_), LINKS_DEAD);
	/* a link to elsewhere in place of the module is not the module */
	root_write(r, "etc/secret", "x");
	root_link(r, "/etc/secret", "lib/modules/" OTHER "/updates/x.ko");
	assert_int_equal(links_place_look(&r->ctx, &link_), LINKS_DEAD);
}

static void what_is_not_exactly_this_link_is_of_others(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_strings_done) struct mf_strings directories = { 0 };

	prepare(r);
	root_mkdir(r, "lib/modules/" KERNEL "/weak-updates/updates");
	root_link(r, "/lib/modules/" OTHER "/updates/x.ko", LINK);
	assert_int_equal(links_place_look(&r->ctx, &link_), LINKS_OF_OTHERS);
	assert_int_equal(links_place_make(&r->ctx, &link_), -EEXIST);
	assert_int_equal(links_place_remove(&r->ctx, &link_, &directories), 0);
	assert_true(root_has(r, LINK));
	assert_int_equal(unlinkat(r->fd, LINK, 0), 0);
	root_write(r, LINK, "a file");
	assert_int_equal(links_place_look(&r->ctx, &link_), LINKS_OF_OTHERS);
	assert_int_equal(links_place_make(&r->ctx, &link_), -EEXIST);
	assert_int_equal(links_place_remove(&r->ctx, &link_, &directories), 0);
	assert_true(root_has(r, LINK));
}

static void a_directory_that_leads_elsewhere_gets_no_link(void **state)
{
	struct root *r = *state;

	prepare(r);
	root_mkdir(r, "srv/elsewhere/updates");
	root_link(r, "/srv/elsewhere", "lib/modules/" KERNEL "/weak-updates");
	assert_int_equal(links_place_make(&r->ctx, &link_), -EXDEV);
	assert_false(root_has(r, "srv/elsewhere/updates/x.ko"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(it_is_made_with_its_directories_and_goes_with_them),
		ROOTED(a_directory_of_others_stays),
		ROOTED(without_module_or_kernel_it_is_dead),
		ROOTED(what_is_not_exactly_this_link_is_of_others),
		ROOTED(a_directory_that_leads_elsewhere_gets_no_link),
	};

	return UNIT_RUN(tests);
}
