/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each call is tried in a child process, since the filter cannot be removed. */
#include "tests/unit.h"
#include "modfetch/array.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include "src/fetch/helper/seccomp.h"

static void *nothing(void *arg)
{
	return arg;
}

static int in_a_thread(void)
{
	pthread_t thread;
	int r = pthread_create(&thread, NULL, nothing, NULL);

	errno = r;
	return r ? -1 : pthread_join(thread, NULL);
}

static int by_map(int protection)
{
	return mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1
											      : 0;
}

static int by_protect(int protection)
{
	void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(p, 4096, protection);
}

#define CALL(what, ok)                                                                             \
	{                                                                                          \
		int r_ = (int)(what);                                                              \
		if (ok ? r_ < 0 : (r_ >= 0 || (errno != EPERM && errno != ENOSYS))) {              \
			dprintf(2, "%s: %d, %m\n", #what, r_);                                     \
			_exit(1);                                                                  \
		}                                                                                  \
	}

/* Every family, type and protocol: those in the table, and no other. */
static void try_every_socket(void)
{
	static const struct {
		int family, type, protocol;
	} needed[] = {
		{ AF_INET, SOCK_STREAM, 0 },  { AF_INET, SOCK_STREAM, IPPROTO_TCP },
		{ AF_INET, SOCK_DGRAM, 0 },   { AF_INET, SOCK_DGRAM, IPPROTO_UDP },
		{ AF_INET6, SOCK_STREAM, 0 }, { AF_INET6, SOCK_STREAM, IPPROTO_TCP },
		{ AF_INET6, SOCK_DGRAM, 0 },  { AF_INET6, SOCK_DGRAM, IPPROTO_UDP },
	};
	static const int protocols[] = { 0,  1,	 2,   4,   6,	9,   12,  15,  16,
					 17, 58, 132, 136, 255, 262, 263, 1000 };

	for (int family = 0; family < 64; family++)
		for (int type = 0; type < 16; type++)
			for (size_t i = 0; i < MF_ARRAY_SIZE(protocols); i++) {
				bool ok = false;
				int fd;

				for (size_t j = 0; j < MF_ARRAY_SIZE(needed); j++)
					ok |= needed[j].family == family &&
					      needed[j].type == type &&
					      needed[j].protocol == protocols[i];
				fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK,
					    protocols[i]);
				if (ok != (fd >= 0) || (!ok && errno != EPERM)) {
					dprintf(2, "%d, %d, %d: %d, %m\n", family, type,
						protocols[i], fd);
					_exit(1);
				}
				close(fd);
			}
}

static int connect_to(int fd, const struct sockaddr_un *address)
{
	return connect(fd, (const struct sockaddr *)address, sizeof(*address));
}

/* A process listens on an abstract socket: no call sends it a byte. */
static void try_abstract_sockets(void)
{
	const struct sockaddr_un address = { AF_UNIX, "\0modfetch-test-seccomp" };
	int pair[2] = { -1, -1 };

	CALL(socket(AF_UNIX, SOCK_STREAM, 0), false)
	CALL(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), false)
	CALL(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), false)
	CALL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), true)
	CALL(bind(pair[0], (const struct sockaddr *)&address, sizeof(address)), false)
	if (!connect_to(pair[0], &address) || close(pair[1]) || !connect_to(pair[0], &address) ||
	    sendto(pair[0], "x", 1, MSG_NOSIGNAL, (const struct sockaddr *)&address,
		   sizeof(address)) > 0)
		_exit(1);
	/* the pair is connected */
	CALL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), true)
	if (write(pair[0], "x", 1) != 1)
		_exit(1);
}

static void try_what_is_needed(void)
{
	char buf[16];

	CALL(socket(AF_INET, SOCK_STREAM, 0), true)
	CALL(socket(AF_INET6, SOCK_DGRAM, 0), true)
	CALL(open("/dev/null", O_RDONLY), true)
	CALL(memfd_create("x", MFD_ALLOW_SEALING), true)
	CALL(getrandom(buf, sizeof(buf), 0), true)
	CALL(by_map(PROT_READ | PROT_WRITE), true)
	CALL(in_a_thread(), true)
	CALL(prctl(PR_SET_NAME, "x"), true)
}

static void try_what_is_not(void)
{
	struct rlimit more = { RLIM_INFINITY, RLIM_INFINITY };
	char *const argv[] = { (char *)"true", NULL };

	CALL(execve("/bin/true", argv, NULL), false)
	CALL(fork(), false)
	CALL(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL), false)
	CALL(open("/tmp/x", O_WRONLY | O_CREAT, 0600), false)
	CALL(open("/dev/null", O_RDWR), false)
	CALL(open("/dev/null", O_RDONLY | O_TRUNC), false)
	CALL(socket(AF_PACKET, SOCK_RAW, 0), false)
	CALL(socket(AF_VSOCK, SOCK_STREAM, 0), false)
	CALL(by_map(PROT_READ | PROT_EXEC), false)
	CALL(by_protect(PROT_READ | PROT_EXEC), false)
	CALL(ptrace(PTRACE_TRACEME, 0, NULL, NULL), false)
	CALL(unlink("/tmp/x"), false)
	CALL(mkdir("/tmp/x", 0700), false)
	CALL(rename("/tmp/x", "/tmp/y"), false)
	CALL(chmod("/tmp", 0777), false)
	CALL(mount("x", "/tmp", "tmpfs", 0, NULL), false)
	CALL(unshare(CLONE_NEWUSER), false)
	CALL(setuid(0), false)
	CALL(kill(1, 0), false)
	CALL(setrlimit(RLIMIT_FSIZE, &more), false)
	CALL(syscall(SYS_bpf, 0, NULL, 0), false)
	CALL(syscall(SYS_perf_event_open, NULL, 0, 0, 0, 0), false)
	CALL(syscall(SYS_io_uring_setup, 1, NULL), false)
	CALL(syscall(SYS_userfaultfd, 0), false)
	CALL(syscall(SYS_keyctl, 0, 0, 0, 0, 0), false)
	CALL(syscall(SYS_init_module, NULL, 0, ""), false)
	CALL(listen(socket(AF_INET, SOCK_STREAM, 0), 1), false)
}

static void in_a_child(void (*body)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || mf_seccomp_confine() < 0)
			_exit(2);
		body();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_download_can_do_what_it_needs(void **state)
{
	in_a_child(try_what_is_needed);
}

static void a_download_can_do_nothing_else(void **state)
{
	in_a_child(try_what_is_not);
}

static void sockets_are_tcp_and_udp_alone(void **state)
{
	in_a_child(try_every_socket);
}

static void an_abstract_socket_cannot_be_reached(void **state)
{
	const struct sockaddr_un address = { AF_UNIX, "\0modfetch-test-seccomp" };
	int stream = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd p = { .fd = stream, .events = POLLIN };

	assert_int_equal(bind(stream, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(stream, 1), 0);
	in_a_child(try_abstract_sockets);
	assert_int_equal(poll(&p, 1, 0), 0);
	close(stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		UNIT(a_download_can_do_what_it_needs),
		UNIT(a_download_can_do_nothing_else),
		UNIT(sockets_are_tcp_and_udp_alone),
		UNIT(an_abstract_socket_cannot_be_reached),
	};

	return UNIT_RUN(tests);
}
