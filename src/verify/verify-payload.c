/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The modules in the payload of a package, checked in memory.
 *
 * librpm might write other bytes than those that are checked here: so each file's digest must be the
 * header's, and the install stage compares the files on the disk with it again. A proof may keep the
 * modules, so that they can be loaded before they are on the disk.
 */
#include "modfetch/verify.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/inflate.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"
#include "verify-conf.h"
#include "verify-module.h"

#define CPIO_PER_FILE 8192 /* bytes an archive needs beside a file's own, at most */

/* Must the bytes of this file be checked? */
static bool must_check(const struct mf_rpm_file *file)
{
	return S_ISREG(file->mode) && (mf_is_module(file->path) || mf_is_depmod_conf(file->path));
}

struct payload_walk {
	struct mf_context *ctx;
	struct mf_module_verifier *verifier;
	const char *package;
	const struct mf_rpm_header *header;
	struct mf_proof_modules *modules; /* NULL: not kept */
	size_t n_checked;
};

void mf_proof_modules_done(struct mf_proof_modules *modules)
{
	for (size_t i = 0; i < modules->n; i++) {
		free(modules->v[i].path);
		mf_modinfo_done(&modules->v[i].info);
	}
	free(modules->v);
	*modules = (struct mf_proof_modules){ 0 };
}

