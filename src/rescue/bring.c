/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Chooses packages of the medium, unpacks them, and updates the indexes of the initrd.
 *
 * The rule is that of the running system: each module that matches a device without a driver, and
 * what those modules need. Here kmod does the rest: it knows blacklists, options and the order of
 * dependencies. So only what is chosen must be right, and too much does no harm: a module without a
 * device is never loaded.
 *
 * A module that the initrd has, as a file or built in, is not taken from the medium. A package that
 * is refused is warned of and left out; the modules that need it then fail to load, and say so.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/builtin.h"
#include "modfetch/cleanup.h"
#include "modfetch/depmod.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "modfetch/verify.h"
#include "rescue.h"

#define PACKAGE_MAX ((size_t)1 << 30)
#define INDEX_MAX   ((size_t)64 << 20)

struct bring {
	struct mf_context *ctx;
	struct rescue_medium *medium;
	struct mf_module_verifier *verifier;
	struct mf_builtins present; /* NAMES: built in, or with a file in the initrd */
	struct mf_strings needs;    /* names of modules that are to be looked for, in order */
	struct rescue_result result;
};

void rescue_result_done(struct rescue_result *result)
{
	mf_strings_done(&result->packages);
	mf_strings_done(&result->modules);
	mf_strings_done(&result->queries);
}

static void bring_done(struct bring *b)
{
	mf_module_verifier_free(b->verifier);
	mf_builtins_done(&b->present);
	mf_strings_done(&b->needs);
	rescue_result_done(&b->result);
}

static int on_index_line(void *arg, char *line)
{
	char name[MF_MODULE_NAME_SIZE];
	struct bring *b = arg;

	line[strcspn(line, ":")] = '\0';
	return mf_module_name(line, name, sizeof(name)) ? mf_strings_add(&b->present.names, name)
							: 0;
}

/* Reads which modules the initrd has. */
static int read_present(struct bring *b)
{
	_cleanup_free_ char *path = mf_kernel_path(b->ctx->kernel, NULL),
			    *index = mf_kernel_path(b->ctx->kernel, "modules.dep");
	_cleanup_close_ int fd =
		path ? mf_context_open(b->ctx, path, O_RDONLY | O_DIRECTORY) : -ENOMEM;
	int r = !index ? -ENOMEM : fd == -ENOENT ? 0 : fd < 0 ? fd : 0;

	if (!r && fd >= 0)
		r = mf_builtins_read_names(fd, &b->present);
	if (!r)
		r = mf_file_each_line_of(b->ctx, index, INDEX_MAX, on_index_line, b);
	return r < 0 ? mf_fail(b->ctx, MF_STAGE_MATCH, r, path ? path : "modules", NULL) : 0;
}

static bool package_matches(const struct rescue_package *package, const char *modalias)
{
	for (size_t i = 0; i < package->patterns.n; i++)
		if (!fnmatch(package->patterns.v[i], modalias, 0))
			return true;
	return false;
}

/* Brings what a package has. A package that is refused is warned of. 0 or -ENOMEM, recorded. */
static int take_apart(struct bring *b, struct rescue_repo *repo, struct rescue_package *package)
{
	_cleanup_free_ char *buf = NULL;
	size_t len = 0, before = b->result.modules.n;
	int r = rescue_file_read(b->ctx, repo, &package->file, PACKAGE_MAX, &buf, &len);
	const struct mf_failure *f = &b->ctx->failure;

	if (r == 0)
		r = rescue_unpack(b->ctx, b->verifier, package->name, buf, len, &b->result.modules,
				  &b->needs);
	if (r == -ENOMEM)
		return r;
	if (r < 0) {
		mf_log(b->ctx, MF_LOG_WARNING, "%s is not used: %s: %s [%s]", package->name,
		       f->what, *f->why ? f->why : mf_error_sentence(r), mf_error_name(r));
		return 0;
	}
	for (size_t i = before; i < b->result.modules.n; i++) {
		r = mf_strings_add(&b->present.names, b->result.modules.v[i]);
		if (r < 0)
			return mf_fail(b->ctx, MF_STAGE_INSTALL, r, package->name, NULL);
	}
	r = mf_strings_add(&b->result.packages, package->name);
	return r < 0 ? mf_fail(b->ctx, MF_STAGE_INSTALL, r, package->name, NULL) : 0;
}

