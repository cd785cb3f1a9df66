/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The messages of a service to systemd, and the kernel's messages about the network. */
#include "tests/unit.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "modfetch/journal.h"

static int listener(const char *path, socklen_t len)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	memcpy(addr.sun_path, path, len);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr,
			      (socklen_t)offsetof(struct sockaddr_un, sun_path) + len),
			 0);
	return fd;
}

static void expect_message(int fd, const char *want)
{
	char buf[128] = "";

	assert_true(recv(fd, buf, sizeof(buf) - 1, MSG_DONTWAIT) > 0);
	assert_string_equal(buf, want);
	close(fd);
}

static void a_service_is_heard_by_name_and_in_the_abstract(void **state)
{
	char path[64], abstract[64];
	int fd;

	snprintf(path, sizeof(path), "/tmp/test-notify.%d", getpid());
	fd = listener(path, (socklen_t)strlen(path));
	setenv("NOTIFY_SOCKET", path, 1);
	assert_int_equal(mf_notify("STATUS=%d to do", 3), 0);
	expect_message(fd, "STATUS=3 to do");
	unlink(path);

	snprintf(abstract, sizeof(abstract), "@test-notify.%d", getpid());
	setenv("NOTIFY_SOCKET", abstract, 1);
	abstract[0] = '\0';
	fd = listener(abstract, (socklen_t)(1 + strlen(abstract + 1)));
	assert_int_equal(mf_notify("READY=1"), 0);
	expect_message(fd, "READY=1");
}

static void no_manager_is_no_error_and_a_bad_socket_is(void **state)
{
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(mf_notify("READY=1"), 0);
	setenv("NOTIFY_SOCKET", "relative", 1);
	assert_int_equal(mf_notify("READY=1"), -EINVAL);
	setenv("NOTIFY_SOCKET", "/nonexistent/socket", 1);
	assert_int_equal(mf_notify("READY=1"), -ENOENT);
	unsetenv("NOTIFY_SOCKET");
}

static bool own_network(void)
{
	uid_t uid = geteuid();
	char map[64];
	int fd;

	if (!uid)
		return !unshare(CLONE_NEWNET);
	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return false;
	snprintf(map, sizeof(map), "0 %u 1", uid);
	fd = open("/proc/self/uid_map", O_WRONLY);
	return fd >= 0 && write(fd, map, strlen(map)) > 0 && !close(fd);
}

/* In a network namespace: 0: passed, else the number of the step that failed. */
static int watch_a_new_network(void)
{
	struct pollfd p = { .events = POLLIN };

	if (!own_network())
		return 1;
	p.fd = mf_netwatch_open();
	if (p.fd < 0)
		return 2;
	if (mf_netwatch_read(p.fd) != 0)
		return 3;
	/* the loopback gets its address when it comes up */
	if (system("ip link set lo up") != 0)
		return 4;
	if (poll(&p, 1, 5000) != 1)
		return 5;
	if (mf_netwatch_read(p.fd) <= 0)
		return 6;
	if (mf_netwatch_read(p.fd) != 0)
		return 7;
	/* a removed address is no addition */
	if (system("ip addr flush dev lo") != 0 || poll(&p, 1, 5000) != 1)
		return 8;
	return mf_netwatch_read(p.fd) != 0 ? 9 : 0;
}

static void a_new_address_is_noticed_a_lost_one_is_not(void **state)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(watch_a_new_network());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_service_is_heard_by_name_and_in_the_abstract),
		UNIT(no_manager_is_no_error_and_a_bad_socket_is),
		UNIT(a_new_address_is_noticed_a_lost_one_is_not),
	};

	return UNIT_RUN(tests);
}
