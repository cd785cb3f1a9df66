/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What text files say that a kernel needs. */
#include "tests/unit.h"
#include "tests/root.h"
#include "src/upkeep/needs.h"

/* The wants are exactly these, in this order; NULL ends the list. */
static void assert_needs(const struct needs *needs, bool must, const char *const *queries)
{
	size_t n = 0;

	for (; queries[n]; n++) {
		assert_true(n < needs->n);
		assert_string_equal(needs->wants.v[n].query, queries[n]);
		assert_int_equal(needs->v[n].must, must);
		assert_int_equal(needs->wants.v[n].device, false);
	}
	assert_int_equal(needs->n, n);
	assert_int_equal(needs->wants.n, n);
}

static void file_systems_of_fstab_are_aliases(void **state)
{
	static const char *const queries[] = { "fs-ext4", "fs-xfs",  "fs-fuse", "fs-nfs4",
					       "fs-vfat", "fs-cifs", NULL };
	struct root *r = *state;
	struct needs needs = { 0 };

	root_write(r, "etc/fstab",
		   "# <file system> <mount point> <type>\n"
		   "UUID=1 / ext4 errors=remount-ro 0 1\n"
		   "\t/dev/vdb\t/data\txfs\tdefaults 0 0\n"
		   "/dev/vdc none swap sw 0 0\n"
		   "/a /b none bind 0 0\n"
		   "proc /proc proc defaults 0 0\n"
		   "tmpfs /tmp tmpfs\n"
		   "x@y: /mnt/ssh fuse.sshfs _netdev\n"
		   "srv:/ /srv nfs4 noauto\n"
		   "/dev/sr0 /media auto noauto\n"
		   "LABEL=E /boot/efi vfat,ext4 umask=0077\n"
		   "//s/t /s cifs\n"
		   "too few\n\n#/dev/x /x btrfs\n");
	assert_int_equal(upkeep_needs_fstab(&r->ctx, &needs), 0);
	assert_needs(&needs, false, queries);
	upkeep_needs_done(&needs);
}

static void the_lists_of_names_are_certain(void **state)
{
	static const char *const listed[] = { "nvme", "raid1", NULL };
	static const char *const loaded[] = { "xfs", "libcrc32c", NULL };
	struct root *r = *state;
	struct needs needs = { 0 };

	root_write(r, "etc/initramfs-tools/modules", "# names\n\nnvme\nraid1 start=1\n[\n");
	assert_int_equal(upkeep_needs_initramfs(&r->ctx, &needs), 0);
	assert_needs(&needs, true, listed);
	upkeep_needs_done(&needs);
	root_write(r, "proc/modules",
		   "xfs 1941504 1 - Live 0x0000000000000000\n"
		   "libcrc32c 16384 1 xfs, Live 0x0000000000000000\n");
	assert_int_equal(upkeep_needs_loaded(&r->ctx, &needs), 0);
	assert_needs(&needs, true, loaded);
	assert_string_equal(needs.v[0].wanted, "it is loaded now");
	upkeep_needs_done(&needs);
}

static void a_file_that_is_none_says_nothing(void **state)
{
	struct root *r = *state;
	struct needs needs = { 0 };

	assert_int_equal(upkeep_needs_fstab(&r->ctx, &needs), 0);
	root_mkdir(r, "etc");
	assert_int_equal(mkfifoat(r->fd, "etc/fstab", 0644), 0);
	assert_int_equal(upkeep_needs_fstab(&r->ctx, &needs), 0);
	assert_int_equal(needs.n, 0);
	upkeep_needs_done(&needs);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(file_systems_of_fstab_are_aliases),
		ROOTED(the_lists_of_names_are_certain),
		ROOTED(a_file_that_is_none_says_nothing),
	};

	return UNIT_RUN(tests);
}
