/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The steps around links: what goes, what comes, in an order that survives a crash.
 *
 * The ledger is written with all entries, old and new, and the word "pending"; then links are
 * removed and made; then the caller's depmod runs; then the ledger is written with those that are there. A
 * run that is killed in between leaves "pending": the next one compares each entry with the disk,
 * and updates the indexes of all kernels in it. Links whose module or kernel went without us (rpm -e,
 * dpkg) are found in the same way at the beginning of any run.
 *
 * A link goes if its module is gone, changed and does not fit any more, or if its kernel is gone; or
 * if a package brings the module for that very kernel. Then a module of the same name is looked for,
 * first in the packages of the transaction, then in all that are installed. A link that another process
 * has replaced is forgotten, not removed.
 */
#include "modfetch/links.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/cleanup.h"
#include "modfetch/depmod.h"
#include "modfetch/module-name.h"
#include "choose.h"
#include "ledger.h"
#include "origins.h"
#include "place.h"
#include "step.h"

static void step_done(struct links_step *s)
{
	mf_links_done(&s->ledger);
	mf_links_done(&s->gone);
	mf_links_done(&s->forgotten);
	mf_links_done(&s->made);
	mf_strings_done(&s->kernels);
	links_origins_done(&s->fresh);
	links_origins_done(&s->installed);
	mf_module_verifier_free(s->verifier);
}

static int step_init(struct links_step *s)
{
	int r = mf_links_read(s->ctx, &s->ledger);

	if (!r)
		r = mf_kernels_list(s->ctx, &s->kernels);
	return r < 0 && s->ctx->failure.code != r
		       ? mf_fail(s->ctx, MF_STAGE_INSTALL, r, "/lib/modules", NULL)
		       : r;
}

/* All modules of installed packages, for the few cases in which they are needed. */
static int read_installed(struct links_step *s)
{
	int r = s->installed_read ? 0 : links_origins_installed(s->ctx, NULL, &s->installed);

	s->installed_read = !r;
	return r;
}

static int choose_with_verifier(struct links_step *s, struct links_choice *choice)
{
	const struct mf_saved_failure saved = mf_failure_save(s->ctx);
	int r = choice->n && !s->verifier ? mf_module_verifier_new(s->ctx, &s->verifier) : 0;

	choice->verifier = s->verifier;
	choice->gone = &s->gone;
	choice->fresh = &s->fresh;
	if (!r)
		return links_choose(choice);
	if (r == -ENOMEM)
		return r;
	/* a package can be removed without them */
	mf_log(s->ctx, MF_LOG_WARNING,
	       "install: nothing is linked for kernel %s, since the module keys cannot be used: "
	       "%s: %s",
	       choice->kernel, s->ctx->failure.what, s->ctx->failure.why);
	mf_failure_restore(&saved);
	return 0;
}

/* ---- what goes ---- */

/* Moves entry I from the ledger to the links to be removed, or to the forgotten ones. */
static int step_let_go(struct links_step *s, size_t i, struct mf_links *to)
{
	int r = links_ledger_add(to, &s->ledger.v[i]);

	links_ledger_drop(&s->ledger, i);
	s->changed = true;
	return r < 0 ? r : 0;
}

static bool is_path_changed(const struct links_step *s, const char *path)
{
	const char *kernel = mf_kernel_tree_path(path);
	size_t len = kernel ? strcspn(kernel, "/") : 0;

	for (size_t i = 0; kernel && s->receipt && i < s->receipt->kernels.n; i++)
		if (strlen(s->receipt->kernels.v[i]) == len &&
		    !strncmp(s->receipt->kernels.v[i], kernel, len) &&
		    mf_strings_has(&s->receipt->changed[i], kernel + len + 1))
			return true;
	return false;
}

/* Must an entry be chosen again: did its module change, or is a new one of its package there? */
static bool is_in_question(const struct links_step *s, const struct mf_link *link)
{
	char module[MF_MODULE_NAME_SIZE];

	if (s->ledger.pending || is_path_changed(s, link->target))
		return true;
	if (!mf_module_name(link->path, module, sizeof(module)))
		return true;
	for (size_t i = 0; i < s->fresh.n; i++)
		if (!strcmp(s->fresh.v[i].module, module) &&
		    (!strcmp(s->fresh.v[i].kernel, link->kernel) ||
		     !strcmp(s->fresh.v[i].package, link->package)))
			return true;
	return false;
}

/* Compares each entry with the disk and with what the transaction did. */
static int step_review(struct links_step *s)
{
	int r = 0;

	for (size_t i = s->ledger.n; !r && i > 0; i--) {
		const struct mf_link *link = &s->ledger.v[i - 1];

		switch (links_place_look(s->ctx, link)) {
		case LINKS_OURS:
			if (is_in_question(s, link))
				r = step_let_go(s, i - 1, &s->gone);
			break;
		case LINKS_DEAD:
			r = step_let_go(s, i - 1, &s->gone);
			break;
		case LINKS_FREE:
		case LINKS_OF_OTHERS:
			/* after a crash it may not have been made yet */
			r = step_let_go(s, i - 1, s->ledger.pending ? &s->gone : &s->forgotten);
			break;
		}
	}
	return links_step_fail(s, r);
}

