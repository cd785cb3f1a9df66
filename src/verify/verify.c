/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From fetched bytes to a proof.
 *
 * Trusts the plan, which comes from signed metadata, and nothing in the package. The digest is
 * compared first: the package's own header is parsed only when its bytes are known to be those that
 * were signed. A table has the files that a driver package may contain; all others are refused. The
 * descriptor must be sealed, so that no process can change a byte between this check and the
 * installation.
 */
#include "modfetch/verify.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"
#include "confine.h"
#include "modfetch/deny.h"
#include "gpgcheck.h"

struct mf_verifier {
	struct mf_module_verifier *modules;
	bool keep_modules;
};

int mf_verifier_new(struct mf_context *ctx, struct mf_verifier **ret_verifier)
{
	struct mf_verifier *verifier = calloc(1, sizeof(*verifier));
	int r = verifier ? mf_module_verifier_new(ctx, &verifier->modules)
			 : mf_fail(ctx, MF_STAGE_VERIFY, -ENOMEM, "verifier", NULL);

	if (r < 0)
		free(verifier);
	else
		*ret_verifier = verifier;
	return r;
}

void mf_verifier_warn(const struct mf_context *ctx, const struct mf_verifier *verifier)
{
	mf_module_verifier_warn(ctx, verifier->modules);
}

void mf_verifier_free(struct mf_verifier *verifier)
{
	if (verifier)
		mf_module_verifier_free(verifier->modules);
	free(verifier);
}

void mf_verifier_keep_modules(struct mf_verifier *verifier)
{
	verifier->keep_modules = true;
}

struct mf_proof {
	int fd;
	char *nevra;
	struct mf_rpm_header header;
	struct mf_proof_modules modules;
};

void mf_proof_free(struct mf_proof *proof)
{
	if (!proof)
		return;
	if (proof->fd >= 0)
		close(proof->fd);
	free(proof->nevra);
	mf_rpm_header_done(&proof->header);
	mf_proof_modules_done(&proof->modules);
	free(proof);
}

static void proof_cleanup(struct mf_proof **proof)
{
	mf_proof_free(*proof);
}

int mf_proof_fd(const struct mf_proof *proof)
{
	return proof->fd;
}

const char *mf_proof_nevra(const struct mf_proof *proof)
{
	return proof->nevra;
}

const struct mf_rpm_header *mf_proof_header(const struct mf_proof *proof)
{
	return &proof->header;
}

const struct mf_proof_modules *mf_proof_modules(const struct mf_proof *proof)
{
	return &proof->modules;
}

const struct mf_rpm_header **mf_proof_headers(struct mf_proof *const *proofs, size_t n)
{
	const struct mf_rpm_header **headers = calloc(n + 1, sizeof(struct mf_rpm_header *));

	for (size_t i = 0; headers && i < n; i++)
		headers[i] = &proofs[i]->header;
	return headers;
}

int mf_verify_bytes(struct mf_context *ctx, const char *what, int fd, uint64_t size,
		    const uint8_t sha256[MF_SHA256_LEN])
{
	char is[MF_SHA256_HEX], should[MF_SHA256_HEX];
	uint8_t digest[MF_SHA256_LEN];
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, -errno, what, NULL);
	if (!mf_memfile_is_sealed(fd))
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_FETCH_HELPER, what,
			       "another process could still change the file");
	if (size && (uint64_t)st.st_size != size)
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_BAD_SIZE, what,
			       "it has %" PRIu64 " bytes, but the metadata signs for %" PRIu64,
			       (uint64_t)st.st_size, size);
	r = mf_sha256_fd(fd, digest);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, r, what, NULL);
	if (!memcmp(digest, sha256, sizeof(digest)))
		return 0;
	mf_sha256_hex(digest, is);
	mf_sha256_hex(sha256, should);
	return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_BAD_DIGEST, what,
		       "its SHA-256 is %.16s…, but the metadata signs for %.16s…", is, should);
}

