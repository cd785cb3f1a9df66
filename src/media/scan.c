/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which of the known layouts are on a medium?
 *
 *	DIR/repodata/repomd.xml with .p7s or .asc	a repository; DIR is the root or a directory in it
 *	NAME.rpm, DIR/NAME.rpm				package files
 *	rhdd3, rpms/ARCH/NAME.rpm			a driver disk of RHEL
 *	linux/suse/ARCH-DIST/install/NAME.rpm		a driver update disk of SUSE, also below DIR
 *	NAME.iso					an image of one of these, at the root only
 *
 * A medium is input like any other: the number of entries, directories, packages and images
 * is bounded, links and special files are not followed, names with control characters are passed over,
 * and no file is opened. Repository metadata without a signature is not looked at: its packages count as
 * package files, which must be signed themselves. Of driver disks, only the directory of this machine's
 * architecture counts.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/media.h"

enum { ENTRIES_MAX = 20000, DIRECTORIES_MAX = 256, PACKAGES_MAX = 1000, IMAGES_MAX = 4 };

struct scan {
	struct mf_context *ctx;
	struct mf_media_found *found;
	size_t entries, directories;
	bool is_repository; /* the root: package files below it are its own */
	char machine[sizeof(((struct utsname *)NULL)->machine)];
};

const char *mf_layout_name(enum mf_layout layout)
{
	switch (layout) {
	case MF_LAYOUT_REPOSITORY:
		return "repository";
	case MF_LAYOUT_PACKAGES:
		return "packages";
	case MF_LAYOUT_RHDD:
		return "driver-disk";
	case MF_LAYOUT_DUD:
		return "driver-update";
	}
	return "";
}

void mf_media_found_done(struct mf_media_found *found)
{
	mf_strings_done(&found->directories);
	mf_strings_done(&found->packages);
	mf_strings_done(&found->images);
	*found = (struct mf_media_found){ 0 };
}

/* ---- entries ---- */

static int scan_fail(const struct scan *s, const char *path, int r)
{
	return r == -ENOMEM ? mf_fail(s->ctx, MF_STAGE_MEDIA, r, path, NULL)
			    : mf_fail(s->ctx, MF_STAGE_MEDIA, -MFE_MEDIUM, path,
				      "%s; was it removed? insert it again", mf_error_sentence(r));
}

/* The directory PATH below DIRFD. A descriptor; -ENOENT: there is none, or it is a link; or -errno. */
static int open_directory(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOTDIR || errno == ELOOP ? -ENOENT : -errno;
	return fd;
}

static bool is_file(int dirfd, const char *name)
{
	struct stat st;

	return !fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode);
}

