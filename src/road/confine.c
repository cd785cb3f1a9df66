/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a driver package may hold, as a table of folders and of names in them. A path is judged by
 * its text alone, the way rpm would create it: any "." or ".." component is refused, so a prefix is
 * a true containment. The kernel's folder is any release's: a repository may serve the next kernel
 * before its first boot.
 */
#include "modfetch/confine.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/confine-modules.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"

/* What may stand in a folder of the table. */
enum holds { ANYTHING, MODULES, CONF, KERNEL };

static const struct {
	const char *folder;
	enum holds holds;
} allowed[] = {
	{ "/lib/modules/", MODULES },
	{ "/usr/lib/modules/", MODULES },
	{ "/lib/firmware/", ANYTHING },
	{ "/usr/lib/firmware/", ANYTHING },
	{ "/usr/lib/depmod.d/", CONF },
	{ "/etc/depmod.d/", CONF },
	{ "/usr/share/doc/", ANYTHING },
	{ "/usr/share/licenses/", ANYTHING },
	{ "/boot/", KERNEL },
};

/* What the package of the kernel itself brings: these names, and more behind a '-' or '.'. */
static const char *const kernel_parts[] = {
	"vmlinuz", "vmlinux", "Image",		 "System.map",
	"config",  "symvers", "modules.builtin", "modules.order",
};

static bool is_kernel_part(const char *name)
{
	for (size_t i = 0; i < sizeof(kernel_parts) / sizeof(*kernel_parts); i++) {
		size_t len = strlen(kernel_parts[i]);

		if (!strncmp(name, kernel_parts[i], len) && strchr("-.", name[len]))
			return true;
	}
	return false;
}

/* The package of the kernel itself, by the contract's name for it. */
static bool is_kernel(const char *package)
{
	return mf_starts_with(package, "kernel-") && strstr(package, "-image");
}

/* May PACKAGE have a file or link of this name in a folder that holds such things? */
static bool may_hold(const char *package, enum holds holds, const char *path)
{
	const char *name = strrchr(path, '/') + 1;

	switch (holds) {
	case ANYTHING:
		return true;
	case CONF:
		return mf_ends_with(name, ".conf");
	case KERNEL:
		return is_kernel(package) && is_kernel_part(name);
	case MODULES:
		/* the indexes depmod writes steer what is loaded: no package brings those */
		return mf_is_module(name) || (is_kernel(package) && is_kernel_part(name));
	}
	return false;
}

static bool has_dots(const char *path)
{
	for (const char *p = path; (p = strchr(p, '/')); p++) {
		size_t len = strcspn(p + 1, "/");

		if ((len == 1 && p[1] == '.') || (len == 2 && p[1] == '.' && p[2] == '.'))
			return true;
	}
	return false;
}

/*
 * Whole characters that print; and nothing that the indexes of modules give a meaning to, in whose
 * lines a blank or a colon ends a path.
 */
static bool is_plain(const char *path)
{
	bool module =
		mf_starts_with(path, "/lib/modules/") || mf_starts_with(path, "/usr/lib/modules/");

	if (module)
		return mf_is_word(path, strlen(path)) && !strchr(path, ':');
	for (; *path; path++)
		if ((unsigned char)*path < ' ' || *path == 0x7f)
			return false;
	return true;
}

static bool folder_allowed(const char *package, const char *path, bool is_folder)
{
	for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++) {
		const char *folder = allowed[i].folder;
		size_t len = strlen(folder);

		if (allowed[i].holds == KERNEL && !is_kernel(package))
			continue;
		if (!strncmp(path, folder, len) && path[len] &&
		    (is_folder || may_hold(package, allowed[i].holds, path)))
			return true;
		/* the folder itself, and what leads to it, may be listed as a folder */
		if (is_folder && !strncmp(folder, path, strlen(path)) &&
		    folder[strlen(path)] == '/')
			return true;
	}
	return false;
}

/* A link may point to its own folder or below, by name. */
static bool link_stays(const char *target)
{
	return *target && *target != '/' && strcmp(target, "..") && strncmp(target, "../", 3) &&
	       !strstr(target, "/../") && !mf_ends_with(target, "/..");
}

static const char *judge(const char *package, const struct mf_rpm_file *file)
{
	if (file->path[0] != '/' || has_dots(file->path) || !is_plain(file->path))
		return "its path is not plain";
	if (!S_ISREG(file->mode) && !S_ISDIR(file->mode) && !S_ISLNK(file->mode))
		return "it is neither file, folder nor link";
	if (!folder_allowed(package, file->path, S_ISDIR(file->mode)))
		return "a driver package has no business there";
	if (S_ISLNK(file->mode))
		return link_stays(file->link) ? NULL : "the link leaves its folder";
	if (file->mode & (S_ISUID | S_ISGID | S_ISVTX))
		return "it is setuid, setgid or sticky";
	if (file->mode & S_IWOTH || (file->mode & S_IWGRP && strcmp(file->group, "root")))
		return "others than root could write it";
	if (file->has_caps)
		return "it has file capabilities";
	if (strcmp(file->user, "root"))
		return "it does not belong to root";
	return NULL;
}

int mf_confine(struct mf_context *ctx, const struct mf_repo *repo, const char *package,
	       const struct mf_rpm_header *header)
{
	for (size_t i = 0; i < header->n_files; i++) {
		const char *why = judge(package, &header->files[i]);

		if (why)
			return mf_fail(ctx, "verify", -MFE_FORBIDDEN_FILE, package, "%s: %s",
				       header->files[i].path, why);
	}
	if (header->scriptlets.n && !repo->scriptlets)
		return mf_fail(ctx, "verify", -MFE_SCRIPTLET, package, "it has a %s",
			       header->scriptlets.v[0]);
	for (size_t i = 0; i < header->obsoletes.n; i++)
		if (!strstr(header->obsoletes.v[i], "-kmp"))
			return mf_fail(ctx, "verify", -MFE_FORBIDDEN_FILE, package,
				       "it obsoletes %s, which is no driver",
				       header->obsoletes.v[i]);
	return mf_confine_modules(ctx, package, header);
}
