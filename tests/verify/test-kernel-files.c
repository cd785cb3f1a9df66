/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A kernel's own files, and the package that is not removed. Whole packages: road/contents.py. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/array.h"
#include <sys/utsname.h>
#include "modfetch/verify.h"

#define TREE "/lib/modules/" KERNEL "/"

static bool is_file_of(const char *path, const char *uname_r)
{
	struct mf_strings list = { 0 };
	bool is;

	if (uname_r)
		assert_int_equal(mf_strings_add(&list, uname_r), 0);
	is = mf_kernel_file(path, &list);
	mf_strings_done(&list);
	return is;
}

static void only_the_listed_files_are_a_kernels(void **state)
{
	static const char *const files[] = {
		"/boot/vmlinuz-" KERNEL,
		"/boot/Image-" KERNEL,
		"/boot/System.map-" KERNEL,
		"/boot/config-" KERNEL,
		"/boot/symvers-" KERNEL ".gz",
		"/boot/symvers-" KERNEL,
		TREE "modules.order",
		TREE "modules.builtin",
		TREE "modules.builtin.modinfo",
		TREE "modules.builtin.ranges",
		TREE "symvers.gz",
		TREE "symvers.zst",
		TREE "vmlinuz",
		"/usr" TREE "config",
	};
	static const char *const others[] = {
		"/boot/vmlinuz",
		"/boot/vmlinuz-",
		"/boot/vmlinuz-evil",
		"/boot/vmlinuz-" KERNEL ".old",
		"/boot/vmlinuz-" KERNEL ".gz",
		"/boot/vmlinuz-" KERNEL "/x",
		"/boot/VMLINUZ-" KERNEL,
		"/boot/vmlinuz.efi-" KERNEL,
		"/boot/initrd.img-" KERNEL,
		"/boot/initramfs-" KERNEL ".img",
		"/boot/config.cfg",
		"/boot/grub/config-" KERNEL,
		"/boot/grub/config.cfg",
		"/boot/loader/entries/config-" KERNEL ".conf",
		"/boot/loader/entries/config-evil.conf",
		"/boot/EFI/Linux/vmlinuz-" KERNEL,
		"/boot/EFI/Linux/vmlinuz-x.efi",
		"/boot/symvers.gz",
		"/boot/",
		TREE "modules.builtin.bin",
		TREE "modules.builtin.alias.bin",
		TREE "modules.dep",
		TREE "modules.order.bin",
		TREE "kernel/modules.order",
		TREE "modules.order.gz",
		TREE "vmlinux-x",
		TREE,
		"/lib/modules/modules.order",
		"/lib/modules/6.1.0-57-amd64/modules.order",
		"/lib/modules/",
		"/etc/vmlinuz-" KERNEL,
		"vmlinuz-" KERNEL,
		"",
	};

	for (size_t i = 0; i < MF_ARRAY_SIZE(files); i++) {
		assert_true(is_file_of(files[i], "6.1.0-56.amd64"));
		assert_false(is_file_of(files[i], "6.1.0-57.amd64"));
		assert_false(is_file_of(files[i], ""));
		assert_false(is_file_of(files[i], NULL));
	}
	for (size_t i = 0; i < MF_ARRAY_SIZE(others); i++)
		if (is_file_of(others[i], "6.1.0-56.amd64"))
			fail_msg("%s", others[i]);
	/* RHEL's release has one dash, as its version */
	assert_true(is_file_of("/boot/vmlinuz-5.14.0-427.el9.x86_64", "5.14.0-427.el9.x86_64"));
}

static int may_leave(struct root *r, const char *uname_r)
{
	struct mf_rpm_header h = { .name = (char *)"a-kernel" };
	int err;

	if (uname_r)
		assert_int_equal(mf_strings_add(&h.uname_r, uname_r), 0);
	err = mf_kernel_check_removal(&r->ctx, &h);
	mf_strings_done(&h.uname_r);
	return err;
}

static void the_running_kernel_stays(void **state)
{
	struct root *r = *state;

	/* no kernel runs in an image */
	assert_int_equal(may_leave(r, "6.1.0-56.amd64"), 0);
	r->ctx.kernel_running = true;
	assert_int_equal(may_leave(r, "6.1.0-56.amd64"), -MFE_DENIED);
	assert_string_equal(r->ctx.failure.what, "a-kernel");
	assert_non_null(strstr(r->ctx.failure.why, "boot another"));
	assert_int_equal(may_leave(r, "6.1.0-57.amd64"), 0);
	assert_int_equal(may_leave(r, NULL), 0);
}

static void the_running_kernel_stays_in_a_run_for_another(void **state)
{
	struct root *r = *state;
	char *root = r->ctx.root, empty[] = "", uname_r[sizeof(struct utsname)], *dash;
	struct utsname running;

	assert_int_equal(uname(&running), 0);
	snprintf(uname_r, sizeof(uname_r), "%s", running.release);
	dash = strchr(uname_r, '-');
	while (dash && (dash = strchr(dash + 1, '-')))
		*dash = '.';
	assert_int_equal(may_leave(r, uname_r), 0);
	r->ctx.root = empty;
	assert_int_equal(may_leave(r, uname_r), -MFE_DENIED);
	assert_int_equal(may_leave(r, "6.1.0-56.amd64"), 0);
	r->ctx.root = root;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(only_the_listed_files_are_a_kernels),
		ROOTED(the_running_kernel_stays),
		ROOTED(the_running_kernel_stays_in_a_run_for_another),
	};

	return UNIT_RUN(tests);
}
