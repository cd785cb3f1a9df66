/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ledger of used drivers.
 *
 * On disk: /var/lib/modfetch/usage, a line for each module, "NAME FIRST LAST-LOADED LAST-BOUND":
 *	igb 2026-11-02 2026-11-30 2026-11-30
 *	nvme_tcp 2026-11-02 - -
 * FIRST is the day on which a package with the module was first noticed; "-" is never. A line that
 * begins with '#' is a comment, which the next version of the file does not have.
 *
 * It is a record, not a state that something depends on: a line that cannot be read is left out, and
 * the day of today is written again. So it is written without the lock: of two processes the last one
 * wins, both have seen the same machine, and a reader sees one of the two files.
 */
#include "usage-ledger.h"
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
#include "modfetch/usage.h"

#define DIRECTORY "var/lib/modfetch"
#define NAME	  "usage"
#define FILE_MAX  ((size_t)4 << 20)
#define NEVER	  "-"

void usage_ledger_done(struct usage_ledger *ledger)
{
	free(ledger->v);
	*ledger = (struct usage_ledger){ 0 };
}

static int ledger_fail(struct mf_context *ctx, int r)
{
	return mf_fail(ctx, MF_STAGE_KERNEL, r, "/" MF_USAGE_FILE, NULL);
}

/* ---- reading ---- */

static bool ledger_parse_day(const char *text, long *ret_day)
{
	if (!text)
		return false;
	if (!strcmp(text, NEVER)) {
		*ret_day = -1;
		return true;
	}
	return mf_day_parse(text, ret_day);
}

static bool ledger_parse(char *line, struct usage_entry *ret)
{
	char *save = NULL, *name = strtok_r(line, " ", &save);

	return name && mf_module_name(name, ret->module, sizeof(ret->module)) &&
	       !strcmp(name, ret->module) &&
	       ledger_parse_day(strtok_r(NULL, " ", &save), &ret->first) && ret->first >= 0 &&
	       ledger_parse_day(strtok_r(NULL, " ", &save), &ret->loaded) &&
	       ledger_parse_day(strtok_r(NULL, " ", &save), &ret->bound) &&
	       !strtok_r(NULL, " ", &save);
}

struct ledger_reading {
	struct usage_ledger *ledger;
	size_t damaged;
};

static int ledger_on_line(void *arg, char *line)
{
	struct ledger_reading *reading = arg;
	struct usage_ledger *ledger = reading->ledger;
	struct usage_entry entry = { 0 };

	if (!*line || *line == '#')
		return 0;
	if (ledger->n >= MF_USAGE_MODULES || !ledger_parse(line, &entry)) {
		reading->damaged++;
		return 0;
	}
	if (mf_array_reserve(&ledger->v, &ledger->room, ledger->n + 1, sizeof(entry)) < 0)
		return -ENOMEM;
	ledger->v[ledger->n++] = entry;
	return 0;
}

static int ledger_by_module(const void *a, const void *b)
{
	const struct usage_entry *x = a, *y = b;

	return strcmp(x->module, y->module);
}

/* Sorts it; of two entries for one module the first one stays. */
static void ledger_sort(struct usage_ledger *ledger)
{
	size_t kept = 0;

	if (ledger->n)
		qsort(ledger->v, ledger->n, sizeof(*ledger->v), ledger_by_module);
	for (size_t i = 0; i < ledger->n; i++)
		if (!kept || strcmp(ledger->v[kept - 1].module, ledger->v[i].module) != 0)
			ledger->v[kept++] = ledger->v[i];
	ledger->n = ledger->sorted = kept;
}

int usage_ledger_read(struct mf_context *ctx, struct usage_ledger *ret_ledger)
{
	_cleanup_(usage_ledger_done) struct usage_ledger ledger = { 0 };
	struct ledger_reading reading = { .ledger = &ledger };
	int r = mf_file_each_line_of(ctx, MF_USAGE_FILE, FILE_MAX, ledger_on_line, &reading);

	if (r < 0)
		return ledger_fail(ctx, r);
	ledger_sort(&ledger);
	if (reading.damaged)
		mf_log(ctx, MF_LOG_WARNING,
		       "kernel: /" MF_USAGE_FILE ": left out %zu lines that are no entries",
		       reading.damaged);
	*ret_ledger = ledger;
	ledger = (struct usage_ledger){ 0 };
	return 0;
}

