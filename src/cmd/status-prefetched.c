/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The part of status about prefetched packages: a line for each kernel, with the words that they came for
 * and the time since they were brought up to date. Only root can read their list: for other users there is no
 * line.
 */
#include "modfetch/cleanup.h"
#include "modfetch/days.h"
#include "modfetch/prefetch.h"
#include "cmd.h"

int cmd_print_prefetched(struct cmd *cmd)
{
	_cleanup_(mf_prefetch_coverage_done) struct mf_prefetch_coverage coverage = { 0 };
	int r = mf_prefetch_coverage_read(&cmd->ctx, &coverage);

	for (size_t i = 0; !r && i < coverage.n; i++) {
		const struct mf_prefetch_kernel *k = &coverage.v[i];
		long days = mf_day_today() - k->day;
		char size[16];

		cmd_put("prefetched for %s: %zu package%s (%s)", k->kernel, k->packages,
			k->packages == 1 ? "" : "s", cmd_bytes(k->bytes, size));
		for (size_t j = 0; j < k->words.n; j++)
			cmd_put("%s%s", j ? ", " : ": ", k->words.v[j]);
		if (days > 0)
			cmd_line("; up to date %ld day%s ago", days, days == 1 ? "" : "s");
		else
			cmd_line("%s", "; up to date today");
	}
	return r;
}

int cmd_prefetched_json(struct cmd *cmd, struct mf_json *o)
{
	_cleanup_(mf_prefetch_coverage_done) struct mf_prefetch_coverage coverage = { 0 };
	struct mf_json *list;
	int r = mf_prefetch_coverage_read(&cmd->ctx, &coverage);

	if (r < 0)
		return r;
	list = mf_json_array();
	for (size_t i = 0; i < coverage.n; i++) {
		struct mf_json *k = mf_json_object();
		char day[MF_DAY_TEXT];

		mf_day_format(coverage.v[i].day, day);
		mf_json_set_string(k, "kernel", coverage.v[i].kernel);
		mf_json_set_int(k, "packages", (int64_t)coverage.v[i].packages);
		mf_json_set_int(k, "bytes", (int64_t)coverage.v[i].bytes);
		mf_json_set_strings(k, "words", &coverage.v[i].words);
		mf_json_set_string(k, "day", day);
		mf_json_add(list, k);
	}
	mf_json_set(o, "prefetched", list);
	return 0;
}
