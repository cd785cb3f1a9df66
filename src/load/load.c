/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loads the modules again after the installation, and checks the device.
 *
 * A want is loaded as udev or modprobe would have done on a full tree: by its alias, so that every
 * module that matches is tried and blacklists apply. A module is recorded on disk as an attempt
 * before it is loaded (modfetch/pending-loads.h), and removed from the record when the next one
 * begins or all have ended; drivers that probe their devices asynchronously are waited for first.
 * Whether the device is bound is read from sysfs, the only reliable source; the wait is bounded,
 * because drivers may be slow or decline.
 */
#include "modfetch/load.h"
#include <errno.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/libkmod.h"
#include "modfetch/module-name.h"
#include "modfetch/trials.h"
#include "modfetch/want.h"

#define POLL_US 2000

struct load {
	struct mf_context *ctx;
	struct mf_pending_loads *attempts;
	struct mf_want *want;
	const struct mf_pending_load *crashed; /* the attempt because of which it is skipped */
};

/* ---- before depmod ---- */

/* Does a want match the module of this file, which is not in the kernel yet? */
static bool is_wanted(const struct mf_context *ctx, const struct mf_want *wants, size_t n,
		      const char *path)
{
	char name[MF_MODULE_NAME_SIZE];

	if (!mf_module_name(path, name, sizeof(name)) || mf_module_is_loaded(ctx, name))
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
		if (is_wanted(ctx, wants, n, changed->v[i]))
			r = mf_strings_add(&paths, changed->v[i]);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_LOAD, r, ctx->kernel, NULL);
	return paths.n ? mf_pending_loads_expect(ctx, attempts, &paths) : 0;
}

/* ---- the load ---- */

static const char *load_subject(const struct mf_want *want)
{
	return want->syspath ? want->syspath : want->query;
}

static int on_before_load(void *arg, const struct mf_strings *paths)
{
	struct load *l = arg;

	if (l->ctx->unattended)
		l->crashed = mf_pending_loads_find_any(l->ctx, l->attempts, paths);
	if (l->crashed)
		return -MFE_CRASHED;
	return mf_pending_loads_begin(l->ctx, l->attempts, paths, load_subject(l->want));
}

static void on_loaded(void *arg, const char *name)
{
	struct load *l = arg;

	(void)mf_strings_add_unique(&l->want->loaded, name);
	if (!l->ctx->unattended)
		mf_pending_loads_drop_module(l->ctx, l->attempts, name);
}

/*
 * Ends the attempt. A driver may probe its device asynchronously: then the attempt ends when the
 * device is bound.
 */
static void end_attempt(struct load *l)
{
	struct mf_want *want = l->want;

	if (want->syspath && want->loaded.n)
		want->driver = mf_device_driver(l->ctx, want->syspath);
	if (!want->syspath || !want->loaded.n || want->driver)
		mf_pending_loads_drop_subject(l->attempts, load_subject(want));
}

/* What an admin can do about the kernel's refusal. */
static const char *way_out(int r)
{
	return r == -EKEYREJECTED || r == -ENOKEY
		       ? ": the kernel demands a signature by a key that it knows; modfetch doctor "
			 "says what to do"
		       : "";
}

static void load_want(struct mf_kmod *kmod, struct load *l)
{
	const struct mf_kmod_watch watch = { on_before_load, on_loaded, l };
	struct mf_want *want = l->want;
	const char *name = want->kind == MF_WANT_SYMBOL ? want->query : want->name;
	const char *crashed = mf_want_crashed(want);
	int r = mf_kmod_load(kmod, name, want->device, &watch);

	/* a module that was not fetched for that reason is reported like one on disk */
	if (r >= 0 && want->state == MF_DENIED && crashed)
		r = -MFE_CRASHED;
	want->load_error = r < 0 ? r : 0;
	if (l->crashed)
		crashed = l->crashed->module;
	if (r == -MFE_CRASHED)
		mf_log(l->ctx, MF_LOG_ERROR, "load: %s: %s; see modfetch allow [%s]", crashed,
		       mf_error_sentence(r), mf_error_name(r));
	else if (r < 0 && !want->loaded.n)
		mf_log(l->ctx, MF_LOG_WARNING, "load: %s: %s%s [%s]", want->query,
		       mf_error_sentence(r), way_out(r), mf_error_name(r));
	end_attempt(l);
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
			load_want(kmod, &(struct load){ ctx, attempts, &wants[i], NULL });
	mf_kmod_free(kmod);
	return 0;
}

static int count_unbound(const struct mf_context *ctx, struct mf_want *wants, size_t n)
{
	int missing = 0;

	for (size_t i = 0; i < n; i++) {
		struct mf_want *want = &wants[i];

		if (!want->syspath || want->driver)
			continue;
		want->driver = mf_device_driver(ctx, want->syspath);
		/* a device without a loaded module will not be bound */
		if (!want->driver && want->loaded.n)
			missing++;
	}
	return missing;
}

int mf_load_wait(struct mf_context *ctx, struct mf_want *wants, size_t n)
{
	uint64_t end = mf_now_us() + ctx->settings.bind_timeout * 1000ULL;
	int missing;

	while ((missing = count_unbound(ctx, wants, n)) && mf_now_us() < end)
		usleep(POLL_US);
	return missing;
}
