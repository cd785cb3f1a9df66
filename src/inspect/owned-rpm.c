/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files of installed rpms.
 *
 * Directories, files that rpm did not install and files that may be created later are not counted.
 * akmods builds a package for one kernel and puts the kernel's release at the end of its name:
 * kmod-NAME-KVER. Only such packages are attributed to akmods; a kmod-NAME of a repository is an
 * rpm as any other.
 */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/cleanup.h"
#include "modfetch/rpm.h"
#include "modfetch/strings.h"
#include "owned.h"

/* Is it kmod-NAME-KVER, and PATH a file of the kernel KVER? RPM Fusion leaves out the architecture. */
static bool is_of_akmods(const struct mf_rpm_header *h, const char *path)
{
	size_t len, arch = strlen(h->arch);
	const char *kernel = owned_kernel(path, &len), *at;

	if (!kernel || !mf_starts_with(h->name, "kmod-"))
		return false;
	for (at = strchr(h->name + 5, '-'); at; at = strchr(at + 1, '-')) {
		size_t rest = strlen(at + 1);

		if (rest > len || memcmp(at + 1, kernel, rest) != 0)
			continue;
		if (rest == len ||
		    (rest + 1 + arch == len && !strncmp(kernel + rest + 1, h->arch, arch)))
			return true;
	}
	return false;
}

static struct owner *rpm_owner(struct ownership *o, const struct mf_rpm_header *h, const char *path)
{
	_cleanup_free_ char *label = mf_rpm_label(h);

	struct owner *owner;

	owner = label ? owned_add_owner(o, is_of_akmods(h, path) ? MF_OWNER_AKMODS : MF_OWNER_RPM,
					label)
		      : NULL;
	if (owner)
		owner->name = mf_arena_copy(&o->arena, h->name, strlen(h->name));
	return owner && owner->name ? owner : NULL;
}

static int rpm_on_package(void *arg, void *header)
{
	struct ownership *o = arg;
	_cleanup_(mf_rpm_header_done) struct mf_rpm_header h = { 0 };
	struct owner *owner = NULL;
	int r = mf_rpm_header(header, &h);

	for (size_t i = 0; !r && i < h.n_files; i++) {
		const struct mf_rpm_file *file = &h.files[i];
		const char *path = owned_path(file->path);
		struct owned *owned;

		if (S_ISDIR(file->mode) || file->left_out || file->ghost ||
		    !owned_is_relevant(path))
			continue;
		if (!owner)
			owner = rpm_owner(o, &h, path);
		owned = owner ? owned_add(o, owner, path) : NULL;
		if (!owned)
			return -ENOMEM;
		owned->mode = file->mode;
		owned->checksum = file->checksum;
	}
	return r;
}

int owned_read_rpm(struct mf_context *ctx, struct ownership *ownership)
{
	int r = mf_rpm_each_installed(ctx, NULL, rpm_on_package, ownership);

	return r < 0 && ctx->failure.code != r ? mf_fail(ctx, MF_STAGE_CHECK, r, "rpm", NULL) : r;
}
