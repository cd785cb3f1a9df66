/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What udev's rules load by name for a device: rules as distributions have them, and each condition by itself. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include "tests/root.h"
#include "modfetch/udev-device.h"

#define LOAD(name) ", RUN{builtin}+=\"kmod load " name "\"\n"
#define DISK	   "/devices/pci0/host0/target0:0:0/0:0:0:0"

/* A device in sys/: its directory, its uevent file, and the subsystem it links to. */
static void plug(struct root *r, const char *devpath, const char *subsystem, const char *uevent)
{
	char path[400], target[100];

	snprintf(path, sizeof(path), "sys%s/uevent", devpath);
	root_write(r, path, uevent);
	if (!subsystem)
		return;
	snprintf(path, sizeof(path), "sys%s/subsystem", devpath);
	snprintf(target, sizeof(target), "../../../bus/%s", subsystem);
	root_link(r, target, path);
}

static struct root *with_a_disk(void **state)
{
	struct root *r = *state;

	plug(r, "/devices/pci0", "pci", "DRIVER=ahci\n");
	plug(r, "/devices/pci0/host0", "scsi", "DEVTYPE=scsi_host\n");
	plug(r, DISK, "scsi", "DEVTYPE=scsi_device\nDRIVER=sd\nMODALIAS=scsi:t-0x00\n");
	root_link(r, "../../../../../bus/scsi/drivers/sd", "sys" DISK "/driver");
	root_link(r, "../../bus/pci/drivers/ahci", "sys/devices/pci0/driver");
	root_write(r, "sys/devices/pci0/vendor", "0x8086\n");
	root_write(r, "sys" DISK "/model", "Old Tape   \n");
	return r;
}

/* The names that are loaded for it, each with a leading blank. */
static const char *ask(struct root *r, const char *devpath, char *const *properties,
		       const char *text)
{
	static char output[1000];
	struct mf_udev_device device = { .tree = &r->ctx,
					 .sysfs = "sys",
					 .database = "run/udev/data",
					 .devpath = devpath,
					 .properties = properties };
	struct mf_udev_rules *rules = mf_udev_rules_new();
	struct mf_strings names = { 0 };

	assert_int_equal(mf_udev_rules_parse(&r->ctx, rules, "t.rules", text, strlen(text)), 0);
	assert_int_equal(mf_udev_device_modules(&device, rules, &names), 0);
	*output = '\0';
	for (size_t i = 0; i < names.n; i++)
		snprintf(output + strlen(output), sizeof(output) - strlen(output), " %s",
			 names.v[i]);
	mf_strings_done(&names);
	mf_udev_rules_free(rules);
	return output;
}

/* As systemd and Debian have them. */
static const char distribution[] =
	"ACTION!=\"add\", GOTO=\"drivers_end\"\n"
	"ENV{MODALIAS}==\"?*\", RUN{builtin}+=\"kmod load\"\n"
	"SUBSYSTEM==\"tifm\", ENV{TIFM_CARD_TYPE}==\"SD\"" LOAD(
		"tifm_sd") "SUBSYSTEM==\"tifm\", "
			   "ENV{TIFM_CARD_TYPE}=="
			   "\"MS\"" LOAD("tifm_ms") "SUBSYSTEM==\"memstick\"" LOAD(
				   "ms_block "
				   "mspro_block") "SUBSYSTEM==\"module\", "
						  "KERNEL==\"parport_pc\"" LOAD(
							  "ppdev") "KERNEL"
								   "=="
								   "\"mtd*"
								   "ro\", "
								   "ENV{"
								   "MTD_"
								   "FTL}=="
								   "\"smar"
								   "tmedia"
								   "\"" LOAD(
									   "s"
									   "m"
									   "_"
									   "f"
									   "t"
									   "l") "LABEL=\"drivers_"
										"end\"\n"
										"SUBSYSTEM=="
										"\"scsi\", "
										"ENV{DEVTYPE}=="
										"\"scsi_device\", "
										"TEST!=\"[module/"
										"sg]\"" LOAD("sg");

