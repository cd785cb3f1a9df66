/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether the kernel may have a module fetched that it asks for by itself.
 *
 * request_module() can be provoked by any user (socket(2), mount(2) in a namespace), so the name
 * alone is no reason. A driver that is on disk or in the kernel, and whose package recommends or
 * suggests the module, is one: the admin or a device wanted that driver, and on a full tree it
 * would find the module. The repositories' request indexes say who lists whom (src/repo/indexes.c).
 *
 * Everything that cannot be read counts against the request. The trie's reader trusts no offset of
 * a file; names from indexes are bounded before they become part of a path.
 */
#include "kernel-request.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "modfetch/release.h"
#include "modfetch/strings.h"
#include "modfetch/trie.h"

struct look {
	const struct mf_context *ctx;
	struct mf_release release;
	char name[MF_KERNEL_REQUEST_MAX + 1];
	int disk;  /* lib/modules/KVER */
	int cache; /* var/cache/modfetch */
};

static void request_look_done(struct look *look)
{
	mf_cleanup_close(&look->disk);
	mf_cleanup_close(&look->cache);
}

static void request_trie_free(struct mf_trie **trie)
{
	mf_trie_free(*trie);
}

/* A name that an install line can have, within bounds: it leaves no directory. */
static bool is_name(const char *name)
{
	return mf_is_plain_name(name) && strlen(name) <= MF_KERNEL_REQUEST_MAX;
}

static int look_init(struct look *look, const struct mf_context *ctx, const char *name)
{
	_cleanup_free_ char *path = NULL;

	*look = (struct look){ .ctx = ctx, .disk = -1, .cache = -1 };
	if (!is_name(name) || mf_alias_normalize(name, look->name, sizeof(look->name)) < 0 ||
	    mf_release_parse(ctx->kernel, NULL, &look->release) < 0)
		return -EINVAL;
	path = mf_format("lib/modules/%s", ctx->kernel);
	if (!path)
		return -ENOMEM;
	look->disk = mf_context_open(ctx, path, O_PATH | O_DIRECTORY);
	look->cache = mf_context_open(ctx, "var/cache/modfetch", O_RDONLY | O_DIRECTORY);
	return 0;
}

static int on_found(void *arg, const char *key, const char *value, uint32_t priority)
{
	return 1;
}

/* One index, asked for a key or (MATCH) for patterns. 0 also where it is not there. */
static int request_ask(int dirfd, const char *file, const char *key, bool match,
		       mf_trie_visit *visit, void *arg)
{
	_cleanup_(request_trie_free) struct mf_trie *trie = NULL;
	int r = dirfd < 0 ? -ENOENT : mf_trie_open_at(dirfd, file, &trie);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return match ? mf_trie_match(trie, key, visit, arg) : mf_trie_find(trie, key, visit, arg);
}

static bool is_on_disk(const struct look *look, const char *module)
{
	return request_ask(look->disk, "modules.dep.bin", module, false, on_found, NULL) == 1;
}

/* Loaded, or about to be: what it asks for while it starts counts too. */
static bool is_in_kernel(const struct look *look, const char *module)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	char state[16];
	ssize_t n;

	if (!is_name(module) || asprintf(&path, "sys/module/%s/initstate", module) < 0) {
		path = NULL;
		return false;
	}
	fd = mf_context_open(look->ctx, path, O_RDONLY);
	n = fd < 0 ? -1 : read(fd, state, sizeof(state) - 1);
	state[n > 0 ? n : 0] = '\0';
	return mf_starts_with(state, "live") || mf_starts_with(state, "coming");
}

/* ---- the repositories ---- */

/* Asks KIND-LABEL.bin of every repository, for each of the labels. */
struct asking {
	const struct look *look;
	const char *kind;
	const char *const *labels;
	size_t n_labels;
	const char *key;
	bool match;
	mf_trie_visit *visit;
	void *arg;
};

static int ask_repository(const struct asking *a, const char *repo)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	int r = 0;

	path = mf_format("var/cache/modfetch/%s/current", repo);
	if (!path)
		return -ENOMEM;
	fd = mf_context_open(a->look->ctx, path, O_PATH | O_DIRECTORY);
	for (size_t i = 0; fd >= 0 && !r && i < a->n_labels; i++) {
		char file[2 * MF_RELEASE_MAX + 32];

		if (snprintf(file, sizeof(file), "%s-%s.bin", a->kind, a->labels[i]) <
		    (int)sizeof(file))
			r = request_ask(fd, file, a->key, a->match, a->visit, a->arg);
	}
	return r;
}

