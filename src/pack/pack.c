/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * modfetch pack, the order of its steps: read the kernels, relate their modules, make the packages,
 * build the new ones, publish.
 *
 * The repository is not changed before all its new packages are built. REPO/.pack/work is the
 * scratch directory of this run. It is removed at the end, unless a program that was called failed:
 * then it is kept for its logs. One run at a time: REPO/.pack/lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/strings.h"
#include "model.h"

/* Adds the time since the last call to STEP. */
static void clock_step(struct pack *pack, enum mf_pack_step step)
{
	uint64_t now = mf_now_us();

	pack->result.step_us[step] += now - pack->step_began;
	pack->step_began = now;
}

static int open_repository(struct pack *pack)
{
	const char *output = pack->options->output;

	if (mkdir(output, 0755) < 0 && errno != EEXIST)
		return mf_fail(pack->ctx, MF_STAGE_PACK, -errno, output, NULL);
	pack->output = realpath(output, NULL);
	pack->repo_fd = pack->output ? open(pack->output, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (pack->repo_fd < 0)
		return mf_fail(pack->ctx, MF_STAGE_PACK, -errno, output, NULL);
	if (!pack_plain_base(pack->output))
		return mf_fail(
			pack->ctx, MF_STAGE_PACK, -MFE_USAGE, output,
			"the path %s has bytes that have a meaning to rpmbuild; use another path",
			pack->output);
	if (mkdirat(pack->repo_fd, ".pack", 0755) < 0 && errno != EEXIST)
		return mf_fail(pack->ctx, MF_STAGE_PACK, -errno, output, NULL);
	pack->private_fd = openat(pack->repo_fd, ".pack", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	pack->work = mf_format("%s/.pack/work", pack->output);
	if (pack->private_fd < 0 || !pack->work)
		return mf_fail(pack->ctx, MF_STAGE_PACK, -errno, output, NULL);
	return 0;
}

static int lock_repository(struct pack *pack)
{
	int r;

	pack->lock_fd = openat(pack->private_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (pack->lock_fd < 0)
		return mf_fail(pack->ctx, MF_STAGE_PACK, -errno, "lock", NULL);
	if (flock(pack->lock_fd, LOCK_EX | LOCK_NB) < 0)
		return mf_fail(
			pack->ctx, MF_STAGE_PACK, -MFE_LOCKED, pack->output,
			"another run of modfetch pack works on it; try again when it has ended");
	r = mf_tree_remove(pack->private_fd, "work"); /* of a run that was killed */
	if (r >= 0 && (mkdirat(pack->private_fd, "work", 0755) < 0 ||
		       mkdirat(pack->private_fd, "work/rpms", 0755) < 0))
		r = -errno;
	if (r >= 0) {
		pack->work_fd =
			openat(pack->private_fd, "work", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = pack->work_fd < 0 ? -errno : 0;
	}
	return r < 0 ? mf_fail(pack->ctx, MF_STAGE_PACK, r, pack->work, NULL) : 0;
}

static int pack_read_kernel(struct pack *pack, struct pack_kernel *kernel, const char *tree)
{
	int r;

	pack_progress(pack, "reading", 0, 0);
	r = pack_kernel_open(pack, tree, kernel);
	if (r >= 0)
		r = pack_tree_read(pack, kernel);
	if (r >= 0)
		r = pack_exports_read(pack, kernel);
	clock_step(pack, MF_PACK_STEP_READ);
	if (r < 0)
		return r;
	pack_progress(pack, "reading", kernel->n_modules, kernel->n_modules);
	r = pack_deps(pack, kernel);
	if (r >= 0)
		r = pack_deps_pick(pack, kernel);
	clock_step(pack, MF_PACK_STEP_RELATE);
	return r;
}

static int read_kernels(struct pack *pack)
{
	const struct mf_strings *trees = pack->options->trees;

	pack->kernels = calloc(trees->n, sizeof(*pack->kernels));
	if (!pack->kernels)
		return mf_fail(pack->ctx, MF_STAGE_PACK, -ENOMEM, "kernels", NULL);
	for (size_t k = 0; k < trees->n; k++) {
		int r;

		pack->n_kernels++;
		r = pack_read_kernel(pack, &pack->kernels[k], trees->v[k]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int make_packages(struct pack *pack)
{
	int r = pack_firmware_plan(pack);

	if (r >= 0)
		r = pack_share_find(pack);
	for (size_t k = 0; r >= 0 && k < pack->n_kernels; k++) {
		r = pack->options->drivers ? 0 : pack_image_make(pack, &pack->kernels[k]);
		if (r >= 0)
			r = pack_kmp_make(pack, &pack->kernels[k]);
		if (pack->options->drivers)
			continue;
		if (r >= 0)
			r = pack_share_make(pack, &pack->kernels[k]);
		if (r >= 0)
			r = pack_pattern_make(pack, &pack->kernels[k]);
	}
	if (r >= 0)
		r = pack_firmware_make(pack);
	pack->result.packages = pack->n_packages;
	clock_step(pack, MF_PACK_STEP_RELATE);
	return r;
}

/* Moves the packages to their places and publishes nothing. */
static int leave_packages(struct pack *pack)
{
	int r = pack_place(pack);

	for (size_t i = 0; r >= 0 && i < pack->n_packages; i++)
		r = mf_strings_add(&pack->result.built, pack->packages[i].href);
	return r == -ENOMEM ? mf_fail(pack->ctx, MF_STAGE_PACK, r, pack->output, NULL) : r;
}

static int make_repository(struct pack *pack)
{
	int r = pack_state_reuse(pack);

	clock_step(pack, MF_PACK_STEP_RELATE);
	if (r >= 0)
		r = pack_build(pack);
	clock_step(pack, MF_PACK_STEP_BUILD);
	if (r >= 0)
		r = pack->options->build_only ? leave_packages(pack) : pack_publish(pack);
	clock_step(pack, MF_PACK_STEP_PUBLISH);
	if (r < 0)
		return r;
	for (size_t i = 0; i < pack->n_packages; i++)
		pack->result.rpm_bytes += pack->packages[i].rpm_size;
	return 0;
}

static int pack_all(struct pack *pack)
{
	int r = 0;

	if (!pack->options->spec_only) {
		r = open_repository(pack);
		if (r >= 0)
			r = lock_repository(pack);
	}
	if (r >= 0)
		r = read_kernels(pack);
	if (r >= 0)
		r = make_packages(pack);
	if (r < 0)
		return r;
	if (pack->options->spec_only)
		return pack_build_specs(pack, pack->options->spec_only);
	return make_repository(pack);
}

static void pack_done(struct pack *pack, int r)
{
	/* the logs of a program that failed are needed */
	if (pack->lock_fd >= 0 && r != -MFE_TOOL && r != -MFE_LOCKED)
		(void)mf_tree_remove(pack->private_fd, "work");
	for (size_t i = 0; i < pack->n_packages; i++)
		pack_package_done(&pack->packages[i]);
	for (size_t k = 0; k < pack->n_kernels; k++)
		pack_kernel_done(&pack->kernels[k]);
	pack_firmware_free(pack->firmware);
	free(pack->packages);
	free(pack->kernels);
	free(pack->work);
	free(pack->output);
	mf_cleanup_close(&pack->lock_fd);
	mf_cleanup_close(&pack->work_fd);
	mf_cleanup_close(&pack->private_fd);
	mf_cleanup_close(&pack->repo_fd);
}

static int check_options(struct mf_context *ctx, const struct mf_pack_options *o)
{
	const char *const single[] = { o->flavor, o->symvers, o->image,	 o->system_map,
				       o->config, o->version, o->release };

	if (!o->trees || !o->trees->n)
		return mf_fail(ctx, MF_STAGE_PACK, -MFE_USAGE, "MODULES_DIR",
			       "name at least one module tree");
	if (!o->output && !o->spec_only)
		return mf_fail(ctx, MF_STAGE_PACK, -MFE_USAGE, "--output",
			       "name the directory of the repository");
	if (o->share && (o->trees->n > 1 || o->spec_only))
		return mf_fail(ctx, MF_STAGE_PACK, -MFE_USAGE, "--share",
			       "the packages of the other kernels must be published first: pack "
			       "the kernels one by one, into a repository");
	if (o->drivers && !pack_plain_source(o->drivers))
		return mf_fail(ctx, MF_STAGE_PACK, -MFE_USAGE, o->drivers,
			       "the name of a source has letters, digits and any of _+.- only");
	if (o->drivers && o->share)
		return mf_fail(ctx, MF_STAGE_PACK, -MFE_USAGE, "--share",
			       "a source is built for each kernel; --share is for whole kernels");
	if (!o->key != !o->cert)
		return mf_fail(ctx, MF_STAGE_PACK, -MFE_USAGE, "--sign",
			       "--sign and --cert must be given together");
	if (o->identity && !pack_identity_valid(o->identity))
		return mf_fail(
			ctx, MF_STAGE_PACK, -MFE_USAGE, "--identity",
			"an identity has at most 128 letters, digits, spaces between them and "
			"any of -_.:+/@~=,");
	for (size_t i = 0; o->trees->n > 1 && i < MF_ARRAY_SIZE(single); i++)
		if (single[i])
			return mf_fail(
				ctx, MF_STAGE_PACK, -MFE_USAGE, single[i],
				"it is for one kernel, but %zu are named; pack them one by one",
				o->trees->n);
	return 0;
}

int mf_pack(struct mf_context *ctx, const struct mf_pack_options *options,
	    struct mf_pack_result *ret_result)
{
	struct mf_pack_options filled = *options;
	struct pack pack = {
		.ctx = ctx,
		.options = &filled,
		.repo_fd = -1,
		.private_fd = -1,
		.work_fd = -1,
		.lock_fd = -1,
		.step_began = mf_now_us(),
	};
	int r = check_options(ctx, options);

	if (r < 0)
		return r;
	if (!filled.jobs)
		filled.jobs = (unsigned int)sysconf(_SC_NPROCESSORS_ONLN);
	r = pack_all(&pack);
	pack_done(&pack, r);
	if (r < 0) {
		mf_pack_result_done(&pack.result);
		return r;
	}
	*ret_result = pack.result;
	if (pack.result.problems)
		return mf_fail(ctx, MF_STAGE_PACK, -MFE_PACK, options->trees->v[0],
			       "%zu problem%s reported above; everything else was packed",
			       pack.result.problems, pack.result.problems == 1 ? " is" : "s are");
	return 0;
}

void mf_pack_result_done(struct mf_pack_result *result)
{
	for (size_t i = 0; i < result->n_patterns; i++)
		free(result->patterns[i].name);
	free(result->patterns);
	mf_strings_done(&result->built);
	*result = (struct mf_pack_result){ 0 };
}
