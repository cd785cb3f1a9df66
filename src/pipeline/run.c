/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One run of the pipeline as a value: the names of its times, its second round, and its destructor.
 *
 * The names are stable: the history has them on the disk, and `history --json` prints them.
 */
#include "modfetch/pipeline.h"
#include "modfetch/cleanup.h"
#include "stages.h"

const char *mf_stamp_name(enum mf_stamp stage)
{
	static const char *const names[MF_N_STAMPS] = {
		[MF_STARTED] = "started",     [MF_MATCHED] = "decided",
		[MF_RESOLVED] = "resolved",   [MF_FETCHED] = "fetched",
		[MF_VERIFIED] = "verified",   [MF_LOADED_EARLY] = "loaded_early",
		[MF_INSTALLED] = "installed", [MF_INDEXED] = "indexed",
		[MF_LOADED] = "loaded",	      [MF_BOUND] = "bound",
	};

	return names[stage];
}

void mf_run_done(struct mf_run *run)
{
	mf_plan_done(&run->plan);
	mf_links_done(&run->links);
	mf_wants_done(&run->wants);
	mf_strings_done(&run->packages);
	mf_strings_done(&run->confirmed);
	mf_catalog_free(run->catalog);
	*run = (struct mf_run){ 0 };
}

void mf_run_reset(struct mf_run *run)
{
	run->fault = MF_FAULT_NONE;
	mf_plan_done(&run->plan);
	mf_links_done(&run->links);
	mf_catalog_free(MF_STEAL(run->catalog));
	for (size_t i = 0; i < run->wants.n; i++)
		mf_want_clear_matches(&run->wants.v[i]);
}
