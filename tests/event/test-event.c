/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The event stage, in temporary roots: each verdict, and the entries in the spool. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "src/event/event.h"
#include "modfetch/file.h"
#include "modfetch/spool.h"
#include "modfetch/trie.h"

#define NIC   "pci:v00008086d000010D3sv00008086sd00000000bc02sc00i00"
#define ALIAS "pci:v00008086d000010D3sv*sd*bc*sc*i*"
#define DEV   "/devices/pci0000:00/0000:00:03.0/0000:01:00.0"
#define KVER  "6.1.0-56-amd64"
#define TREE  "lib/modules/" KVER
#define CACHE "var/cache/modfetch/debian/"

struct fixture {
	struct mf_context ctx;
	char root[64];
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->root, sizeof(f->root), "/tmp/test-event.XXXXXX");
	assert_non_null(mkdtemp(f->root));
	assert_int_equal(mf_context_init(&f->ctx, f->root, KVER), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	mf_context_done(&f->ctx);
	assert_int_equal(mf_tree_remove(AT_FDCWD, f->root), 0);
	free(f);
	return 0;
}

static void put(struct fixture *f, const char *dir, const char *name, const void *buf, size_t len)
{
	_cleanup_close_ int fd = mf_context_mkdir(&f->ctx, dir);

	assert_true(fd >= 0);
	assert_int_equal(mf_file_publish(fd, name, 0644, buf, len), 0);
}

static void put_text(struct fixture *f, const char *dir, const char *name, const char *text)
{
	put(f, dir, name, text, strlen(text));
}

/* An index of pairs: key, value, key, value, …, NULL. */
static void put_index(struct fixture *f, const char *dir, const char *name,
		      const char *const *pairs)
{
	struct mf_trie_builder *builder;
	_cleanup_free_ void *buf = NULL;
	size_t len;

	assert_int_equal(mf_trie_builder_new(&builder), 0);
	for (uint32_t i = 0; pairs[i]; i += 2)
		assert_int_equal(mf_trie_builder_add(builder, pairs[i], pairs[i + 1], i), 0);
	assert_int_equal(mf_trie_builder_finish(builder, &buf, &len), 0);
	mf_trie_builder_free(builder);
	put(f, dir, name, buf, len);
}

/* A repository with e1000e and a second driver for the same card, and no installed module. */
static void make_repository(struct fixture *f)
{
	_cleanup_close_ int fd = mf_context_mkdir(&f->ctx, CACHE);

	put_index(f, CACHE "1f", "alias-amd64-6.1.0_56.bin",
		  (const char *const[]){ ALIAS, "e1000e", "pci:v00008086d*", "intel-second",
					 "platform:a_b", "ab", NULL });
	assert_int_equal(symlinkat("1f", fd, "current"), 0);
}

static void put_on_disk(struct fixture *f, const char *list, const char *module)
{
	put_index(f, TREE, list, (const char *const[]){ module, "kernel/x.ko:", NULL });
	put_text(f, TREE "/kernel", "x.ko", "");
}

static enum mf_event_verdict judge(struct fixture *f, const char *action, const char *modalias,
				   const char *devpath)
{
	const struct mf_event event = { .action = action,
					.modalias = modalias,
					.devpath = devpath };
	enum mf_event_verdict verdict = 0;

	assert_int_equal(mf_event_judge(&f->ctx, &event, &verdict), 0);
	return verdict;
}

