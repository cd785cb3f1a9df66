/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The spool as one transaction: the entries that leave it or stay, and the limit of runs. */
#include "tests/unit.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/drain.h"
#include "modfetch/spool.h"
#include "modfetch/pipeline.h"
#include "modfetch/file.h"

#define KVER "6.1.0-56-amd64"

struct fixture {
	struct mf_context ctx;
	char root[64];
	int spool;
};

static void put_text(struct fixture *f, const char *dir, const char *name, const char *text)
{
	_cleanup_close_ int fd = mf_context_mkdir(&f->ctx, dir);

	assert_true(fd >= 0);
	assert_int_equal(mf_file_publish(fd, name, 0644, text, strlen(text)), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->root, sizeof(f->root), "/dev/shm/test-drain.XXXXXX");
	assert_non_null(mkdtemp(f->root));
	assert_int_equal(mf_context_init(&f->ctx, f->root, KVER), 0);
	f->ctx.log_level = MF_LOG_ERROR;
	put_text(f, "lib/modules/" KVER, "modules.dep", "");
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

/* Adds a device that exists (or not), and its entry. */
static void device(struct fixture *f, const char *modalias, const char *devpath, bool there)
{
	_cleanup_(mf_spool_entry_done) struct mf_spool_entry e = { .decided_us = 1 };

	if (there) {
		_cleanup_free_ char *dir = NULL;

		assert_true(asprintf(&dir, "sys%s", devpath) > 0);
		put_text(f, dir, "modalias", modalias);
	}
	e.modalias = strdup(modalias);
	assert_int_equal(mf_strings_add(&e.devpaths, devpath), 0);
	assert_int_equal(mf_spool_put(f->spool, &e), 0);
}

static size_t waiting(struct fixture *f)
{
	struct mf_spool_entry *entries;
	size_t n, damaged;

	assert_int_equal(mf_spool_read(f->spool, &entries, &n, &damaged), 0);
	for (size_t i = 0; i < n; i++)
		mf_spool_entry_done(&entries[i]);
	free(entries);
	return n;
}

static void repository(struct fixture *f, const char *url)
{
	char text[256];

	snprintf(text, sizeof(text), "[test]\nname=test\nbaseurl=%s\nenabled=1\ntrust=none\n", url);
	put_text(f, "etc/modfetch/repos.d", "test.repo", text);
}

static void an_empty_spool_needs_no_run(void **state)
{
	struct fixture *f = *state;
	struct mf_drained d;

	assert_int_equal(mf_drain(&f->ctx, &d), 1);
	assert_int_equal(d.entries, 0);
}

static void a_missing_device_needs_no_run(void **state)
{
	struct fixture *f = *state;
	struct mf_drained d;

	/* a repository that would fail if it were used */
	repository(f, "file:///nonexistent");
	device(f, "pci:v1", "/devices/gone", false);
	assert_int_equal(mf_drain(&f->ctx, &d), 1);
	assert_int_equal(d.entries, 1);
	assert_int_equal(d.gone, 1);
	assert_int_equal(d.kept, 0);
	assert_int_equal(waiting(f), 0);
}

static void entries_of_an_unreachable_repository_stay(void **state)
{
	struct fixture *f = *state;
	struct mf_drained d;

	repository(f, "file:///nonexistent");
	device(f, "pci:v1", "/devices/a", true);
	device(f, "usb:v2", "/devices/b", true);
	assert_true(mf_drain(&f->ctx, &d) < 0);
	assert_true(mf_fault_is_transient(f->ctx.failure.code));
	assert_int_equal(d.entries, 2);
	assert_int_equal(d.kept, 2);
	assert_int_equal(waiting(f), 2);
}

static void without_a_repository_entries_are_finished(void **state)
{
	struct fixture *f = *state;
	struct mf_drained d;

	device(f, "pci:v1", "/devices/a", true);
	device(f, "usb:v2", "/devices/b", true);
	assert_int_equal(mf_drain(&f->ctx, &d), -MFE_NO_REPOSITORY);
	assert_int_equal(d.failed, 2);
	assert_int_equal(d.kept, 0);
	assert_int_equal(waiting(f), 0);
}

static void events_start_so_many_runs_an_hour(void **state)
{
	struct fixture *f = *state;
	struct mf_drained d;
	struct timespec now;
	char runs[128];

	f->ctx.settings.max_transactions = 2;
	clock_gettime(CLOCK_BOOTTIME, &now);
	/* one an hour ago, which no longer counts, and two since; one in the future is ignored */
	snprintf(runs, sizeof(runs), "%lld\n%lld\n%lld\n%lld\n", (long long)now.tv_sec - 3601,
		 (long long)now.tv_sec - 100, (long long)now.tv_sec - 50,
		 (long long)now.tv_sec + 1000);
	put_text(f, "run/modfetch", "runs", runs);
	device(f, "pci:v1", "/devices/a", true);
	f->ctx.unattended = true;
	assert_int_equal(mf_drain(&f->ctx, &d), 1);
	assert_uint_in_range(d.wait_s, 3498, 3500);
	assert_int_equal(d.kept, 1);
	assert_int_equal(waiting(f), 1);
	/* an admin has no limit */
	f->ctx.unattended = false;
	assert_int_equal(mf_drain(&f->ctx, &d), -MFE_NO_REPOSITORY);
	assert_int_equal(d.wait_s, 0);
	/* runs more than an hour ago do not count: two of three allowed ones do */
	put_text(f, "run/modfetch", "runs", runs);
	f->ctx.settings.max_transactions = 3;
	f->ctx.unattended = true;
	device(f, "pci:v1", "/devices/a", true);
	assert_int_equal(mf_drain(&f->ctx, &d), -MFE_NO_REPOSITORY);
	assert_int_equal(d.wait_s, 0);
	f->ctx.settings.max_transactions = 2;
	/* a damaged file sets no limit */
	put_text(f, "run/modfetch", "runs", "x\n\n-1\n");
	device(f, "pci:v1", "/devices/a", true);
	assert_int_equal(mf_drain(&f->ctx, &d), -MFE_NO_REPOSITORY);
}

static void the_kernels_requests_have_half_of_the_hour(void **state)
{
	struct fixture *f = *state;
	struct mf_drained d;

	f->ctx.settings.max_transactions = 4;
	f->ctx.unattended = true;
	assert_true(mf_runs_kernel_allowed(&f->ctx));
	assert_int_equal(mf_runs_count(&f->ctx, NULL), 0);
	assert_true(mf_runs_kernel_allowed(&f->ctx));
	assert_int_equal(mf_runs_count(&f->ctx, NULL), 0);
	assert_false(mf_runs_kernel_allowed(&f->ctx));
	/* the other half is for devices */
	device(f, "pci:v1", "/devices/a", true);
	assert_int_equal(mf_drain(&f->ctx, &d), -MFE_NO_REPOSITORY);
	assert_int_equal(d.wait_s, 0);
	f->ctx.settings.max_transactions = 1;
	assert_false(mf_runs_kernel_allowed(&f->ctx));
}

static void a_failed_request_without_a_device_is_recorded(void **state)
{
	struct fixture *f = *state;
	struct mf_drained d;

	assert_int_equal(mf_spool_put_name(f->spool, "crypto-ccm"), 0);
	device(f, "pci:v1", "/devices/a", true);
	assert_int_equal(mf_drain(&f->ctx, &d), -MFE_NO_REPOSITORY);
	assert_int_equal(d.failed, 2);
	assert_true(mf_failed_recently(&f->ctx, "crypto_ccm"));
	assert_false(mf_failed_recently(&f->ctx, "pci:v1"));
	/* a transient failure is not recorded */
	repository(f, "file:///nonexistent");
	assert_int_equal(mf_spool_put_name(f->spool, "xfs"), 0);
	assert_true(mf_drain(&f->ctx, &d) < 0);
	assert_int_equal(d.kept, 1);
	assert_false(mf_failed_recently(&f->ctx, "xfs"));
}

static void check_devpath(struct fixture *f, const char *modalias, const char *devpath)
{
	struct mf_spool_entry *v;
	size_t n, damaged;
	bool found = false;

	assert_int_equal(mf_spool_read(f->spool, &v, &n, &damaged), 0);
	for (size_t i = 0; i < n; i++) {
		found |=
			!strcmp(v[i].modalias, modalias) && mf_strings_has(&v[i].devpaths, devpath);
		mf_spool_entry_done(&v[i]);
	}
	free(v);
	assert_true(found);
}

static void wants_are_deferred_into_the_spool(void **state)
{
	struct fixture *f = *state;
	struct mf_wants wants = { 0 };
	struct mf_want want;
	struct mf_drained d;

	device(f, "pci:v1", "/devices/a", true);
	assert_int_equal(mf_want_init(&f->ctx, "pci:v1", "/sys/devices/b", &want), 0);
	assert_int_equal(mf_wants_add(&wants, &want), 0);
	assert_int_equal(mf_want_init(&f->ctx, "usb:v2", NULL, &want), 0);
	assert_int_equal(mf_wants_add(&wants, &want), 0);
	assert_int_equal(mf_drain_defer(&f->ctx, &wants, false), 0);
	/* a want for many keeps its devices: policy needs them later */
	assert_int_equal(mf_want_init(&f->ctx, "usb:v3", NULL, &want), 0);
	assert_int_equal(mf_strings_add(&want.devices, "/sys/devices/c"), 0);
	assert_int_equal(mf_wants_add(&wants, &want), 0);
	assert_int_equal(mf_drain_defer(&f->ctx, &wants, false), 0);
	check_devpath(f, "usb:v3", "/devices/c");
	mf_wants_done(&wants);
	assert_int_equal(waiting(f), 3);
	assert_int_equal(mf_drain(&f->ctx, &d), -MFE_NO_REPOSITORY);
	assert_int_equal(d.entries, 3);
}

static void put_times(struct fixture *f, const char *modalias, uint64_t uevent_us,
		      uint64_t decided_us)
{
	_cleanup_(mf_spool_entry_done) struct mf_spool_entry e = {
		.uevent_us = uevent_us,
		.decided_us = decided_us,
	};

	e.modalias = strdup(modalias);
	assert_int_equal(mf_strings_add(&e.devpaths, "/devices/x"), 0);
	assert_int_equal(mf_spool_put(f->spool, &e), 0);
}

static void the_pace_is_that_of_the_slowest_device(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(mf_drain_pace(&f->ctx), 0);
	put_times(f, "pci:a", 1000, 6000);
	assert_int_equal(mf_drain_pace(&f->ctx), 5000);
	put_times(f, "pci:b", 1000, 31000);
	put_times(f, "pci:c", 8000, 9000);
	assert_int_equal(mf_drain_pace(&f->ctx), 30000);
	/* the clock was set, or the writer did not see the event */
	put_times(f, "pci:d", 5000, 4000);
	assert_true(mf_drain_pace(&f->ctx) == UINT64_MAX);
	assert_int_equal(waiting(f), 4);
}

#define WITH_ROOT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ROOT(an_empty_spool_needs_no_run),
		WITH_ROOT(a_missing_device_needs_no_run),
		WITH_ROOT(entries_of_an_unreachable_repository_stay),
		WITH_ROOT(without_a_repository_entries_are_finished),
		WITH_ROOT(events_start_so_many_runs_an_hour),
		WITH_ROOT(the_kernels_requests_have_half_of_the_hour),
		WITH_ROOT(a_failed_request_without_a_device_is_recorded),
		WITH_ROOT(wants_are_deferred_into_the_spool),
		WITH_ROOT(the_pace_is_that_of_the_slowest_device),
	};

	return UNIT_RUN(tests);
}
