/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Proofs become files: one rpm transaction, then one sync of the file system, then a look at what
 * arrived.
 *
 * What lies in its way and is not ours stays as it is, or nothing is begun (see owners.c). How to
 * undo it is written down before (see undo.c), and that there is room for it is looked at: a
 * database that runs out of room in the middle is the worst of failures. rpm does not sync what
 * it writes, and its own checks end with the write; so the files are read back here and compared
 * with the digests of the verified header. If one differs, the packages are taken out again and the
 * stage fails: depmod and load then never see it.
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
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
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
	changed[receipt->kernels.n] = (struct mf_strings){ 0 };
	if (mf_strings_addn(&receipt->kernels, kernel, len) < 0)
		return NULL;
	return &changed[receipt->kernels.n - 1];
}

/* Notes a file of a module directory: "/lib/modules/KVER/kernel/…", with or without /usr. */
static int note_file(struct mf_receipt *receipt, const char *path)
{
	static const char directory[] = "/lib/modules/";
	struct mf_strings *changed;
	size_t len;

	if (mf_starts_with(path, "/usr/"))
		path += strlen("/usr");
	if (!mf_starts_with(path, directory))
		return 0;
	path += strlen(directory);
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

/* The packages that are about to go, or to give way to others, and their files. */
struct leaving {
	struct mf_context *ctx;
	const struct mf_strings *erase; /* not to come back in another version; may be NULL */
	struct mf_receipt *receipt;
	struct mf_owners *owners;
	struct mf_directory_modes *standing;
	struct mf_strings names, paths;
};

static void leaving_done(struct leaving *leaving)
{
	mf_owners_free(leaving->owners);
	mf_directory_modes_free(leaving->standing);
	mf_strings_done(&leaving->names);
	mf_strings_done(&leaving->paths);
}

/* What it meant to clean up stays. */
static void tell_scriptlets(struct mf_context *ctx, const struct mf_rpm_header *h)
{
	static const char *const names[] = { "%preun", "%postun" };

	for (size_t i = 0; i < 2 && !ctx->scriptlets; i++)
		if (mf_strings_has(&h->scriptlets, names[i]))
			mf_log(ctx, MF_LOG_WARNING,
			       "install: %s: its %s does not run: no repository has scriptlets=1",
			       h->name, names[i]);
}

static int note_leaving(void *arg, void *header)
{
	struct leaving *leaving = arg;
	_cleanup_(mf_rpm_header_done) struct mf_rpm_header h = { 0 };
	int r = mf_rpm_header(header, &h);

	if (!r && leaving->erase && mf_strings_has(leaving->erase, h.name))
		r = mf_kernel_may_leave(leaving->ctx, &h);
	if (!r)
		tell_scriptlets(leaving->ctx, &h);
	if (!r)
		r = mf_owners_leaves(leaving->owners, &h);
	if (!r)
		r = mf_directory_modes_leaves(leaving->standing, &h);
	if (!r)
		r = mf_strings_add(&leaving->names, h.name);
	for (size_t i = 0; !r && i < h.n_files; i++)
		r = mf_strings_add(&leaving->paths, h.files[i].path);
	return r < 0 ? r : note_header(leaving->receipt, &h);
}

static int install_check_file(struct mf_context *ctx, const char *package,
			      const struct mf_rpm_file *file)
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

void mf_install_undo(struct mf_context *ctx, const struct mf_receipt *receipt)
{
	struct mf_failure why = ctx->failure;
	struct mf_undo undo = receipt->undo;

	/* what could not be removed stays: whoever asked hears of it */
	undo.erase = (struct mf_strings){ 0 };
	if (mf_undo(ctx, &undo) < 0)
		mf_log(ctx, MF_LOG_ERROR,
		       "install: could not be undone, the next run will try again: %s: %s",
		       ctx->failure.what, ctx->failure.why);
	else
		(void)mf_undo_forget(ctx);
	ctx->failure = why;
}

static int sync_disk(struct mf_context *ctx)
{
	_cleanup_close_ int fd = mf_context_open(ctx, "lib/modules", O_RDONLY | O_DIRECTORY);

	if (fd >= 0 && syncfs(fd) < 0)
		return mf_fail(ctx, "install", -errno, "/lib/modules", "cannot be synced");
	return 0;
}

/* ---- room ---- */

#define ROOM_PACKAGE (160ULL << 10) /* what a package makes the database's journal grow by */
#define ROOM_JOURNAL (6ULL << 20)   /* it does not grow beyond that */
#define ROOM_INDEXES (1ULL << 20)

static int check_room(struct mf_context *ctx, const char *directory, uint64_t need, dev_t *dev)
{
	_cleanup_close_ int fd = mf_context_open(ctx, directory, O_RDONLY | O_DIRECTORY);
	struct statvfs fs;
	struct stat st;

	/* a directory that is not there yet will be on its parent's disk: whoever fills that finds out
	 */
	if (fd < 0 || fstat(fd, &st) < 0 || fstatvfs(fd, &fs) < 0 || !fs.f_blocks)
		return 0;
	if (*dev == st.st_dev)
		return 0;
	*dev = st.st_dev;
	if ((uint64_t)fs.f_bfree * fs.f_frsize >= need)
		return 0;
	return mf_fail(ctx, "install", -ENOSPC, directory, "%llu kB are needed, %llu kB are free",
		       (unsigned long long)need >> 10,
		       (unsigned long long)(fs.f_bfree * fs.f_frsize) >> 10);
}

static int check_space(struct mf_context *ctx, struct mf_proof *const *proofs, size_t n)
{
	uint64_t files = ROOM_INDEXES, database = n * ROOM_PACKAGE;
	dev_t dev = 0;
	int r;

	if (!n)
		return 0;
	if (database > ROOM_JOURNAL)
		database = ROOM_JOURNAL;
	for (size_t i = 0; i < n; i++) {
		const struct mf_rpm_header *header = mf_proof_header(proofs[i]);

		for (size_t j = 0; j < header->n_files; j++)
			files += S_ISREG(header->files[j].mode) ? header->files[j].size : 0;
	}
	/* on one file system, as a rule, and then asked once */
	r = check_room(ctx, "/lib/modules", files + database, &dev);
	return r < 0 ? r : check_room(ctx, "/var/lib", database, &dev);
}

/* ---- the stage ---- */

static int add_all(struct mf_strings *to, const struct mf_strings *from)
{
	int r = 0;

	for (size_t i = 0; !r && from && i < from->n; i++)
		r = mf_strings_add(to, from->v[i]);
	return r;
}

/* What goes is what is to be erased, what is replaced by another version, and what is obsoleted. */
static int note_all_leaving(struct mf_context *ctx, struct mf_proof *const *proofs, size_t n,
			    const struct mf_strings *erase, struct leaving *leaving)
{
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };
	int r = add_all(&names, erase);

	for (size_t i = 0; !r && i < n; i++) {
		const struct mf_rpm_header *header = mf_proof_header(proofs[i]);

		r = mf_strings_add(&names, header->name);
		if (!r)
			r = add_all(&names, &header->obsoletes);
	}
	return r || !names.n ? r : mf_rpm_each_installed(ctx, &names, note_leaving, leaving);
}

