/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests wants without an event: from sysfs, a copy of it, and a list. */
#include "tests/unit.h"
#include "tests/root.h"
#include "modfetch/want.h"

static void plug(struct root *r, const char *path, const char *modalias)
{
	char file[300];

	snprintf(file, sizeof(file), "sys/devices/%s/modalias", path);
	root_write(r, file, modalias);
}

static bool has(const struct mf_wants *wants, const char *query, const char *syspath)
{
	for (size_t i = 0; i < wants->n; i++) {
		const struct mf_want *w = &wants->v[i];

		if (!strcmp(w->query, query) &&
		    (syspath ? w->syspath && !strcmp(w->syspath, syspath) : !w->syspath))
			return true;
	}
	return false;
}

static void a_modalias_is_added_once_or_once_per_device(void **state)
{
	struct root *r = *state;
	struct mf_wants wants = { 0 };

	plug(r, "pci/a", "pci:one\n");
	plug(r, "pci/b/c", "pci:one\n");
	plug(r, "pci/b", "usb:two");
	plug(r, "pci/empty", "");
	assert_int_equal(mf_devices_read(&r->ctx, NULL, false, &wants), 0);
	assert_int_equal(wants.n, 2);
	assert_true(has(&wants, "pci:one", NULL) && has(&wants, "usb:two", NULL));
	assert_true(wants.v[0].device);
	mf_wants_done(&wants);
	assert_int_equal(mf_devices_read(&r->ctx, NULL, true, &wants), 0);
	assert_int_equal(wants.n, 3);
	assert_true(has(&wants, "pci:one", "/sys/devices/pci/a"));
	assert_true(has(&wants, "pci:one", "/sys/devices/pci/b/c"));
	assert_true(has(&wants, "usb:two", "/sys/devices/pci/b"));
	mf_wants_done(&wants);
}

/* The want of that query and property, or NULL. */
static const struct mf_want *find(const struct mf_wants *wants, const char *query,
				  enum mf_removable removable)
{
	for (size_t i = 0; i < wants->n; i++)
		if (!strcmp(wants->v[i].query, query) && wants->v[i].removable == removable)
			return &wants->v[i];
	return NULL;
}

static void check_removable(const struct mf_wants *wants, const char *sysfs)
{
	const struct mf_want *fixed = find(wants, "usb:stick", MF_FIXED);
	const struct mf_want *removable = find(wants, "usb:stick", MF_REMOVABLE);
	char path[300];

	assert_int_equal(wants->n, 4);
	assert_non_null(find(wants, "usb:stick", MF_REMOVABLE_UNKNOWN));
	assert_non_null(find(wants, "usb:hub", MF_FIXED));
	if (!fixed || !removable) {
		fail();
		return;
	}
	assert_int_equal(fixed->devices.n, 2);
	snprintf(path, sizeof(path), "%s/pci/usb1/1-1/1-1:1.0", sysfs);
	assert_string_equal(removable->devices.v[0], path);
}

/* One modalias, but with a difference to the policy: on the machine and in a recorded tree. */
static void devices_that_policy_distinguishes_are_separate(void **state)
{
	struct root *r = *state;
	struct mf_wants wants = { 0 };
	char source[300];

	plug(r, "pci/usb1/1-1/1-1:1.0", "usb:stick\n");
	plug(r, "pci/usb1/1-2/1-2:1.0", "usb:stick\n");
	plug(r, "pci/usb1/1-3/1-3:1.0", "usb:stick\n");
	plug(r, "pci/usb2/2-1/2-1:1.0", "usb:stick\n");
	plug(r, "pci/usb1/1-2", "usb:hub\n");
	root_write(r, "sys/devices/pci/usb1/1-1/removable", "removable\n");
	root_write(r, "sys/devices/pci/usb1/1-2/removable", "fixed\n");
	root_write(r, "sys/devices/pci/usb1/1-3/removable", "fixed\n");
	root_write(r, "sys/devices/pci/usb2/2-1/removable", "unknown\n");
	assert_int_equal(mf_devices_read(&r->ctx, NULL, false, &wants), 0);
	check_removable(&wants, "/sys/devices");
	mf_wants_done(&wants);
	snprintf(source, sizeof(source), "%s/sys/devices", r->path);
	assert_int_equal(mf_devices_read(&r->ctx, source, false, &wants), 0);
	check_removable(&wants, source);
	mf_wants_done(&wants);
}

