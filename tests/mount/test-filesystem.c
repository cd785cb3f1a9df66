/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The marks of file systems, where they are and one byte beside it. */
#include "tests/unit.h"
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/mount.h"

static const struct mark {
	const char *name;
	size_t at;
	const char *bytes;
	size_t also_at;
	const char *also;
} marks[] = {
	{ "exfat", 3, "EXFAT   ", 0, "" },
	{ "vfat", 54, "FAT12   ", 510, "\x55\xaa" },
	{ "vfat", 54, "FAT16   ", 510, "\x55\xaa" },
	{ "vfat", 82, "FAT32   ", 510, "\x55\xaa" },
	{ "ext4", 1080, "\x53\xef", 0, "" },
	{ "iso9660", 32769, "CD001", 0, "" },
	{ "udf", 32769, "NSR02", 0, "" },
	{ "udf", 32769 + 2048 * 3, "NSR03", 0, "" },
};

static void make(char head[MF_FILESYSTEM_HEAD], const struct mark *mark, size_t shift)
{
	memset(head, 0, MF_FILESYSTEM_HEAD);
	memcpy(head + mark->at + shift, mark->bytes, strlen(mark->bytes));
	memcpy(head + mark->also_at + shift, mark->also, strlen(mark->also));
}

static void each_mark_is_found_at_its_byte_alone(void **state)
{
	static char head[MF_FILESYSTEM_HEAD];

	for (size_t i = 0; i < MF_ARRAY_SIZE(marks); i++) {
		size_t end = marks[i].at + strlen(marks[i].bytes);

		make(head, &marks[i], 0);
		assert_string_equal(mf_filesystem_of(head, sizeof(head)), marks[i].name);
		if (*marks[i].also)
			end = marks[i].also_at + strlen(marks[i].also);
		assert_string_equal(mf_filesystem_of(head, end), marks[i].name);
		assert_null(mf_filesystem_of(head, end - 1));
		make(head, &marks[i], 1);
		assert_null(mf_filesystem_of(head, sizeof(head)));
		assert_true(mf_filesystem_known(marks[i].name));
	}
	assert_null(mf_filesystem_of("", 0));
	assert_false(mf_filesystem_known("ext2"));
	assert_false(mf_filesystem_known(""));
}

static void a_disc_with_both_is_iso9660(void **state)
{
	static char head[MF_FILESYSTEM_HEAD];

	memcpy(head + 32769, "CD001", 5);
	memcpy(head + 32769 + 2048, "NSR03", 5);
	assert_string_equal(mf_filesystem_of(head, sizeof(head)), "iso9660");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mark_is_found_at_its_byte_alone),
		cmocka_unit_test(a_disc_with_both_is_iso9660),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
