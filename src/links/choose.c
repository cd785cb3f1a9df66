/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Chooses what is linked into a kernel's directory.
 *
 * Each candidate must pass, in this order: nothing of others is in the way, and the link would count
 * (depmod prefers it, or no module has its name); its file has the bytes of its package and only
 * root may write it; the checks of the verify stage pass as for a new file of that kernel; the judge
 * says that it fits. Modules of one package use each other's symbols: what was chosen counts as one
 * of the kernel's modules, and the rest is judged again, until nothing more fits.
 */
#include "choose.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/depmod.h"
#include "modfetch/file.h"
#include "modfetch/fit.h"
#include "modfetch/modinfo.h"
#include "modfetch/module-name.h"
#include "ledger.h"
#include "place.h"

static void choice_fit_free(struct mf_fit_kernel **kernel)
{
	mf_fit_kernel_free(*kernel);
}

int links_choice_add(struct links_choice *choice, const struct links_origin *origin)
{
	if (!strcmp(origin->kernel, choice->kernel))
		return 0;
	for (size_t i = 0; i < choice->n; i++)
		if (!strcmp(choice->v[i].origin->path, origin->path))
			return 0;
	if (mf_array_reserve(&choice->v, &choice->room, choice->n + 1, sizeof(*choice->v)) < 0)
		return -ENOMEM;
	choice->v[choice->n++] = (struct links_candidate){ origin, false };
	return 0;
}

void links_choice_done(struct links_choice *choice)
{
	free(choice->v);
	choice->v = NULL;
	choice->n = choice->room = 0;
}

int links_choice_link(const struct links_choice *choice, const struct links_origin *origin,
		      struct mf_link *ret_link)
{
	char *path = mf_format("weak-updates/%s", origin->below);

	if (!path)
		return -ENOMEM;
	*ret_link = (struct mf_link){ .kernel = (char *)(uintptr_t)choice->kernel,
				      .path = path,
				      .target = (char *)(uintptr_t)origin->path,
				      .package = (char *)(uintptr_t)origin->package };
	return 0;
}

__attribute__((format(printf, 3, 4))) static void choice_log(const struct links_choice *choice,
							     const struct links_origin *origin,
							     const char *fmt, ...)
{
	_cleanup_free_ char *why = NULL;
	va_list ap;

	va_start(ap, fmt);
	why = mf_vformat(fmt, ap);
	va_end(ap);
	mf_log(choice->ctx, choice->asked ? MF_LOG_INFO : MF_LOG_DEBUG,
	       "install: %s is not linked for kernel %s: %s", origin->path, choice->kernel,
	       why ? why : "?");
}

/* ---- would it count, and is the place free? ---- */

static bool is_chosen(const struct links_choice *choice, const char *module)
{
	for (size_t i = 0; i < choice->n; i++)
		if (choice->v[i].chosen && !strcmp(choice->v[i].origin->module, module))
			return true;
	return links_ledger_find(choice->ledger, choice->kernel, module);
}

/* Would the link be the module of its name, beside the file that has it in the index now? */
static int would_count(const struct links_choice *choice, const char *indexed,
		       const struct mf_link *link, bool *ret_counts)
{
	_cleanup_free_ char *path = mf_kernel_path(choice->kernel, indexed);
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (!path)
		return -ENOMEM;
	*ret_counts = true;
	for (size_t i = 0; i < choice->gone->n; i++)
		if (!strcmp(choice->gone->v[i].kernel, choice->kernel) &&
		    !strcmp(choice->gone->v[i].path, indexed))
			return 0;
	fd = mf_context_open(choice->ctx, path, O_PATH | O_NOFOLLOW);
	*ret_counts = fd < 0 || !strcmp(indexed, link->path);
	if (*ret_counts || fstat(fd, &st) < 0)
		return 0;
	/* a link of others is their answer to the same question */
	if (S_ISLNK(st.st_mode))
		return 0;
	return mf_depmod_prefers(choice->ctx, choice->kernel, link->path, indexed, ret_counts);
}

