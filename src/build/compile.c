/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Compiles the modules of a source in a box.
 *
 * The commands of the recipe are shell texts, which the box runs as its own user on a copy of the source, at the place where dkms
 * builds: the path is in messages of the compiled code, and so both give the same code. What comes out is a file for each
 * module of the recipe, and a log. A source that makes only some of its modules for this kernel is not complete, and fails.
 *
 * Trusts neither the source nor its commands: nothing of them is run or expanded outside the box.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "builder.h"
#include "modfetch/box.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/modinfo.h"
#include "modfetch/module-name.h"
#include "modfetch/process.h"

#define LOG BUILD_DIRECTORY "/log"

/* What a shell in the box writes about a conf. */
#define CONF_VALUES "modfetch-values"
#define CONF_MAX    ((size_t)1 << 20)

enum {
	CONF_SECONDS = 60,
	BUILD_SECONDS = 3600,
	BUILD_PROCESSES = 1024,
};

/* Three quarters of the memory, half of it for files: what else runs here has to go on. */
static void set_limits(struct mf_box *box)
{
	struct sysinfo info;
	uint64_t memory = (uint64_t)4 << 30;

	if (!sysinfo(&info))
		memory = (uint64_t)info.totalram * info.mem_unit;
	box->memory = memory / 4 * 3;
	box->space = memory / 2;
	box->seconds = BUILD_SECONDS;
	box->processes = BUILD_PROCESSES;
	box->result_max = MF_MODULE_FILE_MAX;
}

/* The kernel's headers may be outside of the directories that each box has. */
static int add_directories(const struct builder *b, struct mf_strings *directories)
{
	_cleanup_free_ char *modules = mf_format("/lib/modules/%s", b->ctx->kernel);
	int r = modules ? mf_strings_add(directories, modules) : -ENOMEM;

	return r < 0 ? r : mf_strings_add(directories, "/usr/src");
}

static char *log_of(const struct builder *b, const struct mf_source *source)
{
	return mf_format(LOG "/%s-%s-%s", source->name, source->version, b->ctx->kernel);
}

/* ---- texts for a shell ---- */

static void put_quoted(const char *word, FILE *out)
{
	fputc('\'', out);
	for (; *word; word++)
		if (*word == '\'')
			fputs("'\\''", out);
		else
			fputc(*word, out);
	fputc('\'', out);
}

/* A command of the recipe in a bash of its own, as dkms runs it; the first one that fails ends the script. */
static void put_command(const char *command, FILE *out)
{
	if (!command || !*command)
		return;
	fputs("bash -c ", out);
	put_quoted(command, out);
	fputs(" || exit $?\n", out);
}

/* A script with one command; new memory or NULL. */
static char *bash_script(const char *command)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	put_command(command, out);
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

/* ---- the recipe ---- */

static int fill_modules(struct build_job *job)
{
	int r = 0;

	for (size_t i = 0; !r && i < job->recipe.n; i++) {
		char name[MF_MODULE_NAME_SIZE];

		if (mf_module_name(job->recipe.modules[i].name, name, sizeof(name)))
			r = mf_strings_add_unique(&job->built.modules, name);
	}
	return r;
}

/* Lets a shell in the box read the conf. 0 or a recorded failure. */
static int run_conf(struct builder *b, struct build_job *job, const struct mf_recipe_kernel *kernel)
{
	_cleanup_(mf_box_result_done) struct mf_box_result result = { 0 };
	_cleanup_(mf_strings_done) struct mf_strings results = { 0 };
	_cleanup_free_ char *text = mf_recipe_shell(job->source, kernel, CONF_VALUES);
	_cleanup_free_ char *script = text ? bash_script(text) : NULL;
	_cleanup_free_ char *values = NULL;
	struct mf_box box = { .source = job->source->path,
			      .place = "/tmp/source",
			      .script = script,
			      .results = &results };
	size_t len;
	int r = script ? mf_strings_add(&results, CONF_VALUES) : -ENOMEM;

	if (r < 0)
		return mf_fail(b->ctx, MF_STAGE_BUILD, r, job->built.source, NULL);
	set_limits(&box);
	box.seconds = CONF_SECONDS;
	r = mf_box_run(b->ctx, &box, &result);
	if (r < 0)
		return r;
	r = result.outcome == MF_BOX_DONE && result.fds[0] >= 0
		    ? mf_file_read(result.fds[0], CONF_MAX, &values, &len)
		    : -MFE_SOURCE;
	if (r < 0)
		return mf_fail(b->ctx, MF_STAGE_BUILD, r, job->built.source,
			       "a shell cannot read its dkms.conf: %s",
			       result.first_error ? result.first_error : mf_error_sentence(r));
	return mf_recipe_from_values(b->ctx, job->source, kernel, values, len, &job->recipe);
}

