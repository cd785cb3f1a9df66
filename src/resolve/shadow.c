/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What would stand before what the machine has.
 *
 * Of two modules of one name depmod indexes one, by the directory they lie in, and the kernel looks
 * for firmware in /lib/firmware/updates and /lib/firmware/KVER before it looks in /lib/firmware, and
 * for a plain file before a compressed one. So a package for one device can replace the driver of
 * another without touching a file. What it may say to depmod is the affair of verify-conf.c.
 *
 * What is in-box is the kernel's: a module that is built in or lies in its tree, or one of which the
 * repository that the kernel comes from (choice.c) has a package that the policy does not refuse,
 * fetched yet or not. In the tree each module of the name counts, whoever brought it, but for those
 * of the packages that go in this transaction or are replaced: the tree is listed, for the indexes
 * may be older. A file at the very path of a package's is not a shadow but the affair of owners.c.
 *
 * A repository that the admin prefers by prefer= or by its priority, and a package that he named may
 * shadow. Without a repository that has the kernel, a priority better than the default is a
 * preference. That a repository has a package of the kernel's image is no reason to let it replace
 * what is on disk, for anybody can call a package so; but its firmware need not be compressed as the
 * machine's is.
 */
#include "modfetch/resolve.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/array.h"
#include "modfetch/builtin.h"
#include "modfetch/cleanup.h"
#include "modfetch/module-name.h"
#include "modfetch/rpm.h"
#include "modfetch/strings.h"

#define DEPTH_MAX 32
#define NO_HOME	  (-1)
#define NOT_ASKED (-2)
#define MODULES	  "/lib/modules/"
#define FIRMWARE  "/lib/firmware/"

/* A module that comes. */
struct arrival {
	char name[MF_MODULE_NAME_SIZE]; /* as kmod spells it */
	const char *path;		/* borrowed */
	const char *below;		/* of it, below the directory of its kernel */
	size_t package;
};

struct shadow {
	struct mf_context *ctx;
	struct mf_catalog *catalog;
	const struct mf_policy *policy;
	const struct mf_plan *plan;
	const struct mf_rpm_header *const *headers;
	int home; /* the kernel's own repository, NO_HOME, or NOT_ASKED yet */
	bool going_read;
	struct mf_strings going;   /* paths of packages that go or are replaced, sorted */
	struct mf_strings kernels; /* that modules come for */
	/* of the kernel at hand */
	struct arrival *arrivals; /* by name */
	size_t n;
};

static const struct mf_repo *shadow_repo_of(const struct shadow *s, size_t package)
{
	return &mf_catalog_repos(s->catalog)->v[s->plan->items[package].repo];
}

/* ---- who may ---- */

static int shadow_find_home(struct shadow *s)
{
	struct mf_pool *pool;
	int r = s->home == NOT_ASKED ? mf_catalog_pool(s->ctx, s->catalog, &pool) : 0;

	if (!r && s->home == NOT_ASKED)
		s->home = mf_choice_home(s->catalog, pool);
	return r;
}

/* Without a look at anything but the package and its repository. */
static bool is_free(const struct shadow *s, size_t package)
{
	return s->plan->items[package].named || shadow_repo_of(s, package)->prefer;
}

/* 1: what the package would shadow gives way to it; 0: it does not; or a recorded failure. */
static int is_preferred(struct shadow *s, size_t package)
{
	const struct mf_repos *repos = mf_catalog_repos(s->catalog);
	int r = shadow_find_home(s);

	if (r < 0)
		return r;
	return shadow_repo_of(s, package)->priority <
	       (s->home == NO_HOME ? MF_REPO_PRIORITY : repos->v[s->home].priority);
}

/* PATH, which the package brings, would stand before WHAT. */
static int shadow_refuse(struct shadow *s, size_t package, const char *path, const char *what)
{
	const struct mf_plan_item *item = &s->plan->items[package];
	int preferred = is_preferred(s, package);

	if (preferred)
		return preferred < 0 ? preferred : 0;
	return mf_fail(
		s->ctx, "verify", -MFE_FORBIDDEN_FILE, item->name,
		"%s would take the place of %s; if it is to, set prefer=1 for the repository "
		"%s, or name the package: modfetch install %s",
		path, what, shadow_repo_of(s, package)->id, item->name);
}

