/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Repairs indexes and packages. The module tree decides which modules exist, the rpm database which
 * packages are installed. An admin may have deleted a module or restored old indexes; other tools
 * install packages without running depmod. Then a module is missing that no plan can add, since its
 * package is installed already. First the indexes are rebuilt, which is often enough; a package
 * with missing files is installed again.
 */
#include "modfetch/install.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/depmod.h"
#include "modfetch/rpm.h"

/* Is the package another kernel's? Its modules are not missing here. */
static bool repair_is_of_other(const struct mf_context *ctx, const struct mf_rpm_header *header)
{
	return header->has_module_directory && !mf_strings_has(&header->kernels, ctx->kernel);
}

struct repair_search {
	const struct mf_context *ctx;
	char *found; /* the name of the first package */
};

static int repair_on_candidate(void *arg, void *header)
{
	struct repair_search *search = arg;
	_cleanup_(mf_rpm_header_done) struct mf_rpm_header h = { 0 };
	int r = mf_rpm_header(header, &h);

	if (!r && !search->found && !repair_is_of_other(search->ctx, &h))
		search->found = MF_STEAL(h.name);
	return r;
}

/* Finds an installed package that should provide a missing module. RET_NAME: NULL: there is none. */
static int repair_find_installed(struct mf_context *ctx, const struct mf_want *wants, size_t n,
				 char **ret_name)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	struct repair_search search = { ctx, NULL };
	int r = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < wants[i].n_matches; j++) {
			const struct mf_match *m = &wants[i].matches[j];

			for (size_t k = 0; !r && mf_match_wanted(m) && k < m->packages.n; k++)
				r = mf_strings_add(&names, m->packages.v[k]);
		}
	if (!r && names.n)
		r = mf_rpm_each_installed(ctx, &names, repair_on_candidate, &search);
	*ret_name = search.found;
	return r < 0 && !ctx->failure.code ? mf_fail(ctx, MF_STAGE_MATCH, r, "packages", NULL) : r;
}

int mf_repair_indexes(struct mf_context *ctx, const struct mf_wants *wants)
{
	_cleanup_free_ char *found = NULL;
	int r = repair_find_installed(ctx, wants->v, wants->n, &found);

	if (r < 0 || !found)
		return r;
	mf_log(ctx, MF_LOG_WARNING, "%s is installed, but its module is not in the indexes", found);
	r = mf_depmod(ctx, &(struct mf_depmod_options){ 0 }, NULL);
	return r < 0 ? r : 1;
}

struct file_check {
	const struct mf_context *ctx;
	bool incomplete;
};

static int repair_on_installed_package(void *arg, void *header)
{
	struct file_check *file_check = arg;
	_cleanup_(mf_rpm_header_done) struct mf_rpm_header h = { 0 };
	int r = mf_rpm_header(header, &h);

	if (!r && repair_is_of_other(file_check->ctx, &h))
		return 0;
	for (size_t i = 0; !r && i < h.n_files; i++) {
		const struct mf_rpm_file *file = &h.files[i];
		_cleanup_close_ int fd =
			mf_context_open(file_check->ctx, file->path, O_PATH | O_NOFOLLOW);
		struct stat st;

		/* a file that was left out because one existed already may be any file */
		file_check->incomplete |= S_ISREG(file->mode) && !file->ghost &&
					  (fd < 0 || fstat(fd, &st) < 0 ||
					   (!file->left_out && (uint64_t)st.st_size != file->size));
	}
	return r;
}

int mf_repair_mark(struct mf_context *ctx, struct mf_wants *wants)
{
	for (size_t i = 0; i < wants->n; i++)
		for (size_t j = 0; j < wants->v[i].n_matches; j++) {
			struct mf_match *m = &wants->v[i].matches[j];
			struct file_check file_check = { ctx, false };
			int r = 0;

			if (mf_match_wanted(m))
				r = mf_rpm_each_installed(ctx, &m->packages,
							  repair_on_installed_package, &file_check);
			if (r < 0)
				return r;
			m->broken = file_check.incomplete;
		}
	return 0;
}
