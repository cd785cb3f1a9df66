/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_ARRAY_H
#define MODFETCH_ARRAY_H
/*
 * Arrays: the length of a fixed one, and the capacity of a growing one.
 */
#include <stddef.h>

/* The number of elements of an array; not for a pointer. */
#define MF_ARRAY_SIZE(a) (sizeof(a) / sizeof(*(a)))

/*
 * Makes room for N elements of SIZE bytes each. ARRAY is the address of the pointer to the first
 * element (which may be NULL), ROOM is the capacity in elements; both change only when N is larger
 * than *ROOM, and *ROOM then at least doubles. The caller frees the array. Returns 0, or -ENOMEM;
 * then neither has changed.
 */
int mf_array_reserve(void *array, size_t *room, size_t n, size_t size);

#endif
