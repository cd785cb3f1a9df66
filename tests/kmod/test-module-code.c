/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Real modules as two builds have them: what may differ, and what must not. */
#include "tests/unit.h"
#include "modfetch/modinfo.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/file.h"
#include "src/kmod/elf.h"
#include "tests/trees.h"

#define BONDING	  "kernel/drivers/net/bonding/bonding.ko"
#define E1000E	  "kernel/drivers/net/ethernet/intel/e1000e/e1000e.ko"
#define CONNTRACK "kernel/net/netfilter/nf_conntrack.ko"

/* A module's file, and what is read from it. */
struct build {
	char *bytes;
	size_t len;
	struct mf_modinfo info;
	struct mf_module_code code;
};

static void build_parse(struct build *b)
{
	mf_module_code_done(&b->code);
	mf_modinfo_done(&b->info);
	assert_int_equal(mf_modinfo_parse(b->bytes, b->len, MF_MODULE_FILE_MAX, &b->info), 0);
	assert_int_equal(mf_module_code(&b->info, &b->code), 0);
}

static struct build *build_of(const char *path)
{
	struct build *b = calloc(1, sizeof(*b));
	char full[4096];

	snprintf(full, sizeof(full), "%s/%s", tree_of("default"), path);
	assert_int_equal(mf_file_read_at(AT_FDCWD, full, MF_MODULE_FILE_MAX, &b->bytes, &b->len),
			 0);
	build_parse(b);
	return b;
}

static void build_free(struct build *b)
{
	mf_module_code_done(&b->code);
	mf_modinfo_done(&b->info);
	free(b->bytes);
	free(b);
}

static bool same_code(const struct build *a, const struct build *b)
{
	return a->code.len == b->code.len && !memcmp(a->code.bytes, b->code.bytes, a->code.len);
}

static bool same_signer(const struct build *a, const struct build *b)
{
	return a->code.signer_len == b->code.signer_len &&
	       !memcmp(a->code.signer, b->code.signer, a->code.signer_len);
}

/* Replaces the release everywhere by another one of the same length; returns how often. */
static size_t rename_release(struct build *b)
{
	const char *vermagic = mf_modinfo_get(&b->info, "vermagic");
	size_t len = strcspn(vermagic, " "), n = 0;
	char *at = b->bytes, *end = b->bytes + b->len, release[128];

	snprintf(release, sizeof(release), "%.*s", (int)len, vermagic);
	while ((at = memmem(at, (size_t)(end - at), release, len))) {
		at[len / 2] ^= 1;
		at += len;
		n++;
	}
	build_parse(b);
	return n;
}

/* Changes one byte in the middle of a section. */
static void change_section(struct build *b, const char *name)
{
	struct mf_elf_section section;
	struct mf_elf elf;

	assert_int_equal(mf_elf_init(&elf, b->bytes, -1, b->info.elf_len), 0);
	mf_elf_find(&elf, &name, 1, &section);
	mf_elf_done(&elf);
	assert_true(section.index && section.size);
	b->bytes[section.offset + section.size / 2] ^= 1;
	build_parse(b);
}

static void a_build_for_another_release_is_the_same(void **state)
{
	static const char *const paths[] = { E1000E, BONDING };
	/* bonding has the release in its data too */
	const size_t at_least[] = { 1, 2 };

	for (size_t i = 0; i < MF_ARRAY_SIZE(paths); i++) {
		struct build *a = build_of(paths[i]), *b = build_of(paths[i]);

		assert_true(rename_release(b) >= at_least[i]);
		assert_true(same_code(a, b));
		build_free(a);
		build_free(b);
	}
}

