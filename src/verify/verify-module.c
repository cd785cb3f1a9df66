/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A second check for kernel code, with keys of its own.
 *
 * A repository's key states which files belong to it; a module's key states who built the code. The
 * two sets are disjoint, so one stolen key cannot load a module. module-signature= in modfetch.conf:
 *	require   every module must be signed by a key in keys/module.d
 *	if-keys   the same as soon as that directory has a key; else as "kernel"
 *	kernel    only the kernel checks, when it loads the module
 * The signature is the one appended to the file (decompressed). It is verified with OpenSSL before
 * anything reaches /lib/modules, even if the running kernel does not demand signatures.
 *
 * A module for the context's kernel must also fit it: built for its release, or with the CRC of
 * every symbol that the kernel is known to export; and with the vermagic flags of the kernel's own
 * modules. A module for another kernel's directory must be built for that release: nothing else is
 * known about that kernel.
 *
 * Modules are read from the payload in memory. librpm might write other bytes: so each file's
 * digest must be the header's, and the install stage compares the files on the disk with it again.
 */
#include "modfetch/verify.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/file.h"
#include "modfetch/inflate.h"
#include "modfetch/modinfo.h"
#include "modfetch/module-name.h"
#include "modfetch/strings.h"
#include "modfetch/symvers.h"
#include "modfetch/table.h"
#include "deny.h"
#include "kernel-keys.h"
#include "verify-conf.h"

#define KEY_DIRECTORY "etc/modfetch/keys/module.d"
#define N_EXPORTS     32000 /* more than most kernels have */
#define CPIO_PER_FILE 8192  /* bytes an archive needs beside a file's own, at most */

struct mf_module_verifier {
	struct mf_keyring *keyring;
	bool required;
	bool exports_read;
	char *symvers;		 /* text of the context's kernel; or NULL */
	struct mf_table exports; /* symbol to the place of its CRC in that text */
	char *flags; /* vermagic after the release, of one of the kernel's own modules; or NULL */
};

/* ---- the kernel's exports and flags ---- */

/* Nearly all of the numbers are never needed: the text stays, and is converted by the lookup. */
static int module_add_export(void *arg, const char *symbol, const char *crc, const char *module)
{
	struct mf_module_verifier *v = arg;
	uint32_t *value;
	int r = mf_table_put(&v->exports, symbol, strlen(symbol), (uint32_t)(crc - v->symvers),
			     &value);

	return r < 0 ? r : 0;
}

/* The CRC of a symbol that the kernel exports; 0: it is not known. */
static uint32_t crc_of(const struct mf_module_verifier *v, const char *symbol)
{
	const uint32_t *place = mf_table_get(&v->exports, symbol, strlen(symbol));

	return place ? (uint32_t)strtoul(v->symvers + *place, NULL, 16) : 0;
}

/* Stores the vermagic flags of the first module in modules.dep that can be read. */
static int read_flags(struct mf_context *ctx, struct mf_module_verifier *v)
{
	_cleanup_free_ char *directory = NULL, *dep = NULL;
	_cleanup_close_ int dirfd = -1;
	size_t len;

	directory = mf_kernel_path(ctx->kernel, NULL);
	if (!directory)
		return -ENOMEM;
	dirfd = mf_context_open(ctx, directory, O_RDONLY | O_DIRECTORY);
	if (dirfd < 0 || mf_file_read_at(dirfd, "modules.dep", MF_MODULE_FILE_MAX, &dep, &len) < 0)
		return 0;
	for (char *line = dep; line && *line && !v->flags; line = strchr(line, '\n')) {
		struct mf_modinfo info;
		const char *vermagic, *space;
		char *end;

		line += strspn(line, "\n");
		end = strchr(line, ':');
		if (!end)
			break;
		*end = '\0';
		if (mf_modinfo_scan_at(dirfd, line, &info) < 0) {
			line = end + 1;
			continue;
		}
		vermagic = mf_modinfo_get(&info, "vermagic");
		space = vermagic ? strchr(vermagic, ' ') : NULL;
		v->flags = space ? strdup(space) : NULL;
		mf_modinfo_done(&info);
		line = end + 1;
	}
	return 0;
}

static int module_read_kernel(struct mf_context *ctx, struct mf_module_verifier *v)
{
	int r;

	if (v->exports_read)
		return 0;
	r = mf_symvers_text(ctx, &v->symvers);
	if (!r)
		r = mf_table_reserve(&v->exports, N_EXPORTS);
	if (!r)
		r = mf_symvers_parse(v->symvers, module_add_export, v);
	if (r == -ENOMEM || read_flags(ctx, v) < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, -ENOMEM, ctx->kernel, NULL);
	if (r < 0)
		return r;
	v->exports_read = true;
	return 0;
}

/* ---- the verifier ---- */

static void module_verifier_cleanup(struct mf_module_verifier **v)
{
	mf_module_verifier_free(*v);
}

