/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Initrds with a real kernel's modules, in each form that a generator or the kernel knows. */
#include "tests/unit.h"
#include "archive.h"
#include "modfetch/crypto.h"
#include "src/initrd/image.h"
#include "tests/root.h"
#include "tests/shell.h"
#include "tests/trees.h"

#define IMAGE "boot/initrd.img-" KERNEL
#define TREE  "usr/lib/modules/" KERNEL "/kernel/"

static char *read_module(const char *path, size_t *ret_len)
{
	_cleanup_free_ char *full = mf_format("%s/%s", tree_of("default"), path);
	char *bytes = NULL;

	assert_int_equal(mf_file_read_at(AT_FDCWD, full, 1 << 24, &bytes, ret_len), 0);
	return bytes;
}

/* fat.ko, vfat.ko.xz, a link, a module of another kernel, and files that are no modules. */
static struct archive make_archive(void)
{
	struct archive a = { 0 };
	size_t len;
	_cleanup_free_ char *fat = read_module("kernel/fs/fat/fat.ko", &len);

	archive_entry(&a, "usr/lib/modules", S_IFDIR, "", 0);
	archive_entry(&a, TREE "fs/fat/fat.ko", S_IFREG, fat, len);
	archive_entry(&a, "usr/lib/modules/other/kernel/fs/nfs.ko", S_IFREG, fat, len);
	archive_entry(&a, "lib/modules/" KERNEL "/updates/far-away.ko", S_IFLNK, "../x", 4);
	archive_entry(&a, TREE "fs/damaged.ko", S_IFREG, "no module", 9);
	archive_entry(&a, TREE "modules.dep", S_IFREG, "x", 1);
	archive_end(&a);
	return a;
}

/* Writes the initrd: microcode first, then ARCHIVE through COMMAND. */
static void write_initrd(const struct root *r, const struct archive *archive, const char *command)
{
	struct archive a = { 0 };
	char *compressed;
	size_t len;

	archive_entry(&a, "kernel/x86/microcode/GenuineIntel.bin", S_IFREG, "code", 4);
	archive_end(&a);
	archive_pad(&a, 512);
	root_write_bytes(r, "plain", archive->bytes, archive->len);
	run("cd %s && %s <plain >compressed", r->path, command);
	assert_int_equal(mf_file_read_at(r->fd, "compressed", 1 << 26, &compressed, &len), 0);
	archive_put(&a, compressed, len);
	free(compressed);
	root_write_bytes(r, IMAGE, a.bytes, a.len);
	free(a.bytes);
}

static void assert_modules(const struct mf_image *image)
{
	const struct mf_image_module *fat = mf_image_find(image, "fat");
	uint8_t digest[MF_SHA256_LEN];
	size_t len;
	_cleanup_free_ char *bytes = read_module("kernel/fs/fat/fat.ko", &len);

	assert_int_equal(image->n, 3);
	assert_non_null(fat);
	assert_true(fat->content);
	assert_int_equal(mf_sha256(bytes, len, digest), 0);
	assert_memory_equal(fat->sha256, digest, sizeof(digest));
	assert_non_null(mf_image_find(image, "far_away"));
	assert_false(mf_image_find(image, "far_away")->content);
	assert_non_null(mf_image_find(image, "damaged"));
	assert_false(mf_image_find(image, "damaged")->content);
	assert_null(mf_image_find(image, "nfs"));
}

static void each_compression_is_read(void **state)
{
	static const char *const commands[] = { "cat", "gzip -1", "xz -0 -C crc32",
						"xz -0 --format=lzma", "zstd -q -1" };
	struct root *r = *state;
	struct archive a = make_archive(), compressed;

	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		_cleanup_(mf_image_done) struct mf_image image = { 0 };

		write_initrd(r, &a, commands[i]);
		if (mf_image_read(&r->ctx, &image) != 0)
			fail_msg("%s: %s", commands[i], r->ctx.failure.why);
		assert_string_equal(image.path, IMAGE);
		assert_modules(&image);
	}
	compressed = archive_lz4(&a);
	{
		_cleanup_(mf_image_done) struct mf_image image = { 0 };

		write_initrd(r, &compressed, "cat");
		assert_int_equal(mf_image_read(&r->ctx, &image), 0);
		assert_modules(&image);
	}
	free(a.bytes);
	free(compressed.bytes);
}

/* The kernel unpacks any number of streams. */
static void several_streams_are_one_initrd(void **state)
{
	struct root *r = *state;
	struct archive a = make_archive();
	_cleanup_(mf_image_done) struct mf_image image = { 0 };

	write_initrd(r, &a, "{ gzip; head -c 1024 /dev/zero; xz -0 -c plain; zstd -q -c plain; }");
	assert_int_equal(mf_image_read(&r->ctx, &image), 0);
	assert_int_equal(image.n, 9);
	free(a.bytes);
}

