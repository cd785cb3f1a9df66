/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What came out of the box, made into packages: signed, compressed as the modules of the kernel are, packed by src/pack/.
 *
 * The bytes that the box handed out are parsed here first: a file that is no module of this name is not signed. Whether it fits the
 * kernel is judged where every package is (the verify stage), by the same rules.
 *
 * In /var/lib/modfetch/build/work/NAME, which is removed at the end: lib/modules/KVER/updates/ with the modules, a copy of the
 * kernel's modules.builtin, and packages/.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>
#include "builder.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/modinfo.h"
#include "modfetch/module-key.h"
#include "modfetch/module-name.h"
#include "modfetch/pack.h"
#include "modfetch/process.h"

#define WORK BUILD_DIRECTORY "/work"

void build_tree_done(struct mf_context *ctx, struct build_tree *tree)
{
	_cleanup_close_ int dirfd = mf_context_open(ctx, BUILD_DIRECTORY, O_RDONLY | O_DIRECTORY);

	if (dirfd >= 0)
		(void)mf_tree_remove(dirfd, "work");
	free(tree->work);
	free(tree->modules);
	free(tree->packages);
	mf_strings_done(&tree->files);
	*tree = (struct build_tree){ 0 };
}

/* A module out of the box, not yet signed. 0; or a recorded failure: it is not what it should be. */
static int check_module(struct mf_context *ctx, const char *name, const void *bytes, size_t len)
{
	_cleanup_(mf_modinfo_done) struct mf_modinfo info = { 0 };
	int r = mf_modinfo_parse(bytes, len, MF_MODULE_FILE_MAX, &info);
	const char *own = r < 0 ? NULL : mf_modinfo_get(&info, "name");
	char spelled[MF_MODULE_NAME_SIZE];

	if (r == -EBADMSG)
		return mf_fail(ctx, MF_STAGE_BUILD, -MFE_BAD_MODULE, name,
			       "the build made a file that is no kernel module");
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_BUILD, r, name, NULL);
	/* a kernel before 4.13 gives a module no name */
	if (own && (!mf_module_name(own, spelled, sizeof(spelled)) || strcmp(spelled, name) != 0))
		return mf_fail(ctx, MF_STAGE_BUILD, -MFE_BAD_MODULE, name,
			       "the build made module %s under this name", own);
	return 0;
}

static int sign_and_compress(struct builder *b, const char *name, const char *format, int fd,
			     void **ret_file, size_t *ret_len)
{
	_cleanup_free_ char *bytes = NULL;
	_cleanup_free_ void *module = NULL;
	size_t len, signed_len = 0;
	int r = mf_file_read(fd, MF_MODULE_FILE_MAX, &bytes, &len);

	if (r < 0)
		return mf_fail(b->ctx, MF_STAGE_BUILD, r, name, NULL);
	r = check_module(b->ctx, name, bytes, len);
	if (!r)
		r = mf_module_sign(b->ctx, name, *b->tools.config ? b->tools.config : NULL, bytes,
				   len, &module, &signed_len);
	if (r < 0)
		return r;
	r = mf_module_compress(format, module, signed_len, ret_file, ret_len);
	return r < 0 ? mf_fail(b->ctx, MF_STAGE_BUILD, r, name, NULL) : 0;
}

static int put_module(struct builder *b, const struct mf_recipe_module *module, int fd, int dirfd)
{
	const char *format = mf_module_format(b->ctx, b->ctx->kernel);
	_cleanup_free_ char *file =
		mf_format("%s%s", module->name, mf_module_format_ending(format));
	char name[MF_MODULE_NAME_SIZE];
	_cleanup_free_ void *bytes = NULL;
	size_t len = 0;
	int r;

	if (!file)
		return mf_fail(b->ctx, MF_STAGE_BUILD, -ENOMEM, module->name, NULL);
	if (!mf_module_name(file, name, sizeof(name)))
		return mf_fail(b->ctx, MF_STAGE_BUILD, -MFE_BAD_MODULE, module->name,
			       "no module can have this name");
	r = sign_and_compress(b, name, format, fd, &bytes, &len);
	if (r < 0)
		return r;
	/* it is read again at once, and nothing is kept of it after a crash */
	r = mf_file_publish(dirfd, file, 0644, bytes, len);
	return r < 0 ? mf_fail(b->ctx, MF_STAGE_BUILD, r, file, NULL) : 0;
}

