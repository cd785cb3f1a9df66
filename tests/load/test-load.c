/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests the parts of loading that need no kernel: which devices are waited for, and how long. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/libkmod.h"
#include "modfetch/load.h"
#include "modfetch/trie.h"

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
	assert_uint_in_range(mf_now_us() - start, 200000, 5000000);
	assert_null(w.driver);
	mf_want_done(&w);
}

static void a_module_that_was_not_loaded_does_not_bind(void **state)
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
	struct mf_pending_loads attempts = { 0 };
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

/* An index of kmod with one line. */
static void put_index(struct root *r, const char *file, const char *key, const char *value)
{
	struct mf_trie_builder *builder;
	char path[128];
	void *bytes;
	size_t len;

	assert_int_equal(mf_trie_builder_new(&builder), 0);
	assert_int_equal(mf_trie_builder_add(builder, key, value, 0), 0);
	assert_int_equal(mf_trie_builder_finish(builder, &bytes, &len), 0);
	snprintf(path, sizeof(path), "lib/modules/" KERNEL "/%s", file);
	root_write_bytes(r, path, bytes, len);
	free(bytes);
	mf_trie_builder_free(builder);
}

static int on_before(void *arg, const struct mf_strings *paths)
{
	return 0;
}

static void on_loaded(void *arg, const char *name)
{
	fail_msg("%s has no file and was loaded", name);
}

/* As in modprobe: blacklists apply to aliases and to all wants of devices. */
static void blacklists_apply_to_the_modules_of_an_alias(void **state)
{
	const struct mf_kmod_watch watch = { on_before, on_loaded, NULL };
	struct root *r = *state;
	struct mf_kmod *kmod;

	put_index(r, "modules.dep.bin", "nofile", "kernel/nofile.ko:");
	put_index(r, "modules.alias.bin", "fs_nofile", "nofile");
	assert_int_equal(mf_kmod_new(&r->ctx, &kmod), 0);
	assert_int_equal(mf_kmod_load(kmod, "fs-nofile", false, &watch), -ENOENT);
	mf_kmod_free(kmod);

	root_write(r, "etc/modprobe.d/x.conf", "alias my-disk nofile\nblacklist nofile\n");
	assert_int_equal(mf_kmod_new(&r->ctx, &kmod), 0);
	assert_int_equal(mf_kmod_load(kmod, "fs-nofile", false, &watch), -EPERM);
	assert_int_equal(mf_kmod_load(kmod, "my-disk", false, &watch), -EPERM);
	assert_int_equal(mf_kmod_load(kmod, "nofile", false, &watch), -ENOENT);
	assert_int_equal(mf_kmod_load(kmod, "nofile", true, &watch), -EPERM);
	mf_kmod_free(kmod);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_bound_device_is_not_waited_for),
		ROOTED(the_wait_for_a_driver_is_bounded),
		ROOTED(a_module_that_was_not_loaded_does_not_bind),
		ROOTED(with_nothing_on_disk_nothing_is_loaded),
		ROOTED(blacklists_apply_to_the_modules_of_an_alias),
	};

	return UNIT_RUN(tests);
}
