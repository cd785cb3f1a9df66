/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checks that an installed module is where its kernel looks: in lib/modules/RELEASE, and in the
 * indexes there.
 *
 * A package may have its modules in the directory of another kernel (SUSE's drivers lie in that of
 * the kernel they were built for), or below /usr/lib/modules where /lib/modules is another
 * directory. Installed, it would be of no use, and the next run would find nothing to install. So
 * the files are looked at before the transaction, and the indexes after it.
 *
 * A module in the directory of another kernel gets a link if it fits this one (modfetch/links.h), and a
 * package whose scriptlets may run can make links itself: of these only the indexes tell.
 */
#include "misplaced.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/cleanup.h"
#include "modfetch/libkmod.h"
#include "modfetch/module-name.h"
#include "modfetch/rpm.h"
#include "modfetch/strings.h"

static bool is_same_directory(const struct mf_context *ctx, const char *a, const char *b)
{
	_cleanup_close_ int fd_a = mf_context_open(ctx, a, O_PATH | O_DIRECTORY);
	_cleanup_close_ int fd_b = mf_context_open(ctx, b, O_PATH | O_DIRECTORY);
	struct stat st_a, st_b;

	return fd_a >= 0 && fd_b >= 0 && !fstat(fd_a, &st_a) && !fstat(fd_b, &st_b) &&
	       st_a.st_dev == st_b.st_dev && st_a.st_ino == st_b.st_ino;
}

/* Does the kernel look below /usr/lib/modules too? */
static bool is_usr_merged(const struct mf_context *ctx)
{
	return is_same_directory(ctx, "lib", "usr/lib") ||
	       is_same_directory(ctx, "lib/modules", "usr/lib/modules");
}

/* ---- before: the files of packages ---- */

struct misplaced {
	struct mf_context *ctx;
	const struct mf_run *run;
	struct mf_proof *const *proofs;
	struct mf_verdicts *verdicts;
	bool usr_merged;
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

	return !strncmp(kernel, m->ctx->kernel, len) && kernel[len] == '/' &&
	       (m->usr_merged || !mf_starts_with(file->path, "/usr/"));
}

/* May scriptlets of the package make links to its modules? */
static bool has_linking_scriptlet(const struct misplaced *m, const struct mf_rpm_header *header)
{
	return m->ctx->scriptlets && (mf_strings_has(&header->scriptlets, "%post") ||
				      mf_strings_has(&header->scriptlets, "%posttrans"));
}

/* May a module that is not in the directory of the kernel be linked into it? */
static bool may_be_linked(const struct misplaced *m, const struct mf_rpm_header *header,
			  const struct mf_rpm_file *file)
{
	return m->usr_merged || !mf_starts_with(file->path, "/usr/") ||
	       has_linking_scriptlet(m, header);
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

/* A module that no package has in the right place, but some in another one. */
static int check_module(struct misplaced *m, const char *module)
{
	const struct mf_rpm_file *file = NULL, *elsewhere = NULL;
	size_t package = 0;

	for (size_t i = 0; i < m->run->plan.n; i++) {
		const struct mf_rpm_header *header = mf_proof_header(m->proofs[i]);
		enum place place = place_of(m, header, module, &file);

		if (place == REACHABLE || (place == ELSEWHERE && may_be_linked(m, header, file)))
			return 0;
		if (place == ELSEWHERE && !elsewhere) {
			elsewhere = file;
			package = i;
		}
	}
	return elsewhere ? misplaced_refuse(m, package, elsewhere) : 0;
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

static int check_named(struct misplaced *m, size_t package)
{
	const struct mf_rpm_file *file;

	if (!is_named_and_elsewhere(m, package, &file) ||
	    may_be_linked(m, mf_proof_header(m->proofs[package]), file))
		return 0;
	return misplaced_refuse(m, package, file);
}

int mf_misplaced_find(struct mf_context *ctx, const struct mf_run *run,
		      struct mf_proof *const *proofs, struct mf_verdicts *verdicts)
{
	struct misplaced m = { .ctx = ctx,
			       .run = run,
			       .proofs = proofs,
			       .verdicts = verdicts,
			       .usr_merged = is_usr_merged(ctx) };
	int r = 0;

	for (size_t i = 0; !r && i < run->wants.n; i++)
		for (size_t j = 0; !r && j < run->wants.v[i].n_matches; j++)
			if (run->wants.v[i].state == MF_AVAILABLE &&
			    mf_match_wanted(&run->wants.v[i].matches[j]))
				r = check_module(&m, run->wants.v[i].matches[j].module);
	for (size_t i = 0; !r && i < run->plan.n; i++)
		r = check_named(&m, i);
	return r < 0 ? mf_fail(ctx, MF_STAGE_VERIFY, r, "plan", NULL) : m.result;
}

/* ---- after: the indexes ---- */

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
	struct misplaced m = { .ctx = ctx,
			       .run = run,
			       .proofs = proofs,
			       .verdicts = verdicts,
			       .usr_merged = is_usr_merged(ctx) };
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
