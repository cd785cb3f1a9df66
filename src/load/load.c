/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The retried load, and the look at the device.
 *
 * A want is loaded as udev or modprobe would have done on a full tree: by its alias, so that every
 * module that matches is tried and blacklists hold. What is about to go into the kernel is on disk
 * as an attempt before it does (modfetch/pending-loads.h), and is crossed out when the next one begins or
 * all is over; drivers that look for their devices behind the load's back are waited for first.
 * Whether the device is bound is read from sysfs, the only witness; waiting is bounded, because
 * drivers may take their time or decline.
 */
#include "modfetch/load.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/libkmod.h"
#include "modfetch/module-name.h"
#include "modfetch/want.h"

#define POLL_US 2000

struct loading {
	struct mf_context *ctx;
	struct mf_pending_loads *attempts;
	struct mf_want *want;
	const struct mf_pending_load *crashed; /* why it is left alone */
};

/* ---- before the indexes name them ---- */

static bool is_wanted(const struct mf_want *wants, size_t n, const char *path)
{
	char name[256];

	if (!mf_module_name(path, name, sizeof(name)))
		return false;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < wants[i].n_matches; j++)
			if (!strcmp(wants[i].matches[j].module, name))
				return true;
	return false;
}

int mf_load_expect(struct mf_context *ctx, struct mf_pending_loads *attempts,
		   const struct mf_want *wants, size_t n, const struct mf_strings *changed)
{
	_cleanup_(mf_strings_done) struct mf_strings paths = { 0 };
	int r = 0;

	for (size_t i = 0; !r && i < changed->n; i++)
		if (is_wanted(wants, n, changed->v[i]))
			r = mf_strings_add(&paths, changed->v[i]);
	if (r < 0)
		return mf_fail(ctx, "load", r, ctx->kernel, NULL);
	return paths.n ? mf_pending_loads_expect(ctx, attempts, &paths) : 0;
}

/* ---- the load ---- */

static const char *subject_of(const struct mf_want *want)
{
	return want->syspath ? want->syspath : want->query;
}

static int see_before(void *arg, const struct mf_strings *paths)
{
	struct loading *l = arg;

	for (size_t i = 0; l->ctx->unattended && i < paths->n; i++) {
		char name[256];

		if (mf_module_name(paths->v[i], name, sizeof(name)))
			l->crashed = mf_pending_loads_find(l->ctx, l->attempts, name);
		if (l->crashed)
			return -MFE_CRASHED;
	}
	return mf_pending_loads_begin(l->ctx, l->attempts, paths, subject_of(l->want));
}

static void see_loaded(void *arg, const char *name)
{
	struct loading *l = arg;

	(void)mf_strings_add_unique(&l->want->loaded, name);
	if (!l->ctx->unattended)
		mf_pending_loads_drop_module(l->ctx, l->attempts, name);
}

/* A driver may look for its device behind the load's back: it has ended when it has found it. */
static void see_ended(struct loading *l)
{
	struct mf_want *want = l->want;

	if (want->syspath && want->loaded.n)
		want->driver = mf_device_driver(l->ctx, want->syspath);
	if (!want->syspath || !want->loaded.n || want->driver)
		mf_pending_loads_drop_subject(l->attempts, subject_of(want));
}

static void load_want(struct mf_kmod *kmod, struct loading *l)
{
	const struct mf_kmod_watch watch = { see_before, see_loaded, l };
	struct mf_want *want = l->want;
	const char *name = want->kind == MF_WANT_SYMBOL ? want->query : want->name;
	const char *crashed = mf_want_crashed(want);
	int r = mf_kmod_load(kmod, name, want->device, &watch);

	/* one that was not fetched at all, for that reason, is told like one that is on disk */
	if (r >= 0 && want->state == MF_DENIED && crashed)
		r = -MFE_CRASHED;
	want->load_error = r < 0 ? r : 0;
	if (l->crashed)
		crashed = l->crashed->module;
	if (r == -MFE_CRASHED)
		mf_log(l->ctx, MF_LOG_ERROR, "load: %s: %s; see modfetch allow [%s]", crashed,
		       mf_error_sentence(r), mf_error_name(r));
	else if (r < 0 && !want->loaded.n)
		mf_log(l->ctx, MF_LOG_WARNING, "load: %s: %s [%s]", want->query,
		       mf_error_sentence(r), mf_error_name(r));
	see_ended(l);
}

int mf_load(struct mf_context *ctx, struct mf_pending_loads *attempts, struct mf_want *wants,
	    size_t n)
{
	struct mf_kmod *kmod;
	int r = mf_kmod_new(ctx, &kmod);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		if (wants[i].kind != MF_WANT_BAD)
			load_want(kmod, &(struct loading){ ctx, attempts, &wants[i], NULL });
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