static bool is_readable_name(const char *name)
{
	for (const char *p = name; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	return *name != '.';
}

typedef int scan_visit(struct scan *s, int dirfd, const char *path, const char *name);

/* Calls VISIT for each entry of the directory PATH, which FD is. 0 or recorded. */
static int each_entry(struct scan *s, int fd, const char *path, scan_visit *visit)
{
	_cleanup_closedir_ DIR *dir = mf_opendir(fd);
	struct dirent *e;
	int r = 0;

	if (!dir)
		return scan_fail(s, path, -errno);
	while (!r) {
		errno = 0;
		e = readdir(dir);
		if (!e)
			return errno ? scan_fail(s, path, -errno) : 0;
		if (++s->entries > ENTRIES_MAX) {
			s->found->cut = true;
			return 0;
		}
		if (is_readable_name(e->d_name))
			r = visit(s, fd, path, e->d_name);
	}
	return r;
}

/* Adds PATH/NAME to a list of at most MAX. */
static int list_add(struct scan *s, struct mf_strings *list, size_t max, const char *path,
		    const char *name)
{
	_cleanup_free_ char *full = mf_format("%s/%s", path, name);

	if (list->n == max) {
		s->found->cut = true;
		return 0;
	}
	return full && !mf_strings_add(list, full) ? 0 : scan_fail(s, path, -ENOMEM);
}

/* ---- packages ---- */

static int on_package_entry(struct scan *s, int dirfd, const char *path, const char *name)
{
	if (!mf_ends_with(name, ".rpm") || !is_file(dirfd, name))
		return 0;
	return list_add(s, &s->found->packages, PACKAGES_MAX, path, name);
}

/* The package files in the directory PATH below DIRFD; LAYOUT: what it is, if it has any. */
static int take_packages(struct scan *s, int fd, const char *path, enum mf_layout layout)
{
	size_t before = s->found->packages.n;
	int r = each_entry(s, fd, path, on_package_entry);

	if (s->found->packages.n > before)
		s->found->layouts |= layout;
	return r;
}

static bool has_signed_metadata(int fd)
{
	return is_file(fd, "repodata/repomd.xml") &&
	       (is_file(fd, "repodata/repomd.xml.p7s") || is_file(fd, "repodata/repomd.xml.asc"));
}

/* A repository, or a directory of package files. */
static int take_directory(struct scan *s, int fd, const char *path, enum mf_layout layout)
{
	_cleanup_close_ int repodata = open_directory(fd, "repodata");

	if (repodata < 0 || !has_signed_metadata(fd))
		return s->is_repository ? 0 : take_packages(s, fd, path, layout);
	s->found->layouts |= MF_LAYOUT_REPOSITORY | (layout & ~(unsigned int)MF_LAYOUT_PACKAGES);
	return mf_strings_add(&s->found->directories, path) ? scan_fail(s, path, -ENOMEM) : 0;
}

/* ---- driver disks ---- */

static int scan_take_driver_disk(struct scan *s, int fd, const char *path)
{
	_cleanup_free_ char *name = mf_format("rpms/%s", s->machine);
	_cleanup_free_ char *full = name ? mf_format("%s/%s", path, name) : NULL;
	_cleanup_close_ int rpms = -1, arch = -1;

	if (!full)
		return scan_fail(s, path, -ENOMEM);
	if (!is_file(fd, "rhdd3"))
		return 0;
	rpms = open_directory(fd, "rpms");
	arch = rpms < 0 ? rpms : open_directory(rpms, s->machine);
	if (arch < 0)
		return arch == -ENOENT ? 0 : scan_fail(s, full, arch);
	s->found->layouts |= MF_LAYOUT_RHDD;
	return take_directory(s, arch, full, MF_LAYOUT_RHDD);
}

static int on_loose_module(struct scan *s, int dirfd, const char *path, const char *name)
{
	if (strstr(name, ".ko") && is_file(dirfd, name))
		s->found->modules++;
	return 0;
}

/* linux/suse/ARCH-DIST: install/ has packages, modules/ has files that are in none. */
static int on_update_entry(struct scan *s, int dirfd, const char *path, const char *name)
{
	size_t len = strlen(s->machine);
	_cleanup_free_ char *install = mf_format("%s/%s/install", path, name);
	_cleanup_free_ char *modules = mf_format("%s/%s/modules", path, name);
	_cleanup_close_ int fd = -1, install_fd = -1, modules_fd = -1;
	int r = 0;

	if (!install || !modules)
		return scan_fail(s, path, -ENOMEM);
	if (strncmp(name, s->machine, len) || name[len] != '-')
		return 0;
	fd = open_directory(dirfd, name);
	if (fd < 0)
		return fd == -ENOENT ? 0 : scan_fail(s, path, fd);
	s->found->layouts |= MF_LAYOUT_DUD;
	install_fd = open_directory(fd, "install");
	modules_fd = open_directory(fd, "modules");
	if (install_fd >= 0)
		r = take_packages(s, install_fd, install, MF_LAYOUT_DUD);
	if (!r && modules_fd >= 0)
		r = each_entry(s, modules_fd, modules, on_loose_module);
	return r;
}

static int scan_take_update(struct scan *s, int fd, const char *path)
{
	_cleanup_free_ char *full = mf_format("%s/linux/suse", path);
	_cleanup_close_ int linux_fd = open_directory(fd, "linux");
	_cleanup_close_ int suse = linux_fd < 0 ? -ENOENT : open_directory(linux_fd, "suse");

	if (!full)
		return scan_fail(s, path, -ENOMEM);
	return suse < 0 ? 0 : each_entry(s, suse, full, on_update_entry);
}

/* ---- the root ---- */

static int on_root_directory(struct scan *s, int dirfd, const char *path, const char *name)
{
	_cleanup_free_ char *full = mf_format("%s/%s", path, name);
	_cleanup_close_ int fd = open_directory(dirfd, name);
	int r;

	if (!full)
		return scan_fail(s, path, -ENOMEM);
	if (fd < 0)
		return fd == -ENOENT ? 0 : scan_fail(s, full, fd);
	if (++s->directories > DIRECTORIES_MAX) {
		s->found->cut = true;
		return 0;
	}
	if (!strcmp(name, "repodata") || !strcmp(name, "rpms"))
		return 0;
	r = take_directory(s, fd, full, MF_LAYOUT_PACKAGES);
	return r ? r : scan_take_update(s, fd, full);
}

static int on_image(struct scan *s, int dirfd, const char *path, const char *name)
{
	if (!mf_ends_with(name, ".iso") || !is_file(dirfd, name))
		return 0;
	return list_add(s, &s->found->images, IMAGES_MAX, path, name);
}

int mf_media_scan(struct mf_context *ctx, const char *path, bool images,
		  struct mf_media_found *found)
{
	struct scan s = { .ctx = ctx, .found = found };
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t before = found->directories.n;
	struct utsname uts;
	int r;

	if (fd < 0 || uname(&uts) < 0)
		return mf_fail(ctx, MF_STAGE_MEDIA, -MFE_MEDIUM, path, "%s; name its directory",
			       mf_error_sentence(-errno));
	strcpy(s.machine, uts.machine);
	r = take_directory(&s, fd, path, MF_LAYOUT_PACKAGES);
	s.is_repository = found->directories.n > before;
	if (!r && !s.is_repository)
		r = scan_take_driver_disk(&s, fd, path);
	if (!r)
		r = scan_take_update(&s, fd, path);
	if (!r)
		r = each_entry(&s, fd, path, on_root_directory);
	if (!r && images)
		r = each_entry(&s, fd, path, on_image);
	return r;
}
