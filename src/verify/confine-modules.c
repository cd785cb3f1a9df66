/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Modules of a package as kmod will see them.
 *
 * The verify stage checks regular files with the name of a module. kmod finds more: depmod follows
 * links, also to directories, and uses the name of the link; it ends a name at the first dot; and
 * of two files with one name it uses one. Each of these would let modprobe load a file that was not
 * checked, or was checked under another name. So:
 *	- a link that could lead to a module points directly to a module that is a regular file of
 *	  the same package; a file on the disk or in another package may be anything
 *	  (kmod does not look at links in .build-id/, which have other names)
 *	- a module's file name has no dot before its ending
 *	- a package has one file per module name and kernel
 *	- modules and depmod.d files are no hard links: rpm checks the bytes that it writes last, and
 *	  the header may list them as another file's
 *	- depmod.d files are no symbolic links either
 * Links that the scripts of SUSE and RHEL make in weak-updates are in no package; `modfetch check`
 * checks them.
 */
#include "confine-modules.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"
#include "modfetch/verify.h"
#include "verify-conf.h"

static const struct mf_rpm_file *find_file(const struct mf_rpm_header *header, const char *dir,
					   size_t dir_len, const char *name)
{
	for (size_t i = 0; i < header->n_files; i++) {
		const char *path = header->files[i].path;

		if (!strncmp(path, dir, dir_len) && !strcmp(path + dir_len, name))
			return &header->files[i];
	}
	return NULL;
}

/* A link of rpmbuild's from a build id to a file; confine.c says which repositories may have them. */
#define BUILD_ID "/usr/lib/.build-id/"
#define UP	 "../../../.."

static const char *judge_link(const struct mf_rpm_header *header, const struct mf_rpm_file *file)
{
	const char *name = strrchr(file->path, '/') + 1;
	bool module = mf_is_module(name) || mf_is_module(file->link);
	const struct mf_rpm_file *target;

	if (!module && !mf_kernel_tree_path(file->path))
		return NULL;
	if (!mf_is_module(name) && mf_starts_with(file->path, BUILD_ID) &&
	    mf_starts_with(file->link, UP "/")) {
		target = find_file(header, "", 0, file->link + strlen(UP));
		return target && S_ISREG(target->mode)
			       ? NULL
			       : "the link does not lead to a file of this package";
	}
	target = find_file(header, file->path, (size_t)(name - file->path), file->link);
	if (!target || !S_ISREG(target->mode))
		return "the link does not lead to a file of this package";
	if (module && (!mf_is_module(name) || !mf_is_module(target->path)))
		return "only one of the link and its target has the name of a module";
	return NULL;
}

static const char *modules_judge(const struct mf_rpm_header *header, const struct mf_rpm_file *file)
{
	bool module = mf_is_module(file->path), conf = mf_is_depmod_conf(file->path);

	if (S_ISDIR(file->mode))
		return NULL;
	if (conf && S_ISLNK(file->mode))
		return "it is a link, and depmod would read a file outside the package";
	if ((module || conf) && file->links > 1)
		return "it is a hard link, and may get the bytes of another file";
	if (mf_module_name_is_cut(file->path))
		return "kmod ends the name of a module at the first dot, so this file would have "
		       "the name of another module";
	return S_ISLNK(file->mode) ? judge_link(header, file) : NULL;
}

/* Appends "KVER/NAME" if the file is a module of a kernel. */
static int modules_add_name(struct mf_strings *names, const struct mf_rpm_file *file)
{
	const char *kernel = mf_kernel_tree_path(file->path);
	char name[MF_MODULE_NAME_SIZE];
	_cleanup_free_ char *text = NULL;

	if (!kernel || S_ISDIR(file->mode) || !mf_is_module(file->path) ||
	    !mf_module_name(file->path, name, sizeof(name)))
		return 0;
	text = mf_format("%.*s/%s", (int)strcspn(kernel, "/"), kernel, name);
	if (!text)
		return -ENOMEM;
	return mf_strings_add(names, text);
}

static int check_duplicates(struct mf_context *ctx, const char *package,
			    const struct mf_rpm_header *header)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };

	for (size_t i = 0; i < header->n_files; i++)
		if (modules_add_name(&names, &header->files[i]) < 0)
			return mf_fail(ctx, MF_STAGE_VERIFY, -ENOMEM, package, NULL);
	mf_strings_sort(&names);
	for (size_t i = 1; i < names.n; i++)
		if (!strcmp(names.v[i - 1], names.v[i]))
			return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_FORBIDDEN_FILE, package,
				       "lib/modules/%s: the package has two files for this module",
				       names.v[i]);
	return 0;
}

int mf_confine_modules(struct mf_context *ctx, const char *package,
		       const struct mf_rpm_header *header)
{
	for (size_t i = 0; i < header->n_files; i++) {
		const char *why = modules_judge(header, &header->files[i]);

		if (why)
			return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_FORBIDDEN_FILE, package, "%s: %s",
				       header->files[i].path, why);
	}
	return check_duplicates(ctx, package, header);
}
