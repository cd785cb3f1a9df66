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
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"
#include "examination.h"

static const struct {
	const char *name;
	void (*run)(struct examination *x);
} checks[] = {
	{ "clock", check_clock },	{ "repositories", check_repositories },
	{ "keys", check_keys },		{ "sqv", check_sqv },
	{ "kernels", check_kernels },	{ "signed-modules", check_signed_modules },
	{ "user", check_user },		{ "udev", check_udev },
	{ "services", check_services }, { "hooks", check_hooks },
	{ "space", check_space },	{ "transaction", check_left_over },
	{ "modprobe", check_modprobe },
};

const char *mf_health_name(enum mf_health health)
{
	static const char *const names[] = {
		[MF_HEALTH_OK] = "ok",
		[MF_HEALTH_WARNING] = "warning",
		[MF_HEALTH_FAILED] = "failed",
	};

	return names[health];
}

void mf_diagnoses_done(struct mf_diagnoses *diagnoses)
{
	for (size_t i = 0; i < diagnoses->n; i++) {
		free(diagnoses->v[i].text);
		free(diagnoses->v[i].remedy);
	}
	free(diagnoses->v);
	*diagnoses = (struct mf_diagnoses){ 0 };
}

static void examination_done(struct examination *x)
{
	mf_repos_done(&x->repos);
	mf_key_list_done(&x->keys);
	mf_diagnoses_done(&x->found);
}

void diagnose(struct examination *x, enum mf_health health, const char *remedy, const char *fmt,
	      ...)
{
	struct mf_diagnosis *v = reallocarray(x->found.v, x->found.n + 1, sizeof(*v));
	struct mf_diagnosis d = { .check = x->check, .health = health };
	va_list ap;

	if (v)
		x->found.v = v;
	va_start(ap, fmt);
	d.text = mf_vformat(fmt, ap);
	va_end(ap);
	d.remedy = remedy ? mf_secret_hide_copy(remedy) : NULL;
	if (!v || !d.text || (remedy && !d.remedy)) {
		x->r = -ENOMEM;
		free(d.text);
		free(d.remedy);
		return;
	}
	mf_secret_hide(d.text);
	v[x->found.n++] = d;
	x->found.n_warnings += health == MF_HEALTH_WARNING;
	x->found.n_failed += health == MF_HEALTH_FAILED;
}

bool examine_exists(const struct examination *x, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(x->ctx, path, O_PATH);

	return fd >= 0;
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
