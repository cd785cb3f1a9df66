/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads repos.d into values that are checked once, here.
 *
 * What a .repo file says is the admin's word and is believed. An id that is no directory's name, or
 * that two entries have, makes an entry unusable, since the keys and deny rules of one would act
 * on the other; so does a line that is none, and a value that is wrong (repo-entry.c). Such an
 * entry is reported, and takes no other one with it.
 */
#include "modfetch/repo.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/similar.h"
#include "ini.h"
#include "repo-entry.h"

#define REPO_FILE_MAX (64U << 10)

void mf_repo_done(struct mf_repo *repo)
{
	free(repo->id);
	free(repo->name);
	free(repo->mirrorlist);
	free(repo->metalink);
	free(repo->identity);
	free(repo->file);
	mf_strings_done(&repo->baseurls);
	mf_strings_done(&repo->keys);
	mf_strings_done(&repo->gpgkeys);
	mf_access_done(&repo->access);
	mf_strings_done(&repo->exclude);
	mf_strings_done(&repo->include);
	mf_strings_done(&repo->unused);
	free(repo->path);
	*repo = (struct mf_repo){ 0 };
}

static void drafts_done(struct drafts *drafts)
{
	for (size_t i = 0; i < drafts->n; i++) {
		struct draft *d = &drafts->v[i];

		mf_repo_done(&d->repo);
		free(d->file);
		free(d->where);
		free(d->why);
	}
	free(drafts->v);
}

void mf_repos_done(struct mf_repos *repos)
{
	for (size_t i = 0; i < repos->n; i++)
		mf_repo_done(&repos->v[i]);
	free(repos->v);
	for (size_t i = 0; i < repos->n_faults; i++) {
		free(repos->faults[i].id);
		free(repos->faults[i].where);
		free(repos->faults[i].why);
	}
	free(repos->faults);
	*repos = (struct mf_repos){ 0 };
}

/* ---- entries ---- */

bool mf_repo_id_valid(const char *id)
{
	/* a list of mirrors lies beside the directories that ids name */
	if (!*id || *id == '.' || strlen(id) > MF_REPO_ID_MAX || mf_ends_with(id, ".mirrors"))
		return false;
	for (; *id; id++)
		if (!isalnum((unsigned char)*id) && !strchr("-_.:+", *id))
			return false;
	return true;
}

/* A new entry; an empty ID is for what stands in none. */
static int begin_entry(struct reading *rd, const char *id)
{
	struct drafts *drafts = rd->drafts;
	struct draft *v = reallocarray(drafts->v, drafts->n + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	drafts->v = v;
	v += drafts->n;
	*v = (struct draft){
		.repo = { .id = strdup(id),
			  .enabled = true,
			  .priority = MF_REPO_PRIORITY,
			  .cost = MF_REPO_COST },
		.file = strdup(rd->file),
		.line = rd->line,
	};
	drafts->n++;
	rd->in_entry = true;
	if (!v->repo.id || !v->file)
		return -ENOMEM;
	return *id && !mf_repo_id_valid(id)
		       ? repo_spoil(rd, v, "not usable as a repository's id", id)
		       : 0;
}

static int visit_line(void *arg, const struct mf_ini_line *line)
{
	struct reading *rd = arg;
	struct draft *d;
	int r = 0;

	rd->line = line->number;
	if (!line->key && !line->wrong)
		return begin_entry(rd, line->section);
	/* what follows a section's name that is none must not be taken for the entry before */
	if (!rd->in_entry || strcmp(rd->drafts->v[rd->drafts->n - 1].repo.id, line->section))
		r = begin_entry(rd, "");
	if (r < 0)
		return r;
	d = &rd->drafts->v[rd->drafts->n - 1];
	if (line->wrong)
		return repo_spoil(rd, d, line->wrong, "");
	return *d->repo.id ? repo_entry_set(rd, d, line->key, line->value)
			   : repo_spoil(rd, d, "it is before the first section, [ID]", line->key);
}

/* Neither of two that share an id can be used: which of them the admin means is not known. */
static int check_twins(struct drafts *drafts, struct draft *d)
{
	for (struct draft *other = drafts->v; other < d; other++) {
		char why[512];
		int r;

		if (!*d->repo.id || strcmp(other->repo.id, d->repo.id))
			continue;
		snprintf(why, sizeof(why),
			 "the id is used twice, in %s line %u and in %s line %u; rename one",
			 other->file, other->line, d->file, d->line);
		r = repo_spoil_at(other, other->file, other->line, why, "");
		if (!r)
			r = repo_spoil_at(d, d->file, d->line, why, "");
		if (r < 0)
			return r;
	}
	return 0;
}

static int repo_check_all(struct mf_context *ctx, struct drafts *drafts)
{
	int r = 0;

	for (size_t i = 0; !r && i < drafts->n; i++) {
		struct draft *d = &drafts->v[i];
		struct reading rd = { ctx, drafts, d->file, d->line, true, NULL };

		r = d->why ? 0 : repo_entry_check(&rd, d);
	}
	for (size_t i = 0; !r && i < drafts->n; i++)
		r = check_twins(drafts, &drafts->v[i]);
	return r;
}

/* ---- files ---- */

/* The file is of no use as a whole. */
static int spoil_file(struct reading *rd, const char *why)
{
	int r = begin_entry(rd, "");

	return r < 0 ? r : repo_spoil_at(&rd->drafts->v[rd->drafts->n - 1], rd->file, 0, why, "");
}

static int repo_read_file(struct reading *rd, int dirfd)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r;

	r = mf_file_read_at(dirfd, rd->file, REPO_FILE_MAX, &text, &len);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		return spoil_file(
			rd, r == -EACCES ? "only root can read it, since it may have a password"
					 : mf_error_sentence(r));
	if (strlen(text) != len)
		return spoil_file(rd, "it holds a NUL byte");
	return mf_ini_parse(text, visit_line, rd);
}

