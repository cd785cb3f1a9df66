/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which packages modfetch brought, and which modules other kernels reach over links. */
#include "tests/unit.h"
#include "tests/inspect/checked.h"
#include "src/upkeep/brought.h"

static void a_package_counts_if_the_history_has_it(void **state)
{
	struct machine *m = installed(state);
	struct brought brought = { 0 };
	char path[400];

	assert_int_equal(upkeep_brought_read(&m->root.ctx, &brought), 0);
	assert_int_equal(brought.n, 1);
	assert_string_equal(brought.v[0].label, "sound-kmp-1-1.x86_64");
	assert_false(brought.v[0].brought);
	assert_false(brought.v[0].kernel);
	assert_true(brought.v[0].firmware);
	assert_int_equal(brought.v[0].files.n, 1);
	snprintf(path, sizeof(path), "/%s", m->module);
	assert_string_equal(brought.v[0].files.v[0], path);
	assert_int_equal(brought.v[0].kernels.n, 1);
	assert_string_equal(brought.v[0].kernels.v[0], m->kver);
	upkeep_brought_done(&brought);

	root_write(&m->root, "var/lib/modfetch/history",
		   "{\"packages\":[{\"name\":\"a-kmp\"},{\"name\":\"sound-kmp\"}]}\nno json\n{}\n");
	assert_int_equal(upkeep_brought_read(&m->root.ctx, &brought), 0);
	assert_true(brought.v[0].brought);
	upkeep_brought_done(&brought);
}

static void links_of_other_kernels_are_listed(void **state)
{
	struct machine *m = installed(state);
	struct mf_strings targets = { 0 }, users = { 0 };
	char text[400], path[400];

	root_write(&m->root, "lib/modules/5.0/modules.order", "");
	root_mkdir(&m->root, "lib/modules/5.0/weak-updates");
	snprintf(text, sizeof(text), "../../%s/updates/soundcore.ko", m->kver);
	root_link(&m->root, text, "lib/modules/5.0/weak-updates/soundcore.ko");
	root_write(&m->root, in_kernel(m, "modules.order"), "");
	assert_int_equal(upkeep_link_targets(&m->root.ctx, m->kver, &targets, &users), 0);
	assert_int_equal(targets.n, 1);
	snprintf(path, sizeof(path), "/%s", m->module);
	assert_string_equal(targets.v[0], path);
	assert_string_equal(users.v[0], "5.0");
	mf_strings_done(&targets);
	mf_strings_done(&users);
	assert_int_equal(upkeep_link_targets(&m->root.ctx, "5.0", &targets, &users), 0);
	assert_int_equal(targets.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE(a_package_counts_if_the_history_has_it),
		MACHINE(links_of_other_kernels_are_listed),
	};

	return UNIT_RUN(tests);
}
