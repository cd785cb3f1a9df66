/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Indexes that are not those that depmod would write. */
#include "tests/unit.h"
#include "tests/inspect/checked.h"

static void an_index_that_lags_behind_is_found(void **state)
{
	struct machine *m = installed(state);
	char dep[300], bin[300], ghost[300];

	snprintf(dep, sizeof(dep), "lib/modules/%s/modules.dep", m->kver);
	snprintf(bin, sizeof(bin), "lib/modules/%s/modules.dep.bin", m->kver);
	snprintf(ghost, sizeof(ghost), "lib/modules/%s/kernel/ghost.ko", m->kver);
	root_write(&m->root, dep, "");
	assert_found(m, m->module, -MFE_BAD_INDEX, true);
	root_write(&m->root, dep, "updates/soundcore.ko:\nkernel/ghost.ko: updates/soundcore.ko\n");
	assert_found(m, ghost, -MFE_BAD_INDEX, false);
	assert_int_equal(unlinkat(m->root.fd, dep, 0), 0);
	assert_found(m, dep, -MFE_BAD_INDEX, false);
	index_all(m);
	flip(m, bin);
	assert_found(m, bin, -MFE_BAD_INDEX, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE(an_index_that_lags_behind_is_found),
	};

	return UNIT_RUN(tests);
}
