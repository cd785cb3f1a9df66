/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the machine has without a package: its kernel's exports, modules in the tree that no rpm
 * owns, and firmware, as one solvable.
 *
 * The tree is the truth about modules: modules.dep names them. The rpm database is the truth about packages: a module
 * whose kmod() an installed package provides is left to that package, so that its removal is noticed. CRCs come from the
 * kernel's own symvers where there is one, since that is the kernel on disk; the repository's packages of the same release
 * speak where there is none; a module that neither knows is read itself, if modules.symbols, which is made with modules.dep,
 * says that it exports anything: most do not, and to decompress them takes ten seconds.
 *
 * A file that a package needs, "/usr/sbin/depmod", is there if it is on disk: the rpm database of a machine
 * with another package manager is nearly empty, and a file that its package has lost serves no package.
 *
 * Firmware files count as present, whatever installed them: a package that has nothing but firmware which is all
 * there is not wanted, so its name is provided too.
 */
#include "system.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/modinfo.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"
#include "modfetch/symvers.h"
#include "modfetch/table.h"

#define INDEX_MAX (64U << 20) /* bytes of modules.dep, and of modules.symbols */
#define DEP_MAX	  1024	      /* bytes of a dependency that libsolv still parses */

struct module {
	const char *name; /* as kmod spells it */
	const char *path; /* below lib/modules/K */
	bool owned;	  /* by an installed package */
	bool known;	  /* to a package of a repository, or to symvers */
	bool exports;	  /* modules.symbols has a symbol of it */
};

struct system {
	struct mf_context *ctx;
	const struct mf_release *release;
	char ksym[160];		    /* "ksym(FLAVOR:" */
	const char *kernel, *plain; /* RHEL's "kernel(" and "ksym(" where any package has such */
	struct mf_pool *pool;
	struct mf_arena texts; /* names and paths of modules */
	struct module *modules;
	size_t n_modules, room_for_modules;
	struct mf_table by_name;
	struct mf_dep *deps; /* owned strings */
	size_t n_deps, room;
	int *copies; /* ids of packages */
	size_t n_copies, room_for_copies;
	char *image;		    /* name of the kernel-image package */
	bool image_owned;	    /* it is installed */
	bool symvers;		    /* the kernel has its own */
	char last[256];		    /* the module that its last line was about */
	struct module *last_module; /* the same on disk, or NULL */
	bool has_symbols;	    /* the tree has a modules.symbols */
	bool installed;		    /* the packages at hand are */
	int tree;		    /* lib/modules/K, or -1 */
};

static void system_done(struct system *s)
{
	mf_table_done(&s->by_name);
	mf_arena_done(&s->texts);
	for (size_t i = 0; i < s->n_deps; i++) {
		free((char *)s->deps[i].name);
		free((char *)s->deps[i].evr);
	}
	free(s->modules);
	free(s->deps);
	free(s->copies);
	free(s->image);
}

static int add_dep(struct system *s, char *name, const char *evr)
{
	char *copy = evr ? strdup(evr) : NULL;

	if (!name || (evr && !copy) ||
	    mf_array_reserve(&s->deps, &s->room, s->n_deps + 1, sizeof(*s->deps)) < 0) {
		free(name);
		free(copy);
		return -ENOMEM;
	}
	s->deps[s->n_deps++] = (struct mf_dep){ name, copy };
	return 0;
}

/* OPEN, the symbol and ")" into NAME; false where that is too long for any package to ask for. */
static bool dep_name(char name[DEP_MAX], const char *open, const char *symbol, size_t len)
{
	if (strlen(open) + len + 2 > DEP_MAX)
		return false;
	stpcpy(stpcpy(stpcpy(name, open), symbol), ")");
	return true;
}

/*
 * An export in each of the forms packages ask for it: SUSE's and our own, RHEL's of the kernel and
 * of a foreign driver. CRC: hex without 0x, or NULL.
 */
static void system_add_export(struct system *s, const char *symbol, const char *crc)
{
	const struct {
		const char *open;
		bool padded;
	} forms[] = { { s->ksym, false }, { s->kernel, true }, { s->plain, true } };
	size_t len = strlen(symbol);
	char name[DEP_MAX], padded[16];

	for (size_t i = 0; i < MF_ARRAY_SIZE(forms); i++) {
		if (!forms[i].open || !dep_name(name, forms[i].open, symbol, len))
			continue;
		if (crc && forms[i].padded)
			snprintf(padded, sizeof(padded), "0x%08lx", strtoul(crc, NULL, 16));
		mf_pool_export(s->pool, name, crc && forms[i].padded ? padded : crc);
	}
}

