/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of devices: which patterns lead to which drivers, in a record for each PCI and USB vendor and
 * for each other bus, and the names that pci.ids and usb.ids have for the devices.
 *
 *	"pci:8086": { "n": VENDOR, "d": { "10D3": DEVICE, … }, "a": [ [DRIVER, [PATTERN…], [KERNEL…]], … ] }
 *
 * Patterns lack the bytes that the key says. The kernels are left out if they are all that have the driver.
 * Only vendors with a pattern are in the table, and only devices that a pattern names: a device without is
 * perhaps driven by its class, which its ids do not say. A reader knows from a modalias which records may
 * have a pattern for it: that of its vendor or bus, and those of the few patterns that name none.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/ids-file.h"
#include "modfetch/json.h"
#include "model.h"

/* What the patterns of a bus with vendors begin with; '#' is a hexadecimal digit in upper case. */
static const struct {
	const char *bus, *vendor, *device;
} id_forms[] = {
	{ "pci", "pci:v0000####d", "0000####" },
	{ "usb", "usb:v####p", "####" },
};

#define VENDOR_DIGITS 4

static bool begins_with_form(const char *text, const char *form)
{
	for (; *form; form++, text++)
		if (*form == '#' ? !*text || !strchr("0123456789ABCDEF", *text) : *form != *text)
			return false;
	return true;
}

void page_alias_key(const char *pattern, char ret_key[PAGE_KEY_SIZE])
{
	size_t wild = strcspn(pattern, "*?[\\"), len = strlen(pattern);
	const char *colon = strchr(pattern, ':');
	size_t bus = colon ? (size_t)(colon - pattern) : 0;

	for (size_t i = 0; i < MF_ARRAY_SIZE(id_forms); i++)
		if (begins_with_form(pattern, id_forms[i].vendor)) {
			snprintf(ret_key, PAGE_KEY_SIZE, "%s:%.*s", id_forms[i].bus, VENDOR_DIGITS,
				 pattern + strcspn(id_forms[i].vendor, "#"));
			return;
		}
	if (!colon && wild == len && len < PAGE_KEY_SIZE - 1)
		snprintf(ret_key, PAGE_KEY_SIZE, "=%s", pattern);
	else if (!colon)
		snprintf(ret_key, PAGE_KEY_SIZE, "=");
	else if (bus < wild && bus < PAGE_KEY_SIZE - 2)
		snprintf(ret_key, PAGE_KEY_SIZE, "%.*s:", (int)bus, pattern);
	else
		snprintf(ret_key, PAGE_KEY_SIZE, "%.*s*",
			 (int)(wild < PAGE_KEY_SIZE - 2 ? wild : PAGE_KEY_SIZE - 2), pattern);
}

size_t page_key_prefix(const char *key)
{
	size_t len = strlen(key);

	if (*key == '=')
		return len - 1;
	if (key[len - 1] == '*')
		return 0;
	if (key[len - 1] == ':')
		return len;
	for (size_t i = 0; i < MF_ARRAY_SIZE(id_forms); i++)
		if (mf_starts_with(key, id_forms[i].bus))
			return strlen(id_forms[i].vendor) - 1;
	return 0;
}

/* ---- the patterns ---- */

/* Adds a pattern of a driver unless it is there; its kernels are joined. */
static int add_alias(struct page_repo *repo, struct mf_table *known, const char *pattern,
		     uint32_t driver, uint64_t kernels)
{
	_cleanup_free_ char *label = mf_format("%x %s", driver, pattern);
	char key[PAGE_KEY_SIZE];
	struct page_alias *alias;
	uint32_t *place;
	char *kept = label ? mf_arena_copy(&repo->arena, label, strlen(label)) : NULL;
	int r = kept ? mf_table_put(known, kept, strlen(kept), (uint32_t)repo->n_aliases, &place)
		     : -ENOMEM;

	if (r < 0)
		return r;
	if (r == 1) {
		if (mf_array_reserve(&repo->aliases, &repo->room_aliases, repo->n_aliases + 1,
				     sizeof(*repo->aliases)) < 0)
			return -ENOMEM;
		page_alias_key(pattern, key);
		alias = &repo->aliases[repo->n_aliases++];
		*alias = (struct page_alias){ .pattern = strchr(kept, ' ') + 1, .driver = driver };
		alias->key = mf_arena_copy(&repo->arena, key, strlen(key));
		if (!alias->key)
			return -ENOMEM;
	}
	repo->aliases[*place].kernels |= kernels;
	return 0;
}

static int collect_aliases(struct page_repo *repo)
{
	_cleanup_(mf_table_done) struct mf_table known = { 0 };
	int r = 0;

	for (uint32_t d = 0; d < repo->n_drivers; d++)
		for (size_t i = 0; i < repo->drivers[d].n_packages; i++) {
			const struct page_package *package =
				&repo->packages[repo->drivers[d].packages[i]];

			for (size_t j = 0; !r && j < package->patterns.n; j++)
				r = add_alias(repo, &known, package->patterns.v[j], d,
					      package->kernels);
		}
	return r;
}

/* By record, and in it by driver and kernels. */
static int compare_aliases(const void *left, const void *right)
{
	const struct page_alias *a = left, *b = right;
	int r = strcmp(a->key, b->key);

	if (r)
		return r;
	if (a->driver != b->driver)
		return a->driver < b->driver ? -1 : 1;
	if (a->kernels != b->kernels)
		return a->kernels < b->kernels ? -1 : 1;
	return strcmp(a->pattern, b->pattern);
}