static void the_first_of_each_key_counts(void **state)
{
	static const char *const text[] = { "ACTION=add",  "MODALIASX=no",	 "MODALIAS=" NIC,
					    "MODALIAS=x",  "DEVPATH=" DEV,	 "SUBSYSTEM=pci",
					    "SEQNUM=1308", "USEC_INITIALIZED=1x" };
	char *env[MF_ARRAY_SIZE(text) + 1] = { NULL };
	char *none[] = { NULL };
	struct mf_event e;

	for (size_t i = 0; i < MF_ARRAY_SIZE(text); i++)
		env[i] = strdup(text[i]);
	mf_event_parse(env, &e);
	assert_string_equal(e.action, "add");
	assert_string_equal(e.modalias, NIC);
	assert_string_equal(e.devpath, DEV);
	assert_string_equal(e.subsystem, "pci");
	assert_int_equal(e.seqnum, 1308);
	assert_int_equal(e.uevent_us, 0);
	for (size_t i = 0; env[i]; i++)
		free(env[i]);
	mf_event_parse(none, &e);
	assert_null(e.action);
	assert_null(e.modalias);
}

static void only_devices_that_come_or_go_are_ours(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(judge(f, "add", NULL, DEV), MF_EVENT_NOT_OURS);
	assert_int_equal(judge(f, "add", "", DEV), MF_EVENT_NOT_OURS);
	assert_int_equal(judge(f, NULL, NIC, DEV), MF_EVENT_NOT_OURS);
	assert_int_equal(judge(f, "add", NIC, NULL), MF_EVENT_NOT_OURS);
	assert_int_equal(judge(f, "change", NIC, DEV), MF_EVENT_NOT_OURS);
	assert_int_equal(judge(f, "bind", NIC, DEV), MF_EVENT_NOT_OURS);
	assert_int_equal(judge(f, "add", NIC, DEV), MF_EVENT_MISSING);
	assert_int_equal(judge(f, "remove", NIC, DEV), MF_EVENT_REMOVED);
}

static void every_switch_turns_events_off(void **state)
{
	static const struct {
		const char *dir, *name, *text;
		enum mf_event_verdict want;
	} cases[] = {
		{ "etc", "initrd-release", "", MF_EVENT_OFF },
		{ "etc/modfetch/policy.d", "off", "", MF_EVENT_OFF },
		{ "etc/modfetch/policy.d", "off.conf", "", MF_EVENT_MISSING },
		{ "proc", "cmdline", "quiet modfetch=off root=/dev/vda\n", MF_EVENT_OFF },
		{ "proc", "cmdline", "modfetch=off", MF_EVENT_OFF },
		{ "proc", "cmdline", "xmodfetch=off modfetch=offline\n", MF_EVENT_MISSING },
		{ "proc/sys/kernel", "modules_disabled", "1\n", MF_EVENT_OFF },
		{ "proc/sys/kernel", "modules_disabled", "0\n", MF_EVENT_MISSING },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < MF_ARRAY_SIZE(cases); i++) {
		char path[128];

		put_text(f, cases[i].dir, cases[i].name, cases[i].text);
		assert_int_equal(judge(f, "add", NIC, DEV), cases[i].want);
		snprintf(path, sizeof(path), "%s/%s/%s", f->root, cases[i].dir, cases[i].name);
		assert_int_equal(unlink(path), 0);
	}
}

static void odd_names_are_refused_and_leave_nothing(void **state)
{
	struct fixture *f = *state;
	char longest[MF_MODALIAS_MAX + 2];
	enum mf_event_verdict verdict;
	struct mf_event event = { .action = "add", .modalias = "usb:[", .devpath = DEV };

	memset(longest, 'a', sizeof(longest));
	longest[MF_MODALIAS_MAX + 1] = '\0';
	assert_int_equal(judge(f, "add", longest, DEV), MF_EVENT_REFUSED);
	assert_int_equal(judge(f, "add", longest + 1, DEV), MF_EVENT_MISSING);
	assert_int_equal(judge(f, "add", "usb:[", DEV), MF_EVENT_REFUSED);
	assert_int_equal(judge(f, "remove", "usb:[", DEV), MF_EVENT_REFUSED);
	assert_int_equal(judge(f, "add", NIC, "/etc"), MF_EVENT_REFUSED);
	assert_int_equal(mf_event(&f->ctx, &event, &verdict), 0);
	assert_int_equal(verdict, MF_EVENT_REFUSED);
	assert_true(mf_context_open(&f->ctx, MF_SPOOL_DIR, O_PATH) == -ENOENT);
}

