/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_INSPECT_OWNERSHIP_H
#define TESTS_INSPECT_OWNERSHIP_H
/* What the owners of files say of one file. */
#include "tests/root.h"
#include "src/inspect/owned.h"

/* The owner of PATH is LABEL; NULL: nobody. */
static inline struct owned *assert_owner(const struct ownership *o, const char *path,
					 const char *label)
{
	struct owned *file = owned_find(o, path);

	if (!label) {
		assert_null(file);
		return NULL;
	}
	if (!file)
		fail_msg("%s: nobody owns it", path);
	assert_string_equal(file->owner->label, label);
	return file;
}

#endif