/* ---- the modules on disk ---- */

static struct module *find_module(const struct system *s, const char *name)
{
	const uint32_t *place = mf_table_get(&s->by_name, name, strlen(name));

	return place ? &s->modules[*place] : NULL;
}

/* Of a line of modules.dep, what is before the colon is a module's path. */
static int system_add_module(void *arg, char *line)
{
	struct system *s = arg;
	size_t len = (size_t)(strchrnul(line, ':') - line);
	char name[MF_MODULE_NAME_SIZE], *copy, *path;
	uint32_t *place;

	line[len] = '\0';
	if (!mf_module_name(line, name, sizeof(name)) || find_module(s, name))
		return 0;
	copy = mf_arena_copy(&s->texts, name, strlen(name));
	path = mf_arena_copy(&s->texts, line, len);
	if (!copy || !path ||
	    mf_array_reserve(&s->modules, &s->room_for_modules, s->n_modules + 1,
			     sizeof(*s->modules)) < 0)
		return -ENOMEM;
	s->modules[s->n_modules] = (struct module){ .name = copy, .path = path };
	return mf_table_put(&s->by_name, copy, strlen(copy), (uint32_t)s->n_modules++, &place) < 0
		       ? -ENOMEM
		       : 0;
}

/* NAME: of a file below the kernel's directory; NULL: that itself. A descriptor or -errno. */
static int open_in_tree(const struct system *s, const char *name, int flags)
{
	_cleanup_free_ char *path = mf_kernel_path(s->ctx->kernel, name);

	return path ? mf_context_open(s->ctx, path, flags) : -ENOMEM;
}

/* Visits the lines of an index of the kernel; a missing one has none. 0, the visitor's return, or -errno. */
static int read_index(struct system *s, const char *name, mf_line_visit *visit)
{
	_cleanup_close_ int fd = open_in_tree(s, name, O_RDONLY);

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	return mf_file_each_line(fd, INDEX_MAX, visit, s);
}

/* ---- who owns them, who knows them ---- */

/* Of a provide of the form "kmod(…)": the place of its module, from 1. */
static uint32_t number_of_module(void *arg, const char *name)
{
	const struct system *s = arg;
	char module[MF_MODULE_NAME_SIZE];
	const struct module *m =
		mf_dep_module(name, module, sizeof(module)) ? find_module(s, module) : NULL;

	return m ? (uint32_t)(m - s->modules) + 1 : 0;
}

/* The system has what that package of a repository has. */
static int add_copy(struct system *s, int id)
{
	if (s->n_copies && s->copies[s->n_copies - 1] == id)
		return 0;
	if (mf_array_reserve(&s->copies, &s->room_for_copies, s->n_copies + 1, sizeof(*s->copies)) <
	    0)
		return -ENOMEM;
	s->copies[s->n_copies++] = id;
	return 0;
}

/*
 * A module in another kernel's directory that the index has, as weak-modules makes it: a link from
 * this kernel's directory. RET_RELEASE: that kernel.
 */
static bool on_link(void *arg, const char *name, char ret_release[MF_RELEASE_MAX])
{
	const struct system *s = arg;
	const struct module *m = find_module(s, name);

	/* the kernel's own are files */
	return m && !mf_starts_with(m->path, "kernel/") &&
	       mf_kernel_of_link(s->tree, m->path, ret_release, MF_RELEASE_MAX);
}

static int see_image(void *arg, int id)
{
	struct system *s = arg;

	if (s->installed)
		s->image_owned = true;
	return s->image_owned ? 0 : add_copy(s, id);
}

static int see_module(void *arg, int id, uint32_t number)
{
	struct system *s = arg;
	struct module *m = &s->modules[number - 1];

	if (m->owned || !strcmp(mf_pool_name(s->pool, id), s->image))
		return 0;
	if (s->installed) {
		m->owned = true;
		return 0;
	}
	m->known = true;
	return add_copy(s, id);
}

/* What is installed comes first: only what it does not own may be known to others. */
static int see_packages(struct system *s, size_t n_repos)
{
	struct mf_numbered *names = NULL;
	int r = mf_numbered_new(s->pool, "kmod(", number_of_module, s, &names);

	for (int origin = MF_POOL_INSTALLED; !r && origin < (int)n_repos; origin++) {
		s->installed = origin == MF_POOL_INSTALLED;
		r = mf_pool_each_named(s->pool, origin, s->image, see_image, s);
		if (!r && s->n_modules)
			r = mf_numbered_each(names, origin, see_module, s);
	}
	mf_numbered_free(names);
	return r;
}

