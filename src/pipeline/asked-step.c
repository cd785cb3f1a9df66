/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decides what of a run is remembered (modfetch/asked.h).
 *
 * Names: those of install and probe that an admin typed, modprobe's included, if the run succeeded.
 * A request of the kernel is none: any user can cause it. A removal forgets its names, and those of the
 * packages that they mean; the runs that remove the rest of a kernel, or what is not needed any more, have verbs of their own.
 *
 * Devices: those of this machine that a driver answered, or that still have none, whatever the result
 * of the run. A device that the policy refuses costs no write. The devices of a recorded tree are
 * those of another machine.
 */
#include "asked-step.h"
#include <errno.h>
#include <string.h>
#include "modfetch/asked.h"
#include "modfetch/cleanup.h"

/* The kernel is one of this machine; its name is no want for another kernel. */
static bool is_kernel_image(const char *name)
{
	return mf_starts_with(name, "kernel-") && strstr(name, "-image");
}

static bool is_verb(const struct mf_run *run, const char *verb)
{
	return run->verb && !strcmp(run->verb, verb);
}

static int remember_names(const struct mf_context *ctx, const struct mf_strings *names,
			  struct mf_asked *asked)
{
	int r = 0;

	for (size_t i = 0; !r && i < names->n; i++) {
		enum mf_asked_kind kind;
		_cleanup_free_ char *name = mf_asked_short_name(names->v[i], ctx->kernel, &kind);

		if (!name)
			return -ENOMEM;
		if (!is_kernel_image(name))
			r = mf_asked_add(asked, kind, name);
	}
	return r;
}

static int forget_names(const struct mf_context *ctx, const struct mf_strings *names,
			struct mf_asked *asked)
{
	for (size_t i = 0; i < names->n; i++) {
		enum mf_asked_kind kind;
		_cleanup_free_ char *name = mf_asked_short_name(names->v[i], ctx->kernel, &kind);

		if (!name)
			return -ENOMEM;
		mf_asked_forget(asked, name);
	}
	return 0;
}

/* Is it for a device of this machine? */
static bool is_device(const struct mf_want *want)
{
	const char *syspath = want->syspath	? want->syspath
			      : want->devices.n ? want->devices.v[0]
						: "";

	return want->kind == MF_WANT_ALIAS && mf_starts_with(syspath, "/sys/");
}

static bool is_answered(const struct mf_want *want)
{
	return want->state == MF_PRESENT || want->state == MF_AVAILABLE ||
	       want->state == MF_BUILTIN_STATE;
}

static int remember_want(const struct mf_want *want, bool typed, struct mf_asked *asked)
{
	if (is_device(want))
		return is_answered(want) || want->state == MF_UNKNOWN
			       ? mf_asked_add(asked, MF_ASKED_DEVICE, want->query)
			       : 0;
	if (!typed || want->syspath || want->devices.n || !is_answered(want))
		return 0;
	return want->kind == MF_WANT_NAME    ? mf_asked_add(asked, MF_ASKED_NAME, want->query)
	       : want->kind == MF_WANT_ALIAS ? mf_asked_add(asked, MF_ASKED_DEVICE, want->query)
					     : 0;
}

static int remember(const struct mf_context *ctx, const struct mf_run *run, int result,
		    struct mf_asked *asked)
{
	bool typed = result >= 0 && !ctx->unattended &&
		     (is_verb(run, "probe") || is_verb(run, "install"));
	int r = 0;

	for (size_t i = 0; !r && i < run->wants.n; i++)
		r = remember_want(&run->wants.v[i], typed, asked);
	if (!r && result >= 0 && !ctx->unattended && is_verb(run, "install") &&
	    run->selection.install)
		r = remember_names(ctx, run->selection.install, asked);
	if (!r && result >= 0 && is_verb(run, "remove"))
		r = forget_names(ctx, run->selection.remove, asked);
	/* "remove xfs" forgets that xfs-kmp was asked for */
	if (!r && result >= 0 && is_verb(run, "remove"))
		r = forget_names(ctx, &run->plan.meant, asked);
	return r;
}

void mf_asked_step(struct mf_context *ctx, const struct mf_run *run, int result)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved = mf_failure_save(ctx);
	_cleanup_(mf_asked_done) struct mf_asked asked = { 0 };
	int r;

	/* a new kernel's run is for what is remembered already */
	if (is_verb(run, "check") || is_verb(run, "kernel-added"))
		return;
	r = mf_asked_read(ctx, &asked);
	if (!r && remember(ctx, run, result, &asked) < 0)
		r = mf_fail(ctx, MF_STAGE_EVENT, -ENOMEM, "/" MF_ASKED_FILE, NULL);
	if (!r)
		r = mf_asked_write(ctx, &asked);
	if (r < 0)
		mf_log(ctx, MF_LOG_WARNING,
		       "event: it is not remembered what was asked for: %s: %s", ctx->failure.what,
		       ctx->failure.why);
}
