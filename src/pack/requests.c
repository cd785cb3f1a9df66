/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a module asks the kernel to load while it runs, found from the module itself.
 *
 * No field of .modinfo lists such requests. But a module that makes them imports a function that
 * leads to request_module(), and what it asks for are strings of its read-only data: a name or an
 * alias ("iwlmvm", "symbol:mt352_attach"), a format ("snd-card-%i") or an algorithm ("ccm(aes)").
 * Each such string that stands for another module of the same kernel is a request. Instructions are
 * not looked at: which string goes to which call would say little more, since many names come from
 * tables, and would need a reader of each machine's relocations.
 *
 * Sorts. A string that names its target is one that the driver asks for by itself: NEEDED. A format
 * is filled in with what user space, a file system or a packet says: OPTIONAL. The tables of
 * request-table.h have the functions, the strings that only look like names, and the corrections.
 *
 * Bounds. A word of letters alone has to be six long to count as a name ("core", "fuse" and "loop"
 * are words of every driver); a format must start with three bytes of which one is a separator, so
 * that "%s" and "rd%d" fit nothing, and has three conversions at most.
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

static bool calls(const struct pack_module *module, size_t function)
{
	for (size_t i = 0; i < module->n_imports; i++)
		if (!fnmatch(request_functions[function].function, module->imports[i].name, 0))
			return true;
	return false;
}

/* Could a string with this byte be a name, a format or an algorithm? */
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

static int keep_string(void *arg, const char *s)
{
	struct pack_module *module = arg;

	return is_request_text(s) && !is_known_word(s) ? mf_strings_add(&module->strings, s) : 0;
}

int pack_requests_read(struct pack_module *module, const struct mf_modinfo *info)
{
	for (size_t f = 0; f < N_FUNCTIONS; f++)
		if (calls(module, f))
			return mf_rostrings_each(info->data, info->elf_len, keep_string, module);
	return 0;
}

/* ---- formats ---- */

/* The letter of the conversion that starts behind a '%'; *RET_END is behind it. */
static char conversion(const char *s, const char **ret_end)
{
	s += strspn(s, "-+ #0123456789.*");
	s += strspn(s, "hlzjt");
	*ret_end = *s ? s + 1 : s;
	return *s;
}

static bool is_of_conversion(char conversion, char c)
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

static char plain(char c)
{
	return c == '-' ? '_' : c;
}

bool pack_requests_format_fits(const char *format, const char *name)
{
	const char *rest;
	char letter;

	for (; *format != '%'; format++, name++) {
		if (plain(*format) != plain(*name))
			return false;
		if (!*format)
			return true;
	}
	letter = conversion(format + 1, &rest);
	for (; *name && is_of_conversion(letter, *name); name++)
		if (pack_requests_format_fits(rest, name + 1))
			return true;
	return false;
}

/* FORMAT is PREFIX and S; S alone must not fit everything. */
static bool is_usable_format(const char *format, const char *s)
{
	size_t len = strcspn(format, "%"), n = 0;

	for (const char *c = s; (c = strchr(c, '%')); c++)
		n++;
	return *s != '%' && len >= PREFIX_MIN && n <= CONVERSIONS && strcspn(format, "-_:") < len;
}

/* ---- one string ---- */

/* Does S look like a name, rather than like a word of a message or a parser? */
static bool is_distinct(const char *s)
{
	return strlen(s) >= PLAIN_WORD_MIN || s[strcspn(s, "0123456789_-:")];
}

static int ask_name(const struct pack_names *names, struct pack_module *module, size_t function,
		    const char *s)
{
	const char *prefix = request_functions[function].prefix;
	const char *only = request_functions[function].only;
	char word[REQUEST_MAX];

	if ((only && !mf_starts_with(s, only)) || (!*prefix && !is_distinct(s)))
		return 0;
	/* the alias of a device is udev's business */
	if (!*prefix && strchr(s, ':') && !mf_starts_with(s, "symbol:") &&
	    !mf_starts_with(s, "usbfunc:"))
		return 0;
	if (snprintf(word, sizeof(word), "%s%s", prefix, s) >= (int)sizeof(word))
		return 0;
	if (strchr(s, '%'))
		return !is_usable_format(word, s)
			       ? 0
			       : pack_names_fitting(names, word, pack_requests_format_fits,
						    &module->may_ask);
	return pack_names_request(names, word, &module->asks);
}

