/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * install and remove: packages and patterns by name, through the same pipeline. A kernel that is
 * installed so gets its drivers in a second transaction, as by kernel-added. Nothing is loaded:
 * drivers that are installed in advance need not run yet, and the module of a removed package stays
 * in the running kernel until the next boot.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/asked.h"
#include "modfetch/cache.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/local.h"
#include "modfetch/release.h"
#include "modfetch/taken-back.h"
#include "modfetch/upkeep.h"
#include "cmd.h"

static int install_add_names(struct cmd *cmd, int argc, char **argv, struct mf_strings *ret_names)
{
	int r = 0;

	if (argc > 1 && argv[1][0] == '-')
		return cmd_usage(cmd, argv[0], "there is no option %s", argv[1]);
	for (int i = 1; !r && i < argc; i++)
		r = mf_strings_add_unique(ret_names, argv[i]);
	if (r < 0)
		return mf_fail(&cmd->ctx, MF_STAGE_COMMAND, r, argv[0], NULL);
	return argc > 1 ? 0 : cmd_usage(cmd, argv[0], "name a package, a pattern or a module");
}

/* Is NAME the package of the kernel RELEASE, "kernel-amd64-image-6.1.0_57"? */
static bool is_image_of(const char *name, const char *release)
{
	struct mf_release parts;
	_cleanup_free_ char *image = NULL;

	if (mf_release_parse(release, NULL, &parts) < 0)
		return false;
	image = mf_format("kernel-%s-image-%s", parts.flavor, parts.abi);
	return image && !strcmp(image, name);
}

/*
 * A kernel that is named is installed for itself: what a repository has for it stands in no list of
 * another kernel. 0 or a recorded failure.
 */
static int select_kernel(struct cmd *cmd, const struct mf_strings *names)
{
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	int r = mf_starts_with(names->v[0], "kernel-") ? mf_repos_read(&cmd->ctx, &repos) : 0;

	for (size_t i = 0; !r && i < repos.n; i++) {
		_cleanup_(mf_served_done) struct mf_served served = { 0 };

		if (repos.v[i].enabled)
			served = cmd_served(cmd, repos.v[i].id);
		for (size_t k = 0; k < served.kernels.n; k++) {
			char *kernel;

			if (!is_image_of(names->v[0], served.kernels.v[k]) ||
			    !strcmp(served.kernels.v[k], cmd->ctx.kernel))
				continue;
			kernel = strdup(served.kernels.v[k]);
			if (!kernel)
				return mf_fail(&cmd->ctx, MF_STAGE_COMMAND, -ENOMEM, names->v[0],
					       NULL);
			free(cmd->ctx.kernel);
			cmd->ctx.kernel = kernel;
			cmd->ctx.kernel_running = false;
		}
	}
	return r;
}

/* ---- package files ---- */

/* What of the arguments are package files; the rest stays in the list of names. */
struct files {
	struct mf_local local;
	struct mf_strings labels;
	struct mf_version *versions;
};

static void files_done(struct files *files)
{
	mf_local_done(&files->local);
	mf_strings_done(&files->labels);
	free(files->versions);
}

/* "./igb.rpm" or "/srv/igb.rpm": a name with a directory is no package's. */
static bool is_file(const char *name)
{
	return strchr(name, '/') && mf_ends_with(name, ".rpm");
}

static int take_files(struct cmd *cmd, struct mf_strings *names, struct files *files)
{
	size_t kept = 0, n = names->n;
	int r = 0;

	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *label = NULL, *name = names->v[i];

		if (!r && is_file(name)) {
			r = mf_local_add_file(&cmd->ctx, name, &files->local, &label);
			if (!r)
				r = mf_strings_add(&files->labels, label);
		} else {
			names->v[kept++] = MF_STEAL(name);
		}
	}
	names->n = kept;
	if (names->v)
		names->v[kept] = NULL;
	files->versions = calloc(files->labels.n + 1, sizeof(*files->versions));
	if (!files->versions || r == -ENOMEM)
		return mf_fail(&cmd->ctx, MF_STAGE_COMMAND, -ENOMEM, "install", NULL);
	for (size_t i = 0; i < files->labels.n; i++)
		files->versions[i] = (struct mf_version){ files->labels.v[i], MF_LOCAL_FILES };
	return r;
}

/* Does NAME mean this version: "igb-kmp-1.2", "igb-kmp-1.2-1", or the same with the kernel? */
static bool names_version(const char *name, const struct mf_taken_back_entry *entry)
{
	const char *release = strrchr(entry->evr, '-');
	_cleanup_free_ char *evr = mf_format("-%s", entry->evr);
	_cleanup_free_ char *version =
		release ? mf_format("-%.*s", (int)(release - entry->evr), entry->evr) : NULL;

	return mf_starts_with(name, entry->name) &&
	       ((evr && mf_ends_with(name, evr)) || (version && mf_ends_with(name, version)));
}

