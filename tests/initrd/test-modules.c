/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the early boot needs, with the indexes of a real kernel. */
#include "tests/unit.h"
#include "sysfs.h"
#include "modfetch/initrd.h"
#include "tests/shell.h"
#include "tests/trees.h"

#define ID "pci:v00008086d00002922sv00001AF4sd00001100bc01sc06i01"

/* ahci is on disk, sd_mod and ext4 are not; ext2 as ext4's alias is not known then. */
static int setup(void **state)
{
	const char *tree = tree_of("default");
	struct root *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	root_init(r);
	run("t=%s d=%s/lib/modules/" KERNEL "; cp $t/kernel/drivers/ata/*ahci.ko $d/ && "
	    "echo kernel/fs/squashfs/squashfs.ko >$d/modules.builtin && depmod -b %s " KERNEL,
	    tree, r->path, r->path);
	root_mkdir(r, "sys/devices");
	*state = r;
	return 0;
}

#define MACHINE(f) cmocka_unit_test_setup_teardown(f, setup, root_teardown)

static void make_disk(const struct root *r)
{
	sysfs_device(r, "devices/pci0000:00/0000:00:05.0", "ahci", "ahci");
	root_write(r, "sys/devices/pci0000:00/0000:00:05.0/modalias", ID "\n");
	sysfs_device(r, "devices/pci0000:00/0000:00:05.0/ata1", "sd", "sd_mod");
	sysfs_block(r, "8:1", "devices/pci0000:00/0000:00:05.0/ata1/block/sda/sda1");
	root_write(r, "sys/devices/pci0000:00/0000:00:05.0/ata1/block/sda/sda1/partition", "1\n");
	root_write(r, "proc/self/mountinfo",
		   "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n23 22 7:0 / /usr ro - squashfs "
		   "/dev/loop0 ro\n");
}

static void missing_modules_keep_their_names(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 }, gaps = { 0 };

	make_disk(r);
	assert_int_equal(mf_initrd_modules(&r->ctx, &names), 0);
	assert_names(&names, "ahci ext4 sd_mod");
	assert_int_equal(mf_initrd_gaps(&r->ctx, &gaps), 0);
	assert_names(&gaps, "ext4 sd_mod");
}

static void an_alias_adds_the_modules_of_the_new_kernel(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };

	make_disk(r);
	/* the running kernel has the driver built in: there is no link to a module */
	assert_int_equal(unlinkat(r->fd, "sys/bus/x/drivers/ahci/module", 0), 0);
	assert_int_equal(mf_initrd_modules(&r->ctx, &names), 0);
	assert_names(&names, "ahci ext4 sd_mod");
}

static void a_blacklist_hides_what_only_an_alias_names(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };

	make_disk(r);
	assert_int_equal(unlinkat(r->fd, "sys/bus/x/drivers/ahci/module", 0), 0);
	root_write(r, "etc/modprobe.d/a.conf", "blacklist ahci\n");
	assert_int_equal(mf_initrd_modules(&r->ctx, &names), 0);
	assert_names(&names, "ext4 sd_mod");
}

static void an_image_has_only_fstab(void **state)
{
	struct root *r = *state;
	_cleanup_(mf_strings_done) struct mf_strings names = { 0 };

	assert_int_equal(unlinkat(r->fd, "sys/devices", AT_REMOVEDIR), 0);
	root_write(r, "proc/self/mountinfo", "22 1 8:1 / / rw - ext4 /dev/sda1 rw\n");
	root_write(r, "etc/fstab", "UUID=1 / xfs defaults 0 1\n");
	assert_int_equal(mf_initrd_modules(&r->ctx, &names), 0);
	assert_names(&names, "xfs");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		MACHINE(missing_modules_keep_their_names),
		MACHINE(an_alias_adds_the_modules_of_the_new_kernel),
		MACHINE(a_blacklist_hides_what_only_an_alias_names),
		MACHINE(an_image_has_only_fstab),
	};

	return UNIT_RUN(tests);
}
