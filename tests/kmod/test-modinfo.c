/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The oracle is libkmod, for every module of a real kernel; clang's assembler makes modules that
 * the kernel does not have: other byte orders and word sizes, older and newer forms of versions.
 */
#include "tests/unit.h"
#include "modfetch/array.h"
#include "modfetch/modinfo.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <libkmod.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "tests/trees.h"

#define CAP ((size_t)256 << 20)

static void compare_fields(const struct mf_modinfo *info, struct kmod_module *mod)
{
	struct kmod_list *list = NULL, *l;
	size_t i = 0;

	assert_true(kmod_module_get_info(mod, &list) >= 0);
	kmod_list_foreach(l, list)
	{
		/* libkmod adds fields from the signature, which are not in .modinfo */
		if (i == info->n_fields) {
			assert_string_equal(kmod_module_info_get_key(l), "sig_id");
			break;
		}
		assert_string_equal(info->fields[i].key, kmod_module_info_get_key(l));
		assert_string_equal(info->fields[i].value, kmod_module_info_get_value(l));
		i++;
	}
	assert_int_equal(i, info->n_fields);
	kmod_module_info_free_list(list);
}

static void compare_exports(const struct mf_modinfo *info, struct kmod_module *mod, bool crcs)
{
	struct kmod_list *list = NULL, *l;
	size_t i = 0;

	if (kmod_module_get_symbols(mod, &list) < 0)
		list = NULL;
	kmod_list_foreach(l, list)
	{
		assert_true(i < info->n_exports);
		assert_string_equal(info->exports[i].name, kmod_module_symbol_get_symbol(l));
		if (crcs) {
			assert_true(info->exports[i].has_crc);
			assert_int_equal(info->exports[i].crc, kmod_module_symbol_get_crc(l));
		}
		i++;
	}
	assert_int_equal(i, info->n_exports);
	kmod_module_symbols_free_list(list);
}

static void compare_imports(const struct mf_modinfo *info, struct kmod_module *mod)
{
	struct kmod_list *list = NULL, *l;
	size_t i = 0;

	assert_true(kmod_module_get_dependency_symbols(mod, &list) >= 0);
	kmod_list_foreach(l, list)
	{
		const struct mf_symbol *s = &info->imports[i];

		assert_true(i < info->n_imports);
		assert_string_equal(s->name, kmod_module_dependency_symbol_get_symbol(l));
		assert_int_equal(s->crc, kmod_module_dependency_symbol_get_crc(l));
		assert_int_equal(s->weak,
				 kmod_module_dependency_symbol_get_bind(l) == KMOD_SYMBOL_WEAK);
		i++;
	}
	assert_int_equal(i, info->n_imports);
	kmod_module_dependency_symbols_free_list(list);
}

struct seen {
	size_t exports, imports, signatures;
};

static void compare_module(void *arg, const char *path)
{
	struct seen *seen = arg;
	_cleanup_(mf_modinfo_done) struct mf_modinfo full = { 0 }, names = { 0 };
	struct kmod_ctx *ctx = kmod_new("/nowhere", NULL);
	struct kmod_module *mod;

	kmod_set_log_priority(ctx, 0);
	assert_int_equal(kmod_module_new_from_path(ctx, path, &mod), 0);
	assert_int_equal(mf_modinfo_read_at(AT_FDCWD, path, &full), 0);
	assert_int_equal(mf_modinfo_scan_at(AT_FDCWD, path, &names), 0);
	compare_fields(&full, mod);
	compare_fields(&names, mod);
	compare_exports(&full, mod, true);
	compare_exports(&names, mod, false);
	compare_imports(&full, mod);
	compare_imports(&names, mod);
	assert_true(full.has_versions && names.has_versions);
	assert_int_equal(full.elf_machine, EM_X86_64);
	seen->exports += full.n_exports;
	seen->imports += full.n_imports;
	seen->signatures += full.signature != NULL;
	kmod_module_unref(mod);
	kmod_unref(ctx);
}

