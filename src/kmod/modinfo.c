/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads the metadata of a .ko from its sections.
 *
 * Exports: each symbol __crc_NAME declares an export NAME. If the symbol is absolute, its value is
 * the CRC; otherwise the value is an offset in a section, and the CRC is the 32 bits there (kernels
 * with relative CRCs, and all since 5.19). Without such symbols the names come from
 * __ksymtab_strings.
 *
 * Imports: every undefined symbol, with its CRC from the versions (src/kmod/versions.h). The
 * versions also have a name that is no symbol, module_layout; such names come last.
 *
 * Signature: the file ends with a marker; before it 12 bytes of which the last four are the length,
 * big-endian; before those the PKCS#7 message. Any other end is no signature.
 *
 * Does not decide whether a module is usable: a module without names is read as such. Trusts no
 * byte: each section is copied with a NUL after it, which ends every string.
 */
#include "modfetch/modinfo.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/inflate.h"
#include "elf.h"
#include "versions.h"

#define MARKER	   "~Module signature appended~\n"
#define MARKER_LEN (sizeof(MARKER) - 1)
#define SIG_LEN	   12
#define SIG_PKCS7  2

enum section { MODINFO, SYMTAB, STRTAB, KSYMTAB, VERSIONS, EXT_CRCS, EXT_NAMES, N_SECTIONS };

static const char *const section_names[N_SECTIONS] = {
	[MODINFO] = ".modinfo",
	[SYMTAB] = ".symtab",
	[STRTAB] = ".strtab",
	[KSYMTAB] = "__ksymtab_strings",
	[VERSIONS] = "__versions",
	[EXT_CRCS] = "__version_ext_crcs",
	[EXT_NAMES] = "__version_ext_names",
};

/* The sections of a module during parsing. */
struct sections {
	struct mf_elf elf;
	bool want_crcs;
	const uint8_t *p[N_SECTIONS];
	size_t len[N_SECTIONS];
};

/*
 * Copies the wanted sections into one block with a NUL after each, so that no string exceeds its
 * section, and so that the strings outlive the file's bytes.
 */
static int load_sections(struct sections *s, void **ret_block)
{
	struct mf_elf_section found[N_SECTIONS];
	size_t total = 0;
	uint8_t *block;

	mf_elf_find(&s->elf, section_names, N_SECTIONS, found);
	for (size_t i = 0; i < N_SECTIONS; i++) {
		if (found[i].size > MF_MODULE_FILE_MAX)
			return -EBADMSG;
		total += found[i].size + 1;
	}
	block = malloc(total);
	if (!block)
		return -ENOMEM;
	*ret_block = block;
	for (size_t i = 0; i < N_SECTIONS; i++) {
		int r = mf_elf_read(&s->elf, found[i].offset, block, found[i].size);

		if (r < 0)
			return r;
		s->p[i] = block;
		s->len[i] = found[i].size;
		block[found[i].size] = '\0';
		block += found[i].size + 1;
	}
	return 0;
}

/* Length of the next string at or after *AT; 0 at the end. Empty strings are padding. */
static size_t next_string(const uint8_t *p, size_t len, size_t *at, const char **ret_s)
{
	size_t n;

	while (*at < len && !p[*at])
		++*at;
	if (*at >= len)
		return 0;
	n = strnlen((const char *)p + *at, len - *at);
	*ret_s = (const char *)p + *at;
	*at += n + 1;
	return n;
}

static size_t count_strings(const uint8_t *p, size_t len)
{
	const char *s;
	size_t at = 0, n = 0;

	while (next_string(p, len, &at, &s))
		n++;
	return n;
}

/* Modifies the copy of the section: each '=' becomes the NUL of its key. */
static int parse_fields(struct sections *s, struct mf_modinfo *info)
{
	const uint8_t *p = s->p[MODINFO];
	size_t n = count_strings(p, s->len[MODINFO]), at = 0;
	const char *key;

	info->fields = calloc(n ? n : 1, sizeof(*info->fields));
	if (!info->fields)
		return -ENOMEM;
	while (next_string(p, s->len[MODINFO], &at, &key)) {
		char *equals = (char *)strchr(key, '='); /* of the copy */

		if (equals)
			*equals = '\0';
		info->fields[info->n_fields++] = (struct mf_modinfo_field){
			.key = key,
			.value = equals ? equals + 1 : "",
		};
	}
	return 0;
}