static int request_ask_repositories(const struct asking *a)
{
	int fd = a->look->cache < 0
			 ? -1
			 : openat(a->look->cache, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	int r = 0;

	if (!dir && fd >= 0)
		close(fd);
	while (dir && !r && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			r = ask_repository(a, e->d_name);
	return r;
}

static int request_on_requester(void *arg, const char *module, const char *requester,
				uint32_t priority)
{
	const struct look *look = arg;

	return is_on_disk(look, requester) || is_in_kernel(look, requester);
}

/* 1: a module that is here lists it; 0; -errno. */
static int request_is_listed(const struct look *look, const char *module)
{
	char tag[2 * MF_RELEASE_MAX];
	const char *const labels[] = { tag, "other" };

	snprintf(tag, sizeof(tag), "%s-%s", look->release.flavor, look->release.abi);
	return request_ask_repositories(&(struct asking){ look, "request", labels, 2, module, false,
							  request_on_requester,
							  (void *)(uintptr_t)look });
}

static int on_alias(void *arg, const char *pattern, const char *module, uint32_t priority)
{
	const struct look *look = arg;

	return is_on_disk(look, module) ? 0 : request_is_listed(look, module);
}

/* 1: a repository has a module of that name; 0; -errno. */
static int is_offered(const struct look *look)
{
	char tag[2 * MF_RELEASE_MAX];
	const char *const labels[] = { tag, "other" };

	snprintf(tag, sizeof(tag), "%s-%s", look->release.flavor, look->release.abi);
	return request_ask_repositories(
		&(struct asking){ look, "name", labels, 2, look->name, false, on_found, NULL });
}

static int is_alias_listed(const struct look *look)
{
	char tag[2 * MF_RELEASE_MAX];
	const char *const labels[] = { tag, look->release.flavor, "any" };

	snprintf(tag, sizeof(tag), "%s-%s", look->release.flavor, look->release.abi);
	return request_ask_repositories(&(struct asking){
		look, "alias", labels, 3, look->name, true, on_alias, (void *)(uintptr_t)look });
}

/* ---- the verdict ---- */

static bool is_switched_off(const struct mf_context *ctx)
{
	_cleanup_close_ int fd = mf_context_open(ctx, "etc/modfetch/policy.d/off", O_PATH);

	return fd >= 0;
}

enum mf_kernel_request mf_kernel_request_judge(const struct mf_context *ctx, const char *name)
{
	_cleanup_(request_look_done) struct look look = { .disk = -1, .cache = -1 };
	int r;

	if (look_init(&look, ctx, name) < 0)
		return MF_REQUEST_REFUSED;
	if (is_on_disk(&look, look.name))
		return MF_REQUEST_PRESENT;
	r = is_offered(&look);
	if (r == 0) {
		if (request_ask(look.disk, "modules.alias.bin", look.name, true, on_found, NULL) ==
		    1)
			return MF_REQUEST_PRESENT;
		r = is_alias_listed(&look);
	} else if (r > 0) {
		r = request_is_listed(&look, look.name);
	}
	return r > 0 && !is_switched_off(ctx) ? MF_REQUEST_LISTED : MF_REQUEST_REFUSED;
}

struct telling {
	mf_kernel_request_visit *visit;
	void *arg;
};

static int on_present(void *arg, const char *pattern, const char *module, uint32_t priority)
{
	const struct telling *t = arg;

	return is_name(module) ? t->visit(t->arg, module) : 0;
}

int mf_kernel_request_present(const struct mf_context *ctx, const char *name,
			      mf_kernel_request_visit *visit, void *arg)
{
	_cleanup_(request_look_done) struct look look = { .disk = -1, .cache = -1 };
	struct telling t = { visit, arg };
	int r = look_init(&look, ctx, name);

	return r < 0 ? 0
		     : request_ask(look.disk, "modules.alias.bin", look.name, true, on_present, &t);
}

bool mf_kernel_request_loading(const struct mf_context *ctx)
{
	_cleanup_close_ int mark = mf_context_open(ctx, MF_LOADING_FILE, O_PATH);
	_cleanup_close_ int lock =
		mark < 0 ? -1 : mf_context_open(ctx, "run/modfetch/lock", O_RDONLY);

	/* a mark without a lock is what a killed run has left */
	return lock >= 0 && flock(lock, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}
