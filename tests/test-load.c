/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What can be said of loading without a kernel that loads: who is waited for, and for how long. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/load.h"

static void init(struct root *r, struct mf_want *w, const char *syspath, bool loaded)
{
	assert_int_equal(mf_want_init(&r->ctx, "pci:v1", syspath, w), 0);
	if (loaded)
		assert_int_equal(mf_strings_add(&w->loaded, "x"), 0);
}

static void a_bound_device_is_not_waited_for(void **state)
{
	struct root *r = *state;
	struct mf_want w[2];
	uint64_t start = mf_now_us();

	root_mkdir(r, "sys/devices/a");
	root_link(r, "../../bus/pci/drivers/e1000e", "sys/devices/a/driver");
	init(r, &w[0], "/sys/devices/a", true);
	init(r, &w[1], NULL, true);
	assert_int_equal(mf_load_wait(&r->ctx, w, 2), 0);
	assert_string_equal(w[0].driver, "e1000e");
	assert_null(w[1].driver);
	assert_true(mf_now_us() - start < 2000000);
	mf_want_done(&w[0]);
	mf_want_done(&w[1]);
}

static void the_wait_for_a_driver_is_bounded(void **state)
{
	struct root *r = *state;
	uint64_t start = mf_now_us();
	struct mf_want w;

	root_mkdir(r, "sys/devices/a");
	init(r, &w, "/sys/devices/a", true);
	r->ctx.settings.bind_timeout = 200;
	assert_int_equal(mf_load_wait(&r->ctx, &w, 1), 1);
	assert_in_range(mf_now_us() - start, 200000, 5000000);
	assert_null(w.driver);
	mf_want_done(&w);
}

static void what_was_not_loaded_will_not_bind(void **state)
{
	struct root *r = *state;
	uint64_t start = mf_now_us();
	struct mf_want w;

	root_mkdir(r, "sys/devices/a");
	init(r, &w, "/sys/devices/a", false);
	assert_int_equal(mf_load_wait(&r->ctx, &w, 1), 0);
	assert_true(mf_now_us() - start < 2000000);
	mf_want_done(&w);
}

static void with_nothing_on_disk_nothing_is_loaded(void **state)
{
	struct root *r = *state;
	struct mf_attempts attempts = { 0 };
	struct mf_want w[2];

	init(r, &w[0], NULL, false);
	assert_int_equal(mf_want_init(&r->ctx, "no-such-module", NULL, &w[1]), 0);
	assert_int_equal(mf_load(&r->ctx, &attempts, w, 2), 0);
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(w[i].loaded.n, 0);
		assert_int_equal(w[i].load_error, 0);
		mf_want_done(&w[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_bound_device_is_not_waited_for),
		ROOTED(the_wait_for_a_driver_is_bounded),
		ROOTED(what_was_not_loaded_will_not_bind),
		ROOTED(with_nothing_on_disk_nothing_is_loaded),
	};

	return UNIT_RUN(tests);
}
