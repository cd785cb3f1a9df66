/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reports of the packer while it works: problems, which are counted and do not stop the run, and
 * progress.
 *
 * Progress is reported at most ten times a second, but always for the first and the last item of a
 * step.
 */
#include <stdarg.h>
#include <stdio.h>
#include "modfetch/file.h"
#include "model.h"

int pack_problem(struct pack *pack, int code, const char *what, const char *fmt, ...)
{
	char why[512];
	va_list ap;

	if (fmt) {
		va_start(ap, fmt);
		vsnprintf(why, sizeof(why), fmt, ap);
		va_end(ap);
	} else {
		snprintf(why, sizeof(why), "%s", mf_error_sentence(code));
	}
	mf_log(pack->ctx, MF_LOG_ERROR, "pack: %s: %s [%s]", what, why, mf_error_name(code));
	pack->result.problems++;
	return 0;
}

void pack_progress(struct pack *pack, const char *step, size_t done, size_t n)
{
	const struct mf_pack_options *o = pack->options;
	uint64_t now = mf_now_us();

	if (!o->progress || (done && done < n && now - pack->last_progress < 100000))
		return;
	pack->last_progress = now;
	o->progress(o->progress_arg, step, done, n);
}
