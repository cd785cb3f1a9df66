/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which kernels are installed.
 *
 * A directory of /lib/modules, or of /usr/lib/modules where that is another one, counts if it has
 * modules or an image of its kernel. Links, headers and other leftovers of a kernel that was removed
 * (build, source, updates from a vendor's package, indexes) make no kernel.
 *
 * Links from one kernel's directory into another's are known by their text: absolute below
 * /lib/modules, as weak-modules writes them, or relative.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/context.h"
#include "modfetch/strings.h"

/*
 * What only a kernel's own package puts there: its modules, their order, or its image. Where drivers are
 * packages of their own, one that other kernels have as a link may be the only one in "kernel".
 */
static const char *const marks[] = { "modules.order", "modules.builtin", "vmlinuz", "vmlinux",
				     "kernel" };
#define OWN_MARKS (MF_ARRAY_SIZE(marks) - 1)

/* Is there one of the first N marks, or the image in /boot? */
static bool kernels_has_mark(const struct mf_context *ctx, const char *kernel, size_t n)
{
	static const char *const prefixes[] = { "lib/modules", "usr/lib/modules" };
	_cleanup_free_ char *image = mf_format("boot/vmlinuz-%s", kernel);

	if (!*kernel || *kernel == '.' || strchr(kernel, '/') || !image)
		return false;
	for (size_t i = 0; i < MF_ARRAY_SIZE(prefixes); i++) {
		_cleanup_free_ char *directory = mf_format("%s/%s", prefixes[i], kernel);

		if (!directory || !mf_context_exists(ctx, directory))
			continue;
		if (mf_context_exists(ctx, image))
			return true;
		for (size_t j = 0; j < n; j++) {
			_cleanup_free_ char *path = mf_format("%s/%s", directory, marks[j]);

			if (path && mf_context_exists(ctx, path))
				return true;
		}
	}
	return false;
}

bool mf_kernel_is_installed(const struct mf_context *ctx, const char *kernel)
{
	return kernels_has_mark(ctx, kernel, MF_ARRAY_SIZE(marks));
}

bool mf_kernel_can_boot(const struct mf_context *ctx, const char *kernel)
{
	return kernels_has_mark(ctx, kernel, OWN_MARKS);
}

static int kernels_add(const struct mf_context *ctx, const char *directory,
		       struct mf_strings *kernels)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *e;
	int fd = mf_context_open(ctx, directory, O_RDONLY | O_DIRECTORY);
	int r = 0;

	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR ? 0 : fd;
	dir = fdopendir(fd);
	if (!dir) {
		r = -errno;
		close(fd);
		return r;
	}
	while (r >= 0 && (e = readdir(dir)))
		if (!mf_strings_has(kernels, e->d_name) && mf_kernel_is_installed(ctx, e->d_name))
			r = mf_strings_add(kernels, e->d_name);
	return r < 0 ? r : 0;
}

int mf_kernels_list(const struct mf_context *ctx, struct mf_strings *ret_kernels)
{
	struct mf_strings kernels = { 0 };
	int r = kernels_add(ctx, "lib/modules", &kernels);

	if (!r)
		r = kernels_add(ctx, "usr/lib/modules", &kernels);
	if (r < 0) {
		mf_strings_done(&kernels);
		return r;
	}
	mf_strings_sort(&kernels);
	*ret_kernels = kernels;
	return 0;
}

bool mf_kernel_of_link(int tree, const char *path, char *ret_release, size_t size)
{
	static const char below[] = "/lib/modules/";
	char target[PATH_MAX];
	const char *kernel;
	ssize_t n = readlinkat(tree, path, target, sizeof(target) - 1);
	size_t len;

	if (n <= 0)
		return false;
	target[n] = '\0';
	kernel = strstr(target, below);
	kernel = kernel ? kernel + strlen(below) : target;
	/* a relative link leaves this kernel's directory first */
	while (mf_starts_with(kernel, "../"))
		kernel += strlen("../");
	len = strcspn(kernel, "/");
	if (!len || !kernel[len] || len >= size)
		return false;
	memcpy(ret_release, kernel, len);
	ret_release[len] = '\0';
	return true;
}
