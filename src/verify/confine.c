/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files that a driver package may contain, as a table of directories and of the names allowed
 * in them. A path is checked by its text alone, the way rpm would create it. Any "." or ".."
 * component is refused, so a path with a directory as its prefix is inside that directory. The
 * kernel's directory may be of any release: a repository may serve the next kernel before its first
 * boot.
 */
#include "confine.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"
#include "modfetch/scriptlets.h"
#include "modfetch/strings.h"
#include "modfetch/verify.h"
#include "confine-modules.h"
#include "confine-source.h"

/* The files allowed in a directory of the table. */
enum content { ANYTHING, MODULES, CONF, KERNEL };

static const struct {
	const char *directory;
	enum content content;
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

/* Those of some vendors, which the admin allows a repository by allow-files=. */
static const struct {
	const char *directory;
	enum mf_allow kind;
	const char *ending;
} by_permission[] = {
	{ "/etc/modprobe.d/", MF_ALLOW_MODPROBE, ".conf" },
	{ "/lib/modprobe.d/", MF_ALLOW_MODPROBE, ".conf" },
	{ "/usr/lib/modprobe.d/", MF_ALLOW_MODPROBE, ".conf" },
	{ "/etc/modules-load.d/", MF_ALLOW_MODULES_LOAD, ".conf" },
	{ "/usr/lib/modules-load.d/", MF_ALLOW_MODULES_LOAD, ".conf" },
	{ "/etc/dracut.conf.d/", MF_ALLOW_DRACUT, ".conf" },
	{ "/usr/lib/dracut/dracut.conf.d/", MF_ALLOW_DRACUT, ".conf" },
	{ "/etc/udev/rules.d/", MF_ALLOW_UDEV, ".rules" },
	{ "/lib/udev/rules.d/", MF_ALLOW_UDEV, ".rules" },
	{ "/usr/lib/udev/rules.d/", MF_ALLOW_UDEV, ".rules" },
	{ "/etc/uefi/certs/", MF_ALLOW_UEFI, ".crt" },
	{ "/etc/pki/elrepo/", MF_ALLOW_UEFI, ".der" },
	{ "/usr/share/uefi/certs/", MF_ALLOW_UEFI, ".der" },
	{ "/usr/lib/.build-id/", MF_ALLOW_BUILD_ID, "" },
};

/* The package to check. */
struct candidate {
	const struct mf_rpm_header *header;
	const char *source;   /* the name of a package with a source; NULL: it is none */
	unsigned int allowed; /* of enum mf_allow */
	bool kernel; /* a kernel that an admin named: it may contain a kernel's own files */
};

static bool is_kernel_file(const struct candidate *c, const char *path)
{
	return c->kernel && mf_kernel_file(path, &c->header->uname_r);
}

/* May the package have a file or link of this name in a directory for CONTENT? */
static bool content_allowed(const struct candidate *c, enum content content, const char *path)
{
	const char *name = strrchr(path, '/') + 1;

	switch (content) {
	case ANYTHING:
		return true;
	case CONF:
		return mf_ends_with(name, ".conf");
	case KERNEL:
		return is_kernel_file(c, path);
	case MODULES:
		/* the indexes that depmod writes decide which module is loaded: not from a package */
		return mf_is_module(name) || is_kernel_file(c, path);
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
 * Printable characters only. In a module tree also no byte with a meaning in the module indexes: a
 * blank or a colon ends a path there.
 */
static bool confine_is_plain(const char *path)
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

static bool directory_allowed(const struct candidate *c, const char *path, bool is_directory)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(allowed); i++) {
		const char *directory = allowed[i].directory;
		enum content content = allowed[i].content;
		size_t len = strlen(directory);

		if (content == KERNEL && !c->kernel)
			continue;
		if (!strncmp(path, directory, len) && path[len] &&
		    (is_directory ? content != KERNEL : content_allowed(c, content, path)))
			return true;
		/* the directory itself and its parents may be listed as directories */
		if (is_directory && !strncmp(directory, path, strlen(path)) &&
		    directory[strlen(path)] == '/')
			return true;
	}
	return false;
}

/* The kind of a path in allow-files=, or 0. IS_DIRECTORY: also of the directories above it. */
static unsigned int kind_of(const char *path, bool is_directory)
{
	unsigned int kinds = 0;

	for (size_t i = 0; i < MF_ARRAY_SIZE(by_permission); i++) {
		const char *directory = by_permission[i].directory;
		size_t len = strlen(directory), n = strlen(path);

		if (!strncmp(path, directory, len) && path[len] &&
		    (is_directory || mf_ends_with(path, by_permission[i].ending)))
			kinds |= by_permission[i].kind;
		if (is_directory && !strncmp(directory, path, n) && directory[n] == '/')
			kinds |= by_permission[i].kind;
	}
	return kinds;
}

/* rpmbuild links each build id to its module; nothing follows such a link but a debugger. */
static bool is_build_id_link(const struct candidate *c, const struct mf_rpm_file *file)
{
	static const char *const trees[] = { "../../../../lib/modules/",
					     "../../../../usr/lib/modules/" };

	if (!(c->allowed & MF_ALLOW_BUILD_ID) || !mf_starts_with(file->path, "/usr/lib/.build-id/"))
		return false;
	for (size_t i = 0; i < MF_ARRAY_SIZE(trees); i++)
		if (mf_starts_with(file->link, trees[i]) && mf_is_module(file->link) &&
		    !strstr(file->link + strlen(trees[i]), ".."))
			return true;
	return false;
}

/* A link may point to its own directory or below it, with a relative path. */
static bool link_stays(const char *target)
{
	return *target && *target != '/' && strcmp(target, "..") && strncmp(target, "../", 3) &&
	       !strstr(target, "/../") && !mf_ends_with(target, "/..");
}

/*
 * No other name may reach librpm: it would look it up in the accounts of the machine, and in another
 * root that means running the name service modules of that root.
 */
static const char *judge_owner(const struct mf_rpm_file *file)
{
	if (strcmp(file->user, "root"))
		return "it does not belong to root";
	return strcmp(file->group, "root") ? "its group is not root" : NULL;
}

/* rpm sets the mode of a directory, even if the directory exists already. */
static const char *judge_mode(const struct mf_rpm_file *file)
{
	if (S_ISLNK(file->mode))
		return NULL;
	if (file->mode & (S_ISUID | S_ISGID | S_ISVTX))
		return "it is setuid, setgid or sticky";
	if (file->mode & (S_IWGRP | S_IWOTH))
		return "users other than root could write to it";
	if (S_ISDIR(file->mode) && (file->mode & 07777) != 0755)
		return "the mode of a directory must be 0755";
	return file->has_caps ? "it has file capabilities" : NULL;
}

/* Why a package must not have a file of this path, or NULL. */
static const char *judge_place(const struct candidate *c, const struct mf_rpm_file *file)
{
	unsigned int kind = kind_of(file->path, S_ISDIR(file->mode));

	if (c->source)
		return mf_confine_source(c->header, c->source, file);
	if (directory_allowed(c, file->path, S_ISDIR(file->mode)) || kind & c->allowed)
		return NULL;
	if (kind)
		return "a driver package may install files there only if allow-files= of its "
		       "repository names their kind";
	return c->header->uname_r.n && !c->kernel
		       ? "it belongs to a kernel, which is installed only if an admin "
			 "names its package: modfetch install NAME"
		       : "a driver package may not install files there";
}

static const char *confine_judge(const struct candidate *c, const struct mf_rpm_file *file)
{
	const char *why;

	if (file->path[0] != '/' || has_dots(file->path) || !confine_is_plain(file->path))
		return "its path is not plain";
	if (!S_ISREG(file->mode) && !S_ISDIR(file->mode) && !S_ISLNK(file->mode))
		return "it is neither file, directory nor link";
	why = judge_place(c, file);
	if (!why)
		why = judge_owner(file);
	if (!why)
		why = judge_mode(file);
	if (!why && S_ISLNK(file->mode) && !link_stays(file->link) && !is_build_id_link(c, file))
		why = "the link leaves its directory";
	return why;
}

/* Records what is wrong with a file, with the word that would allow it. */
static int fail_file(struct mf_context *ctx, const struct mf_repo *repo, const char *package,
		     const struct mf_rpm_file *file, const char *why)
{
	unsigned int kind = kind_of(file->path, S_ISDIR(file->mode));

	/* several only for a directory above some */
	if (!kind || kind & (kind - 1) || kind & repo->allow_files)
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_FORBIDDEN_FILE, package, "%s: %s",
			       file->path, why);
	return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_FORBIDDEN_FILE, package,
		       "%s: %s: allow-files=%s in its section [%s]", file->path, why,
		       mf_allow_name((enum mf_allow)kind), repo->id);
}

