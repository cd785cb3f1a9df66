/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests the mark of a run that may load modules. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/load.h"
#include "modfetch/file.h"

static void the_mark_comes_and_goes(void **state)
{
	struct root *r = *state;

	mf_loading_mark(&r->ctx);
	mf_loading_mark(&r->ctx);
	assert_int_equal(faccessat(r->fd, MF_LOADING_FILE, F_OK, 0), 0);
	mf_loading_unmark(&r->ctx);
	assert_int_equal(faccessat(r->fd, MF_LOADING_FILE, F_OK, 0), -1);
	mf_loading_unmark(&r->ctx);
}

static void a_link_in_its_place_is_not_followed(void **state)
{
	struct root *r = *state;

	root_mkdir(r, "run/modfetch");
	assert_int_equal(symlinkat("../victim", r->fd, MF_LOADING_FILE), 0);
	mf_loading_mark(&r->ctx);
	assert_int_equal(faccessat(r->fd, "run/victim", F_OK, 0), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(the_mark_comes_and_goes),
		ROOTED(a_link_in_its_place_is_not_followed),
	};

	return UNIT_RUN(tests);
}
