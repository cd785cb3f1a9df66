/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * history: the past runs, the latest last. --json prints the records of the file, one in each line,
 * for scripts; the text leaves out digests. Of a record that another version wrote, the known
 * members are printed.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "modfetch/history.h"
#include "cmd.h"

struct printing {
	struct cmd *cmd;
	long skip; /* records still to be skipped */
	size_t seen;
};

static int history_count(void *arg, struct mf_json *record)
{
	((struct printing *)arg)->seen++;
	return 0;
}

static void print_times(struct mf_json *record)
{
	struct mf_json *ms = mf_json_get(record, "ms");

	for (enum mf_stamp s = MF_STARTED + 1; s < MF_N_STAMPS; s++)
		if (mf_json_get(ms, mf_stamp_name(s)))
			cmd_put(" %s %" PRId64, mf_stamp_name(s),
				mf_json_get_int(ms, mf_stamp_name(s)));
	cmd_line(" ms");
}

static void print_record(struct mf_json *record)
{
	struct mf_json *queries = mf_json_get(record, "queries");
	struct mf_json *packages = mf_json_get(record, "packages");
	struct mf_json *removed = mf_json_get(record, "removed");
	struct mf_json *error = mf_json_get(record, "error");
	time_t when = (time_t)mf_json_get_int(record, "time");
	const char *verb = mf_json_get_string(record, "verb");
	const char *outcome = mf_json_get_string(record, "outcome");
	struct tm tm;
	char stamp[32];

	strftime(stamp, sizeof(stamp), "%F %T", localtime_r(&when, &tm));
	if (mf_json_get_int(record, "id"))
		cmd_put("%" PRId64 "  ", mf_json_get_int(record, "id"));
	cmd_put("%s  %s  %s", stamp, verb ? verb : "?", outcome ? outcome : "?");
	print_times(record);
	for (size_t i = 0; i < mf_json_length(queries); i++) {
		struct mf_json *q = mf_json_at(queries, i);
		const char *driver = mf_json_get_string(q, "driver");

		cmd_line("  %s  %s%s%s", mf_json_get_string(q, "query"),
			 mf_json_get_string(q, "state"), driver ? ", bound to " : "",
			 driver ? driver : "");
	}
	for (size_t i = 0; i < mf_json_length(packages); i++) {
		struct mf_json *p = mf_json_at(packages, i);
		const char *replaces = mf_json_get_string(p, "replaces");

		cmd_line("  + %s-%s%s%s", mf_json_get_string(p, "name"),
			 mf_json_get_string(p, "evr"), replaces ? ", in place of " : "",
			 replaces ? replaces : "");
	}
	for (size_t i = 0; i < mf_json_length(removed); i++)
		cmd_line("  - %s", mf_json_string_at(removed, i));
	if (mf_json_get_string(record, "reason"))
		cmd_line("  because %s", mf_json_get_string(record, "reason"));
	if (mf_json_get_int(record, "undoes"))
		cmd_line("  reverses run %" PRId64, mf_json_get_int(record, "undoes"));
	if (error)
		cmd_line("  %s: %s: %s [%s]", mf_json_get_string(error, "stage"),
			 mf_json_get_string(error, "what"), mf_json_get_string(error, "why"),
			 mf_json_get_string(error, "code"));
}

static int history_print(void *arg, struct mf_json *record)
{
	struct printing *p = arg;

	if (p->skip-- > 0)
		return 0;
	if (p->cmd->json)
		cmd_json(p->cmd, record, false);
	else
		print_record(record);
	return 0;
}

int cmd_history(struct cmd *cmd, int argc, char **argv)
{
	static const struct option options[] = { { "lines", required_argument, NULL, 'n' }, { 0 } };
	struct printing p = { .cmd = cmd };
	struct mf_json *record = NULL;
	long n = -1;
	char *end;
	int c, r;

	while ((c = getopt_long(argc, argv, "n:", options, NULL)) != -1) {
		if (c != 'n')
			return cmd_usage(cmd, "history", "the option is -n N");
		n = strtol(optarg, &end, 10);
		if (*end || end == optarg || n < 0)
			return cmd_usage(cmd, "history", "%s is not a number of runs", optarg);
	}
	if (optind < argc) {
		n = strtol(argv[optind], &end, 10);
		if (*end || n < 1 || optind + 1 < argc)
			return cmd_usage(cmd, "history", "%s is not the number of a run",
					 argv[*end || n < 1 ? optind : optind + 1]);
		r = mf_history_find(&cmd->ctx, n, &record);
		if (!r)
			r = history_print(&p, record);
		mf_json_free(record);
		return r;
	}
	r = mf_history_read(&cmd->ctx, history_count, &p);
	if (r < 0)
		return r;
	p.skip = n >= 0 ? (long)p.seen - n : 0;
	return mf_history_read(&cmd->ctx, history_print, &p);
}
