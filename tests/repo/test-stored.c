/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The directory of packages: names, copies with their digest, and that each list keeps its files. */
#include "tests/unit.h"
#include "tests/root.h"
#include <string.h>
#include "modfetch/crypto.h"
#include "src/repo/stored.h"

#define NAME  "igb-kmp"
#define LABEL "igb-kmp-2:1.0-1.x86_64"

static struct mf_kept_package package_of(const char *bytes)
{
	struct mf_kept_package package = { .size = strlen(bytes),
					   .name = (char *)NAME,
					   .label = (char *)LABEL };

	mf_sha256(bytes, strlen(bytes), package.sha256);
	return package;
}

/* The path of its file; the caller's to free. */
static char *path_of(const struct mf_kept_package *package)
{
	_cleanup_free_ char *name = mf_kept_file_name(package);

	assert_non_null(name);
	return mf_format(MF_KEPT_DIRECTORY "/%s", name);
}

static void put(struct root *r, const struct mf_kept_package *package, const char *bytes)
{
	_cleanup_free_ char *path = path_of(package);

	root_write(r, path, bytes);
}

static void a_file_with_the_digest_is_copied_and_sealed(void **state)
{
	struct root *r = *state;
	struct mf_kept_package package = package_of("the bytes");
	char text[16] = "";
	int fd;

	assert_int_equal(mf_kept_open(&r->ctx, &package), -ENOENT);
	put(r, &package, "the bytes");
	assert_true(mf_kept_is_intact(&r->ctx, &package));
	fd = mf_kept_open(&r->ctx, &package);
	assert_true(fd >= 0);
	assert_true(mf_memfile_is_sealed(fd));
	assert_int_equal(read(fd, text, sizeof(text)), 9);
	assert_string_equal(text, "the bytes");
	close(fd);
}

static void a_changed_or_shorter_file_is_none(void **state)
{
	struct root *r = *state;
	struct mf_kept_package package = package_of("the bytes");

	put(r, &package, "the bytfs");
	assert_true(mf_kept_is_there(&r->ctx, &package));
	assert_false(mf_kept_is_intact(&r->ctx, &package));
	assert_int_equal(mf_kept_open(&r->ctx, &package), -MFE_BAD_DIGEST);
	put(r, &package, "the byte");
	assert_false(mf_kept_is_there(&r->ctx, &package));
	assert_int_equal(mf_kept_open(&r->ctx, &package), -ENOENT);
}

static void a_name_that_leaves_the_directory_is_never_opened(void **state)
{
	static const char *const labels[] = { "../igb-1-1.x", "a/b-1-1.x", ".a-1-1.x",
					      "igb-1-1.x" };
	struct root *r = *state;
	struct mf_kept_package package = package_of("x");

	root_write(r, MF_KEPT_DIRECTORY "/x", "x");
	for (size_t i = 0; i < 4; i++) {
		package.label = (char *)labels[i];
		package.name = i < 3 ? strndup(labels[i], strlen(labels[i]) - 6) : strdup("other");
		assert_int_equal(mf_kept_open(&r->ctx, &package), -ENOENT);
		free(package.name);
	}
}

static int copy(struct root *r, struct mf_kept_package *package, const char *bytes)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(&r->ctx, MF_KEPT_DIRECTORY);
	_cleanup_close_ int fd = mf_memfile_new("package");

	assert_int_equal(mf_file_write(fd, bytes, strlen(bytes)), 0);
	return repo_stored_copy(&r->ctx, dirfd, fd, package);
}

static void a_copy_takes_the_place_of_a_damaged_file(void **state)
{
	struct root *r = *state;
	struct mf_kept_package package = package_of("the bytes");
	_cleanup_free_ char *path = path_of(&package), *text = NULL;

	put(r, &package, "the bytfs");
	assert_int_equal(copy(r, &package, "the bytes"), 0);
	text = root_read(r, path);
	assert_string_equal(text, "the bytes");
	/* a link is replaced, not followed */
	assert_int_equal(unlinkat(r->fd, path, 0), 0);
	root_write(r, "elsewhere", "untouched");
	root_link(r, "/elsewhere", path);
	assert_int_equal(copy(r, &package, "the bytes"), 0);
	free(text);
	text = root_read(r, "elsewhere");
	assert_string_equal(text, "untouched");
	assert_true(mf_kept_is_intact(&r->ctx, &package));
}

