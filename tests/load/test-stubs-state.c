/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests which changes of disk, repositories and settings the state of the install lines shows. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/libkmod.h"
#include "src/load/stubs-state.h"
#include "tests/primary.h"

static const struct primary packages[] = {
	{ .name = "xfs-kmp-" TAG, .evr = "1-1", .provides = "kmod(xfs.ko)" },
};

static uint64_t state_of(struct root *r)
{
	uint64_t state;

	assert_int_equal(mf_stubs_state(&r->ctx, &state), 0);
	return state;
}

/* A file of modfetch's own is written, or another: is the state another one then? */
static bool changes(struct root *r, const char *path)
{
	uint64_t before = state_of(r);

	root_write(r, path, "#");
	return state_of(r) != before;
}

static void a_change_of_the_disk_is_another_state(void **state)
{
	static const char *const indexes[] = { "modules.dep.bin", "modules.alias.bin",
					       "modules.builtin.bin", "modules.builtin.alias.bin",
					       "modules.builtin" };
	struct root *r = *state;
	char path[200];
	uint64_t before;

	for (size_t i = 0; i < N(indexes); i++) {
		snprintf(path, sizeof(path), "lib/modules/%s/%s", r->ctx.kernel, indexes[i]);
		assert_true(changes(r, path));
		/* the same bytes again, in a new file */
		before = state_of(r);
		assert_int_equal(unlinkat(r->fd, path, 0), 0);
		assert_int_not_equal(state_of(r), before);
		root_write(r, "tmp/other", "#");
		root_write(r, path, "#");
		assert_int_not_equal(state_of(r), before);
	}
	snprintf(path, sizeof(path), "lib/modules/%s/modules.modfetch", r->ctx.kernel);
	assert_false(changes(r, path));
}

static void a_change_of_modprobe_d_is_another_state(void **state)
{
	struct root *r = *state;

	assert_true(changes(r, "etc/modprobe.d/a.conf"));
	assert_true(changes(r, "run/modprobe.d/a.conf"));
	assert_true(changes(r, "lib/modprobe.d/a.conf"));
	/* a file that kmod does not read, and those that modfetch writes */
	assert_false(changes(r, "etc/modprobe.d/a.txt"));
	assert_false(changes(r, MF_STUBS_DIRECTORY "/" MF_STUBS_FILE));
	assert_false(changes(r, MF_PENDING_LOADS_DIRECTORY "/" MF_PENDING_LOADS_FILE));
}

static void a_change_of_a_repository_is_another_state(void **state)
{
	struct root *r = *state;
	uint64_t before;

	assert_true(changes(r, "etc/modfetch/repos.d/a.repo"));
	before = state_of(r);
	assert_int_equal(primary_cache(&r->ctx, "main", packages, N(packages), 1), 0);
	assert_int_not_equal(state_of(r), before);
	before = state_of(r);
	assert_int_equal(primary_cache(&r->ctx, "main", packages, N(packages), 1), 0);
	assert_int_not_equal(state_of(r), before);
}

static void a_change_of_settings_is_another_state(void **state)
{
	struct root *r = *state;
	uint64_t before = state_of(r);

	assert_int_equal(state_of(r), before);
	free(r->ctx.settings.kernel_requests);
	r->ctx.settings.kernel_requests = strdup("xfs");
	assert_int_not_equal(state_of(r), before);
	before = state_of(r);
	free(r->ctx.kernel);
	r->ctx.kernel = strdup("6.9.0-1-amd64");
	assert_int_not_equal(state_of(r), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_change_of_the_disk_is_another_state),
		ROOTED(a_change_of_modprobe_d_is_another_state),
		ROOTED(a_change_of_a_repository_is_another_state),
		ROOTED(a_change_of_settings_is_another_state),
	};

	return UNIT_RUN(tests);
}
