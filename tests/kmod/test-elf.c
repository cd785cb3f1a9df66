/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small objects of each word size and byte order, valid and damaged, in memory and in a file. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include "src/kmod/elf.h"
#include <elf.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/file.h"

/* Header, the bytes of .data, the names, four section headers. */
struct object {
	uint8_t bytes[1024];
	size_t len;
	bool is_64bit, is_big_endian;
};

static void put(struct object *o, size_t at, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		o->bytes[at + i] = (uint8_t)(value >> 8 * (o->is_big_endian ? size - 1 - i : i));
}

static void put_section(struct object *o, size_t table, size_t i, uint32_t name, uint32_t type,
			uint64_t offset, uint64_t size)
{
	size_t at = table + i * (o->is_64bit ? 64 : 40);

	put(o, at, name, 4);
	put(o, at + 4, type, 4);
	put(o, at + (o->is_64bit ? 24 : 16), offset, o->is_64bit ? 8 : 4);
	put(o, at + (o->is_64bit ? 32 : 20), size, o->is_64bit ? 8 : 4);
}

static struct object make(bool is_64bit, bool is_big_endian)
{
	static const char names[] = "\0.data\0.shstrtab\0.nobits";
	struct object o = { .is_64bit = is_64bit, .is_big_endian = is_big_endian };
	size_t data = 64, strings = 80, table = 128;

	memcpy(o.bytes, ELFMAG, SELFMAG);
	o.bytes[EI_CLASS] = is_64bit ? ELFCLASS64 : ELFCLASS32;
	o.bytes[EI_DATA] = is_big_endian ? ELFDATA2MSB : ELFDATA2LSB;
	o.bytes[EI_VERSION] = EV_CURRENT;
	put(&o, 16, ET_REL, 2);
	put(&o, 18, EM_S390, 2);
	put(&o, is_64bit ? 40 : 32, table, is_64bit ? 8 : 4);
	put(&o, is_64bit ? 58 : 46, is_64bit ? 64 : 40, 2);
	put(&o, is_64bit ? 60 : 48, 4, 2);
	put(&o, is_64bit ? 62 : 50, 2, 2);
	memcpy(o.bytes + data, "twelve bytes", 12);
	memcpy(o.bytes + strings, names, sizeof(names));
	put_section(&o, table, 1, 1, SHT_PROGBITS, data, 12);
	put_section(&o, table, 2, 7, SHT_STRTAB, strings, sizeof(names));
	put_section(&o, table, 3, 17, SHT_PROGBITS, 1000, 5000);
	o.len = table + 4 * (is_64bit ? 64 : 40);
	return o;
}

static void check(const struct object *o, struct mf_elf *elf)
{
	static const char *const names[] = { ".data", ".nothing", ".nobits", ".shstrtab" };
	struct mf_elf_section s[4], again;
	char text[13] = "";

	assert_int_equal(elf->is_64bit, o->is_64bit);
	assert_int_equal(elf->is_big_endian, o->is_big_endian);
	assert_int_equal(elf->machine, EM_S390);
	mf_elf_find(elf, names, 4, s);
	assert_int_equal(s[0].index, 1);
	assert_int_equal(s[0].size, 12);
	assert_int_equal(mf_elf_read(elf, s[0].offset, text, 12), 0);
	assert_string_equal(text, "twelve bytes");
	assert_int_equal(s[1].index, 0);
	/* it exceeds the end of the file */
	assert_int_equal(s[2].index, 0);
	assert_int_equal(s[3].index, 2);
	assert_int_equal(mf_elf_section_at(elf, 1, &again), 0);
	assert_int_equal(again.offset, s[0].offset);
	assert_int_equal(mf_elf_section_at(elf, 4, &again), -EBADMSG);
	assert_int_equal(mf_elf_read(elf, o->len - 4, text, 5), -EBADMSG);
	assert_int_equal(mf_elf_read(elf, UINT64_MAX - 1, text, 12), -EBADMSG);
	mf_elf_done(elf);
}