static void brackets_in_a_name_are_ordinary_bytes(void **state)
{
	struct fixture *f = *state;
	const char *dmi = "dmi:bvnLENOVO:bvr-[TBE132I-2.50]-:pnX1:";

	make_repository(f);
	put_index(f, CACHE "current", "alias-any.bin",
		  (const char *const[]){ "dmi*:bvnLENOVO:*:pnX1:", "laptop", NULL });
	assert_int_equal(judge(f, "add", dmi, DEV), MF_EVENT_MISSING);
	assert_int_equal(judge(f, "add", "dmi:bvnLENOVO:bvr-[T:pnX1:", DEV), MF_EVENT_REFUSED);
	put_on_disk(f, "modules.dep.bin", "laptop");
	assert_int_equal(judge(f, "add", dmi, DEV), MF_EVENT_PRESENT);
}

static void without_any_index_the_service_decides(void **state)
{
	struct fixture *f = *state;

	put_on_disk(f, "modules.dep.bin", "e1000e");
	assert_int_equal(judge(f, "add", NIC, DEV), MF_EVENT_MISSING);
	/* a repository with indexes of other kernels only has no index for this kernel */
	put_index(f, CACHE "current", "alias-amd64-6.1.0_55.bin",
		  (const char *const[]){ "pci:*", "x", NULL });
	assert_int_equal(judge(f, "add", NIC, DEV), MF_EVENT_MISSING);
}

static void a_module_is_missing_until_each_is_on_disk_or_built_in(void **state)
{
	struct fixture *f = *state;

	make_repository(f);
	assert_int_equal(judge(f, "add", "pci:v00001234d0", DEV), MF_EVENT_UNKNOWN);
	assert_int_equal(judge(f, "add", NIC, DEV), MF_EVENT_MISSING);
	put_on_disk(f, "modules.dep.bin", "e1000e");
	assert_int_equal(judge(f, "add", NIC, DEV), MF_EVENT_MISSING);
	/* the other one's name has a '-' in the index, and a '_' in the kernel */
	put_on_disk(f, "modules.builtin.bin", "intel_second");
	assert_int_equal(judge(f, "add", NIC, DEV), MF_EVENT_PRESENT);
}

static void what_the_index_names_must_be_there_and_no_link_of_others(void **state)
{
	struct fixture *f = *state;
	_cleanup_close_ int updates = mf_context_mkdir(&f->ctx, TREE "/weak-updates");

	make_repository(f);
	put_index(f, TREE, "modules.dep.bin",
		  (const char *const[]){ "ab", "weak-updates/ab.ko: kernel/x.ko", NULL });
	assert_int_equal(judge(f, "add", "platform:a_b", DEV), MF_EVENT_MISSING);
	/* as modfetch makes it, and as weak-modules makes it */
	assert_int_equal(symlinkat("../../6.1.0-55-amd64/ab.ko", updates, "ab.ko"), 0);
	assert_int_equal(judge(f, "add", "platform:a_b", DEV), MF_EVENT_PRESENT);
	assert_int_equal(unlinkat(updates, "ab.ko", 0), 0);
	assert_int_equal(symlinkat("/lib/modules/6.1.0-55-amd64/ab.ko", updates, "ab.ko"), 0);
	assert_int_equal(judge(f, "add", "platform:a_b", DEV), MF_EVENT_MISSING);
	/* built in all the same */
	put_on_disk(f, "modules.builtin.bin", "ab");
	assert_int_equal(judge(f, "add", "platform:a_b", DEV), MF_EVENT_PRESENT);
	put_index(f, TREE, "modules.builtin.bin", (const char *const[]){ "y", "y.ko", NULL });
	put_index(f, TREE, "modules.dep.bin",
		  (const char *const[]){ "ab", "/elsewhere/ab.ko:", NULL });
	assert_int_equal(judge(f, "add", "platform:a_b", DEV), MF_EVENT_PRESENT);
}

