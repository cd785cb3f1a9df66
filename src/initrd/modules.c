/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sources of the modules that the early boot needs, in their order.
 *
 * Devices are asked for only on the machine itself: below the root of an image there are none, or
 * those of another machine. Whether a passphrase is needed is known after the block devices.
 */
#include <errno.h>
#include "modfetch/cleanup.h"
#include "modfetch/initrd.h"
#include "modfetch/machine.h"
#include "needs.h"

int mf_needs_collect(struct mf_needs *needs)
{
	const bool devices = mf_machine_has_devices(needs->ctx);
	int r = mf_needs_mounts(needs, devices);

	if (!r && devices && needs->encrypted)
		r = mf_needs_passphrase(needs);
	if (!r)
		r = mf_needs_generator(needs);
	return r < 0 ? mf_fail(needs->ctx, MF_STAGE_INITRD, r, "modules of the early boot", NULL)
		     : 0;
}

int mf_initrd_modules(struct mf_context *ctx, struct mf_strings *ret_names)
{
	_cleanup_(mf_needs_done) struct mf_needs needs = { .ctx = ctx };
	int r = mf_kmod_new(ctx, &needs.kmod);

	if (!r)
		r = mf_needs_collect(&needs);
	for (size_t i = 0; !r && i < needs.useful.n; i++)
		if (mf_strings_add_unique(&needs.required, needs.useful.v[i]) < 0)
			r = mf_fail(ctx, MF_STAGE_INITRD, -ENOMEM, "initrd", NULL);
	if (r < 0)
		return r;
	mf_strings_sort(&needs.required);
	*ret_names = needs.required;
	needs.required = (struct mf_strings){ 0 };
	return 0;
}
