/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The list of versions that were taken back, a line for each:
 *	NAME EVR DAY WHY…
 * It is short: at most one version of a driver is worse than its predecessor at a time. The oldest
 * entries go beyond ENTRIES_MAX.
 */
#include "modfetch/taken-back.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/days.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"

#define DIRECTORY   "var/lib/modfetch"
#define NAME	    "taken-back"
#define FILE_MAX    ((size_t)1 << 20)
#define ENTRIES_MAX 1000

static int taken_fail(struct mf_context *ctx, int r)
{
	return mf_fail(ctx, MF_STAGE_RESOLVE, r, "/" DIRECTORY "/" NAME, NULL);
}

static void taken_entry_done(struct mf_taken_back_entry *entry)
{
	free(entry->name);
	free(entry->evr);
	free(entry->why);
	*entry = (struct mf_taken_back_entry){ 0 };
}

void mf_taken_back_done(struct mf_taken_back *list)
{
	for (size_t i = 0; i < list->n; i++)
		taken_entry_done(&list->v[i]);
	free(list->v);
	*list = (struct mf_taken_back){ 0 };
}

const struct mf_taken_back_entry *mf_taken_back_find(const struct mf_taken_back *list,
						     const char *name, const char *evr)
{
	for (size_t i = 0; i < list->n; i++)
		if (!strcmp(list->v[i].name, name) && !strcmp(list->v[i].evr, evr))
			return &list->v[i];
	return NULL;
}

/* Takes ownership of the strings. 0 or -ENOMEM. */
static int taken_append(struct mf_taken_back *list, struct mf_taken_back_entry *entry)
{
	if (!entry->name || !entry->evr || !entry->why ||
	    mf_array_reserve(&list->v, &list->room, list->n + 1, sizeof(*list->v)) < 0) {
		taken_entry_done(entry);
		return -ENOMEM;
	}
	list->v[list->n++] = *entry;
	return 0;
}

static int taken_on_line(void *arg, char *line)
{
	char *save = NULL, *name = strtok_r(line, " ", &save), *evr = strtok_r(NULL, " ", &save);
	char *day = strtok_r(NULL, " ", &save), *end = NULL;
	struct mf_taken_back_entry entry = { 0 };

	if (!name || !evr || !day || !save || !*save)
		return 0;
	entry.day = strtol(day, &end, 10);
	if (*end)
		return 0;
	entry.name = strdup(name);
	entry.evr = strdup(evr);
	entry.why = strdup(save);
	return taken_append(arg, &entry);
}

int mf_taken_back_read(struct mf_context *ctx, struct mf_taken_back *ret_list)
{
	_cleanup_(mf_taken_back_done) struct mf_taken_back list = { 0 };
	int r = mf_file_each_line_of(ctx, DIRECTORY "/" NAME, FILE_MAX, taken_on_line, &list);

	if (r < 0)
		return taken_fail(ctx, r);
	*ret_list = list;
	list = (struct mf_taken_back){ 0 };
	return 0;
}

static int taken_write(struct mf_context *ctx, const struct mf_taken_back *list)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(ctx, DIRECTORY);
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	FILE *f = dirfd < 0 ? NULL : open_memstream(&text, &len);

	if (dirfd < 0 || !f)
		return dirfd < 0 ? dirfd : -ENOMEM;
	for (size_t i = list->n > ENTRIES_MAX ? list->n - ENTRIES_MAX : 0; i < list->n; i++)
		fprintf(f, "%s %s %ld %s\n", list->v[i].name, list->v[i].evr, list->v[i].day,
			list->v[i].why);
	if (fclose(f))
		return -ENOMEM;
	return mf_file_publish(dirfd, NAME, 0644, text, len);
}

int mf_taken_back_set(struct mf_context *ctx, const char *name, const char *evr, const char *why)
{
	_cleanup_(mf_taken_back_done) struct mf_taken_back list = { 0 };
	struct mf_taken_back_entry entry = { .day = mf_day_today() };
	int r = mf_taken_back_read(ctx, &list);
	size_t kept = 0, before;

	if (r < 0 || !mf_is_word(name, strlen(name)) || !mf_is_word(evr, strlen(evr)))
		return r;
	before = list.n;
	for (size_t i = 0; i < before; i++) {
		if (!strcmp(list.v[i].name, name) && !strcmp(list.v[i].evr, evr))
			taken_entry_done(&list.v[i]);
		else
			list.v[kept++] = list.v[i];
	}
	list.n = kept;
	if (!why && kept == before)
		return 0;
	if (why) {
		entry.name = strdup(name);
		entry.evr = strdup(evr);
		entry.why = strdup(*why ? why : "-");
		if (entry.why)
			mf_text_sanitize(entry.why);
		r = taken_append(&list, &entry);
	}
	if (!r)
		r = taken_write(ctx, &list);
	return r < 0 ? taken_fail(ctx, r) : 0;
}
