/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads the tables of exported symbols.
 *
 * In a kernel: the section __ksymtab, and __ksymtab_gpl for symbols that only GPL modules may use.
 * Beside each a table of CRCs, __kcrctab, with 4 bytes per symbol. An entry of __ksymtab has 12
 * bytes, each 4 a signed distance from its own address: to the symbol, to its name, and to its
 * namespace (kernels before 5.4: 8 bytes, without namespace). Kernels with absolute pointers in
 * these tables are not read. Names and namespaces are in __ksymtab_strings.
 *
 * A bzImage begins with real-mode code; its header says where the payload is, a compressed vmlinux
 * and (except after gzip) 4 bytes with the size of that.
 *
 * In a module the distances are relocations, so its symbol table is read instead: __ksymtab_NAME is
 * in one of the two sections, and __kstrtabns_NAME is an offset in __ksymtab_strings.
 */
#include "modfetch/ksymtab.h"
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/inflate.h"
#include "modfetch/strings.h"
#include "elf.h"

#define IMAGE_MAX ((size_t)1 << 30)

/* the header of a bzImage */
#define SETUP_SECTS    0x1f1
#define SETUP_MAGIC    0x202
#define SETUP_VERSION  0x206
#define PAYLOAD_OFFSET 0x248
#define PAYLOAD_LENGTH 0x24c
#define SETUP_END      0x250
#define SECTOR	       512

enum { TABLE, TABLE_GPL, CRCS, CRCS_GPL, FLAGS, STRINGS, N_PARTS };

#define FLAG_GPL_ONLY 1

static const char *const part_names[N_PARTS] = {
	[TABLE] = "__ksymtab",	 [TABLE_GPL] = "__ksymtab_gpl",
	[CRCS] = "__kcrctab",	 [CRCS_GPL] = "__kcrctab_gpl",
	[FLAGS] = "__kflagstab", [STRINGS] = "__ksymtab_strings",
};

struct tables {
	struct mf_elf elf;
	struct mf_elf_section parts[N_PARTS];
	mf_ksym_visit *visit;
	void *arg;
};

/* The address of a section when the kernel runs. */
static uint64_t ksymtab_address(const struct mf_elf *elf, const struct mf_elf_section *section)
{
	size_t size = elf->is_64bit ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
	size_t at = elf->is_64bit ? offsetof(Elf64_Shdr, sh_addr) : offsetof(Elf32_Shdr, sh_addr);

	return mf_elf_uint(elf, elf->headers + section->index * size + at, elf->is_64bit ? 8 : 4);
}

/* The string at OFFSET of __ksymtab_strings; NULL: outside of it. */
static const char *ksymtab_string(const struct tables *t, uint64_t offset)
{
	const struct mf_elf_section *strings = &t->parts[STRINGS];
	const char *s = (const char *)t->elf.buf + strings->offset;

	return offset < strings->size && memchr(s + offset, '\0', strings->size - offset)
		       ? s + offset
		       : NULL;
}

/* The string that the signed distance at OFFSET of a table leads to. */
static const char *distant_string(const struct tables *t, const struct mf_elf_section *table,
				  uint64_t offset)
{
	int32_t distance = (int32_t)mf_elf_uint(&t->elf, t->elf.buf + table->offset + offset, 4);
	uint64_t from = ksymtab_address(&t->elf, table) + offset;

	return ksymtab_string(t, from + (uint64_t)(int64_t)distance -
					 ksymtab_address(&t->elf, &t->parts[STRINGS]));
}

/* Bytes of an entry of a table; 0: an unknown form. */
static size_t entry_size(const struct mf_elf_section *table, const struct mf_elf_section *crcs)
{
	size_t n = crcs->size / 4;

	if (!n)
		return table->size % 12 ? 0 : 12;
	return table->size == n * 12 ? 12 : table->size == n * 8 ? 8 : 0;
}

/* Is entry I of __ksymtab for GPL modules only, by the table of flags? */
static bool has_gpl_flag(const struct tables *t, uint64_t i)
{
	const struct mf_elf_section *flags = &t->parts[FLAGS];

	return i < flags->size && (t->elf.buf[flags->offset + i] & FLAG_GPL_ONLY);
}

