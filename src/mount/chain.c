/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The modules that a stick needs before it can carry the driver that is missing.
 *
 * They must be on disk, since the stick cannot bring them itself. A USB stick needs its bus driver, which
 * the machine loads for its host controller, then usb_storage or uas, then sd_mod. vfat asks for its code
 * page and the character set that the kernel was configured with. A disc has sr_mod and isofs.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/kernel-config.h"
#include "modfetch/module-name.h"
#include "modfetch/mount.h"

#define CHARSET "CONFIG_FAT_DEFAULT_IOCHARSET=\""

/* Adds the module of the character set that vfat asks for, if the configuration of the kernel is known. */
static int add_charset(const struct mf_context *ctx, struct mf_strings *modules)
{
	_cleanup_free_ char *config = NULL, *file = NULL;
	char name[MF_MODULE_NAME_SIZE];
	const char *value;
	int r = mf_kernel_config_read(ctx, ctx->kernel, &config);

	if (r)
		return r < 0 ? r : 0;
	value = strstr(config, CHARSET);
	if (!value)
		return 0;
	value += strlen(CHARSET);
	file = mf_format("nls_%.*s", (int)strcspn(value, "\"\n"), value);
	if (!file)
		return -ENOMEM;
	return mf_module_name(file, name, sizeof(name)) ? mf_strings_add(modules, name) : 0;
}

int mf_media_modules(const struct mf_context *ctx, bool discs, struct mf_strings *ret_modules)
{
	static const char *const stick[] = { "usb_storage", "uas", "sd_mod", "vfat", "nls_cp437" };
	static const char *const disc[] = { "sr_mod", "isofs" };
	int r = 0;

	for (size_t i = 0; !r && i < MF_ARRAY_SIZE(stick); i++)
		r = mf_strings_add(ret_modules, stick[i]);
	if (!r)
		r = add_charset(ctx, ret_modules);
	for (size_t i = 0; discs && !r && i < MF_ARRAY_SIZE(disc); i++)
		r = mf_strings_add(ret_modules, disc[i]);
	return r;
}
