/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Handles the findings that have a remedy.
 *
 * Packages are installed and removed by the pipeline, with the policy and the verification of any
 * other run; "again" means the very same package, and its altered files may be replaced. For each
 * kernel: packages first, then missing modules, then the indexes, if they are still to be made.
 * What failed is reported and does not stop the rest.
 *
 * Of a kernel that is gone, only indexes are removed, which depmod makes from nothing else than the
 * modules. A file that nobody owns and that is no index is never touched, nor is a file of dpkg or
 * dkms, or a link.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/depmod.h"
#include "modfetch/file.h"
#include "modfetch/inspect.h"
#include "modfetch/links.h"
#include "modfetch/pipeline.h"

struct fixing {
	struct mf_context *ctx; /* for the kernel whose findings are handled */
	const struct mf_check *check;
	const char *kernel; /* NULL: the findings about no kernel */
	bool dry_run;
	struct mf_strings *done;
};

static bool same_kernel(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* The subjects of this kernel's findings with a remedy. 0 or -ENOMEM. */
static int fix_collect(const struct fixing *f, enum mf_remedy remedy, struct mf_strings *ret_list)
{
	int r = 0;

	for (size_t i = 0; !r && i < f->check->n_findings; i++) {
		const struct mf_finding *finding = &f->check->findings[i];
		const char *subject = finding->remedy == MF_REMEDY_REINSTALL ? finding->package
									     : finding->subject;

		if (finding->remedy == remedy && same_kernel(finding->kernel, f->kernel))
			r = mf_strings_add_unique(ret_list, subject ? subject : "");
	}
	return r;
}

/*
 * Records what was done, or would be, to SUBJECT: "DONE SUBJECT", "would DO SUBJECT". A failure R of
 * it is reported instead. 0 or -ENOMEM.
 */
static int fix_note(struct fixing *f, int r, const char *done, const char *todo,
		    const char *subject, const char *tail)
{
	_cleanup_free_ char *line = NULL;

	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		mf_log(f->ctx, MF_LOG_ERROR, "check: %s%s is not fixed: %s: %s [%s]", subject, tail,
		       f->ctx->failure.what, f->ctx->failure.why, mf_error_name(r));
		return 0;
	}
	line = f->dry_run ? mf_format("would %s %s%s", todo, subject, tail)
			  : mf_format("%s %s%s", done, subject, tail);
	return line ? mf_strings_add(f->done, line) : -ENOMEM;
}

static int fix_run(struct fixing *f, struct mf_run *run)
{
	int r;

	run->verb = "check";
	run->no_load = true;
	run->dry_run = f->dry_run;
	r = mf_pipeline_run(f->ctx, run);
	mf_run_done(run);
	return r < 0 ? r : 0;
}

/* Installs packages again: all of them in one transaction or, if that fails, each for itself. */
static int fix_reinstall(struct fixing *f)
{
	_cleanup_(mf_strings_done) struct mf_strings labels = { 0 };
	int r = fix_collect(f, MF_REMEDY_REINSTALL, &labels);

	for (size_t i = 0; !r && i < labels.n; i++) {
		const struct mf_strings one = { &labels.v[i], 1, 0 };
		struct mf_run run = { .selection.again = &one };

		f->ctx->repairs = true;
		r = fix_run(f, &run);
		f->ctx->repairs = false;
		r = fix_note(f, r, "installed", "install", labels.v[i], " again");
	}
	return r;
}

static int fix_want(struct fixing *f, const char *module)
{
	struct mf_run run = { 0 };
	struct mf_want want;
	int r = mf_want_init(f->ctx, module, NULL, &want);

	if (r < 0)
		return r;
	r = mf_wants_add(&run.wants, &want);
	if (r < 0) {
		mf_want_done(&want);
		return r;
	}
	run.verb = "check";
	run.no_load = true;
	run.dry_run = f->dry_run;
	r = mf_pipeline_run(f->ctx, &run);
	if (r >= 0 && mf_want_code(&run.wants.v[0]))
		r = mf_fail(f->ctx, MF_STAGE_CHECK, mf_want_code(&run.wants.v[0]), module, "%s",
			    run.wants.v[0].reason ? run.wants.v[0].reason : "");
	mf_run_done(&run);
	return r < 0 ? r : 0;
}