static int visit_table(const struct tables *t, const struct mf_elf_section *table,
		       const struct mf_elf_section *crcs, bool gpl_only)
{
	size_t size = entry_size(table, crcs);
	int r = size ? 0 : 1;

	for (size_t i = 0; !r && i < table->size / size; i++) {
		struct mf_ksym symbol = { .ns = "",
					  .has_crc = crcs->size > 0,
					  .gpl_only = gpl_only || has_gpl_flag(t, i) };

		symbol.name = distant_string(t, table, i * size + 4);
		if (size == 12)
			symbol.ns = distant_string(t, table, i * size + 8);
		if (symbol.has_crc)
			symbol.crc = (uint32_t)mf_elf_uint(&t->elf,
							   t->elf.buf + crcs->offset + 4 * i, 4);
		if (!symbol.name || !*symbol.name)
			return 1;
		if (!symbol.ns)
			symbol.ns = "";
		r = t->visit(t->arg, &symbol);
	}
	return r;
}

/*
 * The kernel's own vermagic is a string "RELEASE FLAGS …" in its constants. Other strings with the
 * release have no blank after it, or do not begin with it.
 */
static char *find_vermagic(const char *buf, size_t len, const char *release)
{
	size_t want = strlen(release) + 2;
	_cleanup_free_ char *pattern = mf_format("%c%s ", 'x', release);
	const char *at = buf, *end = buf + len;

	if (!pattern)
		return NULL;
	*pattern = '\0';
	while ((at = memmem(at, (size_t)(end - at), pattern, want))) {
		size_t n;

		at++;
		n = strnlen(at, (size_t)(end - at));
		if (n < 256 && at + n < end && strstr(at, " mod_unload "))
			return strdup(at);
	}
	return NULL;
}

static int visit_vmlinux(const void *buf, size_t len, const char *release, mf_ksym_visit *visit,
			 void *arg, char **ret_vermagic)
{
	struct tables t = { .visit = visit, .arg = arg };
	int r = mf_elf_init(&t.elf, buf, -1, len);

	if (r < 0)
		return r == -ENOMEM ? r : 1;
	*ret_vermagic = find_vermagic(buf, len, release);
	mf_elf_find(&t.elf, part_names, N_PARTS, t.parts);
	r = t.parts[TABLE].index && t.parts[STRINGS].index ? 0 : 1;
	if (!r)
		r = visit_table(&t, &t.parts[TABLE], &t.parts[CRCS], false);
	if (!r && t.parts[TABLE_GPL].index)
		r = visit_table(&t, &t.parts[TABLE_GPL], &t.parts[CRCS_GPL], true);
	mf_elf_done(&t.elf);
	return r;
}

