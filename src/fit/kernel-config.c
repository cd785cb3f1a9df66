/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads a kernel's configuration, lines "CONFIG_NAME=y", from the first place that has it. Without
 * the file, or the line, an option is off, as it is by the kernel's own defaults: then the loader is
 * strict.
 */
#include "kernel-config.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"

#define CONFIG_MAX ((size_t)4 << 20)

static const char *const lines[FIT_N_OPTIONS] = {
	[FIT_MODULE_FORCE_LOAD] = "CONFIG_MODULE_FORCE_LOAD=y",
	[FIT_MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS] =
		"CONFIG_MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS=y",
	[FIT_MODULE_ALLOW_BTF_MISMATCH] = "CONFIG_MODULE_ALLOW_BTF_MISMATCH=y",
	[FIT_DEBUG_INFO_BTF_MODULES] = "CONFIG_DEBUG_INFO_BTF_MODULES=y",
};

static const struct {
	const char *prefix, *suffix; /* of the kernel's release */
} places[] = {
	{ "boot/config-", "" },
	{ "lib/modules/", "/config" },
	{ "usr/lib/modules/", "/config" },
	{ "lib/modules/", "/build/.config" },
};

static int config_line(void *arg, char *line)
{
	struct fit_config *config = arg;

	for (size_t i = 0; i < FIT_N_OPTIONS; i++)
		config->on[i] |= !strcmp(line, lines[i]);
	return 0;
}

static int config_read(const struct mf_context *ctx, const char *kernel, struct fit_config *config)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(places); i++) {
		_cleanup_free_ char *path =
			mf_format("%s%s%s", places[i].prefix, kernel, places[i].suffix);
		_cleanup_close_ int fd = path ? mf_context_open(ctx, path, O_RDONLY) : -ENOMEM;

		if (fd == -ENOMEM)
			return fd;
		config->found |= fd >= 0;
		if (fd >= 0)
			return mf_file_each_line(fd, CONFIG_MAX, config_line, config);
	}
	return 0;
}

int fit_config_has(const struct mf_context *ctx, const char *kernel, struct fit_config *config,
		   enum fit_option option, bool *ret_on)
{
	int r = config->read ? 0 : config_read(ctx, kernel, config);

	/* one that cannot be read is as good as none */
	if (r == -ENOMEM)
		return r;
	config->read = true;
	*ret_on = config->on[option];
	return 0;
}
