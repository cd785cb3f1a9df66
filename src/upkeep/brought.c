/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which installed packages have modules, and which of them modfetch brought.
 *
 * The history has each package that modfetch installed. Other programs use the same rpm database on
 * distributions that have rpm: what they installed is theirs to remove. A name counts whatever its
 * version is, since an update by another program does not change who wanted the package.
 */
#include "brought.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/history.h"
#include "modfetch/inspect.h"
#include "modfetch/module-name.h"
#include "modfetch/rpm.h"

#define TREE	 "/lib/modules/"
#define FIRMWARE "/lib/firmware/"

struct brought_reading {
	struct mf_context *ctx;
	struct brought *brought;
	struct mf_strings names; /* in the history, sorted */
};

static void package_done(struct brought_package *package)
{
	free(package->name);
	free(package->label);
	mf_strings_done(&package->files);
	mf_strings_done(&package->kernels);
}

void upkeep_brought_done(struct brought *brought)
{
	for (size_t i = 0; i < brought->n; i++)
		package_done(&brought->v[i]);
	free(brought->v);
	*brought = (struct brought){ 0 };
}

/* ---- the history ---- */

static int on_record(void *arg, struct mf_json *record)
{
	struct mf_strings *names = arg;
	struct mf_json *packages = mf_json_get(record, "packages");
	int r = 0;

	for (size_t i = 0; !r && packages && i < mf_json_length(packages); i++) {
		const char *name = mf_json_get_string(mf_json_at(packages, i), "name");

		r = name ? mf_strings_add(names, name) : 0;
	}
	return r;
}

static bool is_in_history(const struct mf_strings *names, const char *name)
{
	return mf_strings_sorted_has(names, name);
}

/* ---- the database ---- */

static int package_add_file(struct brought_package *package, const struct mf_rpm_file *file)
{
	const char *path = mf_without_usr(file->path), *kernel = path + strlen(TREE);
	size_t len;
	_cleanup_free_ char *release = NULL;
	int r;

	package->firmware |= mf_starts_with(path, FIRMWARE);
	if (!mf_starts_with(path, TREE) || !mf_is_module(path) || file->ghost)
		return 0;
	len = strcspn(kernel, "/");
	release = strndup(kernel, len);
	if (!release)
		return -ENOMEM;
	r = mf_strings_add(&package->files, path);
	return r ? r : mf_strings_add_unique(&package->kernels, release);
}

static int package_fill(struct brought_package *package, const struct mf_rpm_header *header)
{
	int r = 0;

	package->name = strdup(header->name);
	package->label = mf_rpm_label(header);
	package->kernel = header->uname_r.n != 0;
	for (size_t i = 0; !r && i < header->n_files; i++)
		r = package_add_file(package, &header->files[i]);
	return package->name && package->label ? r : -ENOMEM;
}

static int on_installed(void *arg, void *raw)
{
	struct brought_reading *reading = arg;
	struct brought *brought = reading->brought;
	struct brought_package *package;
	struct mf_rpm_header header;
	int r = mf_rpm_header(raw, &header);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	r = mf_array_reserve(&brought->v, &brought->room, brought->n + 1, sizeof(*brought->v));
	if (!r) {
		package = &brought->v[brought->n++];
		*package = (struct brought_package){ .brought = is_in_history(&reading->names,
									      header.name) };
		r = package_fill(package, &header);
	}
	mf_rpm_header_done(&header);
	return r;
}

int upkeep_brought_read(struct mf_context *ctx, struct brought *ret_brought)
{
	_cleanup_(upkeep_brought_done) struct brought brought = { 0 };
	struct brought_reading reading = { .ctx = ctx, .brought = &brought };
	int r = mf_history_read(ctx, on_record, &reading.names);

	mf_strings_sort(&reading.names);
	if (!r)
		r = mf_rpm_each_installed(ctx, NULL, on_installed, &reading);
	mf_strings_done(&reading.names);
	if (r < 0)
		return ctx->failure.code == r ? r
					      : mf_fail(ctx, MF_STAGE_KERNEL, r, "packages", NULL);
	*ret_brought = brought;
	brought = (struct brought){ 0 };
	return 0;
}

/* ---- links ---- */

struct brought_links {
	struct mf_strings *targets, *users;
	const char *kernel;
};

static int on_module(void *arg, const struct mf_owned *module)
{
	struct brought_links *links = arg;
	int r;

	if (!module->target)
		return 0;
	r = mf_strings_add(links->targets, mf_without_usr(module->target));
	return r ? r : mf_strings_add(links->users, links->kernel);
}

int upkeep_link_targets(struct mf_context *ctx, const char * not, struct mf_strings *targets,
			struct mf_strings *users)
{
	_cleanup_(mf_strings_done) struct mf_strings kernels = { 0 };
	int r = mf_kernels_list(ctx, &kernels);

	for (size_t i = 0; !r && i < kernels.n; i++) {
		struct brought_links links = { targets, users, kernels.v[i] };
		struct mf_context other = mf_context_for_kernel(ctx, kernels.v[i]);

		if (not &&!strcmp(kernels.v[i], not ))
			continue;
		r = mf_owned_each(&other, on_module, &links);
		if (r < 0)
			ctx->failure = other.failure;
	}
	return r < 0 && ctx->failure.code != r ? mf_fail(ctx, MF_STAGE_KERNEL, r, "links", NULL)
					       : r;
}
