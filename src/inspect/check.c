/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The order of a check, and its findings.
 *
 * The owners of all files are read once. For each kernel, depmod's indexes are made in memory, the
 * tree is searched for modules, and the questions are asked in the order of a table: an earlier one
 * explains what a later one would find. A link whose target has the same fault is left out.
 *
 * Nothing is written. One unreadable file is one finding and does not stop the check.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/fit.h"
#include "modfetch/kernel-config.h"
#include "inspection.h"

/* ---- one kernel ---- */

static void inspection_done(struct inspection *in)
{
	mf_module_verifier_free(in->verifier);
	mf_fit_kernel_free(in->fit);
	inspect_free_indexes(in->indexes);
	free(in->directory);
	free(in->config);
	free(in->entries);
	if (in->fd >= 0)
		close(in->fd);
	mf_table_done(&in->by_path);
	mf_table_done(&in->by_name);
	mf_table_done(&in->bad);
	mf_arena_done(&in->arena);
}

static int inspection_open(struct inspection *in)
{
	in->directory = mf_kernel_path(in->ctx->kernel, "");
	if (!in->directory)
		return -ENOMEM;
	in->fd = mf_context_open(in->ctx, in->directory, O_RDONLY | O_DIRECTORY);
	if (in->fd < 0)
		return mf_fail(in->ctx, MF_STAGE_CHECK, in->fd == -ENOENT ? -MFE_NOT_FOUND : in->fd,
			       in->directory,
			       "the directory of the kernel's modules cannot be read: %s",
			       mf_error_sentence(in->fd));
	return 0;
}

static int inspection_prepare(struct inspection *in)
{
	int r = mf_module_verifier_new(in->ctx, &in->verifier);

	if (!r)
		r = mf_fit_kernel_new(in->ctx, in->ctx->kernel, MF_FIT_THOROUGH, &in->fit);
	if (r < 0)
		return r;
	in->kernel->signatures = mf_module_verifier_requires(in->verifier);
	r = mf_kernel_config_read(in->ctx, in->ctx->kernel, &in->config);
	return r < 0 ? r : inspect_make_indexes(in);
}

typedef int inspection_step(struct inspection *in);

static inspection_step *const check_steps[] = {
	inspection_prepare, inspect_read_entries, inspect_contents, inspect_packages,
	inspect_indexes,    inspect_dependencies, inspect_firmware, inspect_initrd,
};
static inspection_step *const list_steps[] = { inspect_read_entries };

/* Runs STEPS for KERNEL; then DONE, if there is one, while the entries are there. */
static int inspect_kernel(struct machine *machine, const char *release,
			  struct mf_checked_kernel *kernel, inspection_step *const *steps, size_t n,
			  inspection_step *done)
{
	struct mf_context ctx = *machine->ctx;
	_cleanup_(inspection_done) struct inspection in = {
		.machine = machine, .ctx = &ctx, .kernel = kernel, .fd = -1
	};
	char *copy = strdup(release);
	int r = copy ? 0 : -ENOMEM;

	kernel->release = copy;
	ctx.kernel = copy;
	ctx.kernel_running = ctx.kernel_running && !strcmp(release, machine->ctx->kernel);
	ctx.failure = (struct mf_failure){ 0 };
	if (!r)
		r = inspection_open(&in);
	for (size_t i = 0; !r && i < n; i++)
		r = steps[i](&in);
	if (!r && done)
		r = done(&in);
	if (r < 0 && ctx.failure.code == r)
		machine->ctx->failure = ctx.failure;
	return r < 0 && ctx.failure.code != r
		       ? mf_fail(machine->ctx, MF_STAGE_CHECK, r, release, NULL)
		       : r;
}

/* ---- the machine ---- */

static void machine_done(struct machine *machine)
{
	owned_done(&machine->ownership);
	mf_strings_done(&machine->kernels);
	mf_table_done(&machine->findings);
	mf_table_done(&machine->targets);
	mf_links_done(&machine->links);
	mf_arena_done(&machine->arena);
}

static int machine_init(struct machine *machine, bool all)
{
	struct mf_context *ctx = machine->ctx;
	int r = mf_kernels_list(ctx, &machine->kernels);

	if (r < 0)
		return mf_fail(ctx, MF_STAGE_CHECK, r, "/lib/modules", NULL);
	if (all && !machine->kernels.n)
		return mf_fail(ctx, MF_STAGE_CHECK, -MFE_NOT_FOUND, "/lib/modules",
			       "no kernel is installed");
	r = owned_read_rpm(ctx, &machine->ownership);
	if (!r)
		r = owned_read_dpkg(ctx, &machine->ownership);
	if (!r)
		r = owned_read_dkms(ctx, &machine->ownership);
	return r ? r : mf_links_read(ctx, &machine->links);
}

static int finding_compare(const void *a, const void *b)
{
	const struct mf_finding *x = a, *y = b;
	int r = strcmp(x->path, y->path);

	return r ? r : y->code - x->code;
}