/* A kernel that was just unpacked has only the text file. */
static void what_is_built_in_is_known_before_depmod_ran(void **state)
{
	struct fixture *f = *state;

	make_repository(f);
	put_on_disk(f, "modules.dep.bin", "e1000e");
	assert_int_equal(judge(f, "add", NIC, DEV), MF_EVENT_MISSING);
	put_text(f, TREE, "modules.builtin", "kernel/drivers/net/intel-second.ko\n");
	assert_int_equal(judge(f, "add", NIC, DEV), MF_EVENT_PRESENT);
	/* the index has precedence */
	put_on_disk(f, "modules.builtin.bin", "another");
	assert_int_equal(judge(f, "add", NIC, DEV), MF_EVENT_MISSING);
}

static void a_name_is_looked_up_as_depmod_spells_it(void **state)
{
	struct fixture *f = *state;

	make_repository(f);
	assert_int_equal(judge(f, "add", "platform:a-b", DEV), MF_EVENT_MISSING);
	assert_int_equal(judge(f, "add", "platform:a+b", DEV), MF_EVENT_UNKNOWN);
}

static void indexes_of_the_flavor_and_of_any_kernel_count_too(void **state)
{
	struct fixture *f = *state;

	make_repository(f);
	put_index(f, "var/cache/modfetch/second/current", "alias-amd64.bin",
		  (const char *const[]){ "pci:v00001234*", "foreign", NULL });
	put_index(f, "var/cache/modfetch/third/current", "alias-any.bin",
		  (const char *const[]){ "usb:v1*", "any", NULL });
	assert_int_equal(judge(f, "add", "pci:v00001234d0", DEV), MF_EVENT_MISSING);
	assert_int_equal(judge(f, "add", "usb:v1d2", DEV), MF_EVENT_MISSING);
	assert_int_equal(judge(f, "add", "usb:v2d2", DEV), MF_EVENT_UNKNOWN);
}

static void a_damaged_index_leaves_it_to_the_service(void **state)
{
	struct fixture *f = *state;

	make_repository(f);
	put_text(f, CACHE "1f", "alias-amd64.bin", "not an index");
	assert_int_equal(judge(f, "add", "pci:v00001234d0", DEV), MF_EVENT_MISSING);
}

static void a_link_cannot_lead_out_of_the_root(void **state)
{
	struct fixture *f = *state;
	_cleanup_close_ int fd = -1;
	char target[128];
	void *p;

	/* the same paths outside of the root have an empty index */
	assert_int_equal(setup(&p), 0);
	put_index(p, "x", "alias-amd64-6.1.0_56.bin", (const char *const[]){ "a", "b", NULL });
	fd = mf_context_mkdir(&f->ctx, "var/cache/modfetch/debian");
	snprintf(target, sizeof(target), "%s/x", ((struct fixture *)p)->root);
	assert_int_equal(symlinkat(target, fd, "current"), 0);
	assert_int_equal(judge(f, "add", NIC, DEV), MF_EVENT_MISSING);
	assert_int_equal(teardown(&p), 0);
}

static size_t entries(struct fixture *f)
{
	_cleanup_close_ int spool = mf_spool_open(&f->ctx);
	struct mf_spool_entry *list;
	size_t n, damaged;

	assert_true(spool >= 0);
	assert_int_equal(mf_spool_read(spool, &list, &n, &damaged), 0);
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(list[i].modalias, NIC);
		assert_string_equal(list[i].subsystem, "pci");
		assert_int_equal(list[i].uevent_us, 5);
		assert_true(list[i].decided_us > 0);
		mf_spool_entry_done(&list[i]);
	}
	free(list);
	return n;
}