/* The number of symbols without the empty first one; 0: no valid symbol table. */
static size_t count_symbols(const struct sections *s)
{
	size_t size = mf_elf_symbol_size(&s->elf);
	size_t n = s->len[SYMTAB] / size;

	return n && s->len[STRTAB] && !(s->len[SYMTAB] % size) ? n - 1 : 0;
}

static struct mf_elf_symbol symbol_at(const struct sections *s, size_t i)
{
	size_t size = mf_elf_symbol_size(&s->elf);

	return mf_elf_symbol(&s->elf, s->p[SYMTAB] + (i + 1) * size);
}

/* NULL for a name outside the string table. */
static const char *symbol_name(const struct sections *s, const struct mf_elf_symbol *sym)
{
	return sym->name < s->len[STRTAB] ? (const char *)s->p[STRTAB] + sym->name : NULL;
}

static bool export_crc(const struct sections *s, const struct mf_elf_symbol *sym, uint32_t *ret_crc)
{
	struct mf_elf_section section;
	uint8_t crc[4];

	if (!s->want_crcs)
		return false;
	if (sym->section == SHN_ABS || sym->section == SHN_UNDEF) {
		*ret_crc = (uint32_t)sym->value;
		return true;
	}
	if (mf_elf_section_at(&s->elf, sym->section, &section) < 0 || section.size < sizeof(crc) ||
	    sym->value > section.size - sizeof(crc) ||
	    mf_elf_read(&s->elf, section.offset + sym->value, crc, sizeof(crc)) < 0)
		return false;
	*ret_crc = (uint32_t)mf_elf_uint(&s->elf, crc, sizeof(crc));
	return true;
}

/* The number of symbols __crc_…; 0 also if a name is outside the string table. */
static size_t count_crc_symbols(const struct sections *s, size_t n_symbols)
{
	size_t n = 0;

	for (size_t i = 0; i < n_symbols; i++) {
		struct mf_elf_symbol sym = symbol_at(s, i);
		const char *name = symbol_name(s, &sym);

		if (!name)
			return 0;
		n += !strncmp(name, "__crc_", 6);
	}
	return n;
}

static void add_crc_symbols(const struct sections *s, size_t n_symbols, struct mf_modinfo *info)
{
	for (size_t i = 0; i < n_symbols; i++) {
		struct mf_elf_symbol sym = symbol_at(s, i);
		const char *name = symbol_name(s, &sym);
		struct mf_symbol *e = &info->exports[info->n_exports];

		if (strncmp(name, "__crc_", 6) != 0)
			continue;
		e->name = name + 6;
		e->has_crc = export_crc(s, &sym, &e->crc);
		info->n_exports++;
	}
}

static int parse_exports(const struct sections *s, struct mf_modinfo *info)
{
	size_t n_symbols = count_symbols(s), n = count_crc_symbols(s, n_symbols), at = 0;
	bool by_name = !n;

	if (by_name)
		n = count_strings(s->p[KSYMTAB], s->len[KSYMTAB]);
	info->exports = calloc(n ? n : 1, sizeof(*info->exports));
	if (!info->exports)
		return -ENOMEM;
	if (by_name)
		while (next_string(s->p[KSYMTAB], s->len[KSYMTAB], &at,
				   &info->exports[info->n_exports].name))
			info->n_exports++;
	else
		add_crc_symbols(s, n_symbols, info);
	return 0;
}

/* On SPARC the symbol of a global register looks undefined, but is no import. */
static bool is_import(const struct sections *s, const struct mf_elf_symbol *sym)
{
	bool sparc = s->elf.machine == EM_SPARC || s->elf.machine == EM_SPARCV9;

	return sym->section == SHN_UNDEF && !(sparc && sym->type == STT_SPARC_REGISTER);
}

