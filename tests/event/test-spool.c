/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The spool: the format of an entry, and concurrent writers and readers. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/spool.h"

#define NIC "pci:v00008086d000010D3sv00008086sd00000000bc02sc00i00"

struct fixture {
	struct mf_context ctx;
	char root[64];
	int spool;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	/* in memory, as /run is: the wait for the lock is measured for that, not for a disk's fsync
	 */
	snprintf(f->root, sizeof(f->root), "%s/test-spool.XXXXXX",
		 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	assert_non_null(mkdtemp(f->root));
	assert_int_equal(mf_context_init(&f->ctx, f->root, "6.1.0-56-amd64"), 0);
	f->spool = mf_spool_open(&f->ctx);
	assert_true(f->spool >= 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close(f->spool);
	mf_context_done(&f->ctx);
	assert_int_equal(mf_tree_remove(AT_FDCWD, f->root), 0);
	free(f);
	return 0;
}

static struct mf_spool_entry entry_of(const char *modalias, const char *devpath)
{
	struct mf_spool_entry e = { .seqnum = 7, .uevent_us = 10, .decided_us = 20 };

	e.modalias = strdup(modalias);
	e.subsystem = strdup("pci");
	assert_int_equal(mf_strings_add(&e.devpaths, devpath), 0);
	return e;
}

static int put(int spool, const char *modalias, const char *devpath)
{
	_cleanup_(mf_spool_entry_done) struct mf_spool_entry e = entry_of(modalias, devpath);

	return mf_spool_put(spool, &e);
}

/* Reads the spool, which must have N entries; the first one goes to the caller. */
static void expect(int spool, size_t want, struct mf_spool_entry *ret_first)
{
	struct mf_spool_entry *entries;
	size_t n, damaged;

	assert_int_equal(mf_spool_read(spool, &entries, &n, &damaged), 0);
	assert_int_equal(n, want);
	assert_int_equal(damaged, 0);
	for (size_t i = 0; i < n; i++)
		if (!i && ret_first)
			*ret_first = entries[0];
		else
			mf_spool_entry_done(&entries[i]);
	free(entries);
}

static void a_name_is_the_fnv_hash_of_the_modalias(void **state)
{
	char name[MF_SPOOL_NAME];

	/* published test vectors of FNV-1a, 128 bits */
	mf_spool_name("", name);
	assert_string_equal(name, "6c62272e07bb014262b821756295c58d");
	mf_spool_name("a", name);
	assert_string_equal(name, "d228cb696f1a8caf78912b704e4a8964");
	mf_spool_name("foobar", name);
	assert_string_equal(name, "343e1662793c64bf6f0d3597ba446f18");
}

static void an_entry_survives_format_and_parse(void **state)
{
	_cleanup_(mf_spool_entry_done) struct mf_spool_entry in = entry_of(NIC, "/devices/pci/a");
	_cleanup_(mf_spool_entry_done) struct mf_spool_entry out = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t len;

	assert_int_equal(mf_strings_add(&in.devpaths, "/devices/pci/b c"), 0);
	assert_int_equal(mf_spool_format(&in, &text, &len), 0);
	assert_int_equal(mf_spool_parse(text, len, &out), 0);
	assert_string_equal(out.modalias, NIC);
	assert_string_equal(out.subsystem, "pci");
	assert_int_equal(out.devpaths.n, 2);
	assert_string_equal(out.devpaths.v[1], "/devices/pci/b c");
	assert_int_equal(out.seqnum, 7);
	assert_int_equal(out.uevent_us, 10);
	assert_int_equal(out.decided_us, 20);
	/* truncated anywhere except at the end of a line it is no entry */
	for (size_t cut = 0; cut < len; cut++) {
		struct mf_spool_entry e;

		if (cut && text[cut - 1] == '\n' && cut > strlen("modfetch-event 1\n"))
			continue;
		assert_int_equal(mf_spool_parse(text, cut, &e), -EBADMSG);
	}
}

static void nothing_but_an_entry_is_parsed(void **state)
{
	static const char *const bad[] = {
		"",
		"modfetch-event 2\nmodalias=a:b\n",
		"modfetch-event 1\n",
		"modfetch-event 1\nmodalias=\n",
		"modfetch-event 1\nmodalias=a:[b\n",
		"modfetch-event 1\nmodalias=a:\tb\n",
		"modfetch-event 1\nmodalias=a:b\nmodalias=a:c\n",
		"modfetch-event 1\nmodalias=a:b\nshell=reboot\n",
		"modfetch-event 1\nmodalias=a:b\nseqnum=-1\n",
		"modfetch-event 1\nmodalias=a:b\nseqnum=99999999999999999999\n",
		"modfetch-event 1\nmodalias=a:b\ndevpath=/etc/passwd\n",
		"modfetch-event 1\nmodalias=a:b\ndevpath=/devices/../x\n",
		"modfetch-event 1\nmodalias=a:b\ndevpath=/devices/x/..\n",
		"modfetch-event 1\nmodalias=a:b\n\n",
	};
	struct mf_spool_entry e = { 0 };

	for (size_t i = 0; i < MF_ARRAY_SIZE(bad); i++)
		assert_int_equal(mf_spool_parse(bad[i], strlen(bad[i]), &e), -EBADMSG);
	assert_int_equal(mf_spool_parse("modfetch-event 1\nmodalias=a\0b\n", 29, &e), -EBADMSG);
	assert_null(e.modalias);
}

static void repeats_collapse_and_devices_add_up(void **state)
{
	_cleanup_(mf_spool_entry_done) struct mf_spool_entry e = { 0 };
	struct fixture *f = *state;

	for (int i = 0; i < 1000; i++)
		assert_int_equal(put(f->spool, NIC, i % 2 ? "/devices/a" : "/devices/b"), 0);
	assert_int_equal(put(f->spool, "usb:v1", "/devices/c"), 0);
	expect(f->spool, 2, NULL);
	for (int i = 0; i < MF_SPOOL_DEVICES + 10; i++) {
		char devpath[32];

		snprintf(devpath, sizeof(devpath), "/devices/x%d", i);
		assert_int_equal(put(f->spool, "usb:v1", devpath), 0);
	}
	assert_int_equal(mf_spool_retract(f->spool, NIC, "/devices/a"), 0);
	assert_int_equal(mf_spool_retract(f->spool, NIC, "/devices/b"), 0);
	expect(f->spool, 1, &e);
	assert_string_equal(e.modalias, "usb:v1");
	assert_int_equal(e.devpaths.n, MF_SPOOL_DEVICES);
}

static void the_one_that_waits_longest_is_first(void **state)
{
	struct fixture *f = *state;
	struct mf_spool_entry *entries;
	size_t n, damaged;

	for (unsigned int i = 0; i < 40; i++) {
		_cleanup_(mf_spool_entry_done) struct mf_spool_entry e = entry_of("", "/devices/x");

		free(e.modalias);
		assert_true(asprintf(&e.modalias, "pci:v%u", i) > 0);
		/* neither in the order of the names nor in that of the writes */
		e.decided_us = 1000 + i * 17 % 40;
		assert_int_equal(mf_spool_put(f->spool, &e), 0);
	}
	assert_int_equal(mf_spool_read(f->spool, &entries, &n, &damaged), 0);
	assert_int_equal(n, 40);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(entries[i].decided_us, 1000 + i);
		mf_spool_entry_done(&entries[i]);
	}
	free(entries);
}

static void a_removed_device_takes_back_its_own_part_only(void **state)
{
	_cleanup_(mf_spool_entry_done) struct mf_spool_entry e = { 0 };
	struct fixture *f = *state;

	assert_int_equal(put(f->spool, NIC, "/devices/a"), 0);
	assert_int_equal(put(f->spool, NIC, "/devices/b"), 0);
	assert_int_equal(mf_spool_retract(f->spool, NIC, "/devices/c"), 0);
	assert_int_equal(mf_spool_retract(f->spool, "usb:v1", "/devices/a"), 0);
	assert_int_equal(mf_spool_retract(f->spool, NIC, "/devices/a"), 0);
	expect(f->spool, 1, &e);
	assert_int_equal(e.devpaths.n, 1);
	assert_string_equal(e.devpaths.v[0], "/devices/b");
	assert_int_equal(mf_spool_retract(f->spool, NIC, "/devices/b"), 0);
	expect(f->spool, 0, NULL);
}

static void an_entry_that_changed_while_it_was_worked_on_stays(void **state)
{
	_cleanup_(mf_spool_entry_done) struct mf_spool_entry first = { 0 }, second = { 0 };
	struct fixture *f = *state;

	assert_int_equal(put(f->spool, NIC, "/devices/a"), 0);
	expect(f->spool, 1, &first);
	assert_int_equal(put(f->spool, NIC, "/devices/b"), 0);
	assert_int_equal(mf_spool_remove(f->spool, &first), 0);
	expect(f->spool, 1, &second);
	assert_int_equal(mf_spool_remove(f->spool, &second), 0);
	expect(f->spool, 0, NULL);
	assert_int_equal(mf_spool_remove(f->spool, &second), 0);
}

static void a_foreign_file_in_the_spool_is_removed(void **state)
{
	static const char text[] = "modfetch-event 1\nmodalias=usb:v1\n";
	struct fixture *f = *state;
	struct mf_spool_entry *entries;
	size_t n, damaged;

	/* a good text under a name that is not its own, a directory, a link, a fifo, a half written
	 * one */
	assert_int_equal(mf_file_publish(f->spool, "0123", 0600, text, sizeof(text) - 1), 0);
	assert_int_equal(mkdirat(f->spool, "directory", 0700), 0);
	assert_int_equal(symlinkat("/etc/passwd", f->spool, "link"), 0);
	assert_int_equal(mkfifoat(f->spool, "fifo", 0600), 0);
	assert_int_equal(mf_file_publish(f->spool, ".x.1.partial", 0600, text, 5), 0);
	assert_int_equal(put(f->spool, NIC, "/devices/a"), 0);
	assert_int_equal(mf_spool_read(f->spool, &entries, &n, &damaged), 0);
	assert_int_equal(n, 1);
	assert_int_equal(damaged, 4);
	mf_spool_entry_done(&entries[0]);
	free(entries);
	expect(f->spool, 1, NULL);
	assert_int_equal(faccessat(f->spool, ".x.1.partial", F_OK, 0), 0);
}

static void a_spool_that_others_can_write_is_not_used(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(fchmod(f->spool, 0730), 0);
	assert_int_equal(mf_spool_open(&f->ctx), -EPERM);
	if (geteuid() == 0) {
		assert_int_equal(fchmod(f->spool, 0700), 0);
		assert_int_equal(fchown(f->spool, 65534, 65534), 0);
		assert_int_equal(mf_spool_open(&f->ctx), -EPERM);
	}
}

/* A writer that waited longer than the spool waits for its lock: it wrote without it. */
enum { WRITER_WAITED = 2, WRITER_PATIENCE_MS = 40 };

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Adds EACH devices, as writer W does in a process of its own. Returns its exit status. */
static int write_devices(int spool, int w, int each)
{
	int status = 0;

	for (int i = 0; i < each; i++) {
		char devpath[32];
		uint64_t begin = now_ms();

		snprintf(devpath, sizeof(devpath), "/devices/%d/%d", w, i);
		if (put(spool, NIC, devpath))
			return 1;
		if (now_ms() - begin >= WRITER_PATIENCE_MS)
			status = WRITER_WAITED;
	}
	return status;
}

/* Returns the number of devices in a new entry after WRITERS processes added EACH, or 0 if one of
 * them had to write without the lock. */
static size_t write_at_once(int spool, int writers, int each)
{
	_cleanup_(mf_spool_entry_done) struct mf_spool_entry e = { 0 };
	char name[MF_SPOOL_NAME];
	bool waited = false;

	mf_spool_name(NIC, name);
	unlinkat(spool, name, 0);
	for (int w = 0; w < writers; w++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (!pid)
			_exit(write_devices(spool, w, each));
	}
	for (int w = 0; w < writers; w++) {
		int status;

		assert_true(wait(&status) > 0);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 1);
		waited |= WEXITSTATUS(status) == WRITER_WAITED;
	}
	expect(spool, 1, &e);
	return waited ? 0 : e.devpaths.n;
}

