/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The text of a list, and that the parser takes it back. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/list.h"
#include "modfetch/strings.h"

static void the_text_has_each_line_and_their_number(void **state)
{
	struct root *r = *state;
	struct mf_list list = { .kernel = strdup(KERNEL), .machine = strdup("x86_64") };
	struct mf_lists lists = { 0 };
	char *text;

	assert_int_equal(mf_strings_add(&list.lines[MF_LIST_PRESENT], "loop"), 0);
	assert_int_equal(mf_strings_add(&list.lines[MF_LIST_MISSING], "usb:v1D6Bp0002"), 0);
	text = mf_list_text(&list);
	assert_string_equal(text,
			    "modfetch-list 1\nkernel " KERNEL
			    "\nmachine x86_64\nmissing usb:v1D6Bp0002\npresent loop\nend 4\n");
	assert_int_equal(mf_lists_parse(&r->ctx, "text", text, strlen(text), &lists), 0);
	assert_string_equal(lists.v[0].lines[MF_LIST_PRESENT].v[0], "loop");
	mf_lists_done(&lists);
	free(text);
	mf_list_done(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = { ROOTED(the_text_has_each_line_and_their_number) };

	return UNIT_RUN(tests);
}