/* Takes INFO. */
static int keep_module(struct mf_proof_modules *modules, const char *path,
		       const uint8_t digest[MF_SHA256_LEN], struct mf_modinfo *info)
{
	struct mf_proof_module *v = reallocarray(modules->v, modules->n + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	modules->v = v;
	v += modules->n;
	*v = (struct mf_proof_module){ .path = strdup(path) };
	if (!v->path)
		return -ENOMEM;
	memcpy(v->sha256, digest, MF_SHA256_LEN);
	v->info = *info;
	*info = (struct mf_modinfo){ 0 };
	modules->n++;
	return 0;
}

static int check_and_keep(struct payload_walk *w, const char *path, const void *data, size_t len,
			  const uint8_t digest[MF_SHA256_LEN])
{
	_cleanup_(mf_modinfo_done) struct mf_modinfo info = { 0 };
	int r = verify_module(w->ctx, w->verifier, path, data, len, digest, &info);

	if (r < 0 || !w->modules)
		return r;
	r = keep_module(w->modules, path, digest, &info);
	return r < 0 ? mf_fail(w->ctx, MF_STAGE_VERIFY, r, path, NULL) : 0;
}

/* Has the data another digest than the header says? As mf_checksum_differs(), but SHA-256 is known. */
static int differs(const struct mf_rpm_file *file, const void *data, size_t len,
		   const uint8_t sha256[MF_SHA256_LEN])
{
	if (file->checksum.len == MF_SHA256_LEN)
		return memcmp(file->checksum.bytes, sha256, MF_SHA256_LEN) != 0;
	return mf_checksum_differs(&file->checksum, data, len);
}

static int on_archive_member(void *arg, const char *name, uint32_t mode, const void *data,
			     size_t len)
{
	struct payload_walk *w = arg;
	const struct mf_rpm_file *file = NULL;
	uint8_t digest[MF_SHA256_LEN];
	int r;

	/* rpm writes "./lib/…" */
	if (mf_starts_with(name, "./"))
		name++;
	for (size_t i = 0; i < w->header->n_files && !file; i++)
		if (!strcmp(w->header->files[i].path, name))
			file = &w->header->files[i];
	if (!file)
		return mf_fail(w->ctx, MF_STAGE_VERIFY, -MFE_BAD_PACKAGE, w->package,
			       "its payload has %s, but its header does not list it", name);
	if (!must_check(file))
		return 0;
	r = mf_sha256(data, len, digest);
	if (r < 0)
		return mf_fail(w->ctx, MF_STAGE_VERIFY, r, w->package, NULL);
	r = differs(file, data, len, digest);
	if (r < 0)
		return mf_fail(w->ctx, MF_STAGE_VERIFY, r, w->package, NULL);
	if (r)
		return mf_fail(w->ctx, MF_STAGE_VERIFY, -MFE_BAD_PACKAGE, w->package,
			       "%s does not have the digest in the package's header", name);
	w->n_checked++;
	return mf_is_module(file->path) ? check_and_keep(w, file->path, data, len, digest)
					: mf_verify_conf(w->ctx, w->header, file->path, data, len);
}

/* The payload as an archive: borrowed from BUF, or inflated into RET_OWNED. */
static int open_payload(const void *buf, size_t len, const struct mf_rpm_header *header,
			uint64_t limit, void **ret_owned, const void **ret_payload, size_t *ret_len)
{
	struct mf_rpmfile file;
	uint64_t cap = CPIO_PER_FILE;
	int r = mf_rpmfile_parse(buf, len, &file);

	if (r < 0)
		return r;
	for (size_t i = 0; i < header->n_files && cap < limit; i++)
		cap += CPIO_PER_FILE +
		       (header->files[i].size < limit ? header->files[i].size : limit);
	cap = cap < limit ? cap : limit;
	if (!mf_inflate_known(file.payload, file.payload_len)) {
		*ret_payload = file.payload;
		*ret_len = file.payload_len;
		return 0;
	}
	r = mf_inflate(file.payload, file.payload_len, cap, ret_owned, ret_len);
	*ret_payload = *ret_owned;
	return r;
}

/* The header's list of files, whose names are borrowed. */
static int list_files(const struct mf_rpm_header *header, struct mf_cpio_file **ret_files)
{
	struct mf_cpio_file *files = calloc(header->n_files + 1, sizeof(*files));

	if (!files)
		return -ENOMEM;
	for (size_t i = 0; i < header->n_files; i++)
		files[i] = (struct mf_cpio_file){ header->files[i].path, header->files[i].mode,
						  header->files[i].size };
	*ret_files = files;
	return 0;
}

static int walk_payload(struct payload_walk *w, const void *buf, size_t len)
{
	_cleanup_free_ struct mf_cpio_file *files = NULL;
	_cleanup_free_ void *owned = NULL;
	const void *payload;
	size_t payload_len;
	int r = open_payload(buf, len, w->header, w->ctx->settings.max_package, &owned, &payload,
			     &payload_len);

	if (r == 0)
		r = list_files(w->header, &files);
	if (r == 0)
		r = mf_cpio_each(payload, payload_len,
				 &(struct mf_cpio_list){ files, w->header->n_files },
				 on_archive_member, w);
	if (r == -ENOMEM && w->ctx->failure.code != r)
		return mf_fail(w->ctx, MF_STAGE_VERIFY, r, w->package, NULL);
	return r == -EBADMSG || r == -EFBIG || r == -EINVAL
		       ? mf_fail(w->ctx, MF_STAGE_VERIFY, -MFE_BAD_PACKAGE, w->package,
				 "its payload cannot be read")
		       : r;
}

int mf_verify_modules(struct mf_context *ctx, struct mf_module_verifier *verifier,
		      const char *package, int fd, const struct mf_rpm_header *header,
		      struct mf_proof_modules *ret_modules)
{
	struct payload_walk w = { ctx, verifier, package, header, ret_modules, 0 };
	size_t expected = 0;
	struct stat st;
	void *map;
	int r;

	for (size_t i = 0; i < header->n_files; i++)
		expected += must_check(&header->files[i]);
	if (!expected)
		return 0;
	if (fstat(fd, &st) < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, -errno, package, NULL);
	/* sealed: it cannot shrink under the map */
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return mf_fail(ctx, MF_STAGE_VERIFY, -errno, package, NULL);
	r = walk_payload(&w, map, (size_t)st.st_size);
	munmap(map, (size_t)st.st_size);
	if (r == 0 && w.n_checked != expected)
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_BAD_PACKAGE, package,
			       "its header lists %zu modules and files for depmod, but its payload "
			       "has %zu",
			       expected, w.n_checked);
	return r;
}