static void writers_at_once_lose_no_device(void **state)
{
	enum { WRITERS = 8, EACH = 6, ROUNDS = 20 };
	struct fixture *f = *state;
	size_t n = 0;

	/* a busy machine makes a writer wait for too long: repeat it then */
	for (int round = 0; round < ROUNDS && !n; round++)
		n = write_at_once(f->spool, WRITERS, EACH);
	assert_int_equal(n, WRITERS * EACH);
}

#define WITH_SPOOL(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void names_are_remembered_once_and_not_without_end(void **state)
{
	struct fixture *f = *state;
	char name[300];

	assert_false(mf_spool_waits(f->spool, "crypto_ccm"));
	assert_int_equal(mf_spool_put_name(f->spool, "crypto_ccm"), 0);
	assert_int_equal(mf_spool_put_name(f->spool, "crypto_ccm"), 0);
	assert_true(mf_spool_waits(f->spool, "crypto_ccm"));
	assert_int_equal(mf_spool_put_name(f->spool, "two\nlines"), 1);
	memset(name, 'x', sizeof(name));
	name[256] = '\0';
	assert_int_equal(mf_spool_put_name(f->spool, name), 1);
	for (int i = 1; i < MF_SPOOL_NAMES; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		assert_int_equal(mf_spool_put_name(f->spool, name), 0);
	}
	assert_int_equal(mf_spool_put_name(f->spool, "one_more"), 1);
	assert_false(mf_spool_waits(f->spool, "one_more"));
	/* a device is never refused */
	assert_int_equal(put(f->spool, NIC, "/devices/x"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_name_is_the_fnv_hash_of_the_modalias),
		UNIT(an_entry_survives_format_and_parse),
		UNIT(nothing_but_an_entry_is_parsed),
		WITH_SPOOL(repeats_collapse_and_devices_add_up),
		WITH_SPOOL(the_one_that_waits_longest_is_first),
		WITH_SPOOL(a_removed_device_takes_back_its_own_part_only),
		WITH_SPOOL(an_entry_that_changed_while_it_was_worked_on_stays),
		WITH_SPOOL(a_foreign_file_in_the_spool_is_removed),
		WITH_SPOOL(a_spool_that_others_can_write_is_not_used),
		WITH_SPOOL(writers_at_once_lose_no_device),
		WITH_SPOOL(names_are_remembered_once_and_not_without_end),
	};

	return UNIT_RUN(tests);
}
