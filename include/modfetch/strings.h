/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_STRINGS_H
#define MODFETCH_STRINGS_H
/*
 * An ordered list of owned strings, and the string rules that several stages share. A zeroed struct
 * is an empty list.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mf_strings {
	char **v; /* n strings and a final NULL; NULL until the first string is added */
	size_t n;
	size_t room;
};

/* Appends a copy of S, or of its first LEN bytes. 0 or -ENOMEM. */
int mf_strings_add(struct mf_strings *list, const char *s);
int mf_strings_addn(struct mf_strings *list, const char *s, size_t len);
/* Appends a copy of S unless the list contains it. 0 or -ENOMEM. Linear: for short lists. */
int mf_strings_add_unique(struct mf_strings *list, const char *s);
bool mf_strings_has(const struct mf_strings *list, const char *s);
/* Appends copies of all strings of MORE. 0 or -ENOMEM. */
int mf_strings_add_all(struct mf_strings *list, const struct mf_strings *more);
/* All of them in one, with SEPARATOR between two; the caller's to free. "" for none; NULL: no memory. */
char *mf_strings_join(const struct mf_strings *list, const char *separator);
/* Splits at white space and commas and appends the words. 0 or -ENOMEM. */
int mf_strings_split(struct mf_strings *list, const char *s);
void mf_strings_sort(struct mf_strings *list);
/* As mf_strings_has(), for a list that mf_strings_sort() has sorted: fast for long ones. */
bool mf_strings_sorted_has(const struct mf_strings *list, const char *s);
void mf_strings_done(struct mf_strings *list);

/* The output of printf() as a string, the caller's to free; NULL: no memory. */
char *mf_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same for a function with arguments of its own; AP is undefined afterwards. */
char *mf_vformat(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));
bool mf_starts_with(const char *s, const char *prefix);
/*
 * PATH without "/usr" if it begins with "/usr/lib/": a package may be built for either layout, and
 * with a merged /usr both paths name the same file. Points into PATH.
 */
const char *mf_without_usr(const char *path);
/* Is it one or more printable ASCII bytes without a blank: a name for a line, a path, an index? */
bool mf_is_word(const char *s, size_t len);
/*
 * Does it consist of ASCII letters, digits and "_.-", and begin with neither '-' nor '.'? Such a
 * name is safe in a line that root's shell runs, and as a component of a path.
 */
bool mf_is_plain_name(const char *name);
/*
 * Decodes the UTF-8 character at S: returns its length, and its code in RET_C. 0: invalid (a byte
 * that starts no character, a truncated or overlong sequence, a surrogate, or beyond U+10FFFF). S
 * ends with a NUL, which is a character of length 1.
 */
size_t mf_text_char(const char *s, uint32_t *ret_c);
/*
 * May a character be printed on a terminal? Not a control character, also above ASCII, a line
 * separator, a change of the writing direction, or an invisible character: soft hyphens, zero-width
 * spaces, tags.
 */
bool mf_text_is_printable(uint32_t c);
/*
 * The length of the name in a label, "NAME-[EPOCH:]VERSION-RELEASE.ARCH". 0: LABEL is none.
 */
size_t mf_label_name_length(const char *label);
/* Replaces each byte of a character that is not printable, or not UTF-8, by '?'. */
void mf_text_sanitize(char *s);
/* The same for a text of several lines: newlines and tabs stay. */
void mf_text_sanitize_lines(char *s);
bool mf_ends_with(const char *s, const char *suffix);

/*
 * A SHA-256 value and its form in hexadecimal digits. modfetch/crypto.h computes them.
 */

#define MF_SHA256_LEN 32
#define MF_SHA256_HEX 65 /* 64 digits and the NUL */

/* The value of a hexadecimal digit of either case; -1: C is none. */
int mf_hex_digit(char c);
void mf_sha256_hex(const uint8_t digest[MF_SHA256_LEN], char ret_hex[MF_SHA256_HEX]);
/* False if HEX is not exactly 64 hexadecimal digits. */
bool mf_sha256_parse(const char *hex, uint8_t ret_digest[MF_SHA256_LEN]);
/*
 * Adds a digest to a sum of digests, which does not depend on their order; unlike with an exclusive
 * or, two equal digests do not cancel out.
 */
void mf_sha256_sum(uint8_t sum[MF_SHA256_LEN], const uint8_t digest[MF_SHA256_LEN]);

/*
 * User names, passwords and queries in URLs: only the server may get them. Every text that is printed,
 * logged or written to a file has passed through one of these functions.
 */

/*
 * Removes "user:password@" from every URL in TEXT, in place, and replaces its query by '*'. In an invalid URL whose password has
 * bytes that end a host ("http://user:a/b@host"), all text before the '@' is removed.
 */
void mf_secret_hide(char *text);
/* The same on a copy of TEXT, the caller's to free. NULL: no memory. */
char *mf_secret_hide_copy(const char *text);

#endif
