/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_WANT_H
#define MODFETCH_WANT_H
/*
 * The value that travels the road: what somebody wants, what matches it, and what became of it.
 * Made from a query by mf_want_init(), filled by match, read by resolve and load.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "modfetch/context.h"
#include "modfetch/rules.h"
#include "modfetch/spool.h"
#include "modfetch/strings.h"

enum mf_want_kind {
	MF_WANT_ALIAS,	/* a modalias: it has a ':' */
	MF_WANT_NAME,	/* a module, or an alias without a bus: "fs-xfs" */
	MF_WANT_SYMBOL, /* "symbol:NAME": whoever exports it */
	MF_WANT_BAD,	/* out of bounds (modfetch/module-name.h): it is looked up nowhere */
};

/* The stable words of --json. */
enum mf_state { MF_PRESENT, MF_BUILTIN_STATE, MF_AVAILABLE, MF_DENIED, MF_UNKNOWN, MF_INVALID };
const char *mf_state_name(enum mf_state state);

/* One module that matches. */
struct mf_match {
	char *module;  /* as kmod spells it */
	char *pattern; /* the alias it matched by; NULL: its own name, or known from the disk */
	bool on_disk, builtin;
	bool broken;		    /* its package is installed, but lacks files */
	bool crashed;		    /* it brought the machine down */
	char *refused;		    /* why it must not be fetched or loaded, or NULL */
	struct mf_strings packages; /* that carry it, best repository first */
};

void mf_match_done(struct mf_match *match);

struct mf_want {
	enum mf_want_kind kind;
	char *query;   /* as it was given; of a bad one, what can be printed */
	char *name;    /* as the indexes spell it */
	char *syspath; /* the device below /sys it is for, or NULL */
	/* what policy judges a device by; mf_device_describe() is the one way to fill it in */
	bool device;		     /* a device asks: blacklists count, as they do for udev */
	enum mf_removable removable; /* can it be unplugged? */
	char *modalias; /* where it asks by another name: its own, as the indexes spell it */
	struct mf_strings
		devices; /* of a want for many (syspath is NULL): some of their syspaths */
	uint64_t uevent_us, decided_us; /* CLOCK_MONOTONIC, of the event that asked; 0: none did */
	enum mf_state state;
	struct mf_match *matches;
	size_t n_matches;
	char *reason; /* one clause, for people */
	/* what the load stage found */
	struct mf_strings loaded;
	char *driver;	/* the device's driver, once bound */
	int load_error; /* 0, the kernel's -errno, or -MFE_CRASHED */
};

/*
 * From a query: a module name, an alias, a modalias or "symbol:NAME". SYSPATH may be NULL. 0,
 * -MFE_BAD_MODALIAS (recorded) or -ENOMEM.
 */
int mf_want_init(struct mf_context *ctx, const char *query, const char *syspath,
		 struct mf_want *ret_want);
/*
 * The same of one among many: a query out of bounds becomes a want of kind MF_WANT_BAD, which keeps
 * its place in the answer and says why. Its query is cut and sanitized. 0 or -ENOMEM.
 */
int mf_want_init_any(struct mf_context *ctx, const char *query, const char *syspath,
		     struct mf_want *ret_want);
/*
 * From a device: its modalias (mf_device_modalias()) below the context's root, as
 * mf_want_init_any() takes it. 0, -MFE_NOT_FOUND (it has none), -MFE_USAGE or -errno, recorded.
 */
int mf_want_init_device(struct mf_context *ctx, const char *syspath, struct mf_want *ret_want);
/*
 * The spool entry of a want: its query, its moments (decided now, where it was not yet) and its
 * devices, as the kernel names them in uevents ("/devices/…"); paths elsewhere than in /sys/devices
 * are left out. The entry is the caller's. 0 or -ENOMEM.
 */
int mf_want_entry(const struct mf_want *want, struct mf_spool_entry *ret_entry);
void mf_want_done(struct mf_want *want);
/* Drops its matches, so that it can be matched again. */
void mf_want_forget(struct mf_want *want);

/* Adds a module unless it is there already. The match, or NULL: no memory. */
struct mf_match *mf_want_add(struct mf_want *want, const char *module, const char *pattern);
/* The module of it that brought the machine down, or NULL. */
const char *mf_want_crashed(const struct mf_want *want);
/* Replaces the reason; no memory leaves none. */
void mf_want_reason(struct mf_want *want, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Of a want that nothing can be done for, the code: -MFE_NOT_FOUND, -MFE_DENIED, -MFE_CRASHED or
 * -MFE_BAD_MODALIAS; else 0. */
int mf_want_code(const struct mf_want *want);
/* Is it missing and allowed: the resolve stage's work? */
bool mf_match_wanted(const struct mf_match *match);
/* Was the module found by anything but its own name? Then blacklists apply, as in modprobe. */
bool mf_match_by_alias(const struct mf_want *want, const struct mf_match *match);

/* A list of wants that grows; tens of thousands are fine. */
struct mf_wants {
	struct mf_want *v;
	size_t n;
	uint32_t *slots; /* a hash table of places in v, plus 1 */
	size_t n_slots;	 /* a power of two, or 0 */
};
/*
 * Takes WANT over, unless one of the same query, device and properties of the device is there: that
 * one then gets its devices, and it is dropped. 0 or -ENOMEM.
 */
int mf_wants_add(struct mf_wants *wants, struct mf_want *want);
void mf_wants_done(struct mf_wants *wants);

/*
 * The devices of a machine, of a recorded sysfs tree, or of a list: each modalias becomes a want,
 * and so does each module that a rule of udev's loads by name for a device (not for a list's).
 */

/*
 * Reads SOURCE: a directory that is walked for devices (links are not followed), or a list, a file
 * with a modalias a line; empty lines and those that begin with '#' are passed over. NULL:
 * sys/devices below the context's root, where there is one. With EACH_DEVICE every device is a want
 * of its own, with its syspath; without, devices of one modalias that policy cannot tell apart are
 * one. What is out of bounds is a want of kind MF_WANT_BAD, always with its syspath. 0 or -errno,
 * recorded.
 */
int mf_devices_read(struct mf_context *ctx, const char *source, bool each_device,
		    struct mf_wants *wants);

/*
 * What the device of a directory of sysfs calls itself: the first line of its "modalias", or what
 * its "uevent" has after "MODALIAS=". Unchecked. 0 (new memory); 1: neither says so; -EFBIG or
 * -errno.
 */
int mf_device_modalias(int dirfd, char **ret_modalias);

/*
 * Fills in what policy has to know of the device that a want is for: that it is one, whether it can
 * be unplugged (the nearest "removable" attribute at it or above it says so, for USB and for PCI
 * behind an external port), and its modalias, where the want is for another name. PATH is its
 * directory below the root of TREE; of one that is gone nothing is known. Every way that leads from
 * a device to a want comes by here. 0 or -ENOMEM.
 */
int mf_device_describe(const struct mf_context *tree, const char *path, struct mf_want *want);

/* The name of the driver a device is bound to: new memory, or NULL. */
char *mf_device_driver(const struct mf_context *ctx, const char *syspath);

/*
 * What this machine's user space asks for by name when it boots, as wants.
 */

/*
 * Adds a want for each row of modfetch/boot-requests.h whose files exist below the root, and for
 * each line of modules-load.d(5). Blacklists count for them, as they do for systemd and for
 * modprobe@.service. What is no name is passed over with a debug line. 0, or -ENOMEM, recorded.
 */
int mf_boot_wants(struct mf_context *ctx, struct mf_wants *wants);

#endif
