/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Proofs become files: one rpm transaction, then one sync of the file system, then a check of the
 * installed files.
 *
 * Files in the way that are not ours stay unchanged, or the transaction does not start (see
 * owners.c). Before it, the undo record is written (see undo.c) and the free space is checked: a
 * database that runs out of space in the middle is the worst failure. rpm does not sync the files
 * that it writes, and its own checks end with the write. So the files are read back here and
 * compared with the digests in the verified header. If one differs, the packages are removed again
 * and the stage fails: depmod and load never see it.
 */
#include "modfetch/install.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/depmod.h"
#include "modfetch/rpm.h"
#include "modfetch/verify.h"
#include "contents.h"
#include "directories.h"
#include "directory-modes.h"
#include "owners.h"

void mf_receipt_done(struct mf_receipt *receipt)
{
	for (size_t i = 0; i < receipt->kernels.n; i++)
		mf_strings_done(&receipt->changed[i]);
	free(receipt->changed);
	mf_strings_done(&receipt->kernels);
	mf_undo_done(&receipt->undo);
	*receipt = (struct mf_receipt){ 0 };
}

/* The list of changed paths of a kernel, added if it is missing. NULL: no memory. */
static struct mf_strings *changed_list_of(struct mf_receipt *receipt, const char *kernel,
					  size_t len)
{
	struct mf_strings *changed;

	for (size_t i = 0; i < receipt->kernels.n; i++)
		if (!strncmp(receipt->kernels.v[i], kernel, len) && !receipt->kernels.v[i][len])
			return &receipt->changed[i];
	changed = reallocarray(receipt->changed, receipt->kernels.n + 1, sizeof(*changed));
	if (!changed)
		return NULL;
	receipt->changed = changed;
	changed[receipt->kernels.n] = (struct mf_strings){ 0 };
	if (mf_strings_addn(&receipt->kernels, kernel, len) < 0)
		return NULL;
	return &changed[receipt->kernels.n - 1];
}

int mf_receipt_note(struct mf_receipt *receipt, const char *kernel, const char *path)
{
	struct mf_strings *changed = changed_list_of(receipt, kernel, strlen(kernel));

	return changed ? mf_strings_add(changed, path) : -ENOMEM;
}

/* Adds a file of a module directory, "/lib/modules/KVER/kernel/…", with or without /usr. */
static int note_file(struct mf_receipt *receipt, const char *path)
{
	const char *kernel = mf_kernel_tree_path(path);
	size_t len = kernel ? strcspn(kernel, "/") : 0;
	struct mf_strings *changed;

	if (!kernel || !kernel[len])
		return 0;
	changed = changed_list_of(receipt, kernel, len);
	return changed ? mf_strings_add(changed, kernel + len + 1) : -ENOMEM;
}

static int note_header(struct mf_receipt *receipt, const struct mf_rpm_header *header)
{
	int r = 0;

	for (size_t i = 0; !r && i < header->n_files; i++)
		if (!S_ISDIR(header->files[i].mode))
			r = note_file(receipt, header->files[i].path);
	return r;
}

/* The packages that are about to be removed or replaced, and their files. */
struct removed {
	struct mf_context *ctx;
	const struct mf_strings *erase; /* names to be removed without replacement; may be NULL */
	struct mf_receipt *receipt;
	struct mf_owners *owners;
	struct mf_directory_modes *modes;
	struct mf_proof *const *proofs; /* of the packages to be installed */
	size_t n_proofs;
	struct mf_strings names, paths;
	/* labels of versions that packages replace which else stay beside their other versions */
	struct mf_strings replaced;
};

static void removed_done(struct removed *removed)
{
	mf_owners_free(removed->owners);
	mf_directory_modes_free(removed->modes);
	mf_strings_done(&removed->names);
	mf_strings_done(&removed->paths);
	mf_strings_done(&removed->replaced);
}

/* Without its scriptlets the files that a package would have cleaned up stay. */
static void warn_about_scriptlets(struct mf_context *ctx, const struct mf_rpm_header *h)
{
	static const char *const names[] = { "%preun", "%postun" };

	for (size_t i = 0; i < MF_ARRAY_SIZE(names) && !ctx->scriptlets; i++)
		if (mf_strings_has(&h->scriptlets, names[i]))
			mf_log(ctx, MF_LOG_WARNING,
			       "install: %s: its %s scriptlet does not run, because no repository "
			       "has scriptlets=1",
			       h->name, names[i]);
}