/* The group of a driver that begins with alias I; RET_NEXT is the first alias after it. */
static struct mf_json *group_json(const struct page_repo *repo, size_t i, size_t *ret_next)
{
	const struct page_alias *first = &repo->aliases[i];
	struct mf_json *group = mf_json_array(), *patterns = mf_json_array();
	size_t prefix = page_key_prefix(first->key);

	for (; i < repo->n_aliases; i++) {
		const struct page_alias *alias = &repo->aliases[i];

		if (strcmp(alias->key, first->key) != 0 || alias->driver != first->driver ||
		    alias->kernels != first->kernels)
			break;
		mf_json_add_string(patterns, alias->pattern + prefix);
	}
	mf_json_add_string(group, repo->drivers[first->driver].name);
	mf_json_add(group, patterns);
	if (first->kernels != repo->drivers[first->driver].kernels)
		mf_json_add(group, page_kernels_json(first->kernels));
	*ret_next = i;
	return group;
}

static int make_patterns(struct page_repo *repo, struct page_records *records)
{
	int r = collect_aliases(repo);

	if (r < 0)
		return r;
	if (repo->n_aliases)
		qsort(repo->aliases, repo->n_aliases, sizeof(*repo->aliases), compare_aliases);
	for (size_t i = 0; !r && i < repo->n_aliases;) {
		struct mf_json *object = mf_json_object(), *groups = mf_json_array();
		const char *key = repo->aliases[i].key;

		while (i < repo->n_aliases && !strcmp(repo->aliases[i].key, key))
			mf_json_add(groups, group_json(repo, i, &i));
		mf_json_set(object, "a", groups);
		r = page_records_add(records, key, object);
	}
	return r;
}

/* ---- the names ---- */

struct naming {
	const char *bus;
	struct page_words *words;
	struct page_records *records;
	struct mf_table by_key;	 /* key of a record: its place */
	struct mf_table devices; /* "pci:8086:10D3": there is a pattern for it */
	struct mf_arena arena;
	int error;
};

static void naming_done(struct naming *naming)
{
	mf_table_done(&naming->by_key);
	mf_table_done(&naming->devices);
	mf_arena_done(&naming->arena);
}

/* Notes the device that a pattern names, if it does. */
static int note_device(struct naming *naming, const struct page_alias *alias)
{
	const char *rest = alias->pattern + page_key_prefix(alias->key) + 1;
	char device[PAGE_KEY_SIZE + 8];
	const char *kept;
	uint32_t *place;

	for (size_t i = 0; i < MF_ARRAY_SIZE(id_forms); i++) {
		if (!begins_with_form(alias->pattern, id_forms[i].vendor) ||
		    !begins_with_form(rest, id_forms[i].device))
			continue;
		snprintf(device, sizeof(device), "%s:%.4s", alias->key,
			 rest + strcspn(id_forms[i].device, "#"));
		kept = mf_arena_copy(&naming->arena, device, strlen(device));
		if (!kept || mf_table_put(&naming->devices, kept, strlen(kept), 0, &place) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int naming_begin(struct naming *naming, const struct page_repo *repo)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < naming->records->n; i++) {
		const char *key = naming->records->v[i].key;
		uint32_t *place;

		r = mf_table_put(&naming->by_key, key, strlen(key), (uint32_t)i, &place);
	}
	for (size_t i = 0; r >= 0 && i < repo->n_aliases; i++)
		r = note_device(naming, &repo->aliases[i]);
	return r < 0 ? r : 0;
}

static int set_name(struct naming *naming, struct mf_json *record, int32_t device,
		    const char *target, const char *name)
{
	_cleanup_free_ char *clean = strdup(name);
	struct mf_json *devices = mf_json_get(record, "d");
	char id[16];

	if (!clean)
		return -ENOMEM;
	mf_text_sanitize(clean);
	if (device == MF_IDS_VENDOR) {
		mf_json_set_string(record, "n", clean);
	} else {
		if (!devices) {
			devices = mf_json_object();
			mf_json_set(record, "d", devices);
		}
		snprintf(id, sizeof(id), "%04X", (unsigned int)device);
		mf_json_set_string(devices, id, clean);
	}
	return page_words_add(naming->words, clean, target);
}

static void on_name(void *arg, uint32_t vendor, int32_t device, const char *name)
{
	struct naming *naming = arg;
	char key[PAGE_KEY_SIZE], target[PAGE_KEY_SIZE + 8];
	const uint32_t *place;

	snprintf(key, sizeof(key), "%s:%04X", naming->bus, vendor);
	place = mf_table_get(&naming->by_key, key, strlen(key));
	if (!place || naming->error < 0)
		return;
	snprintf(target, sizeof(target), "%s", key);
	if (device != MF_IDS_VENDOR) {
		snprintf(target, sizeof(target), "%s:%04X", key, (unsigned int)device);
		if (!mf_table_get(&naming->devices, target, strlen(target)))
			return;
	}
	naming->error = set_name(naming, naming->records->v[*place].value, device, target, name);
}

int page_devices_make(const struct mf_context *ctx, struct page_repo *repo,
		      struct page_words *words, struct page_records *ret_records)
{
	_cleanup_(naming_done) struct naming naming = { .words = words, .records = ret_records };
	int r = make_patterns(repo, ret_records);

	if (!r)
		r = naming_begin(&naming, repo);
	for (size_t i = 0; !r && i < MF_ARRAY_SIZE(id_forms); i++) {
		naming.bus = id_forms[i].bus;
		mf_ids_each(ctx, naming.bus, on_name, &naming);
		r = naming.error;
	}
	return r;
}