/* Each kind of want gets the same properties of its device. */
static void a_device_is_described_for_each_kind_of_want(void **state)
{
	struct root *r = *state;
	struct mf_want want;

	plug(r, "pci/1-1/host0", "scsi:t-0x00\n");
	root_write(r, "sys/devices/pci/1-1/removable", "removable\n");
	assert_int_equal(mf_want_init(&r->ctx, "sg", "/sys/devices/pci/1-1/host0", &want), 0);
	assert_int_equal(mf_device_describe(&r->ctx, want.syspath, &want), 0);
	assert_true(want.device);
	assert_int_equal(want.removable, MF_REMOVABLE);
	assert_string_equal(want.modalias, "scsi:t_0x00");
	mf_want_done(&want);
	assert_int_equal(mf_want_init_device(&r->ctx, "/sys/devices/pci/1-1/host0", &want), 0);
	assert_true(want.device);
	assert_int_equal(want.removable, MF_REMOVABLE);
	assert_null(want.modalias);
	mf_want_done(&want);
	/* a device that is gone */
	assert_int_equal(mf_want_init(&r->ctx, "sg", "/sys/devices/gone", &want), 0);
	assert_int_equal(mf_device_describe(&r->ctx, want.syspath, &want), 0);
	assert_true(want.device);
	assert_int_equal(want.removable, MF_REMOVABLE_UNKNOWN);
	mf_want_done(&want);
}

static void an_image_has_no_devices(void **state)
{
	struct root *r = *state;
	struct mf_wants wants = { 0 };

	assert_int_equal(mf_devices_read(&r->ctx, NULL, false, &wants), 0);
	assert_int_equal(wants.n, 0);
}

/* The invalid ones: each with its device and a reason. */
static size_t count_bad(const struct mf_wants *wants)
{
	size_t n = 0;

	for (size_t i = 0; i < wants->n; i++)
		if (wants->v[i].kind == MF_WANT_BAD) {
			assert_int_equal(wants->v[i].state, MF_INVALID);
			assert_int_equal(mf_want_code(&wants->v[i]), -MFE_BAD_MODALIAS);
			assert_non_null(wants->v[i].reason);
			assert_null(strpbrk(wants->v[i].query, "\x01\n"));
			assert_true(strlen(wants->v[i].query) <= 128);
			n++;
		}
	return n;
}

