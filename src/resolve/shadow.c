/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checks whether a package would shadow a module or firmware that the machine has.
 *
 * Of two modules with the same name depmod indexes one, chosen by their directories; and the kernel
 * looks for firmware in /lib/firmware/updates and /lib/firmware/KVER before /lib/firmware, and for
 * a plain file before a compressed one. So a package for one device can replace the driver of
 * another without changing a file. verify-conf.c checks a package's configuration for depmod.
 *
 * In-tree drivers belong to the kernel: a module that is built in or in its directory, or one for
 * which the repository of the kernel (choice.c) has a package that the policy does not refuse,
 * fetched or not. In the directory each module of that name counts, from any source, except those
 * of packages that this transaction removes or replaces; the directory itself is read, since the
 * indexes may be older. owners.c checks files at the very path of a package's file.
 *
 * A package may shadow if the administrator prefers its repository, by prefer= or by its priority,
 * prefers it by a rule, or named the package. A rule about a module permits that for this module of
 * the package alone. Without a repository that has the kernel, a priority better than the
 * default is a preference. A package of the kernel's image in a repository does not permit it to
 * replace files on disk, since any package can have such a name; but its firmware may be compressed
 * differently.
 */
#include "modfetch/resolve.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/builtin.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "modfetch/rpm.h"
#include "modfetch/strings.h"
#include "removed.h"

#define DEPTH_MAX      32
#define LIST_SIZE      ((size_t)16 << 10) /* of a directory, at a time */
#define NO_KERNEL_REPO (-1)
#define NOT_ASKED      (-2)
#define MODULES	       "/lib/modules/"
#define FIRMWARE       "/lib/firmware/"

/* A module of a package in the plan. */
struct new_module {
	char name[MF_MODULE_NAME_SIZE]; /* as kmod spells it */
	const char *path;		/* borrowed */
	const char *below;		/* the part of path below the directory of its kernel */
	size_t package;
};

struct shadow {
	struct mf_context *ctx;
	struct mf_catalog *catalog;
	const struct mf_policy *policy;
	const struct mf_plan *plan;
	const struct mf_rpm_header *const *headers;
	int kernel_repo; /* the repository of the kernel, NO_KERNEL_REPO, or NOT_ASKED */
	struct resolve_removed removed;
	struct mf_strings kernels; /* the kernels that the packages have modules for */
	/* of the current kernel */
	struct new_module *new_modules; /* sorted by name */
	size_t n;
};

static const struct mf_repo *shadow_repo_of(const struct shadow *s, size_t package)
{
	return &mf_catalog_repos(s->catalog)->v[s->plan->items[package].repo];
}

/* ---- which packages may shadow ---- */

static int shadow_find_kernel_repo(struct shadow *s)
{
	struct mf_pool *pool;
	int r = s->kernel_repo == NOT_ASKED ? mf_catalog_pool(s->ctx, s->catalog, &pool) : 0;

	if (!r && s->kernel_repo == NOT_ASKED)
		s->kernel_repo = mf_choice_kernel_repo(s->catalog, pool);
	return r;
}

/*
 * May the package shadow? Decided by the package, its repository and the rules alone. MODULE: only
 * that module of it; NULL: any file.
 */
static bool may_shadow(const struct shadow *s, size_t package, const char *module)
{
	const struct mf_plan_item *item = &s->plan->items[package];
	const struct mf_repo *repo = shadow_repo_of(s, package);
	const struct mf_facts facts = { .package = item->name,
					.repository = repo->id,
					.module = module };

	return item->named || repo->prefer ||
	       mf_rules_find(mf_policy_rules(s->policy), MF_RULE_PREFER, &facts);
}

/*
 * Does the priority of its repository permit the package to shadow? 1: it does; 0; or a recorded
 * failure.
 */
static int is_preferred(struct shadow *s, size_t package)
{
	const struct mf_repos *repos = mf_catalog_repos(s->catalog);
	int r = shadow_find_kernel_repo(s);

	if (r < 0)
		return r;
	return shadow_repo_of(s, package)->priority < (s->kernel_repo == NO_KERNEL_REPO
							       ? MF_REPO_PRIORITY
							       : repos->v[s->kernel_repo].priority);
}

/*
 * The file PATH of the package would shadow WHAT: fails, unless the package may. 0 or a recorded
 * failure.
 */
static int shadow_refuse(struct shadow *s, size_t package, const char *path, const char *what)
{
	const struct mf_plan_item *item = &s->plan->items[package];
	int preferred = is_preferred(s, package);

	if (preferred)
		return preferred < 0 ? preferred : 0;
	return mf_fail(s->ctx, MF_STAGE_VERIFY, -MFE_FORBIDDEN_FILE, item->name,
		       "%s would replace %s; to allow that, prefer the package: modfetch prefer "
		       "%s, set prefer=1 for the repository %s, or name the package: modfetch "
		       "install %s",
		       path, what, item->name, shadow_repo_of(s, package)->id, item->name);
}

