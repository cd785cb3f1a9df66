/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_JSON_H
#define MODFETCH_JSON_H
/*
 * JSON values, built and parsed by json-c. A value that was added to another one belongs to it. If
 * memory runs out while one is built, the program aborts, as libsolv does: the next run finds and
 * completes all work that was started.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mf_json;

struct mf_json *mf_json_object(void);
struct mf_json *mf_json_array(void);
void mf_json_free(struct mf_json *value);

void mf_json_set(struct mf_json *object, const char *key, struct mf_json *value);
/* A NULL string becomes null. Invalid UTF-8 is replaced by '?': the text is always valid JSON. */
void mf_json_set_string(struct mf_json *object, const char *key, const char *s);
void mf_json_set_int(struct mf_json *object, const char *key, int64_t n);
void mf_json_set_bool(struct mf_json *object, const char *key, bool b);
void mf_json_add(struct mf_json *array, struct mf_json *value);
void mf_json_add_string(struct mf_json *array, const char *s);
struct mf_json *mf_json_int(int64_t n);
struct mf_strings;
void mf_json_set_strings(struct mf_json *object, const char *key, const struct mf_strings *list);

/* The text as one line, or indented (PRETTY). Valid until VALUE is changed or freed. */
const char *mf_json_text(struct mf_json *value, bool pretty);

/* Parses a text; the caller frees the value. NULL: no JSON object or array, or deeper than 32. */
struct mf_json *mf_json_parse(const char *text);
/* The value of a key, borrowed; NULL: no such key. */
struct mf_json *mf_json_get(struct mf_json *object, const char *key);
/* The value of a key; NULL or 0 if the key is missing or has another type. Borrowed. */
const char *mf_json_get_string(struct mf_json *object, const char *key);
int64_t mf_json_get_int(struct mf_json *object, const char *key);
/* The length of an array (0 for another type), and its elements. Borrowed; NULL as above. */
size_t mf_json_length(struct mf_json *array);
struct mf_json *mf_json_at(struct mf_json *array, size_t i);
const char *mf_json_string_at(struct mf_json *array, size_t i);

#endif
