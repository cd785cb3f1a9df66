/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The modules that packages have, by their headers: of the packages of a transaction, or of those
 * in the rpm database.
 *
 * A header is trusted as far as the verify stage trusts it; whether the file on disk is the one that
 * the header describes is checked when a link is made. Files that rpm left out, or that anything may
 * create (ghosts), are no modules of the package.
 */
#include "origins.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"
#include "modfetch/verify.h"

static const char *origins_copy(struct links_origins *origins, const char *s, size_t len)
{
	return mf_arena_copy(&origins->texts, s, len);
}

static int origins_add_file(struct links_origins *origins, const struct mf_rpm_file *file,
			    const char *package)
{
	const char *path = mf_without_usr(file->path);
	const char *kernel = mf_kernel_tree_path(path);
	size_t len = kernel ? strcspn(kernel, "/") : 0;
	char module[MF_MODULE_NAME_SIZE];
	struct links_origin origin = { .package = package };

	if (!len || !kernel[len] || !S_ISREG(file->mode) || file->ghost || file->left_out ||
	    !file->checksum.len || !mf_is_module(path) ||
	    !mf_module_name(path, module, sizeof(module)))
		return 0;
	origin.path = origins_copy(origins, path, strlen(path));
	origin.kernel = origins_copy(origins, kernel, len);
	origin.module = origins_copy(origins, module, strlen(module));
	if (!origin.path || !origin.kernel || !origin.module ||
	    mf_array_reserve(&origins->v, &origins->room, origins->n + 1, sizeof(*origins->v)) < 0)
		return -ENOMEM;
	origin.below = origin.path + (kernel - path) + len + 1;
	origin.checksum = file->checksum;
	origins->v[origins->n++] = origin;
	return 0;
}

int links_origins_add(struct links_origins *origins, const struct mf_rpm_header *header)
{
	const char *package = origins_copy(origins, header->name, strlen(header->name));
	int r = package ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < header->n_files; i++)
		r = origins_add_file(origins, &header->files[i], package);
	return r;
}

static int origins_on_installed(void *arg, void *header)
{
	_cleanup_(mf_rpm_header_done) struct mf_rpm_header h = { 0 };
	int r = mf_rpm_header(header, &h);

	/* one damaged header must not hide the others */
	return r < 0 ? (r == -ENOMEM ? r : 0) : links_origins_add(arg, &h);
}

int links_origins_installed(struct mf_context *ctx, const struct mf_strings *names,
			    struct links_origins *origins)
{
	int r = mf_rpm_each_installed(ctx, names, origins_on_installed, origins);

	return r == -ENOMEM ? mf_fail(ctx, MF_STAGE_INSTALL, r, "links", NULL) : r;
}

const struct links_origin *links_origins_find(const struct links_origins *origins,
					      const char *kernel, const char *module)
{
	for (size_t i = 0; i < origins->n; i++)
		if (!strcmp(origins->v[i].module, module) && !strcmp(origins->v[i].kernel, kernel))
			return &origins->v[i];
	return NULL;
}

bool links_origin_in_box(const struct links_origin *origin)
{
	return mf_starts_with(origin->below, "kernel/");
}

void links_origins_done(struct links_origins *origins)
{
	free(origins->v);
	mf_arena_done(&origins->texts);
	*origins = (struct links_origins){ 0 };
}
