/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Starts and stops the download helper.
 *
 * Where no service manager does it (fetch-service.c), this file starts the helper itself. In both
 * cases the helper gets one end of a socket as its standard input and nothing else: no other
 * descriptor, no output, and no environment except proxy variables.
 *
 * It is killed when its work is done or its time is over: no helper outlives a fetch.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include "config.h"
#include "modfetch/cleanup.h"
#include "modfetch/process.h"
#include "modfetch/strings.h"
#include "fetch-private.h"
#include "fetch-wire.h"

#define END_TRIES 100 /* a second in all */
#define END_US	  10000

static int make_environment(struct mf_strings *ret_environment)
{
	int r = mf_strings_add(ret_environment, "PATH=/usr/bin:/bin");

	for (size_t i = 0; r == 0 && mf_wire_variables[i]; i++) {
		const char *value = getenv(mf_wire_variables[i]);
		_cleanup_free_ char *line = NULL;

		if (!value)
			continue;
		line = mf_format("%s=%s", mf_wire_variables[i], value);
		if (!line)
			return -ENOMEM;
		r = mf_strings_add(ret_environment, line);
	}
	return r;
}

static int helper_spawn(const char *path, int sock, pid_t *ret_pid)
{
	_cleanup_(mf_strings_done) struct mf_strings environment = { 0 };
	char *const argv[] = { (char *)"modfetch-fetch", NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int r;

	r = make_environment(&environment);
	if (r < 0)
		return r;
	if (posix_spawn_file_actions_init(&actions))
		return -ENOMEM;
	if (posix_spawnattr_init(&attributes)) {
		posix_spawn_file_actions_destroy(&actions);
		return -ENOMEM;
	}
	r = mf_process_reset_signals(&attributes, 0);
	if (r == 0)
		r = -posix_spawn_file_actions_adddup2(&actions, sock, STDIN_FILENO);
	if (r == 0)
		r = -posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null",
						      O_WRONLY, 0);
	if (r == 0)
		r = -posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null",
						      O_WRONLY, 0);
	if (r == 0)
		r = -posix_spawn(ret_pid, path, &actions, &attributes, argv, environment.v);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return r;
}

int fetch_helper_start(struct mf_context *ctx, struct fetch_helper *ret_helper)
{
	const char *directory = fetch_build_directory();
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int ours = -1, theirs = -1;
	int pair[2], r;
	pid_t pid = 0;

	mf_fetch_start_helper(ctx);
	ours = mf_steal_fd(&ctx->helper);
	if (ours < 0) {
		path = mf_format("%s/fetch", directory ? directory : MF_LIBEXECDIR);
		if (!path)
			return mf_fail(ctx, MF_STAGE_FETCH, -ENOMEM, "fetch", NULL);
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
			return mf_fail(ctx, MF_STAGE_FETCH, -errno, "socketpair", NULL);
		ours = pair[0];
		theirs = pair[1];
		r = helper_spawn(path, theirs, &pid);
		if (r < 0)
			return mf_fail(ctx, MF_STAGE_FETCH, -MFE_FETCH_HELPER, path,
				       "cannot start it: %s%s", mf_error_sentence(r),
				       r == -ENOENT && !access(path, F_OK)
					       ? "; the file is there, but not the program or "
						 "the library that it needs to start"
					       : "");
	}
	*ret_helper = (struct fetch_helper){ mf_steal_fd(&ours), pid };
	return 0;
}

/* Has it exited by itself? One whose socket has closed may not be at its end yet. */
static bool has_exited(pid_t pid, int *ret_status, bool wait)
{
	pid_t r = waitpid(pid, ret_status, WNOHANG);

	for (int i = 0; r == 0 && wait && i < END_TRIES; i++) {
		usleep(END_US);
		r = waitpid(pid, ret_status, WNOHANG);
	}
	return r != 0;
}

void fetch_helper_stop(struct fetch_helper *helper, char *why, size_t size)
{
	int status;

	if (size)
		snprintf(why, size, "it ended without a message");
	if (helper->sock >= 0)
		close(mf_steal_fd(&helper->sock));
	if (!helper->pid)
		return;
	/*
	 * a helper that exited by itself has a status to report; one that is killed here has none
	 */
	if (!has_exited(helper->pid, &status, size > 0)) {
		kill(helper->pid, SIGKILL);
		while (waitpid(helper->pid, &status, 0) < 0 && errno == EINTR)
			;
	} else if (WIFSIGNALED(status) && size) {
		snprintf(why, size, "it was ended by signal %d", WTERMSIG(status));
	} else if (WIFEXITED(status) && WEXITSTATUS(status) == MF_WIRE_ONE_USER && size) {
		snprintf(why, size,
			 "root cannot become another user here; map more than one user into this "
			 "user "
			 "namespace (unshare --map-auto), or use a file: repository");
	} else if (WIFEXITED(status) && size) {
		snprintf(why, size, "it ended with status %d", WEXITSTATUS(status));
	}
	helper->pid = 0;
}
