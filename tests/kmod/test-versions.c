/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Both forms of symbol versions, of either byte order and word size, valid and damaged. */
#include "tests/unit.h"
#include "src/kmod/versions.h"
#include <stdio.h>
#include <string.h>

#define ENTRY 64

static const struct mf_elf little64 = { .is_64bit = true }, big32 = { .is_big_endian = true };

static void put_entry(char *p, const void *crc, size_t word, const char *name)
{
	memset(p, 0, ENTRY);
	memcpy(p, crc, word);
	snprintf(p + word, ENTRY - word, "%s", name);
}

static void entries_of_64_bytes_are_found_by_name(void **state)
{
	struct mf_versions v;
	char basic[2 * ENTRY];

	put_entry(basic, "\x78\x56\x34\x12\0\0\0\0", 8, "printk");
	put_entry(basic + ENTRY, "\x01\0\0\0\0\0\0\0", 8, "kfree");
	assert_int_equal(mf_versions_init(&v, &little64, basic, sizeof(basic), NULL, 0, NULL, 0),
			 0);
	assert_int_equal(v.n, 2);
	assert_string_equal(v.v[0].name, "printk");
	assert_int_equal(mf_versions_find(&v, "printk")->crc, 0x12345678);
	assert_int_equal(mf_versions_find(&v, "kfree")->crc, 1);
	assert_null(mf_versions_find(&v, "kmalloc"));
	mf_versions_done(&v);
}

static void a_word_is_as_the_machine_has_it(void **state)
{
	struct mf_versions v;
	char basic[ENTRY];

	put_entry(basic, "\x12\x34\x56\x78", 4, "printk");
	assert_int_equal(mf_versions_init(&v, &big32, basic, sizeof(basic), NULL, 0, NULL, 0), 0);
	assert_int_equal(mf_versions_find(&v, "printk")->crc, 0x12345678);
	mf_versions_done(&v);
}

static void numbers_beside_names_are_read_too(void **state)
{
	static const uint8_t crcs[] = { 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3 };
	static const char names[] = "a_name_of_more_than_sixty_four_bytes_as_rust_has_them_"
				    "which_no_entry_can_hold\0b";
	struct mf_versions v;

	/* one CRC too many */
	assert_int_equal(
		mf_versions_init(&v, &big32, NULL, 0, crcs, sizeof(crcs), names, sizeof(names)), 0);
	assert_int_equal(v.n, 2);
	assert_int_equal(mf_versions_find(&v, names)->crc, 1);
	assert_int_equal(mf_versions_find(&v, "b")->crc, 2);
	mf_versions_done(&v);
	/* one name too many, and one without a final NUL */
	assert_int_equal(mf_versions_init(&v, &big32, NULL, 0, crcs, 4, "x\0y", 4), 0);
	assert_int_equal(v.n, 1);
	mf_versions_done(&v);
	assert_int_equal(mf_versions_init(&v, &big32, NULL, 0, crcs, 8, "x\0y", 3), 0);
	assert_int_equal(v.n, 1);
	mf_versions_done(&v);
}

static void of_two_with_one_name_the_first_counts(void **state)
{
	struct mf_versions v;
	char basic[2 * ENTRY];

	put_entry(basic, "\x01\0\0\0\0\0\0\0", 8, "printk");
	put_entry(basic + ENTRY, "\x02\0\0\0\0\0\0\0", 8, "printk");
	assert_int_equal(
		mf_versions_init(&v, &little64, basic, sizeof(basic), "\x03\0\0\0", 4, "printk", 7),
		0);
	assert_int_equal(v.n, 1);
	assert_int_equal(mf_versions_find(&v, "printk")->crc, 1);
	mf_versions_done(&v);
}

static void what_is_cut_short_is_left_out(void **state)
{
	struct mf_versions v;
	char basic[2 * ENTRY];

	put_entry(basic, "\x01\0\0\0\0\0\0\0", 8, "printk");
	memset(basic + ENTRY, 'x', ENTRY);
	/* a name that runs over the entry's end, and half an entry */
	for (size_t len = ENTRY; len <= 2 * ENTRY; len += ENTRY / 2) {
		assert_int_equal(mf_versions_init(&v, &little64, basic, len, NULL, 0, NULL, 0), 0);
		assert_int_equal(v.n, 1);
		mf_versions_done(&v);
	}
	assert_int_equal(mf_versions_init(&v, &little64, NULL, 0, NULL, 0, NULL, 0), 0);
	assert_null(mf_versions_find(&v, "printk"));
	mf_versions_done(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(entries_of_64_bytes_are_found_by_name),
		UNIT(a_word_is_as_the_machine_has_it),
		UNIT(numbers_beside_names_are_read_too),
		UNIT(of_two_with_one_name_the_first_counts),
		UNIT(what_is_cut_short_is_left_out),
	};

	return UNIT_RUN(tests);
}
