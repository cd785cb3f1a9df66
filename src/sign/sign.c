/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Signs a module as the kernel's own scripts/sign-file does, and compresses it like its neighbours.
 *
 * At the end of a signed module are, after the bytes of the object file:
 *	signature	CMS in DER
 *	12 bytes	struct module_signature: algorithm, digest, kind of id (2: PKCS#7), length of the
 *			signer, length of the key's id, 3 bytes of padding, length of the signature
 *			(big-endian); all others are 0 for PKCS#7, whose own fields say the same
 *	28 bytes	"~Module signature appended~\n"
 * Source: include/linux/module_signature.h. What a build brought is parsed with bounds before it is
 * signed: only a module is.
 *
 * The digest is the one with which the kernel's own modules are signed (CONFIG_MODULE_SIG_HASH), since
 * that one is built into the kernel. SHA-256 takes the place of one that modfetch does not accept:
 * SHA-1 is broken, and SHA-3 is not known to each kernel that a module fits.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/compression.h"
#include "modfetch/deflate.h"
#include "modfetch/file.h"
#include "modfetch/kernel-config.h"
#include "modfetch/modinfo.h"
#include "modfetch/module-key.h"
#include "modfetch/strings.h"
#include "pair.h"

#define MARKER	  "~Module signature appended~\n"
#define ID_PKCS7  2
#define INDEX_MAX ((size_t)64 << 20)

struct trailer {
	uint8_t algorithm, digest, id_type, signer_len, key_id_len, pad[3];
	uint32_t signature_len; /* big-endian */
};

/* ---- the signature ---- */

static const char *digest_of(const char *config)
{
	static const struct {
		const char *option, *digest;
	} digests[] = {
		{ "CONFIG_MODULE_SIG_SHA384", "sha384" },
		{ "CONFIG_MODULE_SIG_SHA512", "sha512" },
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(digests); i++)
		if (mf_kernel_config_has(config, digests[i].option))
			return digests[i].digest;
	return "sha256";
}

/* The object with its signature; NULL: no memory. */
static void *append(const struct mf_modinfo *info, const void *sig, size_t sig_len, size_t *ret_len)
{
	const struct trailer trailer = { .id_type = ID_PKCS7,
					 .signature_len = htonl((uint32_t)sig_len) };
	size_t len = info->elf_len + sig_len + sizeof(trailer) + strlen(MARKER);
	char *out = malloc(len), *p;

	if (!out)
		return NULL;
	p = mempcpy(out, info->data, info->elf_len);
	p = mempcpy(p, sig, sig_len);
	p = mempcpy(p, &trailer, sizeof(trailer));
	memcpy(p, MARKER, strlen(MARKER));
	*ret_len = len;
	return out;
}

static int read_key(struct mf_context *ctx, struct mf_key_pair *ret_pair)
{
	_cleanup_close_ int dirfd = mf_context_open(ctx, KEYS, O_RDONLY | O_DIRECTORY);
	int r = dirfd == -ENOENT ? 1
		: dirfd < 0	 ? mf_fail(ctx, MF_STAGE_SIGN, dirfd, "/" KEYS, NULL)
				 : sign_pair_read(ctx, dirfd, ret_pair);

	return r > 0 ? mf_fail(ctx, MF_STAGE_SIGN, -MFE_CONFIG, "/" KEYS "/" PRIVATE_KEY,
			       "there is no key to sign modules with")
		     : r;
}

int mf_module_sign(struct mf_context *ctx, const char *name, const char *config, const void *module,
		   size_t len, void **ret_module, size_t *ret_len)
{
	_cleanup_(mf_key_pair_done) struct mf_key_pair pair = { 0 };
	_cleanup_(mf_modinfo_done) struct mf_modinfo info = { 0 };
	_cleanup_free_ void *sig = NULL;
	size_t sig_len = 0;
	void *out;
	int r = read_key(ctx, &pair);

	if (r < 0)
		return r;
	r = mf_modinfo_parse(module, len, MF_MODULE_FILE_MAX, &info);
	if (!r)
		r = mf_module_signature_make(&pair, digest_of(config), info.data, info.elf_len,
					     &sig, &sig_len);
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_SIGN,
			       r == -EBADMSG ? -MFE_BAD_MODULE
			       : r == -EFBIG ? -MFE_TOO_LARGE
					     : r,
			       name, NULL);
	out = append(&info, sig, sig_len, ret_len);
	if (!out)
		return mf_fail(ctx, MF_STAGE_SIGN, -ENOMEM, name, NULL);
	*ret_module = out;
	return 0;
}

/* ---- compression ---- */

struct neighbour {
	int tree;
	struct mf_compression compression;
};

/* A line of modules.dep; a kernel's own modules are in kernel/. 1: the first that can be read. */
static int on_line(void *arg, char *line)
{
	struct neighbour *n = arg;
	size_t len = strcspn(line, ":");
	_cleanup_close_ int fd = -1;
	char head[MF_COMPRESSION_HEAD];
	ssize_t got;

	if (!mf_starts_with(line, "kernel/") || line[len] != ':')
		return 0;
	line[len] = '\0';
	fd = openat(n->tree, line, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	got = fd < 0 ? -1 : pread(fd, head, sizeof(head), 0);
	if (got < 0)
		return 0;
	n->compression = mf_compression_of(head, (size_t)got);
	return 1;
}

static const struct {
	const char *format, *ending, *option;
} formats[] = {
	{ "gzip", ".ko.gz", "CONFIG_MODULE_COMPRESS_GZIP" },
	{ "xz", ".ko.xz", "CONFIG_MODULE_COMPRESS_XZ" },
	{ "zstd", ".ko.zst", "CONFIG_MODULE_COMPRESS_ZSTD" },
};

const char *mf_module_format(const struct mf_context *ctx, const char *kernel)
{
	_cleanup_free_ char *path = mf_kernel_path(kernel, NULL);
	_cleanup_close_ int tree = path ? mf_context_open(ctx, path, O_RDONLY | O_DIRECTORY) : -1;
	_cleanup_close_ int index =
		tree < 0 ? -1 : openat(tree, "modules.dep", O_RDONLY | O_CLOEXEC);
	struct neighbour n = { .tree = tree };
	_cleanup_free_ char *config = NULL;

	if (index >= 0 && mf_file_each_line(index, INDEX_MAX, on_line, &n) == 1)
		return n.compression.name;
	(void)mf_kernel_config_read(ctx, kernel, &config);
	for (size_t i = 0; i < MF_ARRAY_SIZE(formats); i++)
		if (mf_kernel_config_has(config, formats[i].option))
			return formats[i].format;
	return NULL;
}

const char *mf_module_format_ending(const char *format)
{
	for (size_t i = 0; format && i < MF_ARRAY_SIZE(formats); i++)
		if (!strcmp(format, formats[i].format))
			return formats[i].ending;
	return ".ko";
}

int mf_module_compress(const char *format, const void *module, size_t len, void **ret_file,
		       size_t *ret_len)
{
	void *copy;

	if (format)
		return mf_deflate(format, module, len, ret_file, ret_len);
	copy = malloc(len ? len : 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, module, len);
	*ret_file = copy;
	*ret_len = len;
	return 0;
}