static void the_rules_of_distributions_load_what_they_say(void **state)
{
	struct root *r = with_a_disk(state);

	plug(r, "/devices/pci1/memstick0", "memstick", "MEMSTICK_TYPE=01\n");
	plug(r, "/devices/pci1/tifm0", "tifm", "TIFM_CARD_TYPE=MS\n");
	plug(r, "/devices/virtual/mtd/mtd0ro", "mtd", "MAJOR=90\nMINOR=1\n");
	plug(r, "/module/parport_pc", NULL, "");
	plug(r, "/module/parport", NULL, "");
	assert_string_equal(ask(r, DISK, NULL, distribution), " sg");
	assert_string_equal(ask(r, "/devices/pci0/host0", NULL, distribution), "");
	assert_string_equal(ask(r, "/devices/pci0", NULL, distribution), "");
	assert_string_equal(ask(r, "/devices/pci1/memstick0", NULL, distribution),
			    " ms_block mspro_block");
	assert_string_equal(ask(r, "/devices/pci1/tifm0", NULL, distribution), " tifm_ms");
	assert_string_equal(ask(r, "/module/parport_pc", NULL, distribution), " ppdev");
	assert_string_equal(ask(r, "/module/parport", NULL, distribution), "");
	/* properties set by other rules are in the database, or in the environment of a program */
	assert_string_equal(ask(r, "/devices/virtual/mtd/mtd0ro", NULL, distribution), "");
	root_write(r, "run/udev/data/c90:1", "I:12\nE:MTD_FTL=smartmedia\n");
	assert_string_equal(ask(r, "/devices/virtual/mtd/mtd0ro", NULL, distribution), " sm_ftl");
	/* a loaded module is not requested */
	plug(r, "/module/sg", NULL, "");
	assert_string_equal(ask(r, DISK, NULL, distribution), "");
}

static void the_environment_is_all_that_is_known_of_properties(void **state)
{
	struct root *r = with_a_disk(state);
	char *const tape[] = { (char *)"DEVTYPE=scsi_device", (char *)"X=1", NULL };
	char *const none[] = { NULL };

	assert_string_equal(ask(r, DISK, tape, distribution), " sg");
	assert_string_equal(ask(r, DISK, none, distribution), "");
	assert_string_equal(ask(r, DISK, tape, "ENV{X}==\"1\"" LOAD("a") "ENV{Y}==\"1\"" LOAD("b")),
			    " a");
}

static void each_condition_is_judged_as_udev_does(void **state)
{
	static const struct {
		const char *condition;
		bool applies;
	} cases[] = {
		{ "ACTION==\"add\"", true },
		{ "ACTION==\"remove|change\"", false },
		{ "KERNEL==\"0:0:0:?\"", true },
		{ "KERNEL==\"1*|0:*\"", true },
		{ "KERNEL!=\"0:*\"", false },
		{ "KERNEL==i\"0:0:0:0\"", true },
		{ "DEVPATH==\"/devices/*/host0/*\"", true },
		{ "SUBSYSTEM==\"scs[ij]\"", true },
		{ "SUBSYSTEM==\"SCSI\"", false },
		{ "SUBSYSTEM==i\"SCSI\"", true },
		{ "DRIVER==\"sd\"", true },
		{ "ENV{DEVTYPE}==\"scsi_device\"", true },
		{ "ENV{SUBSYSTEM}==\"scsi\"", true },
		{ "ENV{ACTION}==\"add\", ENV{DEVPATH}==\"/devices/*\"", true },
		/* a missing property is empty */
		{ "ENV{NONE}==\"\"", true },
		{ "ENV{NONE}==\"a|\"", true },
		{ "ENV{NONE}==\"?*\"", false },
		{ "ENV{NONE}!=\"1\"", true },
		{ "ENV{DEV}==\"?*\"", false },
		/* but not an attribute */
		{ "ATTR{none}==\"\"", false },
		{ "ATTR{none}!=\"1\"", false },
		{ "ATTR{model}==\"Old Tape\"", true },
		{ "ATTR{model}==\"Old Tape \"", false },
		{ "ATTR{model}==\"Old Tape   \"", true },
		{ "ATTR{driver}==\"sd\"", true },
		{ "ATTR{../../../vendor}==\"0x8086\"", true },
		{ "TEST==\"model\"", true },
		{ "TEST==\"none\"", false },
		{ "TEST!=\"none\"", true },
		{ "TEST{0111}==\"model\"", false },
		{ "TEST{0444}==\"model\"", true },
		{ "TEST==\"/sys/devices/pci0\"", true },
		{ "TEST==\"[module/none]\"", false },
		{ "TEST==\"[pci/0000:00:00.0]\"", true },
		{ "TEST==\"[net/eth0]mtu\"", true },
		{ "TEST==\"[net/eth1]mtu\"", false },
		{ "ATTR{[net/eth0]mtu}==\"1500\"", true },
		/* the device or one of its parents must match all of them */
		{ "KERNELS==\"pci0\"", true },
		{ "KERNELS==\"0:0:0:0\"", true },
		{ "KERNELS==\"target*\"", false },
		{ "SUBSYSTEMS==\"pci\", DRIVERS==\"ahci\", ATTRS{vendor}==\"0x8086\"", true },
		{ "SUBSYSTEMS==\"pci\", DRIVERS==\"sd\"", false },
		{ "ATTRS{vendor}==\"0x10de\"", false },
		{ "SUBSYSTEMS!=\"scsi\"", true },
	};
	struct root *r = with_a_disk(state);

	plug(r, "/bus/pci/devices/0000:00:00.0", NULL, "");
	plug(r, "/class/net/eth0", NULL, "");
	root_write(r, "sys/class/net/eth0/mtu", "1500\n");
	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		char line[300];

		snprintf(line, sizeof(line), "%s" LOAD("m"), cases[i].condition);
		if (strcmp(ask(r, DISK, NULL, line), cases[i].applies ? " m" : "") != 0)
			fail_msg("%s", line);
	}
}

