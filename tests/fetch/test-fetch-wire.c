/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "src/fetch/fetch-wire.h"
#include "modfetch/file.h"

struct sockets {
	int a, b;
};

static int connect_sockets(void **state)
{
	static struct sockets sockets;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	sockets = (struct sockets){ pair[0], pair[1] };
	*state = &sockets;
	return 0;
}

static int close_sockets(void **state)
{
	struct sockets *e = *state;

	close(e->a);
	close(e->b);
	return 0;
}

static void packets_arrive_as_they_were_sent(void **state)
{
	struct sockets *e = *state;
	const struct mf_wire sent = { MF_WIRE_DONE, 7, 3, MF_WIRE_ABSENT, -5, 1ULL << 40, 9 };
	struct mf_wire got;
	char text[MF_WIRE_TEXT + 1];
	int fd, memfd = mf_memfile_new("x");

	assert_int_equal(mf_wire_send(e->a, &sent, "an etag", memfd, 0), 0);
	assert_int_equal(mf_wire_send(e->a, &sent, NULL, -1, 0), 0);
	assert_int_equal(mf_wire_receive(e->b, &got, text, &fd, 0), 1);
	assert_memory_equal(&got, &sent, sizeof(sent));
	assert_string_equal(text, "an etag");
	assert_true(fd >= 0 && fd != memfd);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	close(memfd);
	assert_int_equal(mf_wire_receive(e->b, &got, text, &fd, 0), 1);
	assert_string_equal(text, "");
	assert_int_equal(fd, -1);
}

static void waiting_ends_at_the_deadline(void **state)
{
	struct sockets *e = *state;
	struct mf_wire packet = { 0 };
	char text[MF_WIRE_TEXT + 1];
	uint64_t begin = mf_now_us();
	int fd, r;

	assert_int_equal(mf_wire_receive(e->b, &packet, text, &fd, MF_WIRE_NOW), -EAGAIN);
	assert_int_equal(mf_wire_receive(e->b, &packet, text, &fd, begin + 50000), -EAGAIN);
	assert_true(mf_now_us() - begin >= 50000);
	do /* until the other side's buffer is full */
		r = mf_wire_send(e->a, &packet, "x", -1, mf_now_us() + 20000);
	while (r == 0);
	assert_int_equal(r, -ETIMEDOUT);
}

static void both_ends_see_that_the_other_closed(void **state)
{
	struct sockets *e = *state;
	struct mf_wire packet = { 0 };
	char text[MF_WIRE_TEXT + 1];
	int fd;

	close(e->a);
	assert_int_equal(mf_wire_receive(e->b, &packet, text, &fd, 0), 0);
	assert_int_equal(mf_wire_send(e->b, &packet, NULL, -1, 0), -EPIPE);
	e->a = dup(0);
}

static void text_is_bounded_on_both_sides(void **state)
{
	struct sockets *e = *state;
	struct mf_wire packet = { 0 };
	char text[MF_WIRE_TEXT + 1], long_text[2 * MF_WIRE_TEXT];
	int fd;

	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	assert_int_equal(mf_wire_send(e->a, &packet, long_text, -1, 0), 0);
	assert_int_equal(mf_wire_receive(e->b, &packet, text, &fd, 0), 1);
	assert_int_equal(strlen(text), MF_WIRE_TEXT);
	assert_int_equal(send(e->a, long_text, sizeof(long_text), 0), sizeof(long_text));
	assert_int_equal(mf_wire_receive(e->b, &packet, text, &fd, 0), -EBADMSG);
	assert_int_equal(send(e->a, long_text, sizeof(packet) - 1, 0), sizeof(packet) - 1);
	assert_int_equal(mf_wire_receive(e->b, &packet, text, &fd, 0), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(packets_arrive_as_they_were_sent, connect_sockets,
						close_sockets),
		cmocka_unit_test_setup_teardown(waiting_ends_at_the_deadline, connect_sockets,
						close_sockets),
		cmocka_unit_test_setup_teardown(both_ends_see_that_the_other_closed,
						connect_sockets, close_sockets),
		cmocka_unit_test_setup_teardown(text_is_bounded_on_both_sides, connect_sockets,
						close_sockets),
	};

	return UNIT_RUN(tests);
}
