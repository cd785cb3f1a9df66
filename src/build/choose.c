/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which sources are built for the kernel.
 *
 * Those that are named, in the newest version that is here unless the version is named too; one that
 * is not here may be in a repository, as package NAME-kmod-source. Without names: those of which a
 * driver that was built here is installed, and, where there is no dkms, those whose conf says
 * AUTOINSTALL. What dkms has in its tree is dkms's, which builds it itself: two modules of one name
 * would fight. build --take-over moves it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "builder.h"
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/pipeline.h"

/* Does the tool that the source was made for build it unasked? */
static bool has_its_tool(const struct mf_context *ctx, const struct mf_source *source)
{
	return mf_context_exists(ctx, source->kind == MF_SOURCE_RPM ? "usr/sbin/akmods"
								    : "usr/sbin/dkms");
}

/* Has dkms the source in its tree? */
static bool is_of_dkms(const struct mf_context *ctx, const struct mf_source *source)
{
	_cleanup_free_ char *path =
		mf_format("var/lib/dkms/%s/%s/source", source->name, source->version);

	return path && mf_context_exists(ctx, path);
}

/* Has an installed kernel a driver that was built here from this source? 1, 0, or a recorded failure. */
static int is_in_use(struct builder *b, const char *name)
{
	_cleanup_(mf_strings_done) struct mf_strings packages = { 0 };
	int r = build_installed(b->ctx, &b->ledger, name, &packages);

	return r < 0 ? r : packages.n > 0;
}

static bool has_job(const struct builder *b, const char *name)
{
	for (size_t i = 0; i < b->n_jobs; i++)
		if (b->jobs[i].source && !strcmp(b->jobs[i].source->name, name))
			return true;
	return false;
}

static struct build_job *add_job(struct builder *b, const struct mf_source *source)
{
	struct build_job *job = &b->jobs[b->n_jobs++];

	*job = (struct build_job){ .source = source };
	job->built.source = mf_format("%s/%s", source->name, source->version);
	return job;
}

/* Is the source built without being asked for? Its recipe is read for that. 1, 0, or a recorded failure. */
static int is_automatic(struct builder *b, struct build_job *job)
{
	int r = is_in_use(b, job->source->name);

	if (r || has_its_tool(b->ctx, job->source))
		return r;
	build_read_recipe(b, job);
	/* the failure of a conf that cannot be read is reported: it is the only sign of it */
	return job->built.state == MF_BUILD_FAILED || job->recipe.autoinstall;
}

static void drop_last_job(struct builder *b)
{
	struct build_job *job = &b->jobs[--b->n_jobs];

	mf_recipe_done(&job->recipe);
	free(job->built.source);
	free(job->built.reason);
	mf_strings_done(&job->built.modules);
}

/* Adds the newest version of each source that is built unasked; the newest comes first in the list. */
static int choose_automatic(struct builder *b)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < b->sources.n; i++) {
		const struct mf_source *source = &b->sources.v[i];

		if (has_job(b, source->name) || is_of_dkms(b->ctx, source))
			continue;
		r = is_automatic(b, add_job(b, source));
		if (r <= 0)
			drop_last_job(b);
	}
	return r < 0 ? r : 0;
}

/* Is the source NAME, "v4l2loopback" or "v4l2loopback/0.12.7"? */
static bool is_named(const struct mf_source *source, const char *name)
{
	size_t len = strlen(source->name);

	return !strncmp(source->name, name, len) &&
	       (!name[len] || (name[len] == '/' && !strcmp(name + len + 1, source->version)));
}

static int choose_named(struct builder *b, const char *name)
{
	for (size_t i = 0; i < b->sources.n; i++) {
		const struct mf_source *source = &b->sources.v[i];
		struct build_job *job;

		if (!is_named(source, name))
			continue;
		if (has_job(b, source->name))
			return 0;
		job = add_job(b, source);
		if (b->options->keep_only || !is_of_dkms(b->ctx, source))
			return 0;
		return build_job_settle(
			job, MF_BUILD_OWNED,
			mf_format("dkms has it in its tree; modfetch build --take-over %s moves it "
				  "here",
				  source->name));
	}
	return mf_fail(b->ctx, MF_STAGE_BUILD, -MFE_NOT_FOUND, name,
		       "there is no source of it: no /usr/src/%s-VERSION with a dkms.conf, and no "
		       "kmod source package",
		       name);
}

/*
 * Installs the package with the source NAME, if a repository has it. That there is none is no failure here:
 * choose_named() says what is missing. 0 or a recorded failure.
 */
static int fetch_source(struct builder *b, const char *name)
{
	char *package = mf_format("%.*s-kmod-source", (int)strcspn(name, "/"), name);
	struct mf_strings packages = { &package, 1, 0 };
	_cleanup_(mf_run_done) struct mf_run run = { .verb = "build",
						     .reason = "its driver is built",
						     .selection.install = &packages,
						     .no_load = true };
	int r = package ? mf_pipeline_run(b->ctx, &run) : -ENOMEM;

	free(package);
	if (r == -MFE_NOT_FOUND || r == -MFE_NO_REPOSITORY || r == -MFE_NO_METADATA) {
		b->ctx->failure = (struct mf_failure){ 0 };
		return 0;
	}
	return r < 0 ? r : 0;
}

static bool has_source(const struct builder *b, const char *name)
{
	for (size_t i = 0; i < b->sources.n; i++)
		if (is_named(&b->sources.v[i], name))
			return true;
	return false;
}

/* The sources on this machine, and those that are named and come from a repository. 0 or a recorded failure. */
static int find_sources(struct builder *b, const struct mf_strings *names)
{
	bool fetched = false;
	int r = mf_sources_find(b->ctx, NULL, &b->sources);

	for (size_t i = 0; !r && names && !b->options->dry_run && i < names->n; i++)
		if (!has_source(b, names->v[i])) {
			r = fetch_source(b, names->v[i]);
			fetched = true;
		}
	if (r < 0 || !fetched)
		return r;
	mf_sources_done(&b->sources);
	return mf_sources_find(b->ctx, NULL, &b->sources);
}

int build_choose(struct builder *b)
{
	const struct mf_strings *names = b->options->names;
	int r = find_sources(b, names);

	if (r < 0)
		return r;
	b->jobs = calloc(b->sources.n + 1, sizeof(*b->jobs));
	if (!b->jobs)
		return mf_fail(b->ctx, MF_STAGE_BUILD, -ENOMEM, "sources", NULL);
	if (!names || !names->n)
		return choose_automatic(b);
	for (size_t i = 0; !r && i < names->n; i++)
		r = choose_named(b, names->v[i]);
	return r == -ENOMEM ? mf_fail(b->ctx, MF_STAGE_BUILD, r, "sources", NULL) : r;
}
