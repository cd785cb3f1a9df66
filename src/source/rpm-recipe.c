/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The recipe of a source rpm that was made for kmodtool, as akmods builds it: rpmbuild --rebuild
 * with the macro "kernels" set to the release. The spec file decides which packages result. The one
 * that has files in the module directory of this kernel is moved to a fixed name, and its modules
 * are taken out of it by the same code that reads each package; none of its scriptlets is run.
 *
 * The copy of the source is a directory with the source rpm in it, and so is the place: nothing of
 * dkms is involved. The modules are not stripped: the spec file has decided that too.
 *
 * The name of the file and the release become words of a shell and macros of rpm. So a name is
 * plain (sources.c), and a release with another byte than letters, digits and "._+-" is refused.
 */
#include "rpm-recipe.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"

#define RESULT "modfetch-result.rpm"

/* A word that no shell and no macro changes. */
static bool word_is_safe(const char *word)
{
	return *word && *word != '-' &&
	       word[strspn(
		       word,
		       "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-~^")] ==
		       '\0';
}

int rpm_recipe(struct mf_context *ctx, const struct mf_source *source,
	       const struct mf_recipe_kernel *kernel, struct mf_recipe *ret_recipe)
{
	_cleanup_(mf_recipe_done) struct mf_recipe recipe = { 0 };
	const char *slash = strrchr(source->path, '/');
	const char *file = slash ? slash + 1 : source->path;

	if (!word_is_safe(file) || !word_is_safe(kernel->release) || !word_is_safe(kernel->arch))
		return mf_fail(
			ctx, MF_STAGE_SOURCE, -MFE_SOURCE, source->path,
			"its name, or that of kernel %s, has a byte that rpmbuild does not take",
			kernel->release);
	recipe.place = mf_format("/var/lib/modfetch/build/%s", source->name);
	recipe.package = strdup(RESULT);
	/*
	 * the home directory of the box has no rpmmacros; all that is written is in the copy, since the
	 * box has no /var
	 */
	recipe.make = mf_format("set -e\n"
				"top=$PWD/rpmbuild\n"
				"mkdir -p \"$top/tmp\"\n"
				"rpmbuild --rebuild --target %s --define \"_topdir $top\" "
				"--define \"_tmppath $top/tmp\" --define \"_dbpath $top/db\" "
				"--define 'kernels %s' --define '_smp_mflags -j%u' "
				"--define 'debug_package %%{nil}' ./%s\n"
				"for package in \"$top\"/RPMS/*/*.rpm; do\n"
				"case $(rpm -qlp \"$package\") in\n"
				"*/lib/modules/%s/*) mv \"$package\" " RESULT "; exit ;;\n"
				"esac\n"
				"done\n"
				"echo 'no package has modules for %s' >&2\n"
				"exit 1\n",
				kernel->arch, kernel->release, kernel->jobs ? kernel->jobs : 1,
				file, kernel->release, kernel->release);
	recipe.autoinstall = true;
	if (!recipe.place || !recipe.package || !recipe.make)
		return mf_fail(ctx, MF_STAGE_SOURCE, -ENOMEM, source->path, NULL);
	*ret_recipe = recipe;
	recipe = (struct mf_recipe){ 0 };
	return 0;
}
