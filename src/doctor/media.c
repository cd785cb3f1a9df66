/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Can a stick bring a driver? Its own drivers must be on disk for that, or built into the kernel.
 *
 * A machine without USB needs none of them. A disc counts where there is a drive. What an index names
 * counts as on disk: the check of modules says whether the file is there.
 */
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/libkmod.h"
#include "modfetch/mount.h"
#include "examination.h"

/* The missing ones of the chain, separated by blanks: "" where there is none. NULL: not known. */
static char *missing_modules(struct examination *x)
{
	_cleanup_(mf_strings_done) struct mf_strings modules = { 0 };
	_cleanup_free_ char *list = strdup("");
	struct mf_kmod *kmod = NULL;
	int r = mf_media_modules(x->ctx, doctor_exists(x, "sys/class/block/sr0"), &modules);

	if (!r)
		r = mf_kmod_new(x->ctx, &kmod);
	for (size_t i = 0; list && !r && i < modules.n; i++) {
		char *longer;

		if (mf_kmod_presence(kmod, modules.v[i]) != MF_ABSENT)
			continue;
		longer = mf_format("%s%s%s", list, *list ? " " : "", modules.v[i]);
		free(list);
		list = longer;
	}
	mf_kmod_free(kmod);
	return r < 0 ? NULL : MF_STEAL(list);
}

void doctor_check_media(struct examination *x)
{
	_cleanup_free_ char *missing = NULL, *remedy = NULL;

	if (!x->ctx->kernel || !mf_context_has_entries(x->ctx, "sys/bus/usb/devices")) {
		doctor_diagnose(x, MF_HEALTH_OK, NULL,
				"no USB is known here, so no stick has to be readable");
		return;
	}
	missing = missing_modules(x);
	remedy = missing ? mf_format("modfetch install %s", missing) : NULL;
	if (!missing || !remedy)
		doctor_diagnose(
			x, MF_HEALTH_WARNING, "modfetch depmod",
			"whether a stick could be read is not known: the indexes of kernel %s "
			"cannot be read",
			x->ctx->kernel);
	else if (*missing)
		doctor_diagnose(x, MF_HEALTH_WARNING, remedy,
				"a driver medium could not be read, since these modules are not on "
				"disk: %s",
				missing);
	else
		doctor_diagnose(x, MF_HEALTH_OK, NULL,
				"the modules that read a driver medium are on disk");
}