/* ---- what goes ---- */

static int note_going(void *arg, void *header)
{
	struct shadow *s = arg;
	_cleanup_(mf_rpm_header_done) struct mf_rpm_header h = { 0 };
	int r = mf_rpm_header(header, &h);

	for (size_t i = 0; !r && i < h.n_files; i++)
		if (!S_ISDIR(h.files[i].mode) && !h.files[i].left_out)
			r = mf_strings_add(&s->going, mf_without_usr(h.files[i].path));
	return r;
}

static int read_going(struct shadow *s)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	int r = 0;

	for (size_t i = 0; !r && i < s->plan->n; i++)
		r = mf_strings_add(&names, s->plan->items[i].name);
	for (size_t i = 0; !r && i < s->plan->erase.n; i++)
		r = mf_strings_add(&names, s->plan->erase.v[i]);
	if (!r)
		r = mf_rpm_each_installed(s->ctx, &names, note_going, s);
	mf_strings_sort(&s->going);
	s->going_read = r >= 0;
	return r;
}

static int shadow_by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* 1: PATH, without "/usr", belongs to a package that goes or is replaced; 0; a failure. */
static int is_going(struct shadow *s, const char *path)
{
	int r = s->going_read ? 0 : read_going(s);

	if (r < 0)
		return r;
	return s->going.n &&
	       bsearch(&path, s->going.v, s->going.n, sizeof(*s->going.v), shadow_by_text);
}

/* ---- modules ---- */

static bool module_name(const char *path, char ret_name[MF_MODULE_NAME_SIZE])
{
	return mf_is_module(path) && mf_module_name(path, ret_name, MF_MODULE_NAME_SIZE);
}

static int shadow_by_name(const void *a, const void *b)
{
	return strcmp(((const struct arrival *)a)->name, ((const struct arrival *)b)->name);
}

static int refuse_arrival(struct shadow *s, const struct arrival *a, const char *what)
{
	return shadow_refuse(s, a->package, a->path, what);
}

/* A file of the tree, in DIRECTORY below the kernel's. Nearly none has the name of an arrival. */
static int see_file(struct shadow *s, const char *kernel, const char *directory, const char *file)
{
	struct arrival key, *a;
	_cleanup_free_ char *whole = NULL;
	const char *path;
	int r;

	if (!module_name(file, key.name))
		return 0;
	a = bsearch(&key, s->arrivals, s->n, sizeof(*a), shadow_by_name);
	if (!a)
		return 0;
	while (a > s->arrivals && !shadow_by_name(a - 1, &key))
		a--;
	whole = mf_format(MODULES "%s/%s%s", kernel, directory, file);
	if (!whole)
		return -ENOMEM;
	path = whole + strlen(MODULES) + strlen(kernel) + 1;
	r = is_going(s, whole);
	for (; !r && a < s->arrivals + s->n && !shadow_by_name(a, &key); a++)
		if (strcmp(a->below, path))
			r = refuse_arrival(s, a, whole);
	return r < 0 ? r : 0;
}

static bool shadow_is_directory(int fd, const struct dirent *d)
{
	struct stat st;

	if (d->d_type != DT_UNKNOWN)
		return d->d_type == DT_DIR;
	return !fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st.st_mode);
}

/* DIRECTORY is below the kernel's, and ends in '/' unless it is that itself. FD is taken over. */
static int shadow_walk(struct shadow *s, int fd, const char *kernel, const char *directory,
		       int depth)
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
		_cleanup_free_ char *path = NULL;
		int sub;

		if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
			continue;
		if (!shadow_is_directory(fd, d)) {
			r = see_file(s, kernel, directory, d->d_name);
			continue;
		}
		path = mf_format("%s%s/", directory, d->d_name);
		if (!path)
			return -ENOMEM;
		sub = depth < DEPTH_MAX ? openat(fd, d->d_name,
						 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
					: -1;
		r = sub < 0 ? 0 : shadow_walk(s, sub, kernel, path, depth + 1);
	}
	return r ? r : -errno;
}

