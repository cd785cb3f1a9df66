/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Firmware packages: the files of a firmware tree that drivers name.
 *
 * A module names files (or globs) below the firmware directory; the kernel also takes NAME.xz and
 * NAME.zst. Files are grouped by the drivers that name them. The files of one driver are a package
 * of their own, kmp-firmware-<driver>; the files that several drivers share are in one package for
 * each set of drivers, kmp-firmware-shared-<hash of their names>, so no file is in two packages. A
 * link is packed with its target. Drivers recommend their packages by name; each package provides
 * firmware(<file>), as those of SUSE do. Without a firmware tree, drivers recommend
 * firmware(<file>), which any package may provide.
 *
 * Many drivers name files that were never published: missing files are reported, but are not a
 * failure.
 */
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/strings.h"
#include "model.h"

#define LINKS_MAX 8

struct firmware_file {
	char *path;		/* path below the tree */
	struct pack_list users; /* places in drivers */
	size_t group;
};

struct firmware_group {
	char *package;
	const struct pack_list *users; /* users of its first file */
};

struct pack_firmware {
	char *tree;
	struct mf_strings drivers; /* names of modules of all kernels */
	struct pack_map driver_map, file_map, group_map;
	struct mf_strings keys; /* owned keys of group_map */
	struct firmware_file *files;
	size_t n_files, room_files;
	struct firmware_group *groups;
	size_t n_groups;
	int64_t newest;
};

void pack_firmware_free(struct pack_firmware *fw)
{
	if (!fw)
		return;
	for (size_t i = 0; i < fw->n_files; i++) {
		free(fw->files[i].path);
		pack_list_done(&fw->files[i].users);
	}
	for (size_t i = 0; i < fw->n_groups; i++)
		free(fw->groups[i].package);
	free(fw->files);
	free(fw->groups);
	free(fw->tree);
	mf_strings_done(&fw->drivers);
	mf_strings_done(&fw->keys);
	pack_map_done(&fw->driver_map);
	pack_map_done(&fw->file_map);
	pack_map_done(&fw->group_map);
	free(fw);
}

/* Does NAME stay below the tree? */
static bool stays_below(const char *name)
{
	return *name && *name != '/' && strcmp(name, "..") && !mf_starts_with(name, "../") &&
	       !strstr(name, "/../") && !mf_ends_with(name, "/..");
}

static int firmware_add_file(struct pack_firmware *fw, const char *path, size_t driver)
{
	size_t at = pack_map_get(&fw->file_map, path);
	int r;

	if (at == PACK_NONE) {
		if (mf_array_reserve(&fw->files, &fw->room_files, fw->n_files + 1,
				     sizeof(*fw->files)) < 0)
			return -ENOMEM;
		at = fw->n_files++;
		fw->files[at] = (struct firmware_file){ .path = strdup(path) };
		if (!fw->files[at].path)
			return -ENOMEM;
		r = pack_map_set(&fw->file_map, fw->files[at].path, at);
		if (r < 0)
			return r;
	}
	return pack_list_add(&fw->files[at].users, driver);
}

/*
 * The target of the link at PATH (both below the tree), new memory. NULL: no link, or its target is
 * outside.
 */
static char *firmware_follow(const struct pack_firmware *fw, const char *path)
{
	_cleanup_free_ char *full = mf_format("%s/%s", fw->tree, path), *joined = NULL;
	_cleanup_free_ char *directory = NULL, *real = NULL;
	const char *slash = strrchr(path, '/'), *last;
	char target[PATH_MAX];
	size_t len = strlen(fw->tree);
	ssize_t n = full ? readlink(full, target, sizeof(target) - 1) : -1;

	if (n <= 0)
		return NULL;
	target[n] = '\0';
	joined =
		mf_format("%s/%.*s%s", fw->tree, slash ? (int)(slash + 1 - path) : 0, path, target);
	if (!joined || *target == '/')
		return NULL;
	last = strrchr(joined, '/');
	directory = strndup(joined, (size_t)(last - joined));
	real = directory ? realpath(directory, NULL) : NULL;
	if (!real || strncmp(real, fw->tree, len) || (real[len] && real[len] != '/'))
		return NULL;
	return real[len] ? mf_format("%s%s", real + len + 1, last) : strdup(last + 1);
}

/* Adds a file, and the targets of its links. Returns 1 if it is there, 0 if not, or -ENOMEM. */
static int add_chain(struct pack *pack, const char *path, size_t driver)
{
	struct pack_firmware *fw = pack->firmware;
	_cleanup_free_ char *at = strdup(path);

	for (int i = 0; at && i < LINKS_MAX; i++) {
		_cleanup_free_ char *full = mf_format("%s/%s", fw->tree, at);
		struct stat st;
		char *next;

		if (!full)
			return -ENOMEM;
		if (lstat(full, &st) < 0 || (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)))
			return 0;
		if (st.st_mtime > fw->newest)
			fw->newest = st.st_mtime;
		if (S_ISLNK(st.st_mode) && stat(full, &st) < 0)
			return 0;
		if (!pack_plain_path(at))
			return pack_problem(pack, -MFE_PACK, at,
					    "no package can hold firmware of that name");
		if (firmware_add_file(fw, at, driver) < 0)
			return -ENOMEM;
		next = firmware_follow(fw, at);
		if (!next)
			return 1;
		free(at);
		at = next;
	}
	return at ? 1 : -ENOMEM;
}

