/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The object of lookup --json and the line of the history: fields that scripts rely on. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/history.h"
#include "tests/primary.h"

static void add_want(struct root *r, struct mf_run *run, const char *query, const char *syspath,
		     enum mf_state state)
{
	struct mf_want w;

	assert_int_equal(mf_want_init(&r->ctx, query, syspath, &w), 0);
	w.state = state;
	mf_want_reason(&w, "because");
	assert_int_equal(mf_wants_add(&run->wants, &w), 0);
}

/* A run that has passed all stages. */
static void fill(struct root *r, struct mf_run *run)
{
	static const struct primary packages[] = {
		{ .name = "x-kmp-" TAG, .evr = "1-1", .provides = "kmod(x.ko)" }
	};
	struct mf_match *m;

	root_write(r, "etc/modfetch/repos.d/a.repo", "[main]\nbaseurl=http://m\n");
	assert_int_equal(primary_cache(&r->ctx, "main", packages, N(packages), 1), 0);
	assert_int_equal(mf_catalog_open(&r->ctx, &run->catalog), 0);
	run->verb = "probe";
	add_want(r, run, "pci:v1", "/sys/devices/a", MF_AVAILABLE);
	add_want(r, run, "none", NULL, MF_UNKNOWN);
	m = mf_want_add(&run->wants.v[0], "x", "pci:v*");
	assert_int_equal(mf_strings_add(&m->packages, "x-kmp-" TAG), 0);
	m = mf_want_add(&run->wants.v[0], "y", "pci:*");
	assert_int_equal(mf_strings_add(&m->packages, "x-kmp-" TAG), 0);
	assert_int_equal(mf_strings_add(&run->wants.v[0].loaded, "x"), 0);
	run->wants.v[0].driver = strdup("x_driver");
	run->plan.items = calloc(1, sizeof(*run->plan.items));
	run->plan.n = 1;
	run->plan.items[0] = (struct mf_plan_item){ .name = strdup("x-kmp-" TAG),
						    .evr = strdup("1-1"),
						    .arch = strdup("x86_64"),
						    .location = strdup("x.rpm"),
						    .size = 1234,
						    .replaces = strdup("x-kmp-" TAG "-0-1.x86_64"),
						    .why = strdup("asked for") };
	memset(run->plan.items[0].sha256, 0xab, MF_SHA256_LEN);
	assert_int_equal(mf_strings_add(&run->plan.erase, "old-kmp"), 0);
	assert_int_equal(mf_strings_add(&run->plan.removed, "old-kmp-1-1.x86_64"), 0);
	run->reason = "it did not work";
	run->undoes = 7;
	for (enum mf_stamp s = MF_STARTED; s < MF_LOADED; s++)
		run->stamp[s] = 1000000 + (uint64_t)s * 5000;
}

static void a_refusal_alone_is_not_recorded(void **state)
{
	struct root *r = *state;
	struct mf_run run = { 0 };

	add_want(r, &run, "pci:v1", "/sys/devices/a", MF_PRESENT);
	assert_false(mf_record_is_refusal(&run, 1));
	assert_true(mf_record_is_refusal(&run, -MFE_DENIED));
	add_want(r, &run, "pci:v2", "/sys/devices/b", MF_DENIED);
	assert_true(mf_record_is_refusal(&run, 1));
	assert_true(mf_record_is_refusal(&run, -MFE_DENIED));
	/* something was done, or has failed */
	assert_false(mf_record_is_refusal(&run, 0));
	assert_false(mf_record_is_refusal(&run, -MFE_BAD_DIGEST));
	mf_run_done(&run);
}

static void a_plan_has_the_fields_of_the_contract(void **state)
{
	struct root *r = *state;
	struct mf_run run = { 0 };
	struct mf_json *o, *one, *item;

	fill(r, &run);
	o = mf_record_plan(&r->ctx, &run);
	assert_string_equal(mf_json_get_string(o, "kernel"), KERNEL);
	assert_int_equal(mf_json_length(mf_json_get(o, "results")), 2);
	one = mf_json_at(mf_json_get(o, "results"), 0);
	assert_string_equal(mf_json_get_string(one, "query"), "pci:v1");
	assert_string_equal(mf_json_get_string(one, "device"), "/sys/devices/a");
	assert_string_equal(mf_json_get_string(one, "state"), "available");
	assert_string_equal(mf_json_get_string(one, "reason"), "because");
	assert_int_equal(mf_json_length(mf_json_get(one, "modules")), 2);
	assert_string_equal(mf_json_string_at(mf_json_get(one, "modules"), 1), "y");
	/* a package is listed once */
	assert_int_equal(mf_json_length(mf_json_get(one, "packages")), 1);
	one = mf_json_at(mf_json_get(o, "results"), 1);
	assert_null(mf_json_get(one, "device"));
	assert_int_equal(mf_json_length(mf_json_get(one, "modules")), 0);
	item = mf_json_at(mf_json_get(o, "install"), 0);
	assert_string_equal(mf_json_get_string(item, "name"), "x-kmp-" TAG);
	assert_string_equal(mf_json_get_string(item, "repo"), "main");
	assert_string_equal(mf_json_get_string(item, "why"), "asked for");
	assert_int_equal(mf_json_get_int(item, "size"), 1234);
	assert_string_equal(mf_json_string_at(mf_json_get(o, "remove"), 0), "old-kmp");
	mf_json_free(o);
	mf_run_done(&run);
}

