/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef CMD_STATUS_DEVICES_H
#define CMD_STATUS_DEVICES_H
/* The devices of this machine in groups, for status. */
#include "modfetch/update.h"
#include "cmd.h"

/* In the order in which status prints them; cmd_group_name() has the names in JSON. */
enum cmd_group {
	CMD_GROUP_WORKS,     /* a driver is bound to it */
	CMD_GROUP_PLAIN,     /* no driver is bound, and devices of its kind need none */
	CMD_GROUP_WAITS,     /* in the spool: modfetch.service tries again */
	CMD_GROUP_AVAILABLE, /* a repository has a driver */
	CMD_GROUP_UNBOUND,   /* a driver is on disk, but not bound to it */
	CMD_GROUP_NEEDS,     /* no repository has a driver */
	CMD_GROUP_BLOCKED,   /* a rule or a blacklist keeps its driver away */
	CMD_GROUP_UPDATE,    /* it works, and there is a newer version of its driver */
	CMD_GROUP_REBOOT,    /* a newer version of its driver is on disk, and not in use yet */
	CMD_N_GROUPS,
};
const char *cmd_group_name(enum cmd_group group);

struct cmd_device {
	size_t first, n;      /* its wants in the run */
	const char *modalias; /* borrowed from them; or a module's name, if it has none */
	char *name;	      /* NULL: not asked for, or no memory */
	char *detail;	      /* one clause about its state, or NULL */
	enum cmd_group group;
};

struct cmd_devices {
	struct cmd_device *v;
	size_t n;
};

/*
 * Groups the devices of a planned RUN, whose wants have their drivers. ALL: names them all; else only those
 * that status lists. 0 or a recorded failure; the caller passes RET_DEVICES to cmd_devices_done().
 */
int cmd_devices_read(struct cmd *cmd, const struct mf_run *run, const struct mf_updates *updates,
		     bool all, struct cmd_devices *ret_devices);
void cmd_devices_done(struct cmd_devices *devices);

/* Prints the number of each group, and the devices of those that someone has to look at; ALL: all. */
void cmd_devices_print(const struct cmd *cmd, const struct mf_run *run,
		       const struct cmd_devices *devices, bool all);
/* Sets "name", "class" and "group" in RESULTS, which has an object for each want. */
void cmd_devices_json(const struct cmd_devices *devices, struct mf_json *results);

#endif
