/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Brings back the versions that a transaction replaced.
 *
 * rpm writes the files of an update before its database knows of it, and the old version is gone from
 * the disk then. So a transaction that is killed, or that a later stage fails, needs the old package
 * again: the one that is kept. It was verified when it was installed, and is used only with the digest
 * that it had then. Files that it was installed without stay as they are. No scriptlet runs.
 *
 * Without a kept package the new version stays as far as it came: the next update or installation
 * completes it.
 */
#include "restore.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/file.h"
#include "modfetch/kept.h"
#include "modfetch/rpm.h"

/* One package that comes back. */
struct back {
	int fd; /* the sealed file, or -1 */
	const char *label;
	struct mf_rpm_header header;
	struct mf_strings without;  /* files that it was installed without */
	struct mf_strings versions; /* labels that are installed now */
};

static void back_done(struct back *backs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (backs[i].fd >= 0)
			close(backs[i].fd);
		mf_rpm_header_done(&backs[i].header);
		mf_strings_done(&backs[i].without);
		mf_strings_done(&backs[i].versions);
	}
	free(backs);
}

bool mf_labels_same_name(const char *a, const char *b)
{
	size_t len = mf_label_name_length(a);

	return len && len == mf_label_name_length(b) && !strncmp(a, b, len);
}

/* ---- the kept file ---- */

/* Opens those that are kept. RET_N: how many of BACKS are filled. 0 or -ENOMEM, recorded. */
static int open_all(struct mf_context *ctx, const struct mf_strings *replaced, struct back *backs,
		    size_t *ret_n)
{
	_cleanup_(mf_kept_done) struct mf_kept kept = { 0 };
	int r = mf_kept_read(ctx, &kept);

	*ret_n = 0;
	for (size_t i = 0; r >= 0 && i < replaced->n; i++) {
		const struct mf_kept_package *package = mf_kept_find(&kept, replaced->v[i]);
		struct back *back = &backs[*ret_n];

		if (!package)
			continue;
		*back = (struct back){ .fd = mf_kept_open(ctx, package), .label = replaced->v[i] };
		r = back->fd < 0 ? back->fd : mf_rpm_read(back->fd, &back->header);
		if (!r) {
			(*ret_n)++;
			continue;
		}
		if (back->fd >= 0)
			close(back->fd);
		if (r == -ENOMEM)
			return mf_fail(ctx, MF_STAGE_INSTALL, r, replaced->v[i], NULL);
		mf_log(ctx, MF_LOG_WARNING, "install: the kept package of %s cannot be used: %s",
		       replaced->v[i], mf_error_sentence(r));
		r = 0;
	}
	return r < 0 ? r : 0;
}

/* ---- what is installed now ---- */

/* Notes the version, and the files that it was installed without. */
static int on_version(void *arg, void *installed)
{
	struct back *back = arg;
	_cleanup_(mf_rpm_header_done) struct mf_rpm_header h = { 0 };
	_cleanup_free_ char *label = NULL;
	int r = mf_rpm_header(installed, &h);

	if (r < 0 || (back->header.side_by_side && !mf_rpm_replaces(&back->header, &h)))
		return r;
	label = mf_rpm_label(&h);
	r = label ? mf_strings_add(&back->versions, label) : -ENOMEM;
	for (size_t i = 0; !r && i < h.n_files; i++)
		if (h.files[i].left_out)
			r = mf_strings_add_unique(&back->without, h.files[i].path);
	return r;
}

static int look_at_installed(struct mf_context *ctx, struct back *back)
{
	const struct mf_strings name = { &back->header.name, 1, 0 };

	return mf_rpm_each_installed(ctx, &name, on_version, back);
}

/* rpm replaces the versions of a name by itself, unless they stay side by side. */
static int add_erased(const struct back *back, struct mf_strings *erase)
{
	int r = 0;

	for (size_t i = 0; !r && back->header.side_by_side && i < back->versions.n; i++)
		r = mf_strings_add(erase, back->versions.v[i]);
	return r;
}

static int restore_all(struct mf_context *ctx, struct back *backs, size_t n)
{
	_cleanup_free_ struct mf_rpm_install *install = calloc(n, sizeof(*install));
	_cleanup_(mf_strings_done) struct mf_strings erase = { 0 };
	bool scriptlets = ctx->scriptlets;
	int r = install ? 0 : -ENOMEM;

	for (size_t i = 0; !r && i < n; i++) {
		r = look_at_installed(ctx, &backs[i]);
		if (!r)
			r = add_erased(&backs[i], &erase);
		install[i] = (struct mf_rpm_install){
			.fd = backs[i].fd,
			.nevra = backs[i].label,
			.without = &backs[i].without,
			.side_by_side = backs[i].header.side_by_side,
		};
	}
	if (r < 0)
		return ctx->failure.code == r ? r : mf_fail(ctx, MF_STAGE_INSTALL, r, "undo", NULL);
	ctx->scriptlets = false;
	r = mf_rpm_transaction(ctx, install, n, &erase);
	ctx->scriptlets = scriptlets;
	return r;
}

int mf_restore(struct mf_context *ctx, const struct mf_strings *replaced,
	       struct mf_strings *ret_restored)
{
	struct back *backs;
	size_t n = 0;
	int r;

	if (!replaced->n)
		return 0;
	backs = calloc(replaced->n, sizeof(*backs));
	if (!backs)
		return mf_fail(ctx, MF_STAGE_INSTALL, -ENOMEM, "undo", NULL);
	r = open_all(ctx, replaced, backs, &n);
	if (!r && n)
		r = restore_all(ctx, backs, n);
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = mf_strings_add(ret_restored, backs[i].label);
	back_done(backs, n);
	return r < 0 ? r : 0;
}
