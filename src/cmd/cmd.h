/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CMD_CMD_H
#define CMD_CMD_H
/*
 * The interface between main() and a verb: main() passes the context, the global options, and the
 * arguments without the global options (argv[0] is the verb, so getopt_long works as usual; optind
 * is reset). A verb returns the exit status (>= 0), or a negative code that is recorded in the
 * context: main() prints that failure in one line and exits with the code's status. Verbs print
 * results to stdout; nothing below src/cmd does.
 */
#include <stdbool.h>
#include "modfetch/context.h"
#include "modfetch/json.h"
#include "modfetch/pipeline.h"
#include "terminal.h"

enum cmd_status {
	CMD_DONE = 0,
	CMD_FAILED = 1,
	CMD_NOTHING = 2, /* done before; main() makes it 0, unless --detailed-exit is given */
	CMD_NOT_FOUND = 3,
	CMD_REFUSED = 4,
	CMD_USAGE = 64,
};

struct cmd {
	struct mf_context ctx;
	bool json;
	bool no_load;
	bool dry_run;
	bool quiet;	 /* -q */
	bool yes;	 /* --yes: ask nothing, the answer is yes */
	bool assume_no;	 /* --assume-no: ask nothing, the answer is no */
	bool changed;	 /* by a run of this call: see cmd_run() */
	bool printed;	 /* by cmd_json(): there is a result, and a failure is in it or not one */
	bool one_of_all; /* --kernel all: this run is for one of the kernels */
	struct cmd_terminal terminal;
	char **argv; /* all arguments of the program, for cmd_restart() */
};

typedef int cmd_verb(struct cmd *cmd, int argc, char **argv);

/* The verbs, one file each. */
cmd_verb cmd_probe, cmd_lookup, cmd_coldplug, cmd_install, cmd_remove, cmd_refresh, cmd_depmod;
cmd_verb cmd_deny, cmd_allow, cmd_hold, cmd_unhold, cmd_prefer, cmd_search, cmd_info;
cmd_verb cmd_pack, cmd_queue, cmd_status, cmd_history, cmd_check, cmd_list, cmd_initrd;
cmd_verb cmd_ready, cmd_kernel_added, cmd_kernel_removed, cmd_autoremove;
cmd_verb cmd_update, cmd_rollback, cmd_undo, cmd_trials, cmd_complete;
cmd_verb cmd_repo, cmd_key, cmd_doctor, cmd_prefetch;
cmd_verb cmd_media, cmd_want, cmd_fetch_for;

/* list --held: held.c */
int cmd_list_held(struct cmd *cmd);

/* ---- usage.c ---- */

