/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The disk is asked what the road asked of each package when it came, once more.
 *
 * Every module below the kernel's directory is read once and judged by those who judge what arrives:
 * deny list, signature, vermagic, CRCs (verify-module.c). What a package brought, firmware too,
 * must be there with the digest and mode that the rpm database has for it. A module must be in
 * modules.dep, or the next modprobe will not find it, and what modules.dep names must be there.
 *
 * A link is judged by what it leads to, as a module of this kernel, since modprobe would load that:
 * weak-updates has links to modules of other kernels, which must fit this one. A link that leads out
 * of the kernels' directories, or to a file that is no module by its name, leads to what nobody
 * judged when it came. What modules.dep names below a linked directory, or outside of the tree
 * (depmod's "external"), is judged likewise. Of two modules of one name depmod takes one: the other
 * is in no index, and that is no finding.
 *
 * The rpm database is trusted here: who can write it can write the modules. One unreadable file is
 * one finding, never the end.
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
#include "modfetch/module-name.h"
#include "modfetch/rpm.h"
#include "modfetch/strings.h"
#include "modfetch/table.h"
#include "modfetch/verify.h"
#include "modules-dep.h"

#define MODULE_MAX ((size_t)256 << 20)
#define DEPTH_MAX  32

/* A file that a package brought. */
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
	struct mf_table by_path; /* of OWNED */
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

/* Makes room for one more of SIZE bytes. */
static int check_grow(void **v, size_t n, size_t *room, size_t size)
{
	size_t more = *room ? *room * 2 : 256;
	void *bigger;

	if (n < *room)
		return 0;
	bigger = reallocarray(*v, more, size);
	if (!bigger)
		return -ENOMEM;
	*v = bigger;
	*room = more;
	return 0;
}

static int check_find(struct work *w, const char *path, const struct owned *owner, int code,
		      const char *why)
{
	struct mf_check *c = w->check;
	struct mf_finding *f;

	if (check_grow((void **)&c->findings, c->n_findings, &w->room_findings, sizeof(*f)) < 0)
		return -ENOMEM;
	f = &c->findings[c->n_findings];
	*f = (struct mf_finding){ .package = owner ? strdup(owner->nevra) : NULL,
				  .why = strdup(why),
				  .code = code };
	f->what = mf_format("/%s", path);
	c->n_findings++;
	return f->what && f->why && (!owner || f->package) ? 0 : -ENOMEM;
}

/* ---- what packages brought ---- */

static const char *without_usr(const char *path)
{
	path += *path == '/';
	return mf_starts_with(path, "usr/lib/") ? path + strlen("usr/") : path;
}

static bool check_is_ours(const struct work *w, const char *path)
{
	return mf_starts_with(path, w->directory) || mf_starts_with(path, "lib/firmware/");
}

static int add_owned(struct work *w, const struct mf_rpm_file *file, const char *nevra)
{
	const char *path = without_usr(file->path);
	struct owned *o;
	uint32_t *place;

	if (check_grow((void **)&w->owned, w->n_owned, &w->room_owned, sizeof(*o)) < 0)
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

static int check_note_package(void *arg, void *header)
{
	struct work *w = arg;
	_cleanup_(mf_rpm_header_done) struct mf_rpm_header h = { 0 };
	_cleanup_free_ char *label = NULL;
	const char *nevra = NULL;
	int r = mf_rpm_header(header, &h);

	for (size_t i = 0; !r && i < h.n_files; i++) {
		/* nor what the package is installed without, or what may be made later */
		if (S_ISDIR(h.files[i].mode) || h.files[i].left_out || h.files[i].ghost ||
		    !check_is_ours(w, without_usr(h.files[i].path)))
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

static struct owned *check_owner_of(const struct work *w, const char *path)
{
	const uint32_t *place = mf_table_get(&w->by_path, path, strlen(path));

	return place ? &w->owned[*place] : NULL;
}

/* ---- one module ---- */

/* Who may write a module may run code in the kernel. */
static const char *mode_fault(const struct stat *st, const struct owned *owner)
{
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return "others than its owner may write it";
	if (st->st_uid && st->st_uid != geteuid())
		return "it belongs neither to root nor to who asks";
	return owner && (st->st_mode & 07777) != (owner->mode & 07777)
		       ? "its permissions are not those its package gave it"
		       : NULL;
}

static int check_bytes(struct work *w, const char *path, struct owned *owner, const char *buf,
		       size_t len)
{
	struct mf_failure before = w->ctx->failure;
	uint8_t digest[MF_SHA256_LEN];
	char *absolute;
	int r = 0;

	if (owner && owner->has_sha256) {
		r = mf_sha256(buf, len, digest);
		if (r < 0)
			return r;
		if (memcmp(digest, owner->sha256, sizeof(digest)))
			return check_find(w, path, owner, -MFE_ALTERED,
					  "its bytes are not those its package brought");
	}
	/* what lies elsewhere is judged as a module of this kernel too */
	if (asprintf(&absolute, "/%s%s", mf_starts_with(path, w->directory) ? "" : w->directory,
		     path) < 0)
		return -ENOMEM;
	r = mf_verify_module(w->ctx, w->verifier, absolute, buf, len);
	free(absolute);
	if (r < 0 && r != -ENOMEM) {
		struct mf_failure now = w->ctx->failure;

		w->ctx->failure = before;
		return check_find(w, path, owner, r, now.why);
	}
	return r;
}

/* What is known of a module before a byte of it is looked at. */
static int check_place(struct work *w, const char *path, struct owned *owner, const struct stat *st)
{
	const char *fault = mode_fault(st, owner);
	int r = mf_modules_dep_meet(&w->dep, path + strlen(w->directory))
			? 0
			: check_find(
				  w, path, owner, -MFE_BAD_INDEX,
				  "modules.dep does not name it: depmod has not run since it came");

	return r || !fault ? r : check_find(w, path, owner, -MFE_ALTERED, fault);
}

/* PATH is from the root, NAME in DIRFD. */
static int check_module(struct work *w, int dirfd, const char *name, const char *path)
{
	struct owned *owner = check_owner_of(w, path);
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
		return check_find(w, path, owner, -errno, mf_error_sentence(-errno));
	r = check_place(w, path, owner, &st);
	if (r < 0)
		return r;
	r = mf_file_read(fd, MODULE_MAX, &buf, &len);
	if (r == -ENOMEM)
		return r;
	return r < 0 ? check_find(w, path, owner, r, mf_error_sentence(r))
		     : check_bytes(w, path, owner, buf, len);
}

/* ---- what links lead to ---- */

/* Where an open file lies below the root, without /usr; NULL: nobody can tell. */
static char *check_place_of(const struct work *w, int fd)
{
	size_t root = strlen(w->ctx->root);
	char link[64], real[PATH_MAX];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	len = readlink(link, real, sizeof(real) - 1);
	if (len <= (ssize_t)root || strncmp(real, w->ctx->root, root) != 0)
		return NULL;
	real[len] = '\0';
	return strdup(without_usr(real + root));
}

/* Why the file at PLACE was perhaps never judged, or NULL. */
static const char *place_fault(const char *place)
{
	if (!mf_starts_with(place, "lib/modules/"))
		return "outside of the kernels' directories";
	return mf_is_module(place) ? NULL : "which is no module by its name";
}

/* A module that is met over a link at PATH, or below one, or that is EXTERNAL to the tree. */
static int check_linked(struct work *w, const char *path, int fd, bool external)
{
	_cleanup_free_ char *buf = NULL, *place = check_place_of(w, fd), *why = NULL;
	size_t findings = w->check->n_findings, len = 0;
	const char *fault;
	struct stat st;
	int r;

	if (place && mf_starts_with(place, w->directory) && mf_is_module(place))
		return 0; /* met where it lies */
	w->check->modules++;
	r = fstat(fd, &st) < 0 ? -errno : mf_file_read(fd, MODULE_MAX, &buf, &len);
	if (r < 0)
		return r == -ENOMEM ? r : check_find(w, path, NULL, r, mf_error_sentence(r));
	fault = mode_fault(&st, NULL);
	r = fault ? check_find(w, path, NULL, -MFE_ALTERED, fault)
		  : check_bytes(w, path, NULL, buf, len);
	fault = place && !external ? place_fault(place) : NULL;
	if (r < 0 || !fault || w->check->n_findings > findings)
		return r;
	why = mf_format("it leads to /%s, %s: nobody judged that file when it came", place, fault);
	if (!why)
		return -ENOMEM;
	return check_find(w, path, NULL, -MFE_FORBIDDEN_FILE, why);
}

/* A link that has a module's name; depmod leaves out one that leads to no file. */
static int check_link(struct work *w, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(w->ctx, path, O_RDONLY | O_NONBLOCK);
	struct stat st;
	int r = 0;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	if (!mf_modules_dep_meet(&w->dep, path + strlen(w->directory)))
		r = check_find(w, path, NULL, -MFE_BAD_INDEX,
			       "modules.dep does not name it: depmod has not run since it came");
	return r ? r : check_linked(w, path, fd, false);
}

/* ---- what is there ---- */

/* Does depmod look at an entry of this name? */
static bool is_looked_at(const char *name)
{
	static const char *const passed[] = { ".", "..", "build", "source" };

	for (size_t i = 0; i < MF_ARRAY_SIZE(passed); i++)
		if (!strcmp(name, passed[i]))
			return false;
	return true;
}

/* FD is taken over. */
static int check_walk(struct work *w, int fd, const char *path, int depth)
{
	_cleanup_closedir_ DIR *dir = fdopendir(fd);
	struct dirent *d;
	int r = 0;

	if (!dir) {
		r = -errno;
		close(fd);
		return r;
	}
	while (!r && (errno = 0, d = readdir(dir))) {
		_cleanup_free_ char *below = NULL;
		struct stat st;
		int sub;

		if (!is_looked_at(d->d_name) ||
		    fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (asprintf(&below, "%s%s%s", path, d->d_name, S_ISDIR(st.st_mode) ? "/" : "") <
		    0) {
			below = NULL;
			return -ENOMEM;
		}
		if (S_ISREG(st.st_mode) && mf_is_module(d->d_name))
			r = check_module(w, fd, d->d_name, below);
		else if (S_ISLNK(st.st_mode) && mf_is_module(d->d_name))
			r = check_link(w, below);
		if (!S_ISDIR(st.st_mode) || depth == DEPTH_MAX)
			continue;
		sub = openat(fd, d->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		r = sub < 0 ? check_find(w, below, NULL, -errno, mf_error_sentence(-errno))
			    : check_walk(w, sub, below, depth + 1);
	}
	return r ? r : -errno;
}

/* What packages brought that is no module, or was not met on the way. */
static int check_owned(struct work *w, const struct owned *o)
{
	_cleanup_close_ int fd = -1;
	uint8_t digest[MF_SHA256_LEN];
	int r;

	if (o->seen || !S_ISREG(o->mode))
		return 0;
	fd = mf_context_open(w->ctx, o->path, O_RDONLY | O_NOFOLLOW);
	if (fd == -ENOENT)
		return check_find(w, o->path, o, -MFE_ALTERED, "it is not there any more");
	if (fd == -ELOOP)
		return check_find(w, o->path, o, -MFE_ALTERED, "a link has taken its place");
	r = fd < 0 ? fd : o->has_sha256 ? mf_sha256_fd(fd, digest) : 0;
	if (r < 0)
		return check_find(w, o->path, o, r, mf_error_sentence(r));
	return o->has_sha256 && memcmp(digest, o->sha256, sizeof(digest))
		       ? check_find(w, o->path, o, -MFE_ALTERED,
				    "its bytes are not those its package brought")
		       : 0;
}

/* What modules.dep names and was not met: below a linked directory, outside of the tree, or gone. */
static int check_unmet(void *arg, const char *key, size_t len)
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
		return check_find(w, path, check_owner_of(w, path), -MFE_BAD_INDEX,
				  "modules.dep names it, but it is not there");
	return check_linked(w, path, fd, external);
}

static int check_rest(struct work *w)
{
	int r = 0;

	for (size_t i = 0; !r && i < w->n_owned; i++)
		r = check_owned(w, &w->owned[i]);
	return r ? r : mf_modules_dep_each_unmet(&w->dep, check_unmet, w);
}

static int by_path(const void *a, const void *b)
{
	const struct mf_finding *x = a, *y = b;
	int r = strcmp(x->what, y->what);

	return r ? r : y->code - x->code;
}

static int check_check(struct work *w)
{
	int fd, r;

	w->directory = mf_format("lib/modules/%s/", w->ctx->kernel);
	if (!w->directory)
		return -ENOMEM;
	fd = mf_context_open(w->ctx, w->directory, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return mf_fail(w->ctx, "check", fd == -ENOENT ? -MFE_NOT_FOUND : fd, w->directory,
			       "the kernel's modules cannot be looked at: %s",
			       mf_error_sentence(fd));
	r = mf_module_verifier_new(w->ctx, &w->verifier);
	if (!r) {
		w->check->signatures = mf_module_verifier_requires(w->verifier);
		r = mf_rpm_each_installed(w->ctx, NULL, check_note_package, w);
	}
	if (!r) {
		r = mf_modules_dep_read(fd, &w->dep);
		if (r < 0)
			mf_fail(w->ctx, "check", r, "modules.dep", NULL);
	}
	if (r) {
		close(fd);
		return r;
	}
	r = check_walk(w, fd, w->directory, 0);
	return r ? r : check_rest(w);
}

int mf_check(struct mf_context *ctx, struct mf_check *ret_check)
{
	_cleanup_(mf_check_done) struct mf_check result = { 0 };
	_cleanup_(check_work_done) struct work w = { .ctx = ctx, .check = &result };
	int r = check_check(&w);

	if (r < 0)
		return ctx->failure.code == r ? r : mf_fail(ctx, "check", r, ctx->kernel, NULL);
	if (result.n_findings)
		qsort(result.findings, result.n_findings, sizeof(*result.findings), by_path);
	*ret_check = result;
	result = (struct mf_check){ 0 };
	return 0;
}

void mf_check_done(struct mf_check *check)
{
	for (size_t i = 0; i < check->n_findings; i++) {
		free(check->findings[i].what);
		free(check->findings[i].package);
		free(check->findings[i].why);
	}
	free(check->findings);
	*check = (struct mf_check){ 0 };
}
