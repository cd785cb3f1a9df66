/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Has a driver its firmware?
 *
 * A driver lists the files for all devices that it knows; a machine needs those of its own devices,
 * and only the driver knows which. So a finding needs two conditions: a device of this machine
 * matches the driver, and none of the driver's files is there. Drivers without a device, most of
 * which lack their firmware on every machine, are only counted.
 *
 * The kernel searches updates/KVER, updates, KVER and the directory itself below /lib/firmware, for
 * the file and for the compressed forms that it was configured for. A name may be a pattern.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/kernel-config.h"
#include "modfetch/libkmod.h"
#include "modfetch/want.h"
#include "inspection.h"

#define FIRMWARE  "lib/firmware/"
#define USR	  "usr/"
#define DEPTH_MAX 16

struct firmware {
	struct inspection *in;
	struct mf_table files;	/* names as in the field "firmware" */
	struct mf_table driven; /* names of modules that match a device of this machine */
	struct mf_kmod *kmod;
};

static void firmware_done(struct firmware *f)
{
	mf_table_done(&f->files);
	mf_table_done(&f->driven);
	mf_kmod_free(f->kmod);
}

static int firmware_put(struct firmware *f, struct mf_table *table, const char *name, size_t len)
{
	char *copy = mf_arena_copy(&f->in->arena, name, len);
	uint32_t *value;
	int r = copy ? mf_table_put(table, copy, len, 0, &value) : -ENOMEM;

	return r < 0 ? r : 0;
}

/* ---- the files ---- */

/* Adds a file by its path below /lib/firmware, and without the directories that are searched first. */
static int firmware_add_file(struct firmware *f, const char *path)
{
	static const struct {
		const char *ending, *option;
	} forms[] = {
		{ ".xz", "CONFIG_FW_LOADER_COMPRESS_XZ" },
		{ ".zst", "CONFIG_FW_LOADER_COMPRESS_ZSTD" },
	};
	size_t len, kernel = strlen(f->in->ctx->kernel);
	int r;

	if (mf_starts_with(path, "updates/"))
		path += strlen("updates/");
	if (mf_starts_with(path, f->in->ctx->kernel) && path[kernel] == '/')
		path += kernel + 1;
	len = strlen(path);
	r = firmware_put(f, &f->files, path, len);
	for (size_t i = 0; !r && i < sizeof(forms) / sizeof(*forms); i++)
		if (mf_ends_with(path, forms[i].ending) &&
		    (!f->in->config || mf_kernel_config_has(f->in->config, forms[i].option)))
			r = firmware_put(f, &f->files, path, len - strlen(forms[i].ending));
	return r;
}

/* PATH is below the root and ends with a slash. Links are followed inside the root. */
static int firmware_walk(struct firmware *f, const char *path, int depth)
{
	_cleanup_close_ int fd = mf_context_open(f->in->ctx, path, O_RDONLY | O_DIRECTORY);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : mf_opendir(fd);
	struct dirent *d;
	int r = 0;

	while (!r && dir && (d = readdir(dir))) {
		_cleanup_free_ char *below = NULL;
		_cleanup_close_ int file = -1;
		struct stat st;

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		below = mf_format("%s%s", path, d->d_name);
		if (!below)
			return -ENOMEM;
		file = mf_context_open(f->in->ctx, below, O_PATH);
		if (file < 0 || fstat(file, &st) < 0)
			continue;
		if (S_ISREG(st.st_mode))
			r = firmware_add_file(f, strstr(below, FIRMWARE) + strlen(FIRMWARE));
		if (!S_ISDIR(st.st_mode) || depth == DEPTH_MAX)
			continue;
		free(MF_STEAL(below));
		below = mf_format("%s%s/", path, d->d_name);
		r = below ? firmware_walk(f, below, depth + 1) : -ENOMEM;
	}
	return r;
}

static bool firmware_is_there(const struct firmware *f, const char *name)
{
	if (!strpbrk(name, "*?["))
		return mf_table_get(&f->files, name, strlen(name));
	for (size_t i = 0; f->files.slots && i <= f->files.mask; i++)
		if (f->files.slots[i].key && !fnmatch(name, f->files.slots[i].key, 0))
			return true;
	return false;
}

static bool has_any_firmware(const struct firmware *f, const struct entry *e)
{
	for (size_t i = 0; i < e->n_firmware; i++)
		if (firmware_is_there(f, e->firmware[i]))
			return true;
	return !e->n_firmware;
}

/* ---- the devices ---- */

static int firmware_on_driver(void *arg, const char *module, enum mf_presence presence)
{
	struct firmware *f = arg;

	(void)presence;
	/* the admin does not want this driver */
	if (mf_kmod_blacklisted(f->kmod, module))
		return 0;
	return firmware_put(f, &f->driven, module, strlen(module));
}

static int find_drivers(struct firmware *f)
{
	_cleanup_(mf_wants_done) struct mf_wants wants = { 0 };
	int r = mf_kmod_new(f->in->ctx, &f->kmod);

	if (!r)
		r = mf_devices_read(f->in->ctx, NULL, false, &wants);
	for (size_t i = 0; !r && i < wants.n; i++)
		if (wants.v[i].kind != MF_WANT_BAD)
			r = mf_kmod_lookup(f->kmod, wants.v[i].query, firmware_on_driver, f);
	return r;
}

static int firmware_report(struct inspection *in, struct entry *e)
{
	const char *name = e->firmware[0];
	/* other names are escaped in the capability, and a pattern is none */
	bool is_plain = !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					   "0123456789/._-")];
	_cleanup_free_ char *capability = is_plain ? mf_format("firmware(%s)", name) : NULL;
	const struct about about = {
		.path = e->path,
		.target = e->target,
		.owner = e->owned ? e->owned->owner : NULL,
		.subject = capability,
		.remedy = capability ? MF_REMEDY_INSTALL : MF_REMEDY_NONE,
	};

	e->found = true;
	if (e->n_firmware == 1)
		return inspect_find(
			in->machine, in, &about, -MFE_NO_FIRMWARE,
			"it is for a device of this machine, and its firmware %s is missing", name);
	return inspect_find(in->machine, in, &about, -MFE_NO_FIRMWARE,
			    "it is for a device of this machine, and its %zu firmware files are "
			    "missing, such as %s",
			    e->n_firmware, name);
}

int inspect_firmware(struct inspection *in)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved =
		mf_failure_save(in->ctx);
	_cleanup_(firmware_done) struct firmware f = { .in = in };
	int r = firmware_walk(&f, FIRMWARE, 0);

	/* an image may have no /lib yet */
	if (!r && !f.files.n)
		r = firmware_walk(&f, USR FIRMWARE, 0);
	/* with a damaged index no driver is known: that is another finding */
	if (!r)
		r = find_drivers(&f) == -ENOMEM ? -ENOMEM : 0;
	for (size_t i = 0; r >= 0 && i < in->n_entries; i++) {
		struct entry *e = &in->entries[i];

		if (e->found || has_any_firmware(&f, e))
			continue;
		if (mf_table_get(&f.driven, e->name, strlen(e->name)))
			r = firmware_report(in, e);
		else
			in->kernel->no_firmware++;
	}
	return r < 0 ? r : 0;
}
