/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One module, read and reduced to what packages are made of.
 *
 * The inflated file is freed at once: 4,000 of them would not fit in memory. All strings are copied
 * into one arena for each module; of its code and data only the strings that may be requests for
 * other modules are kept (requests.c). The machine of a module is determined here, from its ELF
 * header alone; tree.c checks that the module belongs to this kernel.
 */
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
#include "modfetch/modinfo.h"
#include "model.h"

/*
 * rpm's name of each machine that Linux has modules for; s390 and powerpc depend on the class too
 */
static const struct {
	uint16_t machine;
	signed char is_64bit, is_big_endian; /* -1: either */
	const char *arch;
} machines[] = {
	{ EM_X86_64, 1, 0, "x86_64" },	 { EM_386, 0, 0, "i686" },
	{ EM_AARCH64, 1, 0, "aarch64" }, { EM_ARM, 0, 0, "armv7hl" },
	{ EM_S390, 1, 1, "s390x" },	 { EM_PPC64, 1, 0, "ppc64le" },
	{ EM_PPC64, 1, 1, "ppc64" },	 { EM_PPC, 0, 1, "ppc" },
	{ EM_RISCV, 1, 0, "riscv64" },	 { 258 /* EM_LOONGARCH */, 1, 0, "loongarch64" },
	{ EM_MIPS, 1, 0, "mips64el" },	 { EM_MIPS, 0, 0, "mipsel" },
	{ EM_MIPS, 1, 1, "mips64" },	 { EM_MIPS, 0, 1, "mips" },
	{ EM_SPARCV9, 1, 1, "sparc64" }, { EM_ALPHA, 1, 0, "alpha" },
	{ EM_IA_64, 1, 0, "ia64" },	 { EM_68K, 0, 1, "m68k" },
};

static const char *const field_keys[PACK_N_FIELDS] = {
	[PACK_ALIAS] = "alias",
	[PACK_SOFTDEP] = "softdep",
	[PACK_WEAKDEP] = "weakdep",
	[PACK_FIRMWARE] = "firmware",
};

static const char *machine_arch(const struct mf_modinfo *info)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(machines); i++)
		if (machines[i].machine == info->elf_machine &&
		    machines[i].is_64bit == info->is_64bit &&
		    machines[i].is_big_endian == info->is_big_endian)
			return machines[i].arch;
	return NULL;
}

/* The bytes that the arena needs for the strings of INFO. */
static size_t arena_size(const struct mf_modinfo *info)
{
	size_t size = 1;

	for (size_t i = 0; i < info->n_exports; i++)
		size += strlen(info->exports[i].name) + 1;
	for (size_t i = 0; i < info->n_imports; i++)
		size += strlen(info->imports[i].name) + 1;
	for (size_t i = 0; i < info->n_fields; i++)
		size += strlen(info->fields[i].value) + 1;
	return size;
}

static const char *copy_string(char **end, const char *s)
{
	char *copy = *end;

	*end = stpcpy(copy, s) + 1;
	return copy;
}

/*
 * Without CRCs the exports are the strings of a section that has namespaces among the symbols. Most of
 * these look like a symbol, and nothing imports them; "module:a,b", a list of modules, does not.
 */
static bool is_module_list(const struct mf_symbol *symbol)
{
	return !symbol->has_crc && mf_starts_with(symbol->name, "module:");
}

static int copy_symbols(const struct mf_symbol *from, size_t n, char **end,
			struct pack_symbol **ret_symbols, size_t *ret_n)
{
	struct pack_symbol *to = calloc(n ? n : 1, sizeof(*to));

	if (!to)
		return -ENOMEM;
	*ret_n = 0;
	for (size_t i = 0; i < n; i++)
		if (!is_module_list(&from[i]))
			to[(*ret_n)++] =
				(struct pack_symbol){ copy_string(end, from[i].name), from[i].crc,
						      from[i].has_crc, from[i].weak };
	*ret_symbols = to;
	return 0;
}

