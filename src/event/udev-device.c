/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Evaluates the lines of udev's rules that load modules by name for one device.
 *
 * Decides whether a line applies, as udev does for an added device: a missing property or link is
 * the empty string, a missing attribute matches neither == nor !=, trailing blanks of an attribute
 * only matter if the pattern has one, and all conditions on KERNELS, SUBSYSTEMS, DRIVERS and ATTRS
 * must match the same device, this one or one of its parents. Conditions are evaluated in the order
 * of the line, so that most lines cost one readlink.
 *
 * Properties set by other rules are in udev's database, after udev has handled the device, and in
 * the environment of the event helper. Links inside the tree are followed below its root only; an
 * attribute is a regular file of at most a page.
 */
#include "modfetch/udev-device.h"
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"

enum { PAGE = 4096, DATABASE_MAX = 1 << 20 };

enum verdict { NO, YES, UNKNOWN };

struct judge {
	const struct mf_udev_device *device;
	bool properties_read; /* the two below were read */
	char *uevent;	      /* KEY=VALUE lines, or NULL */
	char *database;	      /* lines "E:KEY=VALUE" and others, or NULL */
	char value[PAGE + 1]; /* the result of the functions that read or find a value */
};

static void judge_done(struct judge *judge)
{
	free(judge->uevent);
	free(judge->database);
}

/* ---- files of a device ---- */

/* Opens DEVPATH/NAME below sysfs; NAME may be "". A descriptor or -errno. */
static int open_below(const struct mf_udev_device *device, const char *devpath, const char *name,
		      int flags)
{
	char path[2 * PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s%s%s%s", device->sysfs, devpath, *name ? "/" : "",
			   name);

	if (len < 0 || (size_t)len >= sizeof(path))
		return -ENAMETOOLONG;
	return mf_context_open(device->tree, path, flags);
}

static bool is_device(const struct judge *judge, const char *devpath)
{
	_cleanup_close_ int fd = open_below(judge->device, devpath, "uevent", O_PATH | O_NOFOLLOW);

	return fd >= 0;
}

/* Reads the last component of a link's target into VALUE. False: it is no link. */
static bool read_link(struct judge *judge, const char *devpath, const char *name)
{
	_cleanup_close_ int fd = open_below(judge->device, devpath, name, O_PATH | O_NOFOLLOW);
	ssize_t len = fd < 0 ? -1 : readlinkat(fd, "", judge->value, PAGE);
	const char *slash;

	if (len <= 0)
		return false;
	judge->value[len] = '\0';
	slash = strrchr(judge->value, '/');
	if (slash)
		memmove(judge->value, slash + 1, strlen(slash));
	return true;
}

/* Reads an attribute into VALUE, or one of the links that udev treats as attributes. */
static bool udev_device_read_attribute(struct judge *judge, const char *devpath, const char *name)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	ssize_t len;

	if (!strcmp(name, "driver") || !strcmp(name, "subsystem") || !strcmp(name, "module"))
		return read_link(judge, devpath, name);
	fd = open_below(judge->device, devpath, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	len = read(fd, judge->value, PAGE);
	if (len < 0 || memchr(judge->value, '\0', (size_t)len))
		return false;
	while (len > 0 && strchr("\r\n", judge->value[len - 1]))
		len--;
	judge->value[len] = '\0';
	return true;
}

static bool read_subsystem(struct judge *judge, const char *devpath)
{
	if (read_link(judge, devpath, "subsystem"))
		return true;
	/* modules have no such link; udev recognizes them by their path */
	if (strncmp(devpath, "/module/", 8) != 0)
		return false;
	strcpy(judge->value, "module");
	return true;
}

/* The device's name as udev spells it: a '/' in the kernel's name is a '!' in sysfs. */
static void copy_kernel_name(const char *devpath, char ret_name[NAME_MAX + 1])
{
	snprintf(ret_name, NAME_MAX + 1, "%s", strrchr(devpath, '/') + 1);
	for (char *p = ret_name; (p = strchr(p, '!')); *p = '/')
		;
}

/* ---- properties ---- */

static char *udev_device_read_text(const struct mf_context *ctx, const char *path, size_t cap)
{
	_cleanup_close_ int fd = mf_context_open(ctx, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	char *text;
	size_t len;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    mf_file_read(fd, cap, &text, &len) < 0)
		return NULL;
	return text;
}

/* Copies the rest of the line that begins with PREFIX, KEY and '=' into VALUE. */
static bool find_line(struct judge *judge, const char *text, const char *prefix, const char *key)
{
	size_t prefix_len = strlen(prefix), key_len = strlen(key);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		const char *at;

		line += *line == '\n';
		at = line + prefix_len + key_len;
		if (strncmp(line, prefix, prefix_len) != 0 ||
		    strncmp(line + prefix_len, key, key_len) != 0 || *at++ != '=')
			continue;
		snprintf(judge->value, sizeof(judge->value), "%.*s", (int)strcspn(at, "\n"), at);
		return true;
	}
	return false;
}

