/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_STRINGS_H
#define MODFETCH_STRINGS_H
/*
 * An ordered list of owned strings, and the few string rules that several stages share. A zeroed
 * struct is an empty list.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mf_strings {
	char **v; /* n strings and a final NULL, or NULL when nothing was ever added */
	size_t n;
	size_t room;
};

/* Appends a copy of S. 0 or -ENOMEM. */
int mf_strings_add(struct mf_strings *list, const char *s);
int mf_strings_addn(struct mf_strings *list, const char *s, size_t len);
/* Appends a copy of S unless the list has it. 0 or -ENOMEM. Linear: for short lists. */
int mf_strings_add_unique(struct mf_strings *list, const char *s);
bool mf_strings_has(const struct mf_strings *list, const char *s);
/* Splits at white space and commas and appends the words. 0 or -ENOMEM. */
int mf_strings_split(struct mf_strings *list, const char *s);
void mf_strings_sort(struct mf_strings *list);
void mf_strings_done(struct mf_strings *list);

/* What printf() would print, as a string that is the caller's to free; NULL: no memory. */
char *mf_format(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
bool mf_starts_with(const char *s, const char *prefix);
/*
 * PATH without "/usr" where it begins with "/usr/lib/": a package may be built for either layout,
 * and where /usr is merged both name the same file. Points into PATH.
 */
const char *mf_without_usr(const char *path);
/* Not empty, and of printing ASCII without a space: fit for a name in a line, a path, an index. */
bool mf_is_word(const char *s, size_t len);
/*
 * Of ASCII letters, digits and any of "_.-", and beginning with neither '-' nor '.': fit for a line
 * that root's shell runs, and for a component of a path.
 */
bool mf_is_plain_name(const char *name);
/*
 * The UTF-8 character at S: its length, and in RET_C its code. 0: there is none that a decoder
 * takes, as at a byte that begins none, one cut off, longer than need be, a surrogate, or beyond
 * U+10FFFF. S ends with a NUL, which is a character of length 1.
 */
size_t mf_text_char(const char *s, uint32_t *ret_c);
/*
 * May a character go to a terminal as it is? Not if it is a control, also one above ASCII, ends a
 * line, turns the direction of writing, or cannot be seen: soft hyphens, no-width spaces, tags.
 */
bool mf_text_is_printable(uint32_t c);
/* Puts a '?' in the place of each byte of what is not printable, or not UTF-8. */
void mf_text_sanitize(char *s);
/* The same of a text of several lines: ends of lines and tabs stay. */
void mf_text_sanitize_lines(char *s);
bool mf_ends_with(const char *s, const char *suffix);

/*
 * A SHA-256 value and its form in hexadecimal digits. Computing one is in modfetch/crypto.h.
 */

#define MF_SHA256_LEN 32
#define MF_SHA256_HEX 65 /* 64 digits and the NUL */

void mf_sha256_hex(const uint8_t digest[MF_SHA256_LEN], char ret_hex[MF_SHA256_HEX]);
/* False if HEX is not exactly 64 hexadecimal digits. */
bool mf_sha256_parse(const char *hex, uint8_t ret_digest[MF_SHA256_LEN]);
/*
 * Adds a digest to a sum of digests, which is the same in whatever order they come; unlike an
 * exclusive or it tells twice the same from not at all.
 */
void mf_sha256_sum(uint8_t sum[MF_SHA256_LEN], const uint8_t digest[MF_SHA256_LEN]);

/*
 * User names and passwords in URLs: they are for the server alone. Whatever is printed, logged or
 * written to a file was given to one of these first.
 */

/*
 * Takes "user:password@" out of every URL in TEXT, in place. Of a URL that was written wrongly, so
 * that its password has bytes that end a host ("http://user:a/b@host"), all before the '@' goes.
 */
void mf_secret_hide(char *text);
/* The same of a copy; the caller's to free. NULL: no memory. */
char *mf_secret_hide_copy(const char *text);

#endif
