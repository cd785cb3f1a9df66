/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A kernel to be packed: its directory, its names, and the files that belong to it.
 *
 * Determines the release (the name of the directory), the flavor and ABI, and the directory that
 * packages install to, and finds the files of the kernel-image package in the places where
 * distributions put them. A file that the command line names must be there. A file that is searched
 * for may be missing; the image package then lacks it, and a line reports that.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"
#include "model.h"

/*
 * Where each part is searched; the first hit counts. %T is the tree, %R the root that contains it,
 * %K the release, %F the flavor; the rest is a glob(7) pattern.
 */
static const struct {
	enum pack_part part;
	const char *pattern;
} places[] = {
	{ PACK_IMAGE, "%T/vmlinuz" },
	{ PACK_IMAGE, "%R/boot/vmlinuz-%K" },
	{ PACK_IMAGE, "%T/Image" },
	{ PACK_IMAGE, "%R/boot/Image-%K" },
	{ PACK_IMAGE, "%R/boot/image-%K" },
	{ PACK_IMAGE, "%R/boot/zImage-%K" },
	{ PACK_IMAGE, "%R/boot/vmlinux-%K" },
	{ PACK_SYSTEM_MAP, "%T/System.map" },
	{ PACK_SYSTEM_MAP, "%R/boot/System.map-%K" },
	{ PACK_CONFIG, "%T/config" },
	{ PACK_CONFIG, "%R/boot/config-%K" },
	{ PACK_SYMVERS, "%T/symvers{,.gz,.xz,.zst}" },
	{ PACK_SYMVERS, "%R/boot/symvers-%K{,.gz,.xz,.zst}" },
	{ PACK_SYMVERS, "%R/usr/src/linux-headers-%K/Module.symvers" },
	{ PACK_SYMVERS, "%R/usr/src/kernels/%K/Module.symvers" },
	{ PACK_SYMVERS, "%R/usr/src/linux-*-obj/*/%F/Module.symvers" },
	{ PACK_SYMVERS, "%T/build/Module.symvers" },
};

static const char *const part_names[PACK_N_PARTS] = {
	[PACK_IMAGE] = "kernel image (vmlinuz)",
	[PACK_SYSTEM_MAP] = "System.map",
	[PACK_CONFIG] = "kernel configuration",
	[PACK_SYMVERS] = "Module.symvers",
};

/* Files of the tree that are neither a module nor an index that depmod writes. */
static const char *const extras[] = { "modules.builtin", "modules.builtin.modinfo",
				      "modules.builtin.ranges", "modules.order" };

/*
 * PATTERN with its % sequences expanded; new memory. With ROOT NULL, a pattern with %R matches
 * nothing.
 */
static char *expand_pattern(const struct pack_kernel *kernel, const char *root, const char *pattern)
{
	_cleanup_free_ char *out = NULL;
	size_t len;
	FILE *f = open_memstream(&out, &len);

	if (!f)
		return NULL;
	for (; *pattern; pattern++) {
		const char *word = NULL;

		if (*pattern == '%') {
			switch (*++pattern) {
			case 'T':
				word = kernel->tree;
				break;
			case 'R':
				word = root ? root : "/nonexistent";
				break;
			case 'K':
				word = kernel->release.release;
				break;
			case 'F':
				word = kernel->release.flavor;
				break;
			}
			fputs(word, f);
		} else {
			fputc(*pattern, f);
		}
	}
	if (fclose(f))
		return NULL;
	return MF_STEAL(out);
}

/*
 * The directory that contains lib/modules or usr/lib/modules of the tree, new memory; NULL: the
 * tree is not in such a directory.
 */
static char *find_root(const struct pack_kernel *kernel, const char **ret_prefix)
{
	static const char *const prefixes[] = { "/usr/lib/modules", "/lib/modules" };
	const char *slash = strrchr(kernel->tree, '/');
	size_t len = (size_t)(slash - kernel->tree);

	for (size_t i = 0; i < 2; i++) {
		size_t n = strlen(prefixes[i]);

		if (len >= n && !memcmp(slash - n, prefixes[i], n)) {
			*ret_prefix = prefixes[i];
			return strndup(kernel->tree, len - n);
		}
	}
	*ret_prefix = "/lib/modules";
	return NULL;
}