/*
 * Is an installed version of a package to be installed for another kernel, so that it stays? Notes
 * the others, which rpm does not replace by itself. 1: it stays; 0; or -ENOMEM.
 */
static int stays_beside(struct removed *removed, const struct mf_rpm_header *installed,
			const char *label)
{
	for (size_t i = 0; i < removed->n_proofs; i++) {
		const struct mf_rpm_header *header = mf_proof_header(removed->proofs[i]);

		if (strcmp(header->name, installed->name) || !header->side_by_side)
			continue;
		return mf_rpm_replaces(header, installed)
			       ? mf_strings_add(&removed->replaced, label)
			       : 1;
	}
	return 0;
}

static int on_removed_package(void *arg, void *header)
{
	struct removed *removed = arg;
	_cleanup_(mf_rpm_header_done) struct mf_rpm_header h = { 0 };
	_cleanup_free_ char *label = NULL;
	int r = mf_rpm_header(header, &h);
	bool erased;

	if (r < 0)
		return r;
	label = mf_rpm_label(&h);
	if (!label)
		return -ENOMEM;
	erased = removed->erase &&
		 (mf_strings_has(removed->erase, h.name) || mf_strings_has(removed->erase, label));
	r = erased ? mf_kernel_check_removal(removed->ctx, &h) : stays_beside(removed, &h, label);
	if (r)
		return r < 0 ? r : 0;
	if (!erased)
		r = mf_strings_add(&removed->receipt->undo.replaced, label);
	if (!r)
		warn_about_scriptlets(removed->ctx, &h);
	if (!r)
		r = mf_owners_note_removal(removed->owners, &h);
	if (!r)
		r = mf_directory_modes_note_removal(removed->modes, &h);
	if (!r)
		r = mf_strings_add(&removed->names, h.name);
	for (size_t i = 0; !r && i < h.n_files; i++)
		r = mf_strings_add(&removed->paths, h.files[i].path);
	return r < 0 ? r : note_header(removed->receipt, &h);
}

static int install_check_file(struct mf_context *ctx, const char *package,
			      const struct mf_rpm_file *file)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (!file->checksum.len)
		return 0;
	fd = mf_context_open(ctx, file->path, O_RDONLY | O_NOFOLLOW);
	r = fd < 0 ? fd : mf_checksum_differs_fd(&file->checksum, fd);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_INSTALL, r, package, "%s: cannot be read back: %s",
			       file->path, mf_error_sentence(r));
	if (r)
		return mf_fail(ctx, MF_STAGE_INSTALL, -MFE_BAD_DIGEST, package,
			       "%s: the file on the disk is not the one that was verified",
			       file->path);
	return 0;
}

static int read_back(struct mf_context *ctx, struct mf_proof *const *proofs, size_t n,
		     const struct mf_owners *owners)
{
	for (size_t i = 0; i < n; i++) {
		const struct mf_rpm_header *header = mf_proof_header(proofs[i]);
		const struct mf_strings *kept = mf_owners_kept(owners, i);

		for (size_t j = 0; j < header->n_files; j++) {
			const struct mf_rpm_file *file = &header->files[j];
			int r = 0;

			if (!file->ghost && !mf_strings_has(kept, file->path))
				r = install_check_file(ctx, mf_proof_nevra(proofs[i]), file);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

/*
 * INDEXED: the indexes may have something of the transaction, or lack what it removed. The record
 * goes when they are right: a run that is killed here has to find it. Otherwise they stay as they
 * are: a file that another program has put there does not get into them by a failure.
 */
static void undo_transaction(struct mf_context *ctx, const struct mf_receipt *receipt, bool indexed)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved = mf_failure_save(ctx);
	struct mf_undo undo = receipt->undo;

	/* a package that could not be removed stays: the caller reports the failure */
	undo.erase = (struct mf_strings){ 0 };
	if (mf_undo(ctx, &undo) < 0) {
		mf_log(ctx, MF_LOG_ERROR,
		       "install: the installation could not be undone, the next run will try "
		       "again: %s: %s",
		       ctx->failure.what, ctx->failure.why);
		return;
	}
	for (size_t i = 0; indexed && i < undo.kernels.n; i++)
		(void)mf_depmod(ctx, &(struct mf_depmod_options){ .kernel = undo.kernels.v[i] },
				NULL);
	(void)mf_undo_forget(ctx);
}

void mf_install_undo(struct mf_context *ctx, const struct mf_receipt *receipt)
{
	undo_transaction(ctx, receipt, true);
}

static int sync_disk(struct mf_context *ctx)
{
	_cleanup_close_ int fd = mf_context_open(ctx, "lib/modules", O_RDONLY | O_DIRECTORY);

	if (fd >= 0 && syncfs(fd) < 0)
		return mf_fail(ctx, MF_STAGE_INSTALL, -errno, "/lib/modules", "cannot be synced");
	return 0;
}

static int check_space(struct mf_context *ctx, struct mf_proof *const *proofs, size_t n)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < n; i++) {
		const struct mf_rpm_header *header = mf_proof_header(proofs[i]);

		for (size_t j = 0; j < header->n_files; j++)
			bytes += S_ISREG(header->files[j].mode) ? header->files[j].size : 0;
	}
	return mf_install_check_room(ctx, n, bytes);
}