/* False: the name of an undefined symbol is invalid; then the caller discards all. */
static bool add_undefined(const struct sections *s, size_t n_symbols, struct mf_versions *versions,
			  struct mf_modinfo *info)
{
	for (size_t i = 0; i < n_symbols; i++) {
		struct mf_elf_symbol sym = symbol_at(s, i);
		const char *name = symbol_name(s, &sym);
		struct mf_version *v;

		if (!is_import(s, &sym))
			continue;
		if (!name)
			return false;
		if (!*name)
			continue;
		v = mf_versions_find(versions, name);
		if (v)
			v->used = true;
		info->imports[info->n_imports++] = (struct mf_symbol){
			.name = name,
			.crc = v ? v->crc : 0,
			.has_crc = v,
			.weak = sym.bind == STB_WEAK,
		};
	}
	return true;
}

static size_t count_imports(const struct sections *s, size_t n_symbols)
{
	size_t n = 0;

	for (size_t i = 0; i < n_symbols; i++) {
		struct mf_elf_symbol sym = symbol_at(s, i);

		n += is_import(s, &sym);
	}
	return n;
}

static int parse_imports(const struct sections *s, struct mf_modinfo *info)
{
	_cleanup_(mf_versions_done) struct mf_versions versions = { 0 };
	size_t n_symbols = count_symbols(s);
	int r = mf_versions_init(&versions, &s->elf, s->p[VERSIONS], s->len[VERSIONS],
				 s->p[EXT_CRCS], s->len[EXT_CRCS], s->p[EXT_NAMES],
				 s->len[EXT_NAMES]);

	if (r < 0)
		return r;
	info->has_versions = versions.n > 0;
	info->imports =
		calloc(count_imports(s, n_symbols) + versions.n + 1, sizeof(*info->imports));
	if (!info->imports)
		return -ENOMEM;
	if (!n_symbols)
		return 0;
	if (!add_undefined(s, n_symbols, &versions, info)) {
		info->n_imports = 0;
		return 0;
	}
	for (size_t i = 0; i < versions.n; i++)
		if (!versions.v[i].used)
			info->imports[info->n_imports++] = (struct mf_symbol){
				.name = versions.v[i].name,
				.crc = versions.v[i].crc,
				.has_crc = true,
			};
	return 0;
}

static void find_signature(struct mf_modinfo *info)
{
	const uint8_t *end = (const uint8_t *)info->data + info->data_len;
	const uint8_t *head = end - MARKER_LEN - SIG_LEN;
	static const uint8_t pkcs7[8] = { [2] = SIG_PKCS7 };
	size_t len;

	info->elf_len = info->data_len;
	if (info->data_len < MARKER_LEN + SIG_LEN ||
	    memcmp(end - MARKER_LEN, MARKER, MARKER_LEN) != 0 ||
	    memcmp(head, pkcs7, sizeof(pkcs7)) != 0)
		return;
	len = (size_t)head[8] << 24 | (size_t)head[9] << 16 | (size_t)head[10] << 8 | head[11];
	if (!len || len > info->data_len - MARKER_LEN - SIG_LEN)
		return;
	info->signature = head - len;
	info->signature_len = len;
	info->elf_len = (size_t)(head - len - (const uint8_t *)info->data);
}

static void find_btf(const struct mf_elf *elf, struct mf_modinfo *info)
{
	static const char *const names[] = { ".BTF", ".BTF_ids" };
	struct mf_elf_section found[MF_ARRAY_SIZE(names)];

	mf_elf_find(elf, names, MF_ARRAY_SIZE(names), found);
	info->has_btf = found[0].index != 0;
	info->has_btf_ids = found[1].index && found[1].size;
}

/* Fills in all members except the data and the signature. */
static int parse_elf(struct sections *s, struct mf_modinfo *info)
{
	int r = load_sections(s, &info->strings);

	if (r >= 0)
		r = parse_fields(s, info);
	if (r >= 0)
		r = parse_exports(s, info);
	if (r >= 0)
		r = parse_imports(s, info);
	find_btf(&s->elf, info);
	info->elf_machine = s->elf.machine;
	info->is_64bit = s->elf.is_64bit;
	info->is_big_endian = s->elf.is_big_endian;
	return r;
}

