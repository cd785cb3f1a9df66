/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Arrays that grow: the capacity doubles, so that n additions cost O(n).
 *
 * The pointer to the array is read and written by memcpy(): only the caller knows its type, and C
 * has no generic pointer to a pointer.
 */
#include "modfetch/array.h"
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 8

int mf_array_reserve(void *array, size_t *room, size_t n, size_t size)
{
	size_t larger = *room ? *room : FIRST_ROOM;
	void *p;

	if (n <= *room)
		return 0;
	while (larger < n) {
		if (larger > SIZE_MAX / 2)
			return -ENOMEM;
		larger *= 2;
	}
	if (larger > SIZE_MAX / size)
		return -ENOMEM;
	memcpy(&p, array, sizeof(p));
	p = realloc(p, larger * size);
	if (!p)
		return -ENOMEM;
	memcpy(array, &p, sizeof(p));
	*room = larger;
	return 0;
}