/* ---- the stage ---- */

static int add_strings(struct mf_strings *to, const struct mf_strings *from)
{
	return from ? mf_strings_add_all(to, from) : 0;
}

/* Removed packages are those to be erased, those replaced by another version, and obsoleted ones. */
static int note_all_removed(struct mf_context *ctx, struct mf_proof *const *proofs, size_t n,
			    const struct mf_strings *erase, struct removed *removed)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	int r = add_strings(&names, erase);

	for (size_t i = 0; !r && i < n; i++) {
		const struct mf_rpm_header *header = mf_proof_header(proofs[i]);

		r = mf_strings_add(&names, header->name);
		if (!r)
			r = add_strings(&names, &header->obsoletes);
	}
	return r || !names.n ? r : mf_rpm_each_installed(ctx, &names, on_removed_package, removed);
}

static int install_note_package(struct mf_context *ctx, const struct removed *removed,
				const struct mf_proof *proof)
{
	const struct mf_rpm_header *header = mf_proof_header(proof);
	int r = mf_undo_note(ctx, &removed->receipt->undo, mf_proof_nevra(proof), header,
			     mf_strings_has(&removed->names, header->name));

	return r < 0 ? r : note_header(removed->receipt, header);
}

static int check_contents(struct mf_context *ctx, struct mf_proof *const *proofs, size_t n)
{
	_cleanup_free_ const struct mf_rpm_header **headers = mf_proof_headers(proofs, n);

	return headers ? mf_contents_check(ctx, headers, n) : -ENOMEM;
}

/* Checks the files to be installed and removed against those that must not be changed. */
static int check_owners(struct mf_context *ctx, struct mf_proof *const *proofs, size_t n,
			const struct mf_strings *erase, struct removed *removed)
{
	int r = mf_owners_new(ctx, &removed->owners);

	if (!r)
		r = mf_directory_modes_new(ctx, &removed->modes);
	for (size_t i = 0; !r && i < n; i++)
		r = mf_directory_modes_note_install(removed->modes, mf_proof_header(proofs[i]));
	for (size_t i = 0; !r && i < n; i++)
		r = mf_owners_note_install(removed->owners, mf_proof_nevra(proofs[i]),
					   mf_proof_header(proofs[i]));
	if (!r)
		r = note_all_removed(ctx, proofs, n, erase, removed);
	return r ? r : mf_owners_decide(removed->owners);
}

/* Writes the undo record and the list of directories that the transaction creates. */
static int install_keep_notes(struct mf_context *ctx, const struct mf_undo *undo)
{
	_cleanup_(mf_strings_done) struct mf_strings directories = { 0 };
	int r = mf_undo_directories(undo, &directories);

	if (r < 0)
		return mf_fail(ctx, MF_STAGE_INSTALL, r, "undo", NULL);
	r = directories.n ? mf_directories_update(ctx, &directories) : 0;
	return r < 0 ? r : mf_undo_write(ctx, undo);
}

