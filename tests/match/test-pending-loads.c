/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loads that end, and loads that nobody survives. The kernel's part is played by an install line of
 * modprobe.d, which sees the disk as it is in the middle of a load, and may kill who loads.
 */
#include "tests/unit.h"
#include "tests/root.h"
#include <signal.h>
#include <sys/wait.h>
#include "modfetch/pending-loads.h"
#include "modfetch/depmod.h"
#include "modfetch/libkmod.h"
#include "modfetch/load.h"
#include "tests/syscalls.h"
#include "tests/trees.h"

#define RECORD	MF_PENDING_LOADS_DIRECTORY "/" MF_PENDING_LOADS_FILE
#define MODULES "lib/modules/" KERNEL
#define CARD	"kernel/drivers/isdn/hardware/mISDN/hfcpci.ko"
#define NEEDED	"kernel/drivers/isdn/mISDN/mISDN_core.ko"
#define ALIAS	"pci:v0000182Dd00003069sv00000000sd00000000bc02sc00i00"
#define BOOT	"11111111-2222-3333-4444-555555555555"
#define LATER	"66666666-7777-8888-9999-000000000000"

static void boot(const struct root *r, const char *id)
{
	root_write(r, "proc/sys/kernel/random/boot_id", id);
}

static void put_module(const struct root *r, const char *path)
{
	_cleanup_free_ char *from = NULL, *bytes = NULL;
	char to[512];
	size_t len;

	assert_true(asprintf(&from, "%s/%s", tree_of("default"), path) > 0);
	assert_int_equal(mf_file_read_at(AT_FDCWD, from, 64 << 20, &bytes, &len), 0);
	snprintf(to, sizeof(to), MODULES "/%s", path);
	root_write_bytes(r, to, bytes, len);
}

/* A machine with a driver and what it needs; COMMAND is run in place of the driver's load. */
static void machine(struct root *r, const char *command)
{
	char text[512];

	boot(r, BOOT "\n");
	put_module(r, CARD);
	put_module(r, NEEDED);
	root_write(r, MODULES "/modules.order", "");
	root_write(r, MODULES "/modules.builtin", "");
	assert_int_equal(mf_depmod(&r->ctx, &(struct mf_depmod_options){ 0 }, NULL), 0);
	snprintf(text, sizeof(text),
		 "install mISDN_core true\ninstall hfcpci cd %s; echo x >>runs; cp " RECORD
		 " seen; %s\n",
		 r->path, command);
	root_write(r, "etc/modprobe.d/x.conf", text);
}

static struct mf_want load(struct root *r)
{
	struct mf_pending_loads attempts = { 0 };
	struct mf_want want;

	assert_int_equal(mf_want_init(&r->ctx, ALIAS, NULL, &want), 0);
	assert_int_equal(mf_pending_loads_settle(&r->ctx, &attempts), 0);
	assert_int_equal(mf_load(&r->ctx, &attempts, &want, 1), 0);
	assert_int_equal(mf_pending_loads_end(&r->ctx, &attempts), 0);
	mf_pending_loads_done(&attempts);
	return want;
}

/* Loads in a child that the load kills. */
static void crash(struct root *r)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		load(r);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static size_t counted(struct root *r)
{
	struct mf_pending_loads attempts = { 0 };
	size_t n;

	assert_int_equal(mf_pending_loads_read(&r->ctx, &attempts), 0);
	n = attempts.n;
	mf_pending_loads_done(&attempts);
	return n;
}

static size_t runs(const struct root *r)
{
	_cleanup_free_ char *text = root_has(r, "runs") ? root_read(r, "runs") : NULL;

	return text ? strlen(text) / 2 : 0;
}

static void while_it_lasts_it_is_on_disk_with_what_it_needs(void **state)
{
	struct root *r = *state;
	_cleanup_free_ char *seen = NULL;
	struct mf_want want;

	machine(r, "true");
	want = load(r);
	assert_int_equal(want.load_error, 0);
	assert_true(mf_strings_has(&want.loaded, "hfcpci"));
	mf_want_done(&want);
	seen = root_read(r, "seen");
	assert_non_null(strstr(seen, "\nblacklist hfcpci\n"));
	assert_non_null(strstr(seen, "\nblacklist mISDN_core\n"));
	assert_non_null(strstr(seen, "#modfetch begun " BOOT " "));
	assert_non_null(strstr(seen, " " KERNEL " " CARD " " ALIAS "\n"));
	/* and when it is over it is not, good end or bad */
	assert_false(root_has(r, RECORD));
	machine(r, "exit 1");
	want = load(r);
	assert_true(want.load_error < 0);
	mf_want_done(&want);
	assert_false(root_has(r, RECORD));
}

static int load_one(void *arg)
{
	struct mf_want want = load(arg);
	int r = want.load_error;

	mf_want_done(&want);
	return r;
}

