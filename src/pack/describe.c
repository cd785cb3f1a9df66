/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Summaries and descriptions of packages, from the fields of .modinfo.
 *
 * These fields may have any bytes: old modules have Latin-1, some have line breaks. The output is
 * one line of UTF-8 with '%' doubled, as a spec needs it; bytes that are not UTF-8 are read as
 * Latin-1. No line of a description begins with text of the module, so no text can become a section
 * of the spec.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "model.h"

#define SUMMARY_MAX 100
#define BUSES_MAX   3

/* Writes the character at S, which is not the final NUL; returns the bytes read. */
static size_t put_char(const unsigned char *s, FILE *out)
{
	uint32_t c;
	size_t n = mf_text_char((const char *)s, &c);

	if (!n) {
		fputc(0xc0 | s[0] >> 6, out);
		fputc(0x80 | (s[0] & 0x3f), out);
		return 1;
	}
	if (s[0] == '%')
		fputc('%', out);
	fwrite(s, 1, n, out);
	return n;
}

static bool is_blank(unsigned char c)
{
	return c <= ' ' || c == 0x7f;
}

char *pack_describe_text(const char *field, size_t max)
{
	const unsigned char *s = (const unsigned char *)field;
	_cleanup_free_ char *text = NULL;
	size_t len, used = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	while (*s && is_blank(*s))
		s++;
	while (*s && used < max) {
		size_t n;

		if (is_blank(*s)) {
			while (*s && is_blank(*s))
				s++;
			if (*s)
				fputc(' ', out);
			used++;
			continue;
		}
		n = put_char(s, out);
		s += n;
		used += n;
	}
	return fclose(out) ? NULL : MF_STEAL(text);
}

char *pack_describe_summary(const struct pack_module *module)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (module->description) {
		text = pack_describe_text(module->description, SUMMARY_MAX);
		if (!text)
			return NULL;
		for (len = strlen(text); len && (text[len - 1] == '.' || text[len - 1] == ' ');
		     len--)
			text[len - 1] = '\0';
		if (*text)
			return MF_STEAL(text);
	}
	return mf_format("Kernel module %s", module->name);
}

struct bus {
	const char *name;
	size_t len, n;
};

static int by_count(const void *a, const void *b)
{
	const struct bus *x = a, *y = b;

	return x->n != y->n ? (x->n < y->n) - (x->n > y->n) : strcmp(x->name, y->name);
}

/* Writes the number of aliases for each bus, "118 pci, 2 usb", the largest first. */
static void put_devices(const struct pack_module *module, FILE *out)
{
	struct bus buses[32] = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < module->n_fields[PACK_ALIAS]; i++) {
		const char *alias = module->fields[PACK_ALIAS][i];
		size_t len = strcspn(alias, ":*"), b = 0;

		if (!strchr(alias, ':') || !len)
			continue;
		while (b < n && (buses[b].len != len || memcmp(buses[b].name, alias, len)))
			b++;
		if (b == MF_ARRAY_SIZE(buses))
			continue;
		if (b == n)
			buses[n++] = (struct bus){ alias, len, 0 };
		buses[b].n++;
	}
	qsort(buses, n, sizeof(*buses), by_count);
	for (size_t b = 0; b < n && b < BUSES_MAX; b++) {
		_cleanup_free_ char *bus = strndup(buses[b].name, buses[b].len);
		_cleanup_free_ char *text = bus ? pack_describe_text(bus, 32) : NULL;

		fprintf(out, "%s%zu %s", b ? ", " : " Device patterns: ", buses[b].n,
			text ? text : "");
	}
	if (n)
		fputc('.', out);
}

char *pack_describe_long(const struct pack_module *module)
{
	_cleanup_free_ char *text = NULL, *version = NULL, *license = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	version = module->version ? pack_describe_text(module->version, 64) : NULL;
	license = module->license ? pack_describe_text(module->license, 64) : NULL;
	fprintf(out, "Kernel module %s", module->name);
	if (version && *version)
		fprintf(out, ", version %s", version);
	fputc('.', out);
	put_devices(module, out);
	fprintf(out, " License: %s.", license && *license ? license : "not stated");
	return fclose(out) ? NULL : MF_STEAL(text);
}
