/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One run of the pipeline as a value: the names of its times, and its destructor.
 *
 * The names are stable: the history has them on the disk, and `history --json` prints them.
 */
#include "modfetch/pipeline.h"

const char *mf_stamp_name(enum mf_stamp stage)
{
	static const char *const names[MF_N_STAMPS] = {
		[MF_STARTED] = "started", [MF_MATCHED] = "decided",   [MF_RESOLVED] = "resolved",
		[MF_FETCHED] = "fetched", [MF_VERIFIED] = "verified", [MF_INSTALLED] = "installed",
		[MF_INDEXED] = "indexed", [MF_LOADED] = "loaded",     [MF_BOUND] = "bound",
	};

	return names[stage];
}

void mf_run_done(struct mf_run *run)
{
	mf_plan_done(&run->plan);
	mf_links_done(&run->links);
	mf_wants_done(&run->wants);
	mf_strings_done(&run->packages);
	mf_catalog_free(run->catalog);
	*run = (struct mf_run){ 0 };
}