/* ---- modules ---- */

static bool shadow_module_name(const char *path, char ret_name[MF_MODULE_NAME_SIZE])
{
	return mf_is_module(path) && mf_module_name(path, ret_name, MF_MODULE_NAME_SIZE);
}

static int shadow_by_name(const void *a, const void *b)
{
	return strcmp(((const struct new_module *)a)->name, ((const struct new_module *)b)->name);
}

static int refuse_module(struct shadow *s, const struct new_module *a, const char *what)
{
	return shadow_refuse(s, a->package, a->path, what);
}

/*
 * Checks a file on disk, in DIRECTORY below that of the kernel. Hardly any has the name of a module
 * in the plan.
 */
static int check_tree_file(struct shadow *s, const char *kernel, const char *directory,
			   const char *file)
{
	struct new_module key, *a;
	_cleanup_free_ char *whole = NULL;
	const char *path;
	int r;

	if (!shadow_module_name(file, key.name))
		return 0;
	a = bsearch(&key, s->new_modules, s->n, sizeof(*a), shadow_by_name);
	if (!a)
		return 0;
	while (a > s->new_modules && !shadow_by_name(a - 1, &key))
		a--;
	whole = mf_format(MODULES "%s/%s%s", kernel, directory, file);
	if (!whole)
		return -ENOMEM;
	path = whole + strlen(MODULES) + strlen(kernel) + 1;
	r = resolve_removed_has(&s->removed, whole);
	for (; !r && a < s->new_modules + s->n && !shadow_by_name(a, &key); a++)
		if (strcmp(a->below, path))
			r = refuse_module(s, a, whole);
	return r < 0 ? r : 0;
}

static bool shadow_is_directory(int fd, const struct dirent64 *d)
{
	struct stat st;

	if (d->d_type != DT_UNKNOWN)
		return d->d_type == DT_DIR;
	return !fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) && S_ISDIR(st.st_mode);
}

static int shadow_walk(struct shadow *s, int fd, const char *kernel, const char *directory,
		       int depth);

static int check_tree_entry(struct shadow *s, int fd, const char *kernel, const char *directory,
			    int depth, const struct dirent64 *d)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int sub = -1;

	if (!strcmp(d->d_name, ".") || !strcmp(d->d_name, ".."))
		return 0;
	if (!shadow_is_directory(fd, d))
		return check_tree_file(s, kernel, directory, d->d_name);
	if (depth < DEPTH_MAX)
		sub = openat(fd, d->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (sub < 0)
		return 0;
	path = mf_format("%s%s/", directory, d->d_name);
	return path ? shadow_walk(s, sub, kernel, path, depth + 1) : -ENOMEM;
}

/*
 * Walks DIRECTORY, a path below that of the kernel that ends in '/' unless it is empty. A kernel has
 * nine hundred directories: readdir() would double the number of system calls.
 */
static int shadow_walk(struct shadow *s, int fd, const char *kernel, const char *directory,
		       int depth)
{
	_cleanup_free_ char *list = malloc(LIST_SIZE);
	ssize_t n;
	int r = 0;

	if (!list)
		return -ENOMEM;
	while (!r && (n = getdents64(fd, list, LIST_SIZE)) != 0) {
		if (n < 0)
			return -errno;
		for (char *p = list; !r && p < list + n;
		     p += ((struct dirent64 *)(void *)p)->d_reclen)
			r = check_tree_entry(s, fd, kernel, directory, depth, (void *)p);
	}
	return r;
}

