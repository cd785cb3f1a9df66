/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writes "install NAME" lines for modprobe.
 *
 * modprobe has no hook for an unknown name, but it obeys modprobe.d: an "install NAME" line for
 * each module that could be fetched runs libexec/modfetch/modprobe, which fetches it and then lets
 * modprobe load it. The lines are volatile and written again when the disk or a repository has
 * changed, since modprobe would run the line even for a module on disk.
 *
 * A name gets a line if the repositories have a module of that name and neither the disk, the
 * kernel nor modprobe.d has one. So does an alias without a bus ("fs-xfs") that matches a pattern
 * of kernel-requests= in modfetch.conf, or that a module on disk or in the kernel may request when
 * it runs ("crypto-ccm", for mac80211). Those patterns also decide which names may be fetched when
 * the kernel itself requests them, which "-k" reports to the helper: any user can provoke
 * request_module(), so without a pattern the helper checks whether a module on disk lists the name.
 * A line for an alias would hide modules on disk, so none is written if a module on disk matches.
 *
 * A shell runs the lines as root. A name is written only if it consists of letters, digits, '_',
 * '-' and '.', whatever the signed metadata contains, and it is not an argument: the helper gets it
 * from the environment of modprobe.
 */
#include "modfetch/stubs.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "config.h"
#include "modfetch/catalog.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/libkmod.h"
#include "modfetch/strings.h"
#include "modfetch/table.h"
#include "module-names.h"
#include "stubs-state.h"

/* The number is the state that the lines are for. A file that has no lines says that none are needed. */
#define HEADER                                                                                     \
	"# These modules are not on disk, but modfetch can fetch them: the lines below make "      \
	"modprobe\n"                                                                               \
	"# run it. The next boot removes this file; see modfetch(8), MODPROBE.\n"                  \
	"# state %016" PRIx64 "\n"

struct stubs_work {
	const struct mf_context *ctx;
	struct mf_kmod *kmod;
	struct mf_module_names names; /* on disk and built in */
	struct mf_strings patterns;   /* kernel-requests= */
	struct mf_table seen;
	struct mf_table requesters; /* module name: is it on disk or loaded? */
	struct mf_table requested;  /* module name, if one of the above requests it */
	struct mf_table loaded;	    /* name of a directory of /sys/module */
	struct mf_arena arena;	    /* the keys of all four */
	FILE *out;
};

static void stubs_work_done(struct stubs_work *w)
{
	mf_strings_done(&w->patterns);
	mf_table_done(&w->seen);
	mf_table_done(&w->requesters);
	mf_table_done(&w->requested);
	mf_table_done(&w->loaded);
	mf_arena_done(&w->arena);
	mf_module_names_done(&w->names);
	mf_kmod_free(w->kmod);
	if (w->out)
		fclose(w->out);
}

static bool kernel_may_request(const struct stubs_work *w, const char *name)
{
	for (size_t i = 0; i < w->patterns.n; i++)
		if (!fnmatch(w->patterns.v[i], name, 0))
			return true;
	return false;
}

/* Adds a name with a value to one of the tables. 1; 0: it was there; -ENOMEM. */
static int stubs_put(struct stubs_work *w, struct mf_table *table, const char *name, uint32_t value)
{
	size_t len = strlen(name);
	uint32_t *place = mf_table_get(table, name, len);
	char *key = place ? NULL : mf_arena_copy(&w->arena, name, len);

	if (place)
		return 0;
	return key ? mf_table_put(table, key, len, value, &place) : -ENOMEM;
}

/* Writes the line of a name, once. */
static int write_line(struct stubs_work *w, const char *name)
{
	int r = stubs_put(w, &w->seen, name, 1);

	if (r <= 0)
		return r;
	/* fprintf() would take most of the time of an update */
	fputs("install ", w->out);
	fputs(name, w->out);
	fputs(" " MF_LIBEXECDIR "/modprobe", w->out);
	fputs(kernel_may_request(w, name) ? " -k $CMDLINE_OPTS\n" : " $CMDLINE_OPTS\n", w->out);
	return ferror(w->out) ? -ENOMEM : 0;
}

static int stubs_on_module(void *arg, const char *name, const char *package, size_t repo)
{
	struct stubs_work *w = arg;

	if (!mf_is_plain_name(name) || mf_module_names_get(&w->names, name) != MF_ABSENT ||
	    mf_kmod_install_command(w->kmod, name))
		return 0;
	return write_line(w, name);
}

