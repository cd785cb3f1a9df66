/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Decides whether a module that the kernel itself requests may be fetched.
 *
 * Any user can provoke request_module() (socket(2), mount(2) in a namespace), so the name is no
 * sufficient reason. It is fetched if the package of a driver that is on disk or in the kernel
 * recommends or suggests the module: the admin or a device needed that driver, and with a full tree
 * it would find the module. The repositories' request indexes have the requesters of each module
 * (src/repo/indexes.c).
 *
 * A file that cannot be read counts against the request. The trie's reader checks every offset of a
 * file; names from indexes are checked before they become part of a path.
 */
#include "kernel-request.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include "modfetch/cache-names.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "modfetch/release.h"
#include "modfetch/strings.h"
#include "modfetch/trie.h"

struct request {
	const struct mf_context *ctx;
	struct mf_release release;
	char tag[2 * MF_RELEASE_MAX]; /* FLAVOR-ABI */
	char name[MF_KERNEL_REQUEST_MAX + 1];
	int disk;  /* lib/modules/KVER */
	int cache; /* var/cache/modfetch */
};

static void request_done(struct request *request)
{
	mf_cleanup_close(&request->disk);
	mf_cleanup_close(&request->cache);
}

static void request_trie_free(struct mf_trie **trie)
{
	mf_trie_free(*trie);
}

/* May NAME be part of an install line and of a path? */
static bool request_is_safe_name(const char *name)
{
	return mf_is_plain_name(name) && strlen(name) <= MF_KERNEL_REQUEST_MAX;
}

static int request_init(struct request *request, const struct mf_context *ctx, const char *name)
{
	_cleanup_free_ char *path = NULL;

	*request = (struct request){ .ctx = ctx, .disk = -1, .cache = -1 };
	if (!request_is_safe_name(name) ||
	    mf_alias_normalize(name, request->name, sizeof(request->name)) < 0 ||
	    mf_release_parse(ctx->kernel, NULL, &request->release) < 0)
		return -EINVAL;
	snprintf(request->tag, sizeof(request->tag), "%s-%s", request->release.flavor,
		 request->release.abi);
	path = mf_kernel_path(ctx->kernel, NULL);
	if (!path)
		return -ENOMEM;
	request->disk = mf_context_open(ctx, path, O_PATH | O_DIRECTORY);
	request->cache = mf_context_open(ctx, MF_CACHE_DIRECTORY, O_RDONLY | O_DIRECTORY);
	return 0;
}

static int request_on_found(void *arg, const char *key, const char *value, uint32_t priority)
{
	return 1;
}

/* Looks up a key, or (MATCH) a name in patterns, in one index. 0 also if the index is missing. */
static int request_ask(int dirfd, const char *file, const char *key, bool match,
		       mf_trie_visit *visit, void *arg)
{
	_cleanup_(request_trie_free) struct mf_trie *trie = NULL;
	int r = dirfd < 0 ? -ENOENT : mf_trie_open_at(dirfd, file, &trie);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return match ? mf_trie_match(trie, key, visit, arg) : mf_trie_find(trie, key, visit, arg);
}

static bool is_on_disk(const struct request *request, const char *module)
{
	return request_ask(request->disk, "modules.dep.bin", module, false, request_on_found,
			   NULL) == 1;
}

/* Is the module loaded, or being loaded? It may already request modules in its init function. */
static bool is_in_kernel(const struct request *request, const char *module)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	char state[16];
	ssize_t n;

	if (!request_is_safe_name(module))
		return false;
	path = mf_format("sys/module/%s/initstate", module);
	if (!path)
		return false;
	fd = mf_context_open(request->ctx, path, O_RDONLY);
	n = fd < 0 ? -1 : read(fd, state, sizeof(state) - 1);
	state[n > 0 ? n : 0] = '\0';
	return mf_starts_with(state, "live") || mf_starts_with(state, "coming");
}

/* ---- the repositories ---- */

#define MAX_LABELS 3

/* A lookup in KIND-LABEL.bin of every repository, for each of the labels. */
struct repo_query {
	const struct request *request;
	const char *kind;
	const char *labels[MAX_LABELS]; /* NULL: no more */
	const char *key;
	bool match;
	mf_trie_visit *visit;
	void *arg;
};

static int ask_repository(const struct repo_query *q, const char *repo)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	int r = 0;

	path = mf_format(MF_CACHE_DIRECTORY "/%s/" MF_CACHE_CURRENT, repo);
	if (!path)
		return -ENOMEM;
	fd = mf_context_open(q->request->ctx, path, O_PATH | O_DIRECTORY);
	for (size_t i = 0; fd >= 0 && !r && i < MAX_LABELS && q->labels[i]; i++) {
		char file[2 * MF_RELEASE_MAX + 32];

		if (snprintf(file, sizeof(file), MF_CACHE_INDEX, q->kind, q->labels[i]) <
		    (int)sizeof(file))
			r = request_ask(fd, file, q->key, q->match, q->visit, q->arg);
	}
	return r;
}