/* Records a usage error of a verb. Returns -MFE_USAGE. */
int cmd_usage(struct cmd *cmd, const char *verb, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- the modules with most verbs, which bring the libraries: load.c ---- */

enum cmd_module { CMD_VERBS, CMD_PACK };

/* Loads a module for the rest of the process; the handle for dlsym(3). NULL: dlerror(3) says why. */
void *cmd_load(enum cmd_module module);

/* ---- the verb queue in two parts: queue-start.c, wait.c, queue.c ---- */

enum cmd_queue_mode {
	CMD_QUEUE_ONCE,
	CMD_QUEUE_UNTIL_EMPTY,
	CMD_QUEUE_WATCH,
	CMD_QUEUE_RETRY,
};

/* Sets the mode, and the time that it stays ready, from the arguments. 0 or -MFE_USAGE, recorded. */
int cmd_queue_parse(struct cmd *cmd, int argc, char **argv, enum cmd_queue_mode *ret_mode,
		    int *ret_linger_ms);
/*
 * Starts this program again, in its own process, with the arguments that it had. Returns only a
 * recorded failure.
 */
int cmd_restart(struct cmd *cmd);
/*
 * Before the module is loaded: with --watch waits until the spool has an entry. 0, or a recorded
 * failure.
 */
int cmd_wait(struct cmd *cmd, int argc, char **argv);

/* ---- all output to stdout: print.c ---- */

/*
 * Print a piece of a line, and the end of a line with its last piece. All of the text is sanitized
 * for a terminal.
 */
void cmd_put(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void cmd_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A piece of a line in the color of its meaning. */
void cmd_styled(const struct cmd *cmd, enum cmd_style style, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Prints a text of several lines, sanitized in place. */
void cmd_lines(char *text);
/* Prints a value as JSON and ends the line. */
void cmd_json(struct cmd *cmd, struct mf_json *value, bool pretty);
/*
 * Adds the failure of the context as "error" of an object: code, stage, subject, reason.
 */
void cmd_json_error(const struct cmd *cmd, struct mf_json *object);

/* ---- the queries of probe and lookup: queries.c ---- */

enum { CMD_OPTION_DEVICE = 'd', CMD_OPTION_FILE = 'f' };
/*
 * Adds the want of --device, or the wants of --file; any other option is a usage error. 0 or a
 * recorded error.
 */
int cmd_add_query_option(struct cmd *cmd, struct mf_run *run, int option, const char *value);
/*
 * Adds the wants of QUERIES up to NULL; if the run has none at all, that is a usage error. 0 or a
 * recorded error.
 */
int cmd_add_queries(struct cmd *cmd, struct mf_run *run, char *const *queries);

/*
 * Runs the pipeline for RUN, asks for what has to be asked, shows progress and prints the result.
 * Returns the exit status, or a recorded failure. The caller passes RUN to mf_run_done().
 */
int cmd_run(struct cmd *cmd, struct mf_run *run);
/* The same; the JSON object of the run is added to LIST, and not printed. */
int cmd_run_into(struct cmd *cmd, struct mf_run *run, struct mf_json *list);
/* As cmd_run() for --json; the object also has EXTRA, which goes with it, as KEY. */
int cmd_run_with(struct cmd *cmd, struct mf_run *run, const char *key, struct mf_json *extra);
/*
 * Adds "did you mean" to the failure of the context, whose subject is a name, if a module of the catalog
 * has a similar one. Was there any?
 */
bool cmd_hint_at_similar(struct cmd *cmd, const struct mf_catalog *catalog);

/* ---- questions: ask.c ---- */

/* Is there a user who can be asked, and has to be? */
bool cmd_can_ask(const struct cmd *cmd);
/*
 * Asks a question that is answered with yes or no; for --yes and --assume-no it knows the answer.
 * SUBJECT is for the failure. 0: yes; -MFE_NOT_CONFIRMED or -ENOMEM, recorded.
 */
int cmd_ask(struct cmd *cmd, const char *subject, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Lets the run ask before it carries out its plan, where there is a user to ask. */
void cmd_ask_for_plan(struct cmd *cmd, struct mf_run *run);

/* ---- results: result.c ---- */

/*
 * Prints why VERB had nothing to do, in one line or as JSON. Returns CMD_NOTHING.
 */
int cmd_nothing(struct cmd *cmd, const char *verb, const char *reason);
/* Prints what a run has done or, if nothing had to be done, why. */
void cmd_print_result(const struct cmd *cmd, const struct mf_run *run, bool changed);

/*
 * Allows modules, packages or what GLOB matches to be loaded again although they crashed the
 * machine, because the admin asks for them. Returns the number of modules that were blocked before,
 * or a recorded failure.
 */
int cmd_clear_crashed(struct cmd *cmd, const char *glob);

/*
 * The installed kernels, for status: which repositories serve each one, and which drivers that the
 * devices of this machine use the others lack.
 */
struct cmd_kernel {
	char *release;
	bool running;
	struct mf_strings repositories; /* ids of those that have packages for it */
	struct mf_strings lacks;	/* modules */
};
struct cmd_kernels {
	struct cmd_kernel *v;
	size_t n;
};
/* WANTS: of the devices, matched for the context's kernel. 0 or a recorded failure. */
int cmd_kernels_read(struct cmd *cmd, const struct mf_repos *repos, const struct mf_wants *wants,
		     struct cmd_kernels *ret_kernels);
void cmd_kernels_done(struct cmd_kernels *kernels);
/* Prints a line for each kernel; or the same as JSON. */
void cmd_kernels_print(const struct cmd *cmd, const struct cmd_kernels *kernels);
struct mf_json *cmd_kernels_json(const struct cmd_kernels *kernels);

/*
 * status --usage: prints the use of packaged drivers; HOOKS: passes it to the admin's hooks instead.
 * Returns an exit status, or a recorded failure.
 */
int cmd_status_usage(struct cmd *cmd, bool hooks);

/* The kernels that the metadata of a repository has drivers for; none where there is no metadata. */
struct mf_served cmd_served(struct cmd *cmd, const char *repo_id);
/* Sets "kernels", "built_for" and "any_kernel" of a repository. */
void cmd_set_served(struct mf_json *o, const struct mf_served *served);

/*
 * After metadata came or went, with the lock free: makes the lines for modprobe again, tries devices that
 * were set aside, and kernels that wait for drivers. 0 or a recorded failure.
 */
int cmd_use_new_metadata(struct cmd *cmd);

/*
 * Does the work of kernel-added for each kernel that is installed now and is not in BEFORE. Returns an
 * exit status, or a recorded failure.
 */
int cmd_kernels_added_since(struct cmd *cmd, const struct mf_strings *before);

/*
 * Installs the updates that auto-update= allows, after an unattended refresh. An exit status, or a
 * recorded failure.
 */
int cmd_update_by_policy(struct cmd *cmd);

/*
 * Does the work of prefetch for one kernel, if prefetch= names anything; or for all that are installed, and
 * drops what is there if it names nothing. A failure is logged.
 */
void cmd_prefetch_kernel(struct cmd *cmd, const char *kernel);
void cmd_prefetch_all(struct cmd *cmd);

/* For status: prints what is prefetched, or sets "prefetched" in O. 0 or a recorded failure: status-prefetched.c */
int cmd_print_prefetched(struct cmd *cmd);
int cmd_prefetched_json(struct cmd *cmd, struct mf_json *o);

/*
 * For status: prints what is to be done about this machine's own key (ALL: also that nothing is), or sets
 * "build_key" in O. 0 or a recorded failure: status-build-key.c
 */
int cmd_print_build_key(struct cmd *cmd, bool all);
int cmd_build_key_json(struct cmd *cmd, struct mf_json *o);

/* Prints a line for each thing that a verb has done; or all as JSON. */
void cmd_print_done(struct cmd *cmd, const char *verb, struct mf_strings *done);

#endif
