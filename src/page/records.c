/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The records of a table of the page: a key and its value as JSON, in the order in which they were
 * added. drivers.c, devices.c and words.c make them; pieces.c sorts and writes them. The keys are
 * borrowed: they live as long as the repository that was read.
 */
#include <errno.h>
#include <stdlib.h>
#include "modfetch/array.h"
#include "modfetch/json.h"
#include "model.h"

int page_records_add(struct page_records *records, const char *key, struct mf_json *value)
{
	if (mf_array_reserve(&records->v, &records->room, records->n + 1, sizeof(*records->v)) <
	    0) {
		mf_json_free(value);
		return -ENOMEM;
	}
	records->v[records->n++] = (struct page_record){ key, value };
	return 0;
}

void page_records_done(struct page_records *records)
{
	for (size_t i = 0; i < records->n; i++)
		mf_json_free(records->v[i].value);
	free(records->v);
	*records = (struct page_records){ 0 };
}