static int find_parts(struct pack_kernel *kernel, const char *root)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(places); i++) {
		char **part = &kernel->parts[places[i].part];
		_cleanup_free_ char *pattern = NULL;
		glob_t found = { 0 };

		if (*part)
			continue;
		pattern = expand_pattern(kernel, root, places[i].pattern);
		if (!pattern)
			return -ENOMEM;
		if (!glob(pattern, GLOB_BRACE, NULL, &found) && !access(found.gl_pathv[0], R_OK))
			*part = strdup(found.gl_pathv[0]);
		globfree(&found);
	}
	return 0;
}

static int use_given_parts(struct pack *pack, struct pack_kernel *kernel)
{
	const char *const given[PACK_N_PARTS] = {
		[PACK_IMAGE] = pack->options->image,
		[PACK_SYSTEM_MAP] = pack->options->system_map,
		[PACK_CONFIG] = pack->options->config,
		[PACK_SYMVERS] = pack->options->symvers,
	};

	for (size_t i = 0; i < PACK_N_PARTS; i++) {
		if (!given[i])
			continue;
		kernel->parts[i] = realpath(given[i], NULL);
		if (!kernel->parts[i])
			return mf_fail(pack->ctx, MF_STAGE_PACK, -errno, given[i], NULL);
		if (!pack_plain_base(kernel->parts[i]))
			return mf_fail(pack->ctx, MF_STAGE_PACK, -MFE_USAGE, given[i],
				       "the path %s has bytes that a spec cannot hold; use another "
				       "path",
				       kernel->parts[i]);
	}
	return 0;
}

static int kernel_read_builtins(struct pack *pack, struct pack_kernel *kernel)
{
	_cleanup_free_ char *text = NULL;
	char *save = NULL;
	size_t len;
	int r = mf_file_read_at(kernel->tree_fd, "modules.builtin", 16U << 20, &text, &len);

	if (r == -ENOENT)
		return pack->options->drivers ? 0
					      : pack_problem(pack, -MFE_PACK, kernel->tree,
							     "there is no modules.builtin, so the "
							     "built-in modules of the "
							     "kernel are not known");
	if (r < 0)
		return mf_fail(pack->ctx, MF_STAGE_PACK, r, "modules.builtin", NULL);
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char name[128];

		if (!mf_module_name(line, name, sizeof(name)))
			continue;
		if (!pack_plain_name(name)) {
			pack_problem(pack, -MFE_PACK, "modules.builtin",
				     "no package can provide the module %s", name);
			continue;
		}
		r = mf_strings_add(&kernel->builtins, name);
		if (r < 0)
			return mf_fail(pack->ctx, MF_STAGE_PACK, r, "modules.builtin", NULL);
	}
	mf_strings_sort(&kernel->builtins);
	return 0;
}

/* Adds VALUE of one "NAME.KEY=VALUE" of modules.builtin.modinfo, if KEY is alias. */
static int add_builtin_alias(struct pack_kernel *kernel, const char *line)
{
	const char *dot = strchr(line, '.'), *equals = strchr(line, '=');
	char alias[1024];

	if (!dot || !equals || !mf_starts_with(dot, ".alias=") ||
	    !pack_name_normalise(equals + 1, strlen(equals + 1), alias, sizeof(alias)))
		return 0;
	return mf_strings_add(&kernel->builtin_aliases, alias);
}

static int read_builtin_aliases(struct pack *pack, struct pack_kernel *kernel)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = mf_file_read_at(kernel->tree_fd, "modules.builtin.modinfo", 16U << 20, &text, &len);

	if (r == -ENOENT) /* kernels before 5.2 have none */
		return 0;
	for (size_t at = 0; r >= 0 && at < len; at += strnlen(text + at, len - at) + 1)
		r = add_builtin_alias(kernel, text + at);
	if (r < 0)
		return mf_fail(pack->ctx, MF_STAGE_PACK, r, "modules.builtin.modinfo", NULL);
	mf_strings_sort(&kernel->builtin_aliases);
	return 0;
}

