/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The admin's programs after a new driver: who may write them, and how they end. */
#include "tests/unit.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "modfetch/hooks.h"

#define KVER "6.1.0-56-amd64"
#define LINE "{ \"verb\": \"queue\" }"

struct fixture {
	struct mf_context ctx;
	char root[64];
	int directory;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->root, sizeof(f->root), "/tmp/test-hooks.XXXXXX");
	assert_non_null(mkdtemp(f->root));
	assert_int_equal(mf_context_init(&f->ctx, f->root, KVER), 0);
	f->ctx.log_level = MF_LOG_ERROR;
	f->directory = mf_context_mkdir(&f->ctx, MF_HOOKS_DIRECTORY);
	assert_true(f->directory >= 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close(f->directory);
	mf_context_done(&f->ctx);
	assert_int_equal(mf_tree_remove(AT_FDCWD, f->root), 0);
	free(f);
	return 0;
}

/* A shell script that finds the root in $R. */
static void hook(struct fixture *f, const char *name, mode_t mode, const char *script)
{
	char text[512];

	snprintf(text, sizeof(text), "#!/bin/sh\nR=%s\n%s\n", f->root, script);
	assert_int_equal(mf_file_publish(f->directory, name, mode, text, strlen(text)), 0);
	assert_int_equal(fchmodat(f->directory, name, mode, 0), 0);
}

static void assert_wrote(struct fixture *f, const char *expected)
{
	_cleanup_close_ int fd = mf_context_open(&f->ctx, "out", O_RDONLY);
	char text[512] = "";

	if (fd >= 0)
		assert_true(read(fd, text, sizeof(text) - 1) >= 0);
	assert_string_equal(text, expected);
}

static void they_run_in_order_and_read_the_record(void **state)
{
	struct fixture *f = *state;

	hook(f, "20-second", 0755, "echo second >>$R/out; cat >>$R/out");
	hook(f, "10-first", 0700, "cat >>$R/out; [ $# = 0 ] && [ -z \"$HOME$MODFETCH\" ]");
	assert_int_equal(mf_hooks_run(&f->ctx, LINE, 10), 2);
	assert_wrote(f, LINE "\nsecond\n" LINE "\n");
}

static void without_a_directory_nothing_runs(void **state)
{
	struct fixture *f = *state;
	_cleanup_close_ int etc = mf_context_open(&f->ctx, "etc/modfetch", O_RDONLY | O_DIRECTORY);

	assert_int_equal(unlinkat(etc, "hooks.d", AT_REMOVEDIR), 0);
	assert_int_equal(mf_hooks_run(&f->ctx, LINE, 10), 0);
}

static void copies_and_other_files_are_skipped(void **state)
{
	struct fixture *f = *state;

	hook(f, "10-a.rpmnew", 0755, "echo rpmnew >>$R/out");
	hook(f, "10-a~", 0755, "echo backup >>$R/out");
	hook(f, ".hidden", 0755, "echo hidden >>$R/out");
	hook(f, "README", 0644, "echo text >>$R/out");
	assert_int_equal(symlinkat("/bin/true", f->directory, "link"), 0);
	assert_int_equal(mkdirat(f->directory, "dir", 0755), 0);
	assert_int_equal(mf_hooks_run(&f->ctx, LINE, 10), 0);
	assert_wrote(f, "");
}

static void a_hook_writable_by_others_does_not_run(void **state)
{
	struct fixture *f = *state;

	hook(f, "10-group", 0775, "echo group >>$R/out");
	hook(f, "20-all", 0757, "echo all >>$R/out");
	if (geteuid() == 0) {
		hook(f, "30-foreign", 0755, "echo foreign >>$R/out");
		assert_int_equal(fchownat(f->directory, "30-foreign", 65534, 65534, 0), 0);
	}
	hook(f, "40-good", 0755, "echo good >>$R/out");
	assert_int_equal(mf_hooks_run(&f->ctx, LINE, 10), 1);
	assert_wrote(f, "good\n");
	assert_int_equal(fchmod(f->directory, 0777), 0);
	assert_int_equal(mf_hooks_run(&f->ctx, LINE, 10), 0);
	assert_wrote(f, "good\n");
}

static void a_failed_or_hanging_hook_does_not_stop_the_next(void **state)
{
	struct fixture *f = *state;
	uint64_t start = mf_now_us();

	hook(f, "10-fails", 0755, "exit 3");
	hook(f, "20-dies", 0755, "kill -9 $$");
	/* its children are killed with it */
	hook(f, "30-hangs", 0755, "sleep 60 & echo $! >$R/pid; wait");
	assert_int_equal(mf_file_publish(f->directory, "40-broken", 0755, "#!/no/such/shell\n", 17),
			 0);
	hook(f, "50-good", 0755,
	     "grep -qs '^State:.[^Z]' /proc/$(cat $R/pid)/status || echo good >>$R/out");
	assert_int_equal(mf_hooks_run(&f->ctx, LINE, 1), 1);
	assert_true(mf_now_us() - start < 30000000);
	assert_wrote(f, "good\n");
}

#define WITH_ROOT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_ROOT(they_run_in_order_and_read_the_record),
		WITH_ROOT(without_a_directory_nothing_runs),
		WITH_ROOT(copies_and_other_files_are_skipped),
		WITH_ROOT(a_hook_writable_by_others_does_not_run),
		WITH_ROOT(a_failed_or_hanging_hook_does_not_stop_the_next),
	};

	return UNIT_RUN(tests);
}