void build_read_recipe(struct builder *b, struct build_job *job)
{
	struct utsname room;
	_cleanup_free_ char *headers = mf_format("/lib/modules/%s/build", b->ctx->kernel);
	const struct mf_recipe_kernel kernel = { .release = b->ctx->kernel,
						 .arch = mf_context_machine(b->ctx, &room),
						 /* they may be missing; the recipe is the same */
						 .headers = headers ? headers : "/",
						 .config =
							 *b->tools.config ? b->tools.config : NULL,
						 .jobs = mf_threads() };
	int r = mf_recipe_read(b->ctx, job->source, &kernel, &job->recipe);

	job->has_recipe = true;
	if (r == -MFE_SOURCE && b->ctx->settings.trust_dkms_conf) {
		b->ctx->failure = (struct mf_failure){ 0 };
		r = run_conf(b, job, &kernel);
	}
	if (!r && fill_modules(job) < 0)
		r = mf_fail(b->ctx, MF_STAGE_BUILD, -ENOMEM, job->built.source, NULL);
	if (r < 0)
		build_job_fail(b, job);
}

/* ---- the build ---- */

static char *script_of(const struct mf_recipe *recipe)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return NULL;
	for (size_t i = 0; i < recipe->patches.n; i++) {
		fputs("patch -p1 <", out);
		put_quoted(recipe->patches.v[i], out);
		fputs(" || exit $?\n", out);
	}
	put_command(recipe->pre_build, out);
	put_command(recipe->make, out);
	put_command(recipe->post_build, out);
	for (size_t i = 0; i < recipe->n; i++)
		if (recipe->modules[i].strip) {
			fputs("strip -g ", out);
			put_quoted(recipe->modules[i].built, out);
			fputs(".ko || exit $?\n", out);
		}
	if (fclose(out)) {
		free(text);
		return NULL;
	}
	return text;
}

static int add_results(const struct mf_recipe *recipe, struct mf_strings *results)
{
	int r = recipe->package ? mf_strings_add(results, recipe->package) : 0;

	for (size_t i = 0; !r && i < recipe->n; i++) {
		_cleanup_free_ char *path = mf_format("%s.ko", recipe->modules[i].built);

		r = path ? mf_strings_add(results, path) : -ENOMEM;
	}
	return r;
}

/* Records why the build failed; the first error of the compiler says it best. */
static int fail_build(struct mf_context *ctx, const struct build_job *job,
		      const struct mf_box_result *result)
{
	const char *error = result->first_error ? result->first_error : "it printed nothing";

	switch (result->outcome) {
	case MF_BOX_DONE:
		break;
	case MF_BOX_FAILED:
		return mf_fail(ctx, MF_STAGE_BUILD, -MFE_BUILD, job->built.source, "%s", error);
	case MF_BOX_DEADLINE:
		return mf_fail(ctx, MF_STAGE_BUILD, -MFE_TIMEOUT, job->built.source,
			       "the build took more than %d minutes and was stopped",
			       BUILD_SECONDS / 60);
	case MF_BOX_MEMORY:
		return mf_fail(ctx, MF_STAGE_BUILD, -ENOMEM, job->built.source,
			       "the build used up the memory it may have: %s", error);
	case MF_BOX_SPACE:
		return mf_fail(ctx, MF_STAGE_BUILD, -ENOSPC, job->built.source,
			       "the build used up the space it may have: %s", error);
	}
	return 0;
}

static int take_results(struct mf_context *ctx, struct build_job *job,
			const struct mf_strings *results, struct mf_box_result *result)
{
	for (size_t i = 0; i < result->n; i++)
		if (result->fds[i] < 0)
			return mf_fail(ctx, MF_STAGE_BUILD, -MFE_BUILD, job->built.source,
				       "it ended without an error, but did not make %s",
				       results->v[i]);
	if (job->recipe.package)
		return build_unpack(ctx, job, result->fds[0]);
	job->fds = calloc(result->n + 1, sizeof(*job->fds));
	if (!job->fds)
		return mf_fail(ctx, MF_STAGE_BUILD, -ENOMEM, job->built.source, NULL);
	for (size_t i = 0; i < result->n; i++)
		job->fds[i] = mf_steal_fd(&result->fds[i]);
	return 0;
}

/* The directory that is copied into the box; of a source rpm the one that it is in. */
static char *directory_of(const struct mf_source *source)
{
	const char *slash = strrchr(source->path, '/');

	return source->kind == MF_SOURCE_RPM && slash
		       ? strndup(source->path, (size_t)(slash - source->path))
		       : strdup(source->path);
}

int build_compile(const struct builder *b, struct mf_context *ctx, struct build_job *job)
{
	_cleanup_(mf_box_result_done) struct mf_box_result result = { 0 };
	_cleanup_(mf_strings_done) struct mf_strings directories = { 0 }, results = { 0 };
	_cleanup_free_ char *script = script_of(&job->recipe), *log = log_of(b, job->source);
	_cleanup_free_ char *directory = directory_of(job->source);
	struct mf_box box = { .source = directory,
			      .place = job->recipe.place,
			      .script = script,
			      .read_only = &directories,
			      .results = &results,
			      .log = log };
	int r = script && log && directory ? add_directories(b, &directories) : -ENOMEM;

	if (!r)
		r = add_results(&job->recipe, &results);
	if (!r)
		job->built.log = mf_format("/%s", log);
	if (r < 0 || !job->built.log)
		return mf_fail(ctx, MF_STAGE_BUILD, -ENOMEM, job->built.source, NULL);
	set_limits(&box);
	r = mf_box_run(ctx, &box, &result);
	if (!r)
		r = fail_build(ctx, job, &result);
	return r < 0 ? r : take_results(ctx, job, &results, &result);
}
