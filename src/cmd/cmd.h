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

/* The verbs, one file each. */
int cmd_depmod(struct cmd *cmd, int argc, char **argv);
int cmd_pack(struct cmd *cmd, int argc, char **argv);

#endif
