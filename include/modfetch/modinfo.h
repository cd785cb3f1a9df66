/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_MODINFO_H
#define MODFETCH_MODINFO_H
/*
 * The metadata of a kernel module: the .modinfo section, exports, imports and their CRCs, and the
 * appended signature. Reads ELF of 32 and 64 bits and of both byte orders, so that a kernel of any
 * architecture can be packed on any other. Pure: bytes in, struct out; trusts no byte of the file.
 * A section that is missing or truncated counts as empty, as for the kernel's own tools. Sources:
 * the kernel's scripts/mod/modpost.c and include/linux/module_signature.h, ELF gABI.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The size of the largest module file that is read, also once it is decompressed, in bytes. */
#define MF_MODULE_FILE_MAX ((size_t)512 << 20)

/* One symbol; NAME is valid as long as the struct mf_modinfo. */
struct mf_symbol {
	const char *name;
	uint32_t crc;
	bool has_crc;
	bool weak; /* imports: the module can be loaded without it */
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
	 * In the order of the symbol table. For a module without __crc_ symbols (built without
	 * versions, or stripped) these are the names of __ksymtab_strings, without CRCs.
	 */
	struct mf_symbol *exports;
	size_t n_exports;
	struct mf_symbol *imports; /* undefined symbols, then names found only in the versions */
	size_t n_imports;
	bool has_versions; /* a __versions (or __version_ext_*) section: CRCs bind it to a kernel */
	bool has_btf;	   /* a .BTF section: types whose numbers continue those of its kernel */
	bool has_btf_ids;  /* a .BTF_ids section: it refers to types by these numbers */
	uint16_t elf_machine; /* EM_X86_64, … */
	bool is_64bit, is_big_endian;
	size_t elf_len;	       /* bytes before the appended signature */
	const void *signature; /* PKCS#7 DER, points into DATA; NULL: unsigned */
	size_t signature_len;
	void *data; /* the inflated module, owned; NULL after a scan, see below */
	size_t data_len;
	void *strings; /* owned: the names and values above */
};

/*
 * Parses a module from BUF, which may be compressed (CAP limits the inflated size). The caller
 * calls mf_modinfo_done(). 0; -EBADMSG: no module, or truncated; -EFBIG: larger than CAP; -ENOMEM.
 */
int mf_modinfo_parse(const void *buf, size_t len, size_t cap, struct mf_modinfo *ret_info);
/* Reads and parses a file below a directory. Returns as above, or another -errno. */
int mf_modinfo_read_at(int dirfd, const char *path, struct mf_modinfo *ret_info);
/*
 * The same for names only, several times as fast: of an uncompressed file only the sections with
 * names are read. CRCs of exports and the signature are missing, DATA is NULL.
 */
int mf_modinfo_scan_at(int dirfd, const char *path, struct mf_modinfo *ret_info);
int mf_modinfo_scan(int fd, struct mf_modinfo *ret_info);
/*
 * The same for a kmod that reads a module in zstd only if its size is stated: -EBADMSG for another one.
 */
int mf_modinfo_scan_sized(int fd, struct mf_modinfo *ret_info);
/*
 * Can all of a file in zstd be inflated into as many bytes as its first frame states? False also for
 * other files.
 */
bool mf_zstd_states_size(const void *buf, size_t len);
/* The first value of a key, or NULL. */
const char *mf_modinfo_get(const struct mf_modinfo *info, const char *key);
void mf_modinfo_done(struct mf_modinfo *info);

/*
 * What a module does, without what names the kernel that it was built for: two builds whose bytes
 * are equal can replace each other in a kernel that accepts both.
 */
struct mf_module_code {
	void *bytes; /* to be compared as a whole */
	size_t len;
	/*
	 * who signed it, and with which algorithms: the part of the signature without what
	 * differs between two files; points into the module. NULL: unsigned
	 */
	const void *signer;
	size_t signer_len;
	bool has_btf;	  /* types of its own, numbered after those of its kernel */
	bool has_btf_ids; /* it refers to types of its kernel by number */
};

/*
 * Collects them from a module that mf_modinfo_parse() has read: each section, and the fields of
 * .modinfo, of vermagic without the release. Left out are the notes (build id, version), BTF, and the
 * release where constant data spells it. The caller calls mf_module_code_done(). 0, -EBADMSG: no
 * valid object, or -ENOMEM.
 */
int mf_module_code(const struct mf_modinfo *info, struct mf_module_code *ret_code);
void mf_module_code_done(struct mf_module_code *code);

/*
 * The parts of a package file, so that its content can be checked before librpm unpacks it, and the
 * cpio archive that is its payload. Pure: bytes in, pointers into them out. Sources: rpm's
 * docs/manual/format.md; cpio(5), "New ASCII Format".
 */

struct mf_rpmfile {
	const uint8_t *header; /* the bytes that a header signature covers */
	size_t header_len;
	const uint8_t *payload; /* the archive, usually compressed */
	size_t payload_len;
	const uint8_t *signature; /* OpenPGP, binary, over the header; NULL: none */
	size_t signature_len;
	const char *
		encoded; /* signatures as rpm 4.20 and later write them: base64, each ends with NUL */
	size_t n_encoded;
};

/* Finds the parts of a package. 0, or -EBADMSG: no package, or truncated. */
int mf_rpmfile_parse(const void *buf, size_t len, struct mf_rpmfile *ret_file);

/* Gets a file of an archive: its name as in the archive, its mode, its bytes. Non-zero: stop. */
typedef int mf_cpio_visit(void *arg, const char *name, uint32_t mode, const void *data, size_t len);

/* The files of the package's header, in its order. */
struct mf_cpio_list {
	const struct mf_cpio_file {
		const char *name;
		uint32_t mode;
		uint64_t size;
	} * files;
	size_t n;
};

/*
 * Visits the files of an archive. LIST (NULL: none) is needed where it has numbers of files in place
 * of names; none of them is a hard link. 0, the visitor's non-zero return, or -EBADMSG: incomplete, or
 * a number is not in the list.
 */
int mf_cpio_each(const void *buf, size_t len, const struct mf_cpio_list *list, mf_cpio_visit *visit,
		 void *arg);

/*
 * The strings in the read-only sections of a kernel module: literals, formats and constant tables
 * of names. No instruction is decoded, so this works for all architectures.
 */

/* Longer strings are skipped: no module, alias or algorithm has such a name. */
#define MF_ROSTRING_MAX 127

/* Gets each string, which is valid during the call only. 0 continues, another return ends it. */
typedef int mf_rostring_fn(void *arg, const char *s);

/*
 * Walks the printable strings (ASCII without blanks, NUL-terminated, 2 to MF_ROSTRING_MAX bytes) of
 * all sections named .rodata* of the ELF object BUF, in the order of the file; a string may be
 * visited several times. 0; the non-zero return of FN; -EBADMSG: no ELF object; -ENOMEM.
 */
int mf_rostrings_each(const void *buf, size_t len, mf_rostring_fn *fn, void *arg);

#endif
