/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A child process that does one job and sends its result to the parent.
 *
 * The answer is the return value and the failure record, in one write to a pipe. The child exits
 * with _exit(2), so that it does not flush, unlock or remove anything of the parent's. It is not
 * killed together with the parent: its job (a package transaction) should be finished rather than
 * interrupted, and it holds the inherited locks until then.
 */
#include "modfetch/process.h"
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"

struct answer {
	int r;
	struct mf_failure failure;
};

static void answer_and_exit(struct mf_context *ctx, int fd, mf_child_work *work, void *arg)
{
	struct answer answer = { .r = work(ctx, arg) };

	answer.failure = ctx->failure;
	_exit(mf_file_write(fd, &answer, sizeof(answer)) < 0);
}

/* False: end of file or an error before the whole answer was read. */
static bool read_answer(int fd, struct answer *ret_answer)
{
	size_t got = 0;

	while (got < sizeof(*ret_answer)) {
		ssize_t n = read(fd, (char *)ret_answer + got, sizeof(*ret_answer) - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		got += (size_t)n;
	}
	return true;
}

int mf_child_run(struct mf_context *ctx, enum mf_stage stage, mf_child_work *work, void *arg)
{
	_cleanup_close_ int in = -1, out = -1;
	struct answer answer;
	int ends[2], status = 0;
	bool answered;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return mf_fail(ctx, stage, -errno, "pipe", NULL);
	in = ends[0];
	out = ends[1];
	pid = fork();
	if (pid < 0)
		return mf_fail(ctx, stage, -errno, "fork", NULL);
	if (!pid)
		answer_and_exit(ctx, out, work, arg);
	close(mf_steal_fd(&out));
	answered = read_answer(in, &answer);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!answered)
		return mf_fail(ctx, stage, -ECHILD, "transaction",
			       WIFSIGNALED(status) ? "its process was killed by signal %d"
						   : "its process exited with status %d",
			       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	ctx->failure = answer.failure;
	return answer.r;
}
