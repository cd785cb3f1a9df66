/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_WANT_H
#define MODFETCH_WANT_H
/*
 * The value that passes through all stages: a request for drivers, the modules that match it, and
 * the result. mf_want_init() makes it from a query, match fills it, resolve and load read it.
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
	MF_WANT_SYMBOL, /* "symbol:NAME": the module that exports it */
	MF_WANT_BAD,	/* out of bounds (modfetch/module-name.h); never looked up */
};

/* The stable names used by --json. */
enum mf_state { MF_PRESENT, MF_BUILTIN_STATE, MF_AVAILABLE, MF_DENIED, MF_UNKNOWN, MF_INVALID };
const char *mf_state_name(enum mf_state state);

/* One module that matches. */
struct mf_match {
	char *module;  /* as kmod spells it */
	char *pattern; /* the alias that matched; NULL: its own name, or found on disk */
	bool on_disk, builtin;
	bool by_index;		    /* the index of the kernel leads to it, not only a repository */
	bool broken;		    /* its package is installed but lacks files */
	bool crashed;		    /* an earlier boot crashed while it loaded */
	char *refused;		    /* why it must not be fetched or loaded, or NULL */
	struct mf_strings packages; /* that contain it, best repository first */
};

void mf_match_done(struct mf_match *match);

struct mf_want {
	enum mf_want_kind kind;
	char *query; /* as given; sanitized if out of bounds */
	char *given; /* what a person typed in its place (modfetch/typed.h), or NULL */
	char *name;  /* as the indexes spell it */
	/*
	 * Of the ids of a device without the rest of its modalias: so many bytes of the name are known,
	 * and every alias that begins with them matches; 0: all are known
	 */
	size_t known;
	char *syspath; /* the device it is for, below /sys, or NULL */
	/* what the policy needs to know of a device; only mf_device_describe() fills it in */
	bool device;			/* a device needs it: blacklists apply, as in udev */
	enum mf_removable removable;	/* can it be unplugged? */
	char *modalias;			/* of the device, if the want is for another name */
	struct mf_strings devices;	/* some syspaths, if it is for several devices */
	uint64_t uevent_us, decided_us; /* CLOCK_MONOTONIC, of the event; 0: not from an event */
	enum mf_state state;
	struct mf_match *matches;
	size_t n_matches;
	char *reason; /* one clause, for the user */
	int code;     /* more exact than the state: -MFE_MISPLACED or -MFE_SCRIPTLET; or 0 */
	/* filled by the load stage */
	struct mf_strings loaded;
	char *driver;	/* the device's driver, once bound */
	int load_error; /* 0, the kernel's -errno, or -MFE_CRASHED */
};

/*
 * Makes a want from a query: a module name, an alias, a modalias or "symbol:NAME"; or the ids of a
 * PCI or USB device, "pci:v00008086d000010D3*" or "usb:v0BDAp8153*", for all aliases that begin so.
 * SYSPATH may be NULL. 0, -MFE_BAD_MODALIAS (recorded) or -ENOMEM.
 */
int mf_want_init(struct mf_context *ctx, const char *query, const char *syspath,
		 struct mf_want *ret_want);
/*
 * The same for one query of many: a query out of bounds becomes a want of kind MF_WANT_BAD, so that
 * it keeps its place in the output, with the reason. Its query is truncated and sanitized. 0 or
 * -ENOMEM.
 */
int mf_want_init_any(struct mf_context *ctx, const char *query, const char *syspath,
		     struct mf_want *ret_want);
/*
 * Makes a want from a device: its modalias (mf_device_modalias()) below the context's root, passed
 * to mf_want_init_any(). 0, -MFE_NOT_FOUND (it has no modalias), -MFE_USAGE or -errno, recorded.
 */
int mf_want_init_device(struct mf_context *ctx, const char *syspath, struct mf_want *ret_want);
/*
 * The spool entry of a want: its query, its times (decided_us is now if it was not set) and its
 * devices, as the kernel names them in uevents ("/devices/…"); paths outside of /sys/devices are
 * left out. The entry is the caller's. 0 or -ENOMEM.
 */
int mf_want_entry(const struct mf_want *want, struct mf_spool_entry *ret_entry);
void mf_want_done(struct mf_want *want);
/* Removes all matches, so that the want can be matched again. */
void mf_want_clear_matches(struct mf_want *want);

