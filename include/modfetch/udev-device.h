/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_UDEV_DEVICE_H
#define MODFETCH_UDEV_DEVICE_H
/*
 * The modules that udev's rules load by name for one device: the rules are evaluated against its
 * directory in sysfs as udev does when the device is added. Libc only.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"

/*
 * The lines of udev's rules that load modules by name, RUN{builtin}+="kmod load NAME…", from the
 * rules files below the context's root. Lines without a name ("kmod load": the device's modalias)
 * are left out. Libc only: the event helper uses them too.
 *
 * A rule is a list of conditions; mf_udev_device_modules() evaluates them for one device.
 */

enum mf_udev_key {
	MF_UDEV_ACTION,
	MF_UDEV_DEVPATH,
	MF_UDEV_KERNEL,
	MF_UDEV_SUBSYSTEM,
	MF_UDEV_DRIVER,
	MF_UDEV_ENV,
	MF_UDEV_ATTR,
	MF_UDEV_TEST,
	/* this device or one of its parents must match all of these conditions of a line */
	MF_UDEV_KERNELS,
	MF_UDEV_SUBSYSTEMS,
	MF_UDEV_DRIVERS,
	MF_UDEV_ATTRS,
	MF_UDEV_OTHER, /* only udev can evaluate it: PROGRAM, IMPORT, RESULT, TAG, … */
};

/* KEY{attribute}=="value"; the rules own the strings. */
struct mf_udev_condition {
	enum mf_udev_key key;
	bool negated;	       /* != */
	bool ignore_case;      /* i"value" */
	const char *attribute; /* the text in braces, or NULL */
	const char *value;
};

/* A line that loads modules, or a GOTO that may skip such lines. */
struct mf_udev_line {
	const char *file; /* "80-drivers.rules" */
	unsigned int number;
	const struct mf_udev_condition *conditions;
	size_t n_conditions;
	struct mf_strings modules;
	size_t go_to; /* index of the line after the GOTO's label; 0: the line has no GOTO */
};

struct mf_udev_rules;

/*
 * Reads the rules files with udev's precedence: of several files with one name the one in
 * /etc/udev/rules.d is used, then /run, /usr/local/lib, /usr/lib, /lib; files are sorted by name. A
 * file that another user than root can write is ignored with a warning. A line that is no rule, or
 * whose conditions only udev can evaluate, is ignored with a debug message. A directory or file
 * that cannot be read counts as missing. The caller frees the rules. 0 or -ENOMEM.
 */
int mf_udev_rules_read(const struct mf_context *ctx, struct mf_udev_rules **ret_rules);
void mf_udev_rules_free(struct mf_udev_rules *rules);

/* The lines in their order, borrowed; NULL and 0 if no rule loads a module by name. */
const struct mf_udev_line *mf_udev_rules_lines(const struct mf_udev_rules *rules, size_t *ret_n);

/* Adds the lines of the TEXT (LEN bytes) of the rules file FILE. 0 or -ENOMEM. */
int mf_udev_rules_parse(const struct mf_context *ctx, struct mf_udev_rules *rules, const char *file,
			const char *text, size_t len);
/* Empty rules, for mf_udev_rules_parse(). NULL: no memory. */
struct mf_udev_rules *mf_udev_rules_new(void);

struct mf_udev_device {
	const struct mf_context *tree; /* SYSFS and DATABASE are paths below its root */
	const char *sysfs;	       /* "sys", or "." for a recorded tree */
	const char *database;	       /* "run/udev/data", or NULL: none */
	const char *devpath;	       /* below SYSFS, with a leading slash: "/devices/…" */
	/* udev's properties, KEY=VALUE strings and a NULL; NULL: read uevent file and database */
	char *const *properties;
};

/*
 * Adds the names of the modules that RULES load for the device to RET_NAMES, each once. Missing
 * properties and attributes are handled as by udev; a GOTO whose conditions only udev can evaluate
 * counts as taken, so that in doubt nothing is loaded. 0 or -ENOMEM.
 */
int mf_udev_device_modules(const struct mf_udev_device *device, const struct mf_udev_rules *rules,
			   struct mf_strings *ret_names);

#endif
