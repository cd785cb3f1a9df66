/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernels of this machine, for status and refresh: which are installed, which of them the
 * repositories serve, and which drivers the next boot would lack.
 *
 * A kernel lacks a driver if a device of this machine uses it now (it is on disk or built in for the
 * kernel of the run, and a device matches it), and the other kernel has no module of that name.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cache.h"
#include "modfetch/cleanup.h"
#include "modfetch/libkmod.h"
#include "modfetch/strings.h"
#include "cmd.h"

#define LACKS_SHOWN 8 /* modules on a line */

struct mf_served cmd_served(struct cmd *cmd, const char *repo_id)
{
	_cleanup_close_ int fd = mf_cache_open(&cmd->ctx, repo_id, NULL);
	struct mf_served served = { 0 };

	if (fd >= 0)
		(void)mf_served_read(fd, &served);
	return served;
}

void cmd_set_served(struct mf_json *o, const struct mf_served *served)
{
	mf_json_set_strings(o, "kernels", &served->kernels);
	mf_json_set_strings(o, "built_for", &served->builds);
	mf_json_set_bool(o, "any_kernel", served->loose);
}

void cmd_kernels_done(struct cmd_kernels *kernels)
{
	for (size_t i = 0; i < kernels->n; i++) {
		free(kernels->v[i].release);
		mf_strings_done(&kernels->v[i].repositories);
		mf_strings_done(&kernels->v[i].lacks);
	}
	free(kernels->v);
	*kernels = (struct cmd_kernels){ 0 };
}

static int add_repositories(struct cmd *cmd, const struct mf_repos *repos,
			    struct cmd_kernel *kernel)
{
	int r = 0;

	for (size_t i = 0; !r && i < repos->n; i++) {
		_cleanup_(mf_served_done) struct mf_served served = { 0 };

		if (!repos->v[i].enabled)
			continue;
		served = cmd_served(cmd, repos->v[i].id);
		if (mf_served_has(&served, kernel->release))
			r = mf_strings_add(&kernel->repositories, repos->v[i].id);
	}
	return r;
}

/* Adds the modules of a want that the other kernel does not have. */
static int add_lacking(struct mf_kmod *kmod, const struct mf_want *want, struct cmd_kernel *kernel)
{
	int r = 0;

	for (size_t i = 0; !r && i < want->n_matches; i++) {
		const struct mf_match *m = &want->matches[i];

		if ((m->on_disk || m->builtin) && mf_kmod_presence(kmod, m->module) == MF_ABSENT)
			r = mf_strings_add_unique(&kernel->lacks, m->module);
	}
	return r;
}

static int find_lacking(struct cmd *cmd, const struct mf_wants *wants, struct cmd_kernel *kernel)
{
	/* the same machine, seen by another kernel */
	struct mf_context other = mf_context_for_kernel(&cmd->ctx, kernel->release);
	struct mf_kmod *kmod = NULL;
	int r;

	r = mf_kmod_new(&other, &kmod);
	if (r < 0)
		cmd->ctx.failure = other.failure;
	for (size_t i = 0; !r && i < wants->n; i++)
		r = add_lacking(kmod, &wants->v[i], kernel);
	mf_kmod_free(kmod);
	mf_strings_sort(&kernel->lacks);
	return r;
}

static int read_kernel(struct cmd *cmd, const struct mf_repos *repos, const struct mf_wants *wants,
		       struct cmd_kernel *kernel)
{
	bool own = !strcmp(kernel->release, cmd->ctx.kernel);
	int r = add_repositories(cmd, repos, kernel);

	kernel->running = own && cmd->ctx.kernel_running;
	if (!r && !own)
		r = find_lacking(cmd, wants, kernel);
	return r;
}

int cmd_kernels_read(struct cmd *cmd, const struct mf_repos *repos, const struct mf_wants *wants,
		     struct cmd_kernels *ret_kernels)
{
	_cleanup_(mf_strings_done) struct mf_strings releases = { 0 };
	int r = mf_kernels_list(&cmd->ctx, &releases);

	/* the kernel of the run comes first, whatever is left of it */
	if (!r)
		r = mf_strings_add_unique(&releases, cmd->ctx.kernel);
	ret_kernels->v = r < 0 ? NULL : calloc(releases.n, sizeof(*ret_kernels->v));
	for (int others = 0; ret_kernels->v && !r && others < 2; others++)
		for (size_t i = 0; !r && i < releases.n; i++) {
			struct cmd_kernel *kernel = &ret_kernels->v[ret_kernels->n];
			int own = !strcmp(releases.v[i], cmd->ctx.kernel);

			if (own == others)
				continue;
			ret_kernels->n++;
			kernel->release = strdup(releases.v[i]);
			r = kernel->release ? read_kernel(cmd, repos, wants, kernel) : -ENOMEM;
		}
	if (!r && !ret_kernels->v)
		r = -ENOMEM;
	return r < 0 && !cmd->ctx.failure.code
		       ? mf_fail(&cmd->ctx, MF_STAGE_COMMAND, r, "kernels", NULL)
		       : r;
}

void cmd_kernels_print(const struct cmd *cmd, const struct cmd_kernels *kernels)
{
	for (size_t i = 0; i < kernels->n; i++) {
		const struct cmd_kernel *kernel = &kernels->v[i];

		cmd_put("kernel %s%s", kernel->release,
			kernel->running				   ? ", running"
			: strcmp(kernel->release, cmd->ctx.kernel) ? ", installed"
								   : "");
		for (size_t j = 0; j < kernel->repositories.n; j++)
			cmd_put("%s%s", j ? ", " : ", served by ", kernel->repositories.v[j]);
		if (!kernel->repositories.n)
			cmd_put("%s", ", served by no repository");
		for (size_t j = 0; j < kernel->lacks.n && j < LACKS_SHOWN; j++)
			cmd_put("%s%s",
				j ? ", " : "; lacks drivers of this machine: ", kernel->lacks.v[j]);
		if (kernel->lacks.n > LACKS_SHOWN)
			cmd_put(" and %zu more", kernel->lacks.n - LACKS_SHOWN);
		cmd_line("%s", "");
	}
}

struct mf_json *cmd_kernels_json(const struct cmd_kernels *kernels)
{
	struct mf_json *list = mf_json_array();

	for (size_t i = 0; i < kernels->n; i++) {
		struct mf_json *o = mf_json_object();

		mf_json_set_string(o, "kernel", kernels->v[i].release);
		mf_json_set_bool(o, "running", kernels->v[i].running);
		mf_json_set_strings(o, "repositories", &kernels->v[i].repositories);
		mf_json_set_strings(o, "lacks", &kernels->v[i].lacks);
		mf_json_add(list, o);
	}
	return list;
}
