/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a run finds at its beginning and leaves at its end, with ledgers written by hand. Packages,
 * kills and kernels that come and go: tests/road/weak.py.
 */
#include "tests/unit.h"
#include "tests/root.h"
#include "src/links/ledger.h"
#include "src/links/place.h"

#define OTHER	"6.1.0-55-amd64"
#define LEDGER	"var/lib/modfetch/links"
#define ENTRY	"l " KERNEL " weak-updates/x.ko /lib/modules/" OTHER "/x.ko p\n"
#define SECOND	"l " KERNEL " weak-updates/y.ko /lib/modules/" OTHER "/y.ko p\n"
#define LINK(x) "lib/modules/" KERNEL "/weak-updates/" x ".ko"

/* Two kernels, and a link of ours from one to the other. */
static void prepare(struct root *r, const char *ledger)
{
	root_write(r, "lib/modules/" KERNEL "/modules.order", "");
	root_write(r, "lib/modules/" OTHER "/modules.order", "");
	root_write(r, "lib/modules/" OTHER "/x.ko", "module");
	root_mkdir(r, "lib/modules/" KERNEL "/weak-updates");
	root_link(r, "../../" OTHER "/x.ko", LINK("x"));
	root_write(r, LEDGER, ledger);
}

static void assert_ledger(struct root *r, const char *text)
{
	_cleanup_free_ char *found = root_read(r, LEDGER);

	assert_string_equal(found, text);
}

static void a_run_without_links_changes_nothing(void **state)
{
	struct root *r = *state;

	assert_int_equal(mf_links_recover(&r->ctx), 0);
	assert_int_equal(mf_links_settle(&r->ctx), 0);
	assert_false(root_has(r, LEDGER));
}

static void a_link_in_order_stays(void **state)
{
	struct root *r = *state;

	prepare(r, "modfetch links 1\n" ENTRY ".\n");
	assert_int_equal(mf_links_recover(&r->ctx), 0);
	assert_true(root_has(r, LINK("x")));
	assert_ledger(r, "modfetch links 1\n" ENTRY ".\n");
	/* and no index was made */
	assert_false(root_has(r, "lib/modules/" KERNEL "/modules.dep"));
}

static void a_link_whose_module_is_gone_goes_with_its_directory(void **state)
{
	struct root *r = *state;

	prepare(r, "modfetch links 1\nd " KERNEL "/weak-updates\n" ENTRY ".\n");
	assert_int_equal(unlinkat(r->fd, "lib/modules/" OTHER "/x.ko", 0), 0);
	assert_int_equal(mf_links_recover(&r->ctx), 1);
	assert_false(root_has(r, LINK("x")));
	assert_false(root_has(r, "lib/modules/" KERNEL "/weak-updates"));
	assert_false(root_has(r, LEDGER));
	assert_true(root_has(r, "lib/modules/" KERNEL "/modules.dep"));
	assert_int_equal(mf_links_recover(&r->ctx), 0);
}

static void a_link_of_a_kernel_that_is_gone_goes(void **state)
{
	struct root *r = *state;

	prepare(r, "modfetch links 1\nd " KERNEL "/weak-updates\n" ENTRY ".\n");
	assert_int_equal(unlinkat(r->fd, "lib/modules/" KERNEL "/modules.order", 0), 0);
	assert_int_equal(mf_links_recover(&r->ctx), 1);
	assert_false(root_has(r, "lib/modules/" KERNEL "/weak-updates"));
	assert_false(root_has(r, LEDGER));
	assert_false(root_has(r, "lib/modules/" KERNEL "/modules.dep"));
}

static void a_link_that_was_replaced_is_forgotten(void **state)
{
	struct root *r = *state;

	prepare(r, "modfetch links 1\n" ENTRY ".\n");
	assert_int_equal(unlinkat(r->fd, LINK("x"), 0), 0);
	root_link(r, "/lib/modules/" OTHER "/x.ko", LINK("x"));
	assert_int_equal(mf_links_recover(&r->ctx), 1);
	assert_true(root_has(r, LINK("x")));
	assert_false(root_has(r, LEDGER));
}

static void after_a_crash_a_link_that_no_package_explains_goes(void **state)
{
	struct root *r = *state;

	prepare(r, "modfetch links 1 pending\n" ENTRY SECOND ".\n");
	assert_int_equal(mf_links_recover(&r->ctx), 1);
	assert_false(root_has(r, LINK("x")));
	assert_false(root_has(r, LEDGER));
	assert_true(root_has(r, "lib/modules/" KERNEL "/modules.dep"));
}

static void what_is_there_at_the_end_stays_in_the_ledger(void **state)
{
	struct root *r = *state;

	prepare(r, "modfetch links 1 pending\nd " KERNEL "/weak-updates\nd " KERNEL
		   "/weak-updates/gone\n" ENTRY SECOND ".\n");
	assert_int_equal(mf_links_settle(&r->ctx), 0);
	assert_ledger(r, "modfetch links 1\nd " KERNEL "/weak-updates\n" ENTRY ".\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_run_without_links_changes_nothing),
		ROOTED(a_link_in_order_stays),
		ROOTED(a_link_whose_module_is_gone_goes_with_its_directory),
		ROOTED(a_link_of_a_kernel_that_is_gone_goes),
		ROOTED(a_link_that_was_replaced_is_forgotten),
		ROOTED(after_a_crash_a_link_that_no_package_explains_goes),
		ROOTED(what_is_there_at_the_end_stays_in_the_ledger),
	};

	return UNIT_RUN(tests);
}
