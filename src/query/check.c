/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checks the files on disk once more as they were checked before their package was installed.
 *
 * Every module below the kernel's directory is read once and judged by the same code that judges
 * new packages: deny list, signature, vermagic, CRCs (verify-module.c). Every file of a package,
 * firmware too, must exist with the digest and mode in the rpm database. A module must be in
 * modules.dep, or the next modprobe will not find it, and the files that modules.dep names must
 * exist.
 *
 * A link is judged by its target, as a module of this kernel, since modprobe would load that:
 * weak-updates has links to modules of other kernels, which must fit this one. If a link leads out
 * of the kernels' directories, or to a file that is not a module by its name, its target was not
 * judged when its package was installed. Modules of modules.dep below a linked directory, or
 * outside of the tree (depmod's "external"), are judged likewise. Of two modules of one name depmod
 * takes one: the other is in no index, and that is no finding.
 *
 * The rpm database is trusted here: a user who can write it can write the modules. One unreadable
 * file is one finding and does not stop the check.
 */
#include "modfetch/query.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/file.h"
#include "modfetch/modinfo.h"
#include "modfetch/module-name.h"
#include "modfetch/rpm.h"
#include "modfetch/strings.h"
#include "modfetch/table.h"
#include "modfetch/verify.h"
#include "modules-dep.h"

#define DEPTH_MAX 32

/* A file of a package. */
struct owned {
	const char *path; /* "lib/…": below the root, without /usr */
	const char *nevra;
	uint8_t sha256[MF_SHA256_LEN];
	bool has_sha256;
	uint32_t mode;
	bool seen;
};

struct work {
	struct mf_context *ctx;
	struct mf_check *check;
	struct mf_module_verifier *verifier;
	char *directory; /* "lib/modules/KVER/" */
	struct mf_arena arena;
	struct owned *owned;
	size_t n_owned, room_owned, room_findings;
	struct mf_table by_path; /* paths to places in OWNED */
	struct mf_modules_dep dep;
};

static void check_work_done(struct work *w)
{
	mf_module_verifier_free(w->verifier);
	free(w->directory);
	free(w->owned);
	mf_table_done(&w->by_path);
	mf_modules_dep_done(&w->dep);
	mf_arena_done(&w->arena);
}

static int add_finding(struct work *w, const char *path, const struct owned *owner, int code,
		       const char *reason)
{
	struct mf_check *c = w->check;
	struct mf_finding *f;

	if (mf_array_reserve(&c->findings, &w->room_findings, c->n_findings + 1, sizeof(*f)) < 0)
		return -ENOMEM;
	f = &c->findings[c->n_findings];
	*f = (struct mf_finding){ .package = owner ? strdup(owner->nevra) : NULL,
				  .reason = strdup(reason),
				  .code = code };
	f->path = mf_format("/%s", path);
	c->n_findings++;
	return f->path && f->reason && (!owner || f->package) ? 0 : -ENOMEM;
}

/* ---- files of packages ---- */

/* The absolute PATH as the check spells it: below the root, without /usr. */
static const char *below_root(const char *path)
{
	path = mf_without_usr(path);
	return path + (*path == '/');
}

static bool is_checked_path(const struct work *w, const char *path)
{
	return mf_starts_with(path, w->directory) || mf_starts_with(path, "lib/firmware/");
}

static int add_owned(struct work *w, const struct mf_rpm_file *file, const char *nevra)
{
	const char *path = below_root(file->path);
	struct owned *o;
	uint32_t *place;

	if (mf_array_reserve(&w->owned, &w->room_owned, w->n_owned + 1, sizeof(*o)) < 0)
		return -ENOMEM;
	o = &w->owned[w->n_owned];
	*o = (struct owned){ .path = mf_arena_copy(&w->arena, path, strlen(path)),
			     .nevra = nevra,
			     .has_sha256 = file->has_sha256,
			     .mode = file->mode };
	memcpy(o->sha256, file->sha256, sizeof(o->sha256));
	if (!o->path)
		return -ENOMEM;
	return mf_table_put(&w->by_path, o->path, strlen(o->path), (uint32_t)w->n_owned++, &place) <
			       0
		       ? -ENOMEM
		       : 0;
}

static int check_on_package(void *arg, void *header)
{
	struct work *w = arg;
	_cleanup_(mf_rpm_header_done) struct mf_rpm_header h = { 0 };
	_cleanup_free_ char *label = NULL;
	const char *nevra = NULL;
	int r = mf_rpm_header(header, &h);

	for (size_t i = 0; !r && i < h.n_files; i++) {
		/*
		 * nor files that are excluded from the installation, or that may be created later
		 */
		if (S_ISDIR(h.files[i].mode) || h.files[i].left_out || h.files[i].ghost ||
		    !is_checked_path(w, below_root(h.files[i].path)))
			continue;
		if (!nevra) {
			label = mf_format("%s-%s.%s", h.name, h.evr, h.arch);
			if (!label)
				return -ENOMEM;
			nevra = mf_arena_copy(&w->arena, label, strlen(label));
			w->check->packages++;
		}
		r = nevra ? add_owned(w, &h.files[i], nevra) : -ENOMEM;
	}
	return r;
}

static struct owned *find_owner(const struct work *w, const char *path)
{
	const uint32_t *place = mf_table_get(&w->by_path, path, strlen(path));

	return place ? &w->owned[*place] : NULL;
}

/* ---- one module ---- */

/*
 * Why the owner or mode of a file is not safe, or NULL. Write access to a module is enough to run
 * code in the kernel.
 */
static const char *mode_fault(const struct stat *st, const struct owned *owner)
{
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return "users other than its owner may write it";
	if (st->st_uid && st->st_uid != geteuid())
		return "it belongs neither to root nor to the user of this command";
	return owner && (st->st_mode & 07777) != (owner->mode & 07777)
		       ? "its permissions are not those of its package"
		       : NULL;
}

static int check_bytes(struct work *w, const char *path, struct owned *owner, const char *buf,
		       size_t len)
{
	struct mf_failure before = w->ctx->failure;
	uint8_t digest[MF_SHA256_LEN];
	_cleanup_free_ char *absolute = NULL;
	int r = 0;

	if (owner && owner->has_sha256) {
		r = mf_sha256(buf, len, digest);
		if (r < 0)
			return r;
		if (memcmp(digest, owner->sha256, sizeof(digest)))
			return add_finding(w, path, owner, -MFE_ALTERED,
					   "its bytes are not those of its package");
	}
	/* a file elsewhere is judged as a module of this kernel too */
	absolute = mf_format("/%s%s", mf_starts_with(path, w->directory) ? "" : w->directory, path);
	if (!absolute)
		return -ENOMEM;
	r = mf_verify_module(w->ctx, w->verifier, absolute, buf, len);
	if (r < 0 && r != -ENOMEM) {
		struct mf_failure now = w->ctx->failure;

		w->ctx->failure = before;
		return add_finding(w, path, owner, r, now.why);
	}
	return r;
}

/* Checks owner, mode and index entry of a module; its bytes are checked later. */
static int check_metadata(struct work *w, const char *path, struct owned *owner,
			  const struct stat *st)
{
	const char *fault = mode_fault(st, owner);
	int r = mf_modules_dep_mark(&w->dep, path + strlen(w->directory))
			? 0
			: add_finding(w, path, owner, -MFE_BAD_INDEX,
				      "it is not in modules.dep: run modfetch depmod");

	return r || !fault ? r : add_finding(w, path, owner, -MFE_ALTERED, fault);
}

/* PATH is below the root, NAME in DIRFD. */
static int check_module(struct work *w, int dirfd, const char *name, const char *path)
{
	struct owned *owner = find_owner(w, path);
	_cleanup_free_ char *buf = NULL;
	_cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	size_t len;
	int r;

	w->check->modules++;
	if (owner) {
		w->check->owned++;
		owner->seen = true;
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return add_finding(w, path, owner, -errno, mf_error_sentence(-errno));
	r = check_metadata(w, path, owner, &st);
	if (r < 0)
		return r;
	r = mf_file_read(fd, MF_MODULE_FILE_MAX, &buf, &len);
	if (r == -ENOMEM)
		return r;
	return r < 0 ? add_finding(w, path, owner, r, mf_error_sentence(r))
		     : check_bytes(w, path, owner, buf, len);
}

/* ---- targets of links ---- */

/* The path of an open file below the root, without /usr; new memory. NULL: unknown. */
static char *path_of_fd(const struct work *w, int fd)
{
	size_t root = strlen(w->ctx->root);
	char link[64], real[PATH_MAX];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, real, sizeof(real) - 1);
	if (len <= (ssize_t)root || strncmp(real, w->ctx->root, root) != 0)
		return NULL;
	real[len] = '\0';
	return strdup(below_root(real + root));
}

/* Why the file at PLACE may never have been judged, or NULL. */
static const char *target_fault(const char *place)
{
	if (!mf_starts_with(place, "lib/modules/"))
		return "outside of the kernels' directories";
	return mf_is_module(place) ? NULL : "which is not a module by its name";
}

/* Checks a module that PATH reaches over a link, or that is EXTERNAL to the tree. */
static int check_linked(struct work *w, const char *path, int fd, bool external)
{
	_cleanup_free_ char *buf = NULL, *place = path_of_fd(w, fd), *why = NULL;
	size_t findings = w->check->n_findings, len = 0;
	const char *fault;
	struct stat st;
	int r;

	if (place && mf_starts_with(place, w->directory) && mf_is_module(place))
		return 0; /* checked at its own path */
	w->check->modules++;
	r = fstat(fd, &st) < 0 ? -errno : mf_file_read(fd, MF_MODULE_FILE_MAX, &buf, &len);
	if (r < 0)
		return r == -ENOMEM ? r : add_finding(w, path, NULL, r, mf_error_sentence(r));
	fault = mode_fault(&st, NULL);
	r = fault ? add_finding(w, path, NULL, -MFE_ALTERED, fault)
		  : check_bytes(w, path, NULL, buf, len);
	fault = place && !external ? target_fault(place) : NULL;
	if (r < 0 || !fault || w->check->n_findings > findings)
		return r;
	why = mf_format("it leads to /%s, %s: that file was not verified when it was installed",
			place, fault);
	if (!why)
		return -ENOMEM;
	return add_finding(w, path, NULL, -MFE_FORBIDDEN_FILE, why);
}

/* Checks a link with the name of a module; depmod ignores one without a target file. */
static int check_link(struct work *w, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(w->ctx, path, O_RDONLY | O_NONBLOCK);
	struct stat st;
	int r = 0;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	if (!mf_modules_dep_mark(&w->dep, path + strlen(w->directory)))
		r = add_finding(w, path, NULL, -MFE_BAD_INDEX,
				"it is not in modules.dep: run modfetch depmod");
	return r ? r : check_linked(w, path, fd, false);
}

/* ---- the tree ---- */

/* Does depmod enter or read an entry of this name? */
static bool depmod_enters(const char *name)
{
	static const char *const passed[] = { ".", "..", "build", "source" };

	for (size_t i = 0; i < MF_ARRAY_SIZE(passed); i++)
		if (!strcmp(name, passed[i]))
			return false;
	return true;
}

/* Checks a directory recursively. */
static int check_walk(struct work *w, int fd, const char *path, int depth)
{
	_cleanup_closedir_ DIR *dir = mf_opendir(fd);
	struct dirent *d;
	int r = 0;

	if (!dir)
		return -errno;
	while (!r && (errno = 0, d = readdir(dir))) {
		_cleanup_free_ char *below = NULL;
		_cleanup_close_ int sub = -1;
		struct stat st;

		if (!depmod_enters(d->d_name) ||
		    fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		below = mf_format("%s%s%s", path, d->d_name, S_ISDIR(st.st_mode) ? "/" : "");
		if (!below)
			return -ENOMEM;
		if (S_ISREG(st.st_mode) && mf_is_module(d->d_name))
			r = check_module(w, fd, d->d_name, below);
		else if (S_ISLNK(st.st_mode) && mf_is_module(d->d_name))
			r = check_link(w, below);
		if (!S_ISDIR(st.st_mode) || depth == DEPTH_MAX)
			continue;
		sub = openat(fd, d->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		r = sub < 0 ? add_finding(w, below, NULL, -errno, mf_error_sentence(-errno))
			    : check_walk(w, sub, below, depth + 1);
	}
	return r ? r : -errno;
}

/* Checks a file of a package that is not a module, or that the walk did not find. */
static int check_owned(struct work *w, const struct owned *o)
{
	_cleanup_close_ int fd = -1;
	uint8_t digest[MF_SHA256_LEN];
	int r;

	if (o->seen || !S_ISREG(o->mode))
		return 0;
	fd = mf_context_open(w->ctx, o->path, O_RDONLY | O_NOFOLLOW);
	if (fd == -ENOENT)
		return add_finding(w, o->path, o, -MFE_ALTERED, "the file is missing");
	if (fd == -ELOOP)
		return add_finding(w, o->path, o, -MFE_ALTERED, "it was replaced by a link");
	r = fd < 0 ? fd : o->has_sha256 ? mf_sha256_fd(fd, digest) : 0;
	if (r < 0)
		return add_finding(w, o->path, o, r, mf_error_sentence(r));
	return o->has_sha256 && memcmp(digest, o->sha256, sizeof(digest))
		       ? add_finding(w, o->path, o, -MFE_ALTERED,
				     "its bytes are not those of its package")
		       : 0;
}

/*
 * Checks a file of modules.dep that the walk did not find: below a linked directory, outside of the
 * tree, or missing.
 */
static int check_unmarked(void *arg, const char *key, size_t len)
{
	struct work *w = arg;
	bool external = *key == '/';
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	struct stat st;

	path = mf_format("%s%.*s", external ? "" : w->directory, (int)len - external,
			 key + external);
	if (!path)
		return -ENOMEM;
	fd = mf_context_open(w->ctx, path, O_RDONLY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return add_finding(
			w, path, find_owner(w, path), -MFE_BAD_INDEX,
			"it is in modules.dep, but the file is missing: run modfetch depmod");
	return check_linked(w, path, fd, external);
}

static int check_rest(struct work *w)
{
	int r = 0;

	for (size_t i = 0; !r && i < w->n_owned; i++)
		r = check_owned(w, &w->owned[i]);
	return r ? r : mf_modules_dep_each_unmarked(&w->dep, check_unmarked, w);
}

static int compare_findings(const void *a, const void *b)
{
	const struct mf_finding *x = a, *y = b;
	int r = strcmp(x->path, y->path);

	return r ? r : y->code - x->code;
}

static int check_query_check_all(struct work *w)
{
	int fd, r;

	w->directory = mf_kernel_path(w->ctx->kernel, "");
	if (!w->directory)
		return -ENOMEM;
	fd = mf_context_open(w->ctx, w->directory, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return mf_fail(w->ctx, MF_STAGE_CHECK, fd == -ENOENT ? -MFE_NOT_FOUND : fd,
			       w->directory,
			       "the directory of the kernel's modules cannot be read: %s",
			       mf_error_sentence(fd));
	r = mf_module_verifier_new(w->ctx, &w->verifier);
	if (!r) {
		w->check->signatures = mf_module_verifier_requires(w->verifier);
		r = mf_rpm_each_installed(w->ctx, NULL, check_on_package, w);
	}
	if (!r) {
		r = mf_modules_dep_read(fd, &w->dep);
		if (r < 0)
			mf_fail(w->ctx, MF_STAGE_CHECK, r, "modules.dep", NULL);
	}
	if (!r)
		r = check_walk(w, fd, w->directory, 0);
	return r ? r : check_rest(w);
}

int mf_check(struct mf_context *ctx, struct mf_check *ret_check)
{
	_cleanup_(mf_check_done) struct mf_check result = { 0 };
	_cleanup_(check_work_done) struct work w = { .ctx = ctx, .check = &result };
	int r = check_query_check_all(&w);

	if (r < 0)
		return ctx->failure.code == r ? r
					      : mf_fail(ctx, MF_STAGE_CHECK, r, ctx->kernel, NULL);
	if (result.n_findings)
		qsort(result.findings, result.n_findings, sizeof(*result.findings),
		      compare_findings);
	*ret_check = result;
	result = (struct mf_check){ 0 };
	return 0;
}

void mf_check_done(struct mf_check *check)
{
	for (size_t i = 0; i < check->n_findings; i++) {
		free(check->findings[i].path);
		free(check->findings[i].package);
		free(check->findings[i].reason);
	}
	free(check->findings);
	*check = (struct mf_check){ 0 };
}
