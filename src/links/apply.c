/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Carries out what a step has decided.
 *
 * The ledger comes first, so that no link is ever missing in it, and it keeps what is removed, so
 * that a killed run leaves the kernels whose indexes are not right. It is settled when the indexes
 * are: then an entry stays if its link is there, as the entry says.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "ledger.h"
#include "place.h"
#include "step.h"

int links_step_fail(struct links_step *s, int r)
{
	return r == -ENOMEM && s->ctx->failure.code != r
		       ? mf_fail(s->ctx, MF_STAGE_INSTALL, r, "links", NULL)
		       : r;
}

/* Is a link that goes made again, the same? Then it stays as it is. */
static bool is_made_again(const struct links_step *s, const struct mf_link *link)
{
	for (size_t i = 0; i < s->made.n; i++)
		if (!strcmp(s->made.v[i].kernel, link->kernel) &&
		    !strcmp(s->made.v[i].path, link->path) &&
		    !strcmp(s->made.v[i].target, link->target))
			return true;
	return false;
}

static int write_pending(struct links_step *s)
{
	struct mf_links all = { .pending = true };
	int r = 0;

	for (size_t i = 0; r >= 0 && i < s->ledger.directories.n; i++)
		r = mf_strings_add(&all.directories, s->ledger.directories.v[i]);
	for (size_t i = 0; r >= 0 && i < s->made.n; i++)
		r = links_place_missing(s->ctx, &s->made.v[i], &all.directories);
	for (size_t i = 0; r >= 0 && i < s->ledger.n; i++)
		r = links_ledger_add(&all, &s->ledger.v[i]);
	for (size_t i = 0; r >= 0 && i < s->gone.n; i++)
		if (!is_made_again(s, &s->gone.v[i]))
			r = links_ledger_add(&all, &s->gone.v[i]);
	for (size_t i = 0; r >= 0 && i < s->forgotten.n; i++)
		r = links_ledger_add(&all, &s->forgotten.v[i]);
	for (size_t i = 0; r >= 0 && i < s->made.n; i++)
		r = links_ledger_add(&all, &s->made.v[i]);
	if (r >= 0)
		r = links_ledger_write(s->ctx, &all);
	if (r >= 0) {
		mf_strings_done(&s->ledger.directories);
		s->ledger.directories = all.directories;
		all.directories = (struct mf_strings){ 0 };
	}
	mf_links_done(&all);
	return links_step_fail(s, r < 0 ? r : 0);
}

int links_step_note(struct links_step *s, const struct mf_link *link)
{
	return mf_kernel_is_installed(s->ctx, link->kernel)
		       ? mf_receipt_note(s->receipt, link->kernel, link->path)
		       : 0;
}

static int remove_links(struct links_step *s)
{
	int r = 0;

	for (size_t i = 0; !r && i < s->gone.n; i++) {
		const struct mf_link *link = &s->gone.v[i];

		if (!is_made_again(s, link))
			r = links_place_remove(s->ctx, link, &s->ledger.directories);
		if (r < 0)
			return mf_fail(s->ctx, MF_STAGE_INSTALL, r, link->path,
				       "the link of kernel %s cannot be removed: %s", link->kernel,
				       mf_error_sentence(r));
		r = links_step_note(s, link);
	}
	for (size_t i = 0; !r && i < s->forgotten.n; i++)
		r = links_step_note(s, &s->forgotten.v[i]);
	return links_step_fail(s, r);
}

/* What cannot be made is left out: the module is installed in any case. */
static int make_links(struct links_step *s)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < s->made.n; i++) {
		const struct mf_link *link = &s->made.v[i];
		int made = links_place_make(s->ctx, link);

		if (made == -ENOMEM || made == -ENOSPC)
			return mf_fail(s->ctx, MF_STAGE_INSTALL, made, link->path, NULL);
		r = links_step_note(s, link);
		if (made < 0)
			mf_log(s->ctx, MF_LOG_WARNING,
			       "install: %s cannot be linked for kernel %s: %s", link->target,
			       link->kernel, mf_error_sentence(made));
		else
			mf_log(s->ctx, MF_LOG_INFO, "install: linked %s for kernel %s",
			       link->target, link->kernel);
	}
	return links_step_fail(s, r < 0 ? r : 0);
}

/* Carries out what was decided. The ledger keeps all entries, and "pending". */
int links_step_apply(struct links_step *s)
{
	int r = write_pending(s);

	if (!r)
		r = remove_links(s);
	return r ? r : make_links(s);
}

/* Keeps the directories that are there. */
static void settle_directories(const struct mf_context *ctx, struct mf_strings *directories)
{
	for (size_t i = directories->n; i > 0; i--) {
		_cleanup_free_ char *path = mf_kernel_path(directories->v[i - 1], NULL);
		_cleanup_close_ int fd =
			path ? mf_context_open(ctx, path, O_PATH | O_DIRECTORY) : -1;

		if (!path || fd >= 0)
			continue;
		free(directories->v[i - 1]);
		directories->v[i - 1] = directories->v[--directories->n];
		directories->v[directories->n] = NULL;
	}
}

int mf_links_settle(struct mf_context *ctx)
{
	_cleanup_(mf_links_done) struct mf_links ledger = { 0 };
	int r = mf_links_read(ctx, &ledger);

	if (r < 0 || !ledger.pending)
		return r;
	for (size_t i = ledger.n; i > 0; i--)
		if (links_place_look(ctx, &ledger.v[i - 1]) != LINKS_OURS)
			links_ledger_drop(&ledger, i - 1);
	settle_directories(ctx, &ledger.directories);
	ledger.pending = false;
	return links_ledger_write(ctx, &ledger);
}