/* 1: it is on disk or built in. libkmod finds names in modprobe.d too. */
static int on_name_found(void *arg, const char *name)
{
	const struct stubs_work *w = arg;

	return mf_module_names_get(&w->names, name) != MF_ABSENT;
}

/* The modules that may be in the kernel, listed once: libkmod looks for two files of each name. */
static int stubs_read_loaded(struct stubs_work *w)
{
	int fd = w->ctx->kernel_running
			 ? mf_context_open(w->ctx, "sys/module", O_RDONLY | O_DIRECTORY)
			 : -1;
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;
	int r = 0;

	if (fd >= 0 && !dir)
		close(fd);
	while (dir && r >= 0 && (d = readdir(dir)))
		r = stubs_put(w, &w->loaded, d->d_name, 1);
	return r < 0 ? r : 0;
}

static bool is_in_kernel(const struct stubs_work *w, const char *module)
{
	if (!w->ctx->kernel_running)
		return false;
	return mf_module_names_get(&w->names, module) == MF_BUILTIN ||
	       (mf_table_get(&w->loaded, module, strlen(module)) && mf_kmod_live(w->kmod, module));
}

/* 1: the module is on disk or loaded, so it may request others; 0; -ENOMEM. */
static int requester_is_here(struct stubs_work *w, const char *module)
{
	const uint32_t *known = mf_table_get(&w->requesters, module, strlen(module));
	bool here;
	int r;

	if (known)
		return (int)*known;
	here = mf_module_names_get(&w->names, module) == MF_ON_DISK || is_in_kernel(w, module);
	r = stubs_put(w, &w->requesters, module, here);
	return r < 0 ? r : here;
}

static int stubs_on_request(void *arg, const char *module, const char *requester, size_t repo)
{
	struct stubs_work *w = arg;
	int r = requester_is_here(w, requester);

	if (r > 0)
		r = stubs_put(w, &w->requested, module, 1);
	return r < 0 ? r : 0;
}

static int stubs_on_alias(void *arg, const char *alias, const char *module, size_t repo)
{
	struct stubs_work *w = arg;
	int r;

	if (!mf_is_plain_name(alias) || mf_kmod_install_command(w->kmod, alias) ||
	    !(kernel_may_request(w, alias) || mf_table_get(&w->requested, module, strlen(module))))
		return 0;
	r = mf_kmod_lookup_names(w->kmod, alias, on_name_found, w);
	return r ? (r < 0 ? r : 0) : write_line(w, alias);
}

/* Writes the text of the file. */
static int stubs_write(struct mf_context *ctx, struct stubs_work *w,
		       const struct mf_catalog *catalog)
{
	int r = mf_kmod_new(ctx, &w->kmod);

	if (r < 0)
		return r;
	r = mf_module_names_read(w->kmod, &w->names);
	if (!r && ctx->settings.kernel_requests)
		r = mf_strings_split(&w->patterns, ctx->settings.kernel_requests);
	/* as kmod spells names */
	for (size_t i = 0; i < w->patterns.n; i++)
		for (char *p = w->patterns.v[i]; (p = strchr(p, '-')); *p = '_')
			;
	if (!r)
		r = mf_catalog_each_module(catalog, stubs_on_module, w);
	if (!r)
		r = stubs_read_loaded(w);
	if (!r)
		r = mf_catalog_each_request(catalog, stubs_on_request, w);
	if (!r)
		r = mf_catalog_each_alias(catalog, stubs_on_alias, w);
	return r < 0 ? mf_fail(ctx, MF_STAGE_STUBS, r, "/" MF_STUBS_DIRECTORY "/" MF_STUBS_FILE,
			       NULL)
		     : 0;
}

/* Is a file wanted? Not in an initrd, and not with modfetch=off. */
static bool stubs_enabled(const struct mf_context *ctx)
{
	_cleanup_close_ int initrd = mf_context_open(ctx, "etc/initrd-release", O_PATH);
	_cleanup_close_ int fd = mf_context_open(ctx, "proc/cmdline", O_RDONLY);
	_cleanup_free_ char *line = NULL;
	size_t len;

	if (initrd >= 0)
		return false;
	if (fd < 0 || mf_file_read(fd, 1 << 16, &line, &len) < 0)
		return true;
	for (char *word = strtok(line, " \n"); word; word = strtok(NULL, " \n"))
		if (!strcmp(word, "modfetch=off"))
			return false;
	return true;
}

