/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The configuration of a kernel, a text of lines "CONFIG_NAME=y" and "# CONFIG_NAME is not set".
 *
 * Packages put it into /boot (Debian, RHEL, SUSE) or beside the modules (Fedora); the headers for
 * modules have it too. The image may contain it (IKCONFIG), which is not read.
 */
#include "modfetch/kernel-config.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"

#define CONFIG_MAX ((size_t)16 << 20)

int mf_kernel_config_read(const struct mf_context *ctx, const char *kernel, char **ret_text)
{
	static const char *const places[] = {
		"boot/config-%s",
		"lib/modules/%s/config",
		"usr/lib/modules/%s/config",
		"lib/modules/%s/build/.config",
		"usr/src/linux-headers-%s/.config",
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(places); i++) {
		const char *place = strstr(places[i], "%s");
		_cleanup_free_ char *path = mf_format("%.*s%s%s", (int)(place - places[i]),
						      places[i], kernel, place + 2);
		_cleanup_close_ int fd = path ? mf_context_open(ctx, path, O_RDONLY) : -ENOMEM;
		size_t len;
		int r = fd < 0 ? fd : mf_file_read(fd, CONFIG_MAX, ret_text, &len);

		if (r == 0 || r == -ENOMEM)
			return r;
	}
	return 1;
}

bool mf_kernel_config_has(const char *config, const char *option)
{
	size_t len = strlen(option);

	for (const char *p = config; p && (p = strstr(p, option)); p += len)
		if ((p == config || p[-1] == '\n') && mf_starts_with(p + len, "=y") &&
		    (!p[len + 2] || p[len + 2] == '\n'))
			return true;
	return false;
}
