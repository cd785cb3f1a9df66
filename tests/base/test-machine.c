/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whose devices are below /sys? */
#include "tests/unit.h"
#include "modfetch/machine.h"
#include "tests/root.h"
#include <sys/mount.h>
#include <sched.h>

static void a_root_without_sysfs_has_no_devices(void **state)
{
	struct root *r = *state;

	assert_false(mf_machine_has_devices(&r->ctx));
	root_mkdir(r, "sys");
	assert_false(mf_machine_has_devices(&r->ctx));
}

static void a_copied_sysfs_counts(void **state)
{
	struct root *r = *state;

	root_mkdir(r, "sys/devices");
	assert_true(mf_machine_has_devices(&r->ctx));
}

/* An image build mounts the host's sysfs into the image. */
static void the_sysfs_of_the_host_does_not_count_in_an_image(void **state)
{
	struct root *r = *state;
	char path[128];

	root_mkdir(r, "sys");
	snprintf(path, sizeof(path), "%s/sys", r->path);
	/* a minimal root has none to bind */
	if (access("/sys/devices", F_OK) < 0 ? mount("sysfs", path, "sysfs", 0, NULL) < 0
					     : mount("/sys", path, NULL, MS_BIND, NULL) < 0) {
		print_message("SKIP: no sysfs can be mounted here\n");
		skip();
	}
	assert_true(root_has(r, "sys/devices"));
	assert_false(mf_machine_has_devices(&r->ctx));
	assert_int_equal(umount2(path, MNT_DETACH), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_root_without_sysfs_has_no_devices),
		ROOTED(a_copied_sysfs_counts),
		ROOTED(the_sysfs_of_the_host_does_not_count_in_an_image),
	};

	/* a mount of this test is seen by no other process, and ends with it */
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		fprintf(stderr, "no mounts in this process: one test will be skipped\n");
	return UNIT_RUN(tests);
}
