/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit.h"
#include "modfetch/array.h"
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "src/box/output.h"

static void the_first_and_the_last_bytes_are_kept(void **state)
{
	_cleanup_(box_output_done) struct box_output output = { 0 };
	_cleanup_free_ char *text = NULL;
	char line[16];
	size_t len = 0;

	/* 2 MB in pieces that do not divide the size of the ring */
	for (int i = 0; i < 150000; i++) {
		snprintf(line, sizeof(line), "line %07d\n", i);
		assert_int_equal(box_output_add(&output, line, 13), 0);
	}
	assert_int_equal(box_output_text(&output, &text, &len), 0);
	assert_int_equal(strlen(text), len);
	assert_memory_equal(text, "line 0000000\nline 0000001\n", 26);
	assert_string_equal(text + len - 26, "line 0149998\nline 0149999\n");
	assert_non_null(strstr(text, "\n[901424 bytes of output are left out here]\n"));
	assert_in_range(len, BOX_HEAD_MAX + BOX_TAIL_MAX, BOX_HEAD_MAX + BOX_TAIL_MAX + 60);
}

static void what_fits_is_kept_as_it_is(void **state)
{
	for (size_t size = BOX_HEAD_MAX - 1; size <= BOX_HEAD_MAX + BOX_TAIL_MAX;
	     size += BOX_TAIL_MAX / 2) {
		_cleanup_(box_output_done) struct box_output output = { 0 };
		_cleanup_free_ char *text = NULL, *bytes = malloc(size);
		size_t len = 0;

		for (size_t i = 0; i < size; i++)
			bytes[i] = (char)('a' + i % 23);
		assert_int_equal(box_output_add(&output, bytes, size / 2), 0);
		assert_int_equal(box_output_add(&output, bytes + size / 2, size - size / 2), 0);
		assert_int_equal(box_output_text(&output, &text, &len), 0);
		assert_int_equal(len, size);
		assert_memory_equal(text, bytes, size);
	}
}

static void no_output_is_an_empty_text(void **state)
{
	_cleanup_(box_output_done) struct box_output output = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t len = 1;

	assert_int_equal(box_output_text(&output, &text, &len), 0);
	assert_int_equal(len, 0);
	assert_string_equal(text, "");
}

static void a_text_has_no_control_characters(void **state)
{
	static const char bytes[] = "a\033[31m\0b\x9b\r\tc\xff\n";
	_cleanup_(box_output_done) struct box_output output = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t len = 0;

	assert_int_equal(box_output_add(&output, bytes, sizeof(bytes) - 1), 0);
	assert_int_equal(box_output_text(&output, &text, &len), 0);
	assert_string_equal(text, "a?[31m?b??\tc?\n");
}

static void the_reason_is_in_the_output(void **state)
{
	assert_int_equal(box_output_reason("cp: x: No space left on device\n"), MF_BOX_SPACE);
	assert_int_equal(box_output_reason("File size limit exceeded"), MF_BOX_SPACE);
	assert_int_equal(box_output_reason("cc1: out of memory allocating 8 bytes"), MF_BOX_MEMORY);
	assert_int_equal(
		box_output_reason("gcc: fatal error: Killed signal terminated program cc1"),
		MF_BOX_MEMORY);
	assert_int_equal(box_output_reason("make: *** [x/Makefile:7: x.o] Terminated"),
			 MF_BOX_MEMORY);
	assert_int_equal(box_output_reason("  CC x.o\nTerminated\n"), MF_BOX_MEMORY);
	assert_int_equal(box_output_reason("x.c:1:1: error: \"Terminated\""), MF_BOX_FAILED);
	assert_int_equal(box_output_reason("make[1]: *** [x/Makefile:7: x.o] Killed"),
			 MF_BOX_MEMORY);
	assert_int_equal(box_output_reason("make: *** [Makefile:2: all] Error 137"), MF_BOX_MEMORY);
	assert_int_equal(box_output_reason("make: *** [Makefile:2: all] Error 1"), MF_BOX_FAILED);
	assert_int_equal(box_output_reason("x.c:1:1: error: x"), MF_BOX_FAILED);
	assert_int_equal(box_output_reason(""), MF_BOX_FAILED);
}

static const struct {
	const char *log, *first;
} logs[] = {
	{ "  CC [M]  /b/x.o\n/b/x.c:3:2: warning: #warning\n/b/x.c:4:2: error: #error no\nx.c:5:1: "
	  "error: y\n",
	  "/b/x.c:4:2: error: #error no" },
	{ "In file included from x.c:1:\nx.h:2:10: fatal error: linux/gone.h: No such file or "
	  "directory\n"
	  "compilation terminated.\nmake[2]: *** [scripts/Makefile.build:250: x.o] Error 1\n",
	  "x.h:2:10: fatal error: linux/gone.h: No such file or directory" },
	{ "make: *** /lib/modules/x/build: No such file or directory.  Stop.\n",
	  "make: *** /lib/modules/x/build: No such file or directory.  Stop." },
	{ "sh: 1: Cannot fork\nmake: *** [Makefile:2: all] Error 2\n", "sh: 1: Cannot fork" },
	{ "Makefile:3: *** missing separator.  Stop.",
	  "Makefile:3: *** missing separator.  Stop." },
	{ "  MODPOST Module.symvers\nERROR: modpost: \"gone\" [x.ko] undefined!\nmake: *** Error "
	  "1\n",
	  "ERROR: modpost: \"gone\" [x.ko] undefined!" },
	{ "ld: x.o: in function `f':\nx.c:(.text+0x5): undefined reference to `g'\n",
	  "x.c:(.text+0x5): undefined reference to `g'" },
	/* tried and not needed: the compiler's error is the one to read */
	{ "/bin/sh: 1: pahole: not found\n  CC x.o\nx.c:1:1: error: z\n", "x.c:1:1: error: z" },
	{ "/bin/sh: 1: gcc: not found\nmake: *** [Makefile:2: x] Error 127\n",
	  "/bin/sh: 1: gcc: not found" },
	{ "checking\n\n  nothing known \n \n", "  nothing known " },
	{ "x.c:1:1: error: \x1b[31mred\x1b[0m\xe2\x80\xae\tend\n",
	  "x.c:1:1: error: ?[31mred?[0m??? end" },
};

static void the_first_error_is_the_best_line(void **state)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(logs); i++) {
		_cleanup_free_ char *first = mf_box_first_error(logs[i].log, strlen(logs[i].log));

		assert_non_null(first);
		assert_string_equal(first, logs[i].first);
	}
	assert_null(mf_box_first_error("", 0));
	assert_null(mf_box_first_error("\n \n", 3));
}

static void an_error_is_short_and_whole_characters(void **state)
{
	_cleanup_free_ char *first = NULL;
	char log[2000] = "x.c:1: error: ";

	for (int i = 0; i < 600; i++)
		strcat(log, "\xc3\xa4");
	first = mf_box_first_error(log, strlen(log));
	assert_non_null(first);
	assert_in_range(strlen(first), 298, 300);
	assert_string_equal(first + strlen(first) - 5, "\xc3\xa4...");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(the_first_and_the_last_bytes_are_kept),
		UNIT(what_fits_is_kept_as_it_is),
		UNIT(no_output_is_an_empty_text),
		UNIT(a_text_has_no_control_characters),
		UNIT(the_reason_is_in_the_output),
		UNIT(the_first_error_is_the_best_line),
		UNIT(an_error_is_short_and_whole_characters),
	};

	return UNIT_RUN(tests);
}