/* Does the initrd have all modules of a package, of which there is one? */
static bool is_present(const struct bring *b, const struct rescue_package *package)
{
	for (size_t i = 0; i < package->modules.n; i++)
		if (!mf_strings_has(&b->present.names, package->modules.v[i]))
			return false;
	return package->modules.n > 0;
}

static int take_named(struct bring *b, struct rescue_repo *repo, const char *name);

/* Takes a package, and the drivers and firmware of its repository that it names. */
static int take_package(struct bring *b, struct rescue_repo *repo, struct rescue_package *package)
{
	int r = 0;

	if (package->seen || is_present(b, package))
		return 0;
	package->seen = true;
	r = take_apart(b, repo, package);
	for (size_t i = 0; !r && i < package->drivers.n; i++)
		r = take_named(b, repo, package->drivers.v[i]);
	return r;
}

static int take_named(struct bring *b, struct rescue_repo *repo, const char *name)
{
	for (size_t i = 0; i < repo->n; i++)
		if (!strcmp(repo->v[i].name, name))
			return take_package(b, repo, &repo->v[i]);
	return 0;
}

/* Takes the packages with a module of that name. Their number. */
static int take_module(struct bring *b, const char *name)
{
	int n = 0, r = 0;

	for (size_t i = 0; i < b->medium->n; i++)
		for (size_t k = 0; !r && k < b->medium->v[i].n; k++) {
			struct rescue_repo *repo = &b->medium->v[i];

			if (!mf_strings_has(&repo->v[k].modules, name))
				continue;
			r = take_package(b, repo, &repo->v[k]);
			n++;
		}
	return r < 0 ? r : n;
}

static int take_matching(struct bring *b, const char *modalias)
{
	bool matches = false;
	int r = 0;

	for (size_t i = 0; i < b->medium->n; i++)
		for (size_t k = 0; !r && k < b->medium->v[i].n; k++) {
			struct rescue_repo *repo = &b->medium->v[i];
			size_t before = b->result.packages.n;

			if (!package_matches(&repo->v[k], modalias))
				continue;
			r = take_package(b, repo, &repo->v[k]);
			matches |= b->result.packages.n > before;
		}
	return !r && matches ? mf_strings_add(&b->result.queries, modalias) : r;
}

static int take_names(struct bring *b, const struct mf_strings *names)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < names->n; i++) {
		char name[MF_MODULE_NAME_SIZE];

		if (!mf_module_name(names->v[i], name, sizeof(name)))
			return mf_fail(b->ctx, MF_STAGE_MATCH, -MFE_USAGE, names->v[i],
				       "not the name of a module");
		r = mf_strings_has(&b->present.names, name) ? 1 : take_module(b, name);
		if (r == 0)
			return mf_fail(b->ctx, MF_STAGE_MATCH, -MFE_NOT_FOUND, name,
				       "the medium has no module of this name for %s",
				       b->ctx->kernel);
		if (r > 0)
			r = mf_strings_add(&b->result.queries, name);
	}
	return r < 0 ? r : 0;
}

/* Modules that the modules brought so far depend on; the list grows meanwhile. */
static int take_needs(struct bring *b)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < b->needs.n; i++)
		if (!mf_strings_has(&b->present.names, b->needs.v[i]))
			r = take_module(b, b->needs.v[i]);
	return r < 0 ? r : 0;
}

int rescue_bring(struct mf_context *ctx, struct rescue_medium *medium,
		 const struct mf_strings *modaliases, const struct mf_strings *names,
		 struct rescue_result *ret_result)
{
	_cleanup_(bring_done) struct bring b = { .ctx = ctx, .medium = medium };
	static const struct mf_depmod_options options = { .no_state = true, .no_sync = true };
	int r = mf_module_verifier_new(ctx, &b.verifier);

	if (r == 0)
		r = read_present(&b);
	if (r == 0)
		r = take_names(&b, names);
	for (size_t i = 0; !r && i < modaliases->n; i++)
		r = take_matching(&b, modaliases->v[i]);
	if (r == 0)
		r = take_needs(&b);
	if (r == 0 && b.result.modules.n)
		r = mf_depmod(ctx, &options, NULL);
	if (r < 0)
		return r == -ENOMEM ? mf_fail(ctx, MF_STAGE_MATCH, r, "medium", NULL) : r;
	*ret_result = b.result;
	b.result = (struct rescue_result){ 0 };
	return 0;
}
