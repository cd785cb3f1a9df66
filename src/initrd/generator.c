/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds out which program makes the initrds of this machine.
 *
 * Debian's packages of the two generators exclude each other, but a library of dracut's
 * (dracut-core) may be installed beside initramfs-tools: update-initramfs comes first.
 */
#include "generator.h"
#include <fcntl.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"

static const struct {
	enum mf_generator generator;
	const char *program;
} generators[] = {
	{ MF_GENERATOR_INITRAMFS_TOOLS, "/usr/sbin/update-initramfs" },
	{ MF_GENERATOR_DRACUT, "/usr/bin/dracut" },
	{ MF_GENERATOR_DRACUT, "/usr/sbin/dracut" },
};

enum mf_generator mf_generator_find(const struct mf_context *ctx)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(generators); i++) {
		_cleanup_close_ int fd = mf_context_open(ctx, generators[i].program + 1, O_PATH);

		if (fd >= 0)
			return generators[i].generator;
	}
	return MF_GENERATOR_NONE;
}

const char *mf_generator_program(enum mf_generator generator)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(generators); i++)
		if (generators[i].generator == generator)
			return generators[i].program;
	return NULL;
}