static void an_invalid_modalias_gets_a_reason_and_stops_no_other(void **state)
{
	struct root *r = *state;
	struct mf_wants wants = { 0 };
	char big[4200];

	memset(big, 'b', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	plug(r, "a", "good\nsecond line");
	plug(r, "b", "bad[");
	plug(r, "c", "bad\x01");
	plug(r, "d", big);
	big[3000] = '\0';
	plug(r, "e", big);
	root_mkdir(r, "sys/devices/f/modalias");
	assert_int_equal(mf_devices_read(&r->ctx, NULL, false, &wants), 0);
	assert_int_equal(wants.n, 4);
	assert_int_equal(count_bad(&wants), 3);
	assert_true(has(&wants, "good", NULL) && has(&wants, "bad[", "/sys/devices/b") &&
		    has(&wants, "bad?", "/sys/devices/c"));
	mf_wants_done(&wants);
}

static void some_devices_have_the_modalias_only_in_uevent(void **state)
{
	struct root *r = *state;
	struct mf_wants wants = { 0 };
	char big[4200];

	root_write(r, "sys/devices/pci/mlx5_core.eth.0/uevent",
		   "DRIVER=x\nMODALIAS=auxiliary:mlx5_core.eth\nMODALIAS=second\n");
	root_write(r, "sys/devices/mdio/uevent", "MODALIAS=mdio:0000101\n");
	/* the modalias file is preferred to uevent */
	plug(r, "both", "pci:one\n");
	root_write(r, "sys/devices/both/uevent", "MODALIAS=pci:other\n");
	/* the key is the whole text before '=' */
	root_write(r, "sys/devices/not/uevent",
		   "OF_MODALIAS=x\nMODALIAS_2=y\n MODALIAS=z\nDEVTYPE=MODALIAS=q\nMODALIAS");
	root_write(r, "sys/devices/empty/uevent", "MODALIAS=\n");
	root_write(r, "secret", "MODALIAS=not:mine\n");
	root_mkdir(r, "sys/devices/link");
	root_link(r, "../../../secret", "sys/devices/link/uevent");
	root_mkdir(r, "sys/devices/fifo");
	assert_int_equal(mkfifoat(r->fd, "sys/devices/fifo/uevent", 0600), 0);
	memset(big, 'b', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	memcpy(big, "MODALIAS=pci:big\n", 17);
	root_write(r, "sys/devices/big/uevent", big);
	assert_int_equal(mf_devices_read(&r->ctx, NULL, false, &wants), 0);
	assert_int_equal(wants.n, 3);
	assert_true(has(&wants, "auxiliary:mlx5_core.eth", NULL) &&
		    has(&wants, "mdio:0000101", NULL) && has(&wants, "pci:one", NULL));
	mf_wants_done(&wants);
}

static void links_are_not_followed(void **state)
{
	struct root *r = *state;
	struct mf_wants wants = { 0 };

	plug(r, "a", "one");
	root_link(r, "..", "sys/devices/a/up");
	root_link(r, "/etc", "sys/devices/a/out");
	root_write(r, "secret", "not:mine");
	root_mkdir(r, "sys/devices/b");
	root_link(r, "../../../secret", "sys/devices/b/modalias");
	assert_int_equal(mf_devices_read(&r->ctx, NULL, false, &wants), 0);
	assert_int_equal(wants.n, 1);
	mf_wants_done(&wants);
}

static void the_depth_of_a_tree_is_bounded(void **state)
{
	struct root *r = *state;
	struct mf_wants wants = { 0 };
	char path[1000] = "d";

	for (int i = 0; i < 150; i++)
		strcat(path, "/d");
	plug(r, "d/d", "shallow");
	plug(r, path, "deep");
	assert_int_equal(mf_devices_read(&r->ctx, NULL, false, &wants), 0);
	assert_true(has(&wants, "shallow", NULL));
	assert_false(has(&wants, "deep", NULL));
	mf_wants_done(&wants);
}

static void a_list_has_one_modalias_per_line(void **state)
{
	struct root *r = *state;
	struct mf_wants wants = { 0 };
	char path[128];

	root_write(r, "list", "# a comment\r\none\r\n\ntwo\nbad[\none\n#\nthree#no comment");
	snprintf(path, sizeof(path), "%s/list", r->path);
	assert_int_equal(mf_devices_read(&r->ctx, path, false, &wants), 0);
	assert_int_equal(wants.n, 4);
	assert_int_equal(count_bad(&wants), 1);
	assert_true(has(&wants, "one", NULL) && has(&wants, "two", NULL) &&
		    has(&wants, "bad[", NULL) && has(&wants, "three#no comment", NULL));
	mf_wants_done(&wants);
}

static void a_nul_in_a_list_hides_nothing(void **state)
{
	struct root *r = *state;
	struct mf_wants wants = { 0 };
	char path[128];

	root_write_bytes(r, "list", "one\nt\0o\nthree\n", 14);
	snprintf(path, sizeof(path), "%s/list", r->path);
	assert_int_equal(mf_devices_read(&r->ctx, path, false, &wants), 0);
	assert_int_equal(wants.n, 3);
	assert_int_equal(count_bad(&wants), 1);
	assert_true(has(&wants, "one", NULL) && has(&wants, "t?o", NULL) &&
		    has(&wants, "three", NULL));
	mf_wants_done(&wants);
}

static void a_recorded_tree_can_be_anywhere(void **state)
{
	struct root *r = *state;
	struct mf_wants wants = { 0 };
	char path[128];

	root_write(r, "recorded/x/y/modalias", "one\n");
	snprintf(path, sizeof(path), "%s/recorded", r->path);
	assert_int_equal(mf_devices_read(&r->ctx, path, false, &wants), 0);
	assert_int_equal(wants.n, 1);
	mf_wants_done(&wants);
	assert_int_equal(mf_devices_read(&r->ctx, "/no/such/source", false, &wants), -ENOENT);
	assert_string_equal(r->ctx.failure.what, "/no/such/source");
}

static void a_driver_is_read_from_its_link(void **state)
{
	struct root *r = *state;
	_cleanup_free_ char *name = NULL;

	plug(r, "a", "one");
	assert_null(mf_device_driver(&r->ctx, "/sys/devices/a"));
	assert_null(mf_device_driver(&r->ctx, "/sys/devices/none"));
	root_link(r, "../../bus/pci/drivers/e1000e", "sys/devices/a/driver");
	name = mf_device_driver(&r->ctx, "/sys/devices/a");
	assert_string_equal(name, "e1000e");
}

static void names_that_udev_rules_load_become_wants(void **state)
{
	struct root *r = *state;
	struct mf_wants wants = { 0 };
	char path[128];

	root_write(r, "usr/lib/udev/rules.d/80-drivers.rules",
		   "ACTION!=\"add\", GOTO=\"end\"\n"
		   "ENV{MODALIAS}==\"?*\", RUN{builtin}+=\"kmod load\"\n"
		   "SUBSYSTEM==\"memstick\", RUN{builtin}+=\"kmod load ms_block mspro_block\"\n"
		   "SUBSYSTEM==\"module\", KERNEL==\"parport_pc\", RUN{builtin}+=\"kmod load "
		   "ppdev\"\n"
		   "LABEL=\"end\"\n"
		   "SUBSYSTEM==\"scsi\", ENV{DEVTYPE}==\"scsi_device\", "
		   "TEST!=\"[module/sg]\", RUN{builtin}+=\"kmod load sg\"\n");
	for (int i = 0; i < 2; i++) {
		const char *top = i ? "recorded" : "sys";

		snprintf(path, sizeof(path), "%s/devices/a/0:0:0:0/uevent", top);
		root_write(r, path, "DEVTYPE=scsi_device\n");
		snprintf(path, sizeof(path), "%s/devices/a/0:0:0:0/subsystem", top);
		root_link(r, "../../../bus/scsi", path);
		snprintf(path, sizeof(path), "%s/devices/a/ms/uevent", top);
		root_write(r, path, "");
		snprintf(path, sizeof(path), "%s/devices/a/ms/subsystem", top);
		root_link(r, "../../../bus/memstick", path);
		snprintf(path, sizeof(path), "%s/module/parport_pc/uevent", top);
		root_write(r, path, "");
	}
	plug(r, "a", "pci:one");
	assert_int_equal(mf_devices_read(&r->ctx, NULL, true, &wants), 0);
	assert_int_equal(wants.n, 5);
	assert_true(has(&wants, "sg", "/sys/devices/a/0:0:0:0"));
	assert_true(has(&wants, "ms_block", "/sys/devices/a/ms") &&
		    has(&wants, "mspro_block", "/sys/devices/a/ms"));
	assert_true(has(&wants, "ppdev", "/sys/module/parport_pc"));
	for (size_t i = 0; i < wants.n; i++)
		assert_true(wants.v[i].device);
	mf_wants_done(&wants);
	/* a recorded tree, its path with or without a slash at the end */
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/recorded%s", r->path, i ? "//" : "");
		assert_int_equal(mf_devices_read(&r->ctx, path, false, &wants), 0);
		assert_int_equal(wants.n, 4);
		assert_true(has(&wants, "sg", NULL) && has(&wants, "ppdev", NULL));
		mf_wants_done(&wants);
	}
	/* the module is loaded */
	root_write(r, "recorded/module/sg/uevent", "");
	assert_int_equal(mf_devices_read(&r->ctx, path, false, &wants), 0);
	assert_int_equal(wants.n, 3);
	mf_wants_done(&wants);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(a_modalias_is_added_once_or_once_per_device),
		ROOTED(devices_that_policy_distinguishes_are_separate),
		ROOTED(a_device_is_described_for_each_kind_of_want),
		ROOTED(an_image_has_no_devices),
		ROOTED(an_invalid_modalias_gets_a_reason_and_stops_no_other),
		ROOTED(some_devices_have_the_modalias_only_in_uevent),
		ROOTED(links_are_not_followed),
		ROOTED(the_depth_of_a_tree_is_bounded),
		ROOTED(a_list_has_one_modalias_per_line),
		ROOTED(a_nul_in_a_list_hides_nothing),
		ROOTED(a_recorded_tree_can_be_anywhere),
		ROOTED(a_driver_is_read_from_its_link),
		ROOTED(names_that_udev_rules_load_become_wants),
	};

	return UNIT_RUN(tests);
}
