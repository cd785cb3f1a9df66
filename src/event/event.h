/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_EVENT_H
#define MODFETCH_EVENT_H
/*
 * Stage event: decides whether a uevent needs a driver that is missing. Runs inside udev's event
 * queue, as root, for every device that is added or removed: libc only, no network, no child
 * process, and no wait for a lock of more than 50 ms. It never fetches; it adds an entry to the
 * spool (spool.h), and the service does the rest.
 *
 * Files that it reads below the root:
 *   etc/initrd-release, proc/cmdline (modfetch=off), proc/sys/kernel/modules_disabled,
 *   etc/modfetch/policy.d/off                      any of them disables events
 *   lib/modules/KVER/modules.{dep,builtin}.bin      is the module installed?
 *   {etc,run,usr/lib,…}/udev/rules.d                modules that udev's rules load by name
 *   var/cache/modfetch/REPO/current/name-TAG.bin    does a repository provide such a module?
 *   var/cache/modfetch/REPO/current/alias-TAG.bin   does a repository provide a driver?
 * TAG is FLAVOR-ABI as in package names (amd64-6.1.0_56), FLAVOR or "any": see cache.h.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/module-name.h"

/* One uevent; the strings point into the environment, may be NULL, and are not checked yet. */
struct mf_event {
	const char *action;
	const char *modalias;
	const char *devpath;
	const char *subsystem;
	uint64_t seqnum;
	uint64_t uevent_us;	 /* CLOCK_MONOTONIC when udev first saw the device; 0: unknown */
	char *const *properties; /* all KEY=VALUE strings of the event, or NULL */
};

enum mf_event_verdict {
	MF_EVENT_NOT_OURS = 1, /* no modalias, or neither added nor removed */
	MF_EVENT_OFF,	  /* initrd, modfetch=off, policy, or the kernel loads no more modules */
	MF_EVENT_REFUSED, /* modalias or path out of bounds: dropped with one line in the log */
	MF_EVENT_REMOVED, /* the device was removed: remove it from its entry in the spool */
	MF_EVENT_PRESENT, /* all modules that the repositories have for it are installed */
	MF_EVENT_UNKNOWN, /* no repository has a driver for it */
	MF_EVENT_MISSING, /* a repository has a module that is not installed; or unknown yet */
};

/* Reads the known keys of KEY=VALUE strings; the first of each key is used. Pure, cannot fail. */
void mf_event_parse(char *const *env, struct mf_event *ret_event);

/* Decides without any change. 0 and the verdict, or -ENOMEM. */
int mf_event_judge(struct mf_context *ctx, const struct mf_event *event,
		   enum mf_event_verdict *ret_verdict);

/*
 * Judges an event and acts on the verdict: MISSING adds an entry to the spool, REMOVED removes the
 * device from its entry. Each missing module that udev's rules load by name for an added device,
 * with a modalias or without, gets an entry too: the verdict is then MISSING. 0 and the verdict, or
 * -errno, recorded.
 */
int mf_event(struct mf_context *ctx, const struct mf_event *event,
	     enum mf_event_verdict *ret_verdict);

/*
 * Adds an entry for a module that udev loads by name, without a device, for a caller that does not
 * know the device. 0, also if events are disabled; -MFE_BAD_MODALIAS or -errno, recorded.
 */
int mf_event_request(struct mf_context *ctx, const char *name);

/* "missing", "unknown", … for logs and tests. Static. */
const char *mf_event_verdict_name(enum mf_event_verdict verdict);

#endif