static void a_compressed_module_has_the_digest_of_its_content(void **state)
{
	struct root *r = *state;
	struct archive a = { 0 };
	_cleanup_(mf_image_done) struct mf_image image = { 0 };
	_cleanup_free_ char *plain = NULL, *xz = NULL;
	uint8_t digest[MF_SHA256_LEN];
	size_t len;

	plain = read_module("kernel/fs/fat/fat.ko", &len);
	assert_int_equal(mf_sha256(plain, len, digest), 0);
	root_write_bytes(r, "fat.ko", plain, len);
	run("xz -0 -C crc32 %s/fat.ko", r->path);
	assert_int_equal(mf_file_read_at(r->fd, "fat.ko.xz", 1 << 24, &xz, &len), 0);
	archive_entry(&a, TREE "fs/fat/fat.ko.xz", S_IFREG, xz, len);
	archive_end(&a);
	write_initrd(r, &a, "zstd -q");
	assert_int_equal(mf_image_read(&r->ctx, &image), 0);
	assert_int_equal(image.n, 1);
	assert_memory_equal(image.modules[0].sha256, digest, sizeof(digest));
	free(a.bytes);
}

static void a_stripped_copy_states_the_same(void **state)
{
	struct mf_image_module whole = { 0 }, stripped = { 0 }, other = { 0 };
	struct root *r = *state;
	_cleanup_free_ char *bytes = NULL, *cut = NULL, *vfat = NULL;
	size_t len, cut_len, vfat_len;

	bytes = read_module("kernel/fs/fat/fat.ko", &len);
	vfat = read_module("kernel/fs/fat/vfat.ko", &vfat_len);
	root_write_bytes(r, "fat.ko", bytes, len);
	run("objcopy --strip-debug --remove-section=.comment %s/fat.ko", r->path);
	assert_int_equal(mf_file_read_at(r->fd, "fat.ko", 1 << 24, &cut, &cut_len), 0);
	assert_int_equal(mf_image_digest(bytes, len, &whole), 0);
	assert_int_equal(mf_image_digest(cut, cut_len, &stripped), 0);
	assert_int_equal(mf_image_digest(vfat, vfat_len, &other), 0);
	assert_memory_not_equal(whole.sha256, stripped.sha256, MF_SHA256_LEN);
	assert_memory_equal(whole.facts, stripped.facts, MF_SHA256_LEN);
	assert_memory_not_equal(whole.facts, other.facts, MF_SHA256_LEN);
}

static void the_places_of_an_initrd(void **state)
{
	static const char *const places[] = {
		"lib/modules/" KERNEL "/initrd",
		"boot/0123456789abcdef0123456789abcdef/" KERNEL "/initrd",
		"boot/initrd-" KERNEL,
		"boot/initramfs-" KERNEL ".img",
		"boot/initrd.img-" KERNEL,
	};
	struct root *r = *state;
	char *path = NULL;

	root_write(r, "etc/machine-id", "0123456789abcdef0123456789abcdef\n");
	assert_int_equal(mf_image_open(&r->ctx, &path), -ENOENT);
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		int fd;

		root_write(r, places[i], "");
		path = NULL;
		fd = mf_image_open(&r->ctx, &path);
		assert_true(fd >= 0);
		assert_string_equal(path, places[i]);
		close(fd);
		free(path);
	}
}

static void no_initrd_is_no_failure(void **state)
{
	struct root *r = *state;
	struct mf_image image = { 0 };

	assert_int_equal(mf_image_read(&r->ctx, &image), 1);
	assert_int_equal(r->ctx.failure.code, 0);
}

static void damage_has_a_code(void **state)
{
	static const char *const contents[] = { "", "BZh91AY", "070701", "\x1f\x8b\x08" };
	struct root *r = *state;
	struct archive a = make_archive();
	struct mf_image image = { 0 };

	for (size_t i = 0; i < sizeof(contents) / sizeof(*contents); i++) {
		root_write(r, IMAGE, contents[i]);
		assert_int_equal(mf_image_read(&r->ctx, &image), -MFE_BAD_INITRD);
		assert_string_equal(r->ctx.failure.what, IMAGE);
	}
	write_initrd(r, &a, "gzip | head -c 9000");
	assert_int_equal(mf_image_read(&r->ctx, &image), -MFE_BAD_INITRD);
	/* what comes after the archives must be one too */
	write_initrd(r, &a, "{ gzip; echo garbage; }");
	assert_int_equal(mf_image_read(&r->ctx, &image), -MFE_BAD_INITRD);
	free(a.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(each_compression_is_read),
		ROOTED(several_streams_are_one_initrd),
		ROOTED(a_compressed_module_has_the_digest_of_its_content),
		ROOTED(a_stripped_copy_states_the_same),
		ROOTED(the_places_of_an_initrd),
		ROOTED(no_initrd_is_no_failure),
		ROOTED(damage_has_a_code),
	};

	return UNIT_RUN(tests);
}
