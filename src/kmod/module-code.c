/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a module does, without the name of the kernel that it was built for.
 *
 * Two builds of one source for two releases of a kernel differ in vermagic, in the notes (build id,
 * version of the kernel), in BTF, whose numbers continue those of the kernel, in the signature, and
 * in strings that have the release: many drivers state it as their version. Everything else is
 * compared byte by byte, with the numbers of each section header: code, data, relocations, symbols,
 * the CRCs of imports and exports, parameters, aliases.
 *
 * Of the signature (PKCS#7, DER) the part is kept that says who signed and with which algorithms:
 * a kernel may know the key of one signer and not that of another. It is what precedes the last
 * value, the signature itself, inside the structure that contains that.
 */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/modinfo.h"
#include "modfetch/strings.h"
#include "elf.h"

#define RELEASE_MIN 6 /* bytes; a shorter release may be any number in the data */

/* ---- the signer ---- */

struct der {
	const uint8_t *p; /* the first byte of the value */
	size_t len;
	const uint8_t *begin; /* of its tag */
	bool is_constructed;
};

/* The value at *AT, which moves to the byte after it. False: none, or damaged. */
static bool der_next(const uint8_t **at, const uint8_t *end, struct der *ret)
{
	const uint8_t *p = *at;
	size_t len, n;

	if (end - p < 2)
		return false;
	ret->begin = p;
	ret->is_constructed = p[0] & 0x20;
	len = p[1];
	p += 2;
	if (len & 0x80) {
		n = len & 0x7f;
		if (!n || n > 4 || (size_t)(end - p) < n)
			return false;
		for (len = 0; n; n--)
			len = len << 8 | *p++;
	}
	if (len > (size_t)(end - p))
		return false;
	ret->p = p;
	ret->len = len;
	*at = p + len;
	return true;
}

static void find_signer(const struct mf_modinfo *info, struct mf_module_code *code)
{
	const uint8_t *at = info->signature, *end = at ? at + info->signature_len : NULL;
	const uint8_t *parent = at;
	struct der last = { 0 };

	while (at && at < end) {
		if (!der_next(&at, end, &last)) {
			/* an unknown form: the whole of it must be equal */
			code->signer = info->signature;
			code->signer_len = info->signature_len;
			return;
		}
		if (at == end && last.is_constructed) {
			parent = at = last.p;
			end = last.p + last.len;
		}
	}
	if (last.begin) {
		code->signer = parent;
		code->signer_len = (size_t)(last.begin - parent);
	}
}

/* ---- sections ---- */

/* Overwrites the release where it is a word of the data. */
static void blank_release(char *data, size_t len, const char *release, size_t release_len)
{
	char *end = data + len, *at = data;

	if (release_len < RELEASE_MIN)
		return;
	while ((at = memmem(at, (size_t)(end - at), release, release_len))) {
		char next = at + release_len < end ? at[release_len] : '\0';

		if (!strchr("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.",
			    next) ||
		    !next)
			memset(at, '*', release_len);
		at += release_len;
	}
}

static bool is_data(const char *name)
{
	return mf_starts_with(name, ".rodata") || mf_starts_with(name, ".data");
}

static int put_section(const struct mf_elf *elf, uint32_t index, const char *release,
		       size_t release_len, FILE *out)
{
	const char *name = mf_elf_section_name(elf, index);
	_cleanup_free_ char *copy = NULL;
	struct mf_elf_section section;
	struct mf_elf_header header;

	mf_elf_header(elf, index, &header);
	fprintf(out, "%s %x %llx %llx %llx %llx %llx %llx\n", name, header.type,
		(unsigned long long)header.flags, (unsigned long long)header.size,
		(unsigned long long)header.link, (unsigned long long)header.info,
		(unsigned long long)header.align, (unsigned long long)header.entry_size);
	if (header.type == SHT_NOBITS)
		return 0;
	if (mf_elf_section_at(elf, index, &section) < 0)
		return -EBADMSG;
	if (!is_data(name)) {
		fwrite(elf->buf + section.offset, 1, section.size, out);
		return 0;
	}
	copy = malloc(section.size + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, elf->buf + section.offset, section.size);
	blank_release(copy, section.size, release, release_len);
	fwrite(copy, 1, section.size, out);
	return 0;
}

static int put_sections(const struct mf_elf *elf, const char *release, size_t release_len,
			struct mf_module_code *code, FILE *out)
{
	for (uint32_t i = 1; i < elf->n_sections; i++) {
		const char *name = mf_elf_section_name(elf, i);
		int r;

		code->has_btf |= !strcmp(name, ".BTF");
		code->has_btf_ids |= !strcmp(name, ".BTF_ids");
		if (!strcmp(name, ".BTF") || !strcmp(name, ".modinfo") ||
		    mf_starts_with(name, ".note."))
			continue;
		r = put_section(elf, i, release, release_len, out);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- fields ---- */

static int put_fields(const struct mf_modinfo *info, const char *release, size_t release_len,
		      FILE *out)
{
	for (size_t i = 0; i < info->n_fields; i++) {
		const struct mf_modinfo_field *field = &info->fields[i];
		bool is_vermagic = !strcmp(field->key, "vermagic");
		_cleanup_free_ char *value =
			strdup(is_vermagic ? field->value + release_len : field->value);

		if (!value)
			return -ENOMEM;
		blank_release(value, strlen(value), release, release_len);
		fprintf(out, "%s=%s%c", field->key, value, '\0');
	}
	return 0;
}

int mf_module_code(const struct mf_modinfo *info, struct mf_module_code *ret_code)
{
	_cleanup_(mf_module_code_done) struct mf_module_code code = { 0 };
	const char *release = mf_modinfo_get(info, "vermagic");
	size_t release_len = release ? strcspn(release, " ") : 0;
	_cleanup_free_ char *text = NULL;
	struct mf_elf elf;
	FILE *out;
	int r = mf_elf_init(&elf, info->data, -1, info->elf_len);

	if (r < 0)
		return r;
	out = open_memstream(&text, &code.len);
	r = out ? put_sections(&elf, release, release_len, &code, out) : -ENOMEM;
	mf_elf_done(&elf);
	if (r >= 0)
		r = put_fields(info, release, release_len, out);
	if (out && fclose(out) && r >= 0)
		r = -ENOMEM;
	if (r < 0)
		return r;
	find_signer(info, &code);
	code.bytes = MF_STEAL(text);
	*ret_code = code;
	code = (struct mf_module_code){ 0 };
	return 0;
}

void mf_module_code_done(struct mf_module_code *code)
{
	free(code->bytes);
	*code = (struct mf_module_code){ 0 };
}