/* ---- exports ---- */

static int see_symvers(void *arg, const char *symbol, const char *crc, const char *module)
{
	struct system *s = arg;

	s->symvers = true;
	if (strcmp(module, "vmlinux")) {
		/* the lines of a module stand together, mostly */
		if (strcmp(s->last, module)) {
			s->last_module = find_module(s, module);
			snprintf(s->last, sizeof(s->last), "%s", module);
		}
		if (!s->last_module || s->last_module->owned)
			return 0;
		s->last_module->known = true;
	} else if (s->image_owned) {
		return 0;
	}
	system_add_export(s, symbol, crc);
	return 0;
}

/* Its file may be a link, which is followed below the root. */
static int system_read_module(const struct system *s, const char *path, struct mf_modinfo *ret_info)
{
	/* one of depmod's external directories has its own path */
	_cleanup_close_ int fd = *path == '/' ? mf_context_open(s->ctx, path, O_RDONLY)
					      : open_in_tree(s, path, O_RDONLY);
	_cleanup_free_ char *buf = NULL;
	size_t len = 0;
	int r = fd < 0 ? fd : mf_file_read(fd, MF_MODULE_FILE_MAX, &buf, &len);

	return r < 0 ? r : mf_modinfo_parse(buf, len, MF_MODULE_FILE_MAX, ret_info);
}

/* "alias symbol:NAME MODULE", or the comment that the file begins with. */
static int on_symbol(void *arg, char *line)
{
	struct system *s = arg;
	const char *blank = strrchr(line, ' ');
	struct module *m = find_module(s, blank ? blank + 1 : line);

	s->has_symbols = true;
	if (m)
		m->exports = true;
	return 0;
}

/* A module that neither symvers nor a repository knows says itself what it exports. */
static int read_exports(struct system *s, const struct module *m)
{
	bool unread = s->ctx->is_replica || (s->has_symbols && !m->exports);
	struct mf_modinfo info = { 0 };
	char crc[16];
	int r = unread ? 0 : system_read_module(s, m->path, &info);

	if (r < 0) {
		mf_log(s->ctx, MF_LOG_WARNING, "resolve: %s: cannot be read: %s", m->path,
		       mf_error_sentence(r));
		return 0;
	}
	r = add_dep(s, mf_format("kmod(%s.ko)", m->name), NULL);
	for (size_t i = 0; !r && i < info.n_exports; i++) {
		snprintf(crc, sizeof(crc), "%x", info.exports[i].crc);
		system_add_export(s, info.exports[i].name, info.exports[i].has_crc ? crc : NULL);
	}
	mf_modinfo_done(&info);
	return r;
}

/* The modules that no package has and nothing else has spoken for: mostly none, or nearly all of a tree. */
static int add_unknown(struct system *s)
{
	bool asked = false;
	int r = 0;

	for (size_t i = 0; !r && i < s->n_modules; i++) {
		if (s->modules[i].owned || s->modules[i].known)
			continue;
		if (!asked)
			r = read_index(s, "modules.symbols", on_symbol);
		asked = true;
		if (!r)
			r = read_exports(s, &s->modules[i]);
	}
	return r;
}

/* ---- firmware ---- */

#define FIRMWARE "firmware("

/* As the package asks for it, or as the machine has compressed it: the kernel reads each. */
static bool firmware_is_there(const struct mf_context *ctx, const char *name)
{
	static const char *const endings[] = { "", ".xz", ".zst" };
	size_t len = strlen(name);

	for (size_t i = 1; i < MF_ARRAY_SIZE(endings); i++)
		if (mf_ends_with(name, endings[i]))
			len -= strlen(endings[i]);
	for (size_t i = 0; i < MF_ARRAY_SIZE(endings); i++) {
		char path[PATH_MAX];
		_cleanup_close_ int fd = -1;

		if (snprintf(path, sizeof(path), "lib/firmware/%.*s%s", (int)len, name,
			     endings[i]) >= (int)sizeof(path))
			return false;
		/* a link that leads nowhere is no firmware */
		fd = mf_context_open(ctx, path, O_PATH);
		if (fd >= 0)
			return true;
	}
	return false;
}

/* What a package provides as firmware. */
struct firmware {
	struct system *s;
	const char *package;
	bool others; /* it has something that is not there, or no firmware */
};