struct seen {
	char text[8000];
};

static int keep(void *arg, struct mf_json *record)
{
	struct seen *s = arg;

	snprintf(s->text, sizeof(s->text), "%s", mf_json_text(record, false));
	return 0;
}

static struct mf_json *recorded(struct root *r, struct mf_run *run, int result)
{
	struct seen s = { { 0 } };
	_cleanup_free_ char *line = NULL;
	struct mf_json *o;

	assert_int_equal(mf_record_run(&r->ctx, run, result, &line), 0);
	assert_int_equal(mf_history_read(&r->ctx, keep, &s), 0);
	assert_string_equal(line, s.text);
	o = mf_json_parse(s.text);
	assert_non_null(o);
	return o;
}

static void a_run_is_recorded_completely(void **state)
{
	struct root *r = *state;
	struct mf_run run = { 0 };
	struct mf_json *o, *one;
	char hex[65];

	fill(r, &run);
	o = recorded(r, &run, 0);
	assert_string_equal(mf_json_get_string(o, "verb"), "probe");
	assert_string_equal(mf_json_get_string(o, "outcome"), "done");
	assert_true(mf_json_get_int(o, "time") > 1600000000);
	one = mf_json_at(mf_json_get(o, "queries"), 0);
	assert_string_equal(mf_json_get_string(one, "driver"), "x_driver");
	assert_string_equal(mf_json_string_at(mf_json_get(one, "loaded"), 0), "x");
	one = mf_json_at(mf_json_get(o, "packages"), 0);
	memset(hex, 0, sizeof(hex));
	for (size_t i = 0; i < 64; i++)
		hex[i] = i % 2 ? 'b' : 'a';
	assert_string_equal(mf_json_get_string(one, "sha256"), hex);
	assert_string_equal(mf_json_get_string(one, "replaces"), "x-kmp-" TAG "-0-1.x86_64");
	assert_string_equal(mf_json_string_at(mf_json_get(o, "removed"), 0), "old-kmp-1-1.x86_64");
	assert_string_equal(mf_json_get_string(o, "reason"), "it did not work");
	assert_int_equal(mf_json_get_int(o, "undoes"), 7);
	assert_int_equal(mf_json_get_int(o, "id"), run.id);
	assert_int_equal(run.id, 1);
	assert_int_equal(mf_json_get_int(mf_json_get(o, "ms"), "decided"), 5);
	assert_int_equal(mf_json_get_int(mf_json_get(o, "us"), "started"), 1000000);
	assert_int_equal(mf_json_get_int(mf_json_get(o, "us"), "indexed"),
			 1000000 + 5000 * MF_INDEXED);
	/* a stage that was not reached is not listed */
	assert_null(mf_json_get(mf_json_get(o, "ms"), "bound"));
	assert_null(mf_json_get(o, "error"));
	mf_json_free(o);
	mf_run_done(&run);
}

static void a_failed_run_is_recorded_with_its_reason(void **state)
{
	struct root *r = *state;
	struct mf_run run = { 0 };
	struct mf_json *o, *e;

	fill(r, &run);
	mf_fail(&r->ctx, MF_STAGE_VERIFY, -MFE_BAD_DIGEST, "x.rpm", "it differs");
	o = recorded(r, &run, -MFE_BAD_DIGEST);
	assert_string_equal(mf_json_get_string(o, "outcome"), "failed");
	/* nothing of it was done that could be undone */
	assert_null(mf_json_get(o, "packages"));
	assert_null(mf_json_get(o, "removed"));
	e = mf_json_get(o, "error");
	assert_string_equal(mf_json_get_string(e, "code"), "BAD-DIGEST");
	assert_string_equal(mf_json_get_string(e, "stage"), "verify");
	assert_string_equal(mf_json_get_string(e, "what"), "x.rpm");
	assert_string_equal(mf_json_get_string(e, "why"), "it differs");
	mf_json_free(o);
	o = recorded(r, &run, 1);
	assert_string_equal(mf_json_get_string(o, "outcome"), "nothing");
	mf_json_free(o);
	mf_run_done(&run);
}

static void a_run_that_ended_early_is_recorded_too(void **state)
{
	struct root *r = *state;
	struct mf_run run = { .verb = "probe" };
	struct mf_json *o;

	mf_fail(&r->ctx, MF_STAGE_MATCH, -MFE_NO_REPOSITORY, "x", NULL);
	o = recorded(r, &run, -MFE_NO_REPOSITORY);
	assert_string_equal(mf_json_get_string(mf_json_get(o, "error"), "code"), "NO-REPOSITORY");
	mf_json_free(o);
	mf_run_done(&run);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_refusal_alone_is_not_recorded),
		ROOTED(a_plan_has_the_fields_of_the_contract),
		ROOTED(a_run_is_recorded_completely),
		ROOTED(a_failed_run_is_recorded_with_its_reason),
		ROOTED(a_run_that_ended_early_is_recorded_too),
	};

	return UNIT_RUN(tests);
}