static int repo_by_priority(const void *a, const void *b)
{
	const struct mf_repo *x = a, *y = b;

	if (x->priority != y->priority)
		return (x->priority > y->priority) - (x->priority < y->priority);
	return x->cost != y->cost ? (x->cost > y->cost) - (x->cost < y->cost)
				  : strcmp(x->id, y->id);
}

static int is_repo_file(const struct dirent *e)
{
	return e->d_name[0] != '.' && mf_ends_with(e->d_name, ".repo");
}

static int read_files(struct mf_context *ctx, struct drafts *drafts)
{
	_cleanup_close_ int dirfd =
		mf_context_open(ctx, "etc/modfetch/repos.d", O_RDONLY | O_DIRECTORY);
	struct dirent **names = NULL;
	int n, r = 0;

	if (dirfd < 0)
		return dirfd == -ENOENT ? 0 : dirfd;
	n = scandirat(dirfd, ".", &names, is_repo_file, alphasort);
	if (n < 0)
		return -errno;
	for (int i = 0; i < n; i++) {
		struct reading rd = { ctx, drafts, names[i]->d_name, 0, false, NULL };

		if (!r)
			r = repo_read_file(&rd, dirfd);
		free(names[i]);
	}
	free(names);
	return r < 0 ? r : repo_check_all(ctx, drafts);
}

/* Turns drafts into repositories and faults, and leaves nothing in them. */
static int sort_out(struct drafts *drafts, struct mf_repos *repos)
{
	repos->v = calloc(drafts->n + 1, sizeof(*repos->v));
	repos->faults = calloc(drafts->n + 1, sizeof(*repos->faults));
	if (!repos->v || !repos->faults)
		return -ENOMEM;
	for (size_t i = 0; i < drafts->n; i++) {
		struct draft *d = &drafts->v[i];
		struct mf_repo_fault *fault;

		if (!d->why) {
			repos->v[repos->n++] = d->repo;
			repos->v[repos->n - 1].file = MF_STEAL(d->file);
			d->repo = (struct mf_repo){ 0 };
			continue;
		}
		fault = &repos->faults[repos->n_faults++];
		fault->id = *d->repo.id ? MF_STEAL(d->repo.id) : NULL;
		fault->where = MF_STEAL(d->where);
		fault->why = MF_STEAL(d->why);
		fault->enabled = d->repo.enabled;
	}
	qsort(repos->v, repos->n, sizeof(*repos->v), repo_by_priority);
	return 0;
}

static void report_faults(struct mf_context *ctx, const struct mf_repos *repos)
{
	for (size_t i = 0; !ctx->faults_reported && !ctx->lists_repositories && i < repos->n_faults;
	     i++)
		mf_log(ctx, MF_LOG_WARNING, "config: %s: %s: %s", repos->faults[i].where,
		       repos->faults[i].why,
		       repos->faults[i].id ? "this repository is not used"
					   : "its repositories are not used");
	ctx->faults_reported = true;
}

int mf_repos_read(struct mf_context *ctx, struct mf_repos *ret_repos)
{
	_cleanup_(mf_repos_done) struct mf_repos repos = { 0 };
	_cleanup_(drafts_done) struct drafts drafts = { 0 };
	int r = read_files(ctx, &drafts);

	if (!r)
		r = sort_out(&drafts, &repos);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_CONFIG, r, "/etc/modfetch/repos.d", NULL);
	report_faults(ctx, &repos);
	*ret_repos = repos;
	repos = (struct mf_repos){ 0 };
	return 0;
}

const struct mf_repo *mf_repos_find(const struct mf_repos *repos, const char *id)
{
	for (size_t i = 0; i < repos->n; i++)
		if (!strcmp(repos->v[i].id, id))
			return &repos->v[i];
	return NULL;
}

int mf_repo_fault_fail(struct mf_context *ctx, const struct mf_repo_fault *fault)
{
	return mf_fail(ctx, MF_STAGE_CONFIG, -MFE_CONFIG, fault->where, "%s", fault->why);
}

int mf_repos_not_found(struct mf_context *ctx, const struct mf_repos *repos, const char *id)
{
	_cleanup_(mf_similar_done) struct mf_similar similar = { .word = id };
	_cleanup_free_ char *hint = NULL;

	for (size_t i = 0; i < repos->n_faults; i++)
		if (repos->faults[i].id && !strcmp(repos->faults[i].id, id))
			return mf_repo_fault_fail(ctx, &repos->faults[i]);
	for (size_t i = 0; i < repos->n; i++)
		mf_similar_offer(&similar, repos->v[i].id);
	hint = mf_similar_text(&similar);
	return mf_fail(
		ctx, MF_STAGE_CONFIG, -MFE_NOT_FOUND, id,
		"no repository with this id is configured; %s%smodfetch repo list prints them",
		hint ? hint : "", hint ? " " : "");
}

bool mf_repos_have_scriptlets(const struct mf_repos *repos)
{
	for (size_t i = 0; i < repos->n; i++)
		if (repos->v[i].enabled && repos->v[i].scriptlets)
			return true;
	return false;
}

int mf_repos_check_any(struct mf_context *ctx, const struct mf_repos *repos)
{
	for (size_t i = 0; i < repos->n; i++)
		if (repos->v[i].enabled)
			return 0;
	for (size_t i = 0; i < repos->n_faults; i++)
		if (repos->faults[i].enabled)
			return mf_repo_fault_fail(ctx, &repos->faults[i]);
	return mf_fail(ctx, MF_STAGE_CONFIG, -MFE_NO_REPOSITORY, "/etc/modfetch/repos.d", NULL);
}
