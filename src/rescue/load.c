/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loads the modules that came into the initrd: modprobe, which each generator puts there, gets the
 * modaliases of the devices. It follows blacklists, install lines and options of the initrd and of the
 * kernel's command line, and loads dependencies first. A module name was asked for by a person, and
 * loads as with modprobe.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/process.h"
#include "rescue.h"

#define PATIENCE 60 /* seconds: a controller may take that long to find its disks */

static const char *find_modprobe(void)
{
	static const char *const paths[] = { "/sbin/modprobe", "/usr/sbin/modprobe",
					     "/bin/modprobe", "/usr/bin/modprobe" };

	for (size_t i = 0; i < MF_ARRAY_SIZE(paths); i++)
		if (!access(paths[i], X_OK))
			return paths[i];
	return NULL;
}

static bool kernel_has(const struct mf_context *ctx, const char *module)
{
	_cleanup_free_ char *path = mf_format("sys/module/%s", module);
	_cleanup_close_ int fd = path ? mf_context_open(ctx, path, O_PATH) : -ENOMEM;

	return fd >= 0;
}

static int run_modprobe(const char *modprobe, const char *query)
{
	const char *const argv[] = { modprobe, "--use-blacklist", "--", query, NULL };
	pid_t pid;
	int r = mf_process_start(argv, STDIN_FILENO, STDERR_FILENO, STDERR_FILENO, &pid);

	return r < 0 ? r : mf_process_wait_for(pid, PATIENCE);
}

int rescue_load(struct mf_context *ctx, const struct rescue_result *result,
		struct mf_strings *ret_loaded)
{
	const char *modprobe = find_modprobe();
	int r = 0;

	if (!modprobe)
		return mf_fail(ctx, MF_STAGE_LOAD, -MFE_TOOL, "modprobe",
			       "the initrd has none; the modules are in its /lib/modules");
	for (size_t i = 0; i < result->queries.n; i++) {
		r = run_modprobe(modprobe, result->queries.v[i]);
		if (r < 0)
			return mf_fail(ctx, MF_STAGE_LOAD, r, result->queries.v[i], NULL);
	}
	r = 0;
	for (size_t i = 0; !r && i < result->modules.n; i++)
		if (kernel_has(ctx, result->modules.v[i]))
			r = mf_strings_add(ret_loaded, result->modules.v[i]);
	return r < 0 ? mf_fail(ctx, MF_STAGE_LOAD, r, "modules", NULL) : 0;
}
