/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A reader of ELF section tables and symbol entries.
 *
 * Fields are read by offset, byte by byte, rather than through <elf.h>'s structs: the object may
 * have the other byte order or word size, and may be unaligned. A section that exceeds the end of
 * the file is skipped; if the section table exceeds it, the file is damaged.
 *
 * From a descriptor only the header, the section table and its names are read here; the caller then
 * reads the sections that it needs. A module is mostly code, relocations and debug data, so most of
 * the file is not read, and pread(2) cannot raise SIGBUS if the file is truncated concurrently.
 */
#include "elf.h"
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/array.h"

/* Offsets and sizes that differ between the two classes. */
struct layout {
	uint8_t header_size;
	uint8_t shoff, shentsize, shnum, shstrndx; /* in the header */
	uint8_t word;				   /* bytes of an offset or size */
	uint8_t section_size, sh_offset, sh_size;  /* in a section header */
	uint8_t symbol_size, st_info, st_shndx, st_value;
};

static const struct layout layouts[] = {
	{ 52, 32, 46, 48, 50, 4, 40, 16, 20, 16, 12, 14, 4 },
	{ 64, 40, 58, 60, 62, 8, 64, 24, 32, 24, 4, 6, 8 },
};

static const struct layout *layout(const struct mf_elf *elf)
{
	return &layouts[elf->is_64bit];
}

uint64_t mf_elf_uint(const struct mf_elf *elf, const void *p, size_t size)
{
	const uint8_t *bytes = p;
	uint64_t value = 0;

	for (size_t i = 0; i < size; i++)
		value = value << 8 | bytes[elf->is_big_endian ? i : size - 1 - i];
	return value;
}

int mf_elf_read(const struct mf_elf *elf, uint64_t offset, void *buf, size_t len)
{
	uint8_t *to = buf;

	if (offset > elf->len || len > elf->len - offset)
		return -EBADMSG;
	if (elf->buf) {
		if (len)
			memcpy(to, elf->buf + offset, len);
		return 0;
	}
	while (len) {
		ssize_t got = pread(elf->fd, to, len, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			return -EBADMSG;
		to += got;
		offset += (uint64_t)got;
		len -= (size_t)got;
	}
	return 0;
}

/* Returns a pointer to bytes of the object: into the buffer, or to a copy in *OWNED. */
static int borrow(const struct mf_elf *elf, uint64_t offset, uint64_t len, void **owned,
		  const void **ret_p)
{
	int r;

	if (offset > elf->len || len > elf->len - offset)
		return -EBADMSG;
	if (elf->buf) {
		*ret_p = elf->buf + offset;
		return 0;
	}
	*owned = malloc(len ? len : 1);
	if (!*owned)
		return -ENOMEM;
	r = mf_elf_read(elf, offset, *owned, len);
	if (r < 0)
		return r;
	*ret_p = *owned;
	return 0;
}

static int elf_identify(struct mf_elf *elf, const uint8_t *ident)
{
	if (memcmp(ident, ELFMAG, SELFMAG) != 0 ||
	    (ident[EI_CLASS] != ELFCLASS32 && ident[EI_CLASS] != ELFCLASS64) ||
	    (ident[EI_DATA] != ELFDATA2LSB && ident[EI_DATA] != ELFDATA2MSB))
		return -EBADMSG;
	elf->is_64bit = ident[EI_CLASS] == ELFCLASS64;
	elf->is_big_endian = ident[EI_DATA] == ELFDATA2MSB;
	return 0;
}

static int read_tables(struct mf_elf *elf, const uint8_t *header)
{
	const struct layout *l = layout(elf);
	uint64_t shoff = mf_elf_uint(elf, header + l->shoff, l->word);
	uint32_t strings = (uint32_t)mf_elf_uint(elf, header + l->shstrndx, 2);
	struct mf_elf_section names;
	const void *p = NULL;
	int r;

	elf->n_sections = (uint32_t)mf_elf_uint(elf, header + l->shnum, 2);
	if (mf_elf_uint(elf, header + l->shentsize, 2) != l->section_size)
		return -EBADMSG;
	r = borrow(elf, shoff, (uint64_t)elf->n_sections * l->section_size, &elf->owned[0], &p);
	if (r < 0)
		return r;
	elf->headers = p;
	r = mf_elf_section_at(elf, strings, &names);
	if (r < 0)
		return r;
	r = borrow(elf, names.offset, names.size, &elf->owned[1], &p);
	if (r < 0)
		return r;
	elf->names = p;
	elf->names_len = names.size;
	return names.size && !elf->names[names.size - 1] ? 0 : -EBADMSG;
}

int mf_elf_init(struct mf_elf *ret_elf, const void *buf, int fd, uint64_t len)
{
	struct mf_elf elf = { .buf = buf, .fd = fd, .len = len };
	uint8_t header[64] = { 0 };
	int r;

	r = mf_elf_read(&elf, 0, header, layouts[0].header_size);
	if (r >= 0)
		r = elf_identify(&elf, header);
	if (r >= 0)
		r = mf_elf_read(&elf, 0, header, layout(&elf)->header_size);
	if (r < 0)
		return r;
	elf.machine = (uint16_t)mf_elf_uint(&elf, header + 18, 2);
	r = read_tables(&elf, header);
	if (r < 0) {
		mf_elf_done(&elf);
		return r;
	}
	*ret_elf = elf;
	return 0;
}

void mf_elf_done(struct mf_elf *elf)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(elf->owned); i++)
		free(elf->owned[i]);
	*elf = (struct mf_elf){ .fd = -1 };
}

