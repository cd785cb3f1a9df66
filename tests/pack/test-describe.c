/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Texts of .modinfo as they are written into a spec. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include "src/pack/model.h"
#include <stdlib.h>
#include <string.h>

static void check(const char *field, size_t max, const char *want)
{
	char *text = pack_describe_text(field, max);

	assert_string_equal(text, want);
	free(text);
}

static void text_becomes_one_line_of_utf8(void **state)
{
	check("  Driver\n\tof  things \n", 100, "Driver of things");
	check("100%{nil} %(rm)", 100, "100%%{nil} %%(rm)");
	check("caf\xe9", 100, "caf\xc3\xa9");
	check("caf\xc3\xa9 \xf0\x9f\x98\x80", 100, "caf\xc3\xa9 \xf0\x9f\x98\x80");
	/* overlong, a surrogate, beyond the last character, cut short: each byte is Latin-1 */
	check("\xc0\xaf", 100, "\xc3\x80\xc2\xaf");
	check("\xed\xa0\x80", 100, "\xc3\xad\xc2\xa0\xc2\x80");
	check("\xf4\x90\x80\x80", 100, "\xc3\xb4\xc2\x90\xc2\x80\xc2\x80");
	check("a\xe2\x82", 100, "a\xc3\xa2\xc2\x82");
	check("\x01\x7f\x1b[31m", 100, "[31m");
	check("", 100, "");
}

static void a_limit_never_cuts_a_character(void **state)
{
	check("abcdef", 3, "abc");
	check("ab\xc3\xa9g", 3, "ab\xc3\xa9");
}

static void check_summary(const char *description, const char *want)
{
	struct pack_module module = { .name = "mod", .description = description };
	char *summary = pack_describe_summary(&module);

	assert_string_equal(summary, want);
	free(summary);
}

static void a_summary_is_never_empty_and_has_no_full_stop(void **state)
{
	check_summary("Driver of things.", "Driver of things");
	check_summary("Driver...", "Driver");
	check_summary(NULL, "Kernel module mod");
	check_summary(" \n", "Kernel module mod");
	check_summary(".", "Kernel module mod");
}

static void a_description_counts_devices_by_bus(void **state)
{
	const char *aliases[] = { "usb:v1p1", "pci:v1", "pci:v2", "fs-x", "acpi*:X:*",
				  ":odd",     "pci:v3", "of:N*",  "i2c:a" };
	struct pack_module module = {
		.name = "mod",
		.license = "GPL v2",
		.version = "1.2 \x01%",
		.fields[PACK_ALIAS] = aliases,
		.n_fields[PACK_ALIAS] = MF_ARRAY_SIZE(aliases),
	};
	char *text = pack_describe_long(&module);

	assert_string_equal(text,
			    "Kernel module mod, version 1.2 %%. Device patterns: 3 pci, 1 acpi, "
			    "1 i2c. License: GPL v2.");
	free(text);
	module = (struct pack_module){ .name = "mod" };
	text = pack_describe_long(&module);
	assert_string_equal(text, "Kernel module mod. License: not stated.");
	free(text);
}

static void more_buses_than_anybody_has_are_no_trouble(void **state)
{
	static char names[64][16];
	const char *aliases[64];
	struct pack_module module = { .name = "mod",
				      .fields[PACK_ALIAS] = aliases,
				      .n_fields[PACK_ALIAS] = 64 };
	char *text;

	for (size_t i = 0; i < 64; i++) {
		snprintf(names[i], sizeof(names[i]), "bus%02zu:x", i);
		aliases[i] = names[i];
	}
	text = pack_describe_long(&module);
	assert_non_null(strstr(text, "1 bus00, 1 bus01, 1 bus02."));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(text_becomes_one_line_of_utf8),
		UNIT(a_limit_never_cuts_a_character),
		UNIT(a_summary_is_never_empty_and_has_no_full_stop),
		UNIT(a_description_counts_devices_by_bus),
		UNIT(more_buses_than_anybody_has_are_no_trouble),
	};

	return UNIT_RUN(tests);
}
