/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files of a kernel itself.
 *
 * A machine boots from /boot: a driver package that could write or remove a file there would have
 * more power than any module. So the allowed files are listed by name, each with the release of the
 * kernel that its package provides, and nothing else is allowed below /boot: no entry of a boot
 * loader, no initrd, no directory. The indexes that depmod writes are not among the files beside
 * the modules either.
 *
 * rpm allows one dash in a version, so "kernel-uname-r = 6.1.0-56.amd64" is the release
 * "6.1.0-56-amd64"; the release in a path is converted to that form before the comparison.
 */
#include "modfetch/verify.h"
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include "modfetch/array.h"
#include "modfetch/release.h"

static const char *const in_boot[] = {
	"vmlinuz", "vmlinux", "Image", "System.map", "config", "symvers",
};

static const char *const beside_modules[] = {
	"vmlinuz",
	"System.map",
	"config",
	"symvers",
	"modules.builtin",
	"modules.builtin.modinfo",
	"modules.builtin.ranges",
	"modules.order",
};

/* For symvers only. */
static const char *const compressed[] = { ".gz", ".xz", ".zst" };

/* Is NAME, of LEN bytes, in the list? */
static bool kernel_file_is_listed(const char *const *list, size_t n, const char *name, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(list[i]) == len && !memcmp(list[i], name, len))
			return true;
	return false;
}

/* Length of NAME without the ending of a compressed symvers file. */
static size_t without_ending(const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0; mf_starts_with(name, "symvers") && i < MF_ARRAY_SIZE(compressed); i++)
		if (mf_ends_with(name, compressed[i]))
			return len - strlen(compressed[i]);
	return len;
}

/* Is RELEASE, of LEN bytes, that of one of the kernels? */
static bool is_release_of(const char *release, size_t len, const struct mf_strings *uname_r)
{
	char copy[MF_RELEASE_MAX];
	struct mf_release parsed;

	if (len >= sizeof(copy))
		return false;
	snprintf(copy, sizeof(copy), "%.*s", (int)len, release);
	return !mf_release_parse(copy, NULL, &parsed) && mf_strings_has(uname_r, parsed.uname_r);
}

static bool is_boot_file(const char *name, const struct mf_strings *uname_r)
{
	size_t len = strcspn(name, "-"), end = without_ending(name);

	return !strchr(name, '/') && name[len] && end > len + 1 &&
	       kernel_file_is_listed(in_boot, MF_ARRAY_SIZE(in_boot), name, len) &&
	       is_release_of(name + len + 1, end - len - 1, uname_r);
}

const char *mf_kernel_tree_path(const char *path)
{
	static const char modules[] = "/lib/modules/";

	path = mf_without_usr(path);
	return mf_starts_with(path, modules) ? path + strlen(modules) : NULL;
}

bool mf_kernel_file(const char *path, const struct mf_strings *uname_r)
{
	static const char boot[] = "/boot/";
	const char *kernel = mf_kernel_tree_path(path), *name;
	size_t len;

	if (mf_starts_with(path, boot))
		return is_boot_file(path + strlen(boot), uname_r);
	if (!kernel)
		return false;
	len = strcspn(kernel, "/");
	name = kernel + len + (kernel[len] == '/');
	return kernel_file_is_listed(beside_modules, MF_ARRAY_SIZE(beside_modules), name,
				     without_ending(name)) &&
	       is_release_of(kernel, len, uname_r);
}

int mf_kernel_check_removal(struct mf_context *ctx, const struct mf_rpm_header *header)
{
	struct utsname running;
	bool leaves = ctx->kernel_running &&
		      is_release_of(ctx->kernel, strlen(ctx->kernel), &header->uname_r);

	/* the run may be for another kernel than the one that this machine runs */
	if (!leaves && !*ctx->root && header->uname_r.n && !uname(&running))
		leaves = is_release_of(running.release, strlen(running.release), &header->uname_r);
	if (!leaves)
		return 0;
	return mf_fail(
		ctx, MF_STAGE_INSTALL, -MFE_DENIED, header->name,
		"it is the kernel that this machine runs, which is not removed; boot another "
		"kernel first");
}
