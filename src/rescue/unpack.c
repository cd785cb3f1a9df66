/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unpacks a package whose bytes were compared with signed metadata.
 *
 * There is no rpm in an initrd, and none is needed: what a driver package may install is modules and
 * firmware. Only these are written: modules below lib/modules/KVER of this kernel, each checked as in the
 * running system (signature of a module key, deny list, kernel), and files below lib/firmware. All else
 * of the package, its scripts included, is ignored; the package itself is installed once the machine
 * runs. A path is used only if it is plain: no "..", no link, no special file. A file that exists is
 * never replaced.
 *
 * A package in rpm's format 6 has numbers in place of the names of its files, which are in a header
 * that nothing here reads: it is refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/inflate.h"
#include "modfetch/modinfo.h"
#include "modfetch/module-name.h"
#include "modfetch/verify.h"
#include "rescue.h"

#define PAYLOAD_MAX ((size_t)1 << 30)
#define FIRMWARE    "/lib/firmware/"

struct unpack {
	struct mf_context *ctx;
	struct mf_module_verifier *verifier;
	const char *label;
	struct mf_strings *modules, *needs;
};

/* No "//", no component that is "." or "..", no control character. */
static bool path_is_plain(const char *path)
{
	for (const char *p = path; *p; p++)
		if ((unsigned char)*p < ' ' || (*p == '/' && (p[1] == '/' || p[1] == '.')))
			return false;
	return true;
}

/* Writes a file below the root unless it is there. */
static int unpack_write(const struct unpack *u, const char *path, const void *data, size_t len)
{
	const char *slash = strrchr(path, '/');
	_cleanup_free_ char *directory = strndup(path, (size_t)(slash - path));
	_cleanup_close_ int fd = directory ? mf_context_mkdir(u->ctx, directory) : -ENOMEM;
	_cleanup_(mf_staged_done) struct mf_staged staged = MF_STAGED_INIT;
	int r;

	if (fd < 0)
		return mf_fail(u->ctx, MF_STAGE_INSTALL, fd, path, NULL);
	if (!faccessat(fd, slash + 1, F_OK, AT_SYMLINK_NOFOLLOW))
		return 0;
	r = mf_staged_init(&staged, fd, slash + 1, 0644);
	if (r == 0)
		r = mf_file_write(staged.fd, data, len);
	if (r == 0)
		r = mf_staged_publish_volatile(&staged);
	return r < 0 ? mf_fail(u->ctx, MF_STAGE_INSTALL, r, path, NULL) : 0;
}

/* Adds the modules in a field of names: "depends=a,b", "softdep=pre: a b post: c". */
static int add_needs(const struct unpack *u, const struct mf_modinfo *info)
{
	int r = 0;

	for (size_t i = 0; !r && i < info->n_fields; i++) {
		const struct mf_modinfo_field *field = &info->fields[i];
		bool soft = !strcmp(field->key, "softdep");
		_cleanup_(mf_strings_done) struct mf_strings words = { 0 };

		if (!soft && strcmp(field->key, "depends"))
			continue;
		r = mf_strings_split(&words, field->value);
		for (size_t k = 0; !r && k < words.n; k++) {
			char name[MF_MODULE_NAME_SIZE];

			if (!mf_ends_with(words.v[k], ":") &&
			    mf_module_name(words.v[k], name, sizeof(name)))
				r = mf_strings_add_unique(u->needs, name);
		}
	}
	return r;
}

static int unpack_module(const struct unpack *u, const char *path, const void *data, size_t len)
{
	_cleanup_(mf_modinfo_done) struct mf_modinfo info = { 0 };
	char name[MF_MODULE_NAME_SIZE];
	int r = mf_verify_module(u->ctx, u->verifier, path, data, len);

	if (r < 0)
		return r;
	r = mf_modinfo_parse(data, len, MF_MODULE_FILE_MAX, &info);
	if (r == 0)
		r = add_needs(u, &info);
	if (r == 0 && !mf_module_name(path, name, sizeof(name)))
		r = -MFE_BAD_MODULE;
	if (r == 0)
		r = mf_strings_add_unique(u->modules, name);
	if (r < 0)
		return mf_fail(u->ctx, MF_STAGE_VERIFY, r, path, NULL);
	return unpack_write(u, path, data, len);
}

static int on_member(void *arg, const char *name, uint32_t mode, const void *data, size_t len)
{
	const struct unpack *u = arg;
	const char *path = mf_starts_with(name, "./") ? name + 1 : name, *kernel, *plain;
	size_t release = strlen(u->ctx->kernel);

	if (!S_ISREG(mode) || *path != '/' || !path_is_plain(path))
		return 0;
	plain = mf_without_usr(path);
	kernel = mf_kernel_tree_path(path);
	if (kernel && !strncmp(kernel, u->ctx->kernel, release) && kernel[release] == '/' &&
	    mf_is_module(path))
		return unpack_module(u, plain, data, len);
	return mf_starts_with(plain, FIRMWARE) ? unpack_write(u, plain, data, len) : 0;
}

static int walk_payload(struct unpack *u, const struct mf_rpmfile *file)
{
	_cleanup_free_ void *owned = NULL;
	const void *payload = file->payload;
	size_t len = file->payload_len;
	int r = 0;

	if (mf_inflate_known(payload, len)) {
		r = mf_inflate(payload, len, PAYLOAD_MAX, &owned, &len);
		payload = owned;
	}
	return r < 0 ? r : mf_cpio_each(payload, len, NULL, on_member, u);
}

int rescue_unpack(struct mf_context *ctx, struct mf_module_verifier *verifier, const char *label,
		  const void *buf, size_t len, struct mf_strings *ret_modules,
		  struct mf_strings *ret_needs)
{
	struct unpack u = { ctx, verifier, label, ret_modules, ret_needs };
	struct mf_rpmfile file;
	int r;

	ctx->failure = (struct mf_failure){ 0 };
	r = mf_rpmfile_parse(buf, len, &file);
	if (r == 0)
		r = walk_payload(&u, &file);
	/* what a member's own function recorded says more */
	if (r >= 0 || ctx->failure.code == r)
		return r;
	return mf_fail(ctx, MF_STAGE_VERIFY, r == -ENOMEM ? r : -MFE_BAD_PACKAGE, label,
		       "its payload cannot be read here; boot another way and install it there");
}
