/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef MODFETCH_UDEV_DEVICE_H
#define MODFETCH_UDEV_DEVICE_H
/*
 * What udev's rules load by name for one device, judged from its directory in sysfs as udev judges
 * it when the device is added. Libc only.
 */
#include <stdbool.h>
#include <stddef.h>
#include "modfetch/context.h"
#include "modfetch/strings.h"

/*
 * The modules that udev's rules load by name: lines with RUN{builtin}+="kmod load NAME…", of the
 * rules files below the context's root. Lines without a name ("kmod load": the device's modalias)
 * are not among them. Libc only: the event helper asks too.
 *
 * A rule is a list of conditions. udev-device.h judges them for one device.
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
	/* one of the devices from this one upwards must fulfil all of these that a line has */
	MF_UDEV_KERNELS,
	MF_UDEV_SUBSYSTEMS,
	MF_UDEV_DRIVERS,
	MF_UDEV_ATTRS,
	MF_UDEV_OTHER, /* needs udev itself: PROGRAM, IMPORT, RESULT, TAG, … */
};

/* KEY{attribute}=="value"; the strings belong to the rules. */
struct mf_udev_condition {
	enum mf_udev_key key;
	bool negated;	       /* != */
	bool ignore_case;      /* i"value" */
	const char *attribute; /* what stands in braces, or NULL */
	const char *value;
};

/* A line that loads modules, or that jumps over some that do. */
struct mf_udev_line {
	const char *file; /* "80-drivers.rules" */
	unsigned int number;
	const struct mf_udev_condition *conditions;
	size_t n_conditions;
	struct mf_strings modules;
	size_t go_to; /* the place of the next line after a GOTO; 0: it has none */
};

struct mf_udev_rules;

/*
 * Reads the rules files of the machine with udev's precedence: of files of one name that in
 * /etc/udev/rules.d counts, then /run, /usr/local/lib, /usr/lib, /lib; the order is that of the
 * names. A file that others than root could write is ignored with a warning, and a line that is
 * not a rule, or that loads under a condition only udev can judge, with a debug line. 0 or -ENOMEM;
 * a directory or file that cannot be read is as one that is not there.
 */
int mf_udev_rules_read(const struct mf_context *ctx, struct mf_udev_rules **ret_rules);
void mf_udev_rules_free(struct mf_udev_rules *rules);

/* The lines in their order; NULL and 0 where no rule loads a module by name. */
const struct mf_udev_line *mf_udev_rules_lines(const struct mf_udev_rules *rules, size_t *ret_n);

/* Adds the lines of one file's TEXT (LEN bytes), as udev would read it. 0 or -ENOMEM. */
int mf_udev_rules_parse(const struct mf_context *ctx, struct mf_udev_rules *rules, const char *file,
			const char *text, size_t len);
/* Rules without a line, for mf_udev_rules_parse(). NULL: no memory. */
struct mf_udev_rules *mf_udev_rules_new(void);

struct mf_udev_device {
	const struct mf_context *tree; /* SYSFS and DATABASE are paths below its root */
	const char *sysfs;	       /* "sys", or "." for a recorded tree */
	const char *database;	       /* "run/udev/data", or NULL: there is none */
	const char *devpath;	       /* below SYSFS, with a slash in front: "/devices/…" */
	/* KEY=VALUE strings and a NULL: udev's own properties. NULL: the uevent file and the
	 * database say them. */
	char *const *properties;
};

/*
 * Adds the names of the modules that RULES load for the device to RET_NAMES, each once. A property
 * or attribute that the device has not is treated as udev treats it; a GOTO that cannot be judged
 * here counts as taken, so that in doubt nothing is loaded. 0 or -ENOMEM.
 */
int mf_udev_device_modules(const struct mf_udev_device *device, const struct mf_udev_rules *rules,
			   struct mf_strings *ret_names);

#endif
