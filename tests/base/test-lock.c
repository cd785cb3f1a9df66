/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One writer at a time, and a wait that ends. */
#include "tests/unit.h"
#include "tests/root.h"
#include <signal.h>
#include <sys/wait.h>
#include "modfetch/file.h"

/* A process that takes the lock, reports it, and holds it until it is killed or for MS. */
static pid_t hold(struct root *r, unsigned int ms)
{
	int ends[2];
	char c;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		int fd = mf_lock(&r->ctx);

		if (fd < 0 || write(ends[1], "x", 1) != 1)
			_exit(1);
		usleep(ms * 1000);
		_exit(0);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &c, 1), 1);
	close(ends[0]);
	return pid;
}

static void it_is_free_and_then_it_is_not(void **state)
{
	struct root *r = *state;
	int fd = mf_lock(&r->ctx);
	struct stat st;

	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(fstatat(r->fd, "run/modfetch/lock", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	r->ctx.settings.lock_timeout = 0;
	assert_int_equal(mf_lock(&r->ctx), -MFE_LOCKED);
	assert_int_equal(r->ctx.failure.code, -MFE_LOCKED);
	close(fd);
	fd = mf_lock(&r->ctx);
	assert_true(fd >= 0);
	close(fd);
}

static void a_wait_ends_when_the_time_is_up(void **state)
{
	struct root *r = *state;
	pid_t pid = hold(r, 60000);
	uint64_t start = mf_now_us();

	r->ctx.settings.lock_timeout = 1;
	assert_int_equal(mf_lock(&r->ctx), -MFE_LOCKED);
	assert_uint_in_range(mf_now_us() - start, 900000, 10000000);
	assert_non_null(strstr(r->ctx.failure.why, "1 s"));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void a_wait_ends_when_the_holder_ends(void **state)
{
	struct root *r = *state;
	pid_t pid = hold(r, 300);
	int fd = mf_lock(&r->ctx);

	assert_true(fd >= 0);
	close(fd);
	waitpid(pid, NULL, 0);
}

static void a_killed_holder_leaves_nothing_behind(void **state)
{
	struct root *r = *state;
	pid_t pid = hold(r, 60000);
	int fd;

	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	r->ctx.settings.lock_timeout = 0;
	fd = mf_lock(&r->ctx);
	assert_true(fd >= 0);
	close(fd);
}

static void a_link_in_its_place_is_not_followed(void **state)
{
	struct root *r = *state;

	root_mkdir(r, "run/modfetch");
	root_link(r, "/tmp/elsewhere", "run/modfetch/lock");
	assert_int_equal(mf_lock(&r->ctx), -ELOOP);
	assert_int_equal(r->ctx.failure.stage, MF_STAGE_LOCK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROOTED(it_is_free_and_then_it_is_not),
		ROOTED(a_wait_ends_when_the_time_is_up),
		ROOTED(a_wait_ends_when_the_holder_ends),
		ROOTED(a_killed_holder_leaves_nothing_behind),
		ROOTED(a_link_in_its_place_is_not_followed),
	};

	return UNIT_RUN(tests);
}