static int install_note_package(struct mf_context *ctx, const struct leaving *leaving,
				const struct mf_proof *proof)
{
	const struct mf_rpm_header *header = mf_proof_header(proof);
	int r = mf_undo_note(ctx, &leaving->receipt->undo, mf_proof_nevra(proof), header,
			     mf_strings_has(&leaving->names, header->name));

	return r < 0 ? r : note_header(leaving->receipt, header);
}

static int check_contents(struct mf_context *ctx, struct mf_proof *const *proofs, size_t n)
{
	_cleanup_free_ const struct mf_rpm_header **headers =
		calloc(n + 1, sizeof(struct mf_rpm_header *));

	if (!headers)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		headers[i] = mf_proof_header(proofs[i]);
	return mf_contents_check(ctx, headers, n);
}

/* What comes, what goes, and what neither may touch. */
static int ask_owners(struct mf_context *ctx, struct mf_proof *const *proofs, size_t n,
		      const struct mf_strings *erase, struct leaving *leaving)
{
	int r = mf_owners_new(ctx, &leaving->owners);

	if (!r)
		r = mf_directory_modes_new(ctx, &leaving->standing);
	for (size_t i = 0; !r && i < n; i++)
		r = mf_directory_modes_arrives(leaving->standing, mf_proof_header(proofs[i]));
	for (size_t i = 0; !r && i < n; i++)
		r = mf_owners_arrives(leaving->owners, mf_proof_nevra(proofs[i]),
				      mf_proof_header(proofs[i]));
	if (!r)
		r = note_all_leaving(ctx, proofs, n, erase, leaving);
	return r ? r : mf_owners_decide(leaving->owners);
}

