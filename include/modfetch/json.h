/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_JSON_H
#define MODFETCH_JSON_H
/*
 * JSON values, made and read by json-c. A value put into another belongs to it. Running out of
 * memory while one is built ends the program, as it does in libsolv: nothing is half done at that
 * point that the next run would not find.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mf_json;

struct mf_json *mf_json_object(void);
struct mf_json *mf_json_array(void);
void mf_json_free(struct mf_json *value);

void mf_json_set(struct mf_json *object, const char *key, struct mf_json *value);
/* A NULL string becomes null. Bytes that are no UTF-8 become '?': the text is always valid JSON. */
void mf_json_set_string(struct mf_json *object, const char *key, const char *s);
void mf_json_set_int(struct mf_json *object, const char *key, int64_t n);
void mf_json_set_bool(struct mf_json *object, const char *key, bool b);
void mf_json_add(struct mf_json *array, struct mf_json *value);
void mf_json_add_string(struct mf_json *array, const char *s);
struct mf_strings;
void mf_json_set_strings(struct mf_json *object, const char *key, const struct mf_strings *list);

/* One line, or indented for people. Valid until the value changes or goes. */
const char *mf_json_text(struct mf_json *value, bool pretty);

/* NULL for what is no JSON object or array, or nested deeper than 32. */
struct mf_json *mf_json_parse(const char *text);
/* Borrowed; NULL where there is no such key. */
struct mf_json *mf_json_get(struct mf_json *object, const char *key);
/* NULL or 0 where the key is missing or of another type. */
const char *mf_json_get_string(struct mf_json *object, const char *key);
int64_t mf_json_get_int(struct mf_json *object, const char *key);
size_t mf_json_length(struct mf_json *array);
struct mf_json *mf_json_at(struct mf_json *array, size_t i);
const char *mf_json_string_at(struct mf_json *array, size_t i);

#endif
