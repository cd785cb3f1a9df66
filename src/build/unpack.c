/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Takes the modules out of the rpm that the build of a kmod source package made in its box.
 *
 * Nothing else of that rpm is used: no scriptlet, no dependency, no path. It was made by unchecked code, so it is read
 * as any file from outside, within a limit, and its modules go the way of all that are built here. Its files are found by the
 * names in its archive, as rpm 4 writes them.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "builder.h"
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/inflate.h"
#include "modfetch/modinfo.h"
#include "modfetch/module-name.h"

#define ARCHIVE_MAX ((size_t)2 << 30)

struct unpacking {
	struct mf_context *ctx;
	struct build_job *job;
	size_t room; /* of job->fds */
};

/* Adds a module to the recipe and the results, as if the recipe had named it. */
static int add_module(struct unpacking *u, const char *name, const void *data, size_t len)
{
	struct mf_recipe *recipe = &u->job->recipe;
	_cleanup_close_ int fd = memfd_create(name, MFD_CLOEXEC);
	struct mf_recipe_module *m;
	int r = fd < 0 ? -errno : mf_file_write(fd, data, len);

	if (!r)
		r = mf_array_reserve(&recipe->modules, &recipe->room, recipe->n + 1,
				     sizeof(*recipe->modules));
	if (!r)
		r = mf_array_reserve(&u->job->fds, &u->room, recipe->n + 1, sizeof(*u->job->fds));
	if (!r)
		r = mf_strings_add_unique(&u->job->built.modules, name);
	if (r < 0)
		return r;
	m = &recipe->modules[recipe->n];
	*m = (struct mf_recipe_module){ .built = strdup(name), .name = strdup(name) };
	u->job->fds[recipe->n++] = mf_steal_fd(&fd);
	return m->built && m->name ? 0 : -ENOMEM;
}

static int on_file(void *arg, const char *path, uint32_t mode, const void *data, size_t len)
{
	struct unpacking *u = arg;
	char name[MF_MODULE_NAME_SIZE];
	_cleanup_free_ void *module = NULL;
	size_t module_len;
	int r;

	if (!S_ISREG(mode) || !mf_is_module(path) || !mf_module_name(path, name, sizeof(name)))
		return 0;
	if (mf_strings_has(&u->job->built.modules, name) && u->job->recipe.n)
		return mf_fail(u->ctx, MF_STAGE_BUILD, -MFE_BUILD, u->job->built.source,
			       "the rpm that it made has two files of module %s", name);
	if (!mf_inflate_known(data, len))
		return add_module(u, name, data, len);
	r = mf_inflate(data, len, MF_MODULE_FILE_MAX, &module, &module_len);
	return r < 0 ? r : add_module(u, name, module, module_len);
}

int build_unpack(struct mf_context *ctx, struct build_job *job, int fd)
{
	struct unpacking u = { .ctx = ctx, .job = job };
	_cleanup_free_ char *bytes = NULL;
	_cleanup_free_ void *archive = NULL;
	struct mf_rpmfile file;
	size_t len, archive_len = 0;
	int r = mf_file_read(fd, ARCHIVE_MAX, &bytes, &len);

	mf_strings_done(&job->built.modules);
	if (!r)
		r = mf_rpmfile_parse(bytes, len, &file);
	if (!r)
		r = mf_inflate(file.payload, file.payload_len, ARCHIVE_MAX, &archive, &archive_len);
	if (!r)
		r = mf_cpio_each(archive, archive_len, NULL, on_file, &u);
	if (!r && !job->recipe.n)
		r = mf_fail(ctx, MF_STAGE_BUILD, -MFE_BUILD, job->built.source,
			    "the rpm that it made has no module in it");
	if (r < 0 && !ctx->failure.code)
		return mf_fail(ctx, MF_STAGE_BUILD, r, job->built.source,
			       "the rpm that it made cannot be read: %s", mf_error_sentence(r));
	return r;
}
