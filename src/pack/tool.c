/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The programs that pack runs: rpmbuild, createrepo_c, modifyrepo_c, gpg. They run without a shell
 * and are found in PATH, since an administrator or a build service runs pack. The stderr of a
 * program goes to a log, and the last line of that log into our error line if the program fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "modfetch/cleanup.h"
#include "modfetch/file.h"
#include "model.h"

extern char **environ;

static int tool_spawn(const struct pack_tool *tool, int out_fd, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	int r;

	if (posix_spawn_file_actions_init(&actions))
		return -ENOMEM;
	r = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (!r)
		r = posix_spawn_file_actions_adddup2(&actions, out_fd, 1);
	if (!r)
		r = posix_spawn_file_actions_addopen(&actions, 2, tool->log,
						     O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (!r)
		r = posix_spawnp(ret_pid, tool->argv[0], &actions, NULL,
				 (char *const *)(uintptr_t)tool->argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* Reads the output of the program to its end, line by line. */
static void tool_read_output(const struct pack_tool *tool, int fd)
{
	_cleanup_fclose_ FILE *in = fdopen(fd, "r");
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	ssize_t len;

	if (!in) {
		close(fd);
		return;
	}
	while ((len = getline(&line, &room, in)) > 0) {
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		if (tool->on_line)
			tool->on_line(tool->arg, line);
	}
}

/*
 * The last line of the log that is not blank, which has the reason of a failure; new memory or
 * NULL.
 */
static char *last_log_line(const char *log)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	char *start;

	if (mf_file_read_at(AT_FDCWD, log, 1U << 24, &text, &len) < 0)
		return NULL;
	while (len && (text[len - 1] == '\n' || text[len - 1] == ' '))
		text[--len] = '\0';
	start = strrchr(text, '\n');
	return strdup(start ? start + 1 : text);
}

int pack_tool_run(struct pack_tool *tool)
{
	int pipes[2], status, r;
	pid_t pid = 0;

	if (pipe2(pipes, O_CLOEXEC) < 0)
		return -errno;
	r = tool_spawn(tool, pipes[1], &pid);
	close(pipes[1]);
	if (r) {
		close(pipes[0]);
		return r;
	}
	tool_read_output(tool, pipes[0]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	tool->last_line = last_log_line(tool->log);
	return -MFE_TOOL;
}

int pack_tool_check(struct pack *pack, struct pack_tool *tool, int r)
{
	const char *why = tool->last_line && *tool->last_line ? tool->last_line
							      : "it failed without a message";

	if (r == -ENOENT)
		r = mf_fail(pack->ctx, MF_STAGE_PACK, -MFE_TOOL, tool->argv[0],
			    "there is no such program");
	else if (r == -MFE_TOOL)
		r = mf_fail(pack->ctx, MF_STAGE_PACK, r, tool->argv[0], "%s (more in %s)", why,
			    tool->log);
	else if (r < 0)
		r = mf_fail(pack->ctx, MF_STAGE_PACK, r, tool->argv[0], NULL);
	free(tool->last_line);
	tool->last_line = NULL;
	return r;
}
