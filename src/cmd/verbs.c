/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of verbs: a row for each, with the function that runs it, its arguments and a summary.
 *
 * The order of the rows is the order in which help lists the verbs of a group. A verb has a row in the
 * table of verb-help.c too, with its options and examples: tests/gates/manual.py compares both with the
 * options that the verb accepts, with the manual and with the completions.
 */
#include <string.h>
#include "modfetch/array.h"
#include "verbs.h"

/* The function of a verb: in the module, or in this program. */
#define IN_MODULE(verb) "cmd_" #verb, NULL
#define HERE(verb)	NULL, cmd_##verb

static const struct verb verbs[] = {
	{ "probe", IN_MODULE(probe), "QUERY... | --device SYSPATH",
	  "load a driver, and fetch it first if it is missing", ROOT },
	{ "lookup", IN_MODULE(lookup), "QUERY... | --device SYSPATH",
	  "print what probe would do, and why", 0 },
	{ "why", IN_MODULE(lookup), "QUERY...", "the same as lookup", 0 },
	{ "coldplug", IN_MODULE(coldplug), "[--sysfs DIR|FILE]",
	  "probe for all devices of this machine", ROOT },
	{ "want", IN_MODULE(want), "[--missing] [--exports] [NAME...]",
	  "print what this machine lacks, for one that has a network", OWN_HEADINGS },
	{ "fetch-for", IN_MODULE(fetch_for), "LIST... --output DIR [--repo URL --key FILE]...",
	  "fetch what another machine lacks to a directory that travels", ANY_KERNEL | ONE_RUN },
	{ "media", IN_MODULE(media), "DIRECTORY | --device DEVICE",
	  "install missing drivers from a stick or disc", ONE_RUN | ROOT },
	{ "search", IN_MODULE(search), "TERM...", "search packages by name, alias or text", 0 },
	{ "info", IN_MODULE(info), "NAME...", "print all about a package or module", 0 },
	{ "install", IN_MODULE(install), "NAME...", "install packages or patterns by name", ROOT },
	{ "remove", IN_MODULE(remove), "NAME...", "remove packages by name", ROOT },
	{ "update", IN_MODULE(update), "[--check] [--reload] [NAME...]",
	  "install newer versions of drivers", ROOT, .reads = "--check" },
	{ "rollback", IN_MODULE(rollback), "[NAME...|ID]",
	  "go back to the version before, or before the last update", ROOT },
	{ "undo", IN_MODULE(undo), "ID", "reverse a run of the history", ONE_RUN | ROOT },
	{ "trials", IN_MODULE(trials), "[--begin-boot|--judge]",
	  "list updates on trial, and versions that were taken back", ONE_RUN },
	{ "deny", IN_MODULE(deny), "NAME|CONDITION...", "never fetch it",
	  ANY_KERNEL | ONE_RUN | ROOT },
	{ "allow", IN_MODULE(allow), "NAME|CONDITION...", "allow it, overriding all other rules",
	  ANY_KERNEL | ONE_RUN | ROOT },
	{ "hold", IN_MODULE(hold), "NAME...|CONDITION...", "keep packages at their version",
	  ANY_KERNEL | ONE_RUN | ROOT },
	{ "unhold", IN_MODULE(unhold), "NAME...|CONDITION...", "end a hold",
	  ANY_KERNEL | ONE_RUN | ROOT },
	{ "prefer", IN_MODULE(prefer), "[--remove] REPOSITORY|NAME...|CONDITION...",
	  "prefer packages to others with the same driver", ANY_KERNEL | ONE_RUN | ROOT },
	{ "refresh", IN_MODULE(refresh), "[--force] [REPO...]",
	  "fetch the repositories' metadata now", ROOT },
	{ "prefetch", IN_MODULE(prefetch), "[--check | --remove]",
	  "fetch packages before a device needs them", ROOT, .reads = "--check" },
	{ "repo", IN_MODULE(repo), "list|add URL|enable|disable|remove ID...",
	  "list and change the repositories", ANY_KERNEL | ONE_RUN | ROOT, .reads = "list" },
	{ "key", IN_MODULE(key), "list|import REPOSITORY FILE|URL",
	  "list and add keys of repositories", ANY_KERNEL | ONE_RUN | ROOT, .reads = "list" },
	{ "doctor", IN_MODULE(doctor), "[--offline]",
	  "check all that drivers need to come by themselves", ANY_KERNEL | ONE_RUN },
	{ "depmod", HERE(depmod), "[-b DIR] [KVER]", "update the module indexes", ANY_KERNEL },
	{ "pack", IN_MODULE(pack), "... MODULES_DIR...", "make a repository from lib/modules/KVER",
	  ANY_KERNEL | ENVIRONMENT | ONE_RUN | OF_PACK },
	{ "build", IN_MODULE(build), "[--again] [NAME[/VERSION]...]",
	  "build drivers from their sources", ROOT | OF_BUILD },
	{ "queue", IN_MODULE(queue), "[--until-empty | --watch [--linger SECONDS] | --retry]",
	  "process the spool of device events", ONE_RUN | ROOT, .wait = cmd_wait },
	{ "status", IN_MODULE(status), "[--all | --usage [--hooks]]",
	  "print devices, drivers, packages and repositories", 0 },
	{ "history", IN_MODULE(history), "[-n N]", "print past runs", ONE_RUN },
	{ "check", IN_MODULE(check), "[--all] [--fix]",
	  "are all modules intact, signed, complete, for their kernel?", ANY_KERNEL },
	{ "initrd", IN_MODULE(initrd), "[--pending|--rescue DIR]",
	  "make the initrd again if its drivers changed", ROOT },
	{ "list", IN_MODULE(list), "--installed|--updates|--patterns|--held|--unowned|--initrd",
	  "list packages or modules", 0 },
	{ "ready", IN_MODULE(ready), "KVER", "print which drivers a kernel lacks",
	  ANY_KERNEL | ONE_RUN },
	{ "kernel-added", IN_MODULE(kernel_added), "[--strict] KVER",
	  "bring the drivers of a new kernel", ANY_KERNEL | ONE_RUN | ROOT },
	{ "kernel-removed", IN_MODULE(kernel_removed), "KVER", "remove what is left of a kernel",
	  ANY_KERNEL | ONE_RUN | ROOT },
	{ "complete", IN_MODULE(complete), "KIND,... [WORD]", "print words for a shell to complete",
	  ANY_KERNEL | ONE_RUN },
	{ "autoremove", IN_MODULE(autoremove), "", "remove packages that nothing needs", ONE_RUN },
};

const struct verb *cmd_verbs(size_t *ret_n)
{
	*ret_n = MF_ARRAY_SIZE(verbs);
	return verbs;
}

const struct verb *cmd_verb_find(const char *name)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(verbs); i++)
		if (!strcmp(name, verbs[i].name))
			return &verbs[i];
	return NULL;
}