/* 0, the visitor's non-zero return, or -errno. */
static int request_ask_repositories(const struct repo_query *q)
{
	_cleanup_closedir_ DIR *dir = q->request->cache < 0 ? NULL : mf_opendir(q->request->cache);
	struct dirent *e;
	int r = 0;

	while (dir && !r && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			r = ask_repository(q, e->d_name);
	return r;
}

static int request_on_requester(void *arg, const char *module, const char *requester,
				uint32_t priority)
{
	const struct request *request = arg;

	return is_on_disk(request, requester) || is_in_kernel(request, requester);
}

/* 1: a module on disk or in the kernel lists it; 0; -errno. */
static int request_is_listed(const struct request *request, const char *module)
{
	return request_ask_repositories(&(struct repo_query){
		.request = request,
		.kind = MF_CACHE_REQUESTS,
		.labels = { request->tag, MF_CACHE_OTHER },
		.key = module,
		.visit = request_on_requester,
		.arg = (void *)(uintptr_t)request,
	});
}

static int request_on_alias(void *arg, const char *pattern, const char *module, uint32_t priority)
{
	const struct request *request = arg;

	return is_on_disk(request, module) ? 0 : request_is_listed(request, module);
}

/* 1: a repository has a module of that name; 0; -errno. */
static int is_offered(const struct request *request)
{
	return request_ask_repositories(&(struct repo_query){
		.request = request,
		.kind = MF_CACHE_MODULES,
		.labels = { request->tag, MF_CACHE_OTHER },
		.key = request->name,
		.visit = request_on_found,
	});
}

/* 1: a missing module with that alias is listed; 0; -errno. */
static int is_alias_listed(const struct request *request)
{
	return request_ask_repositories(&(struct repo_query){
		.request = request,
		.kind = MF_CACHE_ALIASES,
		.labels = { request->tag, request->release.flavor, MF_CACHE_ANY },
		.key = request->name,
		.match = true,
		.visit = request_on_alias,
		.arg = (void *)(uintptr_t)request,
	});
}

/* ---- the verdict ---- */

static bool is_disabled(const struct mf_context *ctx)
{
	_cleanup_close_ int fd = mf_context_open(ctx, "etc/modfetch/policy.d/off", O_PATH);

	return fd >= 0;
}

enum mf_kernel_request mf_kernel_request_judge(const struct mf_context *ctx, const char *name)
{
	_cleanup_(request_done) struct request request = { .disk = -1, .cache = -1 };
	int r;

	if (request_init(&request, ctx, name) < 0)
		return MF_REQUEST_REFUSED;
	if (is_on_disk(&request, request.name))
		return MF_REQUEST_PRESENT;
	r = is_offered(&request);
	if (r == 0) {
		if (request_ask(request.disk, "modules.alias.bin", request.name, true,
				request_on_found, NULL) == 1)
			return MF_REQUEST_PRESENT;
		r = is_alias_listed(&request);
	} else if (r > 0) {
		r = request_is_listed(&request, request.name);
	}
	return r > 0 && !is_disabled(ctx) ? MF_REQUEST_LISTED : MF_REQUEST_REFUSED;
}

struct present_visit {
	mf_kernel_request_visit *visit;
	void *arg;
};

static int on_present(void *arg, const char *pattern, const char *module, uint32_t priority)
{
	const struct present_visit *v = arg;

	return request_is_safe_name(module) ? v->visit(v->arg, module) : 0;
}

int mf_kernel_request_present(const struct mf_context *ctx, const char *name,
			      mf_kernel_request_visit *visit, void *arg)
{
	_cleanup_(request_done) struct request request = { .disk = -1, .cache = -1 };
	struct present_visit v = { visit, arg };

	if (request_init(&request, ctx, name) < 0)
		return 0;
	return request_ask(request.disk, "modules.alias.bin", request.name, true, on_present, &v);
}

bool mf_kernel_request_loading(const struct mf_context *ctx)
{
	_cleanup_close_ int mark = mf_context_open(ctx, MF_LOADING_FILE, O_PATH);
	_cleanup_close_ int lock =
		mark < 0 ? -1 : mf_context_open(ctx, "run/modfetch/lock", O_RDONLY);

	/* a mark without a lock is left over from a killed run */
	return lock >= 0 && flock(lock, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}