/* 0: it may be linked there; 1: no; -ENOMEM. */
static int check_place(const struct links_choice *choice, const struct mf_fit_kernel *fit,
		       const struct links_origin *origin)
{
	const char *indexed = mf_fit_kernel_path(fit, origin->module);
	_cleanup_free_ char *path = NULL;
	struct mf_link link;
	bool counts = true;
	int r = links_choice_link(choice, origin, &link);

	if (r < 0)
		return r;
	path = link.path;
	if (!mf_is_word(path, strlen(path))) {
		choice_log(choice, origin, "its name has a blank or a control character");
		return 1;
	}
	if (indexed)
		r = would_count(choice, indexed, &link, &counts);
	if (r < 0)
		return r;
	if (!counts) {
		choice_log(choice, origin, "that kernel has %s", indexed);
		return 1;
	}
	if (links_place_look(choice->ctx, &link) == LINKS_OF_OTHERS) {
		choice_log(choice, origin, "%s there is not a link of modfetch", path);
		return 1;
	}
	return 0;
}

/* ---- the file ---- */

/* Reads the file if it is the package's and safe. 0; 1: no; -ENOMEM. */
static int choice_read_file(const struct links_choice *choice, const struct links_origin *origin,
			    char **ret_buf, size_t *ret_len)
{
	_cleanup_close_ int fd = mf_context_open(choice->ctx, origin->path, O_RDONLY | O_NOFOLLOW);
	_cleanup_free_ char *buf = NULL;
	struct stat st = { 0 };
	size_t len = 0;
	int r = fd < 0 ? fd : fstat(fd, &st) < 0 ? -errno : 0;

	if (!r)
		r = mf_file_read(fd, MF_MODULE_FILE_MAX, &buf, &len);
	if (!r)
		r = mf_checksum_differs(&origin->checksum, buf, len);
	if (r == -ENOMEM)
		return r;
	if (r || !S_ISREG(st.st_mode) || (st.st_mode & (S_IWGRP | S_IWOTH))) {
		choice_log(choice, origin, "the file is not the one of package %s",
			   origin->package);
		return 1;
	}
	*ret_buf = MF_STEAL(buf);
	*ret_len = len;
	return 0;
}

/* May the verify stage's checks let it into that kernel's directory? 0; 1: no; -ENOMEM. */
static int choice_verify(struct links_choice *choice, const struct links_origin *origin,
			 const char *buf, size_t len)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved =
		mf_failure_save(choice->ctx);
	_cleanup_free_ char *path =
		mf_format("/lib/modules/%s/weak-updates/%s", choice->kernel, origin->below);
	int r = path ? mf_verify_module(choice->ctx, choice->verifier, path, buf, len) : -ENOMEM;

	if (r < 0 && r != -ENOMEM) {
		choice_log(choice, origin, "%s", choice->ctx->failure.why);
		choice->lacks |= r == -MFE_WRONG_KERNEL;
		return 1;
	}
	return r;
}

/* 0: it fits, and counts from now on; 1: no; or a recorded failure. */
static int choice_judge(struct links_choice *choice, struct mf_fit_kernel *fit,
			const struct links_origin *origin, const char *buf, size_t len)
{
	_cleanup_(mf_modinfo_done) struct mf_modinfo info = { 0 };
	struct mf_fit answer = { 0 };
	int r = mf_modinfo_parse(buf, len, MF_MODULE_FILE_MAX, &info);

	if (!r)
		r = mf_fit(fit, origin->module, &info, &answer);
	if (r < 0)
		return r == -ENOMEM || choice->ctx->failure.code == r ? r : 1;
	if (answer.verdict == MF_FIT_YES)
		return mf_fit_kernel_add(fit, origin->module, &info);
	choice_log(choice, origin, "%s", answer.why);
	choice->lacks |= answer.verdict >= MF_FIT_NO_SYMBOL;
	return 1;
}

static int choice_try(struct links_choice *choice, struct mf_fit_kernel *fit,
		      const struct links_origin *origin)
{
	_cleanup_free_ char *buf = NULL;
	size_t len = 0;
	int r = check_place(choice, fit, origin);

	if (!r)
		r = choice_read_file(choice, origin, &buf, &len);
	if (!r)
		r = choice_verify(choice, origin, buf, len);
	return r ? r : choice_judge(choice, fit, origin, buf, len);
}