static int verify_check_identity(struct mf_context *ctx, const struct mf_plan_item *item,
				 const struct mf_rpm_header *header)
{
	const struct {
		const char *what, *is, *should;
	} fields[] = {
		{ "name", header->name, item->name },
		{ "version", header->evr, item->evr },
		{ "architecture", header->arch, item->arch },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(fields); i++)
		if (strcmp(fields[i].is, fields[i].should))
			return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_BAD_PACKAGE, item->name,
				       "its %s is %s, the metadata says %s", fields[i].what,
				       fields[i].is, fields[i].should);
	return 0;
}

/*
 * Policy has judged the modules that the metadata names: any other module in the package would be
 * installed without a policy check. If the metadata names none, the package was not built for
 * modfetch and was selected by its name alone.
 */
static int check_modules(struct mf_context *ctx, const struct mf_plan_item *item,
			 const struct mf_rpm_header *header)
{
	for (size_t i = 0; item->modules.n && i < header->n_files; i++) {
		const char *path = header->files[i].path;
		char name[MF_MODULE_NAME_SIZE];

		if (S_ISDIR(header->files[i].mode) || !mf_is_module(path))
			continue;
		if (!mf_module_name(path, name, sizeof(name)) ||
		    !mf_strings_sorted_has(&item->modules, name))
			return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_BAD_PACKAGE, item->name,
				       "%s: the metadata does not name this module", path);
	}
	return 0;
}

int mf_verify_package(struct mf_context *ctx, struct mf_verifier *verifier,
		      const struct mf_repo *repo, const struct mf_plan_item *item,
		      struct mf_fetched *fetched, struct mf_proof **ret_proof)
{
	_cleanup_(proof_cleanup) struct mf_proof *proof = calloc(1, sizeof(*proof));
	int r;

	if (!proof)
		return mf_fail(ctx, MF_STAGE_VERIFY, -ENOMEM, item->name, NULL);
	proof->fd = mf_steal_fd(&fetched->fd);
	r = mf_verify_bytes(ctx, item->name, proof->fd, item->size, item->sha256);
	if (r < 0)
		return r;
	r = mf_deny_check_digest(ctx, item->name, "package", item->sha256);
	if (r < 0)
		return r;
	r = mf_gpgcheck(ctx, repo, item->name, proof->fd);
	if (r < 0)
		return r;
	r = mf_rpm_read(proof->fd, &proof->header);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, r, item->name, "rpm cannot read it");
	r = verify_check_identity(ctx, item, &proof->header);
	if (!r)
		r = check_modules(ctx, item, &proof->header);
	if (!r)
		r = mf_confine(ctx, repo, item, &proof->header);
	if (!r)
		r = mf_verify_modules(ctx, verifier->modules, item->name, proof->fd, &proof->header,
				      verifier->keep_modules ? &proof->modules : NULL);
	if (r < 0)
		return r;
	proof->nevra = mf_plan_item_label(item);
	if (!proof->nevra)
		return mf_fail(ctx, MF_STAGE_VERIFY, -ENOMEM, item->name, NULL);
	*ret_proof = MF_STEAL(proof);
	return 0;
}

int mf_verify_allowed(struct mf_context *ctx, const struct mf_judge *judge,
		      const struct mf_plan_item *items, struct mf_proof *const *proofs, size_t n,
		      struct mf_verdicts *verdicts)
{
	int result = 0;

	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *why = NULL;
		int r = mf_judge_files(judge, &items[i], mf_proof_header(proofs[i]), &why);

		if (r == 1) {
			result = mf_fail(ctx, MF_STAGE_VERIFY, -MFE_DENIED, items[i].name,
					 "it contains %s", why);
			r = mf_verdicts_add(verdicts, mf_proof_nevra(proofs[i]), why);
		}
		if (r < 0)
			return mf_fail(ctx, MF_STAGE_VERIFY, r, items[i].name, NULL);
	}
	return result;
}