int mf_elf_section_at(const struct mf_elf *elf, uint32_t index, struct mf_elf_section *ret_section)
{
	const struct layout *l = layout(elf);
	const uint8_t *p;
	uint64_t offset, size;

	if (!index || index >= elf->n_sections)
		return -EBADMSG;
	p = elf->headers + (size_t)index * l->section_size;
	offset = mf_elf_uint(elf, p + l->sh_offset, l->word);
	size = mf_elf_uint(elf, p + l->sh_size, l->word);
	if (offset > elf->len || size > elf->len - offset)
		return -EBADMSG;
	*ret_section = (struct mf_elf_section){ index, offset, size };
	return 0;
}

void mf_elf_header(const struct mf_elf *elf, uint32_t index, struct mf_elf_header *ret_header)
{
	const struct layout *l = layout(elf);
	const uint8_t *p = elf->headers + (size_t)index * l->section_size;
	const uint8_t *rest = p + l->sh_size + l->word;

	/* name, type, flags, address, offset, size, link, info, alignment, entry size */
	*ret_header = (struct mf_elf_header){
		.type = (uint32_t)mf_elf_uint(elf, p + 4, 4),
		.flags = mf_elf_uint(elf, p + 8, l->word),
		.size = mf_elf_uint(elf, p + l->sh_size, l->word),
		.link = mf_elf_uint(elf, rest, 4),
		.info = mf_elf_uint(elf, rest + 4, 4),
		.align = mf_elf_uint(elf, rest + 8, l->word),
		.entry_size = mf_elf_uint(elf, rest + 8 + l->word, l->word),
	};
}

const char *mf_elf_section_name(const struct mf_elf *elf, uint32_t index)
{
	uint64_t name;

	if (!index || index >= elf->n_sections)
		return "";
	name = mf_elf_uint(elf, elf->headers + (size_t)index * layout(elf)->section_size, 4);
	return name < elf->names_len ? elf->names + name : "";
}

void mf_elf_find(const struct mf_elf *elf, const char *const *names, size_t n,
		 struct mf_elf_section *ret_sections)
{
	const struct layout *l = layout(elf);

	memset(ret_sections, 0, n * sizeof(*ret_sections));
	for (uint32_t i = 1; i < elf->n_sections; i++) {
		const uint8_t *p = elf->headers + (size_t)i * l->section_size;
		uint64_t name = mf_elf_uint(elf, p, 4);

		if (name >= elf->names_len)
			continue;
		for (size_t k = 0; k < n; k++) {
			if (ret_sections[k].index || strcmp(elf->names + name, names[k]) != 0)
				continue;
			/* a truncated one is skipped; the next section of that name may be valid */
			(void)mf_elf_section_at(elf, i, &ret_sections[k]);
			break;
		}
	}
}

size_t mf_elf_symbol_size(const struct mf_elf *elf)
{
	return layout(elf)->symbol_size;
}

struct mf_elf_symbol mf_elf_symbol(const struct mf_elf *elf, const void *p)
{
	const struct layout *l = layout(elf);
	const uint8_t *bytes = p;

	return (struct mf_elf_symbol){
		.name = (uint32_t)mf_elf_uint(elf, bytes, 4),
		.value = mf_elf_uint(elf, bytes + l->st_value, l->word),
		.section = (uint16_t)mf_elf_uint(elf, bytes + l->st_shndx, 2),
		.bind = bytes[l->st_info] >> 4,
		.type = bytes[l->st_info] & 15,
	};
}