static int ask_algorithm_word(const struct pack_names *names, struct pack_module *module,
			      const char *prefix, const char *s, size_t len)
{
	char word[REQUEST_MAX];

	if (!len || memchr(s, '%', len) ||
	    snprintf(word, sizeof(word), "%s%.*s", prefix, (int)len, s) >= (int)sizeof(word))
		return 0;
	return pack_names_request(names, word, &module->asks);
}

/*
 * "authenc(hmac(sha256),cbc(aes))": the whole, then each word of it; "ctr(%s)" asks for the template
 * alone.
 */
static int ask_algorithm(const struct pack_names *names, struct pack_module *module,
			 const char *prefix, const char *s)
{
	static const char separators[] = "(),";
	int r = 0;

	if (strchr(s, ':') || strchr(s, '.'))
		return 0;
	if (s[strcspn(s, separators)])
		r = ask_algorithm_word(names, module, prefix, s, strlen(s));
	while (r >= 0 && *(s += strspn(s, separators))) {
		size_t len = strcspn(s, separators);

		r = ask_algorithm_word(names, module, prefix, s, len);
		s += len;
	}
	return r;
}

static int requests_ask(const struct pack_names *names, struct pack_module *module, size_t function)
{
	const char *prefix = request_functions[function].prefix;
	int r = 0;

	if (request_functions[function].kind == REQUEST_FIXED)
		return pack_names_request(names, prefix, &module->asks);
	for (size_t i = 0; r >= 0 && i < module->strings.n; i++)
		r = request_functions[function].kind == REQUEST_NAME
			    ? ask_name(names, module, function, module->strings.v[i])
			    : ask_algorithm(names, module, prefix, module->strings.v[i]);
	return r;
}

/* ---- corrections ---- */

static void list_remove(struct pack_list *list, const struct pack_list *gone)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->n; i++)
		if (!pack_list_has(gone, list->v[i]))
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

static int correct(const struct pack_names *names, struct pack_module *module, size_t row)
{
	_cleanup_(pack_list_done) struct pack_list about = { 0 };
	const char *request = request_exceptions[row].request;
	int r;

	if (!strcmp(request, "*")) {
		r = list_append(&about, &module->asks);
		if (r >= 0)
			r = list_append(&about, &module->may_ask);
	} else if (request[strcspn(request, "*?[")]) {
		r = pack_names_fitting(names, request, glob_fits, &about);
	} else {
		r = pack_names_request(names, request, &about);
	}
	if (r < 0)
		return r;
	pack_list_unique(&about);
	list_remove(&module->asks, &about);
	list_remove(&module->may_ask, &about);
	switch (request_exceptions[row].sort) {
	case REQUEST_NEEDED:
		return list_append(&module->asks, &about);
	case REQUEST_OPTIONAL:
		return list_append(&module->may_ask, &about);
	case REQUEST_NOT:
		break;
	}
	return 0;
}

/* Drops from both lists what comes with the module anyhow. */
static int drop_what_comes(const struct pack_kernel *kernel, struct pack_module *module, size_t m)
{
	_cleanup_(pack_list_done) struct pack_list start = { 0 }, comes = { 0 };
	int r = pack_list_add(&start, m);

	if (r >= 0)
		r = pack_closure(kernel, &start, false, &comes);
	if (r >= 0)
		r = list_append(&comes, &module->wants);
	if (r < 0)
		return r;
	pack_list_unique(&comes);
	list_remove(&module->asks, &comes);
	list_remove(&module->may_ask, &comes);
	pack_list_unique(&module->asks);
	list_remove(&module->may_ask, &module->asks);
	pack_list_unique(&module->may_ask);
	return 0;
}

int pack_requests_relate(const struct pack_names *names, struct pack_kernel *kernel, size_t m)
{
	struct pack_module *module = &kernel->modules[m];
	int r = 0;

	for (size_t f = 0; r >= 0 && f < N_FUNCTIONS; f++)
		if (calls(module, f))
			r = requests_ask(names, module, f);
	for (size_t i = 0; r >= 0 && i < MF_ARRAY_SIZE(request_exceptions); i++)
		if (!fnmatch(request_exceptions[i].module, module->name, 0))
			r = correct(names, module, i);
	if (r < 0 || (!module->asks.n && !module->may_ask.n))
		return r;
	return drop_what_comes(kernel, module, m);
}