static void finding_done(struct mf_finding *f)
{
	free(f->kernel);
	free(f->path);
	free(f->target);
	free(f->package);
	free(f->reason);
	free(f->subject);
}

/* Is the fault of a file the same for all kernels that have links to it? */
static bool is_about_file(const struct mf_finding *f)
{
	return f->code != -MFE_WRONG_KERNEL && f->code != -MFE_NO_SYMBOL &&
	       f->code != -MFE_BAD_INDEX;
}

/* Keeps one finding about a fault that several links, or a link and its target, have. 0 or -ENOMEM. */
static int drop_repeated(struct machine *machine)
{
	struct mf_check *check = machine->check;
	size_t kept = 0;
	int r = 0;

	for (size_t i = 0; i < check->n_findings; i++) {
		struct mf_finding f = check->findings[i];
		uint32_t *value;

		/* the first of several links stands for its target */
		if (r >= 0 && f.target && is_about_file(&f))
			r = mf_table_put(&machine->findings, f.target + 1, strlen(f.target + 1), 0,
					 &value);
		else
			r = r < 0 ? r : 1;
		if (!r)
			finding_done(&f);
		else
			check->findings[kept++] = f;
	}
	check->n_findings = kept;
	return r < 0 ? r : 0;
}

/* ---- a list of the owners ---- */

struct owned_walk {
	mf_owned_visit *visit;
	void *arg;
};

static int visit_entry(const struct entry *e, mf_owned_visit *visit, void *arg)
{
	const struct owner *owner = e->owned ? e->owned->owner : NULL;
	_cleanup_free_ char *path = mf_format("/%s", e->path);
	_cleanup_free_ char *target = e->target ? mf_format("/%s", e->target) : NULL;
	const struct mf_owned owned = {
		.path = path,
		.target = target,
		.label = owner ? owner->label : NULL,
		.owner = owner ? owner->kind : MF_OWNER_NOBODY,
	};

	return path && (target || !e->target) ? visit(arg, &owned) : -ENOMEM;
}

static int visit_entries(struct inspection *in)
{
	const struct owned_walk *walk = in->machine->walk;
	int r = 0;

	for (size_t i = 0; !r && i < in->n_entries; i++)
		r = visit_entry(&in->entries[i], walk->visit, walk->arg);
	return r;
}

int mf_owned_each(struct mf_context *ctx, mf_owned_visit *visit, void *arg)
{
	_cleanup_(mf_check_done) struct mf_check unused = { 0 };
	const struct owned_walk walk = { visit, arg };
	_cleanup_(machine_done) struct machine machine = { .ctx = ctx,
							   .check = &unused,
							   .walk = &walk };
	struct mf_checked_kernel kernel = { 0 };
	int r = machine_init(&machine, false);

	if (!r)
		r = inspect_kernel(&machine, ctx->kernel, &kernel, list_steps,
				   MF_ARRAY_SIZE(list_steps), visit_entries);
	free(kernel.release);
	return r;
}

/* ---- the check ---- */

static int check_kernels(struct machine *machine, bool all)
{
	struct mf_check *check = machine->check;
	size_t n = all ? machine->kernels.n : 1;
	int r = 0;

	check->kernels = calloc(n, sizeof(*check->kernels));
	if (!check->kernels)
		return mf_fail(machine->ctx, MF_STAGE_CHECK, -ENOMEM, "kernels", NULL);
	for (size_t i = 0; !r && i < n; i++)
		r = inspect_kernel(machine, all ? machine->kernels.v[i] : machine->ctx->kernel,
				   &check->kernels[check->n_kernels++], check_steps,
				   MF_ARRAY_SIZE(check_steps), NULL);
	if (!r && all)
		r = inspect_gone_kernels(machine);
	return r < 0 && machine->ctx->failure.code != r
		       ? mf_fail(machine->ctx, MF_STAGE_CHECK, r, "/lib/modules", NULL)
		       : r;
}

int mf_check(struct mf_context *ctx, bool all, struct mf_check *ret_check)
{
	_cleanup_(mf_check_done) struct mf_check result = { 0 };
	_cleanup_(machine_done) struct machine machine = { .ctx = ctx, .check = &result };
	int r = machine_init(&machine, all);

	if (!r)
		r = check_kernels(&machine, all);
	if (r < 0)
		return r;
	if (drop_repeated(&machine) < 0)
		return mf_fail(ctx, MF_STAGE_CHECK, -ENOMEM, "findings", NULL);
	if (result.n_findings)
		qsort(result.findings, result.n_findings, sizeof(*result.findings),
		      finding_compare);
	*ret_check = result;
	result = (struct mf_check){ 0 };
	return 0;
}

void mf_check_done(struct mf_check *check)
{
	for (size_t i = 0; i < check->n_findings; i++)
		finding_done(&check->findings[i]);
	for (size_t i = 0; i < check->n_kernels; i++)
		free(check->kernels[i].release);
	free(check->findings);
	free(check->kernels);
	*check = (struct mf_check){ 0 };
}
