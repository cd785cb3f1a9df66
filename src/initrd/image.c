/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finds the initrd of a kernel, and lists the modules of this kernel in it.
 *
 * An initrd is a sequence of archives and of compressed streams of archives, with NUL bytes between
 * them: first, if the processor has any, an archive with its microcode, then a compressed one with
 * everything else. The kernel unpacks them one after another, a later file over an earlier one.
 *
 * Of each module two digests are kept: of its bytes, and of what it states (.modinfo, the CRCs of
 * imports and exports). A generator may strip debugging symbols and signatures from its copy, so
 * different bytes do not prove another module, but different statements do.
 *
 * The file is root's, but made from many sources: it is read with limits, nothing is unpacked, and
 * a name is compared, never opened.
 */
#include "image.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "modfetch/array.h"
#include "modfetch/cleanup.h"
#include "modfetch/crypto.h"
#include "modfetch/file.h"
#include "modfetch/inflate.h"
#include "modfetch/modinfo.h"
#include "modfetch/module-name.h"
#include "cpio.h"

#define IMAGE_MAX    ((size_t)1 << 30)
#define UNPACKED_MAX ((size_t)4 << 30)
#define MODULE_MAX   ((size_t)64 << 20)
#define MODULES_MAX  100000
#define IMAGE_PLACES 5

/* ---- the file ---- */

static char *image_machine_id(const struct mf_context *ctx)
{
	_cleanup_close_ int fd = mf_context_open(ctx, "etc/machine-id", O_RDONLY);
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (fd < 0 || mf_file_read(fd, 64, &text, &len) < 0)
		return NULL;
	text[strcspn(text, "\n")] = '\0';
	return mf_is_plain_name(text) ? MF_STEAL(text) : NULL;
}

/* The places of an initrd, in the order of precedence; NULL: no memory. */
static char *image_place(const struct mf_context *ctx, size_t i)
{
	_cleanup_free_ char *id = NULL;

	switch (i) {
	case 0:
		return mf_format("boot/initrd.img-%s", ctx->kernel);
	case 1:
		return mf_format("boot/initramfs-%s.img", ctx->kernel);
	case 2:
		return mf_format("boot/initrd-%s", ctx->kernel);
	case 3:
		id = image_machine_id(ctx);
		return mf_format("boot/%s/%s/initrd", id ? id : ".", ctx->kernel);
	default:
		return mf_kernel_path(ctx->kernel, "initrd");
	}
}

int mf_image_open(const struct mf_context *ctx, char **ret_path)
{
	int fd = -ENOENT;

	for (size_t i = 0; fd == -ENOENT && i < IMAGE_PLACES; i++) {
		_cleanup_free_ char *path = image_place(ctx, i);

		fd = path ? mf_context_open(ctx, path, O_RDONLY) : -ENOMEM;
		if (fd >= 0)
			*ret_path = MF_STEAL(path);
	}
	return fd;
}

/* ---- the modules ---- */

static int image_add_symbols(struct mf_strings *facts, const struct mf_symbol *symbols, size_t n)
{
	int r = 0;

	for (size_t i = 0; !r && i < n; i++) {
		_cleanup_free_ char *fact = mf_format("%s %u", symbols[i].name, symbols[i].crc);

		r = fact ? mf_strings_add(facts, fact) : -ENOMEM;
	}
	return r;
}

/* What a module states, in an order that does not depend on that of its sections and symbols. */
static int image_digest_facts(const struct mf_modinfo *info, uint8_t ret_digest[MF_SHA256_LEN])
{
	_cleanup_(mf_strings_done) struct mf_strings facts = { 0 };
	uint8_t digest[MF_SHA256_LEN];
	int r = image_add_symbols(&facts, info->imports, info->n_imports);

	if (!r)
		r = image_add_symbols(&facts, info->exports, info->n_exports);
	for (size_t i = 0; !r && i < info->n_fields; i++) {
		_cleanup_free_ char *fact =
			mf_format("%s=%s", info->fields[i].key, info->fields[i].value);

		r = fact ? mf_strings_add(&facts, fact) : -ENOMEM;
	}
	memset(ret_digest, 0, MF_SHA256_LEN);
	for (size_t i = 0; !r && i < facts.n; i++) {
		r = mf_sha256(facts.v[i], strlen(facts.v[i]), digest);
		if (!r)
			mf_sha256_sum(ret_digest, digest);
	}
	return r;
}

int mf_image_digest(const void *bytes, size_t len, struct mf_image_module *module)
{
	_cleanup_(mf_modinfo_done) struct mf_modinfo info = { 0 };
	int r = mf_modinfo_parse(bytes, len, MODULE_MAX, &info);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	r = image_digest_facts(&info, module->facts);
	if (!r)
		r = mf_sha256(info.data, info.data_len, module->sha256);
	module->content = !r;
	return r;
}

struct image_reader {
	const struct mf_context *ctx;
	struct mf_image *image;
	char name[MF_MODULE_NAME_SIZE]; /* of the module whose content comes next */
};

