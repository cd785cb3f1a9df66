/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The state of one source in a run. Each step may decide it, and no later step looks at the source
 * then: one that is present is not built, one that failed is not packed. A failure is taken out of
 * the context's record, since it ends the source and not the run.
 */
#include <stdlib.h>
#include <string.h>
#include "builder.h"

int build_job_settle(struct build_job *job, enum mf_build_state state, char *reason)
{
	free(job->built.reason);
	job->built.reason = reason;
	job->built.state = state;
	job->done = true;
	return 0;
}

void build_job_fail(struct builder *b, struct build_job *job)
{
	struct mf_failure *f = &b->ctx->failure;
	/* the subject of some failures is the source itself, which the reader sees already */
	bool of_source = !*f->what || !strcmp(f->what, job->built.source);

	job->built.code = f->code;
	(void)build_job_settle(job, MF_BUILD_FAILED,
			       mf_format("%s%s%s", of_source ? "" : f->what, of_source ? "" : ": ",
					 *f->why ? f->why : mf_error_sentence(f->code)));
	/* it is this job's, and no failure of the run */
	*f = (struct mf_failure){ 0 };
}
