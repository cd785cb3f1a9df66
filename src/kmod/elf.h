/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_ELF_H
#define MODFETCH_ELF_H
/*
 * The sections and symbols of an ELF object, of 32 or 64 bits and either byte order. The bytes are
 * in memory, or in a file of which only the requested sections are read. Every offset, size and
 * index of the file is checked before use. Source: the ELF gABI.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mf_elf {
	const uint8_t *buf; /* the object, or NULL: read from fd */
	int fd;
	uint64_t len;
	bool is_64bit, is_big_endian;
	uint16_t machine;
	uint32_t n_sections;
	const uint8_t *headers; /* the section header table */
	const char *names;	/* the section names, which end in a NUL */
	uint64_t names_len;
	void *owned[2]; /* the two above, if they were read from the file */
};

struct mf_elf_section {
	uint32_t index; /* 0: no such section */
	uint64_t offset, size;
};

struct mf_elf_symbol {
	uint32_t name; /* offset in the string table, unchecked */
	uint64_t value;
	uint16_t section;
	uint8_t bind, type;
};

/* Opens the object in BUF, or in FD if BUF is NULL. 0, -EBADMSG: no valid object, or -errno. */
int mf_elf_init(struct mf_elf *ret_elf, const void *buf, int fd, uint64_t len);
void mf_elf_done(struct mf_elf *elf);

/* Finds the first section of each name; a missing or truncated one has index 0. */
void mf_elf_find(const struct mf_elf *elf, const char *const *names, size_t n,
		 struct mf_elf_section *ret_sections);
/* A section by its index. 0 or -EBADMSG. */
int mf_elf_section_at(const struct mf_elf *elf, uint32_t index, struct mf_elf_section *ret_section);
/*
 * The numbers of a section's header that do not depend on where in the file it lies. INDEX is valid,
 * as for mf_elf_section_name().
 */
struct mf_elf_header {
	uint32_t type; /* SHT_NOBITS: the section has no bytes in the file */
	uint64_t flags, size, link, info, align, entry_size;
};
void mf_elf_header(const struct mf_elf *elf, uint32_t index, struct mf_elf_header *ret_header);
/* The name of a section; "" if it has no valid one. Borrowed from ELF. */
const char *mf_elf_section_name(const struct mf_elf *elf, uint32_t index);
/* Copies LEN bytes at OFFSET. 0, -EBADMSG if the file is shorter, or -errno. */
int mf_elf_read(const struct mf_elf *elf, uint64_t offset, void *buf, size_t len);

/* An unsigned number of 1, 2, 4 or 8 bytes in the object's byte order. */
uint64_t mf_elf_uint(const struct mf_elf *elf, const void *p, size_t size);
/* The size of a symbol table entry in bytes, and the entry at P. */
size_t mf_elf_symbol_size(const struct mf_elf *elf);
struct mf_elf_symbol mf_elf_symbol(const struct mf_elf *elf, const void *p);

#endif
