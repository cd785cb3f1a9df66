/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_EVENT_H
#define MODFETCH_EVENT_H
/*
 * Stage event: what udev's word about one device is worth. Runs inside udev's event queue, as root,
 * for every device that comes or goes: libc only, no network, no child, no lock that is waited for
 * longer than 50 ms. A decision here never fetches; it leaves an entry in the spool (spool.h), and
 * the service does the rest.
 *
 * Files below the root it asks:
 *   etc/initrd-release, proc/cmdline (modfetch=off), proc/sys/kernel/modules_disabled,
 *   etc/modfetch/policy.d/off                      any of them switches events off
 *   lib/modules/KVER/modules.{dep,builtin}.bin      is the module here?
 *   {etc,run,usr/lib,…}/udev/rules.d                what do udev's rules load by name for it?
 *   var/cache/modfetch/REPO/current/name-TAG.bin    does a repository carry that?
 *   var/cache/modfetch/REPO/current/alias-TAG.bin   does a repository carry it? TAG is FLAVOR-ABI
 * as in package names (amd64-6.1.0_56), FLAVOR or "any": see cache.h
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/module-name.h"

/* One uevent; the strings point into the environment and may be NULL, never trusted before judge.
 */
struct mf_event {
	const char *action;
	const char *modalias;
	const char *devpath;
	const char *subsystem;
	uint64_t seqnum;
	uint64_t uevent_us;	 /* when udev first saw the device, CLOCK_MONOTONIC; 0: not told */
	char *const *properties; /* all KEY=VALUE strings of the event, or NULL */
};

enum mf_event_verdict {
	MF_EVENT_NOT_OURS = 1, /* no modalias, or neither added nor removed */
	MF_EVENT_OFF,	  /* initrd, modfetch=off, policy, or no module can be loaded any more */
	MF_EVENT_REFUSED, /* out of bounds: dropped, one line in the log */
	MF_EVENT_REMOVED, /* the device went: whatever waits for it is taken back */
	MF_EVENT_PRESENT, /* every module the repositories know for it is here */
	MF_EVENT_UNKNOWN, /* no repository knows it */
	MF_EVENT_MISSING, /* a module is to be had that is not here, or nobody can tell yet */
};

/* Picks the known keys out of KEY=VALUE strings; the first of each counts. Pure, cannot fail. */
void mf_event_parse(char *const *env, struct mf_event *ret_event);

/* Decides, changes nothing. 0 and the verdict, or -ENOMEM. */
int mf_event_judge(struct mf_context *ctx, const struct mf_event *event,
		   enum mf_event_verdict *ret_verdict);

/*
 * Judges and acts on it: MISSING puts an entry into the spool, REMOVED takes the device out of its
 * entry. What udev's rules load by name for an added device, with a modalias or without, gets an
 * entry of its own if it is missing: the verdict is then MISSING. 0 and the verdict, or -errno,
 * recorded.
 */
int mf_event(struct mf_context *ctx, const struct mf_event *event,
	     enum mf_event_verdict *ret_verdict);

/*
 * Puts an entry for a module that udev loads by name, whatever its device: for who knows no more.
 * 0, also where events are off, or -errno, recorded.
 */
int mf_event_request(struct mf_context *ctx, const char *name);

/* "missing", "unknown", … for logs and tests. Static. */
const char *mf_event_verdict_name(enum mf_event_verdict verdict);

#endif