/* The name of the device's file in udev's database. False: the device has none. */
static bool database_name(struct judge *judge, char *ret_name, size_t size)
{
	const char *devpath = judge->device->devpath;
	char major[16];
	bool is_block;

	if (find_line(judge, judge->uevent, "", "MAJOR")) {
		snprintf(major, sizeof(major), "%.15s", judge->value);
		is_block = read_subsystem(judge, devpath) && !strcmp(judge->value, "block");
		return find_line(judge, judge->uevent, "", "MINOR") &&
		       snprintf(ret_name, size, "%c%s:%.15s", is_block ? 'b' : 'c', major,
				judge->value) > 0;
	}
	if (find_line(judge, judge->uevent, "", "IFINDEX"))
		return snprintf(ret_name, size, "n%.15s", judge->value) > 0;
	if (!read_subsystem(judge, devpath))
		return false;
	return snprintf(ret_name, size, "+%.255s:%.255s", judge->value, strrchr(devpath, '/') + 1) >
	       0;
}

static void read_properties(struct judge *judge)
{
	const struct mf_udev_device *device = judge->device;
	char path[2 * PATH_MAX], name[2 * NAME_MAX];

	judge->properties_read = true;
	snprintf(path, sizeof(path), "%s%s/uevent", device->sysfs, device->devpath);
	judge->uevent = udev_device_read_text(device->tree, path, PAGE);
	if (!device->database || !database_name(judge, name, sizeof(name)))
		return;
	snprintf(path, sizeof(path), "%s/%s", device->database, name);
	judge->database = udev_device_read_text(device->tree, path, DATABASE_MAX);
}

/* Copies a property into VALUE. False: the device does not have it. */
static bool find_property(struct judge *judge, const char *key)
{
	const struct mf_udev_device *device = judge->device;
	size_t len = strlen(key);

	for (char *const *p = device->properties; p && *p; p++)
		if (!strncmp(*p, key, len) && (*p)[len] == '=') {
			snprintf(judge->value, sizeof(judge->value), "%s", *p + len + 1);
			return true;
		}
	if (device->properties)
		return false;
	if (!strcmp(key, "SUBSYSTEM"))
		return read_subsystem(judge, device->devpath);
	if (!strcmp(key, "DEVPATH") || !strcmp(key, "ACTION")) {
		snprintf(judge->value, sizeof(judge->value), "%s",
			 *key == 'D' ? device->devpath : "add");
		return true;
	}
	if (!judge->properties_read)
		read_properties(judge);
	return find_line(judge, judge->database, "E:", key) ||
	       find_line(judge, judge->uevent, "", key);
}

/* ---- conditions ---- */

/* Patterns are separated by '|'; an empty one matches the empty string. */
static bool udev_device_matches(const struct mf_udev_condition *c, const char *text)
{
	bool is_glob = strpbrk(c->value, "*?[") != NULL;
	const char *pattern = c->value;

	for (;;) {
		size_t len = strcspn(pattern, "|");
		_cleanup_free_ char *one = strndup(pattern, len);
		int flags = c->ignore_case ? FNM_CASEFOLD : 0;

		if (one && (is_glob || c->ignore_case) && len
			    ? !fnmatch(one, text, flags | (is_glob ? 0 : FNM_NOESCAPE))
			    : one && !strcmp(one, text))
			return true;
		pattern += len;
		if (!*pattern++)
			return false;
	}
}

static enum verdict match_text(const struct mf_udev_condition *c, const char *text)
{
	return udev_device_matches(c, text) != c->negated ? YES : NO;
}

/* Matches VALUE, or the empty string if it was not FOUND. */
static enum verdict match_value(struct judge *judge, const struct mf_udev_condition *c, bool found)
{
	return match_text(c, found ? judge->value : "");
}

/*
 * Resolves "[module/sg]parameters/x", the path of a file below another device. False: there is no
 * such device.
 */
static bool find_other(const struct judge *judge, const char *name, char *ret_path, size_t size)
{
	static const char *const places[][2] = { { "/bus/", "/devices/" }, { "/class/", "/" } };
	char subsystem[64], kernel[NAME_MAX + 1], path[PATH_MAX];
	int end = 0;

	if (sscanf(name, "[%63[^]/]/%255[^]/]]%n", subsystem, kernel, &end) != 2 || !end ||
	    *subsystem == '.' || *kernel == '.')
		return false;
	for (size_t i = 0; i < MF_ARRAY_SIZE(places); i++) {
		bool module = !strcmp(subsystem, "module");

		snprintf(path, sizeof(path), "%s%s%s%s", module ? "/" : places[i][0], subsystem,
			 module ? "/" : places[i][1], kernel);
		if (!is_device(judge, path))
			continue;
		return (size_t)snprintf(ret_path, size, "%s/%s", path, name + end) < size;
	}
	return false;
}

static enum verdict match_attribute(struct judge *judge, const struct mf_udev_condition *c,
				    const char *devpath)
{
	char other[PATH_MAX];
	size_t pattern = strlen(c->value), len;
	const char *name = c->attribute;

	if (*name == '[') {
		if (!find_other(judge, name, other, sizeof(other)))
			return NO;
		devpath = "";
		name = other + 1;
	}
	if (!udev_device_read_attribute(judge, devpath, name))
		return NO;
	len = strlen(judge->value);
	if (!pattern || !strchr(" \t", c->value[pattern - 1]))
		while (len && strchr(" \t", judge->value[len - 1]))
			judge->value[--len] = '\0';
	return match_text(c, judge->value);
}

