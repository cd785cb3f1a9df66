/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checks that an installed module is where its kernel looks: in lib/modules/RELEASE, and in the
 * indexes there.
 *
 * A package may have its modules in the directory of another kernel (SUSE's drivers lie in that of
 * the kernel they were built for). Installed, it would be of no use, and the next run would find
 * nothing to install. Such a module gets a link if it fits this kernel (modfetch/links.h), and a package
 * whose scriptlets may run can make links itself: so only the indexes after the transaction tell.
 *
 * Whether a package says /lib/modules or /usr/lib/modules does not matter: where these are two
 * directories, its modules are installed in that of this root (src/lib/rpm-relocate.c).
 */
#include "misplaced.h"
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/cleanup.h"
#include "modfetch/libkmod.h"
#include "modfetch/module-name.h"
#include "modfetch/rpm.h"
#include "modfetch/strings.h"

struct misplaced {
	struct mf_context *ctx;
	const struct mf_run *run;
	struct mf_proof *const *proofs;
	struct mf_verdicts *verdicts;
	int result;
};

static bool is_module_file(const struct mf_rpm_file *file)
{
	return !S_ISDIR(file->mode) && !file->ghost && mf_kernel_tree_path(file->path) &&
	       mf_is_module(file->path);
}

/* Is a file of a package in the directory of the kernel? */
static bool is_reachable(const struct misplaced *m, const struct mf_rpm_file *file)
{
	const char *kernel = mf_kernel_tree_path(file->path);
	size_t len = strlen(m->ctx->kernel);

	return !strncmp(kernel, m->ctx->kernel, len) && kernel[len] == '/';
}

enum place { NOWHERE, ELSEWHERE, REACHABLE };

/* Where has a package the module? NULL: any. RET_FILE: its file. */
static enum place place_of(const struct misplaced *m, const struct mf_rpm_header *header,
			   const char *module, const struct mf_rpm_file **ret_file)
{
	enum place place = NOWHERE;

	for (size_t i = 0; i < header->n_files; i++) {
		const struct mf_rpm_file *file = &header->files[i];
		char name[MF_MODULE_NAME_SIZE];

		if (!is_module_file(file) || !mf_module_name(file->path, name, sizeof(name)) ||
		    (module && strcmp(module, name)))
			continue;
		*ret_file = file;
		if (is_reachable(m, file))
			return REACHABLE;
		place = ELSEWHERE;
	}
	return place;
}

static int misplaced_refuse(struct misplaced *m, size_t package, const struct mf_rpm_file *file)
{
	const char *nevra = mf_proof_nevra(m->proofs[package]);
	_cleanup_free_ char *why = NULL;
	int r;

	why = mf_format("its module in %s, where kernel %s does not look", file->path,
			m->ctx->kernel);
	m->result = mf_fail(m->ctx, MF_STAGE_VERIFY, -MFE_MISPLACED,
			    m->run->plan.items[package].name, "it has %s", why ? why : "");
	if (mf_strings_has(&m->verdicts->misplaced, nevra))
		return 0;
	r = why ? mf_verdicts_add(m->verdicts, nevra, why) : -ENOMEM;
	return r < 0 ? r : mf_strings_add(&m->verdicts->misplaced, nevra);
}

/*
 * Was the package named, and has it modules, but none in the right place? Any of its modules will do,
 * and a kernel's own are where they belong. RET_FILE: one of them.
 */
static bool is_named_and_elsewhere(const struct misplaced *m, size_t package,
				   const struct mf_rpm_file **ret_file)
{
	const struct mf_plan_item *item = &m->run->plan.items[package];
	const struct mf_rpm_header *header = mf_proof_header(m->proofs[package]);

	return item->asked && !item->asker && !header->uname_r.n &&
	       place_of(m, header, NULL, ret_file) == ELSEWHERE;
}

/* The package that has the module, and its file; the number of packages: none. */
static size_t find_package(const struct misplaced *m, const char *module,
			   const struct mf_rpm_file **ret_file)
{
	size_t i = 0;

	while (i < m->run->plan.n &&
	       place_of(m, mf_proof_header(m->proofs[i]), module, ret_file) == NOWHERE)
		i++;
	return i;
}

static bool is_promised(const struct misplaced *m, const char *module)
{
	for (size_t i = 0; i < m->run->plan.n; i++)
		if (mf_strings_has(&m->run->plan.items[i].modules, module))
			return true;
	return false;
}

static int check_indexed(struct misplaced *m, struct mf_kmod *kmod, const struct mf_match *match)
{
	const struct mf_rpm_file *file = NULL;
	size_t package;

	if (!mf_match_wanted(match) || mf_kmod_presence(kmod, match->module) != MF_ABSENT)
		return 0;
	package = find_package(m, match->module, &file);
	if (package < m->run->plan.n)
		return misplaced_refuse(m, package, file);
	/* a module that no metadata names is a guess */
	if (!is_promised(m, match->module))
		return 0;
	/* another plan would be no better, and the package may be of use */
	mf_log(m->ctx, MF_LOG_WARNING,
	       "install: %s: the metadata says that %s has this module, "
	       "but it has no such file",
	       match->module, match->packages.v[0]);
	return 0;
}

/* Of modules for other kernels only, one has to be linked. */
static int check_named_indexed(struct misplaced *m, struct mf_kmod *kmod, size_t package)
{
	const struct mf_rpm_header *header = mf_proof_header(m->proofs[package]);
	const struct mf_rpm_file *file;

	if (!is_named_and_elsewhere(m, package, &file))
		return 0;
	for (size_t i = 0; i < header->n_files; i++) {
		char name[MF_MODULE_NAME_SIZE];

		if (is_module_file(&header->files[i]) &&
		    mf_module_name(header->files[i].path, name, sizeof(name)) &&
		    mf_kmod_presence(kmod, name) != MF_ABSENT)
			return 0;
	}
	return misplaced_refuse(m, package, file);
}

int mf_misplaced_check_index(struct mf_context *ctx, const struct mf_run *run,
			     struct mf_proof *const *proofs, struct mf_verdicts *verdicts)
{
	struct misplaced m = { .ctx = ctx, .run = run, .proofs = proofs, .verdicts = verdicts };
	struct mf_kmod *kmod = NULL;
	int r = run->plan.n ? mf_kmod_new(ctx, &kmod) : 1;

	for (size_t i = 0; !r && i < run->wants.n; i++)
		for (size_t j = 0; !r && j < run->wants.v[i].n_matches; j++)
			if (run->wants.v[i].state == MF_AVAILABLE)
				r = check_indexed(&m, kmod, &run->wants.v[i].matches[j]);
	for (size_t i = 0; !r && i < run->plan.n; i++)
		r = check_named_indexed(&m, kmod, i);
	mf_kmod_free(kmod);
	if (r == -ENOMEM)
		return mf_fail(ctx, MF_STAGE_VERIFY, r, "plan", NULL);
	return r < 0 ? r : m.result;
}
