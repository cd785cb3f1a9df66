/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Collects what a kernel must have, before it boots for the first time.
 *
 * Names are certain: what an admin asked for, what is loaded now, what the initrd is made of. Devices
 * and aliases are not: most devices of a machine have no driver anywhere. So these are matched for
 * the kernel that the machine works with now, too, and each module that it has for them is a name
 * that the new kernel must have, unless the policy refuses it.
 *
 * The first reason that is found for a want is its reason: the initrd and the file systems stop a boot,
 * a device works or does not, and what is loaded is in most cases there for one of these.
 */
#include "needs.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include "modfetch/array.h"
#include "modfetch/asked.h"
#include "modfetch/cleanup.h"
#include "modfetch/initrd.h"
#include "modfetch/libkmod.h"
#include "modfetch/machine.h"
#include "modfetch/match.h"
#include "modfetch/policy.h"

/* Moves wants of devices and boot requests to the needs. */
static int take_wants(struct needs *needs, struct mf_wants *wants, const char *fmt)
{
	int r = 0;

	for (size_t i = 0; !r && i < wants->n; i++) {
		struct mf_want *want = &wants->v[i];
		const char *syspath = want->syspath	? want->syspath
				      : want->devices.n ? want->devices.v[0]
							: NULL;
		_cleanup_free_ char *wanted =
			syspath ? mf_format("the device %s needs it", syspath) : strdup(fmt);

		if (!wanted)
			return -ENOMEM;
		if (want->kind != MF_WANT_BAD)
			r = upkeep_needs_take(needs, want, false, wanted);
	}
	return r;
}

static int add_devices(struct mf_context *ctx, struct needs *needs)
{
	_cleanup_(mf_wants_done) struct mf_wants wants = { 0 };
	int r;

	if (!mf_machine_has_devices(ctx)) {
		mf_log(ctx, MF_LOG_INFO,
		       "kernel: this is not the machine that boots %s, so only names, fstab and "
		       "the "
		       "devices that it had before count",
		       ctx->kernel);
		return 0;
	}
	r = mf_devices_read(ctx, NULL, false, &wants);
	return r < 0 ? r : take_wants(needs, &wants, "");
}

static int add_boot_requests(struct mf_context *ctx, struct needs *needs)
{
	_cleanup_(mf_wants_done) struct mf_wants wants = { 0 };
	int r = mf_boot_wants(ctx, &wants);

	return r < 0 ? r
		     : take_wants(needs, &wants, "systemd or modules-load.d requests it at boot");
}

static int add_asked(struct mf_context *ctx, struct needs *needs)
{
	_cleanup_(mf_asked_done) struct mf_asked asked = { 0 };
	int r = mf_asked_read(ctx, &asked);

	for (size_t i = 0; !r && i < asked.n; i++) {
		const char *what = asked.v[i].what;

		switch (asked.v[i].kind) {
		case MF_ASKED_NAME:
			r = upkeep_needs_add(ctx, needs, what, true, false,
					     "it was asked for by name");
			break;
		case MF_ASKED_PACKAGE:
		case MF_ASKED_PATTERN:
			r = mf_strings_add_unique(&needs->names, what);
			break;
		case MF_ASKED_DEVICE:
			r = upkeep_needs_add(ctx, needs, what, false, true,
					     "a device that was here lately needs it");
			break;
		case MF_N_ASKED:
			break;
		}
	}
	return r;
}

/* Adds the modules that the other kernel has on disk for a want. */
static int add_matches(struct mf_context *ctx, struct needs *needs, size_t i)
{
	int r = 0;

	for (size_t j = 0; !r && j < needs->wants.v[i].n_matches; j++) {
		const struct mf_want *want = &needs->wants.v[i];
		const struct mf_match *m = &want->matches[j];

		/* the list moves when it grows */
		if (m->on_disk && !m->refused) {
			_cleanup_free_ char *module = strdup(m->module);

			r = module ? upkeep_needs_add(ctx, needs, module, true, want->device,
						      needs->v[i].wanted)
				   : -ENOMEM;
		}
	}
	return r;
}

/*
 * The kernel that the machine works with now: the running one, if it is another one than the context's
 * and is installed; else the newest other one that is installed. NULL: there is none, or no memory.
 */
static char *reference_kernel(const struct mf_context *ctx)
{
	_cleanup_(mf_strings_done) struct mf_strings kernels = { 0 };
	const char *newest = NULL;
	struct utsname name;

	if (mf_kernels_list(ctx, &kernels) < 0)
		return NULL;
	if (!*ctx->root && mf_machine_has_devices(ctx) && !uname(&name) &&
	    strcmp(name.release, ctx->kernel) != 0 && mf_strings_has(&kernels, name.release))
		return strdup(name.release);
	for (size_t i = 0; i < kernels.n; i++)
		if (strcmp(kernels.v[i], ctx->kernel) != 0 &&
		    (!newest || strverscmp(kernels.v[i], newest) > 0))
			newest = kernels.v[i];
	return newest ? strdup(newest) : NULL;
}

/* Adds the modules that the machine has now for devices and aliases. */
static int add_reference(struct mf_context *ctx, struct needs *needs)
{
	_cleanup_free_ char *kernel = reference_kernel(ctx);
	struct mf_policy *policy = NULL;
	struct mf_context other;
	struct mf_kmod *kmod = NULL;
	size_t n = needs->n;
	int r;

	if (!kernel)
		return 0;
	other = mf_context_for_kernel(ctx, kernel);
	r = mf_kmod_new(&other, &kmod);
	if (!r)
		r = mf_policy_new(&other, kmod, &policy);
	if (!r)
		r = mf_match(&other, NULL, kmod, policy, needs->wants.v, n);
	if (r < 0)
		ctx->failure = other.failure;
	for (size_t i = 0; !r && i < n; i++)
		if (!needs->v[i].must)
			r = add_matches(ctx, needs, i);
	for (size_t i = 0; i < n; i++)
		mf_want_clear_matches(&needs->wants.v[i]);
	mf_policy_free(policy);
	mf_kmod_free(kmod);
	return r;
}

static int add_initrd(struct mf_context *ctx, struct needs *needs)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	int r = mf_initrd_modules(ctx, &names);

	for (size_t i = 0; !r && i < names.n; i++)
		r = upkeep_needs_add(ctx, needs, names.v[i], true, false, "the initrd needs it");
	return r;
}

typedef int needs_source(struct mf_context *ctx, struct needs *needs);

int upkeep_collect(struct mf_context *ctx, struct needs *ret_needs)
{
	static needs_source *const sources[] = {
		add_initrd, upkeep_needs_initramfs, upkeep_needs_fstab, add_devices,
		add_asked,  add_boot_requests,	    add_reference,
	};
	_cleanup_(upkeep_needs_done) struct needs needs = { 0 };
	int r = 0;

	for (size_t i = 0; !r && i < MF_ARRAY_SIZE(sources); i++)
		r = sources[i](ctx, &needs);
	/* in a chroot, an image or a container these are the modules of the host */
	if (!r && !*ctx->root && mf_machine_has_devices(ctx))
		r = upkeep_needs_loaded(ctx, &needs);
	if (r < 0)
		return ctx->failure.code == r ? r
					      : mf_fail(ctx, MF_STAGE_KERNEL, r, ctx->kernel, NULL);
	*ret_needs = needs;
	needs = (struct needs){ 0 };
	return 0;
}
