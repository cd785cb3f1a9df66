/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Tests loads that end, and loads that crash. An install line of modprobe.d plays the part of the
 * kernel: it sees the disk as it is during a load, and may kill the loading process.
 */
#include "tests/unit.h"
#include "tests/root.h"
#include <signal.h>
#include <sys/wait.h>
#include "modfetch/array.h"
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

/* A machine with a driver and its dependency; COMMAND runs instead of the load of the driver. */
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
	assert_int_equal(mf_pending_loads_prune(&r->ctx, &attempts), 0);
	assert_int_equal(mf_load(&r->ctx, &attempts, &want, 1), 0);
	assert_int_equal(mf_pending_loads_finish(&r->ctx, &attempts), 0);
	mf_pending_loads_done(&attempts);
	return want;
}

/* Loads in a child process that the load kills. */
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

static void a_load_is_recorded_with_its_dependencies_while_it_lasts(void **state)
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
	/* and it is removed after the load, successful or not */
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

/* If a power cut restored the file, it would refuse a good driver. */
static void the_end_of_a_load_is_synced_to_disk(void **state)
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

static void a_crashed_load_is_not_repeated_unattended(void **state)
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

static void udev_does_not_load_a_recorded_module(void **state)
{
	struct root *r = *state;
	struct mf_pending_loads attempts = { .boot = BOOT };
	struct mf_strings paths = { 0 };
	_cleanup_free_ char *text = NULL;
	struct mf_kmod *kmod;

	machine(r, "true");
	assert_int_equal(mf_strings_add(&paths, CARD), 0);
	/* a name that would make kmod join lines, or begin a new one */
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

static void a_killed_run_loads_again_in_the_same_boot(void **state)
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

static void an_attended_load_that_succeeds_clears_the_record(void **state)
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
	/* and if it crashes again, that counts again */
	machine(r, "kill -9 $PPID");
	crash(r);
	boot(r, LATER);
	assert_int_equal(counted(r), 2);
}

static void another_version_clears_the_record_and_a_removal_does_not(void **state)
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

static void the_removal_of_a_kernel_clears_its_records(void **state)
{
	struct root *r = *state;
	struct mf_pending_loads attempts = { 0 };

	machine(r, "kill -9 $PPID");
	crash(r);
	boot(r, LATER);
	/* another kernel runs: it has other modules, and those of this kernel are still refused */
	free(r->ctx.kernel);
	r->ctx.kernel = strdup("6.99-other");
	assert_int_equal(mf_pending_loads_prune(&r->ctx, &attempts), 0);
	assert_int_equal(attempts.n, 2);
	assert_null(mf_pending_loads_find(&r->ctx, &attempts, "hfcpci"));
	mf_pending_loads_done(&attempts);
	assert_int_equal(mf_tree_remove(r->fd, MODULES), 0);
	assert_int_equal(mf_pending_loads_prune(&r->ctx, &attempts), 0);
	assert_int_equal(attempts.n, 0);
	assert_false(root_has(r, RECORD));
	mf_pending_loads_done(&attempts);
}

static void a_module_that_waited_for_its_turn_does_not_count(void **state)
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
	/* but udev does not load it until then */
	assert_non_null(strstr(text, "\nblacklist hfcpci\n"));
	assert_null(strstr(text, "not_there"));
	mf_pending_loads_done(&attempts);
	boot(r, LATER);
	assert_int_equal(mf_pending_loads_prune(&r->ctx, &attempts), 0);
	assert_int_equal(attempts.n, 0);
	assert_false(root_has(r, RECORD));
	mf_pending_loads_done(&attempts);
	mf_strings_done(&paths);
}

/*
 * A module that udev is kept from must be loaded by the run: dependencies and other modules of the
 * packages are not recorded.
 */
static void only_modules_that_will_be_loaded_are_expected(void **state)
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
	assert_int_equal(mf_pending_loads_finish(&r->ctx, &attempts), 0);
	assert_false(root_has(r, RECORD));
	mf_pending_loads_done(&attempts);
	mf_strings_done(&changed);
	mf_want_done(&want);
}

/* An attempt stays if its device is not bound after the load, and goes if it is. */
static void an_attempt_lasts_until_the_device_is_bound(void **state)
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
	mf_pending_loads_drop_subject(&attempts, "/sys/devices/a");
	assert_int_equal(mf_pending_loads_begin(&r->ctx, &attempts, &needed, "/sys/devices/b"), 0);
	after = root_read(r, RECORD);
	assert_null(strstr(after, "blacklist hfcpci\n"));
	assert_non_null(strstr(after, "blacklist mISDN_core\n"));
	assert_int_equal(mf_pending_loads_finish(&r->ctx, &attempts), 0);
	assert_false(root_has(r, RECORD));
	mf_pending_loads_done(&attempts);
	mf_strings_done(&card);
	mf_strings_done(&needed);
}

static void the_admin_clears_by_module_package_and_glob(void **state)
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

	for (size_t i = 0; i < MF_ARRAY_SIZE(words); i++) {
		machine(r, "kill -9 $PPID");
		crash(r);
		boot(r, LATER);
		assert_int_equal(mf_pending_loads_clear(&r->ctx, words[i].glob), words[i].forgiven);
		assert_int_equal(counted(r), 2 - (size_t)words[i].forgiven);
		assert_int_equal(root_has(r, RECORD), words[i].forgiven < 2);
	}
}

static void malformed_lines_count_for_nothing(void **state)
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
	for (size_t i = 0; i < MF_ARRAY_SIZE(texts); i++) {
		struct mf_pending_loads attempts = { 0 };

		root_write(r, RECORD, texts[i]);
		assert_int_equal(mf_pending_loads_prune(&r->ctx, &attempts), 0);
		assert_int_equal(attempts.n, 0);
		assert_false(root_has(r, RECORD));
		mf_pending_loads_done(&attempts);
	}
}

static void without_a_record_unattended_runs_load_nothing(void **state)
{
	struct root *r = *state;
	struct mf_want want;

	machine(r, "true");
	/* a directory in place of the file: root cannot replace it either */
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
		ROOTED(a_load_is_recorded_with_its_dependencies_while_it_lasts),
		ROOTED(the_end_of_a_load_is_synced_to_disk),
		ROOTED(a_crashed_load_is_not_repeated_unattended),
		ROOTED(udev_does_not_load_a_recorded_module),
		ROOTED(a_killed_run_loads_again_in_the_same_boot),
		ROOTED(an_attended_load_that_succeeds_clears_the_record),
		ROOTED(another_version_clears_the_record_and_a_removal_does_not),
		ROOTED(the_removal_of_a_kernel_clears_its_records),
		ROOTED(a_module_that_waited_for_its_turn_does_not_count),
		ROOTED(only_modules_that_will_be_loaded_are_expected),
		ROOTED(an_attempt_lasts_until_the_device_is_bound),
		ROOTED(the_admin_clears_by_module_package_and_glob),
		ROOTED(malformed_lines_count_for_nothing),
		ROOTED(without_a_record_unattended_runs_load_nothing),
	};

	return UNIT_RUN(tests);
}
