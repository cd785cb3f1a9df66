/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which plans have drivers that can be loaded before they are installed?
 *
 * A new driver of a device that was plugged in: a few packages with modules of the running kernel and
 * nothing else. Firmware must be on the disk when its driver starts, a configuration file of a package
 * may change how a module is loaded, a scriptlet may do anything, and an update or a removal has a loaded
 * version before: all these are loaded after the installation.
 */
#include "early-step.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/cleanup.h"
#include "modfetch/load.h"
#include "modfetch/strings.h"

#define PACKAGES_MAX 16
#define BYTES_MAX    (16ULL << 20) /* of the modules in memory */

bool mf_early_step_is_possible(const struct mf_context *ctx, const struct mf_run *run)
{
	const struct mf_plan *plan = &run->plan;

	if (run->no_load || !ctx->kernel_running || *ctx->root || !run->wants.n || !plan->n ||
	    plan->n > PACKAGES_MAX || plan->install_size > BYTES_MAX || plan->erase.n)
		return false;
	for (size_t i = 0; i < run->wants.n; i++)
		if (!run->wants.v[i].syspath)
			return false;
	for (size_t i = 0; i < plan->n; i++)
		if (plan->items[i].replaces)
			return false;
	return true;
}

/* The path of a module below the directory of the running kernel; NULL: another one's. */
static const char *own_path(const struct mf_context *ctx, const char *path)
{
	const char *below = mf_kernel_tree_path(path);
	size_t len = strlen(ctx->kernel);

	return below && !strncmp(below, ctx->kernel, len) && below[len] == '/' ? below + len + 1
									       : NULL;
}

/* Has a package modules of the running kernel, documentation, and nothing else? */
static bool has_modules_only(const struct mf_proof *proof)
{
	const struct mf_rpm_header *header = mf_proof_header(proof);
	size_t n = 0;

	for (size_t i = 0; i < header->n_files; i++)
		n += !S_ISDIR(header->files[i].mode) &&
		     !mf_starts_with(header->files[i].path, "/usr/share/");
	return !header->scriptlets.n && !header->uname_r.n && n == mf_proof_modules(proof)->n;
}

static bool collect_images(const struct mf_context *ctx, const struct mf_proof *proof,
			   struct mf_load_image *images, size_t *n)
{
	const struct mf_proof_modules *modules = mf_proof_modules(proof);

	if (!has_modules_only(proof))
		return false;
	for (size_t i = 0; i < modules->n; i++) {
		const struct mf_proof_module *module = &modules->v[i];

		images[*n] = (struct mf_load_image){ own_path(ctx, module->path), module->sha256,
						     &module->info };
		if (!images[(*n)++].path)
			return false;
	}
	return true;
}

bool mf_early_step(struct mf_context *ctx, const struct mf_run *run, struct mf_kmod *kmod,
		   struct mf_proof *const *proofs, struct mf_pending_loads *attempts)
{
	_cleanup_free_ struct mf_load_image *images = NULL;
	size_t room = 0, n = 0;

	/* of a plan that is none for this, verify has kept no module */
	for (size_t i = 0; i < run->plan.n; i++)
		room += mf_proof_modules(proofs[i])->n;
	images = room ? calloc(room, sizeof(*images)) : NULL;
	if (!images)
		return false;
	for (size_t i = 0; i < run->plan.n; i++)
		if (!collect_images(ctx, proofs[i], images, &n))
			return false;
	mf_loading_mark(ctx);
	return mf_load_early(ctx, kmod, attempts, run->wants.v, run->wants.n, images, n);
}