/* Should it come back after a power cut, a driver that was good would be refused. */
static void that_it_is_over_is_on_the_disk_too(void **state)
{
	struct root *r = *state;
	_cleanup_free_ char *calls = NULL;

	machine(r, "true");
	calls = syscalls_of(load_one, r);
	assert_true(comes_before(calls, "rename modprobe.d " MF_PENDING_LOADS_FILE,
				 "fsync modprobe.d"));
	assert_true(comes_before(calls, "unlinkat modprobe.d " MF_PENDING_LOADS_FILE,
				 "fsync modprobe.d"));
}

static void what_a_boot_did_not_survive_is_left_alone_unattended(void **state)
{
	struct root *r = *state;
	struct mf_pending_loads attempts = { 0 };
	struct mf_want want;

	machine(r, "kill -9 $PPID");
	crash(r);
	assert_int_equal(runs(r), 1);
	r->ctx.unattended = true;
	/* three boots */
	for (int i = 1; i <= 3; i++) {
		char id[40];

		snprintf(id, sizeof(id), "%d" LATER, i);
		id[36] = '\0';
		boot(r, id);
		assert_int_equal(mf_pending_loads_read(&r->ctx, &attempts), 0);
		assert_non_null(mf_pending_loads_find(&r->ctx, &attempts, "hfcpci"));
		assert_string_equal(
			mf_pending_loads_find(&r->ctx, &attempts, "mISDN_core")->subject, ALIAS);
		mf_pending_loads_done(&attempts);
		want = load(r);
		assert_int_equal(want.load_error, -MFE_CRASHED);
		assert_int_equal(want.loaded.n, 0);
		mf_want_done(&want);
		assert_int_equal(runs(r), 1);
		assert_true(root_has(r, RECORD));
	}
}

static void udev_reads_that_it_is_to_be_left_alone(void **state)
{
	struct root *r = *state;
	struct mf_pending_loads attempts = { .boot = BOOT };
	struct mf_strings paths = { 0 };
	_cleanup_free_ char *text = NULL;
	struct mf_kmod *kmod;

	machine(r, "true");
	assert_int_equal(mf_strings_add(&paths, CARD), 0);
	/* a name that would have kmod join the lines, or begin one */
	assert_int_equal(mf_pending_loads_begin(&r->ctx, &attempts, &paths, "a\nalias x y\n\\"), 0);
	assert_int_equal(mf_kmod_new(&r->ctx, &kmod), 0);
	assert_false(mf_kmod_blacklisted(kmod, "hfcpci"));
	mf_kmod_free(kmod);
	text = root_read(r, RECORD);
	root_write(r, "etc/modprobe.d/as-others-see-it.conf", text);
	root_write(r, "etc/modprobe.d/as-nobody-sees-it.conf.old", "blacklist mISDN_core\n");
	assert_int_equal(mf_kmod_new(&r->ctx, &kmod), 0);
	assert_true(mf_kmod_blacklisted(kmod, "hfcpci"));
	assert_false(mf_kmod_blacklisted(kmod, "mISDN_core"));
	assert_int_equal(mf_kmod_config_alias(kmod, "x", NULL, NULL), 0);
	mf_kmod_free(kmod);
	mf_pending_loads_done(&attempts);
	mf_strings_done(&paths);
}

static void who_was_killed_and_not_the_machine_starts_again(void **state)
{
	struct root *r = *state;
	struct mf_want want;

	machine(r, "kill -9 $PPID");
	crash(r);
	assert_true(root_has(r, RECORD));
	assert_int_equal(counted(r), 0);
	machine(r, "true");
	r->ctx.unattended = true;
	want = load(r);
	assert_int_equal(want.load_error, 0);
	mf_want_done(&want);
	assert_int_equal(runs(r), 2);
	assert_false(root_has(r, RECORD));
}

static void by_hand_it_is_tried_and_if_it_ends_well_forgotten(void **state)
{
	struct root *r = *state;
	struct mf_want want;

	machine(r, "kill -9 $PPID");
	crash(r);
	boot(r, LATER);
	machine(r, "true");
	boot(r, LATER);
	want = load(r);
	assert_int_equal(want.load_error, 0);
	mf_want_done(&want);
	assert_false(root_has(r, RECORD));
	/* and if not, that counts anew */
	machine(r, "kill -9 $PPID");
	crash(r);
	boot(r, LATER);
	assert_int_equal(counted(r), 2);
}

