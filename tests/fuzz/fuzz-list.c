/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A list of any bytes: what is accepted is written and read again as the same lists. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/list.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_list(struct mf_context *ctx, const struct mf_list *list)
{
	_cleanup_(mf_lists_done) struct mf_lists again = { 0 };
	_cleanup_free_ char *text = mf_list_text(list), *once_more = NULL;

	assert(text && !mf_lists_parse(ctx, "fuzz", text, strlen(text), &again) && again.n == 1);
	once_more = mf_list_text(&again.v[0]);
	assert(!strcmp(text, once_more));
	for (const char *p = text; *p; p++)
		assert(*p == '\n' || (*p >= 0x20 && *p < 0x7f));
	for (size_t i = 0; i < list->lines[MF_LIST_FIRMWARE].n; i++)
		assert(*list->lines[MF_LIST_FIRMWARE].v[i] != '/' &&
		       !strstr(list->lines[MF_LIST_FIRMWARE].v[i], "../"));
	for (size_t i = 0; i < list->lines[MF_LIST_PRESENT].n; i++)
		assert(!strpbrk(list->lines[MF_LIST_PRESENT].v[i], "/. "));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(mf_lists_done) struct mf_lists lists = { 0 };
	struct mf_context ctx = { .root_fd = -1, .log_level = MF_LOG_ERROR };

	if (mf_lists_parse(&ctx, "fuzz", (const char *)data, size, &lists) < 0)
		return 0;
	assert(lists.n);
	for (size_t i = 0; i < lists.n; i++)
		check_list(&ctx, &lists.v[i]);
	return 0;
}
