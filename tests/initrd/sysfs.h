/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef TESTS_INITRD_SYSFS_H
#define TESTS_INITRD_SYSFS_H
/* A sysfs in a directory, and the modules that are collected from it. */
#include "tests/root.h"
#include "src/initrd/needs.h"

/* A link, with as many ".." as the depth of PATH needs to reach sys, as the kernel makes it. */
static inline void sysfs_link(const struct root *r, const char *path, const char *target)
{
	char text[512] = "", directory[512];
	const char *slash = strrchr(path, '/');

	snprintf(directory, sizeof(directory), "%.*s", (int)(slash - path), path);
	root_mkdir(r, directory);
	for (const char *p = strchr(directory, '/'); p; p = strchr(p + 1, '/'))
		strcat(text, "../");
	strcat(text, target);
	root_link(r, text, path);
}

/* A device with a driver from a module. PATH is below sys. */
static inline void sysfs_device(const struct root *r, const char *path, const char *driver,
				const char *module)
{
	char file[512], target[256];

	snprintf(file, sizeof(file), "sys/%s/uevent", path);
	root_write(r, file, "");
	if (!driver)
		return;
	snprintf(file, sizeof(file), "sys/%s/driver", path);
	snprintf(target, sizeof(target), "bus/x/drivers/%s", driver);
	sysfs_link(r, file, target);
	snprintf(file, sizeof(file), "sys/%s/module", target);
	snprintf(target, sizeof(target), "module/%s", module);
	if (!root_has(r, file))
		sysfs_link(r, file, target);
}

/* A block device with its number: "8:0". */
static inline void sysfs_block(const struct root *r, const char *number, const char *path)
{
	char file[512];

	sysfs_device(r, path, NULL, NULL);
	snprintf(file, sizeof(file), "sys/dev/block/%s", number);
	sysfs_link(r, file, path);
}

static inline struct mf_needs needs_new(struct root *r)
{
	struct mf_needs needs = { .ctx = &r->ctx };

	assert_int_equal(mf_kmod_new(&r->ctx, &needs.kmod), 0);
	return needs;
}

/* Are these, separated by blanks, the names, in any order? */
static inline void assert_names(struct mf_strings *names, const char *expected)
{
	char all[1024] = "";

	mf_strings_sort(names);
	for (size_t i = 0; i < names->n; i++) {
		strcat(all, i ? " " : "");
		strcat(all, names->v[i]);
	}
	assert_string_equal(all, expected);
}

#endif