static void publish(struct root *r, enum stored_list list, const char *bytes)
{
	_cleanup_close_ int dirfd = mf_context_mkdir(&r->ctx, MF_KEPT_DIRECTORY);
	struct mf_kept_package package = package_of(bytes ? bytes : "");
	struct mf_kept kept = { .v = &package, .n = bytes ? 1 : 0 };

	package.repo = (char *)"vendor";
	package.kernels = (char *)KERNEL;
	assert_int_equal(repo_stored_publish(&r->ctx, dirfd, list, &kept), 0);
}

static mode_t mode_of(const struct root *r, const char *path)
{
	struct stat st;

	assert_int_equal(fstatat(r->fd, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_mode & 0777;
}

static void each_list_keeps_its_files_and_others_go(void **state)
{
	struct root *r = *state;
	struct mf_kept_package one = package_of("one"), two = package_of("two!");
	_cleanup_free_ char *path1 = path_of(&one), *path2 = path_of(&two);
	struct mf_kept kept = { 0 };

	put(r, &one, "one");
	put(r, &two, "two!");
	root_write(r, MF_KEPT_DIRECTORY "/rest.rpm", "x");
	root_write(r, MF_KEPT_DIRECTORY "/.a.rpm.12.partial", "x");
	root_write(r, MF_KEPT_DIRECTORY "/note", "x");
	publish(r, STORED_KEPT, "one");
	assert_true(root_has(r, path1));
	assert_false(root_has(r, path2));
	assert_false(root_has(r, MF_KEPT_DIRECTORY "/rest.rpm"));
	assert_false(root_has(r, MF_KEPT_DIRECTORY "/.a.rpm.12.partial"));
	assert_true(root_has(r, MF_KEPT_DIRECTORY "/note"));
	put(r, &two, "two!");
	publish(r, STORED_PREFETCHED, "two!");
	publish(r, STORED_KEPT, NULL);
	assert_false(root_has(r, path1));
	assert_true(root_has(r, path2));
	assert_int_equal(repo_stored_read(&r->ctx, STORED_KEPT, &kept), 0);
	assert_int_equal(kept.n, 0);
	assert_int_equal(repo_stored_read(&r->ctx, STORED_PREFETCHED, &kept), 0);
	assert_int_equal(kept.n, 1);
	assert_string_equal(kept.v[0].words, "-");
	mf_kept_done(&kept);
}

static void files_are_for_root_unless_they_are_shared(void **state)
{
	struct root *r = *state;
	struct mf_kept_package one = package_of("one");
	_cleanup_free_ char *path = path_of(&one);

	put(r, &one, "one");
	publish(r, STORED_KEPT, "one");
	assert_int_equal(mode_of(r, path), 0600);
	r->ctx.settings.share_packages = true;
	publish(r, STORED_KEPT, "one");
	assert_int_equal(mode_of(r, path), 0644);
	assert_int_equal(mode_of(r, MF_KEPT_DIRECTORY "/list"), 0600);
	r->ctx.settings.share_packages = false;
	publish(r, STORED_KEPT, "one");
	assert_int_equal(mode_of(r, path), 0600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_file_with_the_digest_is_copied_and_sealed),
		ROOTED(a_changed_or_shorter_file_is_none),
		ROOTED(a_name_that_leaves_the_directory_is_never_opened),
		ROOTED(a_copy_takes_the_place_of_a_damaged_file),
		ROOTED(each_list_keeps_its_files_and_others_go),
		ROOTED(files_are_for_root_unless_they_are_shared),
	};

	return UNIT_RUN(tests);
}