static int copy_fields(struct pack_module *module, const struct mf_modinfo *info, char **end)
{
	for (size_t f = 0; f < PACK_N_FIELDS; f++) {
		size_t n = 0;

		for (size_t i = 0; i < info->n_fields; i++)
			n += !strcmp(info->fields[i].key, field_keys[f]);
		module->fields[f] = calloc(n ? n : 1, sizeof(*module->fields[f]));
		if (!module->fields[f])
			return -ENOMEM;
		for (size_t i = 0; i < info->n_fields; i++)
			if (!strcmp(info->fields[i].key, field_keys[f]))
				module->fields[f][module->n_fields[f]++] =
					copy_string(end, info->fields[i].value);
	}
	return 0;
}

static void module_copy_texts(struct pack_module *module, const struct mf_modinfo *info, char **end)
{
	const struct {
		const char *key;
		const char **text;
	} texts[] = {
		{ "description", &module->description },
		{ "license", &module->license },
		{ "version", &module->version },
		{ "vermagic", &module->vermagic },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(texts); i++) {
		const char *value = mf_modinfo_get(info, texts[i].key);

		if (value)
			*texts[i].text = copy_string(end, value);
	}
	module->intree = mf_modinfo_get(info, "intree") != NULL;
}

static int module_copy_all(struct pack_module *module, const struct mf_modinfo *info)
{
	char *end;
	int r;

	module->arch = machine_arch(info);
	module->has_versions = info->has_versions;
	module->is_signed = info->signature != NULL;
	module->arena = malloc(arena_size(info));
	if (!module->arena)
		return -ENOMEM;
	end = module->arena;
	module_copy_texts(module, info, &end);
	r = copy_fields(module, info, &end);
	if (r < 0)
		return r;
	r = copy_symbols(info->exports, info->n_exports, &end, &module->exports,
			 &module->n_exports);
	return r < 0 ? r
		     : copy_symbols(info->imports, info->n_imports, &end, &module->imports,
				    &module->n_imports);
}

static int module_read_code(struct pack_module *module, const struct mf_modinfo *info)
{
	_cleanup_(mf_module_code_done) struct mf_module_code code = { 0 };
	int r = mf_module_code(info, &code);

	if (r < 0)
		return r;
	module->has_btf = code.has_btf;
	module->has_btf_ids = code.has_btf_ids;
	r = mf_sha256(code.bytes, code.len, module->code);
	return r < 0 ? r : mf_sha256(code.signer, code.signer_len, module->signer);
}

static int read_module(int tree_fd, struct pack_module *module)
{
	_cleanup_(mf_modinfo_done) struct mf_modinfo info = { 0 };
	_cleanup_close_ int fd = openat(tree_fd, module->path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *buf = NULL;
	struct stat st;
	size_t len;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	module->mtime = st.st_mtime;
	r = mf_file_read(fd, MF_MODULE_FILE_MAX, &buf, &len);
	if (r < 0)
		return r;
	module->size = len;
	module->compression = mf_compression_of(buf, len);
	r = mf_sha256(buf, len, module->digest);
	if (r < 0)
		return r;
	r = mf_modinfo_parse(buf, len, MF_MODULE_FILE_MAX, &info);
	if (r < 0)
		return r;
	r = module_copy_all(module, &info);
	if (r >= 0)
		r = module_read_code(module, &info);
	return r < 0 ? r : pack_requests_read(module, &info);
}

void pack_module_read(int tree_fd, struct pack_module *module)
{
	module->error = read_module(tree_fd, module);
}

void pack_module_done(struct pack_module *module)
{
	free(module->path);
	free(module->arena);
	mf_strings_done(&module->requested_symbols);
	free(module->exports);
	free(module->imports);
	for (size_t f = 0; f < PACK_N_FIELDS; f++)
		free(module->fields[f]);
	pack_list_done(&module->needs);
	pack_list_done(&module->wants);
	pack_list_done(&module->requests);
	pack_list_done(&module->may_request);
	mf_strings_done(&module->strings);
	mf_strings_done(&module->also);
	free(module->served_by);
	*module = (struct pack_module){ 0 };
}
