/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Has the initrd the same builds of the modules as the disk?
 *
 * The early boot loads the modules from the initrd: after an update of a driver the old one would
 * still run. An initrd that cannot be read is no finding: its format may be one that only the boot
 * loader or the kernel knows.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/initrd.h"
#include "inspection.h"

static int copies_compare_path(const void *path, const void *entry)
{
	return strcmp(path, ((const struct entry *)entry)->path);
}

static int copies_on_other(void *arg, const char *initrd, const char *path, bool older)
{
	struct inspection *in = arg;
	_cleanup_free_ char *full = mf_format("%s%s", in->directory, path);
	struct entry *entry = full && in->n_entries
				      ? bsearch(full, in->entries, in->n_entries,
						sizeof(*in->entries), copies_compare_path)
				      : NULL;
	int r;

	if (!full)
		return -ENOMEM;
	if (!entry || entry->found)
		return 0;
	r = inspect_find_entry(
		in, entry, -MFE_OLD_INITRD,
		older ? "the copy in /%s is older" : "the copy in /%s is another build", initrd);
	return r < 0 ? r : 0;
}

int inspect_initrd(struct inspection *in)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved =
		mf_failure_save(in->ctx);
	int r = mf_initrd_each_other_copy(in->ctx, copies_on_other, in);

	if (r < 0 && r != -ENOMEM)
		mf_log(in->ctx, MF_LOG_WARNING, "initrd: %s: %s", in->ctx->failure.what,
		       in->ctx->failure.why);
	return r == -ENOMEM ? r : 0;
}