/* One round. 1: something was chosen. */
static int choose_round(struct links_choice *choice, struct mf_fit_kernel *fit)
{
	int found = 0;

	choice->lacks = false;
	for (size_t i = 0; i < choice->n; i++) {
		struct links_candidate *c = &choice->v[i];
		int r;

		if (c->chosen || is_chosen(choice, c->origin->module))
			continue;
		r = choice_try(choice, fit, c->origin);
		if (r < 0)
			return choice->ctx->failure.code == r
				       ? r
				       : mf_fail(choice->ctx, MF_STAGE_INSTALL, r, "links", NULL);
		c->chosen = !r;
		found |= !r;
	}
	return found;
}

/*
 * Modules that were just installed for this very kernel count, too: its index does not have them
 * before the links are made.
 */
static int choice_add_fresh(const struct links_choice *choice, struct mf_fit_kernel *fit)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && choice->fresh && i < choice->fresh->n; i++) {
		const struct links_origin *origin = &choice->fresh->v[i];
		_cleanup_(mf_modinfo_done) struct mf_modinfo info = { 0 };
		_cleanup_free_ char *buf = NULL;
		size_t len;

		if (strcmp(origin->kernel, choice->kernel) != 0 ||
		    mf_fit_kernel_path(fit, origin->module))
			continue;
		r = choice_read_file(choice, origin, &buf, &len);
		if (!r && !mf_modinfo_parse(buf, len, MF_MODULE_FILE_MAX, &info))
			r = mf_fit_kernel_add(fit, origin->module, &info);
	}
	return r < 0 ? mf_fail(choice->ctx, MF_STAGE_INSTALL, r, "links", NULL) : 0;
}

int links_choose(struct links_choice *choice)
{
	_cleanup_(choice_fit_free) struct mf_fit_kernel *fit = NULL;
	int r = choice->n ? mf_fit_kernel_new(choice->ctx, choice->kernel, MF_FIT_THOROUGH, &fit)
			  : 0;

	if (r < 0 || !choice->n)
		return r;
	/* what an earlier call chose counts again */
	for (size_t i = 0; i < choice->n; i++)
		choice->v[i].chosen = false;
	r = choice_add_fresh(choice, fit);
	if (r < 0)
		return r;
	do
		r = choose_round(choice, fit);
	while (r > 0);
	return r;
}

/* Adds the names in "a,b-c" that the index lacks, as kmod spells them. */
static int add_depends(const struct mf_fit_kernel *fit, const char *depends,
		       struct mf_strings *names)
{
	_cleanup_(mf_strings_done) struct mf_strings words = { 0 };
	int r = mf_strings_split(&words, depends);

	for (size_t i = 0; !r && i < words.n; i++) {
		char name[MF_MODULE_NAME_SIZE];

		if (mf_module_name(words.v[i], name, sizeof(name)) &&
		    !mf_fit_kernel_path(fit, name))
			r = mf_strings_add_unique(names, name);
	}
	return r;
}

int links_choice_needs(const struct links_choice *choice, struct mf_strings *names)
{
	_cleanup_(choice_fit_free) struct mf_fit_kernel *fit = NULL;
	int r = mf_fit_kernel_new(choice->ctx, choice->kernel, MF_FIT_QUICK, &fit);

	for (size_t i = 0; !r && i < choice->n; i++) {
		_cleanup_close_ int fd = mf_context_open(choice->ctx, choice->v[i].origin->path,
							 O_RDONLY | O_NOFOLLOW);
		struct mf_modinfo info;
		const char *depends;

		if (choice->v[i].chosen || fd < 0 || mf_modinfo_scan(fd, &info) < 0)
			continue;
		depends = mf_modinfo_get(&info, "depends");
		r = depends ? add_depends(fit, depends, names) : 0;
		mf_modinfo_done(&info);
	}
	return r;
}