static int image_add(struct image_reader *reader, const struct mf_image_module *module)
{
	struct mf_image *image = reader->image;
	char *name = strdup(reader->name);

	if (image->n >= MODULES_MAX)
		free(MF_STEAL(name));
	else if (name && mf_array_reserve(&image->modules, &image->room, image->n + 1,
					  sizeof(*image->modules)) < 0)
		free(MF_STEAL(name));
	if (!name)
		return image->n >= MODULES_MAX ? -EFBIG : -ENOMEM;
	image->modules[image->n] = *module;
	image->modules[image->n++].name = name;
	return 0;
}

/* The path below the directory of the kernel's modules, or NULL. */
static const char *image_below_kernel(const struct image_reader *reader, const char *path)
{
	static const char modules[] = "lib/modules/";
	size_t len = strlen(reader->ctx->kernel);

	path += mf_starts_with(path, "./") ? 2 : *path == '/';
	path += mf_starts_with(path, "usr/lib/") ? strlen("usr/") : 0;
	if (!mf_starts_with(path, modules))
		return NULL;
	path += strlen(modules);
	return !strncmp(path, reader->ctx->kernel, len) && path[len] == '/' ? path + len + 1 : NULL;
}

static int image_on_entry(void *arg, const struct mf_cpio_entry *entry)
{
	struct image_reader *reader = arg;
	const char *path = image_below_kernel(reader, entry->name);

	if (!path || !mf_is_module(path) ||
	    !mf_module_name(path, reader->name, sizeof(reader->name)))
		return 0;
	if (S_ISREG(entry->mode))
		return 1;
	return S_ISLNK(entry->mode) ? image_add(reader, &(struct mf_image_module){ 0 }) : 0;
}

static int image_on_content(void *arg, const void *bytes, size_t len)
{
	struct mf_image_module module = { 0 };
	int r = mf_image_digest(bytes, len, &module);

	return r < 0 ? r : image_add(arg, &module);
}

/* ---- the sequence of archives ---- */

static int image_on_bytes(void *arg, const void *bytes, size_t len)
{
	size_t used;
	int r = mf_cpio_push(arg, bytes, len, &used);

	return r < 0 ? r : used < len ? -EBADMSG : 0;
}

int mf_image_parse(struct mf_cpio *cpio, const char *bytes, size_t len)
{
	size_t at = 0, used;
	int r = 0;

	while (!r && at < len) {
		r = mf_cpio_push(cpio, bytes + at, len - at, &used);
		at += used;
		if (r < 0 || at == len)
			break;
		r = mf_inflate_stream(bytes + at, len - at, UNPACKED_MAX, image_on_bytes, cpio,
				      &used);
		at += used;
	}
	return r < 0 ? r : mf_cpio_complete(cpio) ? 0 : -EBADMSG;
}

static int image_compare(const void *a, const void *b)
{
	const struct mf_image_module *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int image_read_fd(struct mf_context *ctx, int fd, struct mf_image *image)
{
	struct image_reader reader = { .ctx = ctx, .image = image };
	const struct mf_cpio_visitor visitor = { image_on_entry, image_on_content, &reader };
	_cleanup_free_ char *bytes = NULL;
	struct mf_cpio *cpio;
	size_t len = 0;
	int r = fstat(fd, &image->st) < 0 ? -errno : 0;

	if (!r && !S_ISREG(image->st.st_mode))
		r = -EBADMSG;
	if (!r)
		r = mf_file_read(fd, IMAGE_MAX, &bytes, &len);
	cpio = r < 0 ? NULL : mf_cpio_new(&visitor, MODULE_MAX);
	if (r < 0 || !cpio)
		return r < 0 ? r : -ENOMEM;
	r = mf_image_parse(cpio, bytes, len);
	mf_cpio_free(cpio);
	if (image->n)
		qsort(image->modules, image->n, sizeof(*image->modules), image_compare);
	return r;
}

/* Why an initrd could not be read. */
static const char *image_fault(int r)
{
	switch (r) {
	case -EINVAL:
		return "it is compressed in a format that modfetch does not know";
	case -EBADMSG:
		return "it is damaged or truncated";
	case -EFBIG:
		return "it exceeds the limits for an initrd";
	default:
		return mf_error_sentence(r);
	}
}

int mf_image_read(struct mf_context *ctx, struct mf_image *ret_image)
{
	_cleanup_(mf_image_done) struct mf_image image = { 0 };
	_cleanup_close_ int fd = mf_image_open(ctx, &image.path);
	int r = fd < 0 ? fd : image_read_fd(ctx, fd, &image);

	if (r == -ENOENT)
		return 1;
	if (r < 0)
		return mf_fail(ctx, MF_STAGE_INITRD, r == -ENOMEM ? r : -MFE_BAD_INITRD,
			       image.path ? image.path : ctx->kernel, "%s", image_fault(r));
	mf_log(ctx, MF_LOG_DEBUG, "initrd: %s has %zu modules", image.path, image.n);
	*ret_image = image;
	image = (struct mf_image){ 0 };
	return 0;
}

void mf_image_done(struct mf_image *image)
{
	for (size_t i = 0; i < image->n; i++)
		free(image->modules[i].name);
	free(image->modules);
	free(image->path);
	*image = (struct mf_image){ 0 };
}

const struct mf_image_module *mf_image_find(const struct mf_image *image, const char *name)
{
	const struct mf_image_module key = { .name = (char *)name };

	return image->n ? bsearch(&key, image->modules, image->n, sizeof(*image->modules),
				  image_compare)
			: NULL;
}
