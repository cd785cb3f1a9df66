/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Are the modules of a source on disk for the kernel, and whose are they?
 *
 * Only modules outside of kernel/ count: a source that replaces a driver of the kernel goes beside it, into updates/. A module of dkms,
 * of akmods, of a package that was not built here, or without an owner stays as it is, and the source is not built: two files of one
 * module are one too many. A module that was built here counts if it is of the source as it is now; a link
 * counts if the module that it leads to does.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "builder.h"
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/links.h"
#include "modfetch/module-name.h"
#include "modfetch/pipeline.h"

void build_modules_done(struct build_modules *modules)
{
	for (size_t i = 0; i < modules->n; i++) {
		free(modules->v[i].name);
		free(modules->v[i].kernel);
		free(modules->v[i].label);
	}
	free(modules->v);
	*modules = (struct build_modules){ 0 };
}

/* The release in "/lib/modules/KVER/…", new memory; NULL: another path, or no memory. */
static char *release_of(const char *path)
{
	static const char directory[] = "/lib/modules/";

	path = mf_without_usr(path);
	if (!mf_starts_with(path, directory))
		return NULL;
	path += strlen(directory);
	return strndup(path, strcspn(path, "/"));
}

static bool is_of_kernel(const char *path)
{
	const char *below = strstr(path, "/modules/");

	below = below ? strchr(below + strlen("/modules/"), '/') : NULL;
	return below && mf_starts_with(below, "/kernel/");
}

static int on_module(void *arg, const struct mf_owned *owned)
{
	struct build_modules *modules = arg;
	char name[MF_MODULE_NAME_SIZE];
	struct build_module *m;

	if (is_of_kernel(owned->path) || !mf_module_name(owned->path, name, sizeof(name)))
		return 0;
	if (mf_array_reserve(&modules->v, &modules->room, modules->n + 1, sizeof(*modules->v)) < 0)
		return -ENOMEM;
	m = &modules->v[modules->n++];
	*m = (struct build_module){ .name = strdup(name), .owner = owned->owner };
	m->kernel = owned->target ? release_of(owned->target) : NULL;
	m->label = owned->label ? strdup(owned->label) : NULL;
	return m->name && !m->label == !owned->label ? 0 : -ENOMEM;
}

int build_modules_read(struct mf_context *ctx, struct build_modules *ret_modules)
{
	_cleanup_(build_modules_done) struct build_modules modules = { 0 };
	int r = mf_owned_each(ctx, on_module, &modules);

	if (r == -ENOMEM)
		return mf_fail(ctx, MF_STAGE_BUILD, r, ctx->kernel, NULL);
	if (r < 0)
		return r;
	*ret_modules = modules;
	modules = (struct build_modules){ 0 };
	return 0;
}

enum whose { WHOSE_NONE, WHOSE_CURRENT, WHOSE_OLD, WHOSE_OTHER };

/* Whose is the module on disk: of this source as it is now, of an older one, or another's? */
static enum whose module_judge(const struct builder *b, const struct build_job *job,
			       const struct build_module *m)
{
	const char *kernel = m->kernel ? m->kernel : b->ctx->kernel;
	const struct build_entry *e =
		build_ledger_find(&b->ledger, job->source->name, kernel, false);
	_cleanup_free_ char *package = mf_format("%s-kmp-", m->name);

	if (m->owner != MF_OWNER_RPM || !m->label || !package || !mf_starts_with(m->label, package))
		return WHOSE_OTHER;
	/* a run that was killed after the installation has kept the package, but not written the ledger */
	if (!e || !mf_strings_has(&e->modules, m->name))
		return build_is_kept(b->ctx, kernel, job->source->name, m->label) ? WHOSE_OLD
										  : WHOSE_OTHER;
	return memcmp(e->source, job->digest, sizeof(job->digest)) ? WHOSE_OLD : WHOSE_CURRENT;
}

static const struct build_module *find_module(const struct builder *b, const char *name)
{
	for (size_t i = 0; i < b->on_disk.n; i++)
		if (!strcmp(b->on_disk.v[i].name, name))
			return &b->on_disk.v[i];
	return NULL;
}

