/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The requester of a module, from /proc; and systems on which the install lines do nothing. */
#include "tests/unit.h"
#include "tests/root.h"
#include "src/event/stub-request.h"

#define KTHREAD "2129984" /* PF_KTHREAD and others, as ps shows a kworker's */
#define USER	"4194304"

static void process(const struct root *r, int pid, const char *comm, int parent, const char *flags)
{
	char path[64], text[256];

	snprintf(path, sizeof(path), "proc/%d/stat", pid);
	snprintf(text, sizeof(text), "%d (%s) S %d %d %d 0 -1 %s 0 0 0 0\n", pid, comm, parent, pid,
		 pid, flags);
	root_write(r, path, text);
}

static void an_admins_modprobe_is_no_kernel_request(void **state)
{
	struct root *r = *state;

	process(r, 1, "systemd", 0, USER);
	process(r, 100, "bash", 1, USER);
	process(r, 101, "modprobe", 100, USER);
	process(r, 102, "sh", 101, USER);
	assert_false(mf_stub_kernel_asks(r->path, 102));
	/* a shell that has replaced itself by the command */
	assert_false(mf_stub_kernel_asks(r->path, 101));
	/* a process whose parent has exited */
	process(r, 101, "modprobe", 1, USER);
	assert_false(mf_stub_kernel_asks(r->path, 102));
}

static void what_a_kernel_thread_started_is(void **state)
{
	struct root *r = *state;

	process(r, 2, "kthreadd", 0, KTHREAD);
	process(r, 50, "kworker/u4:1", 2, KTHREAD);
	process(r, 101, "modprobe", 50, USER);
	process(r, 102, "sh", 101, USER);
	assert_true(mf_stub_kernel_asks(r->path, 102));
	assert_true(mf_stub_kernel_asks(r->path, 101));
	process(r, 101, "modprobe", 2, USER);
	assert_true(mf_stub_kernel_asks(r->path, 102));
}

static void a_name_can_hide_nothing(void **state)
{
	struct root *r = *state;

	process(r, 2, "kthreadd", 0, KTHREAD);
	process(r, 100, "x) S 1 1 1 0 -1 4194304 (", 2, KTHREAD);
	process(r, 101, "a) b (c", 100, USER);
	assert_true(mf_stub_kernel_asks(r->path, 101));
}

static void what_cannot_be_read_counts_as_the_kernel(void **state)
{
	struct root *r = *state;

	assert_true(mf_stub_kernel_asks(r->path, 101));
	assert_true(mf_stub_kernel_asks(r->path, 0));
	process(r, 101, "modprobe", 100, USER);
	assert_true(mf_stub_kernel_asks(r->path, 101));
	/* of another pid namespace */
	process(r, 101, "modprobe", 0, USER);
	assert_true(mf_stub_kernel_asks(r->path, 101));
	root_write(r, "proc/100/stat", "100 no parentheses");
	process(r, 101, "modprobe", 100, USER);
	assert_true(mf_stub_kernel_asks(r->path, 101));
	root_write(r, "proc/100/stat", "100 (bash) S");
	assert_true(mf_stub_kernel_asks(r->path, 101));
}

static void shells_without_end_are_given_up(void **state)
{
	struct root *r = *state;

	for (int pid = 100; pid < 120; pid++)
		process(r, pid, "sh", pid + 1, USER);
	process(r, 2, "kthreadd", 0, KTHREAD);
	process(r, 104, "sh", 2, USER);
	/* at most three shells are skipped; the process above them is the requester */
	assert_true(mf_stub_kernel_asks(r->path, 101));
	assert_false(mf_stub_kernel_asks(r->path, 105));
}

static void udev_is_told_by_its_process(void **state)
{
	struct root *r = *state;

	process(r, 1, "systemd", 0, USER);
	process(r, 90, "systemd-udevd", 1, USER);
	process(r, 100, "(udev-worker)", 90, USER);
	process(r, 101, "sh", 100, USER);
	assert_true(mf_stub_udev_asks(r->path, 101));
	/* a rule that starts modprobe */
	process(r, 101, "modprobe", 100, USER);
	process(r, 102, "sh", 101, USER);
	assert_true(mf_stub_udev_asks(r->path, 102));
	assert_true(mf_stub_udev_asks(r->path, 100));
	process(r, 100, "bash", 1, USER);
	assert_false(mf_stub_udev_asks(r->path, 102));
	assert_false(mf_stub_udev_asks(r->path, 5000));
	/* a circle of parents ends */
	process(r, 100, "bash", 102, USER);
	assert_false(mf_stub_udev_asks(r->path, 102));
}

static void this_test_was_started_by_no_kernel_thread(void **state)
{
	assert_false(mf_stub_kernel_asks("/", getpid()));
}

static void an_initrd_and_modfetch_off_are_left_alone(void **state)
{
	struct root *r = *state;

	assert_true(mf_stub_system_ready(r->path));
	root_write(r, "proc/cmdline", "root=/dev/sda1 modfetch=offline quiet xmodfetch=off\n");
	assert_true(mf_stub_system_ready(r->path));
	root_write(r, "proc/cmdline", "root=/dev/sda1 quiet modfetch=off\n");
	assert_false(mf_stub_system_ready(r->path));
	root_write(r, "proc/cmdline", "quiet\n");
	root_write(r, "etc/initrd-release", "");
	assert_false(mf_stub_system_ready(r->path));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(an_admins_modprobe_is_no_kernel_request),
		ROOTED(what_a_kernel_thread_started_is),
		ROOTED(a_name_can_hide_nothing),
		ROOTED(what_cannot_be_read_counts_as_the_kernel),
		ROOTED(shells_without_end_are_given_up),
		ROOTED(udev_is_told_by_its_process),
		cmocka_unit_test(this_test_was_started_by_no_kernel_thread),
		ROOTED(an_initrd_and_modfetch_off_are_left_alone),
	};

	return UNIT_RUN(tests);
}
