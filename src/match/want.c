/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Makes wants of queries; no other file does. A query that is too long or has bytes that no alias
 * has never reaches libkmod, a matcher or a log line unchecked. The kind of a query is decided by
 * its form alone; whether anything matches it is decided by the match stage.
 */
#include "modfetch/want.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "modfetch/table.h"

#define SYMBOL_PREFIX "symbol:"
#define DEVICES_MAX   8	  /* kept of a want for several devices */
#define BAD_QUERY_MAX 128 /* bytes kept of a query that is out of bounds, for output */

const char *mf_state_name(enum mf_state state)
{
	static const char *const names[] = {
		[MF_PRESENT] = "present",     [MF_BUILTIN_STATE] = "builtin",
		[MF_AVAILABLE] = "available", [MF_DENIED] = "denied",
		[MF_UNKNOWN] = "unknown",     [MF_INVALID] = "invalid",
	};

	return names[state];
}

/* The rest of a modalias that begins with the ids of a device, where nothing else is known of it. */
static const struct {
	const char *form; /* of the ids; '#' is a hexadecimal digit in upper case */
	const char *rest;
} ids_forms[] = {
	{ "pci:v########d########*", "sv00000000sd00000000bc00sc00i00" },
	{ "usb:v####p####*", "d0000dc00dsc00dp00ic00isc00ip00in00" },
};

static bool has_form(const char *text, const char *form)
{
	static const char digits[] = "0123456789ABCDEF";

	for (; *form && *text; form++, text++)
		if (*form == '#' ? !strchr(digits, *text) : *form != *text)
			return false;
	return !*form && !*text;
}

/* The name of a query of ids, in NAME. Returns how many bytes of it are known; 0: it is another query. */
static size_t ids_name(const char *query, char *name, size_t size)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(ids_forms); i++) {
		size_t known = strlen(query) - 1;

		if (!has_form(query, ids_forms[i].form))
			continue;
		snprintf(name, size, "%.*s%s", (int)known, query, ids_forms[i].rest);
		return known;
	}
	return 0;
}

int mf_want_init(struct mf_context *ctx, const char *query, const char *syspath,
		 struct mf_want *ret_want)
{
	_cleanup_(mf_want_done) struct mf_want want = { .state = MF_UNKNOWN };
	const char *fault = mf_modalias_fault(query, strlen(query));
	char name[MF_MODALIAS_MAX + 1];

	if (fault)
		return mf_fail(ctx, MF_STAGE_EVENT, -MFE_BAD_MODALIAS, query, "%s", fault);
	want.kind = mf_starts_with(query, SYMBOL_PREFIX) ? MF_WANT_SYMBOL
		    : strchr(query, ':')		 ? MF_WANT_ALIAS
							 : MF_WANT_NAME;
	/* the brackets of a valid query are paired, and it fits */
	mf_alias_normalize(query, name, sizeof(name));
	want.known = ids_name(query, name, sizeof(name));
	want.query = strdup(query);
	/* symbols are case and dash sensitive, and have no dashes anyway */
	want.name = strdup(want.kind == MF_WANT_SYMBOL ? query + strlen(SYMBOL_PREFIX) : name);
	want.syspath = syspath ? strdup(syspath) : NULL;
	want.device = want.kind == MF_WANT_ALIAS;
	if (!want.query || !want.name || (syspath && !want.syspath))
		return mf_fail(ctx, MF_STAGE_EVENT, -ENOMEM, query, NULL);
	*ret_want = want;
	want = (struct mf_want){ 0 };
	return 0;
}

int mf_want_init_any(struct mf_context *ctx, const char *query, const char *syspath,
		     struct mf_want *ret_want)
{
	_cleanup_(mf_want_done) struct mf_want want = { .kind = MF_WANT_BAD, .state = MF_INVALID };
	const char *fault = mf_modalias_fault(query, strlen(query));

	if (!fault)
		return mf_want_init(ctx, query, syspath, ret_want);
	want.query = strndup(query, BAD_QUERY_MAX);
	want.name = strdup("");
	want.syspath = syspath ? strdup(syspath) : NULL;
	mf_want_reason(&want, "%s", fault);
	if (!want.query || !want.name || !want.reason || (syspath && !want.syspath))
		return mf_fail(ctx, MF_STAGE_EVENT, -ENOMEM, "query", NULL);
	mf_text_sanitize(want.query);
	*ret_want = want;
	want = (struct mf_want){ 0 };
	return 0;
}

