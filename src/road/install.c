/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Proofs become files: one rpm transaction, then one sync of the file system, then a look at what
 * arrived.
 *
 * rpm does not sync what it writes, and its own checks end with the write; so the files are read
 * back here and compared with the digests of the verified header. If one differs, the packages are
 * taken out again and the stage fails: depmod and load then never see it.
 */
#include "modfetch/install.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/rpm.h"

void mf_receipt_done(struct mf_receipt *receipt)
{
	for (size_t i = 0; i < receipt->kernels.n; i++)
		mf_strings_done(&receipt->changed[i]);
	free(receipt->changed);
	mf_strings_done(&receipt->kernels);
	*receipt = (struct mf_receipt){0};
}

/* The list of changed paths of a kernel, made where it is missing. NULL: no memory. */
static struct mf_strings *changed_of(struct mf_receipt *receipt, const char *kernel, size_t len)
{
	struct mf_strings *changed;

	for (size_t i = 0; i < receipt->kernels.n; i++)
		if (!strncmp(receipt->kernels.v[i], kernel, len) && !receipt->kernels.v[i][len])
			return &receipt->changed[i];
	changed = reallocarray(receipt->changed, receipt->kernels.n + 1, sizeof(*changed));
	if (!changed)
		return NULL;
	receipt->changed = changed;
	changed[receipt->kernels.n] = (struct mf_strings){0};
	if (mf_strings_addn(&receipt->kernels, kernel, len) < 0)
		return NULL;
	return &changed[receipt->kernels.n - 1];
}

/* Notes a file of a module folder: "/lib/modules/KVER/kernel/…", with or without /usr. */
static int note_file(struct mf_receipt *receipt, const char *path)
{
	static const char folder[] = "/lib/modules/";
	struct mf_strings *changed;
	size_t len;

	if (mf_starts_with(path, "/usr/"))
		path += strlen("/usr");
	if (!mf_starts_with(path, folder))
		return 0;
	path += strlen(folder);
	len = strcspn(path, "/");
	if (!path[len])
		return 0;
	changed = changed_of(receipt, path, len);
	return changed ? mf_strings_add(changed, path + len + 1) : -ENOMEM;
}

static int note_header(struct mf_receipt *receipt, const struct mf_rpm_header *header)
{
	int r = 0;

	for (size_t i = 0; !r && i < header->n_files; i++)
		if (!S_ISDIR(header->files[i].mode))
			r = note_file(receipt, header->files[i].path);
	return r;
}

/* The files of packages that are about to go. */
struct leaving {
	const struct mf_strings *erase;
	struct mf_receipt *receipt;
};

static int note_leaving(void *arg, void *header)
{
	struct leaving *leaving = arg;
	_cleanup_(mf_rpm_header_done) struct mf_rpm_header h = {0};
	int r = mf_rpm_header(header, &h);

	if (r < 0 || !mf_strings_has(leaving->erase, h.name))
		return r;
	return note_header(leaving->receipt, &h);
}

static int check_file(struct mf_context *ctx, const char *package, const struct mf_rpm_file *file)
{
	_cleanup_close_ int fd = -1;
	uint8_t digest[MF_SHA256_LEN];
	int r;

	if (!file->has_sha256)
		return 0;
	fd = mf_context_open(ctx, file->path, O_RDONLY | O_NOFOLLOW);
	r = fd < 0 ? fd : mf_sha256_fd(fd, digest);
	if (r < 0)
		return mf_fail(ctx, "install", r, package, "%s: cannot be read back: %s",
			       file->path, mf_error_sentence(r));
	if (memcmp(digest, file->sha256, sizeof(digest)))
		return mf_fail(ctx, "install", -MFE_BAD_DIGEST, package,
			       "%s: what lies on the disk is not what was verified", file->path);
	return 0;
}

static int read_back(struct mf_context *ctx, struct mf_proof *const *proofs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct mf_rpm_header *header = mf_proof_header(proofs[i]);

		for (size_t j = 0; j < header->n_files; j++) {
			int r = check_file(ctx, mf_proof_nevra(proofs[i]), &header->files[j]);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

void mf_install_undo(struct mf_context *ctx, struct mf_proof *const *proofs, size_t n)
{
	_cleanup_(mf_strings_done) struct mf_strings nevras = {0};
	struct mf_failure why = ctx->failure;

	for (size_t i = 0; i < n; i++)
		(void)mf_strings_add(&nevras, mf_proof_nevra(proofs[i]));
	if (mf_rpm_transaction(ctx, NULL, 0, &nevras) < 0)
		mf_log(ctx, MF_LOG_ERROR, "install: could not take the packages out again: %s",
		       ctx->failure.why);
	ctx->failure = why;
}

static int sync_disk(struct mf_context *ctx)
{
	_cleanup_close_ int fd = mf_context_open(ctx, "lib/modules", O_RDONLY | O_DIRECTORY);

	if (fd >= 0 && syncfs(fd) < 0)
		return mf_fail(ctx, "install", -errno, "/lib/modules", "cannot be synced");
	return 0;
}

int mf_install(struct mf_context *ctx, struct mf_proof *const *proofs, size_t n,
	       const struct mf_strings *erase, struct mf_receipt *ret_receipt)
{
	_cleanup_(mf_receipt_done) struct mf_receipt receipt = {0};
	_cleanup_free_ struct mf_rpm_install *install = calloc(n + 1, sizeof(*install));
	struct leaving leaving = {erase, &receipt};
	int r = install ? 0 : mf_fail(ctx, "install", -ENOMEM, "transaction", NULL);

	if (!r && erase && erase->n)
		r = mf_rpm_each_installed(ctx, note_leaving, &leaving);
	for (size_t i = 0; !r && i < n; i++) {
		install[i] = (struct mf_rpm_install){mf_proof_fd(proofs[i]),
						     mf_proof_nevra(proofs[i]),
						     mf_proof_scriptlets(proofs[i])};
		r = note_header(&receipt, mf_proof_header(proofs[i]));
		if (r < 0)
			return mf_fail(ctx, "install", r, install[i].nevra, NULL);
	}
	if (!r)
		r = mf_rpm_transaction(ctx, install, n, erase);
	if (r < 0)
		return r;
	r = sync_disk(ctx);
	if (!r)
		r = read_back(ctx, proofs, n);
	if (r < 0) {
		mf_install_undo(ctx, proofs, n);
		return r;
	}
	*ret_receipt = receipt;
	receipt = (struct mf_receipt){0};
	return 0;
}