/* ---- entries ---- */

/* The entry of a module among those from FIRST up to END, which are sorted. */
static struct usage_entry *ledger_search(const struct usage_ledger *ledger, size_t first,
					 size_t end, const char *module)
{
	while (first < end) {
		size_t middle = first + (end - first) / 2;
		int r = strcmp(ledger->v[middle].module, module);

		if (!r)
			return &ledger->v[middle];
		if (r < 0)
			first = middle + 1;
		else
			end = middle;
	}
	return NULL;
}

struct usage_entry *usage_ledger_find(const struct usage_ledger *ledger, const char *module)
{
	struct usage_entry *entry = ledger_search(ledger, 0, ledger->sorted, module);

	return entry ? entry : ledger_search(ledger, ledger->sorted, ledger->n, module);
}

int usage_ledger_add(struct usage_ledger *ledger, const char *module, long today,
		     struct usage_entry **ret_entry)
{
	struct usage_entry *entry = usage_ledger_find(ledger, module);

	if (!entry && ledger->n < MF_USAGE_MODULES) {
		if (mf_array_reserve(&ledger->v, &ledger->room, ledger->n + 1, sizeof(*entry)) < 0)
			return -ENOMEM;
		entry = &ledger->v[ledger->n++];
		*entry = (struct usage_entry){ .first = today, .loaded = -1, .bound = -1 };
		snprintf(entry->module, sizeof(entry->module), "%s", module);
		ledger->changed = true;
	}
	*ret_entry = entry;
	return 0;
}

static void ledger_note_day(struct usage_ledger *ledger, long *day, long today)
{
	ledger->changed |= *day < today;
	*day = *day < today ? today : *day;
}

void usage_ledger_note(struct usage_ledger *ledger, struct usage_entry *entry, long today,
		       bool bound)
{
	ledger_note_day(ledger, &entry->loaded, today);
	if (bound)
		ledger_note_day(ledger, &entry->bound, today);
}

static void ledger_clamp(struct usage_ledger *ledger, long *day, long today)
{
	ledger->changed |= *day > today;
	*day = *day > today ? today : *day;
}

void usage_ledger_expire(struct usage_ledger *ledger, long today)
{
	size_t kept = 0;

	for (size_t i = 0; i < ledger->n; i++) {
		struct usage_entry *e = &ledger->v[i];

		/* a clock that was wrong once must not keep an entry for ever */
		ledger_clamp(ledger, &e->first, today);
		ledger_clamp(ledger, &e->loaded, today);
		ledger_clamp(ledger, &e->bound, today);
		if (e->packaged || today - e->first <= MF_USAGE_DAYS ||
		    today - e->loaded <= MF_USAGE_DAYS)
			ledger->v[kept++] = *e;
	}
	ledger->changed |= kept < ledger->n;
	ledger->n = kept;
	ledger_sort(ledger);
}

/* ---- writing ---- */

static const char *ledger_day_text(long day, char text[MF_DAY_TEXT])
{
	if (day < 0)
		return NEVER;
	mf_day_format(day, text);
	return *text ? text : NEVER;
}

int usage_ledger_write(struct mf_context *ctx, struct usage_ledger *ledger)
{
	_cleanup_close_ int dirfd = -1;
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	FILE *f;
	int r;

	if (!ledger->changed)
		return 0;
	ledger_sort(ledger);
	f = open_memstream(&text, &len);
	if (!f)
		return ledger_fail(ctx, -ENOMEM);
	for (size_t i = 0; i < ledger->n; i++) {
		const struct usage_entry *e = &ledger->v[i];
		char first[MF_DAY_TEXT], loaded[MF_DAY_TEXT], bound[MF_DAY_TEXT];

		fprintf(f, "%s %s %s %s\n", e->module, ledger_day_text(e->first, first),
			ledger_day_text(e->loaded, loaded), ledger_day_text(e->bound, bound));
	}
	if (fclose(f))
		return ledger_fail(ctx, -ENOMEM);
	dirfd = mf_context_mkdir(ctx, DIRECTORY);
	r = dirfd < 0 ? dirfd : mf_file_publish(dirfd, NAME, 0644, text, len);
	if (r < 0)
		return ledger_fail(ctx, r);
	ledger->changed = false;
	return 0;
}