static void another_version_ends_the_matter_and_a_removal_does_not(void **state)
{
	struct root *r = *state;

	machine(r, "kill -9 $PPID");
	crash(r);
	boot(r, LATER);
	assert_int_equal(counted(r), 2);
	root_write(r, MODULES "/" NEEDED, "another version");
	assert_int_equal(counted(r), 1);
	assert_int_equal(unlinkat(r->fd, MODULES "/" CARD, 0), 0);
	assert_int_equal(counted(r), 1);
	root_write(r, MODULES "/" CARD, "another version");
	assert_int_equal(counted(r), 0);
}

static void the_end_of_a_kernel_ends_the_matter(void **state)
{
	struct root *r = *state;
	struct mf_pending_loads attempts = { 0 };

	machine(r, "kill -9 $PPID");
	crash(r);
	boot(r, LATER);
	/* another kernel runs: its modules are others, and this one's are still held back */
	free(r->ctx.kernel);
	r->ctx.kernel = strdup("6.99-other");
	assert_int_equal(mf_pending_loads_settle(&r->ctx, &attempts), 0);
	assert_int_equal(attempts.n, 2);
	assert_null(mf_pending_loads_find(&r->ctx, &attempts, "hfcpci"));
	mf_pending_loads_done(&attempts);
	assert_int_equal(mf_tree_remove(r->fd, MODULES), 0);
	assert_int_equal(mf_pending_loads_settle(&r->ctx, &attempts), 0);
	assert_int_equal(attempts.n, 0);
	assert_false(root_has(r, RECORD));
	mf_pending_loads_done(&attempts);
}

static void what_waited_for_its_turn_is_innocent(void **state)
{
	struct root *r = *state;
	struct mf_pending_loads attempts = { .boot = BOOT };
	struct mf_strings paths = { 0 };
	_cleanup_free_ char *text = NULL;

	machine(r, "true");
	assert_int_equal(mf_strings_add(&paths, CARD), 0);
	assert_int_equal(mf_strings_add(&paths, "modules.dep"), 0);
	assert_int_equal(mf_strings_add(&paths, "updates/not-there.ko"), 0);
	assert_int_equal(mf_pending_loads_expect(&r->ctx, &attempts, &paths), 0);
	text = root_read(r, RECORD);
	/* but until then udev leaves it alone */
	assert_non_null(strstr(text, "\nblacklist hfcpci\n"));
	assert_null(strstr(text, "not_there"));
	mf_pending_loads_done(&attempts);
	boot(r, LATER);
	assert_int_equal(mf_pending_loads_settle(&r->ctx, &attempts), 0);
	assert_int_equal(attempts.n, 0);
	assert_false(root_has(r, RECORD));
	mf_pending_loads_done(&attempts);
	mf_strings_done(&paths);
}

/* Who holds udev back from a module has to load it: what a driver needs, or came along, is not held
 * back. */
static void only_what_will_be_loaded_waits_for_its_turn(void **state)
{
	struct root *r = *state;
	struct mf_pending_loads attempts = { .boot = BOOT };
	struct mf_strings changed = { 0 };
	_cleanup_free_ char *text = NULL;
	struct mf_want want;

	machine(r, "true");
	assert_int_equal(mf_want_init(&r->ctx, ALIAS, NULL, &want), 0);
	assert_int_equal(mf_strings_add(&changed, NEEDED), 0);
	assert_int_equal(mf_load_expect(&r->ctx, &attempts, &want, 1, &changed), 0);
	assert_non_null(mf_want_add(&want, "hfcpci", NULL));
	assert_int_equal(mf_load_expect(&r->ctx, &attempts, &want, 1, &changed), 0);
	assert_false(root_has(r, RECORD));
	assert_int_equal(mf_strings_add(&changed, CARD), 0);
	assert_int_equal(mf_load_expect(&r->ctx, &attempts, &want, 1, &changed), 0);
	text = root_read(r, RECORD);
	assert_non_null(strstr(text, "#modfetch waits " BOOT));
	assert_non_null(strstr(text, "blacklist hfcpci\n"));
	assert_null(strstr(text, "blacklist mISDN_core\n"));
	assert_int_equal(mf_pending_loads_end(&r->ctx, &attempts), 0);
	assert_false(root_has(r, RECORD));
	mf_pending_loads_done(&attempts);
	mf_strings_done(&changed);
	mf_want_done(&want);
}