static void sections_are_found_whatever_the_machine(void **state)
{
	for (int kind = 0; kind < 4; kind++) {
		struct object o = make(kind & 1, kind & 2);
		int fd = mf_memfile_new("object");
		struct mf_elf elf;

		assert_int_equal(mf_elf_init(&elf, o.bytes, -1, o.len), 0);
		check(&o, &elf);
		assert_int_equal(mf_file_write(fd, o.bytes, o.len), 0);
		assert_int_equal(mf_elf_init(&elf, NULL, fd, o.len), 0);
		check(&o, &elf);
		close(fd);
	}
}

static void what_is_cut_short_is_refused_at_every_length(void **state)
{
	struct object o = make(true, false);
	struct mf_elf elf;

	for (size_t len = 0; len < o.len; len++)
		assert_int_equal(mf_elf_init(&elf, o.bytes, -1, len), -EBADMSG);
}

static void what_is_no_object_is_refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} damage[] = {
		{ 0, 0 },
		{ EI_CLASS, 3 },
		{ EI_DATA, 0 },
		{ 46, 1 } /* a section table outside of the file */,
		{ 58, 1 },
		{ 62, 9 },
		{ 62, 1 } /* names without a final NUL */,
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(damage); i++) {
		struct object o = make(true, false);
		struct mf_elf elf;

		o.bytes[damage[i].at] = damage[i].value;
		if (mf_elf_init(&elf, o.bytes, -1, o.len) != -EBADMSG)
			fail_msg("byte %zu = %u was taken", damage[i].at, damage[i].value);
	}
}

static void symbols_are_read_by_their_class(void **state)
{
	static const uint8_t little64[24] = { 5, 0, 0, 0, 0x21, 0, 7, 0, 0x10, 0x32 };
	static const uint8_t big32[16] = {
		0, 0, 0, 5, 0, 0, 0x32, 0x10, 0, 0, 0, 0, 0x21, 0, 0, 7
	};
	struct mf_elf elf = { .is_64bit = true };
	struct mf_elf_symbol s = mf_elf_symbol(&elf, little64);

	for (int i = 0; i < 2; i++) {
		assert_int_equal(s.name, 5);
		assert_int_equal(s.value, 0x3210);
		assert_int_equal(s.section, 7);
		assert_int_equal(s.bind, 2);
		assert_int_equal(s.type, 1);
		elf = (struct mf_elf){ .is_big_endian = true };
		s = mf_elf_symbol(&elf, big32);
	}
	assert_int_equal(mf_elf_symbol_size(&elf), 16);
	assert_int_equal(mf_elf_uint(&elf, "\x01\x02\x03\x04\x05\x06\x07\x08", 8),
			 0x0102030405060708);
}

static void the_numbers_of_a_header_are_read_in_each_form(void **state)
{
	for (int form = 0; form < 4; form++) {
		struct object o = make(form & 1, form & 2);
		size_t at = 128 + (o.is_64bit ? 64 : 40), word = o.is_64bit ? 8 : 4;
		size_t link = at + (o.is_64bit ? 40 : 24);
		struct mf_elf_header header;
		struct mf_elf elf;

		put(&o, at + 8, 0x36, word);
		put(&o, link, 5, 4);
		put(&o, link + 4, 6, 4);
		put(&o, link + 8, 16, word);
		put(&o, link + 8 + word, 24, word);
		assert_int_equal(mf_elf_init(&elf, o.bytes, -1, o.len), 0);
		mf_elf_header(&elf, 1, &header);
		assert_int_equal(header.type, SHT_PROGBITS);
		assert_int_equal(header.flags, 0x36);
		assert_int_equal(header.size, 12);
		assert_int_equal(header.link, 5);
		assert_int_equal(header.info, 6);
		assert_int_equal(header.align, 16);
		assert_int_equal(header.entry_size, 24);
		mf_elf_done(&elf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(the_numbers_of_a_header_are_read_in_each_form),
		UNIT(sections_are_found_whatever_the_machine),
		UNIT(what_is_cut_short_is_refused_at_every_length),
		UNIT(what_is_no_object_is_refused),
		UNIT(symbols_are_read_by_their_class),
	};

	return UNIT_RUN(tests);
}