static int parse_bytes(struct mf_modinfo *info, const void *buf, int fd, uint64_t len, bool crcs)
{
	struct sections s = { .want_crcs = crcs };
	int r = mf_elf_init(&s.elf, buf, fd, len);

	if (r < 0)
		return r;
	r = parse_elf(&s, info);
	mf_elf_done(&s.elf);
	return r;
}

int mf_modinfo_parse(const void *buf, size_t len, size_t cap, struct mf_modinfo *ret_info)
{
	_cleanup_(mf_modinfo_done) struct mf_modinfo info = { 0 };
	int r = 0;

	if (mf_inflate_known(buf, len)) {
		r = mf_inflate(buf, len, cap, &info.data, &info.data_len);
		if (r < 0)
			return r;
	} else {
		if (len > cap)
			return -EFBIG;
		info.data = malloc(len + 1);
		if (!info.data)
			return -ENOMEM;
		memcpy(info.data, buf, len);
		info.data_len = len;
	}
	find_signature(&info);
	r = parse_bytes(&info, info.data, -1, info.elf_len, true);
	if (r < 0)
		return r;
	*ret_info = info;
	info = (struct mf_modinfo){ 0 };
	return 0;
}

int mf_modinfo_read_at(int dirfd, const char *path, struct mf_modinfo *ret_info)
{
	_cleanup_free_ char *buf = NULL;
	size_t len;
	int r = mf_file_read_at(dirfd, path, MF_MODULE_FILE_MAX, &buf, &len);

	return r < 0 ? r : mf_modinfo_parse(buf, len, MF_MODULE_FILE_MAX, ret_info);
}

static bool is_zstd(const char *buf, size_t len)
{
	return len >= 4 && !memcmp(buf, "\x28\xb5\x2f\xfd", 4);
}

/* Reads the names of a compressed module. SIZED: one in zstd must state its size. */
static int scan_compressed(int fd, bool sized, struct mf_modinfo *info)
{
	_cleanup_free_ char *packed = NULL;
	_cleanup_free_ void *plain = NULL;
	size_t packed_len, len;
	int r = mf_file_read(fd, MF_MODULE_FILE_MAX, &packed, &packed_len);

	if (r >= 0 && sized && is_zstd(packed, packed_len) &&
	    !mf_zstd_states_size(packed, packed_len))
		r = -EBADMSG;
	if (r >= 0)
		r = mf_inflate(packed, packed_len, MF_MODULE_FILE_MAX, &plain, &len);
	return r < 0 ? r : parse_bytes(info, plain, -1, len, false);
}

static int modinfo_scan(int fd, bool sized, struct mf_modinfo *ret_info)
{
	_cleanup_(mf_modinfo_done) struct mf_modinfo info = { 0 };
	uint8_t magic[6];
	struct stat st;
	ssize_t got;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EBADMSG;
	got = pread(fd, magic, sizeof(magic), 0);
	if (got < 0)
		return -errno;
	if (mf_inflate_known(magic, (size_t)got))
		r = scan_compressed(fd, sized, &info);
	else
		r = parse_bytes(&info, NULL, fd, (uint64_t)st.st_size, false);
	if (r < 0)
		return r;
	*ret_info = info;
	info = (struct mf_modinfo){ 0 };
	return 0;
}

int mf_modinfo_scan(int fd, struct mf_modinfo *ret_info)
{
	return modinfo_scan(fd, false, ret_info);
}

int mf_modinfo_scan_at(int dirfd, const char *path, struct mf_modinfo *ret_info)
{
	_cleanup_close_ int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	return fd < 0 ? -errno : mf_modinfo_scan(fd, ret_info);
}

int mf_modinfo_scan_sized(int fd, struct mf_modinfo *ret_info)
{
	return modinfo_scan(fd, true, ret_info);
}

const char *mf_modinfo_get(const struct mf_modinfo *info, const char *key)
{
	for (size_t i = 0; i < info->n_fields; i++)
		if (!strcmp(info->fields[i].key, key))
			return info->fields[i].value;
	return NULL;
}

void mf_modinfo_done(struct mf_modinfo *info)
{
	free(info->fields);
	free(info->exports);
	free(info->imports);
	free(info->strings);
	free(info->data);
	*info = (struct mf_modinfo){ 0 };
}