/* Adds all files that match NAME, a glob. Returns their number or -ENOMEM. */
static int firmware_add_name(struct pack *pack, const char *name, size_t driver)
{
	const struct pack_firmware *fw = pack->firmware;
	_cleanup_free_ char *pattern = mf_format("%s/%s{,.xz,.zst}", fw->tree, name);
	glob_t found = { 0 };
	int n = 0;

	if (!pattern)
		return -ENOMEM;
	if (!stays_below(name))
		return 0;
	if (!glob(pattern, GLOB_BRACE | GLOB_NOSORT, NULL, &found))
		for (size_t i = 0; n >= 0 && i < found.gl_pathc; i++) {
			int r = add_chain(pack, found.gl_pathv[i] + strlen(fw->tree) + 1, driver);

			n = r < 0 ? r : n + r;
		}
	globfree(&found);
	return n;
}

static int driver_number(struct pack_firmware *fw, const char *name, size_t *ret_number)
{
	int r;

	*ret_number = pack_map_get(&fw->driver_map, name);
	if (*ret_number != PACK_NONE)
		return 0;
	r = mf_strings_add(&fw->drivers, name);
	if (r < 0)
		return r;
	*ret_number = fw->drivers.n - 1;
	return pack_map_set(&fw->driver_map, fw->drivers.v[*ret_number], *ret_number);
}

static int scan_module(struct pack *pack, const struct pack_module *module)
{
	const char *first = NULL;
	size_t driver, missing = 0;
	int r = driver_number(pack->firmware, module->name, &driver);

	for (size_t i = 0; r >= 0 && i < module->n_fields[PACK_FIRMWARE]; i++) {
		const char *name = module->fields[PACK_FIRMWARE][i];

		r = firmware_add_name(pack, name, driver);
		if (r)
			continue;
		if (!missing++)
			first = name;
	}
	if (r < 0)
		return r;
	pack->result.firmware_missing += missing;
	if (missing)
		mf_log(pack->ctx, MF_LOG_WARNING,
		       "pack: %s: it names %zu firmware files that are not in the firmware tree, "
		       "the first is %s",
		       module->path, missing, first);
	return 0;
}

/* Finds or makes the group of a file: files with the same users are one group. */
static int group_file(struct pack_firmware *fw, struct firmware_file *file)
{
	_cleanup_free_ char *key = NULL;
	size_t len;
	FILE *out;
	int r;

	pack_list_unique(&file->users);
	out = open_memstream(&key, &len);
	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < file->users.n; i++)
		fprintf(out, "%s ", fw->drivers.v[file->users.v[i]]);
	if (fclose(out))
		return -ENOMEM;
	file->group = pack_map_get(&fw->group_map, key);
	if (file->group != PACK_NONE)
		return 0;
	r = mf_strings_add(&fw->keys, key);
	if (r >= 0)
		r = pack_map_set(&fw->group_map, fw->keys.v[fw->keys.n - 1], fw->n_groups);
	if (r < 0)
		return r;
	file->group = fw->n_groups++;
	if (file->users.n == 1) {
		fw->groups[file->group].package =
			mf_format("kmp-firmware-%s", fw->drivers.v[file->users.v[0]]);
	} else {
		uint8_t digest[MF_SHA256_LEN];
		char hex[MF_SHA256_HEX];

		r = mf_sha256(key, len, digest);
		if (r < 0)
			return r;
		mf_sha256_hex(digest, hex);
		fw->groups[file->group].package = mf_format("kmp-firmware-shared-%.8s", hex);
	}
	fw->groups[file->group].users = &file->users;
	return fw->groups[file->group].package ? 0 : -ENOMEM;
}

static int group_files(struct pack_firmware *fw)
{
	fw->groups = calloc(fw->n_files ? fw->n_files : 1, sizeof(*fw->groups));
	if (!fw->groups)
		return -ENOMEM;
	for (size_t i = 0; i < fw->n_files; i++) {
		int r = group_file(fw, &fw->files[i]);

		if (r < 0)
			return r;
	}
	return 0;
}