static int check_tree(struct shadow *s, const char *kernel)
{
	_cleanup_(mf_builtins_done) struct mf_builtins builtins = { 0 };
	_cleanup_free_ char *directory = NULL;
	_cleanup_close_ int fd = -1;
	int r;

	directory = mf_format(MODULES "%s", kernel);
	if (!directory)
		return -ENOMEM;
	fd = mf_context_open(s->ctx, directory, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	r = mf_builtins_read_names(fd, &builtins);
	for (size_t i = 0; !r && i < s->n; i++)
		if (mf_strings_has(&builtins.names, s->new_modules[i].name))
			r = refuse_module(s, &s->new_modules[i], "a module built into the kernel");
	return r < 0 ? r : shadow_walk(s, fd, kernel, "", 0);
}

/* ---- modules in the repository of the kernel ---- */

struct repository_check {
	struct shadow *shadow;
	const struct new_module *module;
};

static int on_repository_module(void *arg, const char *pattern, const char *package, size_t repo)
{
	struct repository_check *check = arg;
	struct shadow *s = check->shadow;
	_cleanup_free_ char *why = NULL;
	_cleanup_free_ char *what = NULL;
	struct mf_request request = { .module = check->module->name, .package = package };
	int r;

	if (s->plan->items[check->module->package].repo == repo ||
	    !mf_ends_with(package, mf_catalog_tag(s->catalog)))
		return 0;
	r = shadow_find_kernel_repo(s);
	if (r < 0 || s->kernel_repo != (int)repo)
		return r;
	request.repository = mf_catalog_repos(s->catalog)->v[repo].id;
	r = mf_policy_check(s->policy, &request, &why);
	if (r)
		return r < 0 ? r : 0;
	what = mf_format("the kernel's own, in %s", package);
	if (!what)
		return -ENOMEM;
	return refuse_module(s, check->module, what);
}

static int check_repositories(struct shadow *s)
{
	int r = 0;

	for (size_t i = 0; !r && i < s->n; i++) {
		struct repository_check check = { s, &s->new_modules[i] };

		r = mf_catalog_module(s->catalog, s->new_modules[i].name, on_repository_module,
				      &check);
	}
	return r;
}

/* ---- one kernel ---- */

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
	s->new_modules = calloc(room + 1, sizeof(*s->new_modules));
	if (!s->new_modules)
		return -ENOMEM;
	for (size_t i = 0; i < s->plan->n; i++) {
		const struct mf_rpm_header *h = s->headers[i];

		for (size_t j = 0; !may_shadow(s, i, NULL) && j < h->n_files; j++) {
			struct new_module *a = &s->new_modules[s->n];

			a->path = h->files[j].path;
			a->below = shadow_below(a->path, kernel);
			a->package = i;
			if (a->below && !S_ISDIR(h->files[j].mode) &&
			    shadow_module_name(a->below, a->name) && !may_shadow(s, i, a->name))
				s->n++;
		}
	}
	qsort(s->new_modules, s->n, sizeof(*s->new_modules), shadow_by_name);
	return 0;
}

static int shadow_check_kernel(struct shadow *s, const char *kernel)
{
	int r = shadow_gather(s, kernel);

	if (!r && s->n)
		r = check_tree(s, kernel);
	if (!r && s->n && !strcmp(kernel, s->ctx->kernel))
		r = check_repositories(s);
	free(MF_STEAL(s->new_modules));
	return r;
}

/* ---- other files ---- */

/* Is a file at PATH that stays? 1, 0, or a failure. */
static int file_stays(struct shadow *s, const char *path)
{
	_cleanup_close_ int fd = mf_context_open(s->ctx, path, O_PATH | O_NOFOLLOW);
	int r = fd < 0 ? 1 : resolve_removed_has(&s->removed, mf_without_usr(path));

	return r < 0 ? r : !r;
}

/*
 * Checks OTHER, unless it is PATH itself, for a file that stays; the repository of the kernel may
 * replace it.
 */
static int check_firmware_file(struct shadow *s, size_t package, const char *path,
			       const char *other)
{
	int r = strcmp(path, mf_without_usr(other)) ? file_stays(s, other) : 0;

	if (r == 1 && !shadow_find_kernel_repo(s) &&
	    s->kernel_repo == (int)s->plan->items[package].repo)
		return 0;
	return r == 1 ? shadow_refuse(s, package, path, other) : r;
}

/* Is NAME the directory of a kernel? "6.1.0-56-amd64" is, "3com" is not. */
static bool is_kernel_directory(const struct shadow *s, const char *name, size_t len)
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

	if (name[len] && (mf_starts_with(name, "updates/") || is_kernel_directory(s, name, len)))
		return shadow_refuse(s, package, path, "all firmware of its name in " FIRMWARE);
	for (size_t i = 0; i < 2; i++)
		if (mf_ends_with(path, endings[i]))
			bare = strlen(path) - strlen(endings[i]);
	for (size_t i = 0; !r && i < MF_ARRAY_SIZE(endings); i++) {
		_cleanup_free_ char *other = NULL;

		other = mf_format("%.*s%s", (int)bare, path, endings[i]);
		if (!other)
			return -ENOMEM;
		r = check_firmware_file(s, package, path, other);
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
			    .kernel_repo = NOT_ASKED,
			    .removed = { .ctx = ctx, .plan = plan, .headers = headers } };
	int r = 0;

	for (size_t i = 0; !r && i < plan->n; i++) {
		const struct mf_rpm_header *h = headers[i];

		for (size_t j = 0; !r && !may_shadow(&s, i, NULL) && j < h->n_files; j++)
			if (!S_ISDIR(h->files[j].mode))
				r = shadow_check_file(&s, i, mf_without_usr(h->files[j].path));
	}
	for (size_t i = 0; !r && i < s.kernels.n; i++)
		r = shadow_check_kernel(&s, s.kernels.v[i]);
	resolve_removed_done(&s.removed);
	mf_strings_done(&s.kernels);
	return r < 0 && ctx->failure.code != r ? mf_fail(ctx, MF_STAGE_VERIFY, r, "shadows", NULL)
					       : r;
}