static int find_extras(struct pack_kernel *kernel)
{
	for (size_t i = 0; i < MF_ARRAY_SIZE(extras); i++) {
		int r = 0;

		if (!faccessat(kernel->tree_fd, extras[i], R_OK, 0))
			r = mf_strings_add(&kernel->extras, extras[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int set_names(struct pack *pack, struct pack_kernel *kernel, const char *tree)
{
	const struct mf_pack_options *o = pack->options;
	int r;

	kernel->tree = realpath(tree, NULL);
	if (!kernel->tree)
		return mf_fail(pack->ctx, MF_STAGE_PACK, -errno, tree, NULL);
	kernel->tree_fd = open(kernel->tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (kernel->tree_fd < 0)
		return mf_fail(pack->ctx, MF_STAGE_PACK, -errno, tree, NULL);
	if (!pack_plain_base(kernel->tree))
		return mf_fail(pack->ctx, MF_STAGE_PACK, -MFE_USAGE, tree,
			       "the path %s has bytes that a spec cannot hold; use another path",
			       kernel->tree);
	r = mf_release_parse(strrchr(kernel->tree, '/') + 1, o->flavor, &kernel->release);
	if (r < 0)
		return mf_fail(
			pack->ctx, MF_STAGE_PACK, -MFE_USAGE, tree,
			"the last part of the path is not a kernel release that can name packages, "
			"or --flavor is not valid");
	kernel->version = strdup(o->version ? o->version : kernel->release.version);
	kernel->revision = strdup(o->release ? o->release : kernel->release.revision);
	return kernel->version && kernel->revision
		       ? 0
		       : mf_fail(pack->ctx, MF_STAGE_PACK, -ENOMEM, tree, NULL);
}

int pack_kernel_open(struct pack *pack, const char *tree, struct pack_kernel *ret_kernel)
{
	struct pack_kernel *kernel = ret_kernel;
	_cleanup_free_ char *root = NULL;
	const char *prefix;
	int r;

	*kernel = (struct pack_kernel){ .tree_fd = -1 };
	r = set_names(pack, kernel, tree);
	if (r < 0)
		return r;
	root = find_root(kernel, &prefix);
	kernel->install_dir = mf_format("%s/%s", prefix, kernel->release.release);
	if (!kernel->install_dir)
		return mf_fail(pack->ctx, MF_STAGE_PACK, -ENOMEM, tree, NULL);
	r = use_given_parts(pack, kernel);
	if (r < 0)
		return r;
	r = find_parts(kernel, root);
	if (r >= 0)
		r = find_extras(kernel);
	if (r < 0)
		return mf_fail(pack->ctx, MF_STAGE_PACK, r, tree, NULL);
	for (size_t i = 0; i < PACK_N_PARTS; i++)
		if (!kernel->parts[i] && i != PACK_SYMVERS && !pack->options->drivers)
			pack_problem(pack, -MFE_PACK, tree, "no %s was found beside the tree",
				     part_names[i]);
	r = kernel_read_builtins(pack, kernel);
	return r < 0 ? r : read_builtin_aliases(pack, kernel);
}

void pack_kernel_done(struct pack_kernel *kernel)
{
	for (size_t i = 0; i < kernel->n_modules; i++)
		pack_module_done(&kernel->modules[i]);
	free(kernel->modules);
	for (size_t i = 0; i < PACK_N_PARTS; i++)
		free(kernel->parts[i]);
	mf_strings_done(&kernel->builtins);
	mf_strings_done(&kernel->builtin_aliases);
	mf_strings_done(&kernel->extras);
	pack_map_done(&kernel->names);
	pack_exports_done(kernel);
	free(kernel->install_dir);
	free(kernel->version);
	free(kernel->revision);
	free(kernel->tree);
	if (kernel->tree_fd >= 0)
		close(kernel->tree_fd);
	*kernel = (struct pack_kernel){ .tree_fd = -1 };
}