static void notes_and_btf_do_not_count_and_everything_else_does(void **state)
{
	static const struct {
		const char *section;
		bool same;
	} sections[] = {
		{ ".BTF", true },	 { ".note.gnu.build-id", true },
		{ ".text", false },	 { ".rodata", false },
		{ "__versions", false }, { ".rela.text", false },
		{ ".modinfo", false },	 { ".symtab", false },
		{ ".strtab", false },	 { "__param", false },
		{ ".data", false },	 { ".rodata.str1.1", false },
	};
	struct build *a = build_of(E1000E);

	for (size_t i = 0; i < MF_ARRAY_SIZE(sections); i++) {
		struct build *b = build_of(E1000E);

		change_section(b, sections[i].section);
		if (same_code(a, b) != sections[i].same)
			fail_msg("a change of %s", sections[i].section);
		build_free(b);
	}
	build_free(a);
}

static void a_longer_number_is_not_the_release(void **state)
{
	struct build *a = build_of(BONDING), *b = build_of(BONDING);
	const char *vermagic = mf_modinfo_get(&a->info, "vermagic");
	size_t len = strcspn(vermagic, " ");
	struct mf_elf_section section;
	struct mf_elf elf;
	const char *name = ".rodata.str1.8";
	char *at;

	assert_int_equal(mf_elf_init(&elf, a->bytes, -1, a->info.elf_len), 0);
	mf_elf_find(&elf, &name, 1, &section);
	mf_elf_done(&elf);
	at = memmem(a->bytes + section.offset, section.size, vermagic, len);
	assert_non_null(at);
	/* in both the release goes on; then another one is other data */
	at[len] = b->bytes[at - a->bytes + (long)len] = '4';
	at[len - 1] ^= 1;
	build_parse(a);
	build_parse(b);
	assert_false(same_code(a, b));
	build_free(a);
	build_free(b);
}

static void a_signature_shows_its_signer(void **state)
{
	struct build *a = build_of(E1000E), *b = build_of(BONDING), *c = build_of(E1000E);
	size_t at;

	/* two modules of one build */
	assert_non_null(a->code.signer);
	assert_true(a->code.signer_len > 20 && a->code.signer_len < a->info.signature_len);
	assert_true(same_signer(a, b));
	/* another signature by the same key */
	c->bytes[a->info.elf_len + a->info.signature_len - 1] ^= 1;
	build_parse(c);
	assert_true(same_code(a, c) && same_signer(a, c));
	/* another key */
	at = (size_t)((const char *)a->code.signer - (const char *)a->info.data);
	c->bytes[at + a->code.signer_len / 2] ^= 1;
	build_parse(c);
	assert_true(same_code(a, c));
	assert_false(same_signer(a, c));
	/* none */
	c->len = a->info.elf_len;
	build_parse(c);
	assert_true(same_code(a, c));
	assert_null(c->code.signer);
	build_free(a);
	build_free(b);
	build_free(c);
}

static void a_damaged_signature_is_taken_as_a_whole(void **state)
{
	struct build *a = build_of(E1000E);

	a->bytes[a->info.elf_len + 1] = (char)0x88; /* a length of eight bytes */
	build_parse(a);
	assert_int_equal(a->code.signer_len, a->info.signature_len);
	assert_ptr_equal(a->code.signer, a->info.signature);
	build_free(a);
}

static void references_to_btf_are_known(void **state)
{
	struct build *a = build_of(E1000E), *b = build_of(CONNTRACK);

	assert_true(a->code.has_btf);
	assert_false(a->code.has_btf_ids);
	assert_true(b->code.has_btf && b->code.has_btf_ids);
	build_free(a);
	build_free(b);
}

static void what_is_no_object_is_refused(void **state)
{
	struct build *a = build_of(E1000E);
	struct mf_module_code code = { 0 };

	a->info.elf_len = 40;
	assert_int_equal(mf_module_code(&a->info, &code), -EBADMSG);
	assert_null(code.bytes);
	build_free(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_build_for_another_release_is_the_same),
		UNIT(notes_and_btf_do_not_count_and_everything_else_does),
		UNIT(a_longer_number_is_not_the_release),
		UNIT(a_signature_shows_its_signer),
		UNIT(a_damaged_signature_is_taken_as_a_whole),
		UNIT(references_to_btf_are_known),
		UNIT(what_is_no_object_is_refused),
	};

	return UNIT_RUN(tests);
}