int mf_module_verifier_new(struct mf_context *ctx, struct mf_module_verifier **ret_verifier)
{
	_cleanup_(module_verifier_cleanup) struct mf_module_verifier *v = calloc(1, sizeof(*v));
	_cleanup_close_ int dirfd = mf_context_open(ctx, KEY_DIRECTORY, O_RDONLY | O_DIRECTORY);
	const char *policy = ctx->settings.module_signature;
	_cleanup_free_ char *bad = NULL;
	int r;

	if (!v)
		return mf_fail(ctx, MF_STAGE_VERIFY, -ENOMEM, "modules", NULL);
	r = dirfd < 0 && dirfd != -ENOENT ? dirfd
					  : mf_keyring_read(dirfd, NULL, 0, &v->keyring, &bad);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, r == -EBADMSG ? -MFE_CONFIG : r,
			       bad ? bad : "/" KEY_DIRECTORY, "the key cannot be read");
	v->required = !strcmp(policy, "require") ||
		      (!strcmp(policy, "if-keys") && mf_keyring_size(v->keyring));
	if (v->required && !mf_keyring_size(v->keyring))
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_NO_KEYS, "/" KEY_DIRECTORY,
			       "module-signature=require, but there is no key in it");
	*ret_verifier = MF_STEAL(v);
	return 0;
}

void mf_module_verifier_free(struct mf_module_verifier *v)
{
	if (!v)
		return;
	mf_keyring_free(v->keyring);
	mf_table_done(&v->exports);
	free(v->symvers);
	free(v->flags);
	free(v);
}

bool mf_module_verifier_requires(const struct mf_module_verifier *v)
{
	return v->required;
}

void mf_module_verifier_warn(const struct mf_context *ctx, const struct mf_module_verifier *v)
{
	const char *why;

	if (mf_kernel_keys_check(ctx, v->keyring, &why) != MF_KERNEL_KNOWS_NONE)
		return;
	if (mf_keyring_size(v->keyring))
		mf_log(ctx, MF_LOG_WARNING,
		       "the running kernel loads only signed modules (%s) and knows none of the "
		       "keys in /" KEY_DIRECTORY ": it will refuse modules signed by them",
		       why);
	else
		mf_log(ctx, MF_LOG_INFO,
		       "the running kernel loads only signed modules (%s); to check before a "
		       "download whether it knows their key, put that key into /" KEY_DIRECTORY,
		       why);
}

/* ---- one module ---- */

static int module_check_signature(struct mf_context *ctx, const struct mf_module_verifier *v,
				  const char *path, const struct mf_modinfo *info)
{
	struct mf_signer signer;
	int r;

	if (!v->required)
		return 0;
	if (!info->signature)
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_MODULE_UNSIGNED, path,
			       "it has no signature, but needs one by a key in /" KEY_DIRECTORY);
	r = mf_module_signature_verify(v->keyring, info->data, info->elf_len, info->signature,
				       info->signature_len, &signer);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY, r, path, "the module: %s",
			       mf_error_sentence(r));
	return mf_deny_check(ctx, path, "module's key", signer.fingerprint);
}

/*
 * depmod copies these fields into lines of its indexes, and modules.softdep is read with the
 * grammar of modprobe.d: a second line in a field could be an "install" with a command.
 */
static int check_index_fields(struct mf_context *ctx, const char *path,
			      const struct mf_modinfo *info)
{
	static const char *const keys[] = { "alias", "softdep", "weakdep", "depends", "name" };

	for (size_t i = 0; i < info->n_fields; i++) {
		const struct mf_modinfo_field *field = &info->fields[i];

		for (size_t k = 0; k < MF_ARRAY_SIZE(keys); k++)
			for (const char *p = field->value; !strcmp(field->key, keys[k]) && *p; p++)
				if ((unsigned char)*p < ' ' || *p == 0x7f)
					return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_FORBIDDEN_FILE,
						       path, "its %s has a control character: %s",
						       keys[k], field->value);
	}
	return 0;
}

/*
 * Compares the CRCs of imports with those of known exports. 1: all are equal, and at least one was
 * compared; 0: no CRC is known; -MFE_WRONG_KERNEL, recorded.
 */
static int check_crcs(struct mf_context *ctx, const struct mf_module_verifier *v, const char *path,
		      const struct mf_modinfo *info)
{
	int known = 0;

	for (size_t i = 0; i < info->n_imports; i++) {
		const struct mf_symbol *import = &info->imports[i];
		uint32_t crc = import->has_crc ? crc_of(v, import->name) : 0;

		if (!crc)
			continue;
		if (crc != import->crc)
			return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_WRONG_KERNEL, path,
				       "it needs %s with CRC %08" PRIx32
				       ", but kernel %s has %08" PRIx32,
				       import->name, import->crc, ctx->kernel, crc);
		known = 1;
	}
	return known;
}

