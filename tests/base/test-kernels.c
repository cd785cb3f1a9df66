/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which directories of lib/modules are installed kernels. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/array.h"

static void a_kernel_has_modules_or_an_image(void **state)
{
	static const char *const files[] = {
		"lib/modules/6.1.0-1-amd64/kernel/fs/xfs.ko", /* modules */
		"lib/modules/6.1.0-2-amd64/modules.order",    /* of a minimal kernel */
		"usr/lib/modules/6.1.0-3-amd64/vmlinuz",      /* an image, in the other directory */
		"lib/modules/6.1.0-4-amd64/updates/igb.ko",   /* its image is in /boot */
		"boot/vmlinuz-6.1.0-4-amd64",
		"lib/modules/5.10.0-1-amd64/updates/igb.ko", /* left over */
		"lib/modules/5.10.0-2-amd64/modules.dep",
		"lib/modules/.hidden/vmlinuz",
		"boot/vmlinuz-5.10.0-3-amd64", /* an image without a directory */
		"lib/modules/file",
	};
	_cleanup_(mf_strings_done) struct mf_strings kernels = { 0 };
	struct root *r = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(files); i++)
		root_write(r, files[i], "");
	root_link(r, "6.1.0-1-amd64", "lib/modules/6.1.0-5-amd64");
	assert_int_equal(mf_kernels_list(&r->ctx, &kernels), 0);
	assert_int_equal(kernels.n, 5);
	for (size_t i = 0; i < kernels.n; i++) {
		_cleanup_free_ char *name = mf_format("6.1.0-%zu-amd64", i + 1);

		assert_string_equal(kernels.v[i], name);
		assert_true(mf_kernel_is_installed(&r->ctx, name));
		/* the first may have nothing but drivers for other kernels */
		assert_int_equal(mf_kernel_can_boot(&r->ctx, name), i != 0 && i != 4);
	}
	assert_false(mf_kernel_is_installed(&r->ctx, "5.10.0-1-amd64"));
	assert_false(mf_kernel_is_installed(&r->ctx, "../lib/modules/6.1.0-1-amd64"));
	assert_false(mf_kernel_is_installed(&r->ctx, ""));
}

static void a_root_without_modules_has_no_kernel(void **state)
{
	_cleanup_(mf_strings_done) struct mf_strings kernels = { 0 };
	struct root *r = *state;

	assert_int_equal(mf_kernels_list(&r->ctx, &kernels), 0);
	assert_int_equal(kernels.n, 0);
}

static void a_link_into_another_kernels_directory_names_that_kernel(void **state)
{
	static const struct {
		const char *target, *kernel;
	} rows[] = {
		{ "/lib/modules/6.1.0-2-amd64/updates/x.ko", "6.1.0-2-amd64" },
		{ "/usr/lib/modules/6.1.0-2-amd64/extra/x/x.ko", "6.1.0-2-amd64" },
		{ "../../6.1.0-2-amd64/updates/x.ko", "6.1.0-2-amd64" },
		{ "/lib/modules/6.1.0-2-amd64", NULL },
		{ "x.ko", NULL },
	};
	struct root *r = *state;
	int tree = openat(r->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char release[64];

	root_write(r, "file.ko", "");
	assert_false(mf_kernel_of_link(tree, "file.ko", release, sizeof(release)));
	for (size_t i = 0; i < MF_ARRAY_SIZE(rows); i++) {
		bool found;

		root_link(r, rows[i].target, "link.ko");
		found = mf_kernel_of_link(tree, "link.ko", release, sizeof(release));
		assert_int_equal(found, rows[i].kernel != NULL);
		if (found)
			assert_string_equal(release, rows[i].kernel);
		assert_int_equal(unlinkat(tree, "link.ko", 0), 0);
	}
	root_link(r, rows[0].target, "link.ko");
	assert_false(mf_kernel_of_link(tree, "link.ko", release, strlen(rows[0].kernel)));
	close(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_kernel_has_modules_or_an_image),
		ROOTED(a_root_without_modules_has_no_kernel),
		ROOTED(a_link_into_another_kernels_directory_names_that_kernel),
	};

	return UNIT_RUN(tests);
}
