/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel-image package: the files to boot a kernel, and its built-in modules and exports as
 * provides.
 *
 * It provides every export of vmlinux, so that any package manager finds the drivers that fit, and
 * every built-in module by name. It holds the boot files where Debian, SUSE and Fedora all find
 * them, /boot/NAME-KVER, and beside the modules the files that depmod reads. The symbol versions
 * are installed as symvers.gz. There is no scriptlet: the distribution makes the initrd and the
 * boot entry.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"
#include "model.h"

/* Where each part is installed: DIRECTORY/NAMEKVER, or in the tree where there is no directory. */
static const struct {
	enum pack_part part;
	const char *directory, *name, *suffix;
} targets[] = {
	{ PACK_IMAGE, "/boot", "vmlinuz-", NULL },
	{ PACK_SYSTEM_MAP, "/boot", "System.map-", NULL },
	{ PACK_CONFIG, "/boot", "config-", NULL },
	{ PACK_SYMVERS, NULL, "symvers", ".gz" },
};

static int add_part(const struct pack_kernel *kernel, struct pack_package *package, size_t i)
{
	const char *path = kernel->parts[targets[i].part];
	_cleanup_free_ char *base = NULL, *target = NULL;
	const char *name;
	int r;

	if (!path)
		return 0;
	name = strrchr(path, '/') + 1;
	base = strndup(path, (size_t)(name - path));
	if (!base)
		return -ENOMEM;
	if (targets[i].directory)
		target = mf_format("%s/%s%s", targets[i].directory, targets[i].name,
				   kernel->release.release);
	else /* a compressed one keeps its suffix */
		target = mf_format("%s/%s%s", kernel->install_dir, targets[i].name,
				   mf_ends_with(name, ".xz")	? ".xz"
				   : mf_ends_with(name, ".zst") ? ".zst"
								: targets[i].suffix);
	if (!target)
		return -ENOMEM;
	r = pack_package_file(package, base, name, target, NULL, 0);
	if (r < 0)
		return r;
	package->files[package->n_files - 1].gzip =
		mf_ends_with(target, ".gz") && !mf_ends_with(name, ".gz");
	return 0;
}

static int image_add_files(const struct pack_kernel *kernel, struct pack_package *package)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < MF_ARRAY_SIZE(targets); i++)
		r = add_part(kernel, package, i);
	for (size_t i = 0; r >= 0 && i < kernel->extras.n; i++) {
		_cleanup_free_ char *target = NULL;

		target = mf_format("%s/%s", kernel->install_dir, kernel->extras.v[i]);
		if (!target)
			return -ENOMEM;
		r = pack_package_file(package, kernel->tree, kernel->extras.v[i], target, NULL, 0);
	}
	return r;
}

static void image_put_relations(const struct pack_kernel *kernel, FILE *out)
{
	const struct mf_release *r = &kernel->release;

	fprintf(out, "Provides: kernel-%s\nProvides: kernel-%s-%s\nProvides: kernel-%s-image\n",
		r->flavor, r->flavor, r->abi, r->flavor);
	fprintf(out, "Provides: kernel-uname-r = %s\n", r->uname_r);
	for (size_t i = 0; i < kernel->builtins.n; i++)
		if (!i || strcmp(kernel->builtins.v[i], kernel->builtins.v[i - 1]))
			fprintf(out, "Provides: kmod(%s.ko)\n", kernel->builtins.v[i]);
	for (size_t i = 0; i < kernel->n_vmlinux; i++)
		if (kernel->vmlinux[i].has_crc)
			fprintf(out, "Provides: ksym(%s:%s) = %x\n", r->flavor,
				kernel->vmlinux[i].name, kernel->vmlinux[i].crc);
}

static int image_fill(const struct pack_kernel *kernel, struct pack_package *package)
{
	const struct mf_release *r = &kernel->release;
	size_t len;
	FILE *out;

	package->kind = PACK_KIND_IMAGE;
	package->kernel = kernel;
	package->arch = kernel->arch;
	package->version = strdup(kernel->version);
	package->revision = strdup(kernel->revision);
	package->license = strdup("GPL-2.0-only");
	package->name = mf_format("kernel-%s-image-%s", r->flavor, r->abi);
	package->summary = mf_format("Linux %s without its modules", r->release);
	package->description =
		mf_format("The kernel %s itself, its configuration and its symbol versions; each "
			  "module has a package of its own.",
			  r->release);
	if (!package->name || !package->summary || !package->description || !package->version ||
	    !package->revision || !package->license)
		return -ENOMEM;
	out = open_memstream(&package->relations, &len);
	if (!out)
		return -ENOMEM;
	image_put_relations(kernel, out);
	if (fclose(out))
		return -ENOMEM;
	return image_add_files(kernel, package);
}

int pack_image_make(struct pack *pack, struct pack_kernel *kernel)
{
	struct pack_package *package = pack_package_new(pack);
	int r = package ? image_fill(kernel, package) : -ENOMEM;

	if (r < 0)
		return mf_fail(pack->ctx, MF_STAGE_PACK, r, kernel->tree, "its image package");
	pack_package_set_fingerprint(package);
	return 0;
}