int mf_want_init_device(struct mf_context *ctx, const char *syspath, struct mf_want *ret_want)
{
	_cleanup_(mf_want_done) struct mf_want want = { 0 };
	_cleanup_free_ char *modalias = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	if (!mf_starts_with(syspath, "/sys/") || strstr(syspath, "/../"))
		return mf_fail(ctx, MF_STAGE_EVENT, -MFE_USAGE, syspath,
			       "a device is a directory below /sys");
	fd = mf_context_open(ctx, syspath, O_PATH | O_DIRECTORY);
	r = fd < 0 ? fd : mf_device_modalias(fd, &modalias);
	if (r == -ENOENT || r == 1)
		return mf_fail(ctx, MF_STAGE_EVENT, -MFE_NOT_FOUND, syspath, "it has no modalias");
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_EVENT, r, syspath, NULL);
	r = mf_want_init_any(ctx, modalias, syspath, &want);
	if (r < 0)
		return r;
	if (mf_device_describe(ctx, syspath, &want) < 0)
		return mf_fail(ctx, MF_STAGE_EVENT, -ENOMEM, syspath, NULL);
	*ret_want = want;
	want = (struct mf_want){ 0 };
	return 0;
}

void mf_match_done(struct mf_match *match)
{
	free(match->module);
	free(match->pattern);
	free(match->refused);
	mf_strings_done(&match->packages);
	*match = (struct mf_match){ 0 };
}

void mf_want_clear_matches(struct mf_want *want)
{
	for (size_t i = 0; i < want->n_matches; i++)
		mf_match_done(&want->matches[i]);
	free(want->matches);
	want->matches = NULL;
	want->n_matches = 0;
	want->code = 0;
	want->state = want->kind == MF_WANT_BAD ? MF_INVALID : MF_UNKNOWN;
}

void mf_want_done(struct mf_want *want)
{
	mf_want_clear_matches(want);
	free(want->query);
	free(want->given);
	free(want->name);
	free(want->syspath);
	free(want->reason);
	free(want->driver);
	free(want->modalias);
	mf_strings_done(&want->devices);
	mf_strings_done(&want->loaded);
	*want = (struct mf_want){ 0 };
}

struct mf_match *mf_want_add(struct mf_want *want, const char *module, const char *pattern)
{
	struct mf_match *matches, *m;

	for (size_t i = 0; i < want->n_matches; i++)
		if (!strcmp(want->matches[i].module, module))
			return &want->matches[i];
	matches = reallocarray(want->matches, want->n_matches + 1, sizeof(*matches));
	if (!matches)
		return NULL;
	want->matches = matches;
	m = &matches[want->n_matches];
	*m = (struct mf_match){ .module = strdup(module),
				.pattern = pattern ? strdup(pattern) : NULL };
	if (!m->module || (pattern && !m->pattern)) {
		mf_match_done(m);
		return NULL;
	}
	want->n_matches++;
	return m;
}

bool mf_wants_any_available(const struct mf_wants *wants)
{
	for (size_t i = 0; i < wants->n; i++)
		if (wants->v[i].state == MF_AVAILABLE)
			return true;
	return false;
}

bool mf_wants_any_loaded(const struct mf_wants *wants)
{
	for (size_t i = 0; i < wants->n; i++)
		if (wants->v[i].loaded.n)
			return true;
	return false;
}

bool mf_wants_any_broken(const struct mf_wants *wants)
{
	for (size_t i = 0; i < wants->n; i++)
		for (size_t j = 0; j < wants->v[i].n_matches; j++)
			if (wants->v[i].matches[j].broken)
				return true;
	return false;
}

bool mf_wants_any_misplaced(const struct mf_wants *wants)
{
	for (size_t i = 0; i < wants->n; i++)
		if (wants->v[i].code == -MFE_MISPLACED)
			return true;
	return false;
}

const char *mf_want_crashed(const struct mf_want *want)
{
	for (size_t i = 0; i < want->n_matches; i++)
		if (want->matches[i].crashed)
			return want->matches[i].module;
	return NULL;
}

int mf_want_code(const struct mf_want *want)
{
	switch (want->state) {
	case MF_UNKNOWN:
		return want->code ? want->code : -MFE_NOT_FOUND;
	case MF_INVALID:
		return -MFE_BAD_MODALIAS;
	case MF_DENIED:
		if (mf_want_crashed(want))
			return -MFE_CRASHED;
		return want->code ? want->code : -MFE_DENIED;
	case MF_PRESENT:
	case MF_BUILTIN_STATE:
	case MF_AVAILABLE:
		break;
	}
	return 0;
}

