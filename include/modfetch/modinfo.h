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
/* Reads and parses a file below a directory. As above, or another -errno. */
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

/*
 * The parts of a package file, so that what it holds can be looked at before librpm unpacks it, and
 * the cpio archive that is its payload. Pure: bytes in, places in them out. Sources: rpm's
 * docs/manual/format.md; cpio(5), "New ASCII Format".
 */

struct mf_rpmfile {
	const uint8_t *header; /* what a header signature is made over */
	size_t header_len;
	const uint8_t *payload; /* the archive, most often compressed */
	size_t payload_len;
	const uint8_t *signature; /* OpenPGP, binary, over the header; NULL: there is none */
	size_t signature_len;
};

/* 0, or -EBADMSG for what is no package or a truncated one. */
int mf_rpmfile_parse(const void *buf, size_t len, struct mf_rpmfile *ret_file);

/* Told one file of an archive: its name as it stands there, its mode, its bytes. */
typedef int mf_cpio_visit(void *arg, const char *name, uint32_t mode, const void *data, size_t len);
/* 0, the visitor's return if that is not 0, or -EBADMSG for what is no whole archive. */
int mf_cpio_each(const void *buf, size_t len, mf_cpio_visit *visit, void *arg);

/*
 * The strings that a kernel module holds in its read-only sections: literals, formats and constant
 * tables of names. No instruction is looked at, so all machines are read alike.
 */

/* Longer strings are passed over: no module, alias or algorithm is called like that. */
#define MF_ROSTRING_MAX 127

/* Gets each string; it is valid during the call only. 0 goes on, anything else ends the walk. */
typedef int mf_rostring_fn(void *arg, const char *s);

/*
 * Walks the printable strings (ASCII without blanks, NUL-terminated, 2 to MF_ROSTRING_MAX bytes) of
 * all sections named .rodata* of the ELF object BUF, in the order of the file; the same string may
 * come several times. 0; what FN returned if that was not 0; -EBADMSG for what is no ELF object; -ENOMEM.
 */
int mf_rostrings_each(const void *buf, size_t len, mf_rostring_fn *fn, void *arg);

#endif