static void a_jump_that_only_udev_can_judge_counts_as_taken(void **state)
{
	struct root *r = with_a_disk(state);

	assert_string_equal(
		ask(r, DISK, NULL,
		    "KERNEL==\"x\", GOTO=\"one\"\n"
		    "KERNEL==\"0:*\"" LOAD("a") "LABEL=\"one\"\n"
						"PROGRAM==\"x\", GOTO=\"end\"\n"
						"KERNEL==\"0:*\"" LOAD("b") "LABEL=\"end\"\n"
									    "KERNEL==\"0:*\"" LOAD(
										    "c a")),
		" a c");
}

static void links_that_leave_the_tree_are_not_read(void **state)
{
	struct root *r = with_a_disk(state);

	root_write(r, "secret", "1\n");
	root_link(r, "../../../../../../secret", "sys" DISK "/stolen");
	root_mkdir(r, "sys" DISK "/directory");
	assert_string_equal(ask(r, DISK, NULL, "ATTR{stolen}==\"1\"" LOAD("a")), "");
	assert_string_equal(ask(r, DISK, NULL, "ATTR{directory}==\"*\"" LOAD("a")), "");
	assert_string_equal(ask(r, "devices", NULL, "ACTION==\"add\"" LOAD("a")), "");
}

/* The rules of the machine that runs this, where it has any: they are read, and ask for sane things. */
static void the_rules_of_this_machine_are_understood(void **state)
{
	struct mf_udev_rules *rules = NULL;
	const struct mf_udev_line *lines;
	struct mf_context here = { .root = (char *)"", .root_fd = open("/", O_PATH | O_CLOEXEC) };
	size_t n;

	assert_int_equal(mf_udev_rules_read(&here, &rules), 0);
	lines = mf_udev_rules_lines(rules, &n);
	for (size_t i = 0; i < n; i++)
		assert_true(lines[i].modules.n || lines[i].go_to || lines[i].n_conditions);
	if (faccessat(here.root_fd, "usr/lib/udev/rules.d/80-drivers.rules", F_OK, 0) == 0)
		assert_true(n > 0);
	mf_udev_rules_free(rules);
	close(here.root_fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(the_rules_of_distributions_load_what_they_say),
		ROOTED(the_environment_is_all_that_is_known_of_properties),
		ROOTED(each_condition_is_judged_as_udev_does),
		ROOTED(a_jump_that_only_udev_can_judge_counts_as_taken),
		ROOTED(links_that_leave_the_tree_are_not_read),
		cmocka_unit_test(the_rules_of_this_machine_are_understood),
	};

	return UNIT_RUN(tests);
}