/* Is that the text of the file? The first difference is nearly always the state. */
static bool stubs_has_text(int dirfd, const char *text, size_t len)
{
	_cleanup_close_ int fd = openat(dirfd, MF_STUBS_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 && mf_file_equals(fd, text, len);
}

static int stubs_replace(int dirfd, const char *text, size_t len)
{
	_cleanup_(mf_staged_done) struct mf_staged staged = MF_STAGED_INIT;
	int r = mf_staged_init(&staged, dirfd, MF_STUBS_FILE, 0644);

	if (!r)
		r = mf_file_write(staged.fd, text, len);
	return r < 0 ? r : mf_staged_publish_volatile(&staged);
}

static int stubs_publish(struct mf_context *ctx, const char *text, size_t len)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(ctx, MF_STUBS_DIRECTORY);
	int r = dirfd < 0 ? dirfd : 0;

	if (!r && !stubs_has_text(dirfd, text, len))
		r = stubs_replace(dirfd, text, len);
	return r < 0 ? mf_fail(ctx, MF_STAGE_STUBS, r, "/" MF_STUBS_DIRECTORY "/" MF_STUBS_FILE,
			       NULL)
		     : 0;
}

static int stubs_remove(struct mf_context *ctx)
{
	_cleanup_close_ int dirfd =
		mf_context_open(ctx, MF_STUBS_DIRECTORY, O_RDONLY | O_DIRECTORY);

	if (dirfd < 0 || !unlinkat(dirfd, MF_STUBS_FILE, 0) || errno == ENOENT)
		return 0;
	return mf_fail(ctx, MF_STAGE_STUBS, -errno, "/" MF_STUBS_DIRECTORY "/" MF_STUBS_FILE, NULL);
}

/* modprobe cannot load modules of another kernel now. */
static bool is_running_kernel(const struct mf_context *ctx)
{
	return *ctx->root || ctx->kernel_running;
}

bool mf_stubs_current(const struct mf_context *ctx)
{
	_cleanup_close_ int fd = -1;
	char wanted[sizeof(HEADER) + 16], found[sizeof(wanted)];
	uint64_t state;
	int len;

	if (!is_running_kernel(ctx))
		return true;
	fd = mf_context_open(ctx, MF_STUBS_DIRECTORY "/" MF_STUBS_FILE, O_RDONLY | O_NOFOLLOW);
	if (fd < 0 || mf_stubs_state(ctx, &state) < 0)
		return false;
	len = snprintf(wanted, sizeof(wanted), HEADER, state);
	return read(fd, found, (size_t)len) == len && !memcmp(found, wanted, (size_t)len);
}

static void stubs_catalog_cleanup(struct mf_catalog **catalog)
{
	mf_catalog_free(*catalog);
}

int mf_stubs_update(struct mf_context *ctx)
{
	_cleanup_(stubs_catalog_cleanup) struct mf_catalog *catalog = NULL;
	_cleanup_free_ char *text = NULL;
	_cleanup_(stubs_work_done) struct stubs_work w = { .ctx = ctx };
	uint64_t state;
	size_t len;
	int r;

	if (!is_running_kernel(ctx))
		return 0;
	/* before anything is read: what changes while it is read makes the file an old one */
	r = mf_stubs_state(ctx, &state);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_STUBS, r, "stubs", NULL);
	r = stubs_enabled(ctx) ? mf_catalog_open(ctx, &catalog) : -MFE_NO_REPOSITORY;
	if (r == -MFE_NO_REPOSITORY || r == -MFE_NO_METADATA)
		return stubs_remove(ctx);
	if (r < 0)
		return r;
	w.out = open_memstream(&text, &len);
	if (!w.out)
		return mf_fail(ctx, MF_STAGE_STUBS, -ENOMEM, "stubs", NULL);
	fprintf(w.out, HEADER, state);
	r = stubs_write(ctx, &w, catalog);
	if (w.out && fclose(MF_STEAL(w.out)) && !r)
		r = mf_fail(ctx, MF_STAGE_STUBS, -ENOMEM, "stubs", NULL);
	return r < 0 ? r : stubs_publish(ctx, text, len);
}

/* Called after the load, so that no device waits for it. */
void mf_stubs_refresh(struct mf_context *ctx, bool changed)
{
	struct mf_failure why = ctx->failure;

	if ((changed || !mf_stubs_current(ctx)) && mf_stubs_update(ctx) < 0)
		mf_log(ctx, MF_LOG_WARNING, "%s: %s: %s", mf_stage_name(ctx->failure.stage),
		       ctx->failure.what, ctx->failure.why);
	ctx->failure = why;
}