/* Writes down how to undo it, and which directories it makes. */
static int install_keep_notes(struct mf_context *ctx, const struct mf_undo *undo)
{
	_cleanup_(mf_strings_done) struct mf_strings directories = { 0 };
	int r = mf_undo_directories(undo, &directories);

	if (r < 0)
		return mf_fail(ctx, "install", r, "undo", NULL);
	r = directories.n ? mf_directories_update(ctx, &directories) : 0;
	return r < 0 ? r : mf_undo_keep(ctx, undo);
}

/* Notes all that comes and goes, before anything does. */
static int install_prepare(struct mf_context *ctx, struct mf_proof *const *proofs, size_t n,
			   const struct mf_strings *erase, struct leaving *leaving)
{
	struct mf_receipt *receipt = leaving->receipt;
	int r = check_contents(ctx, proofs, n);

	if (!r)
		r = check_space(ctx, proofs, n);
	if (!r)
		r = ask_owners(ctx, proofs, n, erase, leaving);
	for (size_t i = 0; !r && i < n; i++)
		r = install_note_package(ctx, leaving, proofs[i]);
	if (!r)
		r = add_all(&receipt->undo.kernels, &receipt->kernels);
	if (!r)
		r = add_all(&receipt->undo.erase, erase);
	if (r < 0 && ctx->failure.code != r)
		return mf_fail(ctx, "install", r, "transaction", NULL);
	return r < 0 ? r : install_keep_notes(ctx, &receipt->undo);
}

static int install_carry_out(struct mf_context *ctx, struct mf_proof *const *proofs, size_t n,
			     const struct mf_strings *erase, const struct mf_owners *owners,
			     struct mf_receipt *receipt)
{
	_cleanup_free_ struct mf_rpm_install *install = calloc(n + 1, sizeof(*install));
	int r;

	if (!install)
		return mf_fail(ctx, "install", -ENOMEM, "transaction", NULL);
	for (size_t i = 0; i < n; i++)
		install[i] = (struct mf_rpm_install){ .fd = mf_proof_fd(proofs[i]),
						      .nevra = mf_proof_nevra(proofs[i]),
						      .without = mf_owners_kept(owners, i) };
	r = mf_rpm_transaction(ctx, install, n, erase);
	if (r > 0)
		receipt->scriptlet = ctx->failure;
	if (r >= 0)
		r = sync_disk(ctx);
	return r < 0 ? r : read_back(ctx, proofs, n, owners);
}

/* Another rpm holds its lock: nothing was begun. */
static void give_up(struct mf_context *ctx)
{
	struct mf_failure why = ctx->failure;

	(void)mf_directories_update(ctx, NULL);
	(void)mf_undo_forget(ctx);
	ctx->failure = why;
}

int mf_install(struct mf_context *ctx, struct mf_proof *const *proofs, size_t n,
	       const struct mf_strings *erase, struct mf_receipt *ret_receipt)
{
	_cleanup_(mf_receipt_done) struct mf_receipt receipt = { 0 };
	struct leaving leaving = { .ctx = ctx, .erase = erase, .receipt = &receipt };
	int r = install_prepare(ctx, proofs, n, erase, &leaving);

	if (!r) {
		r = install_carry_out(ctx, proofs, n, erase, leaving.owners, &receipt);
		if (r == -MFE_LOCKED)
			give_up(ctx);
		else if (r < 0)
			mf_install_undo(ctx, &receipt);
		if (r != -MFE_LOCKED)
			mf_directory_modes_restore(leaving.standing);
	}
	if (!r)
		mf_directories_prune(ctx, &leaving.paths);
	leaving_done(&leaving);
	if (r < 0)
		return r;
	*ret_receipt = receipt;
	receipt = (struct mf_receipt){ 0 };
	return 0;
}
