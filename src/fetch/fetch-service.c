/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Connects to a download helper that the service manager starts.
 *
 * Under a service manager the services of modfetch have no network; a socket then connects to
 * helpers that the manager starts and that have one. To start and confine such a process takes
 * longer than the download of a driver, so a helper may be started long before it is needed: until
 * the first request it has only its libraries in memory, and waits without a time limit. It ends
 * with the connection.
 *
 * This file needs nothing but the C library, so that a small process can wait with a helper ready.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/process.h"
#include "fetch-private.h"
#include "fetch-wire.h"

/* Tests use the helper of the build tree; an installed program ignores the variable. */
const char *fetch_build_directory(void)
{
	return mf_process_in_build_tree() ? getenv("MODFETCH_LIBEXECDIR") : NULL;
}

static int connect_service(void)
{
	const struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = MF_WIRE_SOCKET };
	_cleanup_close_ int sock = -1;

	if (geteuid() != 0 || fetch_build_directory())
		return -ENOENT;
	sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (sock < 0 || connect(sock, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return mf_steal_fd(&sock);
}

void mf_fetch_stop_helper(struct mf_context *ctx)
{
	if (ctx->helper >= 0)
		close(mf_steal_fd(&ctx->helper));
}

/* A helper that waits for its first request has sent nothing: what can be read is its end. */
static bool helper_is_waiting(int sock)
{
	char byte;

	return recv(sock, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

void mf_fetch_start_helper(struct mf_context *ctx)
{
	if (ctx->helper >= 0 && !helper_is_waiting(ctx->helper))
		mf_fetch_stop_helper(ctx);
	if (ctx->helper < 0)
		ctx->helper = connect_service();
}