void mf_want_reason(struct mf_want *want, const char *fmt, ...)
{
	va_list ap;

	free(want->reason);
	va_start(ap, fmt);
	if (vasprintf(&want->reason, fmt, ap) < 0)
		want->reason = NULL;
	va_end(ap);
}

bool mf_match_wanted(const struct mf_match *match)
{
	return !match->on_disk && !match->builtin && !match->refused && match->packages.n;
}

bool mf_match_by_alias(const struct mf_want *want, const struct mf_match *match)
{
	/* kmod looks for no module whose name has a colon */
	return want->kind != MF_WANT_NAME || strcmp(match->module, want->name) != 0;
}

/* ---- the list ---- */

static size_t hash_text(const char *s)
{
	return s ? (size_t)mf_hash(s, strlen(s)) : 0;
}

static bool text_equal(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* The slot of a want of the same query and device, or the free slot for it. */
static uint32_t *want_slot(const struct mf_wants *wants, const struct mf_want *want)
{
	size_t i = hash_text(want->query) + 3 * hash_text(want->syspath);

	for (;; i++) {
		uint32_t *slot = &wants->slots[i & (wants->n_slots - 1)];
		const struct mf_want *w = *slot ? &wants->v[*slot - 1] : NULL;

		if (!w ||
		    (!strcmp(w->query, want->query) && text_equal(w->syspath, want->syspath) &&
		     w->removable == want->removable && text_equal(w->modalias, want->modalias)))
			return slot;
	}
}

/* Makes room for one more: the list doubles, and its table is at most half full. */
static int want_grow(struct mf_wants *wants)
{
	size_t room = wants->n_slots ? wants->n_slots : 16;
	struct mf_want *v;
	uint32_t *slots;

	if (wants->n_slots && wants->n < wants->n_slots / 2)
		return 0;
	v = reallocarray(wants->v, room, sizeof(*v));
	if (!v)
		return -ENOMEM;
	wants->v = v;
	slots = calloc(room * 2, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	free(wants->slots);
	wants->slots = slots;
	wants->n_slots = room * 2;
	for (size_t i = 0; i < wants->n; i++)
		*want_slot(wants, &v[i]) = (uint32_t)i + 1;
	return 0;
}

/* Adds devices up to DEVICES_MAX: of a hundred processors a few are enough. */
static int want_add_devices(struct mf_want *want, const struct mf_strings *devices)
{
	int r = 0;

	for (size_t i = 0; !r && i < devices->n && want->devices.n < DEVICES_MAX; i++)
		r = mf_strings_add_unique(&want->devices, devices->v[i]);
	return r;
}

int mf_wants_add(struct mf_wants *wants, struct mf_want *want)
{
	uint32_t *slot;
	int r;

	if (want_grow(wants) < 0)
		return -ENOMEM;
	slot = want_slot(wants, want);
	if (*slot) {
		r = want_add_devices(&wants->v[*slot - 1], &want->devices);
		if (!r)
			mf_want_done(want);
		return r;
	}
	wants->v[wants->n++] = *want;
	*slot = (uint32_t)wants->n;
	*want = (struct mf_want){ 0 };
	return 0;
}

void mf_wants_done(struct mf_wants *wants)
{
	for (size_t i = 0; i < wants->n; i++)
		mf_want_done(&wants->v[i]);
	free(wants->v);
	free(wants->slots);
	*wants = (struct mf_wants){ 0 };
}

/* Adds a device of this machine; other paths are skipped. */
static int add_devpath(struct mf_spool_entry *entry, const char *syspath)
{
	return mf_starts_with(syspath, "/sys/devices/")
		       ? mf_strings_add(&entry->devpaths, syspath + strlen("/sys"))
		       : 0;
}

int mf_want_entry(const struct mf_want *want, struct mf_spool_entry *ret_entry)
{
	_cleanup_(mf_spool_entry_done) struct mf_spool_entry entry = {
		.modalias = strdup(want->query),
		.uevent_us = want->uevent_us,
		.decided_us = want->decided_us ? want->decided_us : mf_now_us(),
	};
	int r = entry.modalias ? 0 : -ENOMEM;

	if (!r && want->syspath)
		r = add_devpath(&entry, want->syspath);
	for (size_t i = 0; !r && i < want->devices.n; i++)
		r = add_devpath(&entry, want->devices.v[i]);
	if (r < 0)
		return r;
	*ret_entry = entry;
	entry = (struct mf_spool_entry){ 0 };
	return 0;
}