int pack_firmware_plan(struct pack *pack)
{
	struct pack_firmware *fw;
	int r = 0;

	if (!pack->options->firmware)
		return 0;
	fw = pack->firmware = calloc(1, sizeof(*fw));
	if (!fw)
		return mf_fail(pack->ctx, MF_STAGE_PACK, -ENOMEM, pack->options->firmware, NULL);
	fw->tree = realpath(pack->options->firmware, NULL);
	if (!fw->tree)
		return mf_fail(pack->ctx, MF_STAGE_PACK, -errno, pack->options->firmware, NULL);
	if (!pack_plain_base(fw->tree))
		return mf_fail(pack->ctx, MF_STAGE_PACK, -MFE_USAGE, pack->options->firmware,
			       "the path %s has bytes that a spec cannot hold; use another path",
			       fw->tree);
	for (size_t k = 0; k < pack->n_kernels; k++)
		for (size_t m = 0; r >= 0 && m < pack->kernels[k].n_modules; m++) {
			const struct pack_module *module = &pack->kernels[k].modules[m];

			if (module->picked && module->n_fields[PACK_FIRMWARE])
				r = scan_module(pack, module);
		}
	if (r >= 0)
		r = group_files(fw);
	return r < 0 ? mf_fail(pack->ctx, MF_STAGE_PACK, r, fw->tree, NULL) : 0;
}

/* Writes firmware(NAME), with bytes that have a meaning to rpm as %XX. */
static void firmware_put_name(const char *name, FILE *out)
{
	fputs("firmware(", out);
	for (; *name; name++) {
		unsigned char c = (unsigned char)*name;

		if (strchr(" ,()<>=%\"'\\&|", c) || c < 0x21 || c > 0x7e)
			fprintf(out, "%%%%%02X", c);
		else
			fputc(c, out);
	}
	fputc(')', out);
}

int pack_firmware_recommend(const struct pack *pack, const struct pack_module *module, FILE *out)
{
	const struct pack_firmware *fw = pack->firmware;
	size_t driver;

	if (!fw) {
		for (size_t i = 0; i < module->n_fields[PACK_FIRMWARE]; i++) {
			if (!*module->fields[PACK_FIRMWARE][i])
				continue;
			fputs("Recommends: ", out);
			firmware_put_name(module->fields[PACK_FIRMWARE][i], out);
			fputc('\n', out);
		}
		return 0;
	}
	driver = pack_map_get(&fw->driver_map, module->name);
	for (size_t g = 0; driver != PACK_NONE && g < fw->n_groups; g++)
		if (pack_list_has(fw->groups[g].users, driver))
			fprintf(out, "Recommends: %s\n", fw->groups[g].package);
	return 0;
}

static int firmware_add_files(const struct pack *pack, size_t group, struct pack_package *package)
{
	const struct pack_firmware *fw = pack->firmware;
	const char *prefix = mf_starts_with(pack->kernels[0].install_dir, "/usr/") ? "/usr" : "";
	size_t len;
	FILE *out = open_memstream(&package->relations, &len);
	int r = out ? 0 : -ENOMEM;

	for (size_t i = 0; r >= 0 && i < fw->n_files; i++) {
		const char *path = fw->files[i].path;
		_cleanup_free_ char *target = NULL;

		if (fw->files[i].group != group)
			continue;
		target = mf_format("%s/lib/firmware/%s", prefix, path);
		r = target ? pack_package_file(package, fw->tree, path, target, NULL, 0) : -ENOMEM;
		fputs("Provides: ", out);
		firmware_put_name(path, out);
		fputc('\n', out);
	}
	if (out && fclose(out))
		return -ENOMEM;
	return r;
}

static char *list_users(const struct pack_firmware *fw, const struct firmware_group *group)
{
	const char *first = fw->drivers.v[group->users->v[0]];

	switch (group->users->n) {
	case 1:
		return mf_format("Firmware of %s", first);
	case 2:
		return mf_format("Firmware of %s and %s", first, fw->drivers.v[group->users->v[1]]);
	}
	return mf_format("Firmware of %s, %s and %zu more drivers", first,
			 fw->drivers.v[group->users->v[1]], group->users->n - 2);
}

static int firmware_fill(struct pack *pack, size_t g, struct pack_package *package)
{
	const struct pack_firmware *fw = pack->firmware;
	time_t newest = (time_t)fw->newest;
	char date[16] = "1";
	struct tm tm;
	int r;

	if (gmtime_r(&newest, &tm))
		strftime(date, sizeof(date), "%Y%m%d", &tm);
	package->kind = PACK_KIND_FIRMWARE;
	package->arch = "noarch";
	package->name = strdup(fw->groups[g].package);
	package->version = strdup(date);
	package->revision = strdup("1");
	package->summary = list_users(fw, &fw->groups[g]);
	package->license = strdup("Redistributable firmware");
	r = firmware_add_files(pack, g, package);
	if (r < 0)
		return r;
	package->description =
		mf_format("Files: %zu. Their licenses came with the firmware tree they are of.",
			  package->n_files);
	return package->name && package->version && package->revision && package->summary &&
			       package->license && package->description
		       ? 0
		       : -ENOMEM;
}

int pack_firmware_make(struct pack *pack)
{
	for (size_t g = 0; pack->firmware && g < pack->firmware->n_groups; g++) {
		struct pack_package *package = pack_package_new(pack);
		int r = package ? firmware_fill(pack, g, package) : -ENOMEM;

		if (r < 0)
			return mf_fail(pack->ctx, MF_STAGE_PACK, r,
				       pack->firmware->groups[g].package, NULL);
		pack_package_set_fingerprint(package);
	}
	return 0;
}
