/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds the strings in the read-only sections of a module.
 *
 * The compiler puts literals into .rodata.str1.1 and .rodata.str1.8 (which the linker merges, so
 * that each occurs once) and constant tables with names in arrays of characters into .rodata. Both
 * are walked in the same way: a string is a run of printable bytes that ends in a NUL. A run that
 * ends in another byte is no string. A string with a blank is skipped: it is a message, not a name.
 *
 * Trusts no byte: mf_elf_section_at() checks the sections, and a run never leaves its section.
 */
#include "modfetch/modinfo.h"
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include "elf.h"

static int walk_section(const char *p, size_t len, mf_rostring_fn *fn, void *arg)
{
	size_t start = 0;
	bool has_blank = false;

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)p[i];

		if (c > ' ' && c < 0x7f)
			continue;
		if (c == ' ' || c == '\t' || c == '\n') {
			has_blank = true;
			continue;
		}
		if (!c && !has_blank && i - start >= 2 && i - start <= MF_ROSTRING_MAX) {
			int r = fn(arg, p + start);

			if (r)
				return r;
		}
		start = i + 1;
		has_blank = false;
	}
	return 0;
}

int mf_rostrings_each(const void *buf, size_t len, mf_rostring_fn *fn, void *arg)
{
	struct mf_elf elf;
	int r = mf_elf_init(&elf, buf, -1, len);

	if (r < 0)
		return r;
	for (uint32_t i = 1; !r && i < elf.n_sections; i++) {
		const char *name = mf_elf_section_name(&elf, i);
		struct mf_elf_section section;

		if (strncmp(name, ".rodata", 7) != 0 || mf_elf_section_at(&elf, i, &section) < 0)
			continue;
		r = walk_section((const char *)elf.buf + section.offset, section.size, fn, arg);
	}
	mf_elf_done(&elf);
	return r;
}