/* pack looks up there which softdeps mean a module that is built in. */
static int copy_builtins(struct mf_context *ctx, int dirfd)
{
	_cleanup_free_ char *path = mf_kernel_path(ctx->kernel, "modules.builtin");
	_cleanup_close_ int fd = path ? mf_context_open(ctx, path, O_RDONLY) : -ENOMEM;
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = fd < 0 ? fd : mf_file_read(fd, (size_t)16 << 20, &text, &len);

	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : mf_file_publish(dirfd, "modules.builtin", 0644, text, len);
}

static int tree_name(struct builder *b, const struct build_job *job, struct build_tree *tree)
{
	tree->work = mf_format(WORK "/%s", job->source->name);
	if (!tree->work)
		return -ENOMEM;
	tree->modules = mf_context_path(b->ctx, "/%s/lib/modules/%s", tree->work, b->ctx->kernel);
	tree->packages = mf_context_path(b->ctx, "/%s/packages", tree->work);
	return tree->modules && tree->packages ? 0 : -ENOMEM;
}

/*
 * rpmbuild does not say clearly that the disk is full, so the room is checked before: for the
 * modules, a copy of them in its build root, and the packages. 0 or -ENOSPC, recorded.
 */
static int check_room(struct builder *b, const struct build_job *job, int dirfd)
{
	uint64_t needed = 4ULL << 20, room;
	struct statvfs fs;
	struct stat st;

	for (size_t i = 0; i < job->recipe.n; i++)
		if (job->fds[i] >= 0 && !fstat(job->fds[i], &st))
			needed += (uint64_t)st.st_size * 3;
	if (fstatvfs(dirfd, &fs) < 0)
		return 0;
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	if (room >= needed)
		return 0;
	return mf_fail(b->ctx, MF_STAGE_BUILD, -ENOSPC, "/" WORK,
		       "to pack %s takes about %llu MB, but %llu MB are left", job->built.source,
		       (unsigned long long)(needed >> 20) + 1, (unsigned long long)(room >> 20));
}

int build_tree_make(struct builder *b, struct build_job *job, struct build_tree *ret_tree)
{
	_cleanup_free_ char *updates = NULL;
	_cleanup_close_ int dirfd = -1, kernelfd = -1;
	int r = tree_name(b, job, ret_tree);

	if (!r) {
		updates = mf_format("%s/lib/modules/%s/updates", ret_tree->work, b->ctx->kernel);
		dirfd = updates ? mf_context_mkdir(b->ctx, updates) : -ENOMEM;
		r = dirfd < 0 ? dirfd : 0;
	}
	if (!r) {
		kernelfd = openat(dirfd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = kernelfd < 0 ? -errno : copy_builtins(b->ctx, kernelfd);
	}
	if (r < 0)
		return mf_fail(b->ctx, MF_STAGE_BUILD, r, job->built.source, NULL);
	r = check_room(b, job, dirfd);
	for (size_t i = 0; !r && i < job->recipe.n; i++)
		if (job->fds[i] >= 0)
			r = put_module(b, &job->recipe.modules[i], job->fds[i], dirfd);
	return r;
}

/* The time of the build, so that a build that replaces another is an update whatever has changed. */
static char *release_now(void)
{
	time_t now = time(NULL);
	struct tm tm;
	char text[32];

	gmtime_r(&now, &tm);
	return strftime(text, sizeof(text), "%Y%m%d%H%M%S", &tm) ? strdup(text) : NULL;
}

int build_package(struct builder *b, struct build_job *job, struct build_tree *tree)
{
	_cleanup_(mf_pack_result_done) struct mf_pack_result result = { 0 };
	const struct mf_strings trees = { &tree->modules, 1, 0 };
	const struct mf_build_options *o = b->options;
	_cleanup_free_ char *symvers =
		mf_context_path(b->ctx, "%s/Module.symvers", b->tools.headers);
	_cleanup_free_ char *version = mf_pack_version(job->source->version);
	_cleanup_free_ char *release = release_now();
	struct mf_pack_options pack = { .trees = &trees,
					.output = o->publish ? o->publish : tree->packages,
					.symvers = symvers,
					.drivers = job->source->name,
					.version = version,
					.release = release,
					.build_only = !o->publish,
					.key = o->key,
					.cert = o->cert,
					.jobs = mf_threads() };
	int r = symvers && version && release ? mf_pack(b->ctx, &pack, &result) : -ENOMEM;

	if (!r)
		r = mf_strings_add_all(&tree->files, &result.built);
	return r == -ENOMEM ? mf_fail(b->ctx, MF_STAGE_BUILD, r, job->built.source, NULL) : r;
}
