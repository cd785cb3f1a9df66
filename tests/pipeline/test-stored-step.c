/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packages of a plan that are on this machine: what counts as there, and what a damaged file costs. */
#include "tests/unit.h"
#include "tests/root.h"
#include <string.h>
#include "modfetch/crypto.h"
#include "src/pipeline/stored-step.h"

#define TEXT "a package"

static void put(struct root *r, const struct mf_plan_item *item, const char *text)
{
	struct mf_kept_package package = mf_stored_package(item);
	_cleanup_free_ char *label = package.label, *name = mf_kept_file_name(&package);
	_cleanup_free_ char *path = mf_format(MF_KEPT_DIRECTORY "/%s", name);

	root_write(r, path, text);
}

static struct mf_plan_item item_of(const char *name)
{
	struct mf_plan_item item = { .name = (char *)name,
				     .evr = (char *)"1:2-3",
				     .arch = (char *)"x86_64",
				     .size = strlen(TEXT) };

	mf_sha256(TEXT, strlen(TEXT), item.sha256);
	return item;
}

static void only_what_has_its_file_is_there(void **state)
{
	struct root *r = *state;
	struct mf_plan_item items[2] = { item_of("one"), item_of("two") };
	struct mf_run run = { .plan = { .items = items, .n = 2, .download = 2 * strlen(TEXT) } };

	put(r, &items[1], TEXT);
	mf_stored_step(&r->ctx, &run);
	assert_int_equal(items[0].taken_from, MF_TAKEN_FROM_REPOSITORY);
	assert_int_equal(items[1].taken_from, MF_TAKEN_FROM_STORE);
	assert_int_equal(run.plan.download, strlen(TEXT));
	/* once */
	mf_stored_step(&r->ctx, &run);
	assert_int_equal(run.plan.download, strlen(TEXT));
}

static void a_file_is_taken_with_its_digest_only(void **state)
{
	struct root *r = *state;
	struct mf_plan_item item = item_of("one");
	struct mf_fetched fetched = { .fd = -1 };

	r->ctx.log_level = MF_LOG_ERROR;
	put(r, &item, TEXT);
	item.taken_from = MF_TAKEN_FROM_STORE;
	assert_int_equal(mf_stored_take(&r->ctx, &item, &fetched), 0);
	assert_true(mf_memfile_is_sealed(fetched.fd));
	assert_int_equal(fetched.size, strlen(TEXT));
	assert_non_null(strstr(fetched.url, "/" MF_KEPT_DIRECTORY "/one-2-3.x86_64."));
	mf_fetched_done(&fetched);
	put(r, &item, "a paccage");
	fetched = (struct mf_fetched){ .fd = -1 };
	assert_int_equal(mf_stored_take(&r->ctx, &item, &fetched), 1);
	assert_int_equal(fetched.fd, -1);
	assert_int_equal(item.taken_from, MF_TAKEN_FROM_REPOSITORY);
	assert_int_equal(r->ctx.failure.code, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(only_what_has_its_file_is_there),
		ROOTED(a_file_is_taken_with_its_digest_only),
	};

	return UNIT_RUN(tests);
}