/* Adds a module unless the want has it. The match, or NULL: no memory. */
struct mf_match *mf_want_add(struct mf_want *want, const char *module, const char *pattern);
/* The module of this want that crashed the machine, or NULL. */
const char *mf_want_crashed(const struct mf_want *want);
/* Replaces the reason; without memory the reason is NULL. */
void mf_want_reason(struct mf_want *want, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/*
 * The error code of a want that cannot be satisfied: -MFE_NOT_FOUND, -MFE_MISPLACED, -MFE_DENIED, -MFE_SCRIPTLET,
 * -MFE_CRASHED or -MFE_BAD_MODALIAS; 0 for others.
 */
int mf_want_code(const struct mf_want *want);
/* Is the module missing and allowed, so that the resolve stage has to plan for it? */
bool mf_match_wanted(const struct mf_match *match);
/* Did anything but its own name match the module? Then blacklists apply, as in modprobe. */
bool mf_match_by_alias(const struct mf_want *want, const struct mf_match *match);

/* A growing list of wants; fast with tens of thousands of them. */
struct mf_wants {
	struct mf_want *v;
	size_t n;
	uint32_t *slots; /* a hash table of indexes into v, plus 1 */
	size_t n_slots;	 /* a power of two, or 0 */
};
/*
 * Takes ownership of WANT. If the list has a want of the same query, device and properties of the
 * device, that one gets the devices of WANT, and WANT is freed. 0; or -ENOMEM, and WANT is still
 * the caller's.
 */
int mf_wants_add(struct mf_wants *wants, struct mf_want *want);
/* Is any want in the state MF_AVAILABLE? */
bool mf_wants_any_available(const struct mf_wants *wants);
/* Did the run load a module of any want? */
bool mf_wants_any_loaded(const struct mf_wants *wants);
/* Is a package of any want broken, so that it has to be installed again? */
bool mf_wants_any_broken(const struct mf_wants *wants);
/* Is the package of any want installed, but its module not in the indexes (-MFE_MISPLACED)? */
bool mf_wants_any_misplaced(const struct mf_wants *wants);
void mf_wants_done(struct mf_wants *wants);

/*
 * The devices of a machine, of a recorded sysfs tree, or of a list: each modalias becomes a want,
 * and so does each module that a udev rule loads by name for a device (not for a list).
 */

/*
 * Reads SOURCE: a directory that is searched for devices (links are not followed), or a list, a
 * file with one modalias per line; empty lines and lines that begin with '#' are skipped. NULL
 * means sys/devices below the context's root, which may be missing. With EACH_DEVICE each device
 * becomes a want of its own, with its syspath; without, devices of one modalias that the policy
 * cannot distinguish share a want. A modalias out of bounds becomes a want of kind MF_WANT_BAD,
 * always with its syspath. 0 or -errno, recorded.
 */
int mf_devices_read(struct mf_context *ctx, const char *source, bool each_device,
		    struct mf_wants *wants);

/*
 * The modalias of the device whose sysfs directory DIRFD is: the first line of "modalias", or the
 * text after "MODALIAS=" in "uevent". Not validated. 0 (RET_MODALIAS is new memory); 1: neither
 * file has one; -EFBIG or -errno.
 */
int mf_device_modalias(int dirfd, char **ret_modalias);

/*
 * Fills in what the policy needs to know of the device of a want: that it is a device, whether it
 * can be unplugged (from the nearest "removable" attribute at or above it, which USB devices and PCI
 * devices of an external port have), and its modalias, if the want is for another name. PATH is the directory
 * of the device below the root of TREE; of a device that is gone nothing is filled in. All code
 * that makes a want from a device calls this. 0 or -ENOMEM.
 */
int mf_device_describe(const struct mf_context *tree, const char *path, struct mf_want *want);

/* The name of the driver that a device is bound to: new memory, or NULL. */
char *mf_device_driver(const struct mf_context *ctx, const char *syspath);

/*
 * The modules that user space of this machine requests by name at boot, as wants.
 */

/*
 * Adds a want for each row of modfetch/boot-requests.h whose files exist below the root, and for
 * each line of modules-load.d(5). Blacklists apply to them, as in systemd and in modprobe@.service.
 * A line that is not a valid name is skipped with a debug message. 0, or -ENOMEM, recorded.
 */
int mf_boot_wants(struct mf_context *ctx, struct mf_wants *wants);

#endif