static uint32_t little_endian(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The payload of a bzImage; false: it is none. */
static bool find_payload(const uint8_t *image, size_t len, const void **ret_p, size_t *ret_len)
{
	size_t start, size;

	if (len < SETUP_END || memcmp(image + SETUP_MAGIC, "HdrS", 4) != 0 ||
	    image[SETUP_VERSION + 1] < 2 ||
	    (image[SETUP_VERSION + 1] == 2 && image[SETUP_VERSION] < 8))
		return false;
	start = ((image[SETUP_SECTS] ? image[SETUP_SECTS] : 4) + (size_t)1) * SECTOR;
	start += little_endian(image + PAYLOAD_OFFSET);
	size = little_endian(image + PAYLOAD_LENGTH);
	if (start > len || size > len - start || size < 4)
		return false;
	*ret_p = image + start;
	*ret_len = size;
	return true;
}

int mf_ksymtab_image(const void *buf, size_t len, const char *release, mf_ksym_visit *visit,
		     void *arg, char **ret_vermagic)
{
	_cleanup_free_ void *inflated = NULL;
	const void *packed = buf;
	size_t packed_len = len, plain_len;
	bool payload = find_payload(buf, len, &packed, &packed_len);
	int r;

	*ret_vermagic = NULL;
	if (!mf_inflate_known(packed, packed_len))
		return visit_vmlinux(buf, len, release, visit, arg, ret_vermagic);
	/* after gzip the last 4 bytes are gzip's own */
	r = mf_inflate(packed, payload ? packed_len - 4 : packed_len, IMAGE_MAX, &inflated,
		       &plain_len);
	if (r == -EBADMSG && payload)
		r = mf_inflate(packed, packed_len, IMAGE_MAX, &inflated, &plain_len);
	if (r < 0)
		return r == -ENOMEM ? r : 1;
	return visit_vmlinux(inflated, plain_len, release, visit, arg, ret_vermagic);
}

/* ---- a module ---- */

#define N_TABLES 3

enum { SYMTAB, STRTAB, MODULE_STRINGS };

static const char *const module_parts[N_TABLES] = {
	[SYMTAB] = ".symtab",
	[STRTAB] = ".strtab",
	[MODULE_STRINGS] = "__ksymtab_strings",
};

struct symbols {
	struct tables t;
	const uint8_t *table;
	const char *names; /* end in a NUL */
	size_t n, names_len;
};

static struct mf_elf_symbol ksymtab_symbol(const struct symbols *s, size_t i)
{
	return mf_elf_symbol(&s->t.elf, s->table + i * mf_elf_symbol_size(&s->t.elf));
}

/* The name of a symbol after PREFIX; NULL: another name. */
static const char *name_after(const struct symbols *s, const struct mf_elf_symbol *symbol,
			      const char *prefix)
{
	const char *name = symbol->name < s->names_len ? s->names + symbol->name : "";

	return mf_starts_with(name, prefix) ? name + strlen(prefix) : NULL;
}

/*
 * The symbol PREFIX + NAME, such as __kstrtabns_x. It stands near __ksymtab_x in most modules, so the
 * search begins a little before that, and wraps around.
 */
static bool find_symbol(const struct symbols *s, size_t near, const char *prefix, const char *name,
			struct mf_elf_symbol *ret_symbol)
{
	for (size_t i = 0; i < s->n; i++) {
		size_t at = (near + s->n - (near < 8 ? near : 8) + i) % s->n;
		struct mf_elf_symbol symbol = ksymtab_symbol(s, at);
		const char *of = name_after(s, &symbol, prefix);

		if (of && !strcmp(of, name)) {
			*ret_symbol = symbol;
			return true;
		}
	}
	return false;
}

static const char *namespace_of(const struct symbols *s, size_t near, const char *name)
{
	struct mf_elf_symbol symbol;
	const char *ns = NULL;

	if (find_symbol(s, near, "__kstrtabns_", name, &symbol))
		ns = ksymtab_string(&s->t, symbol.value);
	return ns ? ns : "";
}

/* Only for GPL modules: by the name of its section, or by its flags. */
static bool is_gpl_only(const struct symbols *s, size_t at, const char *name)
{
	struct mf_elf_symbol entry = ksymtab_symbol(s, at), symbol;
	struct mf_elf_section flags;

	if (strstr(mf_elf_section_name(&s->t.elf, entry.section), "_gpl"))
		return true;
	return find_symbol(s, at, "__flags_", name, &symbol) &&
	       mf_elf_section_at(&s->t.elf, symbol.section, &flags) == 0 &&
	       symbol.value < flags.size &&
	       (s->t.elf.buf[flags.offset + symbol.value] & FLAG_GPL_ONLY);
}

static int visit_symbols(const struct symbols *s)
{
	int r = 0;

	for (size_t i = 0; !r && i < s->n; i++) {
		struct mf_elf_symbol at = ksymtab_symbol(s, i);
		struct mf_ksym symbol = { .name = name_after(s, &at, "__ksymtab_") };

		if (!symbol.name || !*symbol.name)
			continue;
		symbol.gpl_only = is_gpl_only(s, i, symbol.name);
		symbol.ns = namespace_of(s, i, symbol.name);
		r = s->t.visit(s->t.arg, &symbol);
	}
	return r;
}

int mf_ksymtab_module(const void *buf, size_t len, mf_ksym_visit *visit, void *arg)
{
	struct symbols s = { .t = { .visit = visit, .arg = arg } };
	struct mf_elf_section found[N_TABLES];
	int r = mf_elf_init(&s.t.elf, buf, -1, len);

	if (r < 0)
		return r;
	mf_elf_find(&s.t.elf, module_parts, N_TABLES, found);
	s.t.parts[STRINGS] = found[MODULE_STRINGS];
	s.table = (const uint8_t *)buf + found[SYMTAB].offset;
	s.names = (const char *)buf + found[STRTAB].offset;
	s.names_len = found[STRTAB].size;
	if (s.names_len && !s.names[s.names_len - 1])
		s.n = found[SYMTAB].size / mf_elf_symbol_size(&s.t.elf);
	r = visit_symbols(&s);
	mf_elf_done(&s.t.elf);
	return r;
}
