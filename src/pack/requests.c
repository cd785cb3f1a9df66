/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The modules that a module asks the kernel to load while it runs, found in the module itself.
 *
 * No field of .modinfo lists such requests. But a module that makes them imports a function that
 * leads to request_module(), and the strings of its read-only data contain the requests: a name or
 * an alias ("iwlmvm", "symbol:mt352_attach"), a format ("snd-card-%i") or an algorithm
 * ("ccm(aes)"). Each such string that means another module of the same kernel is a request.
 * Instructions are not read: which string is passed to which call would add little, since many
 * names come from tables, and would need code for the relocations of each machine.
 *
 * Classes. A string that names its target is a request that the driver makes by itself: NEEDED. A
 * format is filled in with data of user space, a file system or a packet: OPTIONAL. The tables of
 * request-table.h hold the functions, the strings that only look like names, and the corrections.
 *
 * Bounds. A word of letters only must have six of them to count as a name ("core", "fuse" and
 * "loop" are words of every driver); a format must start with three bytes of which one is a
 * separator, so that "%s" and "rd%d" match nothing, and has three conversions at most.
 */
#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/modinfo.h"
#include "model.h"
#include "request-table.h"

#define N_FUNCTIONS    (MF_ARRAY_SIZE(request_functions))
#define PLAIN_WORD_MIN 6
#define PREFIX_MIN     3
#define CONVERSIONS    3
#define REQUEST_MAX    256
#define SYMBOL	       "symbol:"

static bool calls_function(const struct pack_module *module, size_t function)
{
	for (size_t i = 0; i < module->n_imports; i++)
		if (!fnmatch(request_functions[function].function, module->imports[i].name, 0))
			return true;
	return false;
}

/* Could this string be a name, a format or an algorithm? */
static bool is_request_text(const char *s)
{
	return s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			   "_-:.,%*()")] == '\0' &&
	       *s != '.' && *s != '-';
}

static bool is_known_word(const char *s)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(request_words); i++)
		if (!strcmp(request_words[i].string, s))
			return true;
	return false;
}

static int requests_add_string(void *arg, const char *s)
{
	struct pack_module *module = arg;

	return is_request_text(s) && !is_known_word(s) ? mf_strings_add(&module->strings, s) : 0;
}

int pack_requests_read(struct pack_module *module, const struct mf_modinfo *info)
{
	for (size_t f = 0; f < N_FUNCTIONS; f++)
		if (calls_function(module, f))
			return mf_rostrings_each(info->data, info->elf_len, requests_add_string,
						 module);
	return 0;
}

/* ---- formats ---- */

/* The letter of the conversion whose '%' is before S; *RET_END is set to the rest of the format. */
static char conversion(const char *s, const char **ret_end)
{
	s += strspn(s, "-+ #0123456789.*");
	s += strspn(s, "hlzjt");
	*ret_end = *s ? s + 1 : s;
	return *s;
}

static bool conversion_fits(char conversion, char c)
{
	switch (conversion) {
	case 'd':
	case 'i':
	case 'u':
		return isdigit((unsigned char)c) || c == '?';
	case 'x':
	case 'X':
		return isxdigit((unsigned char)c) || c == '?';
	case 's':
		return true;
	}
	return false;
}

static char normalise_char(char c)
{
	return c == '-' ? '_' : c;
}

bool pack_requests_format_fits(const char *format, const char *name)
{
	const char *rest;
	char letter;

	for (; *format != '%'; format++, name++) {
		if (normalise_char(*format) != normalise_char(*name))
			return false;
		if (!*format)
			return true;
	}
	letter = conversion(format + 1, &rest);
	for (; *name && conversion_fits(letter, *name); name++)
		if (pack_requests_format_fits(rest, name + 1))
			return true;
	return false;
}

/* FORMAT is PREFIX and S; S alone must not match everything. */
static bool is_usable_format(const char *format, const char *s)
{
	size_t len = strcspn(format, "%"), n = 0;

	for (const char *c = s; (c = strchr(c, '%')); c++)
		n++;
	return *s != '%' && len >= PREFIX_MIN && n <= CONVERSIONS && strcspn(format, "-_:") < len;
}

/* ---- one string ---- */

/* Does S look like a name, not like a word of a message or a parser? */
static bool is_distinct(const char *s)
{
	return strlen(s) >= PLAIN_WORD_MIN || s[strcspn(s, "0123456789_-:")];
}

static int request_name(const struct pack_names *names, struct pack_module *module, size_t function,
			const char *s)
{
	const char *prefix = request_functions[function].prefix;
	const char *only = request_functions[function].only;
	char word[REQUEST_MAX];

	if ((only && !mf_starts_with(s, only)) || (!*prefix && !is_distinct(s)))
		return 0;
	/* udev requests the aliases of devices */
	if (!*prefix && strchr(s, ':') && !mf_starts_with(s, SYMBOL) &&
	    !mf_starts_with(s, "usbfunc:"))
		return 0;
	if (snprintf(word, sizeof(word), "%s%s", prefix, s) >= (int)sizeof(word))
		return 0;
	if (strchr(s, '%'))
		return !is_usable_format(word, s)
			       ? 0
			       : pack_names_fitting(names, word, pack_requests_format_fits,
						    &module->may_request);
	return pack_names_request(names, word, &module->requests);
}

static int request_algorithm_word(const struct pack_names *names, struct pack_module *module,
				  const char *prefix, const char *s, size_t len)
{
	char word[REQUEST_MAX];

	if (!len || memchr(s, '%', len) ||
	    snprintf(word, sizeof(word), "%s%.*s", prefix, (int)len, s) >= (int)sizeof(word))
		return 0;
	return pack_names_request(names, word, &module->requests);
}

