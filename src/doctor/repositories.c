/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Are there repositories that can be used, and have they drivers for the kernels of this machine?
 *
 * Metadata counts if it would be used now: verified, with the keys of the configuration, not too old. To
 * see whether a repository can be reached its repomd.xml is fetched, by the process without rights, and
 * not looked at.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "modfetch/cache.h"
#include "modfetch/cleanup.h"
#include "modfetch/fetch.h"
#include "modfetch/strings.h"
#include "modfetch/trust.h"
#include "examination.h"

#define REPOMD_MAX    (1U << 20)
#define REACH_SECONDS 10

/* ---- metadata ---- */

/* Can a mirror be reached? WHY: the failure. */
static bool is_reachable(struct examination *x, const struct mf_repo *repo, struct mf_failure *why)
{
	_cleanup_(mf_fetched_done) struct mf_fetched fetched = { .fd = -1 };
	const struct mf_saved_failure saved = mf_failure_save(x->ctx);
	const struct mf_fetch_request request = {
		.mirrors = &repo->baseurls,
		.path = "repodata/repomd.xml",
		.label = repo->id,
		.access = &repo->access,
		.max_size = REPOMD_MAX,
		.timeout = REACH_SECONDS,
	};
	int r = mf_fetch(x->ctx, &request, 1, &fetched);

	*why = x->ctx->failure;
	mf_failure_restore(&saved);
	return r >= 0;
}

/* Days since the metadata in use was signed; -1: unknown. */
static int64_t metadata_days(struct examination *x, const struct mf_repo *repo)
{
	struct mf_repo_state state;
	int64_t age = -1;

	if (!mf_repo_state_read(x->ctx, repo->id, &state) && state.used.signing_time)
		age = mf_trust_seconds_since(state.used.signing_time, time(NULL));
	return age < 0 ? -1 : age / 86400;
}

/* May the metadata that is here be used? Adds what is wrong with it. */
static bool check_metadata(struct examination *x, const struct mf_repo *repo, const char *refresh)
{
	const struct mf_saved_failure saved = mf_failure_save(x->ctx);
	_cleanup_close_ int cache = mf_cache_open(x->ctx, repo->id, NULL);
	int64_t days = metadata_days(x, repo);
	int r = cache < 0 ? 0 : mf_trust_in_use(x->ctx, repo);

	if (cache < 0)
		doctor_diagnose(x, MF_HEALTH_FAILED, refresh, "%s has no metadata yet", repo->id);
	else if (r < 0)
		doctor_diagnose(x, MF_HEALTH_FAILED, refresh,
				"the metadata of %s is not used: %s [%s]", repo->id,
				x->ctx->failure.why, mf_error_name(r));
	else if (days > (int64_t)x->ctx->settings.max_age_days)
		doctor_diagnose(
			x, MF_HEALTH_WARNING, refresh,
			"the metadata of %s is %lld days old, which is too old for unattended runs",
			repo->id, (long long)days);
	mf_failure_restore(&saved);
	return cache >= 0 && !r;
}

static void check_repository(struct examination *x, const struct mf_repo *repo)
{
	_cleanup_free_ char *refresh = mf_format("modfetch refresh %s", repo->id);
	size_t before = x->found.n;
	struct mf_failure why;
	bool usable = check_metadata(x, repo, refresh);

	if (repo->trust == MF_TRUST_NONE)
		doctor_diagnose(x, MF_HEALTH_WARNING, "sign it, and remove trust=none",
				"%s is not signed (trust=none)", repo->id);
	/* the mirrors of a list are known after the first refresh */
	if (!x->offline && repo->baseurls.n && !is_reachable(x, repo, &why))
		doctor_diagnose(x, usable ? MF_HEALTH_WARNING : MF_HEALTH_FAILED,
				"check the network, the URL in its .repo file and the server",
				"%s cannot be reached: %s: %s", repo->id, why.what, why.why);
	if (x->found.n == before)
		doctor_diagnose(x, MF_HEALTH_OK, NULL, "%s has usable metadata%s", repo->id,
				x->offline || !repo->baseurls.n ? "" : ", and can be reached");
}

