/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The table of checks of modfetch doctor.
 *
 * Each check is a function that looks at one thing and says whether it is in order, with one line and,
 * if it is not, with what to do. They do not depend on each other: one that finds nothing to look at
 * says so. All of them look below the root, so an image can be checked before its first boot; what only
 * a running system has (services, Secure Boot) is then reported as not known or left out.
 */
#include "modfetch/doctor.h"
#include <errno.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "examination.h"

static const struct {
	const char *name;
	void (*run)(struct examination *x);
} checks[] = {
	{ "clock", doctor_check_clock },	 { "repositories", doctor_check_repositories },
	{ "keys", doctor_check_keys },		 { "sqv", doctor_check_sqv },
	{ "kernels", doctor_check_kernels },	 { "signed-modules", doctor_check_signed_modules },
	{ "build-key", doctor_check_build_key }, { "prefetch", doctor_check_prefetched },
	{ "user", doctor_check_user },		 { "udev", doctor_check_udev },
	{ "services", doctor_check_services },	 { "hooks", doctor_check_hooks },
	{ "space", doctor_check_space },	 { "transaction", doctor_check_left_over },
	{ "modprobe", doctor_check_modprobe },	 { "media", doctor_check_media },
};

static void examination_done(struct examination *x)
{
	mf_repos_done(&x->repos);
	mf_key_list_done(&x->keys);
	mf_diagnoses_done(&x->found);
}

int mf_doctor(struct mf_context *ctx, bool offline, struct mf_diagnoses *ret_diagnoses)
{
	_cleanup_(examination_done) struct examination x = { .ctx = ctx, .offline = offline };
	const struct mf_failure before = ctx->failure;
	bool reported = ctx->faults_reported;
	int r;

	/* a check reports the unusable entries: no warning besides */
	ctx->faults_reported = true;
	r = mf_repos_read(ctx, &x.repos);
	ctx->faults_reported = reported;
	if (!r)
		r = mf_keys_list(ctx, &x.repos, &x.keys);
	if (r < 0)
		return r;
	for (size_t i = 0; i < MF_ARRAY_SIZE(checks); i++) {
		x.check = checks[i].name;
		checks[i].run(&x);
	}
	if (x.r < 0)
		return mf_fail(ctx, MF_STAGE_CHECK, x.r, "doctor", NULL);
	ctx->failure = before;
	*ret_diagnoses = x.found;
	x.found = (struct mf_diagnoses){ 0 };
	return 0;
}
