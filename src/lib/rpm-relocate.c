/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which files of a package are left out, and which are installed elsewhere than it says.
 *
 * A relocation to nowhere is that of rpm's --excludepath: the database marks these files, so that
 * an erasure skips them too. A package may say /lib/modules or /usr/lib/modules, and a root where
 * these are two directories looks in one of them only (mf_modules_below_usr()): what lies in the
 * other one is moved. The database then has the new paths, so that a check or an erasure finds the files. Only
 * the directories of kernels are ever moved.
 */
#include <errno.h>
#include <stdlib.h>
#include "modfetch/cleanup.h"
#include "modfetch/rpm.h"
#include "modfetch/strings.h"
#include "rpm-private.h"

static int add_path(struct mf_strings *paths, bool below_usr, const char *kernel)
{
	_cleanup_free_ char *path = mf_format("%s/lib/modules/%s", below_usr ? "/usr" : "", kernel);

	return path ? mf_strings_add(paths, path) : -ENOMEM;
}

/* Adds the other path of the kernel's directory, and that of this root. 0 or -ENOMEM. */
static int add_move(const struct mf_context *ctx, const char *kernel, struct mf_strings *paths)
{
	bool below_usr = mf_modules_below_usr(ctx, kernel);
	int r = add_path(paths, !below_usr, kernel);

	return r < 0 ? r : add_path(paths, below_usr, kernel);
}

static int find_moves(const struct mf_context *ctx, Header header, struct mf_strings *paths)
{
	_cleanup_(mf_strings_done) struct mf_strings kernels = { 0 };
	int r = ctx->modules_place == MF_MODULES_MERGED ? 0 : mf_rpm_kernels(header, &kernels);

	for (size_t i = 0; r >= 0 && i < kernels.n; i++)
		r = add_move(ctx, kernels.v[i], paths);
	return r < 0 ? r : 0;
}

int mf_rpm_relocations(const struct mf_context *ctx, const struct mf_rpm_install *install,
		       Header header, struct mf_rpm_relocations *ret_relocations)
{
	size_t n_without = install->without ? install->without->n : 0, n = 0;
	struct mf_strings paths = { 0 };
	int r = find_moves(ctx, header, &paths);
	rpmRelocation *v = NULL;

	if (!r && n_without + paths.n) {
		v = calloc(n_without + paths.n / 2 + 1, sizeof(*v));
		r = v ? 0 : -ENOMEM;
	}
	if (r < 0) {
		mf_strings_done(&paths);
		return r;
	}
	for (size_t i = 0; i < n_without; i++)
		v[n++].oldPath = install->without->v[i];
	for (size_t i = 0; i < paths.n; i += 2)
		v[n++] = (rpmRelocation){ paths.v[i], paths.v[i + 1] };
	*ret_relocations = (struct mf_rpm_relocations){ v, paths };
	return 0;
}

void mf_rpm_relocations_done(struct mf_rpm_relocations *relocations)
{
	free(relocations->v);
	mf_strings_done(&relocations->paths);
	*relocations = (struct mf_rpm_relocations){ 0 };
}
