/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_MODINFO_H
#define MODFETCH_MODINFO_H
/*
 * What a kernel module says of itself: the .modinfo section, exports, imports and their CRCs, and
 * the appended signature. Reads ELF of 32 and 64 bits and of both byte orders, so that a kernel of
 * any architecture can be packed on any other. Pure: bytes in, struct out; trusts no byte of the
 * file. A section that is missing or cut short is an empty one, as the kernel's own tools have it.
 * Sources: the kernel's scripts/mod/modpost.c and include/linux/module_signature.h, ELF gABI.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One symbol; NAME lives as long as the struct it is in. */
struct mf_symbol {
	const char *name;
	uint32_t crc;
	bool has_crc;
	bool weak; /* imports: the module loads without it */
};

/* One key=value of .modinfo, in file order; a string without '=' is a key with an empty value. */
struct mf_modinfo_field {
	const char *key;
	const char *value;
};

struct mf_modinfo {
	struct mf_modinfo_field *fields;
	size_t n_fields;
	/*
	 * In the order of the symbol table. A module that carries no __crc_ symbols (built without
	 * versions, or stripped) has the names of __ksymtab_strings here, without CRCs.
	 */
	struct mf_symbol *exports;
	size_t n_exports;
	struct mf_symbol *imports; /* undefined symbols, then those only the versions name */
	size_t n_imports;
	bool has_versions; /* a __versions (or __version_ext_*) section: CRCs bind it to a kernel */
	uint16_t elf_machine; /* EM_X86_64, … */
	bool is_64bit, is_big_endian;
	size_t elf_len;	       /* bytes before the appended signature */
	const void *signature; /* PKCS#7 DER, or NULL where unsigned; points into DATA */
	size_t signature_len;
	void *data; /* the inflated module, byte for byte, owned; see scan below */
	size_t data_len;
	void *strings; /* owned: the names and values above where DATA cannot hold them */
};

/*
 * Parses a module from BUF, which may be compressed (CAP bounds what comes out). 0; -EBADMSG for
 * what is no module or a truncated one; -EFBIG; -ENOMEM.
 */
int mf_modinfo_parse(const void *buf, size_t len, size_t cap, struct mf_modinfo *ret_info);
/* Reads and parses a file below a folder. As above, or another -errno. */
int mf_modinfo_read_at(int dirfd, const char *path, struct mf_modinfo *ret_info);
/*
 * The same for who needs names only, several times as fast: of an uncompressed file just the
 * sections with names are read. No CRCs, no signature, DATA is NULL.
 */
int mf_modinfo_scan_at(int dirfd, const char *path, struct mf_modinfo *ret_info);
int mf_modinfo_scan(int fd, struct mf_modinfo *ret_info);
/* The first value of a key, or NULL. */
const char *mf_modinfo_get(const struct mf_modinfo *info, const char *key);
void mf_modinfo_done(struct mf_modinfo *info);

#endif