static int settle_owned(struct build_job *job, const struct build_module *m)
{
	bool of_dkms = m->owner == MF_OWNER_DKMS;
	char *reason = mf_format("its module %s is of %s%s%s%s", m->name,
				 m->label ? m->label : "no package", m->label ? " (" : "",
				 m->label ? mf_owner_name(m->owner) : "",
				 of_dkms    ? "); modfetch build --take-over moves it here"
				 : m->label ? ")"
					    : "; remove the file first");

	return reason ? build_job_settle(job, MF_BUILD_OWNED, reason) : -ENOMEM;
}

int build_judge(struct builder *b, struct build_job *job)
{
	const struct build_module *linked = NULL;
	size_t present = 0;

	for (size_t i = 0; i < job->built.modules.n; i++) {
		const struct build_module *m = find_module(b, job->built.modules.v[i]);
		enum whose whose = m ? module_judge(b, job, m) : WHOSE_NONE;

		if (whose == WHOSE_OTHER)
			return settle_owned(job, m);
		present += whose == WHOSE_CURRENT;
		if (whose == WHOSE_CURRENT && m->kernel)
			linked = m;
	}
	if (!job->built.modules.n || present < job->built.modules.n || b->options->again)
		return 0;
	if (!linked)
		return build_job_settle(job, MF_BUILD_PRESENT, NULL);
	return build_job_settle(job, MF_BUILD_PRESENT,
				mf_format("linked to the one for %s", linked->kernel));
}

/* ---- cheaper than a build ---- */

static int judge_again(struct builder *b, struct build_job *job)
{
	int r;

	build_modules_done(&b->on_disk);
	r = build_modules_read(b->ctx, &b->on_disk);
	return r < 0 ? r : build_judge(b, job);
}

/* Installs packages with the modules of the job, if a repository has them for this kernel. */
static int find_package(struct builder *b, struct build_job *job)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved = mf_failure_save(b->ctx);
	_cleanup_(mf_run_done) struct mf_run run = { .verb = "build",
						     .reason = "before it is built",
						     .no_load = true,
						     /* kernel-added has asked for new ones */
						     .metadata_asked = true };
	int r = 0;

	for (size_t i = 0; !r && i < job->built.modules.n; i++) {
		_cleanup_(mf_want_done) struct mf_want want = { 0 };

		r = mf_want_init(b->ctx, job->built.modules.v[i], NULL, &want);
		if (!r)
			r = mf_wants_add(&run.wants, &want);
	}
	if (r < 0)
		return r;
	/* no repository, no network: then it is built */
	r = mf_pipeline_run(b->ctx, &run);
	return r ? (r == -ENOMEM ? r : 0) : judge_again(b, job);
}

/* Has this source been built for another kernel, as it is now? */
static bool was_built_elsewhere(const struct builder *b, const struct build_job *job)
{
	for (size_t i = 0; i < b->ledger.n; i++) {
		const struct build_entry *e = &b->ledger.v[i];

		if (!e->code && !strcmp(e->name, job->source->name) &&
		    strcmp(e->kernel, b->ctx->kernel) != 0 &&
		    !memcmp(e->source, job->digest, sizeof(job->digest)))
			return true;
	}
	return false;
}

static int find_link(struct builder *b, struct build_job *job)
{
	_cleanup_close_ int lock = mf_lock(b->ctx);
	int r = lock < 0 ? lock : mf_links_add(b->ctx, &job->built.modules, NULL, NULL);

	if (r <= 0)
		return r;
	r = judge_again(b, job);
	/* a part of the modules is not enough; the links to it go when the packages arrive */
	if (!r && job->built.state == MF_BUILD_PRESENT)
		job->built.state = MF_BUILD_LINKED;
	return r;
}

int build_find_elsewhere(struct builder *b, struct build_job *job)
{
	bool asked = b->options->names && b->options->names->n;
	int r = 0;

	if (b->options->again || b->options->publish || b->options->dry_run)
		return 0;
	if (was_built_elsewhere(b, job))
		r = find_link(b, job);
	if (!r && !job->done && !asked)
		r = find_package(b, job);
	return r;
}
