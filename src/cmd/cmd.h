/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CMD_CMD_H
#define CMD_CMD_H
/*
 * What main() gives a verb: the context, the global options, and the arguments with the global
 * options taken out (argv[0] is the verb, so getopt_long works as usual; optind is reset).
 * A verb returns the exit status (>= 0), or a negative code that is recorded in the context: main()
 * prints that one line and ends with the code's status. Verbs print results to stdout; nothing
 * below src/cmd does.
 */
#include <stdbool.h>
#include "modfetch/context.h"
#include "modfetch/json.h"
#include "modfetch/pipeline.h"

enum cmd_status {
	CMD_DONE = 0,
	CMD_FAILED = 1,
	CMD_NOTHING = 2,
	CMD_NOT_FOUND = 3,
	CMD_REFUSED = 4,
	CMD_USAGE = 64,
};

struct cmd {
	struct mf_context ctx;
	bool json;
	bool no_load;
	bool dry_run;
	bool quiet; /* -q */
};

typedef int cmd_verb(struct cmd *cmd, int argc, char **argv);

/* The verbs, one file each. */
cmd_verb cmd_probe, cmd_lookup, cmd_coldplug, cmd_install, cmd_remove, cmd_refresh, cmd_depmod;
cmd_verb cmd_deny, cmd_allow, cmd_search, cmd_info;
cmd_verb cmd_pack, cmd_queue, cmd_status, cmd_history, cmd_check;

/* ---- what they share: usage.c, run.c ---- */

/* Records a usage error of a verb. Returns -MFE_USAGE. */
int cmd_usage(struct cmd *cmd, const char *verb, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- what they print to stdout, and nothing else does: print.c ---- */

/* A piece of a line, and a line: whatever does not belong on a terminal is replaced, in all of it. */
void cmd_put(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void cmd_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A text of several lines, which it changes. */
void cmd_lines(char *text);
/* A value as JSON, and the end of a line. */
void cmd_json(struct mf_json *value, bool pretty);

/* ---- what probe and lookup are asked for: queries.c ---- */

enum { CMD_OPTION_DEVICE = 'd', CMD_OPTION_FILE = 'f' };
/* Adds the want, or wants, of --device or --file; any other option is a usage error. */
int cmd_take_query_option(struct cmd *cmd, struct mf_run *run, int option, const char *value);
/* Adds those of the words up to NULL; that there is none at all is a usage error. */
int cmd_take_queries(struct cmd *cmd, struct mf_run *run, char *const *queries);

/*
 * Goes the road with what RUN asks for, shows progress and the result, and tells the status. The
 * caller gives RUN to mf_run_done().
 */
int cmd_run(struct cmd *cmd, struct mf_run *run);

/*
 * The admin wants a module, a package or what a glob matches: what brought the machine down may be
 * tried again. Returns how many could not before, or a recorded failure.
 */
int cmd_forgive(struct cmd *cmd, const char *glob);

/* Prints the plan and the wants of a run, as JSON or for people. */
void cmd_print_run(const struct cmd *cmd, const struct mf_run *run);

/* "1.4 MB" into BUF; for people. */
const char *cmd_bytes(uint64_t bytes, char buf[16]);

#endif