static int check_tree(struct shadow *s, const char *kernel)
{
	_cleanup_(mf_builtins_done) struct mf_builtins builtins = { 0 };
	_cleanup_free_ char *directory = NULL;
	int fd, r;

	directory = mf_format(MODULES "%s", kernel);
	if (!directory)
		return -ENOMEM;
	fd = mf_context_open(s->ctx, directory, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	r = mf_builtins_read_names(fd, &builtins);
	for (size_t i = 0; !r && i < s->n; i++)
		if (mf_strings_has(&builtins.names, s->arrivals[i].name))
			r = refuse_arrival(s, &s->arrivals[i], "a module built into the kernel");
	if (r < 0) {
		close(fd);
		return r;
	}
	return shadow_walk(s, fd, kernel, "", 0);
}

/* ---- modules that the kernel's own repository has ---- */

struct asking {
	struct shadow *shadow;
	const struct arrival *arrival;
};

static int see_own(void *arg, const char *pattern, const char *package, size_t repo)
{
	struct asking *asking = arg;
	struct shadow *s = asking->shadow;
	_cleanup_free_ char *why = NULL;
	_cleanup_free_ char *what = NULL;
	struct mf_request request = { .module = asking->arrival->name, .package = package };
	int r;

	if (s->plan->items[asking->arrival->package].repo == repo ||
	    !mf_ends_with(package, mf_catalog_tag(s->catalog)))
		return 0;
	r = shadow_find_home(s);
	if (r < 0 || s->home != (int)repo)
		return r;
	request.repository = mf_catalog_repos(s->catalog)->v[repo].id;
	r = mf_policy_check(s->policy, &request, &why);
	if (r)
		return r < 0 ? r : 0;
	what = mf_format("the kernel's own, in %s", package);
	if (!what)
		return -ENOMEM;
	return refuse_arrival(s, asking->arrival, what);
}

static int check_repositories(struct shadow *s)
{
	int r = 0;

	for (size_t i = 0; !r && i < s->n; i++) {
		struct asking asking = { s, &s->arrivals[i] };

		r = mf_catalog_module(s->catalog, s->arrivals[i].name, see_own, &asking);
	}
	return r;
}

/* ---- of one kernel ---- */

/* The part of PATH below the directory of KERNEL, or NULL. */
static const char *shadow_below(const char *path, const char *kernel)
{
	size_t len = strlen(kernel);

	path = mf_without_usr(path);
	if (!mf_starts_with(path, MODULES))
		return NULL;
	path += strlen(MODULES);
	return !strncmp(path, kernel, len) && path[len] == '/' ? path + len + 1 : NULL;
}

static int shadow_gather(struct shadow *s, const char *kernel)
{
	size_t room = 0;

	s->n = 0;
	for (size_t i = 0; i < s->plan->n; i++)
		room += s->headers[i]->n_files;
	s->arrivals = calloc(room + 1, sizeof(*s->arrivals));
	if (!s->arrivals)
		return -ENOMEM;
	for (size_t i = 0; i < s->plan->n; i++) {
		const struct mf_rpm_header *h = s->headers[i];

		for (size_t j = 0; !is_free(s, i) && j < h->n_files; j++) {
			struct arrival *a = &s->arrivals[s->n];

			a->path = h->files[j].path;
			a->below = shadow_below(a->path, kernel);
			a->package = i;
			if (a->below && !S_ISDIR(h->files[j].mode) &&
			    module_name(a->below, a->name))
				s->n++;
		}
	}
	qsort(s->arrivals, s->n, sizeof(*s->arrivals), shadow_by_name);
	return 0;
}

static int shadow_check_kernel(struct shadow *s, const char *kernel)
{
	int r = shadow_gather(s, kernel);

	if (!r && s->n)
		r = check_tree(s, kernel);
	if (!r && s->n && !strcmp(kernel, s->ctx->kernel))
		r = check_repositories(s);
	free(MF_STEAL(s->arrivals));
	return r;
}

/* ---- other files ---- */

/* Is something at PATH that stays? */
static int stays(struct shadow *s, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(s->ctx, path, O_PATH | O_NOFOLLOW);
	int r = fd < 0 ? 1 : is_going(s, mf_without_usr(path));

	return r < 0 ? r : !r;
}

/* OTHER, unless it is PATH itself; the kernel's own repository may do so. */
static int check_one(struct shadow *s, size_t package, const char *path, const char *other)
{
	int r = strcmp(path, mf_without_usr(other)) ? stays(s, other) : 0;

	if (r == 1 && !shadow_find_home(s) && s->home == (int)s->plan->items[package].repo)
		return 0;
	return r == 1 ? shadow_refuse(s, package, path, other) : r;
}

/* Is it called like the directory of a kernel? "6.1.0-56-amd64", and not "3com". */
static bool is_kernels(const struct shadow *s, const char *name, size_t len)
{
	size_t digits = strspn(name, "0123456789");
	_cleanup_free_ char *directory = NULL;
	_cleanup_close_ int fd = -1;

	if (digits && name[digits] == '.' && strchr("0123456789", name[digits + 1]))
		return true;
	directory = mf_format(MODULES "%.*s", (int)len, name);
	if (!directory)
		return true;
	fd = mf_context_open(s->ctx, directory, O_PATH | O_DIRECTORY);
	return fd >= 0;
}

static int check_firmware(struct shadow *s, size_t package, const char *path)
{
	static const char *const endings[] = { ".xz", ".zst", "" };
	const char *name = path + strlen(FIRMWARE);
	size_t len = strcspn(name, "/"), bare = strlen(path);
	int r = 0;

	if (name[len] && (mf_starts_with(name, "updates/") || is_kernels(s, name, len)))
		return shadow_refuse(s, package, path, "all firmware of its name in " FIRMWARE);
	for (size_t i = 0; i < 2; i++)
		if (mf_ends_with(path, endings[i]))
			bare = strlen(path) - strlen(endings[i]);
	for (size_t i = 0; !r && i < MF_ARRAY_SIZE(endings); i++) {
		_cleanup_free_ char *other = NULL;

		other = mf_format("%.*s%s", (int)bare, path, endings[i]);
		if (!other)
			return -ENOMEM;
		r = check_one(s, package, path, other);
	}
	return r;
}

static int note_kernel(struct shadow *s, const char *path)
{
	const char *kernel = path + strlen(MODULES);
	_cleanup_free_ char *copy = strndup(kernel, strcspn(kernel, "/"));

	return copy ? mf_strings_add_unique(&s->kernels, copy) : -ENOMEM;
}

static int shadow_check_file(struct shadow *s, size_t package, const char *path)
{
	if (mf_starts_with(path, MODULES))
		return note_kernel(s, path);
	if (mf_starts_with(path, FIRMWARE))
		return check_firmware(s, package, path);
	return 0;
}

int mf_shadow_check(struct mf_context *ctx, struct mf_catalog *catalog,
		    const struct mf_policy *policy, const struct mf_plan *plan,
		    const struct mf_rpm_header *const *headers)
{
	struct shadow s = { .ctx = ctx,
			    .catalog = catalog,
			    .policy = policy,
			    .plan = plan,
			    .headers = headers,
			    .home = NOT_ASKED };
	int r = 0;

	for (size_t i = 0; !r && i < plan->n; i++) {
		const struct mf_rpm_header *h = headers[i];

		for (size_t j = 0; !r && !is_free(&s, i) && j < h->n_files; j++)
			if (!S_ISDIR(h->files[j].mode))
				r = shadow_check_file(&s, i, mf_without_usr(h->files[j].path));
	}
	for (size_t i = 0; !r && i < s.kernels.n; i++)
		r = shadow_check_kernel(&s, s.kernels.v[i]);
	mf_strings_done(&s.going);
	mf_strings_done(&s.kernels);
	return r < 0 && ctx->failure.code != r ? mf_fail(ctx, "verify", r, "shadows", NULL) : r;
}
