/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The ledger of what was asked for.
 *
 * On disk: /var/lib/modfetch/asked, a line for each entry, "KIND WHAT DATE":
 *	name xfs 2026-11-29
 *	package xfs-kmp 2026-11-29
 *	pattern kernel-network-driver-all 2026-11-29
 *	device pci:v00008086d000010D3sv… 2026-11-30
 * The first word is the kind and the last one the date; a modalias between them may have blanks. A
 * line that begins with '#' is a comment. Every line that is no entry is written again as it was: a
 * later version may know it, and an admin who made a typing error can correct it.
 *
 * A device is written when its day changes, not at each event. The clock of a machine may be wrong: a
 * day in the future counts as today, so that it ends like any other.
 */
#include "modfetch/asked.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/days.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "modfetch/release.h"

#define DIRECTORY "var/lib/modfetch"
#define NAME	  "asked"
#define FILE_MAX  ((size_t)8 << 20)
#define KMP	  "-kmp"

static const char *const kinds[MF_N_ASKED] = {
	[MF_ASKED_NAME] = "name ",
	[MF_ASKED_PACKAGE] = "package ",
	[MF_ASKED_PATTERN] = "pattern ",
	[MF_ASKED_DEVICE] = "device ",
};

static int asked_fail(struct mf_context *ctx, int r)
{
	return mf_fail(ctx, MF_STAGE_EVENT, r, "/" MF_ASKED_FILE, NULL);
}

void mf_asked_done(struct mf_asked *asked)
{
	for (size_t i = 0; i < asked->n; i++)
		free(asked->v[i].what);
	free(asked->v);
	mf_strings_done(&asked->kept);
	*asked = (struct mf_asked){ 0 };
}

/* ---- the file ---- */

static int asked_append(struct mf_asked *asked, enum mf_asked_kind kind, const char *what,
			size_t len, long day)
{
	char *copy = strndup(what, len);

	if (!copy ||
	    mf_array_reserve(&asked->v, &asked->room, asked->n + 1, sizeof(*asked->v)) < 0) {
		free(copy);
		return -ENOMEM;
	}
	asked->v[asked->n++] = (struct mf_asked_entry){ kind, copy, day };
	return 0;
}

/* 0; 1: the line is no entry; or -ENOMEM. */
static int parse_entry(struct mf_asked *asked, const char *line)
{
	const char *date = strrchr(line, ' ');
	long day, now = mf_day_today();

	for (enum mf_asked_kind kind = 0; date && kind < MF_N_ASKED; kind++) {
		const char *what = line + strlen(kinds[kind]);

		if (!mf_starts_with(line, kinds[kind]))
			continue;
		if (what >= date || !mf_modalias_valid(what, (size_t)(date - what)) ||
		    !mf_day_parse(date + 1, &day))
			return 1;
		if (day > now)
			day = now;
		if (kind == MF_ASKED_DEVICE && now - day > MF_ASKED_DAYS)
			return 0;
		return asked_append(asked, kind, what, (size_t)(date - what), day);
	}
	return 1;
}

struct asked_reading {
	struct mf_asked *asked;
	size_t damaged;
};

static int asked_on_line(void *arg, char *line)
{
	struct asked_reading *reading = arg;
	int r = *line && *line != '#' ? parse_entry(reading->asked, line) : 0;

	reading->damaged += r > 0;
	if (r > 0 || *line == '#')
		r = mf_strings_add(&reading->asked->kept, line);
	return r;
}

int mf_asked_read(struct mf_context *ctx, struct mf_asked *ret_asked)
{
	_cleanup_(mf_asked_done) struct mf_asked asked = { 0 };
	struct asked_reading reading = { .asked = &asked };
	int r = mf_file_each_line_of(ctx, MF_ASKED_FILE, FILE_MAX, asked_on_line, &reading);

	if (r < 0)
		return asked_fail(ctx, r);
	if (reading.damaged)
		mf_log(ctx, MF_LOG_WARNING,
		       "event: /" MF_ASKED_FILE ": %zu lines are no entries and have no effect",
		       reading.damaged);
	*ret_asked = asked;
	asked = (struct mf_asked){ 0 };
	return 0;
}