void doctor_check_repositories(struct examination *x)
{
	size_t before = x->found.n;

	for (size_t i = 0; i < x->repos.n_faults; i++)
		if (x->repos.faults[i].enabled)
			doctor_diagnose(x, MF_HEALTH_FAILED,
					"correct the line, see modfetch-repo(5)",
					"/etc/modfetch/repos.d/%s: %s: this repository is not used",
					x->repos.faults[i].where, x->repos.faults[i].why);
	for (size_t i = 0; i < x->repos.n; i++)
		if (x->repos.v[i].enabled)
			check_repository(x, &x->repos.v[i]);
	if (x->found.n > before)
		return;
	if (x->repos.n)
		doctor_diagnose(x, MF_HEALTH_FAILED,
				"modfetch repo enable ID, with an id of modfetch repo list",
				"all repositories are disabled");
	else
		doctor_diagnose(x, MF_HEALTH_FAILED, "modfetch repo add URL",
				"no repository is configured");
}

/* ---- kernels ---- */

/* Which of the enabled repositories has drivers for this kernel? NULL: none. FITS: may have some. */
static const char *served_by(struct examination *x, const char *kernel, bool *fits)
{
	const char *id = NULL;

	for (size_t i = 0; i < x->repos.n; i++) {
		_cleanup_(mf_served_done) struct mf_served served = { 0 };
		_cleanup_close_ int cache = -1;

		if (!x->repos.v[i].enabled)
			continue;
		cache = mf_cache_open(x->ctx, x->repos.v[i].id, NULL);
		if (cache < 0 || mf_served_read(cache, &served) < 0)
			continue;
		if (!id && mf_served_has(&served, kernel))
			id = x->repos.v[i].id;
		*fits |= mf_served_may_fit(&served, kernel);
	}
	return id;
}

static void check_kernel(struct examination *x, const char *kernel)
{
	bool fits = false, own = x->ctx->kernel && !strcmp(kernel, x->ctx->kernel);
	const char *id = served_by(x, kernel, &fits);

	if (id)
		doctor_diagnose(x, MF_HEALTH_OK, NULL, "%s has drivers for %s", id, kernel);
	else if (fits)
		doctor_diagnose(x, MF_HEALTH_OK, NULL,
				"no repository is made for %s, but one has drivers that may fit it",
				kernel);
	else
		doctor_diagnose(
			x, own ? MF_HEALTH_FAILED : MF_HEALTH_WARNING,
			own ? "modfetch refresh; if that does not help, boot a kernel that a "
			      "repository has drivers for, or add such a repository"
			    : "modfetch refresh, or remove the kernel if it is not used",
			"no repository has drivers for %s%s", kernel,
			own ? ", the kernel that is asked about" : "");
}

static bool has_enabled(const struct mf_repos *repos)
{
	bool enabled = false;

	for (size_t i = 0; i < repos->n; i++)
		enabled |= repos->v[i].enabled;
	return enabled;
}

void doctor_check_kernels(struct examination *x)
{
	_cleanup_(mf_strings_done) struct mf_strings kernels = { 0 };

	if (!has_enabled(&x->repos)) {
		doctor_diagnose(x, MF_HEALTH_WARNING, "modfetch repo add URL",
				"no repository is enabled, so none has drivers");
		return;
	}
	if (mf_kernels_list(x->ctx, &kernels) < 0)
		x->r = -ENOMEM;
	if (x->ctx->kernel && !mf_strings_has(&kernels, x->ctx->kernel))
		doctor_diagnose(x, MF_HEALTH_WARNING,
				"install its package again, or restart the machine",
				"the kernel %s has no modules on this disk", x->ctx->kernel);
	for (size_t i = 0; i < kernels.n; i++)
		check_kernel(x, kernels.v[i]);
	if (!kernels.n && !x->ctx->kernel)
		doctor_diagnose(x, MF_HEALTH_WARNING, "install a kernel", "no kernel is installed");
}
