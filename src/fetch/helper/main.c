/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libexec/modfetch/fetch: the process that talks to networks, so that root need not.
 *
 * It is started by the fetch stage, or by a service manager, with one end of a socket as its
 * standard input (src/fetch/fetch-wire.h), takes requests, gives away every right it has,
 * and only then opens its first connection. What it brings back is sealed in memory files. It reads
 * no configuration of modfetch, knows no keys, and what it says is not believed.
 *
 * It ends when the other side closes the socket, and with it everything it had begun.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "modfetch/context.h"
#include "../fetch-wire.h"
#include "queue.h"
#include "rights.h"

#define SOCKET STDIN_FILENO

static void fetch_main_say(void *arg, int level, const char *line)
{
	const struct mf_wire packet = { .type = MF_WIRE_LOG, .code = level };

	(void)mf_wire_send(SOCKET, &packet, line, -1, 0);
}

/* False: standard input is not such a socket; somebody ran this by hand. */
static bool is_our_socket(void)
{
	int type, domain;
	socklen_t len = sizeof(type);

	if (getsockopt(SOCKET, SOL_SOCKET, SO_TYPE, &type, &len) < 0 || type != SOCK_SEQPACKET)
		return false;
	len = sizeof(domain);
	return !getsockopt(SOCKET, SOL_SOCKET, SO_DOMAIN, &domain, &len) && domain == AF_UNIX;
}

int main(void)
{
	struct queue *queue = NULL;
	int r;

	if (!is_our_socket())
		return 64;
	/* whatever the starter left open */
	if (syscall(SYS_close_range, 3, ~0U, 0) < 0)
		for (int fd = 3; fd < 1024; fd++)
			close(fd);
	signal(SIGPIPE, SIG_IGN);
	/* also starts libcurl and OpenSSL, which read their configuration while it can be seen */
	r = fetch_queue_read(SOCKET, &queue);
	if (r == 0)
		r = fetch_rights_drop(fetch_queue_user(queue), fetch_queue_max_size(queue),
				      fetch_main_say, NULL);
	if (r == 0)
		r = fetch_queue_run(queue);
	if (r < 0)
		fetch_main_say(NULL, MF_LOG_ERROR, strerror(-r));
	fetch_queue_free(queue);
	return r < 0;
}