int mf_asked_write(struct mf_context *ctx, struct mf_asked *asked)
{
	_cleanup_close_ int dirfd = -1;
	_cleanup_free_ char *text = NULL;
	size_t len = 0;
	FILE *f;
	int r;

	if (!asked->changed)
		return 0;
	f = open_memstream(&text, &len);
	if (!f)
		return asked_fail(ctx, -ENOMEM);
	for (size_t i = 0; i < asked->kept.n; i++)
		fprintf(f, "%s\n", asked->kept.v[i]);
	for (size_t i = 0; i < asked->n; i++) {
		char day[MF_DAY_TEXT];

		mf_day_format(asked->v[i].day, day);
		fprintf(f, "%s%s %s\n", kinds[asked->v[i].kind], asked->v[i].what, day);
	}
	if (fclose(f))
		return asked_fail(ctx, -ENOMEM);
	dirfd = mf_context_mkdir(ctx, DIRECTORY);
	r = dirfd < 0 ? dirfd : mf_file_publish(dirfd, NAME, 0644, text, len);
	if (r < 0)
		return asked_fail(ctx, r);
	asked->changed = false;
	return 0;
}

/* ---- entries ---- */

static bool same_module(const char *a, const char *b)
{
	while (*a && (*a == *b || (strchr("-_", *a) && *b && strchr("-_", *b)))) {
		a++;
		b++;
	}
	return *a == *b;
}

static bool entry_is(const struct mf_asked_entry *entry, enum mf_asked_kind kind, const char *what)
{
	if (entry->kind != kind)
		return false;
	return kind == MF_ASKED_NAME ? same_module(entry->what, what) : !strcmp(entry->what, what);
}

static void asked_drop(struct mf_asked *asked, size_t i)
{
	free(asked->v[i].what);
	memmove(&asked->v[i], &asked->v[i + 1], (--asked->n - i) * sizeof(*asked->v));
	asked->changed = true;
}

/* How many entries are devices, or not; RET_OLDEST: the device that was seen first. */
static size_t asked_count(const struct mf_asked *asked, bool devices, size_t *ret_oldest)
{
	size_t n = 0;

	for (size_t i = 0; i < asked->n; i++) {
		if ((asked->v[i].kind == MF_ASKED_DEVICE) != devices)
			continue;
		if (!n++ || asked->v[i].day < asked->v[*ret_oldest].day)
			*ret_oldest = i;
	}
	return n;
}

int mf_asked_add(struct mf_asked *asked, enum mf_asked_kind kind, const char *what)
{
	bool device = kind == MF_ASKED_DEVICE;
	long now = mf_day_today();
	size_t oldest = 0;

	if (!mf_modalias_valid(what, strlen(what)))
		return 0;
	for (size_t i = 0; i < asked->n; i++) {
		struct mf_asked_entry *entry = &asked->v[i];

		if (!entry_is(entry, kind, what))
			continue;
		asked->changed |= device && entry->day != now;
		entry->day = device ? now : entry->day;
		return 0;
	}
	if (device && asked_count(asked, true, &oldest) >= MF_ASKED_DEVICES)
		asked_drop(asked, oldest);
	else if (!device && asked_count(asked, false, &oldest) >= MF_ASKED_NAMES)
		return 0;
	asked->changed = true;
	return asked_append(asked, kind, what, strlen(what), now);
}

void mf_asked_forget(struct mf_asked *asked, const char *name)
{
	const char *end = strstr(name, KMP);
	bool kmp = end && !end[strlen(KMP)];
	_cleanup_free_ char *stem = kmp ? strndup(name, (size_t)(end - name)) : NULL;

	for (size_t i = asked->n; i > 0; i--) {
		const struct mf_asked_entry *entry = &asked->v[i - 1];

		if (entry_is(entry, MF_ASKED_NAME, name) ||
		    entry_is(entry, MF_ASKED_PACKAGE, name) ||
		    entry_is(entry, MF_ASKED_PATTERN, name) ||
		    (stem && entry_is(entry, MF_ASKED_NAME, stem)))
			asked_drop(asked, i - 1);
	}
}

char *mf_asked_short_name(const char *name, const char *kernel, enum mf_asked_kind *ret_kind)
{
	size_t len = strlen(name);
	struct mf_release release;
	_cleanup_free_ char *end = NULL;
	char *copy;

	if (mf_release_parse(kernel, NULL, &release) == 0) {
		end = mf_format("-%s-%s", release.flavor, release.abi);
		if (!end)
			return NULL;
		if (mf_ends_with(name, end))
			len -= strlen(end);
	}
	copy = strndup(name, len);
	if (copy)
		*ret_kind = mf_starts_with(copy, "kernel-") && mf_ends_with(copy, "-all")
				    ? MF_ASKED_PATTERN
				    : MF_ASKED_PACKAGE;
	return copy;
}

bool mf_asked_is_pattern(const char *name, const char *kernel)
{
	enum mf_asked_kind kind = MF_ASKED_NAME;
	_cleanup_free_ char *stem = mf_asked_short_name(name, kernel, &kind);

	return stem && kind == MF_ASKED_PATTERN;
}