static void an_add_is_spooled_and_its_remove_takes_it_back(void **state)
{
	struct mf_event event = { .action = "add",
				  .modalias = NIC,
				  .devpath = DEV,
				  .subsystem = "pci",
				  .seqnum = 3,
				  .uevent_us = 5 };
	struct fixture *f = *state;
	enum mf_event_verdict verdict;

	make_repository(f);
	assert_int_equal(mf_event(&f->ctx, &event, &verdict), 0);
	assert_int_equal(verdict, MF_EVENT_MISSING);
	assert_int_equal(entries(f), 1);
	event.action = "remove";
	assert_int_equal(mf_event(&f->ctx, &event, &verdict), 0);
	assert_int_equal(entries(f), 0);
}

static void a_spool_of_somebody_else_is_an_error_that_names_it(void **state)
{
	const struct mf_event event = { .action = "add", .modalias = NIC, .devpath = DEV };
	struct fixture *f = *state;
	enum mf_event_verdict verdict;
	_cleanup_close_ int fd = mf_context_mkdir(&f->ctx, "run/modfetch");

	assert_int_equal(mkdirat(fd, "queue", 0700), 0);
	assert_int_equal(fchmodat(fd, "queue", 0777, 0), 0);
	assert_int_equal(mf_event(&f->ctx, &event, &verdict), -EPERM);
	assert_string_equal(f->ctx.failure.what, "/run/modfetch/queue");
	assert_int_equal(f->ctx.failure.stage, MF_STAGE_EVENT);
}

static void every_verdict_has_a_name(void **state)
{
	for (enum mf_event_verdict v = MF_EVENT_NOT_OURS; v <= MF_EVENT_MISSING; v++)
		assert_non_null(mf_event_verdict_name(v));
}

#define WITH_ROOT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static const char rules[] =
	"SUBSYSTEM==\"scsi\", ENV{DEVTYPE}==\"scsi_device\", TEST!=\"[module/sg]\", "
	"RUN{builtin}+=\"kmod load sg\"\n"
	"SUBSYSTEM==\"module\", KERNEL==\"parport_pc\", RUN{builtin}+=\"kmod load ppdev\"\n"
	"KERNEL==\"0:*\", RUN{builtin}+=\"kmod load on-disk nowhere\"\n";

/* The names in the spool after an event with these properties, each with a leading blank. */
static const char *names_asked_for(struct fixture *f, enum mf_event_verdict expected,
				   char *const *env)
{
	static char output[500];
	_cleanup_close_ int spool = mf_spool_open(&f->ctx);
	struct mf_spool_entry *entries;
	enum mf_event_verdict verdict = 0;
	struct mf_event event;
	size_t n, damaged;

	mf_event_parse(env, &event);
	assert_int_equal(mf_event(&f->ctx, &event, &verdict), 0);
	assert_int_equal(verdict, expected);
	assert_int_equal(mf_spool_read(spool, &entries, &n, &damaged), 0);
	*output = '\0';
	for (size_t i = 0; i < n; i++) {
		snprintf(output + strlen(output), sizeof(output) - strlen(output), " %s%s%s",
			 entries[i].modalias, entries[i].devpaths.n ? "@" : "",
			 entries[i].devpaths.n ? entries[i].devpaths.v[0] : "");
		assert_int_equal(mf_spool_remove(spool, &entries[i]), 0);
		mf_spool_entry_done(&entries[i]);
	}
	free(entries);
	return output;
}