/* A version that is named is wanted, although it was taken back. 0 or a recorded failure. */
static int forgive_named(struct cmd *cmd, const struct mf_strings *names)
{
	_cleanup_(mf_taken_back_done) struct mf_taken_back taken = { 0 };
	_cleanup_close_ int lock = -1;
	int r = mf_taken_back_read(&cmd->ctx, &taken);

	for (size_t i = 0; !r && i < taken.n; i++)
		for (size_t j = 0; !r && j < names->n; j++) {
			const struct mf_taken_back_entry *t = &taken.v[i];

			if (!names_version(names->v[j], t))
				continue;
			if (lock < 0)
				lock = mf_lock(&cmd->ctx);
			r = lock < 0 ? lock : mf_taken_back_set(&cmd->ctx, t->name, t->evr, NULL);
		}
	return r;
}

/* Modules that crashed the machine may be loaded again if the admin installs their package. */
static int clear_crashed(struct cmd *cmd, const struct mf_strings *names, int status)
{
	for (size_t i = 0; status >= 0 && i < names->n; i++) {
		int cleared = cmd_clear_crashed(cmd, names->v[i]);

		if (cleared)
			status = cleared < 0 ? cleared : CMD_DONE;
	}
	return status;
}

int cmd_install(struct cmd *cmd, int argc, char **argv)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 }, kernels = { 0 };
	_cleanup_(files_done) struct files files = { 0 };
	_cleanup_(mf_run_done) struct mf_run run = { .verb = "install",
						     .selection.any_form = true,
						     .no_load = true };
	int r = install_add_names(cmd, argc, argv, &names), listed;

	if (!r)
		r = take_files(cmd, &names, &files);
	if (!r && names.n)
		r = select_kernel(cmd, &names);
	if (!r && !cmd->dry_run)
		r = forgive_named(cmd, &names);
	run.selection.install = names.n ? &names : NULL;
	run.selection.versions = files.versions;
	run.selection.n_versions = files.labels.n;
	run.locals = files.labels.n ? &files.local : NULL;
	run.n_locals = files.labels.n > 0;
	listed = r < 0 ? r : mf_kernels_list(&cmd->ctx, &kernels);
	if (!r)
		r = cmd_run(cmd, &run);
	/* a kernel among them gets the drivers that this machine needs */
	if (r == CMD_DONE && !listed && run.stamp[MF_INSTALLED])
		r = cmd_kernels_added_since(cmd, &kernels);
	return run.dry_run || cmd->ctx.unattended ? r : clear_crashed(cmd, &names, r);
}

static bool any_is_pattern(const struct mf_strings *names, const char *kernel)
{
	for (size_t i = 0; i < names->n; i++)
		if (mf_asked_is_pattern(names->v[i], kernel))
			return true;
	return false;
}

/*
 * A pattern is gone, and the drivers that it brought are still there: they are offered on a terminal, or
 * named as the work of autoremove. The pattern is removed, whatever happens here.
 */
static int remove_unneeded(struct cmd *cmd)
{
	_cleanup_(mf_unneeded_done) struct mf_unneeded unneeded = { 0 };
	_cleanup_(mf_strings_done) struct mf_strings done = { 0 };
	int r = mf_unneeded_find(&cmd->ctx, &unneeded);

	/* what is left of kernels that are gone is not asked for here, so it is not removed either */
	mf_strings_done(&unneeded.kernels);
	if (r < 0 || !unneeded.labels.n)
		return r < 0 ? r : CMD_DONE;
	if (!cmd_can_ask(cmd)) {
		mf_log(&cmd->ctx, MF_LOG_WARNING,
		       "%zu packages are left that nothing needs any more; modfetch autoremove "
		       "removes them",
		       unneeded.labels.n);
		return CMD_DONE;
	}
	if (cmd_ask(cmd, "remove", "remove %zu packages too that nothing needs any more?",
		    unneeded.labels.n) < 0)
		return CMD_DONE;
	r = mf_unneeded_remove(&cmd->ctx, &unneeded, &done);
	cmd_print_done(cmd, "remove", &done);
	return r < 0 ? r : CMD_DONE;
}

int cmd_remove(struct cmd *cmd, int argc, char **argv)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	_cleanup_(mf_run_done) struct mf_run run = { .verb = "remove",
						     .selection.remove = &names,
						     .selection.any_form = true,
						     .no_load = true };
	int r = install_add_names(cmd, argc, argv, &names);

	if (!r)
		r = cmd_run(cmd, &run);
	return r == CMD_DONE && !run.dry_run && any_is_pattern(&run.plan.meant, cmd->ctx.kernel)
		       ? remove_unneeded(cmd)
		       : r;
}