static void every_module_of_a_kernel_reads_as_libkmod_reads_it(void **state)
{
	struct seen seen = { 0 };

	assert_true(each_module(tree_of("default"), 1, compare_module, &seen) > 3000);
	assert_true(seen.exports > 10000);
	assert_true(seen.imports > 150000);
	assert_true(seen.signatures > 3000);
}

static void compressed_modules_read_as_libkmod_reads_them(void **state)
{
	struct seen seen = { 0 };

	assert_true(each_module(tree_of("xz"), 40, compare_module, &seen) > 100);
}

/* Assembles SOURCE for TARGET and reads the object back. */
static char *assemble(const char *target, const char *source, size_t *ret_len)
{
	char path[] = "/tmp/test-modinfo.XXXXXX", command[160];
	int fd = mkstemp(path);
	char *buf;
	FILE *pipe;

	assert_true(fd >= 0);
	close(fd);
	snprintf(command, sizeof(command), "clang --target=%s -c -x assembler - -o %s", target,
		 path);
	pipe = popen(command, "w");
	assert_non_null(pipe);
	fputs(source, pipe);
	assert_int_equal(pclose(pipe), 0);
	assert_int_equal(mf_file_read_at(AT_FDCWD, path, CAP, &buf, ret_len), 0);
	unlink(path);
	return buf;
}

/* WORD is the directive for the CRC in front of a __versions name. */
#define VERSION(word, crc, name, len) word " " crc "\n.ascii \"" name "\"\n.zero " len "\n"

static const char source_head[] =
	".section .modinfo,\"a\"\n"
	".byte 0,0\n.asciz \"license=GPL\"\n.byte 0,0,0\n"
	".asciz \"alias=pci:v*\"\n.asciz \"retpoline\"\n.ascii \"last=1\"\n"
	".section __kcrctab,\"a\"\n.long 7\n__crc_placed: .long 0x12345678\n"
	".globl __crc_absolute\n.set __crc_absolute, 0x9abcdef0\n"
	".section .text\n.weak maybe\n.long must\n.long maybe\n"
	".section __versions,\"a\"\n";

static void check_assembled(const struct mf_modinfo *info)
{
	assert_int_equal(info->n_fields, 4);
	assert_string_equal(mf_modinfo_get(info, "license"), "GPL");
	assert_string_equal(mf_modinfo_get(info, "alias"), "pci:v*");
	assert_string_equal(mf_modinfo_get(info, "retpoline"), "");
	assert_string_equal(mf_modinfo_get(info, "last"), "1");
	assert_null(mf_modinfo_get(info, "las"));
	assert_int_equal(info->n_exports, 2);
	for (size_t i = 0; i < 2; i++) {
		bool placed = !strcmp(info->exports[i].name, "placed");

		assert_true(placed || !strcmp(info->exports[i].name, "absolute"));
		assert_true(info->exports[i].has_crc);
		assert_int_equal(info->exports[i].crc, placed ? 0x12345678 : 0x9abcdef0);
	}
	assert_int_equal(info->n_imports, 3);
	for (size_t i = 0; i < 2; i++) {
		bool weak = !strcmp(info->imports[i].name, "maybe");

		assert_int_equal(info->imports[i].weak, weak);
		assert_int_equal(info->imports[i].has_crc, !weak);
		assert_int_equal(info->imports[i].crc, weak ? 0 : 0xfedcba98);
	}
	assert_string_equal(info->imports[2].name, "module_layout");
	assert_int_equal(info->imports[2].crc, 0x5);
	assert_true(info->has_versions);
	assert_null(info->signature);
	assert_int_equal(info->elf_len, info->data_len);
}