static void what_udevs_rules_load_by_name_waits_as_well(void **state)
{
	struct fixture *f = *state;
	char *disk[] = { (char *)"ACTION=add", (char *)"DEVPATH=/devices/a/0:0:0:0",
			 (char *)"DEVTYPE=scsi_device", (char *)"MODALIAS=scsi:t-0x00", NULL };
	char *module[] = { (char *)"ACTION=add", (char *)"DEVPATH=/module/parport_pc", NULL };
	_cleanup_close_ int dir = mf_context_mkdir(&f->ctx, "sys/devices/a/0:0:0:0");

	make_repository(f);
	put_index(f, CACHE "1f", "name-amd64-6.1.0_56.bin",
		  (const char *const[]){ "sg", "sg-kmp", "on_disk", "x-kmp", "ppdev", "y-kmp",
					 NULL });
	put_on_disk(f, "modules.dep.bin", "on_disk");
	assert_int_equal(symlinkat("../../../../bus/scsi", dir, "subsystem"), 0);
	assert_string_equal(names_asked_for(f, MF_EVENT_UNKNOWN, disk), "");
	put_text(f, "etc/udev/rules.d", "80-t.rules", rules);
	assert_string_equal(names_asked_for(f, MF_EVENT_MISSING, disk), " sg@/devices/a/0:0:0:0");
	disk[3] = NULL; /* also without a modalias */
	assert_string_equal(names_asked_for(f, MF_EVENT_MISSING, disk), " sg@/devices/a/0:0:0:0");
	assert_string_equal(names_asked_for(f, MF_EVENT_MISSING, module), " ppdev");
	module[1] = (char *)"DEVPATH=/module/../parport_pc";
	assert_string_equal(names_asked_for(f, MF_EVENT_NOT_OURS, module), "");
	disk[0] = (char *)"ACTION=change";
	assert_string_equal(names_asked_for(f, MF_EVENT_NOT_OURS, disk), "");
	disk[0] = (char *)"ACTION=add";
	disk[2] = (char *)"DEVTYPE=scsi_host";
	assert_string_equal(names_asked_for(f, MF_EVENT_NOT_OURS, disk), "");
	disk[2] = (char *)"DEVTYPE=scsi_device";
	put_text(f, "etc/modfetch/policy.d", "off", "");
	assert_string_equal(names_asked_for(f, MF_EVENT_NOT_OURS, disk), "");
}

static void a_request_of_udevs_waits_without_a_device(void **state)
{
	struct fixture *f = *state;
	char *none[] = { NULL };

	assert_int_equal(mf_event_request(&f->ctx, "sg"), 0);
	assert_string_equal(names_asked_for(f, MF_EVENT_NOT_OURS, none), " sg");
	assert_int_equal(mf_event_request(&f->ctx, "s[g"), -MFE_BAD_MODALIAS);
	put_text(f, "etc/modfetch/policy.d", "off", "");
	assert_int_equal(mf_event_request(&f->ctx, "sg"), 0);
	assert_string_equal(names_asked_for(f, MF_EVENT_NOT_OURS, none), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(the_first_of_each_key_counts),
		WITH_ROOT(only_devices_that_come_or_go_are_ours),
		WITH_ROOT(every_switch_turns_events_off),
		WITH_ROOT(odd_names_are_refused_and_leave_nothing),
		WITH_ROOT(brackets_in_a_name_are_ordinary_bytes),
		WITH_ROOT(without_any_index_the_service_decides),
		WITH_ROOT(a_module_is_missing_until_each_is_on_disk_or_built_in),
		WITH_ROOT(what_the_index_names_must_be_there_and_no_link_of_others),
		WITH_ROOT(what_is_built_in_is_known_before_depmod_ran),
		WITH_ROOT(a_name_is_looked_up_as_depmod_spells_it),
		WITH_ROOT(indexes_of_the_flavor_and_of_any_kernel_count_too),
		WITH_ROOT(a_damaged_index_leaves_it_to_the_service),
		WITH_ROOT(a_link_cannot_lead_out_of_the_root),
		WITH_ROOT(an_add_is_spooled_and_its_remove_takes_it_back),
		WITH_ROOT(a_spool_of_somebody_else_is_an_error_that_names_it),
		WITH_ROOT(what_udevs_rules_load_by_name_waits_as_well),
		WITH_ROOT(a_request_of_udevs_waits_without_a_device),
		UNIT(every_verdict_has_a_name),
	};

	return UNIT_RUN(tests);
}