/* Installs what is missing: modules, or the providers of a capability such as "firmware(x)". */
static int fix_install(struct fixing *f)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	int r = fix_collect(f, MF_REMEDY_INSTALL, &names);

	for (size_t i = 0; !r && i < names.n; i++) {
		const struct mf_strings one = { &names.v[i], 1, 0 };
		struct mf_run run = { .selection.install = &one };

		r = strchr(names.v[i], '(') ? fix_run(f, &run) : fix_want(f, names.v[i]);
		r = fix_note(f, r, "installed", "install", names.v[i], "");
	}
	return r;
}

static int fix_links(struct fixing *f)
{
	_cleanup_(mf_strings_done) struct mf_strings list = { 0 };
	_cleanup_close_ int lock = -1;
	int r = fix_collect(f, MF_REMEDY_LINKS, &list);

	if (r < 0 || !list.n)
		return r;
	lock = f->dry_run ? -1 : mf_lock(f->ctx);
	r = f->dry_run ? 0 : lock < 0 ? lock : mf_links_recover(f->ctx);
	return fix_note(f, r, "updated", "update",
			"the links to modules of other kernels for kernel ", f->kernel);
}

static int fix_depmod(struct fixing *f)
{
	_cleanup_(mf_strings_done) struct mf_strings list = { 0 };
	int r = fix_collect(f, MF_REMEDY_DEPMOD, &list);

	if (r < 0 || !list.n)
		return r;
	if (!f->dry_run)
		r = mf_depmod(f->ctx, &(struct mf_depmod_options){ 0 }, NULL);
	return fix_note(f, r, "updated", "update", "the module indexes of kernel ", f->kernel);
}

static int fix_remove(struct fixing *f)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	int r = fix_collect(f, MF_REMEDY_REMOVE, &names);

	for (size_t i = 0; !r && i < names.n; i++) {
		const struct mf_strings one = { &names.v[i], 1, 0 };
		/* their kernel is gone: a hold has ended with it */
		struct mf_run run = { .selection.remove = &one, .selection.held_too = true };

		r = fix_run(f, &run);
		r = fix_note(f, r, "removed", "remove", "the package ", names.v[i]);
	}
	return r;
}

static int fix_clean(struct fixing *f)
{
	_cleanup_(mf_strings_done) struct mf_strings kernels = { 0 };
	int r = fix_collect(f, MF_REMEDY_CLEAN, &kernels);

	for (size_t i = 0; !r && i < kernels.n; i++) {
		if (!f->dry_run)
			r = mf_indexes_remove(f->ctx, kernels.v[i]);
		r = fix_note(f, r, "removed", "remove", "the indexes of kernel ", kernels.v[i]);
	}
	return r;
}

typedef int fix_step(struct fixing *fixing);

static int fix_kernel(struct mf_context *ctx, const struct mf_check *check, const char *kernel,
		      bool dry_run, struct mf_strings *done)
{
	static fix_step *const of_kernel[] = { fix_reinstall, fix_install, fix_links, fix_depmod };
	static fix_step *const of_machine[] = { fix_remove, fix_clean };
	struct mf_context copy = *ctx;
	struct fixing f = { &copy, check, kernel, dry_run, done };
	int r = 0;

	/* a removal is planned for a kernel too */
	if (!kernel && !copy.kernel)
		copy.kernel = check->kernels[0].release;
	if (kernel) {
		copy.kernel = (char *)kernel;
		copy.kernel_running = ctx->kernel_running && !strcmp(kernel, ctx->kernel);
	}
	for (size_t i = 0; !r && kernel && i < MF_ARRAY_SIZE(of_kernel); i++)
		r = of_kernel[i](&f);
	for (size_t i = 0; !r && !kernel && i < MF_ARRAY_SIZE(of_machine); i++)
		r = of_machine[i](&f);
	/* the helper that downloads stays for the next kernel */
	ctx->helper = copy.helper;
	return r;
}

int mf_check_fix(struct mf_context *ctx, const struct mf_check *check, bool dry_run,
		 struct mf_strings *ret_done)
{
	int r = 0;

	for (size_t i = 0; !r && i < check->n_kernels; i++)
		r = fix_kernel(ctx, check, check->kernels[i].release, dry_run, ret_done);
	if (!r && check->n_kernels)
		r = fix_kernel(ctx, check, NULL, dry_run, ret_done);
	return r < 0 ? mf_fail(ctx, MF_STAGE_CHECK, r, "fix", NULL) : 0;
}
