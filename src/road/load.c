/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The retried load, and the look at the device.
 *
 * A want is loaded as udev or modprobe would have done on a full tree: by its alias, so that every
 * module that matches is tried and blacklists hold. Whether the device is bound is read from sysfs,
 * the only witness; waiting is bounded, because drivers may take their time or decline.
 */
#include "modfetch/load.h"
#include <errno.h>
#include <unistd.h>
#include "modfetch/devices.h"
#include "modfetch/file.h"
#include "modfetch/kmod.h"

#define POLL_US 2000

static void see_loaded(void *arg, const char *name)
{
	struct mf_want *want = arg;

	(void)mf_strings_add_unique(&want->loaded, name);
}

int mf_load(struct mf_context *ctx, struct mf_want *wants, size_t n)
{
	struct mf_kmod *kmod;
	int r = mf_kmod_new(ctx, &kmod);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		struct mf_want *want = &wants[i];
		const char *name = want->kind == MF_WANT_SYMBOL ? want->query : want->name;

		r = mf_kmod_load(kmod, name, want->device, see_loaded, want);
		want->load_error = r < 0 ? r : 0;
		if (r < 0 && !want->loaded.n)
			mf_log(ctx, MF_LOG_WARNING, "load: %s: %s [%s]", want->query,
			       mf_error_sentence(r), mf_error_name(r));
	}
	mf_kmod_free(kmod);
	return 0;
}

static int unbound(const struct mf_context *ctx, struct mf_want *wants, size_t n)
{
	int missing = 0;

	for (size_t i = 0; i < n; i++) {
		struct mf_want *want = &wants[i];

		if (!want->syspath || want->driver)
			continue;
		want->driver = mf_device_driver(ctx, want->syspath);
		/* what could not be loaded will not bind */
		if (!want->driver && want->loaded.n)
			missing++;
	}
	return missing;
}

int mf_load_wait(struct mf_context *ctx, struct mf_want *wants, size_t n)
{
	uint64_t end = mf_now_us() + ctx->settings.bind_timeout * 1000ULL;
	int missing;

	while ((missing = unbound(ctx, wants, n)) && mf_now_us() < end)
		usleep(POLL_US);
	return missing;
}
