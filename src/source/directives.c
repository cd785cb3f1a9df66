/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The source_directives of dkms.conf (dkms(8), versions 1.0 to 3.2) and what becomes of each, and
 * the variables of dkms that a file may use.
 *
 * Those that run something when a driver is installed or removed have no effect: packages of
 * drivers run nothing (SECURITY.md, P16). Those about modprobe.d, initrds and keys are the business
 * of other parts of modfetch. Each of them that a file sets is named in the notes of its recipe.
 */
#include "directives.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"

const struct directive source_directives[] = {
	{ "PACKAGE_NAME", IN_RECIPE, NULL },
	{ "PACKAGE_VERSION", IN_RECIPE, NULL },
	{ "BUILT_MODULE_NAME", IN_RECIPE, NULL },
	{ "BUILT_MODULE_LOCATION", IN_RECIPE, NULL },
	{ "DEST_MODULE_NAME", IN_RECIPE, NULL },
	{ "DEST_MODULE_LOCATION", IS_IGNORED, NULL },
	{ "STRIP", IN_RECIPE, NULL },
	{ "MAKE", IN_BOX, NULL },
	{ "MAKE_MATCH", IN_RECIPE, NULL },
	{ "CLEAN", IN_BOX, NULL },
	{ "PRE_BUILD", IN_BOX, NULL },
	{ "POST_BUILD", IN_BOX, NULL },
	{ "PATCH", IN_RECIPE, NULL },
	{ "PATCH_MATCH", IN_RECIPE, NULL },
	{ "BUILD_DEPENDS", IN_RECIPE, NULL },
	{ "BUILD_EXCLUSIVE_KERNEL", IN_RECIPE, NULL },
	{ "BUILD_EXCLUSIVE_KERNEL_MIN", IN_RECIPE, NULL },
	{ "BUILD_EXCLUSIVE_KERNEL_MAX", IN_RECIPE, NULL },
	{ "BUILD_EXCLUSIVE_ARCH", IN_RECIPE, NULL },
	{ "BUILD_EXCLUSIVE_CONFIG", IN_RECIPE, NULL },
	{ "AUTOINSTALL", IN_RECIPE, NULL },
	{ "NO_WEAK_MODULES", IN_RECIPE, NULL },
	{ "OBSOLETE_BY", IS_NOTED, "the newest driver that fits is used" },
	{ "POST_ADD", IS_NOTED, "packages of drivers run nothing" },
	{ "PRE_INSTALL", IS_NOTED, "packages of drivers run nothing" },
	{ "POST_INSTALL", IS_NOTED, "packages of drivers run nothing" },
	{ "POST_REMOVE", IS_NOTED, "packages of drivers run nothing" },
	{ "REMAKE_INITRD", IS_NOTED, "modfetch decides which initrds have the driver" },
	{ "MODPROBE_ON_INSTALL", IS_NOTED, "the driver is loaded for a device" },
	{ "MODULES_CONF", IS_NOTED, "packages of drivers have no modprobe.d" },
	{ "MODULES_CONF_OBSOLETES", IS_NOTED, "packages of drivers have no modprobe.d" },
	{ "MODULES_CONF_ALIAS_TYPE", IS_NOTED, "packages of drivers have no modprobe.d" },
	{ "MODULES_CONF_OBSOLETE_ONLY", IS_NOTED, "packages of drivers have no modprobe.d" },
	{ "SIGN_FILE", IS_NOTED, "modfetch signs with the key of this machine" },
	{ "MOK_SIGNING_KEY", IS_NOTED, "modfetch signs with the key of this machine" },
	{ "MOK_CERTIFICATE", IS_NOTED, "modfetch signs with the key of this machine" },
	{ NULL, IS_IGNORED, NULL },
};

bool source_directive_is(const char *name)
{
	for (size_t i = 0; source_directives[i].name; i++)
		if (!strcmp(source_directives[i].name, name))
			return true;
	return false;
}

int source_directives_preset(struct values *values, const struct mf_source *source,
			     const struct mf_recipe_kernel *kernel)
{
	const char *const presets[][2] = {
		{ "kernelver", kernel->release },   { "kernel_version", kernel->release },
		{ "arch", kernel->arch },	    { "kernel_source_dir", kernel->headers },
		{ "dkms_tree", "/var/lib/dkms" },   { "source_tree", "/usr/src" },
		{ "install_tree", "/lib/modules" }, { "tmp_location", "/tmp" },
		{ "module", source->name },	    { "module_version", source->version },
	};
	char *jobs = mf_format("%u", kernel->jobs ? kernel->jobs : 1);
	int r = jobs ? source_values_set(values, "parallel_jobs", 0, jobs, false, 0) : -ENOMEM;

	for (size_t i = 0; i < MF_ARRAY_SIZE(presets) && r == 0; i++) {
		char *text = strdup(presets[i][1]);

		r = text ? source_values_set(values, presets[i][0], 0, text, false, 0) : -ENOMEM;
	}
	return r;
}