static int see_firmware(void *arg, const char *name, const char *evr)
{
	struct firmware *firmware = arg;
	const char *begin = name + strlen(FIRMWARE), *end = strrchr(name, ')');
	char file[DEP_MAX];

	if (!mf_starts_with(name, FIRMWARE)) {
		/* "name" and "name(x86-64)" are every package's */
		firmware->others |= !mf_starts_with(name, firmware->package);
		return 0;
	}
	if (!end || mf_alias_unescape(begin, (size_t)(end - begin), file, sizeof(file)) < 0 ||
	    !firmware_is_there(firmware->s->ctx, file)) {
		firmware->others = true;
		return 0;
	}
	return add_dep(firmware->s, strndup(name, (size_t)(end + 1 - name)), NULL);
}

static int see_firmware_package(void *arg, int id)
{
	struct firmware firmware = { .s = arg };
	struct mf_package package;
	int r;

	mf_pool_package(firmware.s->pool, id, &package);
	firmware.package = package.name;
	r = mf_pool_deps(firmware.s->pool, id, MF_PROVIDES, see_firmware, &firmware);
	return r || firmware.others ? r : add_dep(firmware.s, strdup(package.name), NULL);
}

static int add_firmware(struct system *s, size_t n_repos)
{
	_cleanup_close_ int directory =
		mf_context_open(s->ctx, "lib/firmware", O_PATH | O_DIRECTORY);
	int r = 0;

	for (size_t i = 0; directory >= 0 && !r && i < n_repos; i++)
		r = mf_pool_each_form(s->pool, (int)i, FIRMWARE, see_firmware_package, s);
	return r;
}

/* ---- files that packages need ---- */

static int on_file_name(void *arg, const char *name)
{
	struct system *s = arg;
	_cleanup_close_ int fd =
		strlen(name) < PATH_MAX ? mf_context_open(s->ctx, name, O_PATH) : -ENAMETOOLONG;

	return fd < 0 ? 0 : add_dep(s, strdup(name), NULL);
}

static int system_add_names(struct system *s)
{
	static const char *const names[] = { "kernel-uname-r", "kernel-core-uname-r" };
	const struct mf_release *release = s->release;
	char *flavor = NULL, *kernel = NULL;
	int r;

	if (s->image_owned)
		return 0;
	flavor = mf_format("kernel-%s", release->flavor);
	r = add_dep(s, flavor, NULL);
	if (!r) {
		kernel = mf_format("kernel-%s-%s", release->flavor, release->abi);
		r = add_dep(s, kernel, NULL);
	}
	/* as rpm 4.17 and later let it be written, and as packages of older ones have it */
	for (size_t i = 0; !r && i < MF_ARRAY_SIZE(names); i++) {
		r = add_dep(s, strdup(names[i]), release->uname_r);
		if (!r)
			r = add_dep(s, strdup(names[i]), release->release);
	}
	return r;
}

static int gather(struct system *s, size_t n_repos, bool all_kernels)
{
	_cleanup_close_ int tree = open_in_tree(s, NULL, O_RDONLY | O_DIRECTORY);
	int r;

	if (tree < 0 && tree != -ENOENT)
		return tree;
	s->tree = tree;
	r = read_index(s, "modules.dep", system_add_module);
	if (!r)
		r = mf_pool_set_kernel(s->pool, s->release, all_kernels, on_link, s);
	if (!r)
		r = see_packages(s, n_repos);
	if (!r)
		r = add_firmware(s, n_repos);
	if (!r)
		r = mf_pool_each_name(s->pool, "/", on_file_name, s);
	if (!r)
		r = system_add_names(s);
	if (!r)
		r = mf_symvers_read(s->ctx, see_symvers, s);
	return r < 0 ? r : add_unknown(s);
}

int mf_system_add(struct mf_context *ctx, const struct mf_release *release, size_t n_repos,
		  bool all_kernels, struct mf_pool *pool)
{
	_cleanup_(system_done) struct system s = { .ctx = ctx, .release = release, .pool = pool };
	int r;

	s.image = mf_format("kernel-%s-image-%s", release->flavor, release->abi);
	/* a release has at most 64 bytes */
	snprintf(s.ksym, sizeof(s.ksym), "ksym(%s:", release->flavor);
	s.kernel = mf_pool_knows_form(pool, "kernel(") ? "kernel(" : NULL;
	s.plain = mf_pool_knows_form(pool, "ksym(") ? "ksym(" : NULL;
	r = s.image ? gather(&s, n_repos, all_kernels) : -ENOMEM;
	if (!r)
		r = mf_pool_add_system(pool, s.deps, s.n_deps, s.copies, s.n_copies,
				       s.symvers ? "ksym(" : NULL);
	if (r < 0 && !ctx->failure.code)
		return mf_fail(ctx, MF_STAGE_RESOLVE, r, "system", NULL);
	return r;
}