/* One whose device is not bound when its load returns stays, one that has ended goes. */
static void what_may_still_be_looking_for_its_device_is_not_over(void **state)
{
	struct root *r = *state;
	struct mf_pending_loads attempts = { .boot = BOOT };
	struct mf_strings card = { 0 }, needed = { 0 };
	_cleanup_free_ char *before = NULL, *after = NULL;

	machine(r, "true");
	assert_int_equal(mf_strings_add(&card, CARD), 0);
	assert_int_equal(mf_strings_add(&needed, NEEDED), 0);
	assert_int_equal(mf_pending_loads_begin(&r->ctx, &attempts, &card, "/sys/devices/a"), 0);
	assert_int_equal(mf_pending_loads_begin(&r->ctx, &attempts, &needed, "/sys/devices/b"), 0);
	before = root_read(r, RECORD);
	assert_non_null(strstr(before, "blacklist hfcpci\n"));
	assert_non_null(strstr(before, "blacklist mISDN_core\n"));
	mf_pending_loads_ended(&attempts, "/sys/devices/a");
	assert_int_equal(mf_pending_loads_begin(&r->ctx, &attempts, &needed, "/sys/devices/b"), 0);
	after = root_read(r, RECORD);
	assert_null(strstr(after, "blacklist hfcpci\n"));
	assert_non_null(strstr(after, "blacklist mISDN_core\n"));
	assert_int_equal(mf_pending_loads_end(&r->ctx, &attempts), 0);
	assert_false(root_has(r, RECORD));
	mf_pending_loads_done(&attempts);
	mf_strings_done(&card);
	mf_strings_done(&needed);
}

static void the_admins_word_names_modules_packages_and_globs(void **state)
{
	static const struct {
		const char *glob;
		int forgiven;
	} words[] = {
		{ "e1000e", 0 },
		{ "hfc", 0 },
		{ "hfcpci", 1 },
		{ "hfcpci-kmp-amd64-6.1.0_56", 1 },
		{ "mISDN_core-kmp-default", 1 },
		{ "*", 2 },
	};
	struct root *r = *state;

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		machine(r, "kill -9 $PPID");
		crash(r);
		boot(r, LATER);
		assert_int_equal(mf_pending_loads_forgive(&r->ctx, words[i].glob),
				 words[i].forgiven);
		assert_int_equal(counted(r), 2 - (size_t)words[i].forgiven);
		assert_int_equal(root_has(r, RECORD), words[i].forgiven < 2);
	}
}

static void what_is_not_understood_counts_for_nothing(void **state)
{
	static const char *const texts[] = {
		"",
		"blacklist hfcpci\n",
		"#modfetch begun\n",
		"#modfetch begun x y ../.. " CARD " z\n",
		"#modfetch begun x y " KERNEL "\n",
		"#modfetch begun x y " KERNEL " " CARD "\n",
		"#modfetch later x y " KERNEL " " CARD " z\n",
		"#modfetch begun " BOOT " y " KERNEL " " CARD " z\n",
		"#modfetch begun x not-its-digest " KERNEL " " CARD " z\n",
	};
	struct root *r = *state;

	machine(r, "true");
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct mf_pending_loads attempts = { 0 };

		root_write(r, RECORD, texts[i]);
		assert_int_equal(mf_pending_loads_settle(&r->ctx, &attempts), 0);
		assert_int_equal(attempts.n, 0);
		assert_false(root_has(r, RECORD));
		mf_pending_loads_done(&attempts);
	}
}

static void without_a_record_nothing_is_loaded_that_nobody_watches(void **state)
{
	struct root *r = *state;
	struct mf_want want;

	machine(r, "true");
	/* a directory in the file's place: nobody can replace it, root neither */
	root_mkdir(r, RECORD "/x");
	for (int unattended = 0; unattended < 2; unattended++) {
		struct mf_pending_loads attempts = { .boot = BOOT };

		r->ctx.unattended = unattended;
		assert_int_equal(mf_want_init(&r->ctx, ALIAS, NULL, &want), 0);
		assert_int_equal(mf_load(&r->ctx, &attempts, &want, 1), 0);
		assert_int_equal(runs(r), 1);
		assert_int_equal(want.loaded.n, !unattended);
		assert_true(unattended ? want.load_error < 0 : !want.load_error);
		mf_want_done(&want);
		mf_pending_loads_done(&attempts);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(while_it_lasts_it_is_on_disk_with_what_it_needs),
		ROOTED(that_it_is_over_is_on_the_disk_too),
		ROOTED(what_a_boot_did_not_survive_is_left_alone_unattended),
		ROOTED(udev_reads_that_it_is_to_be_left_alone),
		ROOTED(who_was_killed_and_not_the_machine_starts_again),
		ROOTED(by_hand_it_is_tried_and_if_it_ends_well_forgotten),
		ROOTED(another_version_ends_the_matter_and_a_removal_does_not),
		ROOTED(the_end_of_a_kernel_ends_the_matter),
		ROOTED(what_waited_for_its_turn_is_innocent),
		ROOTED(only_what_will_be_loaded_waits_for_its_turn),
		ROOTED(what_may_still_be_looking_for_its_device_is_not_over),
		ROOTED(the_admins_word_names_modules_packages_and_globs),
		ROOTED(what_is_not_understood_counts_for_nothing),
		ROOTED(without_a_record_nothing_is_loaded_that_nobody_watches),
	};

	return UNIT_RUN(tests);
}
