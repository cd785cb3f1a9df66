/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef BOX_OUTPUT_H
#define BOX_OUTPUT_H
#include <stddef.h>
#include <stdint.h>
#include "modfetch/box.h"

#define BOX_HEAD_MAX (256U << 10)
#define BOX_TAIL_MAX (768U << 10)

/* The first and the last bytes of an output. Zeroed it is empty. */
struct box_output {
	char *head, *tail; /* of BOX_HEAD_MAX and BOX_TAIL_MAX bytes; TAIL is a ring */
	size_t head_len;
	uint64_t after; /* bytes after the head, also those that are gone */
};

/* Adds bytes. 0 or -ENOMEM. */
int box_output_add(struct box_output *output, const char *buf, size_t len);
/*
 * The kept text, the caller's to free, with a NUL after its RET_LEN bytes; a line says how many
 * bytes are missing. Control characters are '?'. 0 or -ENOMEM.
 */
int box_output_text(const struct box_output *output, char **ret_text, size_t *ret_len);
void box_output_done(struct box_output *output);

/* MF_BOX_MEMORY, MF_BOX_SPACE or MF_BOX_FAILED, from what a failed build printed. */
enum mf_box_outcome box_output_reason(const char *text);

#endif