/* Checks and notes all that will be installed and removed, before the transaction. */
static int install_prepare(struct mf_context *ctx, struct mf_proof *const *proofs, size_t n,
			   const struct mf_strings *erase, struct removed *removed)
{
	struct mf_receipt *receipt = removed->receipt;
	int r = check_contents(ctx, proofs, n);

	if (!r)
		r = check_space(ctx, proofs, n);
	if (!r)
		r = check_owners(ctx, proofs, n, erase, removed);
	for (size_t i = 0; !r && i < n; i++)
		r = install_note_package(ctx, removed, proofs[i]);
	if (!r)
		r = add_strings(&receipt->undo.kernels, &receipt->kernels);
	if (!r)
		r = add_strings(&receipt->undo.erase, erase);
	if (r < 0 && ctx->failure.code != r)
		return mf_fail(ctx, MF_STAGE_INSTALL, r, "transaction", NULL);
	return r;
}

static int install_carry_out(const struct removed *removed)
{
	struct mf_context *ctx = removed->ctx;
	size_t n = removed->n_proofs;
	_cleanup_free_ struct mf_rpm_install *install = calloc(n + 1, sizeof(*install));
	_cleanup_(mf_strings_done) struct mf_strings erase = { 0 };
	int r = add_strings(&erase, removed->erase);

	if (!r)
		r = add_strings(&erase, &removed->replaced);
	if (r < 0 || !install)
		return mf_fail(ctx, MF_STAGE_INSTALL, -ENOMEM, "transaction", NULL);
	for (size_t i = 0; i < n; i++)
		install[i] = (struct mf_rpm_install){
			.fd = mf_proof_fd(removed->proofs[i]),
			.nevra = mf_proof_nevra(removed->proofs[i]),
			.without = mf_owners_kept(removed->owners, i),
			.side_by_side = mf_proof_header(removed->proofs[i])->side_by_side,
		};
	r = mf_rpm_transaction(ctx, install, n, &erase);
	if (r > 0)
		removed->receipt->scriptlet = ctx->failure;
	if (r >= 0)
		r = sync_disk(ctx);
	return r < 0 ? r : read_back(ctx, removed->proofs, n, removed->owners);
}

/* Another process holds rpm's lock: the transaction has not started. */
static void discard_notes(struct mf_context *ctx)
{
	_cleanup_(mf_failure_restore) const struct mf_saved_failure saved = mf_failure_save(ctx);

	(void)mf_directories_update(ctx, NULL);
	(void)mf_undo_forget(ctx);
}

struct mf_installation {
	struct mf_receipt receipt;
	struct removed removed;
};

static void installation_free(struct mf_installation *x)
{
	mf_receipt_done(&x->receipt);
	removed_done(&x->removed);
	free(x);
}

int mf_install_begin(struct mf_context *ctx, struct mf_proof *const *proofs, size_t n,
		     const struct mf_strings *erase, struct mf_installation **ret_installation)
{
	struct mf_installation *x = calloc(1, sizeof(*x));
	int r;

	if (!x) {
		mf_fail(ctx, MF_STAGE_INSTALL, -ENOMEM, "transaction", NULL);
		return -ENOMEM;
	}
	x->removed = (struct removed){
		.ctx = ctx, .erase = erase, .receipt = &x->receipt, .proofs = proofs, .n_proofs = n
	};
	r = install_prepare(ctx, proofs, n, erase, &x->removed);
	if (r < 0)
		installation_free(x);
	else
		*ret_installation = x;
	return r;
}

int mf_install_finish(struct mf_installation *x, struct mf_receipt *ret_receipt)
{
	struct mf_context *ctx = x->removed.ctx;
	int r = install_keep_notes(ctx, &x->receipt.undo);

	if (r < 0) {
		installation_free(x);
		return r;
	}
	r = install_carry_out(&x->removed);
	if (r == -MFE_LOCKED)
		discard_notes(ctx);
	else if (r < 0)
		undo_transaction(ctx, &x->receipt,
				 x->receipt.undo.erase.n || x->receipt.undo.updates.n);
	if (r != -MFE_LOCKED)
		mf_directory_modes_restore(x->removed.modes);
	if (!r) {
		mf_directories_prune(ctx, &x->removed.paths);
		*ret_receipt = x->receipt;
		x->receipt = (struct mf_receipt){ 0 };
	}
	installation_free(x);
	return r;
}
