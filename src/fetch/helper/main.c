/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libexec/modfetch/fetch: the process that talks to the network, so that root does not have to.
 *
 * The fetch stage, or a service manager, starts it with one end of a socket as its standard input
 * (src/fetch/fetch-wire.h). It reads the requests, drops all rights, and only then opens its first
 * connection. It returns files as sealed memory files. It reads no configuration of modfetch, has
 * no keys, and is not trusted.
 *
 * It exits when the other side closes the socket, and drops all unfinished transfers.
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

#define SOCKET	    STDIN_FILENO
#define MAX_SECONDS 1800 /* of downloads: modfetch gives up much earlier */

static void send_log_line(void *arg, int level, const char *line)
{
	const struct mf_wire packet = { .type = MF_WIRE_LOG, .code = level };

	(void)mf_wire_send(SOCKET, &packet, line, -1, 0);
}

/* False: standard input is not such a socket; a user started the program by hand. */
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
	/* descriptors that the parent left open */
	if (syscall(SYS_close_range, 3, ~0U, 0) < 0)
		for (int fd = 3; fd < 1024; fd++)
			close(fd);
	signal(SIGPIPE, SIG_IGN);
	/*
	 * also initializes libcurl and OpenSSL, which read their configuration while it is visible
	 */
	r = fetch_queue_read(SOCKET, &queue);
	/* it may have waited for a day before, so the service manager sets no limit */
	alarm(MAX_SECONDS);
	if (r == 0)
		r = fetch_rights_drop(fetch_queue_user(queue), fetch_queue_max_size(queue),
				      send_log_line, NULL);
	if (r == 0)
		r = fetch_queue_run(queue);
	if (r < 0)
		send_log_line(NULL, r == -EUSERS ? MF_LOG_DEBUG : MF_LOG_ERROR, strerror(-r));
	fetch_queue_free(queue);
	return r == -EUSERS ? MF_WIRE_ONE_USER : r < 0;
}
