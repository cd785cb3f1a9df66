/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The modules that dkms installed, from its tree:
 *	/var/lib/dkms/NAME/kernel-KVER-ARCH		a link to VERSION/KVER/ARCH: installed
 *	/var/lib/dkms/NAME/VERSION/KVER/ARCH/module/	the modules that it built and copied
 * dkms keeps a copy of each module that it installs, so the two can be compared, as "dkms status"
 * does. A module that was built and not installed is not on the machine. The release is taken from
 * the target of the link: in the link's own name it cannot be separated from the architecture.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"
#include "owned.h"

#define DKMS "var/lib/dkms"

struct dkms_reader {
	struct mf_context *ctx;
	struct ownership *ownership;
	const char *name;      /* of the source */
	const char *directory; /* of the modules that are installed for KERNEL */
	const char *kernel;
	struct owner *owner;
};

static int dkms_on_module(void *arg, int dirfd, const char *file)
{
	struct dkms_reader *d = arg;
	struct ownership *o = d->ownership;
	_cleanup_free_ char *path = NULL, *copy = NULL, *key = NULL;
	const char *ko = strstr(file, ".ko");
	struct owned *owned;
	uint32_t *place;
	char *kept;
	int r;

	(void)dirfd;
	if (!mf_is_module(file) || !ko)
		return 0;
	/* its place on Debian, for a message: it may be elsewhere */
	path = mf_format("lib/modules/%s/updates/dkms/%s", d->kernel, file);
	copy = mf_format("%s/%s", d->directory, file);
	key = mf_format("%s/%.*s", d->kernel, (int)(ko + 3 - file), file);
	owned = path && copy && key ? owned_add(o, d->owner, path) : NULL;
	if (!owned)
		return -ENOMEM;
	owned->copy = mf_arena_copy(&o->arena, copy, strlen(copy));
	kept = mf_arena_copy(&o->arena, key, strlen(key));
	if (!owned->copy || !kept)
		return -ENOMEM;
	r = mf_table_put(&o->by_build, kept, strlen(kept), (uint32_t)(owned - o->files), &place);
	return r < 0 ? r : 0;
}

/* The last three components of PATH; NULL: it has fewer. */
static const char *last_three(const char *path)
{
	const char *p = path + strlen(path);

	for (int parts = 0; p > path; p--)
		if (p[-1] == '/' && ++parts == 3)
			return p;
	p = strchr(path, '/');
	return p && strchr(p + 1, '/') ? path : NULL;
}

/* Reads the link kernel-KVER-ARCH of a source. */
static int dkms_on_link(void *arg, int dirfd, const char *name)
{
	struct dkms_reader *d = arg;
	_cleanup_free_ char *directory = NULL, *label = NULL, *kernel = NULL;
	char target[PATH_MAX];
	const char *version, *release;
	ssize_t len;

	if (!mf_starts_with(name, "kernel-"))
		return 0;
	len = readlinkat(dirfd, name, target, sizeof(target) - 1);
	if (len <= 0)
		return 0;
	target[len] = '\0';
	version = last_three(target);
	if (!version)
		return 0;
	release = strchr(version, '/') + 1;
	kernel = strndup(release, strcspn(release, "/"));
	label = mf_format("%s/%.*s", d->name, (int)(release - 1 - version), version);
	directory = mf_format(DKMS "/%s/%s/module", d->name, version);
	if (!kernel || !label || !directory)
		return -ENOMEM;
	d->kernel = kernel;
	d->directory = directory;
	d->owner = owned_add_owner(d->ownership, MF_OWNER_DKMS, label);
	return d->owner ? owned_each_entry(d->ctx, directory, dkms_on_module, d) : -ENOMEM;
}

static int dkms_on_source(void *arg, int dirfd, const char *name)
{
	struct dkms_reader *d = arg;
	_cleanup_free_ char *directory = mf_format(DKMS "/%s", name);

	(void)dirfd;
	d->name = name;
	return directory ? owned_each_entry(d->ctx, directory, dkms_on_link, d) : -ENOMEM;
}

int owned_read_dkms(struct mf_context *ctx, struct ownership *ownership)
{
	struct dkms_reader d = { .ctx = ctx, .ownership = ownership };
	int r = owned_each_entry(ctx, DKMS, dkms_on_source, &d);

	return r < 0 ? mf_fail(ctx, MF_STAGE_CHECK, r, "/" DKMS, NULL) : 0;
}