/* ---- what comes ---- */

/* Is a module of the transaction to be linked into a kernel without being asked for? */
static bool is_for_all(const struct links_step *s, const struct links_origin *origin,
		       const char *kernel)
{
	return !links_origin_in_box(origin) || !strcmp(kernel, s->ctx->kernel);
}

/* Adds the modules of installed packages that are called NAME. */
static int add_installed(struct links_step *s, struct links_choice *choice, const char *name)
{
	int r = read_installed(s);

	for (size_t i = 0; !r && i < s->installed.n; i++)
		if (!strcmp(s->installed.v[i].module, name))
			r = links_choice_add(choice, &s->installed.v[i]);
	return r;
}

/* Did the transaction bring the kernel itself? Then its drivers are those of all packages. */
static bool is_new_kernel(const struct links_step *s, const char *kernel)
{
	for (size_t i = 0; s->receipt && i < s->receipt->kernels.n; i++)
		if (!strcmp(s->receipt->kernels.v[i], kernel))
			return mf_strings_has(&s->receipt->changed[i], "modules.order") ||
			       mf_strings_has(&s->receipt->changed[i], "modules.builtin");
	return false;
}

/* Adds the modules of all installed packages that are not in the directory of a kernel's own. */
static int add_all_installed(struct links_step *s, struct links_choice *choice)
{
	int r = read_installed(s);

	for (size_t i = 0; !r && i < s->installed.n; i++)
		if (!links_origin_in_box(&s->installed.v[i]))
			r = links_choice_add(choice, &s->installed.v[i]);
	return r;
}

/* Adds what may take the place of links of this kernel that go. */
static int add_replacements(struct links_step *s, struct links_choice *choice)
{
	int r = 0;

	for (size_t i = 0; !r && i < s->gone.n; i++) {
		char module[MF_MODULE_NAME_SIZE];

		if (strcmp(s->gone.v[i].kernel, choice->kernel) != 0 ||
		    !mf_module_name(s->gone.v[i].path, module, sizeof(module)) ||
		    links_origins_find(&s->fresh, choice->kernel, module))
			continue;
		r = add_installed(s, choice, module);
	}
	return r;
}

static int step_take(struct links_step *s, const struct links_choice *choice)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < choice->n; i++) {
		struct mf_link link;

		if (!choice->v[i].chosen)
			continue;
		r = links_choice_link(choice, choice->v[i].origin, &link);
		if (r >= 0) {
			r = links_ledger_add(&s->made, &link);
			free(link.path);
		}
		s->changed = true;
	}
	return r < 0 ? r : 0;
}

/*
 * Chooses; again with what the modules that do not fit depend on, and what these depend on, until
 * nothing is added. Only the last choice says why a module does not fit.
 */
static int choose_with_needs(struct links_step *s, struct links_choice *choice)
{
	bool asked = choice->asked;
	size_t before;
	int r;

	choice->asked = false;
	do {
		_cleanup_(mf_strings_done) struct mf_strings needs = { 0 };

		before = choice->n;
		r = choose_with_verifier(s, choice);
		if (r < 0 || !choice->n || !choice->lacks)
			break;
		r = links_choice_needs(choice, &needs);
		for (size_t i = 0; !r && i < needs.n; i++)
			r = add_installed(s, choice, needs.v[i]);
	} while (!r && choice->n != before);
	choice->asked = asked;
	return !r && asked && choice->n ? choose_with_verifier(s, choice) : r;
}

static int step_choose(struct links_step *s, const char *kernel)
{
	struct links_choice choice = { .ctx = s->ctx,
				       .kernel = kernel,
				       .ledger = &s->ledger,
				       .asked = !strcmp(kernel, s->ctx->kernel) };
	int r = 0;

	for (size_t i = 0; !r && i < s->fresh.n; i++) {
		const struct links_origin *origin = &s->fresh.v[i];

		/* the package for this very kernel comes first */
		if (is_for_all(s, origin, kernel) &&
		    !links_origins_find(&s->fresh, kernel, origin->module))
			r = links_choice_add(&choice, origin);
	}
	if (!r)
		r = add_replacements(s, &choice);
	if (!r && is_new_kernel(s, kernel))
		r = add_all_installed(s, &choice);
	if (!r)
		r = choose_with_needs(s, &choice);
	if (!r)
		r = step_take(s, &choice);
	links_choice_done(&choice);
	return links_step_fail(s, r);
}

static int step_choose_all(struct links_step *s)
{
	int r = 0;

	for (size_t i = 0; !r && i < s->kernels.n; i++)
		r = step_choose(s, s->kernels.v[i]);
	return r;
}

/* ---- the steps ---- */

/* Is a module of the transaction in the directory of another kernel, which need not be installed? */
static bool has_module_elsewhere(const struct links_step *s)
{
	for (size_t i = 0; i < s->fresh.n; i++)
		if (strcmp(s->fresh.v[i].kernel, s->ctx->kernel) != 0)
			return true;
	return false;
}