static int module_check_kernel(struct mf_context *ctx, struct mf_module_verifier *v,
			       const char *path, const char *kernel, size_t kernel_len,
			       const struct mf_modinfo *info)
{
	const char *vermagic = mf_modinfo_get(info, "vermagic");
	size_t release_len = vermagic ? strcspn(vermagic, " ") : 0;
	bool ours = strlen(ctx->kernel) == kernel_len && !strncmp(ctx->kernel, kernel, kernel_len);
	bool same = release_len == kernel_len && !memcmp(vermagic, kernel, kernel_len);
	int r = 0;

	if (!vermagic)
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_BAD_MODULE, path,
			       "it has no vermagic, so its kernel is not known");
	if (ours) {
		r = module_read_kernel(ctx, v);
		if (r == 0)
			r = check_crcs(ctx, v, path, info);
		if (r < 0)
			return r;
	}
	if (!same && r != 1)
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_WRONG_KERNEL, path,
			       "it was built for %.*s, not for %.*s", (int)release_len, vermagic,
			       (int)kernel_len, kernel);
	if (ours && v->flags && strcmp(vermagic + release_len, v->flags))
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_WRONG_KERNEL, path,
			       "its vermagic has \"%s\", but the kernel's own modules have \"%s\"",
			       vermagic + release_len, v->flags);
	return 0;
}

/* KVER of "/lib/modules/KVER/…" or "/usr/lib/…"; NULL for another path. */
static const char *module_kernel_of(const char *path, size_t *ret_len)
{
	const char *kernel = mf_kernel_tree_path(path);

	*ret_len = kernel ? strcspn(kernel, "/") : 0;
	return *ret_len && kernel[*ret_len] ? kernel : NULL;
}

/* DIGEST is that of the LEN bytes. */
static int verify_module(struct mf_context *ctx, struct mf_module_verifier *v, const char *path,
			 const void *buf, size_t len, const uint8_t digest[MF_SHA256_LEN])
{
	_cleanup_(mf_modinfo_done) struct mf_modinfo info = { 0 };
	size_t kernel_len;
	const char *kernel = module_kernel_of(path, &kernel_len);
	int r;

	if (!kernel)
		return mf_fail(ctx, MF_STAGE_VERIFY, -MFE_BAD_MODULE, path,
			       "it is not in the module directory of a kernel");
	r = mf_deny_check_digest(ctx, path, "module", digest);
	if (r < 0)
		return r;
	r = mf_modinfo_parse(buf, len, MF_MODULE_FILE_MAX, &info);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_VERIFY,
			       r == -EBADMSG ? -MFE_BAD_MODULE
			       : r == -EFBIG ? -MFE_TOO_LARGE
					     : r,
			       path, NULL);
	r = module_check_signature(ctx, v, path, &info);
	if (r == 0)
		r = check_index_fields(ctx, path, &info);
	return r < 0 ? r : module_check_kernel(ctx, v, path, kernel, kernel_len, &info);
}

int mf_verify_module(struct mf_context *ctx, struct mf_module_verifier *v, const char *path,
		     const void *buf, size_t len)
{
	uint8_t digest[MF_SHA256_LEN];
	int r = mf_sha256(buf, len, digest);

	return r < 0 ? mf_fail(ctx, MF_STAGE_VERIFY, r, path, NULL)
		     : verify_module(ctx, v, path, buf, len, digest);
}

/* ---- the modules of a package ---- */

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
	size_t n_checked;
};

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
	if (!file->has_sha256 || memcmp(digest, file->sha256, sizeof(digest)))
		return mf_fail(w->ctx, MF_STAGE_VERIFY, -MFE_BAD_PACKAGE, w->package,
			       "%s does not have the digest in the package's header", name);
	w->n_checked++;
	return mf_is_module(file->path)
		       ? verify_module(w->ctx, w->verifier, file->path, data, len, digest)
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

static int walk_payload(struct payload_walk *w, const void *buf, size_t len)
{
	_cleanup_free_ void *owned = NULL;
	const void *payload;
	size_t payload_len;
	int r = open_payload(buf, len, w->header, w->ctx->settings.max_package, &owned, &payload,
			     &payload_len);

	if (r == 0)
		r = mf_cpio_each(payload, payload_len, on_archive_member, w);
	if (r == -ENOMEM && w->ctx->failure.code != r)
		return mf_fail(w->ctx, MF_STAGE_VERIFY, r, w->package, NULL);
	return r == -EBADMSG || r == -EFBIG || r == -EINVAL
		       ? mf_fail(w->ctx, MF_STAGE_VERIFY, -MFE_BAD_PACKAGE, w->package,
				 "its payload cannot be read")
		       : r;
}

int mf_verify_modules(struct mf_context *ctx, struct mf_module_verifier *verifier,
		      const char *package, int fd, const struct mf_rpm_header *header)
{
	struct payload_walk w = { ctx, verifier, package, header, 0 };
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