/*
 * Requests the whole of "authenc(hmac(sha256),cbc(aes))", then each word of it; for "ctr(%s)" the
 * template alone.
 */
static int request_algorithm(const struct pack_names *names, struct pack_module *module,
			     const char *prefix, const char *s)
{
	static const char separators[] = "(),";
	int r = 0;

	if (strchr(s, ':') || strchr(s, '.'))
		return 0;
	if (s[strcspn(s, separators)])
		r = request_algorithm_word(names, module, prefix, s, strlen(s));
	while (r >= 0 && *(s += strspn(s, separators))) {
		size_t len = strcspn(s, separators);

		r = request_algorithm_word(names, module, prefix, s, len);
		s += len;
	}
	return r;
}

static int request_strings(const struct pack_names *names, struct pack_module *module,
			   size_t function)
{
	const char *prefix = request_functions[function].prefix;
	int r = 0;

	if (request_functions[function].kind == REQUEST_FIXED)
		return pack_names_request(names, prefix, &module->requests);
	for (size_t i = 0; r >= 0 && i < module->strings.n; i++)
		r = request_functions[function].kind == REQUEST_NAME
			    ? request_name(names, module, function, module->strings.v[i])
			    : request_algorithm(names, module, prefix, module->strings.v[i]);
	return r;
}

/* ---- corrections ---- */

static void list_remove(struct pack_list *list, const struct pack_list *removed)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->n; i++)
		if (!pack_list_has(removed, list->v[i]))
			list->v[kept++] = list->v[i];
	list->n = kept;
}

static int list_append(struct pack_list *list, const struct pack_list *more)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < more->n; i++)
		r = pack_list_add(list, more->v[i]);
	return r;
}

static bool glob_fits(const char *pattern, const char *name)
{
	return !fnmatch(pattern, name, 0);
}

static int apply_exception(const struct pack_names *names, struct pack_module *module, size_t row)
{
	_cleanup_(pack_list_done) struct pack_list affected = { 0 };
	const char *request = request_exceptions[row].request;
	int r;

	if (!strcmp(request, "*")) {
		r = list_append(&affected, &module->requests);
		if (r >= 0)
			r = list_append(&affected, &module->may_request);
	} else if (request[strcspn(request, "*?[")]) {
		r = pack_names_fitting(names, request, glob_fits, &affected);
	} else {
		r = pack_names_request(names, request, &affected);
	}
	if (r < 0)
		return r;
	pack_list_unique(&affected);
	list_remove(&module->requests, &affected);
	list_remove(&module->may_request, &affected);
	switch (request_exceptions[row].class) {
	case REQUEST_NEEDED:
		return list_append(&module->requests, &affected);
	case REQUEST_OPTIONAL:
		return list_append(&module->may_request, &affected);
	case REQUEST_NONE:
		break;
	}
	return 0;
}

/* Removes from both lists the modules that come with the module in any case. */
static int drop_implied(const struct pack_kernel *kernel, struct pack_module *module, size_t m)
{
	_cleanup_(pack_list_done) struct pack_list start = { 0 }, implied = { 0 };
	int r = pack_list_add(&start, m);

	if (r >= 0)
		r = pack_closure(kernel, &start, false, &implied);
	if (r >= 0)
		r = list_append(&implied, &module->wants);
	if (r < 0)
		return r;
	pack_list_unique(&implied);
	list_remove(&module->requests, &implied);
	list_remove(&module->may_request, &implied);
	pack_list_unique(&module->requests);
	list_remove(&module->may_request, &module->requests);
	pack_list_unique(&module->may_request);
	return 0;
}

/* Is SYMBOL exported by the module without a CRC? With one, a provides of the package names it. */
static bool exports_plain(const struct pack_module *module, const char *symbol)
{
	for (size_t i = 0; i < module->n_exports; i++)
		if (!strcmp(module->exports[i].name, symbol))
			return !module->exports[i].has_crc;
	return false;
}

/* Notes at its exporter each symbol that a string of the module requests. */
static int note_requested_symbols(const struct pack_names *names, struct pack_kernel *kernel,
				  const struct pack_module *module)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < module->strings.n; i++) {
		const char *request = module->strings.v[i], *symbol = request + strlen(SYMBOL);
		size_t exporter;

		if (!mf_starts_with(request, SYMBOL))
			continue;
		exporter = pack_map_get(&names->symbols, symbol);
		if (exporter != PACK_NONE && exports_plain(&kernel->modules[exporter], symbol))
			r = mf_strings_add_unique(&kernel->modules[exporter].requested_symbols,
						  request);
	}
	return r;
}

int pack_requests_relate(const struct pack_names *names, struct pack_kernel *kernel, size_t m)
{
	struct pack_module *module = &kernel->modules[m];
	int r = 0;

	for (size_t f = 0; r >= 0 && f < N_FUNCTIONS; f++)
		if (calls_function(module, f))
			r = request_strings(names, module, f);
	if (r >= 0)
		r = note_requested_symbols(names, kernel, module);
	for (size_t i = 0; r >= 0 && i < MF_ARRAY_SIZE(request_exceptions); i++)
		if (!fnmatch(request_exceptions[i].module, module->name, 0))
			r = apply_exception(names, module, i);
	if (r < 0 || (!module->requests.n && !module->may_request.n))
		return r;
	return drop_implied(kernel, module, m);
}