static void other_byte_orders_and_word_sizes_read_alike(void **state)
{
	static const struct {
		const char *target;
		int machine;
		bool wide, big;
	} targets[] = {
		{ "i386-linux-gnu", EM_386, false, false },
		{ "powerpc-linux-gnu", EM_PPC, false, true },
		{ "s390x-linux-gnu", EM_S390, true, true },
		{ "aarch64-linux-gnu", EM_AARCH64, true, false },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(targets); i++) {
		_cleanup_(mf_modinfo_done) struct mf_modinfo info = { 0 };
		_cleanup_free_ char *source = NULL, *object = NULL;
		size_t len;

		assert_true(asprintf(&source, "%s%s", source_head,
				     targets[i].wide
					     ? VERSION(".quad", "0xfedcba98", "must", "52")
						       VERSION(".quad", "5", "module_layout", "43")
					     : VERSION(".long", "0xfedcba98", "must", "56") VERSION(
						       ".long", "5", "module_layout", "47")) > 0);
		object = assemble(targets[i].target, source, &len);
		assert_int_equal(mf_modinfo_parse(object, len, CAP, &info), 0);
		check_assembled(&info);
		assert_int_equal(info.elf_machine, targets[i].machine);
		assert_int_equal(info.is_64bit, targets[i].wide);
		assert_int_equal(info.is_big_endian, targets[i].big);
	}
}

static void the_newer_form_of_versions_reads_alike(void **state)
{
	_cleanup_(mf_modinfo_done) struct mf_modinfo info = { 0 };
	_cleanup_free_ char *source = NULL, *object = NULL;
	size_t len;

	assert_true(asprintf(&source, "%s%s", source_head,
			     ".section __version_ext_crcs,\"a\"\n.long 0xfedcba98, 5\n"
			     ".section __version_ext_names,\"a\"\n"
			     ".asciz \"must\"\n.asciz \"module_layout\"\n") > 0);
	object = assemble("powerpc64-linux-gnu", source, &len);
	assert_int_equal(mf_modinfo_parse(object, len, CAP, &info), 0);
	check_assembled(&info);
}

static void without_crc_symbols_exports_come_by_name(void **state)
{
	_cleanup_(mf_modinfo_done) struct mf_modinfo info = { 0 };
	size_t len;
	_cleanup_free_ char *object = assemble(
		"x86_64-linux-gnu",
		".section __ksymtab_strings,\"a\"\n.asciz \"one\"\n.byte 0\n.asciz \"two\"\n",
		&len);

	assert_int_equal(mf_modinfo_parse(object, len, CAP, &info), 0);
	assert_int_equal(info.n_exports, 2);
	assert_string_equal(info.exports[0].name, "one");
	assert_string_equal(info.exports[1].name, "two");
	assert_false(info.exports[0].has_crc);
	assert_false(info.has_versions);
	assert_int_equal(info.n_fields, 0);
	assert_null(mf_modinfo_get(&info, "license"));
}

/* The entry of an undefined symbol in a 64-bit object of this machine's byte order. */
static Elf64_Sym *undefined_symbol(char *object, const char *name)
{
	Elf64_Ehdr *head = (Elf64_Ehdr *)object;
	Elf64_Shdr *sections = (Elf64_Shdr *)(object + head->e_shoff);

	for (size_t i = 0; i < head->e_shnum; i++) {
		const Elf64_Shdr *s = &sections[i];
		Elf64_Sym *symbols = (Elf64_Sym *)(object + s->sh_offset);

		for (size_t k = 1; s->sh_type == SHT_SYMTAB && k < s->sh_size / sizeof(*symbols);
		     k++)
			if (symbols[k].st_shndx == SHN_UNDEF &&
			    !strcmp(object + sections[s->sh_link].sh_offset + symbols[k].st_name,
				    name))
				return &symbols[k];
	}
	fail_msg("no undefined %s", name);
	abort();
}

