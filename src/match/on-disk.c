/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A module in the index is not yet a module that this kernel can load.
 *
 * The file may be gone since depmod ran. And a link, as weak-modules makes them, leads to a module
 * that was built for another kernel: it counts only if it fits this one. A regular file in the
 * kernel's own directory is taken as it is: its package was checked when it was installed, and to
 * read hundreds of modules for each device would take too long (modfetch check does that).
 */
#include "on-disk.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/modinfo.h"
#include "modfetch/strings.h"

/* "kernel/fs/x.ko: kernel/lib/y.ko": keeps what is before the colon. */
static int on_dep(void *arg, const char *key, const char *value, uint32_t priority)
{
	char **path = arg;

	*path = strndup(value, strcspn(value, ":"));
	return *path ? 1 : -ENOMEM;
}

/* The path of a module below the kernel's directory; NULL: it is not known. */
static int on_disk_find_path(struct mf_on_disk *d, const char *module, char **ret_path)
{
	int dirfd = mf_kmod_directory(d->kmod);
	int r;

	*ret_path = NULL;
	if (!d->opened && dirfd >= 0)
		(void)mf_trie_open_at(dirfd, "modules.dep.bin", &d->dep);
	d->opened = true;
	r = d->dep ? mf_trie_find(d->dep, module, on_dep, ret_path) : 0;
	return r == -ENOMEM ? r : 0;
}

/* 1: a file, reached without a link; 0: over a link; -ENOENT: there is none. */
static int on_disk_look(int dirfd, const char *path)
{
	const struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_SYMLINKS };
	_cleanup_close_ int fd = (int)syscall(SYS_openat2, dirfd, path, &how, sizeof(how));

	if (fd >= 0)
		return 1;
	return errno == ENOENT || errno == ENOTDIR ? -ENOENT : 0;
}

/* Judges the file that a link leads to below the root. */
static int on_disk_judge(struct mf_on_disk *d, const char *module, const char *path)
{
	_cleanup_(mf_modinfo_done) struct mf_modinfo info = { 0 };
	_cleanup_free_ char *full = mf_kernel_path(d->ctx->kernel, path);
	_cleanup_close_ int fd = full ? mf_context_open(d->ctx, full, O_RDONLY) : -ENOMEM;
	struct mf_fit fit = { 0 };
	int r = fd < 0 ? fd : mf_modinfo_scan(fd, &info);

	if (r < 0 && r != -ENOMEM) {
		mf_log(d->ctx, MF_LOG_WARNING, "match: the link %s leads to no module: %s", full,
		       mf_error_sentence(r));
		return 0;
	}
	if (!r && !d->fit)
		r = mf_fit_kernel_new(d->ctx, d->ctx->kernel, MF_FIT_THOROUGH, &d->fit);
	if (!r)
		r = mf_fit(d->fit, module, &info, &fit);
	if (r < 0)
		return r;
	if (fit.verdict != MF_FIT_YES)
		mf_log(d->ctx, MF_LOG_WARNING,
		       "match: the link %s does not count, its module does not fit kernel %s: %s",
		       full, d->ctx->kernel, fit.why);
	return fit.verdict == MF_FIT_YES;
}

int mf_on_disk_check(struct mf_on_disk *d, const char *module)
{
	_cleanup_free_ char *path = NULL;
	int r = on_disk_find_path(d, module, &path);

	if (!r && path && *path != '/')
		r = on_disk_look(mf_kmod_directory(d->kmod), path);
	else if (!r)
		r = 1;
	if (!r)
		r = on_disk_judge(d, module, path);
	return r == -ENOENT ? 0 : r;
}

int mf_on_disk_presence(struct mf_on_disk *d, const char *module, enum mf_presence *ret_presence)
{
	enum mf_presence presence = mf_kmod_presence(d->kmod, module);
	int r = presence == MF_ON_DISK ? mf_on_disk_check(d, module) : 1;

	if (r < 0)
		return r;
	*ret_presence = r ? presence : MF_ABSENT;
	return 0;
}

void mf_on_disk_done(struct mf_on_disk *d)
{
	mf_trie_free(d->dep);
	mf_fit_kernel_free(d->fit);
	*d = (struct mf_on_disk){ 0 };
}
