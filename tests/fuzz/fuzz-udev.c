/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * udev's rules of any bytes: parsed values are in bounds, each GOTO leads forward, and the evaluation
 * for a device terminates.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include "modfetch/udev-device.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mf_context ctx = { .root = (char *)"/proc/self/fdinfo", .root_fd = -1 };
	struct mf_udev_device device = { .tree = &ctx, .sysfs = ".", .devpath = "/devices/a" };
	struct mf_udev_rules *rules = mf_udev_rules_new();
	struct mf_strings names = { 0 };
	const struct mf_udev_line *lines;
	size_t n;

	if (ctx.root_fd < 0)
		ctx.root_fd = open(ctx.root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert(rules && ctx.root_fd >= 0);
	assert(!mf_udev_rules_parse(&ctx, rules, "fuzz", (const char *)data, size));
	lines = mf_udev_rules_lines(rules, &n);
	for (size_t i = 0; i < n; i++)
		assert(!lines[i].go_to || (lines[i].go_to > i && lines[i].go_to <= n));
	assert(!mf_udev_device_modules(&device, rules, &names));
	mf_strings_done(&names);
	mf_udev_rules_free(rules);
	return 0;
}