static void an_import_whose_name_cannot_be_read_discredits_them_all(void **state)
{
	size_t len;
	_cleanup_free_ char *object = assemble("x86_64-linux-gnu", source_head, &len);
	Elf64_Sym *must = undefined_symbol(object, "must");

	{
		_cleanup_(mf_modinfo_done) struct mf_modinfo info = { 0 };

		assert_int_equal(mf_modinfo_parse(object, len, CAP, &info), 0);
		assert_int_equal(info.n_imports, 2);
	}
	must->st_name = 0; /* it has none: it is skipped */
	{
		_cleanup_(mf_modinfo_done) struct mf_modinfo info = { 0 };

		assert_int_equal(mf_modinfo_parse(object, len, CAP, &info), 0);
		assert_int_equal(info.n_imports, 1);
		assert_string_equal(info.imports[0].name, "maybe");
	}
	must->st_name = 0x7fffffff;
	{
		_cleanup_(mf_modinfo_done) struct mf_modinfo info = { 0 };

		assert_int_equal(mf_modinfo_parse(object, len, CAP, &info), 0);
		assert_int_equal(info.n_imports, 0);
	}
}

static void append(char **buf, size_t *len, const void *bytes, size_t n)
{
	*buf = realloc(*buf, *len + n);
	assert_non_null(*buf);
	memcpy(*buf + *len, bytes, n);
	*len += n;
}

static void only_a_whole_signature_is_one(void **state)
{
	static const uint8_t head[12] = { 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 3 };
	static const char marker[] = "~Module signature appended~\n";
	_cleanup_(mf_modinfo_done) struct mf_modinfo good = { 0 }, bad = { 0 };
	size_t len, elf_len;
	_cleanup_free_ char *object = assemble("x86_64-linux-gnu", ".byte 1\n", &len);

	elf_len = len;
	append(&object, &len, "SIG", 3);
	append(&object, &len, head, sizeof(head));
	append(&object, &len, marker, sizeof(marker) - 1);
	assert_int_equal(mf_modinfo_parse(object, len, CAP, &good), 0);
	assert_int_equal(good.elf_len, elf_len);
	assert_int_equal(good.signature_len, 3);
	assert_memory_equal(good.signature, "SIG", 3);
	assert_memory_equal(good.data, object, len);
	/* a length beyond the file */
	object[elf_len + 3 + 8] = 1;
	assert_int_equal(mf_modinfo_parse(object, len, CAP, &bad), 0);
	assert_null(bad.signature);
	assert_int_equal(bad.elf_len, len);
}

static void what_is_no_module_or_cut_short_is_refused(void **state)
{
	_cleanup_(mf_modinfo_done) struct mf_modinfo info = { 0 };
	size_t len;
	_cleanup_free_ char *object = assemble("x86_64-linux-gnu", source_head, &len);

	assert_int_equal(mf_modinfo_parse("", 0, CAP, &info), -EBADMSG);
	assert_int_equal(mf_modinfo_parse("#!/bin/sh\n", 10, CAP, &info), -EBADMSG);
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(mf_modinfo_parse(object, cut, CAP, &info), -EBADMSG);
	assert_int_equal(mf_modinfo_parse(object, len, len - 1, &info), -EFBIG);
	assert_int_equal(mf_modinfo_read_at(AT_FDCWD, "/nowhere/x.ko", &info), -ENOENT);
	assert_int_equal(mf_modinfo_scan_at(AT_FDCWD, "/nowhere/x.ko", &info), -ENOENT);
	assert_int_equal(mf_modinfo_scan_at(AT_FDCWD, "/dev", &info), -EBADMSG);
	assert_null(info.data);
	assert_null(info.fields);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(every_module_of_a_kernel_reads_as_libkmod_reads_it),
		UNIT(compressed_modules_read_as_libkmod_reads_them),
		UNIT(other_byte_orders_and_word_sizes_read_alike),
		UNIT(the_newer_form_of_versions_reads_alike),
		UNIT(without_crc_symbols_exports_come_by_name),
		UNIT(an_import_whose_name_cannot_be_read_discredits_them_all),
		UNIT(only_a_whole_signature_is_one),
		UNIT(what_is_no_module_or_cut_short_is_refused),
	};

	return UNIT_RUN(tests);
}
