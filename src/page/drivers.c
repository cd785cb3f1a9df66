/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of drivers: for each module its packages, one record by its name.
 *
 *	"e1000e": { "s": SUMMARY, "b": [KERNEL…], "p": [PACKAGE…] }
 *	PACKAGE: [ [KERNEL…], NAME, VERSION, ARCH, PATH, DOWNLOAD, INSTALLED, [REQUIRES…], [RECOMMENDS…], [FIRMWARE…] ]
 *
 * A kernel is its place in the list of the page; "b" has those that the module is built into, and is left
 * out if there are none. Sizes are in bytes. Only packages of the newest kernels are shown (kernels.c), and
 * of a kernel's image only that it has the module inside. The driver with its packages is also what the
 * table of devices refers to.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/json.h"
#include "model.h"

struct mf_json *page_kernels_json(uint64_t kernels)
{
	struct mf_json *array = mf_json_array();

	for (int64_t k = 0; k < PAGE_KERNELS_MAX; k++)
		if (kernels >> k & 1)
			mf_json_add(array, mf_json_int(k));
	return array;
}

/* The driver of this name, which is added if it is not there. NULL: no memory. */
static struct page_driver *driver_of(struct page_repo *repo, const char *name)
{
	const char *key = mf_arena_copy(&repo->arena, name, strlen(name));
	uint32_t *place;
	int r = key ? mf_table_put(&repo->by_name, key, strlen(key), (uint32_t)repo->n_drivers,
				   &place)
		    : -ENOMEM;

	if (r < 0)
		return NULL;
	if (r == 1) {
		if (mf_array_reserve(&repo->drivers, &repo->room_drivers, repo->n_drivers + 1,
				     sizeof(*repo->drivers)) < 0)
			return NULL;
		repo->drivers[repo->n_drivers++] = (struct page_driver){ .name = key };
	}
	return &repo->drivers[*place];
}

/* The words of a driver are those of its name and summary. */
static int add_driver_words(const struct page_driver *driver, struct page_words *words)
{
	_cleanup_free_ char *target = mf_format("m:%s", driver->name);
	int r = target ? page_words_add(words, driver->name, target) : -ENOMEM;

	return r || !driver->summary ? r : page_words_add(words, driver->summary, target);
}

static int add_package(struct page_repo *repo, size_t i)
{
	const struct page_package *package = &repo->packages[i];

	for (size_t m = 0; m < package->modules.n; m++) {
		struct page_driver *driver = driver_of(repo, package->modules.v[m]);

		if (!driver)
			return -ENOMEM;
		if (package->is_image) {
			driver->builtin |= package->kernels;
			continue;
		}
		if (mf_array_reserve(&driver->packages, &driver->room_packages,
				     driver->n_packages + 1, sizeof(*driver->packages)) < 0)
			return -ENOMEM;
		driver->packages[driver->n_packages++] = i;
		driver->kernels |= package->kernels;
		if (!driver->summary)
			driver->summary = package->summary;
	}
	return 0;
}

static int compare_drivers(const void *a, const void *b)
{
	return strcmp(((const struct page_driver *)a)->name, ((const struct page_driver *)b)->name);
}

/* Sorts the drivers, so that a page of the same packages is the same page. */
static void sort_drivers(struct page_repo *repo)
{
	if (repo->n_drivers)
		qsort(repo->drivers, repo->n_drivers, sizeof(*repo->drivers), compare_drivers);
	for (size_t i = 0; i < repo->n_drivers; i++)
		*mf_table_get(&repo->by_name, repo->drivers[i].name,
			      strlen(repo->drivers[i].name)) = (uint32_t)i;
}

static void add_strings(struct mf_json *array, const struct mf_strings *list)
{
	struct mf_json *strings = mf_json_array();

	for (size_t i = 0; i < list->n; i++)
		mf_json_add_string(strings, list->v[i]);
	mf_json_add(array, strings);
}

static struct mf_json *package_json(const struct page_package *package)
{
	struct mf_json *array = mf_json_array();

	mf_json_add(array, page_kernels_json(package->kernels));
	mf_json_add_string(array, package->name);
	mf_json_add_string(array, package->version);
	mf_json_add_string(array, package->arch);
	mf_json_add_string(array, package->href);
	mf_json_add(array, mf_json_int((int64_t)package->size));
	mf_json_add(array, mf_json_int((int64_t)package->installed));
	add_strings(array, &package->requires);
	add_strings(array, &package->recommends);
	add_strings(array, &package->firmware);
	return array;
}

static struct mf_json *driver_json(const struct page_repo *repo, const struct page_driver *driver)
{
	struct mf_json *object = mf_json_object(), *packages = mf_json_array();

	if (driver->summary)
		mf_json_set_string(object, "s", driver->summary);
	if (driver->builtin)
		mf_json_set(object, "b", page_kernels_json(driver->builtin));
	for (size_t i = 0; i < driver->n_packages; i++)
		mf_json_add(packages, package_json(&repo->packages[driver->packages[i]]));
	mf_json_set(object, "p", packages);
	return object;
}

int page_drivers_make(struct page_repo *repo, struct page_words *words,
		      struct page_records *ret_records)
{
	int r = 0;

	for (size_t i = 0; !r && i < repo->n_packages; i++)
		if (repo->packages[i].kernels)
			r = add_package(repo, i);
	if (r < 0)
		return r;
	sort_drivers(repo);
	for (size_t i = 0; !r && i < repo->n_drivers; i++) {
		r = page_records_add(ret_records, repo->drivers[i].name,
				     driver_json(repo, &repo->drivers[i]));
		if (!r)
			r = add_driver_words(&repo->drivers[i], words);
	}
	return r;
}