static enum verdict match_test(struct judge *judge, const struct mf_udev_condition *c)
{
	char other[PATH_MAX];
	_cleanup_close_ int fd = -1;
	struct stat st;
	bool there;

	if (*c->value == '/')
		fd = mf_context_open(judge->device->tree, c->value, O_PATH);
	else if (find_other(judge, c->value, other, sizeof(other)))
		fd = open_below(judge->device, other, "", O_PATH);
	else
		fd = open_below(judge->device, judge->device->devpath, c->value, O_PATH);
	there = fd >= 0 && !fstat(fd, &st);
	if (there && c->attribute && *c->attribute)
		there = st.st_mode & strtoul(c->attribute, NULL, 8);
	return there != c->negated ? YES : NO;
}

static enum verdict judge_condition(struct judge *judge, const struct mf_udev_condition *c)
{
	const char *devpath = judge->device->devpath;
	char name[NAME_MAX + 1];

	switch (c->key) {
	case MF_UDEV_ACTION:
		return match_text(c, "add");
	case MF_UDEV_DEVPATH:
		return match_text(c, devpath);
	case MF_UDEV_KERNEL:
		copy_kernel_name(devpath, name);
		return match_text(c, name);
	case MF_UDEV_SUBSYSTEM:
		return match_value(judge, c, read_subsystem(judge, devpath));
	case MF_UDEV_DRIVER:
		return match_value(judge, c, read_link(judge, devpath, "driver"));
	case MF_UDEV_ENV:
		return match_value(judge, c, find_property(judge, c->attribute));
	case MF_UDEV_ATTR:
		return match_attribute(judge, c, devpath);
	case MF_UDEV_TEST:
		return match_test(judge, c);
	case MF_UDEV_KERNELS:
	case MF_UDEV_SUBSYSTEMS:
	case MF_UDEV_DRIVERS:
	case MF_UDEV_ATTRS:
		return YES; /* of a parent, below */
	case MF_UDEV_OTHER:
		break;
	}
	return UNKNOWN;
}

/* ---- the devices above ---- */

static bool is_of_parents(const struct mf_udev_condition *c)
{
	return c->key >= MF_UDEV_KERNELS && c->key <= MF_UDEV_ATTRS;
}

static enum verdict judge_parent(struct judge *judge, const struct mf_udev_condition *c,
				 const char *devpath)
{
	char name[NAME_MAX + 1];

	if (c->key == MF_UDEV_ATTRS)
		return match_attribute(judge, c, devpath);
	if (c->key == MF_UDEV_SUBSYSTEMS)
		return match_value(judge, c, read_subsystem(judge, devpath));
	if (c->key == MF_UDEV_DRIVERS)
		return match_value(judge, c, read_link(judge, devpath, "driver"));
	copy_kernel_name(devpath, name);
	return match_text(c, name);
}

/* Does this device or one of its parents match all conditions for parents? */
static bool some_parent_matches(struct judge *judge, const struct mf_udev_line *line)
{
	char path[PATH_MAX], *slash;

	snprintf(path, sizeof(path), "%s", judge->device->devpath);
	for (; (slash = strrchr(path, '/')); *slash = '\0') {
		bool matches = is_device(judge, path);

		for (size_t i = 0; matches && i < line->n_conditions; i++)
			if (is_of_parents(&line->conditions[i]))
				matches = judge_parent(judge, &line->conditions[i], path) == YES;
		if (matches)
			return true;
	}
	return false;
}

static enum verdict udev_device_judge_line(struct judge *judge, const struct mf_udev_line *line)
{
	enum verdict all = YES;
	bool parents = false;

	for (size_t i = 0; i < line->n_conditions; i++) {
		enum verdict one = judge_condition(judge, &line->conditions[i]);

		if (one == NO)
			return NO;
		if (one == UNKNOWN)
			all = UNKNOWN;
		parents |= is_of_parents(&line->conditions[i]);
	}
	return parents && !some_parent_matches(judge, line) ? NO : all;
}

int mf_udev_device_modules(const struct mf_udev_device *device, const struct mf_udev_rules *rules,
			   struct mf_strings *ret_names)
{
	_cleanup_(judge_done) struct judge judge = { .device = device };
	const struct mf_udev_line *lines;
	size_t n;
	int r = 0;

	lines = mf_udev_rules_lines(rules, &n);
	if (*device->devpath != '/' || strlen(device->devpath) >= PATH_MAX)
		return 0;
	for (size_t i = 0; r == 0 && i < n;) {
		const struct mf_udev_line *line = &lines[i];
		enum verdict verdict = udev_device_judge_line(&judge, line);

		for (size_t k = 0; verdict == YES && r == 0 && k < line->modules.n; k++)
			r = mf_strings_add_unique(ret_names, line->modules.v[k]);
		i = line->go_to && verdict != NO ? line->go_to : i + 1;
	}
	return r;
}