int mf_links_update(struct mf_context *ctx, struct mf_proof *const *proofs, size_t n,
		    struct mf_receipt *receipt)
{
	_cleanup_(step_done) struct links_step s = { .ctx = ctx, .receipt = receipt };
	int r = step_init(&s);

	for (size_t i = 0; !r && i < n; i++)
		r = links_origins_add(&s.fresh, mf_proof_header(proofs[i]));
	/* the usual machine: one kernel, no links, no driver for another kernel */
	if (!r && !s.ledger.n && s.kernels.n < 2 && !has_module_elsewhere(&s))
		return 0;
	if (!r)
		r = step_review(&s);
	if (!r)
		r = step_choose_all(&s);
	if (!r && s.changed)
		r = links_step_apply(&s);
	return links_step_fail(&s, r);
}

/* Updates the indexes of the kernels in the receipt, then settles. WHOLE: more may have changed. */
static int step_index(struct links_step *s, bool whole)
{
	int r = 0;

	for (size_t i = 0; !r && i < s->receipt->kernels.n; i++)
		r = mf_depmod(
			s->ctx,
			&(struct mf_depmod_options){ .kernel = s->receipt->kernels.v[i],
						     .changed = s->ledger.pending && s->changed
									? NULL
									: &s->receipt->changed[i] },
			NULL);
	return r ? r : mf_links_settle(s->ctx);
}

/* Adds what a step would make to PLANNED. 1: there is something; 0; or -ENOMEM. */
static int step_plan(const struct links_step *s, struct mf_links *planned)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < s->made.n; i++)
		r = links_ledger_add(planned, &s->made.v[i]);
	return r < 0 ? r : s->made.n > 0;
}

int mf_links_add(struct mf_context *ctx, const struct mf_strings *modules,
		 const struct mf_strings *packages, struct mf_links *planned)
{
	_cleanup_(mf_receipt_done) struct mf_receipt receipt = { 0 };
	_cleanup_(step_done) struct links_step s = { .ctx = ctx, .receipt = &receipt };
	struct links_choice choice = {
		.ctx = ctx, .kernel = ctx->kernel, .ledger = &s.ledger, .asked = true
	};
	int r = mf_kernel_is_installed(ctx, ctx->kernel) ? step_init(&s) : 1;

	/* with one kernel only packages that are named can have modules for another one */
	if (r || (!packages && s.kernels.n < 2))
		return r < 0 ? r : 0;
	r = modules ? links_origins_installed(ctx, packages, &s.fresh)
		    : add_all_installed(&s, &choice);
	for (size_t i = 0; !r && i < s.fresh.n; i++)
		if (modules && mf_strings_has(modules, s.fresh.v[i].module))
			r = links_choice_add(&choice, &s.fresh.v[i]);
	if (!r)
		r = choose_with_needs(&s, &choice);
	if (!r)
		r = step_take(&s, &choice);
	links_choice_done(&choice);
	if (!r && planned)
		return links_step_fail(&s, step_plan(&s, planned));
	if (!r && s.changed) {
		r = links_step_apply(&s);
		if (!r)
			r = step_index(&s, false);
		return r < 0 ? links_step_fail(&s, r) : 1;
	}
	return links_step_fail(&s, r);
}

/* A killed run may have left the indexes of any of these kernels as they were. */
static int note_all(struct links_step *s, const struct mf_links *links)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < links->n; i++)
		r = links_step_note(s, &links->v[i]);
	return r;
}

int mf_links_remove(struct mf_context *ctx)
{
	_cleanup_(mf_receipt_done) struct mf_receipt receipt = { 0 };
	_cleanup_(step_done) struct links_step s = { .ctx = ctx, .receipt = &receipt };
	int r = step_init(&s);

	for (size_t i = s.ledger.n; !r && i > 0; i--) {
		const struct mf_link *link = &s.ledger.v[i - 1];
		enum links_place place = links_place_look(ctx, link);
		bool ours = place == LINKS_OURS || place == LINKS_DEAD;

		if (!strcmp(link->kernel, ctx->kernel))
			r = step_let_go(&s, i - 1, ours ? &s.gone : &s.forgotten);
	}
	if (!r && s.changed) {
		r = links_step_apply(&s);
		if (!r)
			r = step_index(&s, true);
	}
	return links_step_fail(&s, r);
}

int mf_links_recover(struct mf_context *ctx)
{
	_cleanup_(mf_receipt_done) struct mf_receipt receipt = { 0 };
	_cleanup_(step_done) struct links_step s = { .ctx = ctx, .receipt = &receipt };
	int r = step_init(&s);

	if (r < 0 || (!s.ledger.n && !s.ledger.pending && !s.ledger.directories.n))
		return r;
	s.changed = s.ledger.pending;
	r = step_review(&s);
	if (!r && !s.changed)
		return 0;
	if (!r)
		r = step_choose_all(&s);
	if (!r)
		r = links_step_apply(&s);
	if (!r)
		r = note_all(&s, &s.ledger);
	if (!r)
		r = step_index(&s, true);
	return r < 0 ? links_step_fail(&s, r) : 1;
}