/* Names all kinds at once, and remembers the package: it need not be downloaded again for this. */
static int refuse_scriptlets(struct mf_context *ctx, const struct mf_repo *repo,
			     const struct mf_plan_item *item, const struct mf_rpm_header *header)
{
	_cleanup_free_ char *kinds = mf_scriptlets_describe(&header->scriptlets);

	if (kinds)
		mf_scriptlets_note(ctx, item->sha256, kinds);
	return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_SCRIPTLET, item->name,
		       "it has %s, which repository %s may not have: set scriptlets=1 in its "
		       "section [%s] if you trust them",
		       kinds ? kinds : header->scriptlets.v[0], repo->id, repo->id);
}

/* SUSE's and RHEL's names of driver packages, but for the packages of depmod and modprobe. */
static bool is_driver_name(const char *name)
{
	static const char *const tools[] = { "kmod-libs", "kmod-devel", "kmod-compat" };

	for (size_t i = 0; i < MF_ARRAY_SIZE(tools); i++)
		if (!strcmp(name, tools[i]))
			return false;
	return strstr(name, "-kmp") || mf_starts_with(name, "kmod-") || mf_ends_with(name, "-kmod");
}

int mf_confine(struct mf_context *ctx, const struct mf_repo *repo, const struct mf_plan_item *item,
	       const struct mf_rpm_header *header)
{
	const char *package = item->name;
	const struct candidate candidate = { header, mf_confine_is_source(package) ? package : NULL,
					     repo->allow_files, item->named && header->uname_r.n };

	for (size_t i = 0; i < header->n_files; i++) {
		const char *why = confine_judge(&candidate, &header->files[i]);

		if (why)
			return fail_file(ctx, repo, package, &header->files[i], why);
	}
	if (header->scriptlets.n && candidate.source)
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_SCRIPTLET, package,
			       "it has %s, which no package with a source may have",
			       header->scriptlets.v[0]);
	if (header->scriptlets.n && !repo->scriptlets)
		return refuse_scriptlets(ctx, repo, item, header);
	for (size_t i = 0; i < header->obsoletes.n; i++)
		if (!is_driver_name(header->obsoletes.v[i]))
			return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_FORBIDDEN_FILE, package,
				       "it obsoletes %s, which is not a driver package",
				       header->obsoletes.v[i]);
	return mf_confine_modules(ctx, package, header);
}
